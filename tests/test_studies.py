"""The studies of the parameter analysis: which runs they have, each once, and with which settings."""

from operator import itemgetter

import pytest
from small import random_ratings

from adc.balancers import OTHER_RULES
from adc.errors import UserError
from companion import adc_method, data, registry, runs
from companion.analysis import report
from companion.experiments import studies
from companion.registry import BASE


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings(domains=4))


def configure(*names, **options):
    return studies.configurations(names, "tiny", 0, epochs=2, device="cpu", **options)


def test_studies_together_have_each_run_once():
    configs = configure("asymmetry", "depth", "pretraining", depths=[1, 3], gammas=[0.0, 2.0])
    assert len({runs.identity(config) for config in configs}) == len(configs)
    names = ("method", "hidden_layers", "gamma", "pretraining")
    assert set(map(itemgetter(*names), configs)) == {
        ("adc", 3, 0.0, "identity"), ("adc", 3, 2.0, "identity"), ("static", 3, 0.0, "identity"),
        ("adc", 1, 2.0, "none"), ("adc", 3, 2.0, "none"),
    }  # fmt: skip
    assert {config["epochs"] for config in configs} == {2}


def test_the_pairs_are_what_table_2_is_made_of():
    sizes = {name: size for size, name in enumerate(("toys", "kitchen", "dvd", "music"))}
    pairs = {(config["hidden_layers"], config["gamma"]) for config in configure("pairs")}
    assert pairs == {*report.paper_settings(sizes).values()}
    equal = {config["hidden_layers"] for config in configure("equal_weights") if config["method"] == "static"}
    assert equal == {h for h, _ in pairs}


def test_the_grids_are_the_papers_where_none_is_given():
    configs = [config for config in configure("depth", "asymmetry") if config["method"] == "adc"]
    assert {config["gamma"] for config in configs} == set(studies.GAMMAS)
    assert {config["hidden_layers"] for config in configs} == {1, 2, 3, 4, 5}


def test_the_sets_are_the_papers_by_their_rule_and_have_the_gammas():
    sizes = {"c": 30, "a": 100, "d": 20, "b": 50, "e": 10}
    assert studies.sets(sizes) == {"Set 1": ["a", "b"], "Set 2": ["c", "d", "e"], "Set 3": ["a", "e"]}
    assert studies.sets({"a": 2, "b": 1}) == {}
    configs = configure("sets", gammas=[0.0, 2.0])
    assert {config["gamma"] for config in configs if config["method"] == "adc"} == {0.0, 2.0}
    assert len({config["domains"] for config in configs}) == 3 and len(configs) == 9


def test_every_starred_reading_is_in_its_study_once():
    configs = configure("readings")
    base = registry.configure("adc", "tiny", **BASE | {"epochs": 2, "device": "cpu"})
    expected = [registry.configure("adc", "tiny", **BASE | {"epochs": 2, "device": "cpu"} | change)
                for _, change, _ in adc_method.STARRED]  # fmt: skip
    assert configs[0] == base and len(configs) == len({runs.identity(config) for config in configs})
    assert all(config in configs for config in expected)
    assert len(configs) == 1 + sum(config != base for config in expected)


def test_a_balancer_is_trained_by_what_its_own_search_found_which_is_nothing_unusual(monkeypatch):
    settings = {"adc": {"width": 7}, "pcgrad": {"width": 9}}
    tuned = lambda name, dataset, label="": settings.get(name, settings["adc"])
    monkeypatch.setattr(registry, "tuned", tuned)
    configs = studies.configurations(["balancing"], "tiny", 0)
    widths = {config["method"]: config["width"] for config in configs}
    assert widths == dict.fromkeys(["adc", "static", *OTHER_RULES], 7) | {"pcgrad": 9}
    assert not any(registry.unusual(config) for config in configs)
    assert registry.unusual(configs[0] | {"width": 9}) == {"width": 9}


def test_domains_alone_have_the_settings_for_sparse_ratings_where_none_were_searched():
    alone, joint = configure("alone"), configure("joint")
    assert {config["domains"] for config in alone} == {"d0", "d1", "d2", "d3"} and len(alone) == 8
    assert {config["domains"] for config in joint} == {""} and len(joint) == 4
    assert any(adc_method.SPARSE.items() <= config.items() for config in alone)


@pytest.mark.parametrize(("names", "options"), [(["dept"], {}), (["depth"], {"depths": [1.5]}),
                                                (["depth"], {"depth": [1]})])  # fmt: skip
def test_a_slip_is_told(names, options):
    with pytest.raises(UserError, match="Unknown study 'dept'|hidden_layers=1.5|setting 'depth'"):
        configure(*names, **options)


def test_runs_are_trained_in_order_and_listed(monkeypatch):
    metrics = {"epochs": 3, "train_seconds": 1.5, "diverged": False, "validation": {"a": 0.1, "b": 0.3}}
    monkeypatch.setattr(registry, "train", lambda config, show: runs.Run(None, config, metrics))
    configs = configure("larger")
    done = studies.train(configs, show=False)
    assert [run.config for run in done] == configs
    row = studies.table(done).iloc[0]
    assert row["domains"] == "all" and row["validation"] == pytest.approx(0.2) and not row["diverged"]
