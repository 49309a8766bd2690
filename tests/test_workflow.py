"""The workflow before anything runs: strict parameters, profiles, command line and plan."""

from pathlib import Path

import nbformat
import pytest
from conftest import TOY_PROFILE

from adc import runs, settings, studies, train, tuned
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


def test_of_a_package_that_only_groups_modules_those_imported_count(tmp_path):
    found = source.modules(written(tmp_path, "from adc.results import depth"))
    assert {"adc.results", "adc.results.depth", "adc.results.analysis"} <= set(found) and "adc.results.maps" not in found


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
        (("{method: bpr}", "{method: bpr, only_for: twins}"), "04_baselines: only_for: unknown data source 'twins'. Did you mean 'twin'?"),
        (("{method: bpr}", "{method: bpr, not_for: amazone}"), "not_for: unknown data source 'amazone'. Did you mean 'amazon'?"),
        (("{method: bpr}", "{method: bpr, only_for: [twin, amazon]}"), "only_for: unknown data source '['twin', 'amazon']'"),
        (("notebooks:", "notebooks: ["), "not readable as YAML"),
    ],
)
def test_a_profile_is_read_strictly(tmp_path, change, told):
    file = tmp_path / "quick.yaml"
    file.write_text(TOY_PROFILE.replace(*change))
    with pytest.raises(UserError) as error:
        profile.read(file)
    assert str(error.value).startswith(str(file)) and told in str(error.value)


def test_an_entry_says_for_which_sources_and_seeds_it_is_meant(tmp_path):
    entries = "[{gamma: 0.5}, {only_for: twin, gamma: 1.0}, {not_for: twin, gamma: 1.5}, {not_for: amazon, seeds: [0, 2], gamma: 2.0}]"
    file = tmp_path / "quick.yaml"
    file.write_text(TOY_PROFILE.replace("[{hidden_layers: [2, 3], seconds: 1.0}]", entries))
    found = profile.read(file)

    def meant(source: str, seed: int) -> list[float]:
        entries = found.meant("03_train_adc", source, seed)
        assert all(set(entry) == {"gamma"} for entry in entries)  # who it is for is no parameter of the notebook
        return [entry["gamma"] for entry in entries]

    assert meant("twin", 0) == meant("twin", 2) == [0.5, 1.0, 2.0] and meant("twin", 1) == [0.5, 1.0]
    assert meant("movielens", 2) == [0.5, 1.5, 2.0] and meant("amazon", 0) == [0.5, 1.5]
    assert meant("my.csv", 1) == [0.5, 1.5]
    assert found.meant("15_own_ratings", "twin", 0) == []


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
    for number, one in enumerate(planned):
        assert set(one.after) <= set(outputs[:number])
        assert all(needed.startswith("/") or needed in outputs[:number] for needed in one.inputs)
        assert one.notebook != plan.GATHER or sorted(one.inputs) == sorted(
            other.output for other in planned if other.leaves and other.dataset == one.dataset
        )


@pytest.mark.parametrize("dataset", ["movielens", "twin"])
def test_the_quick_profile_has_the_papers_pairs_three_times(dataset):
    planned = plan.jobs(options.Options(data=[dataset]))
    (shown,) = [train.configuration(**job.parameters) for job in of(planned, "03_train_adc")]
    for seed, grid in enumerate(of(planned, plan.GRID)):  # as the grid's notebook makes its runs
        trained = [c for c in studies.together(**grid.parameters) if c["pretraining"] == "identity" and not settings.deviations(c)]
        pairs = [(c["hidden_layers"], c["gamma"]) for c in trained if c["balancer"] == "gradnorm" and not c["domains"]]
        assert {*pairs} >= {(2, 2.0), (3, 2.0), (4, 2.0), (4, 1.5), (3, 0.0)} and len({*pairs}) == len(pairs)
        assert "static" in {c["balancer"] for c in trained} and {c["seed"] for c in trained} == {seed}
        assert (runs.identity(shown) in map(runs.identity, trained)) == (seed == shown["seed"])
    assert seed == 2 and [len(of(planned, name)) for name in ("01_data", "02_mf_init")] == [1, 1]


def test_the_papers_data_takes_the_twins_place(monkeypatch, tmp_path):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    quick = profile.named("quick")
    assert plan.default_data(quick) == ["movielens", "twin"]
    (tmp_path / "data/raw/amazon").mkdir(parents=True)
    (tmp_path / "data/raw/amazon/unprocessed.tar.gz").touch()
    assert plan.default_data(quick) == ["movielens", "amazon"]


