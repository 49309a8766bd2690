"""The search: the same for every method, on validation ratings alone, and stopped at any time."""

import json

import numpy as np
import pytest
from small import random_ratings

from adc.balancers import SUCCESSORS
from adc.errors import UserError
from adc.evaluation import RankingTask
from adc.split import VALID
from companion import data, registry, tuned_settings
from companion.experiments import search

SMALL = {"method": "bpr", "trials": 4, "epochs": 2, "patience": 2}


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    monkeypatch.setattr(tuned_settings, "FILE", tmp_path / "tuned_settings.json")
    registry._split.cache_clear()
    yield
    registry._split.cache_clear()


def run(**settings):
    return search.search(search.configure(**SMALL | settings), show=False)


def without_seconds(trials):
    return [trial | {"train_seconds": 0} for trial in trials]


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
    assert first["parameters"] == registry.method("bpr").first_trials[0] == {}
    for trial in others:
        for name, (_, low, high) in registry.method("bpr").search_space.items():
            assert low <= trial["parameters"][name] <= high


@pytest.mark.parametrize("method", search.methods())
def test_no_trial_looks_at_a_test_rating_and_every_method_has_the_same_budget(method, monkeypatch):
    parts, ranks = set(), RankingTask.ranks
    monkeypatch.setattr(RankingTask, "ranks", lambda self, *rest: parts.add(self.part) or ranks(self, *rest))
    (trial,) = run(method=method, trials=1, hidden_layers=1)
    assert parts == {VALID} and 0 <= trial["validation"] <= 1 and len(trial["by_target"]) == 3
    usual = search.configure(method)
    assert usual["trials"] == 15 and set(usual["space"]) <= set(registry.configure(method))
    if registry.method(method).Settings().epochs > 1:
        assert (usual["fixed"]["epochs"], usual["fixed"]["patience"]) == (40, 8)


@pytest.mark.parametrize("method", ["adc", *SUCCESSORS])
def test_a_searched_balancer_trains_with_that_balancer(method, monkeypatch):
    configs, notes = [], {"validation": {"d0": 0.1}, "epochs": 1}
    trained = type("Trained", (), {"notes": notes})
    monkeypatch.setattr(registry, "fit", lambda config, **_: configs.append(config) or trained)
    run(method=method, trials=3, gamma=1.5, hidden_layers=2)
    assert {config["balancer"] for config in configs} == {"gradnorm" if method == "adc" else method}
    assert {config["hidden_layers"] for config in configs} == {2} and len(configs) == 3
    assert configs[0]["agreement_weight"] == 30 and configs[1]["learning_rate"] == 3e-5  # `first_trials`


def test_what_is_validated_is_what_training_by_hand_validates():
    (trial,) = run(trials=1)
    trained = registry.fit(registry.configure("bpr", epochs=2, patience=2), show=False)
    assert trial["validation"] == pytest.approx(np.mean(list(trained.notes["validation"].values())))


def test_the_best_is_the_first_of_the_best_and_becomes_the_methods_setting(monkeypatch):
    trials = [{"number": n, "validation": v, "parameters": {"dim": n}} for n, v in enumerate([0.1, 0.3, 0.3])]
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
    parameters = tuned_settings.parameters
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
