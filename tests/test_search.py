"""The search: the same for every method, on validation ratings alone, and stopped at any time."""

import json

import numpy as np
import pytest
from small import random_ratings

from adc.balancers import OTHER_RULES
from adc.errors import UserError
from adc.evaluation import RankingTask
from adc.split import VALID
from companion import data, registry, tuned_settings
from companion.experiments import search

SMALL = {"method": "bpr", "trials": 4, "epochs": 2, "patience": 2}


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    monkeypatch.setattr(tuned_settings, "FILE", tmp_path / "tuned_settings.json")
    registry._split.cache_clear()
    yield
    registry._split.cache_clear()


def run(**settings):
    return search.search(search.configure(**SMALL | settings), show=False)


def without_seconds(trials):
    return [trial | {"train_seconds": 0, "processor_seconds": 0} for trial in trials]


def test_a_stopped_search_goes_on_as_if_it_had_not_been():
    config = search.configure(**SMALL | {"trials": 12, "epochs": 1})
    whole = search.search(config, show=False)
    for file in sorted(search.folder(config).glob("trial-*.json"))[3:]:
        file.unlink()
    again = search.search(config, show=False)
    assert without_seconds(again) == without_seconds(whole) == without_seconds(search.stored_trials(config))
    assert len({json.dumps(trial["parameters"]) for trial in whole}) == 12
    table = search.table(whole)
    assert table.index[0] == search.best(whole)["number"] and table["validation"].is_monotonic_decreasing


def test_the_first_trials_are_the_methods_own_and_the_others_stay_in_bounds():
    first, *others = run()
    space, usual = registry.method("bpr").search_space, registry.method("bpr").Settings()
    assert first["parameters"] == {name: getattr(usual, name) for name in space}
    for trial in others:
        for name, (kind, *bounds) in registry.method("bpr").search_space.items():
            value = trial["parameters"][name]
            assert value in bounds[0] if kind == "choice" else bounds[0] <= value <= bounds[1]


@pytest.mark.parametrize("method", search.methods())
def test_no_trial_looks_at_a_test_rating_and_every_method_has_the_same_budget(method, monkeypatch):
    parts, ranks = set(), RankingTask.ranks
    monkeypatch.setattr(RankingTask, "ranks", lambda self, *rest: parts.add(self.part) or ranks(self, *rest))
    (trial,) = run(method=method, trials=1, hidden_layers=1)
    assert parts == {VALID} and 0 <= trial["validation"] <= 1 and len(trial["by_target"]) == 3
    usual = search.configure(method)
    assert usual["trials"] == 60 and set(usual["space"]) <= set(registry.configure(method))
    if registry.method(method).Settings().epochs > 1:
        assert (usual["fixed"]["epochs"], usual["fixed"]["patience"]) == (80, 10)


@pytest.mark.parametrize("method", ["adc", *OTHER_RULES])
def test_a_searched_balancer_trains_with_that_balancer(method, monkeypatch):
    configs, notes = [], {"validation": {"d0": 0.1}, "epochs": 1}
    trained = type("Trained", (), {"notes": notes})
    monkeypatch.setattr(registry, "fit", lambda config, **_: configs.append(config) or trained)
    run(method=method, trials=3, gamma=1.5, hidden_layers=2)
    assert {config["balancer"] for config in configs} == {"gradnorm" if method == "adc" else method}
    assert {config["hidden_layers"] for config in configs} == {2} and len(configs) == 3
    assert configs[0]["agreement_weight"] == 30 and configs[1]["embedding_lr"] == 0.02  # `first_trials`


def test_a_trial_below_the_median_of_those_before_it_ends_early(monkeypatch):
    levels = np.linspace(0, 0.7, 8)
    before = [{"course": [value] * 12, "validation": value, "parameters": {}} for value in levels]
    config, ended = search.configure("bpr"), {}

    def fit(config, show, hopeless):
        epochs = {best: next((e for e in range(1, 13) if hopeless(e, best)), None) for best in (0.34, 0.36)}
        ended.update(epochs)
        return type("Trained", (), {"notes": {"validation": {"d0": 0.1}, "epochs": 12}})

    monkeypatch.setattr(registry, "fit", fit)
    search._try(config, {}, before)
    assert ended == {0.34: 5, 0.36: None}  # the median is .35
    search._try(config, {}, before[:7])
    assert ended == {0.34: None, 0.36: None}  # too few to tell


