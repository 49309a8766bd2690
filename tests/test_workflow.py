"""The workflow before anything runs: strict parameters, profiles, command line and plan."""

import nbformat
import pytest
from conftest import TOY_PROFILE

from adc.errors import UserError
from workflow import options, plan, profile, source


# Parameters


def written(tmp_path, *cells: str):
    """A notebook with these parameters cells."""
    tagged = [nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]}) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=tagged), tmp_path / "07_toy.ipynb")
    return tmp_path / "07_toy.ipynb"


def test_parameters_are_the_defaults_with_what_is_given(tmp_path):
    notebook = written(tmp_path, "seed = 0\ngamma = 2.0\nname = 'x'\nflag = True\noffset = -1")
    assert source.check(notebook, {"gamma": 1.5}, "here") == {
        "seed": 0,
        "gamma": 1.5,
        "name": "x",
        "flag": True,
        "offset": -1,
    }


@pytest.mark.parametrize(
    "given, told",
    [
        ({"gama": 2.0}, "no parameter 'gama'. Did you mean 'gamma'?"),
        ({"gamma": 2}, "expected float, as in its default 2.0. Write 2.0."),
        ({"seed": True}, "expected int"),
        ({"seed": "0"}, "expected int"),
        ({"flag": 1}, "expected bool"),
        ({"name": None}, "expected str"),
    ],
)
def test_an_unknown_or_mistyped_parameter_is_refused(tmp_path, given, told):
    notebook = written(tmp_path, "seed = 0\ngamma = 2.0\nname = 'x'\nflag = True")
    with pytest.raises(UserError, match="^profile x: ") as error:
        source.check(notebook, given, "profile x")
    assert told in str(error.value)


@pytest.mark.parametrize(
    "cell", ["a = [1]", "a = 1 + n", "a = b = 1", "import os", "a: int = 1", "print(1)"]
)
def test_parameters_are_flat_literals(tmp_path, cell):
    with pytest.raises(UserError, match="expected `name = literal`"):
        source.parameters(written(tmp_path, cell))


def test_exactly_one_parameters_cell(tmp_path):
    for cells in ([], ["a = 1", "b = 2"]):
        with pytest.raises(UserError, match="expected exactly one"):
            source.parameters(written(tmp_path, *cells))


def test_a_notebooks_modules_are_followed_and_its_hash_is_of_its_source(tmp_path):
    notebook = written(tmp_path, "a = 1")
    found = nbformat.read(notebook, as_version=4)
    before = source.digest(notebook)
    found.cells.append(nbformat.v4.new_code_cell("%matplotlib inline\nfrom adc import split"))
    nbformat.write(found, notebook)
    assert source.digest(notebook) != before
    assert {"adc.split", "adc.data", "adc.data.schema", "adc.data.movielens", "adc.errors"} <= set(
        source.modules(notebook)
    )
    assert "adc.balancer" not in source.modules(notebook)


# Profiles and the command line


@pytest.mark.parametrize(
    "change, told",
    [
        (("seeds:", "sedes:"), "unknown key 'sedes'. Did you mean 'seeds'?"),
        (("seeds: [0]", ""), "the key 'seeds' is missing"),
        (("[0]", "[0, 0]"), "different whole numbers"),
        (("[0]", "[0.5]"), "different whole numbers"),
        (("[0]", "3"), "different whole numbers"),
        (("[movielens]", "[movielense]"), "Did you mean 'movielens'?"),
        (("data: {}", "data: {twins: {}}"), "Did you mean 'twin'?"),
        (("  04_baselines: [{method: bpr}]", "  02_mf_init: []"), "'02_mf_init' stands there twice"),
        (("04_baselines: [{method: bpr}]", "04_baselines: {method: bpr}"), "04_baselines: expected a list"),
        (("notebooks:", "notebooks: ["), "not readable as YAML"),
    ],
)
def test_a_profile_is_read_strictly(tmp_path, change, told):
    file = tmp_path / "quick.yaml"
    file.write_text(TOY_PROFILE.replace(*change))
    with pytest.raises(UserError) as error:
        profile.read(file)
    assert str(error.value).startswith(str(file)) and told in str(error.value)


def test_lists_in_an_entry_are_multiplied_out():
    assert profile.expand({"a": [1, 2], "b": 3}) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    assert profile.expand({}) == [{}]


@pytest.mark.parametrize(
    "words, told",
    [
        (["--profil", "quick"], "Unknown option '--profil'. Did you mean '--profile'?"),
        (["--profile", "smok"], "Unknown profile 'smok'. Did you mean 'smoke'?"),
        (["--device=gpu"], "Unknown device 'gpu'"),
        (["--cores", "0"], "expected 1 or more"),
        (["--data", "movielense"], "Did you mean 'movielens'?"),
        (["rendre"], "Unknown command 'rendre'. Did you mean 'render'?"),
        (["--profile"], "expected one argument"),
    ],
)
def test_a_slip_on_the_command_line_exits_with_2(capsys, words, told):
    with pytest.raises(SystemExit) as stop:
        options.parse(words)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and told in said and said.count("\n") == 1


def test_words_after_two_dashes_are_snakemakes(tmp_path):
    file = tmp_path / "ratings ü.csv"
    file.touch()
    asked = options.parse(["--data", str(file), "--data", "twin", "--", "--forceall", "--data"])
    assert (
        asked.data == [str(file.resolve()), "twin"]
        and asked.extra == ["--forceall", "--data"]
        and asked.profile == "quick"
    )


# The plan of the real profiles


@pytest.mark.parametrize("name", options.profiles())
def test_every_profile_fits_the_notebooks(name):
    planned = plan.jobs(options.Options(profile=name))
    outputs = [job.output for job in planned]
    assert len(set(outputs)) == len(outputs)
    for number, job in enumerate(planned):
        assert set(job.after) <= set(outputs[:number])
        assert all(needed.startswith("/") or needed in outputs[:number] for needed in job.inputs)
        assert job.notebook != plan.GATHER or sorted(job.inputs) == sorted(
            other.output for other in planned if other.leaves and other.dataset == job.dataset
        )


def test_the_quick_profile_has_the_papers_pairs_three_times():
    planned = plan.jobs(options.Options(data=["movielens"]))
    trained = [job.parameters for job in planned if job.notebook == "03_train_adc"]
    pairs = {(p["hidden_layers"], p["gamma"]) for p in trained if p["balancer"] == "gradnorm"}
    assert pairs >= {(2, 2.0), (3, 2.0), (4, 2.0), (4, 1.5)}
    assert {p["seed"] for p in trained} == {0, 1, 2}
    assert sum(job.notebook == "01_data" for job in planned) == 1


def test_the_papers_data_takes_the_twins_place(monkeypatch, tmp_path):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    quick = profile.named("quick")
    assert plan.default_data(quick) == ["movielens", "twin"]
    (tmp_path / "data/raw/amazon").mkdir(parents=True)
    (tmp_path / "data/raw/amazon/unprocessed.tar.gz").touch()
    assert plan.default_data(quick) == ["movielens", "amazon"]
