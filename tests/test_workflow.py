"""Before anything runs: strict parameters, strict profiles, and what the real profiles are."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import ROOT

from adc.errors import UserError
from companion import execute, profile

PROFILES = sorted((ROOT / "notebooks" / "profiles").glob("*.yaml"))


def written(tmp_path, *cells: str) -> Path:
    """A notebook with these parameters cells."""
    tagged = [nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]}) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=tagged), tmp_path / "07_toy.ipynb")
    return tmp_path / "07_toy.ipynb"


def test_parameters_are_the_defaults_with_what_is_given(tmp_path):
    notebook = written(tmp_path, "seed = 0\ngamma = 2.0\nnames = ['x']\nnone = []\noffset = -1")
    known = execute.check(notebook, {"gamma": 1.5, "names": ["y", "z"], "none": [1]}, "here")
    assert known == {"seed": 0, "gamma": 1.5, "names": ["y", "z"], "none": [1], "offset": -1}


@pytest.mark.parametrize("given, message", [
    ({"gama": 2.0}, "no parameter 'gama'. Did you mean 'gamma'?"),
    ({"gamma": 2}, "expected float, as in its default 2.0. Write 2.0."), ({"seed": True}, "expected int"),
    ({"seed": "0"}, "expected int"), ({"names": "x"}, "expected list"),
    ({"names": [1]}, "expected list, as in its default ['x']"), ({"flag": None}, "expected bool"),
])  # fmt: skip
def test_an_unknown_or_mistyped_parameter_is_refused(tmp_path, given, message):
    notebook = written(tmp_path, "seed = 0\ngamma = 2.0\nnames = ['x']\nflag = True")
    with pytest.raises(execute.ExecutionError, match="^profile x: ") as error:
        execute.check(notebook, given, "profile x")
    assert message in str(error.value)


@pytest.mark.parametrize("cell", ["a = 1 + n", "a = b = 1", "import os", "a: int = 1", "print(1)", "a = f()"])
def test_parameters_are_literals(tmp_path, cell):
    with pytest.raises(execute.ExecutionError, match="expected `name = literal`"):
        execute.defaults(written(tmp_path, cell))


def test_exactly_one_parameters_cell(tmp_path):
    for cells in ([], ["a = 1", "b = 2"]):
        with pytest.raises(execute.ExecutionError, match="expected one"):
            execute.defaults(written(tmp_path, *cells))


def test_a_digest_is_of_the_source_and_of_nothing_else(tmp_path):
    notebook = written(tmp_path, "a = 1")
    before, content = execute.digest(notebook), nbformat.read(notebook, as_version=4)
    content.cells[0].outputs = [nbformat.v4.new_output("stream", text="x")]
    nbformat.write(content, notebook)
    assert execute.digest(notebook) == before
    assert execute.digest(written(tmp_path, "a = 2")) != before


def planned(text: str) -> dict[str, dict]:
    return profile.jobs(yaml.safe_load(text))


SMALL = "profile: x\ndata: [movielens, twin]\n"


@pytest.mark.parametrize("text, message", [
    ("profile: x\ndata: [movielens]\nsedes: [0]", "unknown key 'sedes'"),
    ("profile: x", "data: expected a list, found None"),
    ("profile: x\ndata: movielens", "data: expected a list"),
    ("profile: x\ndata: [movielense]", "Did you mean 'movielens'?"),
    ("profile: x\ndata: [/no/such.csv]", "neither a known source nor a file"),
    ("profile: x\ndata: [movielens]\ndevice: gpu", "Unknown device 'gpu'"),
    (SMALL + "05_performence: {}", "Did you mean '05_performance'?"),
    (SMALL + "05_performance: [1]", "05_performance: expected a dict"),
    (SMALL + "05_performance: {only_for: twins}", "unknown source 'twins'. Did you mean 'twin'?"),
    (SMALL + "02_mf_init: {dims: 8}", "02_mf_init has no parameter 'dims'. Did you mean 'dim'?"),
    (SMALL + "04_baselines: {methods: bpr}", "parameter 'methods' of 04_baselines is 'bpr' (str)"),
    (SMALL + "03_train_adc: {gamma: 1}", "Write 1.0."),
    ("profile: x\ndata: [twin-t7]", "twin: transfer is 7.0. Give a number from 0 to 1."),
    ("profile: x\ndata: [twin-x3]", "Did you mean 'twin'? Known: movielens, insteval,"),
])  # fmt: skip
def test_a_profile_is_read_strictly(text, message):
    with pytest.raises((UserError, execute.ExecutionError)) as error:
        planned(text)
    assert message in str(error.value)


def test_a_key_says_for_which_source_and_what_runs_side_by_side():
    result = planned(
        "profile: x\ndata: [movielens, twin-s0.50]\n"
        + "03_train_adc-deep: {not_for: [twin, control], hidden_layers: [3, 4], seed: [0, 1], gamma: 1.5}\n"
        + "04_baselines: {one_job_each: seeds, seeds: [0, 2], methods: [bpr, ease]}\n"
        + "04_baselines-ratings: {only_for: twin, seeds: [0, 2], methods: [clfm], objective: ratings}\n"
    )
    deep = [f"03_train_adc-deep-hidden_layers{h}-seed{s}" for h in (3, 4) for s in (0, 1)]
    seeds = ["04_baselines-seed0", "04_baselines-seed2"]
    assert {dataset: [*jobs] for dataset, jobs in result.items()} == {
        "movielens": ["01_data", *deep, *seeds],
        "twin-s0.5": ["01_data", *seeds, "04_baselines-ratings"],
    }
    assert result["movielens"][deep[2]] == {
        "dataset": "movielens", "hidden_layers": 4, "seed": 0, "gamma": 1.5, "searched": True,
        "run_list": f"executed/x/movielens/{deep[2]}.runs.json",
    }  # fmt: skip
    assert result["twin-s0.5"][seeds[1]]["seeds"] == [2]
    assert result["twin-s0.5"][seeds[1]]["methods"] == ["bpr", "ease"]
    assert result["twin-s0.5"]["04_baselines-ratings"]["seeds"] == [0, 2]


def test_the_papers_data_takes_the_twins_place_once_it_is_at_hand(home):
    text = "profile: x\ndata: [movielens, amazon or twin]"
    assert [*planned(text)] == ["movielens", "twin"]
    (home / "data/raw/amazon").mkdir(parents=True)
    (home / "data/raw/amazon/unprocessed.tar.gz").touch()
    assert [*planned(text)] == ["movielens", "amazon"]


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_fits_the_notebooks(path):
    text = path.read_text(encoding="utf-8")
    config, keys = yaml.safe_load(text), re.findall(r"^(\w[^:]*):", text, flags=re.MULTILINE)
    assert config["profile"] == path.stem and len({*keys}) == len(keys)  # YAML would take the last of two
    assert profile.jobs(config)


def test_the_quick_profile_has_table_2_three_times_and_about_thirty_jobs():
    jobs = profile.jobs(yaml.safe_load((ROOT / "notebooks/profiles/quick.yaml").read_text()))
    assert sum(map(len, jobs.values())) < 36 and "12_controls" in jobs.pop("control")
    for dataset in jobs.values():
        studies = [given for job, given in dataset.items() if job.startswith("13")]
        rivals = [given for job, given in dataset.items() if job.startswith("04")]
        rivals = [given for given in rivals if len(given["methods"]) == 11]
        of = lambda result: sorted(seed for given in result for seed in given["seeds"])
        studies = [given for given in studies if "asymmetry" in given["studies"]]  # ADC and equal weights
        assert of(studies) == of(rivals) == [0, 1, 2]


def test_every_notebook_has_a_rule_and_runs_in_some_profile():
    rules = (ROOT / "notebooks" / "Snakefile").read_text(encoding="utf-8")
    keys = {key.partition("-")[0] for path in PROFILES for key in yaml.safe_load(path.read_text())}
    for name, path in execute.notebooks().items():
        assert f"/{path.relative_to(ROOT / 'notebooks').as_posix()}" in rules and name in keys
