"""The search: the same for every method, on validation ratings alone, and the same whether or not it was stopped."""

import json

import numpy as np
import pytest
from small import random_ratings

from adc import baselines, data, evaluate, looks, settings, train, tune, tuned
from adc.balancers import RIVALS
from adc.errors import UserError
from adc.split import TEST

SMALL = {"method": "bpr", "trials": 4, "epochs": 2, "patience": 2}


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    monkeypatch.setattr(tuned, "FILE", tmp_path / "tuned.json")


def plain(trials):
    return [{key: value for key, value in trial.items() if key != "train_seconds"} for trial in trials]


def test_a_stopped_search_goes_on_as_if_it_had_not_been(tmp_path):
    config = tune.configuration(**SMALL | {"trials": 12, "epochs": 1})
    whole = tune.search(config, show=False)
    for file in sorted(tune.folder(config).glob("trial-*.json"))[3:]:
        file.unlink()
    assert plain(tune.search(config, show=False)) == plain(whole) == plain(tune.trials(config))
    assert len({json.dumps(trial["parameters"]) for trial in whole}) == 12


def test_the_first_trial_is_the_defaults_and_all_stay_in_bounds():
    trials = tune.search(tune.configuration(**SMALL), show=False)
    assert trials[0]["parameters"] == {}
    for trial in trials[1:]:
        for name, (_, low, high) in baselines.METHODS["bpr"].SPACE.items():
            assert low <= trial["parameters"][name] <= high


@pytest.mark.parametrize("method", tune.methods())
def test_no_trial_sees_a_test_rating(method, monkeypatch):
    parts_seen, original = [], evaluate.Questions.ranks

    def spy(self, *rest):
        parts_seen.append(self.part)
        return original(self, *rest)

    monkeypatch.setattr(evaluate.Questions, "ranks", spy)
    config = tune.configuration(**SMALL | {"method": method, "trials": 1, "hidden_layers": 1})
    (trial,) = tune.search(config, show=False)
    assert parts_seen and TEST not in parts_seen
    assert 0 <= trial["validation"] <= 1 and len(trial["by_target"]) == 3


@pytest.mark.parametrize("method", tune.methods())
def test_spaces_hold_the_defaults_names_and_everyone_gets_the_same_budget(method):
    config = tune.configuration(method=method)
    known = train.configuration() if method in (*tune.NETWORKS, "adc_residual") else baselines.parameters(method)
    assert set(config["space"]) <= set(known)
    assert (config["trials"], config["epochs"], config["patience"]) == (15, 40, 8)


@pytest.mark.parametrize("method", tune.methods())
def test_every_searched_method_has_a_name_for_titles(method):
    assert looks.label(method) != method or method == "uncertainty"


def test_a_searched_balancer_trains_with_that_balancer():
    configs = {name: tune.trial_configuration(tune.configuration(method=name), {}) for name in tune.NETWORKS}
    assert {name: config["balancer"] for name, config in configs.items()} == {name: name for name in RIVALS} | {"adc": "gradnorm"}
    assert all(config["known"] == settings.KNOWN for config in (tune.configuration(method=name) for name in tune.NETWORKS))


def test_what_is_validated_is_what_training_by_hand_validates():
    (trial,) = tune.search(tune.configuration(**SMALL | {"trials": 1}), show=False)
    run = baselines.run(baselines.configuration(method="bpr", epochs=2, patience=2), show=False)
    assert trial["validation"] == pytest.approx(np.mean(list(run.metrics["validation"].values())))


def test_the_best_is_the_first_of_the_best():
    trials = [{"number": n, "validation": v, "parameters": {}} for n, v in enumerate([0.1, 0.3, 0.3, 0.2])]
    assert tune.best(trials)["number"] == 1


def test_mistakes_are_told():
    with pytest.raises(UserError, match="popularity"):
        tune.configuration(method="popularity")
    with pytest.raises(UserError, match="trails"):
        tune.configuration(trails=3)


def test_found_settings_are_kept_by_dataset_and_method_and_shared_by_twins():
    assert tuned.parameters("movielens", "bpr") == {}
    tuned.write("twin-s0.03", "bpr", {"parameters": {"penalty": 0.5}, "trials": 3})
    tuned.write("movielens", "bpr", {"parameters": {"penalty": 0.25}})
    assert tuned.parameters("twin-s0.1-t0.9", "bpr") == tuned.parameters("twin", "bpr") == {"penalty": 0.5}
    tuned.write("twin", "adc", {"parameters": {"gamma": 1.0}})
    assert tuned.parameters("twin", "static") == tuned.parameters("twin", "pcgrad") == {"gamma": 1.0}  # not searched
    tuned.write("twin", "pcgrad", {"parameters": {"width": 100}})
    assert tuned.parameters("twin", "static") == {"gamma": 1.0} and tuned.parameters("twin", "pcgrad") == {"width": 100}
    assert tuned.parameters("movielens", "bpr") == {"penalty": 0.25} and tuned.parameters("movielens", "adc") == {}


def test_a_file_that_is_called_twin_is_none():
    tuned.write("twin", "bpr", {"parameters": {"penalty": 0.5}})
    tuned.write("twin-study-0123abcd", "bpr", {"parameters": {"penalty": 0.1}})
    assert tuned.parameters("twin", "bpr") == {"penalty": 0.5} and tuned.parameters("twin-89abcdef", "bpr") == {}
    for name in ("twin-s0.03-t1e-05-a2.0", "twin-seed12345678"):
        assert tuned.parameters(name, "bpr") == {"penalty": 0.5}