def test_what_is_no_result_yet_is_flagged():
    config = search.configure("bpr", epochs=40)
    low, high = registry.method("bpr").search_space["embedding_l2"][1:]
    middle = {"embedding_l2": (low * high) ** 0.5}
    trial = {"parameters": middle, "best_epoch": {"a": 3, "b": 9}, "epochs": 30}
    assert search.flags(config, trial) == []
    trial |= {"parameters": {"embedding_l2": high * 0.95}, "best_epoch": {"a": 2, "b": 9}, "epochs": 40}
    flags = ["embedding_l2 at a bound", "best epoch <= 2 for a", "ended by the limit of epochs"]
    assert search.flags(config, trial) == flags
    at_once = {"parameters": {}, "best_epoch": {"a": 1}, "epochs": 1}
    assert search.flags(search.configure("ease"), at_once) == []


def test_a_labelled_search_stands_beside_the_methods_own(monkeypatch):
    config = search.configure("adc", label="linear", hidden_layers=0, gamma=2.0, trials=1)
    trial = {"number": 0, "validation": 0.1, "parameters": {"width": 9}, "best_epoch": {}, "epochs": 1}
    monkeypatch.setattr(search, "stored_trials", lambda config: [trial])
    search.keep_best(config)
    assert registry.tuned("adc", "movielens", "linear") == {"hidden_layers": 0, "gamma": 2.0, "width": 9}
    assert registry.tuned("adc", "movielens") == registry.tuned("adc", "movielens", "deep") == {}
    assert "weight_decay" in config["space"] and "agreement_weight" in config["space"]
    fixed = search.configure("adc", agreement_weight=0.0)
    assert "agreement_weight" not in fixed["space"] and "agreement_weight" not in fixed["first"][0]


def test_what_is_validated_is_what_training_by_hand_validates():
    (trial,) = run(trials=1)
    trained = registry.fit(registry.configure("bpr", epochs=2, patience=2), show=False)
    assert trial["validation"] == pytest.approx(np.mean(list(trained.notes["validation"].values())))


def test_the_best_is_the_first_of_the_best_and_becomes_the_methods_setting(monkeypatch):
    notes = {"best_epoch": {"toys": 9}, "epochs": 1}
    values = enumerate([0.1, 0.3, 0.3])
    trials = [notes | {"number": n, "validation": v, "parameters": {"dim": n}} for n, v in values]
    assert search.best(trials)["number"] == 1
    monkeypatch.setattr(search, "stored_trials", lambda config: trials)
    search.keep_best(search.configure(**SMALL))
    assert registry.tuned("bpr", "movielens") == {"dim": 1} and registry.tuned("bpr", "twin") == {}
    assert registry.configure_tuned("bpr", "movielens", batch_users=9, hidden_layers=3)["dim"] == 1
    entry = tuned_settings.read()["movielens"]["bpr"]
    assert (entry["trials"], entry["epochs"], entry["seed"], entry["validation"]) == (4, 2, 0, 0.3)


@pytest.mark.parametrize("mistake", [{"method": "popularity"}, {"method": "brp"}, {"trails": 3}])
def test_mistakes_are_told(mistake):
    with pytest.raises(UserError, match="popularity|Did you mean 'bpr'|trails"):
        search.configure(**SMALL | mistake)


def test_settings_are_stored_by_dataset_and_method_and_shared_by_twins():
    parameters = lambda dataset, name: registry.tuned(name, dataset)
    write = lambda dataset, name, **settings: tuned_settings.write(dataset, name, {"parameters": settings})
    write("twin-s0.03", "bpr", embedding_l2=0.5), write("movielens", "bpr", embedding_l2=0.25)
    write("twin-study-0123abcd", "bpr", embedding_l2=0.1)  # a reader's own file
    for name in ("twin", "twin-s0.1-t0.9", "twin-s0.03-t1e-05-a2.0", "twin-seed12345678"):
        assert parameters(name, "bpr") == {"embedding_l2": 0.5}
    assert parameters("movielens", "bpr") == {"embedding_l2": 0.25}
    assert parameters("twin-89abcdef", "bpr") == parameters("movielens", "adc") == {}
    write("twin", "adc", gamma=1.0)
    assert parameters("twin", "static") == parameters("twin", "pcgrad") == {"gamma": 1.0}
    write("twin", "pcgrad", width=100)  # searched by itself
    assert parameters("twin", "static") == {"gamma": 1.0} and parameters("twin", "pcgrad") == {"width": 100}