def of(planned: list[plan.Job], notebook: str) -> list[plan.Job]:
    return [job for job in planned if job.notebook == notebook]


def test_a_grid_comes_after_the_runs_of_its_seed_and_is_gathered():
    planned = plan.jobs(options.Options(data=["movielens"]))
    grids, (gather,) = of(planned, plan.GRID), of(planned, plan.GATHER)
    assert [(grid.parameters["seed"], grid.parameters["study"] == "pairs") for grid in grids] == [(0, False), (1, False), (2, True)]
    for grid in grids:
        assert grid.output.startswith("studies/movielens/") and len(grid.leaves) == 1
        same = [job.output for job in of(planned, "03_train_adc") if job.parameters["seed"] == grid.parameters["seed"]]
        assert bool(same) == (grid.parameters["seed"] == 0)
        assert set(same) <= set(grid.after) and not {job.output for job in of(planned, "04_baselines")} & set(grid.after)
    assert gather.parameters["lists"] == [grid.leaves[0] for grid in grids]
    assert {grid.output for grid in grids} <= set(gather.inputs)
    readers = [job for job in planned if gather.output in job.inputs]
    assert {"05_performance", "06_depth", "07_asymmetry", "08_sensitivity", "09_claims"} <= {job.notebook for job in readers}


def test_a_grid_is_done_again_once_the_code_that_trains_has_changed(monkeypatch):
    before = of(plan.jobs(options.Options(profile="smoke")), plan.GRID)
    monkeypatch.setattr(runs, "code_fingerprint", lambda modules: "edited")
    after = of(plan.jobs(options.Options(profile="smoke")), plan.GRID)
    assert {job.output for job in before}.isdisjoint(job.output for job in after)


@pytest.mark.parametrize("sources, times", [(["twin"], 1), (["movielens", "twin"], 1), (["movielens"], 0)])
def test_what_makes_its_own_twins_runs_once_a_call_where_the_twin_is(sources, times):
    planned = plan.jobs(options.Options(data=sources))
    wanted = set(plan.CONTROLS) & {*profile.named("quick").notebooks}
    assert [job.notebook for job in planned if job.notebook in plan.CONTROLS] == sorted(wanted) * times


def test_the_map_has_the_calls_other_datasets_on_it():
    (beside,), (alone,) = (of(plan.jobs(options.Options(data=names)), "14_map") for names in (["movielens", "twin"], ["twin"]))
    assert beside.parameters["datasets"] == "movielens" and beside.after == ["processed/movielens/01_data.html"]
    assert alone.parameters["datasets"] == "" and alone.after == []


def test_the_search_of_what_stands_on_bpr_waits_for_bprs():
    searches = {job.parameters["method"]: job for job in of(plan.jobs(options.Options("tune", "search", data=["movielens"])), plan.SEARCH)}
    assert searches["bpr"].output in searches["adc_residual"].after and searches["bpr"].output not in searches["adc"].after


def test_a_report_without_runs_before_it_waits_for_the_ratings():
    planned = plan.jobs(options.Options(profile="variant"))
    (shown,) = of(planned, "17_on_top")
    assert not of(planned, plan.GATHER) and shown.after == ["processed/movielens/01_data.html"]
    assert "profile" not in shown.parameters


def test_what_trains_by_the_settings_found_is_done_again_when_they_change():
    planned = [job for words in (("variant", []), ("quick", ["twin"])) for job in plan.jobs(options.Options(profile=words[0], data=words[1]))]
    assert {job.notebook for job in planned if str(tuned.FILE) in job.inputs} == {"12_controls", "14_map", "17_on_top"}


def test_a_checkout_that_snakemake_cannot_read_is_told(monkeypatch):
    monkeypatch.setattr(plan, "ROOT", Path("/home/me/{x}/adc"))
    with pytest.raises(UserError, match="braces.*Rename the folder"):
        plan.jobs(options.Options(profile="smoke"))


def test_a_grid_can_be_for_some_sources_only():
    planned = plan.jobs(options.Options(data=["movielens", "twin"]))  # the quick profile: the twin's are Table II's alone
    long = [grid.dataset for grid in of(planned, plan.GRID) if grid.parameters["study"] != "pairs"]
    assert long == ["movielens"] * 2
