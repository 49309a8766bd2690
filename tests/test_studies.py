"""The studies of the parameter analysis: which runs they have, where their list lies, and when it is out of date."""

import json

import pytest
from small import random_ratings

from adc import data, paths, report, runs, settings, studies, tuned
from adc.balancers import RIVALS
from adc.errors import UserError

GIVEN = {"dataset": "tiny", "seed": 0, "study": "asymmetry, depth", "depths": "1, 3", "gammas": "0, 2", "epochs": 2, "device": "cpu"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    return tmp_path


def test_studies_together_have_each_run_once():
    configs = studies.together(**GIVEN)
    assert len({runs.identity(config) for config in configs}) == len(configs)
    told = {(c["method"], c["hidden_layers"], c["gamma"], c["pretraining"]) for c in configs}
    assert told == {
        ("adc", 3, 0.0, "identity"), ("adc", 3, 2.0, "identity"), ("static", 3, 0.0, "identity"),
        ("adc", 1, 2.0, "none"), ("adc", 3, 2.0, "none"),
    }  # fmt: skip
    assert {config["epochs"] for config in configs} == {2}


def test_the_pairs_are_what_table_2_is_made_of():
    sizes = {name: size for size, name in enumerate(("toys", "kitchen", "dvd", "music"))}
    made = {(c["hidden_layers"], c["gamma"]) for c in studies.together("pairs", dataset="tiny", seed=0) if c["balancer"] == "gradnorm"}
    assert made == {*report.paper_setting(sizes).values(), (studies.BASE["hidden_layers"], 0.0)}


def test_an_empty_grid_is_the_studys_own():
    given = GIVEN | {"depths": "", "gammas": ""}
    configs = studies.together(**given)
    assert {c["gamma"] for c in configs if c["method"] == "adc"} == set(studies.GAMMAS)
    assert {c["hidden_layers"] for c in configs} == {1, 2, 3, 4, 5}


def test_the_gammas_are_those_of_the_sets_too(monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings(domains=4))
    configs = studies.together(**GIVEN | {"study": "sets"})
    assert {c["gamma"] for c in configs if c["method"] == "adc"} == {0.0, 2.0}
    assert len({c["domains"] for c in configs}) == 3 and len(configs) == 9


@pytest.mark.parametrize("change", [{"gammas": "0; 2"}, {"depths": "1.5"}, {"study": "dept"}])
def test_a_slip_in_a_grid_or_a_study_is_told(change):
    with pytest.raises(UserError, match="gammas='0; 2'|depths='1.5'|Unknown study 'dept'"):
        studies.together(**GIVEN | change)


def test_the_place_of_a_list_changes_with_what_its_runs_depend_on(monkeypatch):
    usual = studies.place(GIVEN)
    assert usual.parent == paths.home() / "data/studies/tiny" and usual.name.startswith("asymmetry-depth-")
    assert studies.place(GIVEN | {"device": "cuda"}) == usual
    assert studies.place(GIVEN | {"seed": 1}) != usual and studies.place(GIVEN | {"gammas": "0"}) != usual
    monkeypatch.setattr(studies.tuned, "parameters", lambda dataset, method: {"width": 7})
    searched = studies.place(GIVEN)
    assert searched != usual
    monkeypatch.setattr(runs, "code_fingerprint", lambda modules: "edited")
    assert studies.place(GIVEN) not in (usual, searched)


def test_a_balancer_is_trained_by_what_its_own_search_found_which_is_no_deviation(monkeypatch):
    found = {"adc": {"width": 7}, "pcgrad": {"width": 9}}
    monkeypatch.setattr(tuned, "parameters", lambda dataset, method: found.get(method, found["adc"]))
    configs = studies.together(**GIVEN | {"study": "balancing"})
    assert {c["method"]: c["width"] for c in configs} == dict.fromkeys(["adc", "static", *RIVALS], 7) | {"pcgrad": 9}
    assert not any(settings.deviations(c) for c in configs)
    assert settings.deviations(configs[0] | {"width": 9}) == ["width=9"]


def test_every_balancer_and_every_module_that_trains_counts():
    balancers = {f"adc.balancers.{name}" for name in ("pcgrad", "famo")}
    assert {*settings.CODE, *balancers, "adc.studies"} <= set(studies.CODE)


def test_the_list_names_the_run_folders_below_data(home):
    config = {"method": "adc", "variant": "h=1", "domains": "", "dataset": "tiny"}
    metrics = {"epochs": 3, "train_seconds": 1.5, "diverged": False, "validation": {"a": 0.1, "b": 0.3}}
    done = [runs.Run(home / "data" / "runs" / "tiny" / "adc-1", config, metrics)]
    studies.note(GIVEN, done)
    assert json.loads((studies.place(GIVEN) / "runs.json").read_text()) == ["runs/tiny/adc-1"]
    row = studies.table(done).iloc[0]
    assert row["domains"] == "all" and row["validation"] == pytest.approx(0.2) and not row["diverged"]
