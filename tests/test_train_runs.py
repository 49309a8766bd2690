"""Runs of ADC: the same to the last bit, trained once, whole, and that it learns. Synthetic ratings only."""

import json

import numpy as np
import pytest
import torch
from small import block_ratings, random_ratings

from adc import data, train
from adc.errors import UserError
from adc.evaluate import Questions
from adc.settings import configuration
from adc.split import VALID, split

QUICK = dict(dim=6, epochs=3, batch_users=16, negatives=3, pretraining_epochs=1, device="cpu")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Runs go to a folder of their own, and every dataset is the same 3 tiny synthetic domains."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    return tmp_path


def values(run):
    """What two runs of one configuration must share to the last bit."""
    metrics = {name: value for name, value in run.metrics.items() if "seconds" not in name}
    return (
        json.dumps(metrics),
        run.history.to_csv(),
        run.users.to_csv(),
        {name: a.tobytes() for name, a in run.model.items()},
    )


def test_the_same_configuration_gives_the_same_run_to_the_last_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())

    def made_in(place, **settings):
        monkeypatch.setenv("ADC_HOME", str(tmp_path / place))
        torch.rand(3), np.random.rand(3)  # what was drawn before must not matter
        return values(train.run(configuration(**QUICK | settings), show=False))

    first = made_in("one", seed=1)
    assert first == made_in("two", seed=1)
    assert first[0] != made_in("three", seed=2)[0]


def test_a_stored_run_is_returned_and_not_trained_again(tiny, monkeypatch):
    config = configuration(**QUICK)
    first = train.run(config, show=False)
    monkeypatch.setattr(train, "Trainer", None)
    again = train.run(configuration(**QUICK), show=False)
    assert again.folder == first.folder and values(again) == values(first)
    assert train.run(configuration(**QUICK | {"device": "auto"}), show=False).folder == first.folder
    with pytest.raises(TypeError):
        train.run(configuration(**QUICK | {"gamma": 1.0}), show=False)


def test_a_run_holds_what_the_contract_says(tiny):
    run = train.run(configuration(**QUICK), show=False)
    assert run.folder.parent == tiny / "data" / "runs" / "movielens" and run.folder.name.startswith("adc-")
    history = run.history
    assert {"epoch", "domain", "loss", "weight", "norm", "target", "rate", "validation"} <= set(history.columns)
    assert len(history) == 3 * run.metrics["epochs"] and history.notna().all(axis=None)
    assert {entry["target"] for entry in run.metrics["values"]} == {"d0", "d1", "d2"}
    assert not run.metrics["diverged"] and set(run.metrics["best_epoch"]) == {"d0", "d1", "d2"}
    n, m = len(random_ratings().users), len(random_ratings().items[0])
    assert run.model["user.d0"].shape == (n, 6) and run.model["item.d0"].shape == (m, 6)
    assert set(run.users["user"]) <= set(random_ratings().users)


@pytest.mark.parametrize("balancer", ["gradnorm", "static"])
def test_one_domain_alone_can_be_trained(tiny, balancer):
    run = train.run(configuration(**QUICK, domains="d1", balancer=balancer), show=False)
    assert (run.history["weight"] == 1).all() and set(run.history["domain"]) == {"d1"}
    assert not run.metrics["diverged"]


def test_some_domains_can_be_chosen_and_an_unknown_one_is_refused(tiny):
    run = train.run(configuration(**QUICK, domains="d2, d0"), show=False)
    assert set(run.history["domain"]) == {"d0", "d2"} and run.history["weight"].iloc[:2].sum() == pytest.approx(2)
    with pytest.raises(UserError, match="Unknown domain 'd7'.*d0, d1, d2"):
        train.run(configuration(**QUICK, domains="d0,d7"), show=False)


@pytest.mark.parametrize("batch_users", [16, 1000])  # several steps an epoch, or one that leaves its loss finite
@pytest.mark.parametrize("pretraining", ["none", "identity"])
@pytest.mark.parametrize("rate", [1e3, 1e6])
def test_a_diverging_run_is_stored_as_diverged(tiny, rate, pretraining, batch_users):
    fast = {"optimizer": "sgd", "learning_rate": rate, "vector_rate": rate, "agreement": 1.0}
    settings = QUICK | {"epochs": 40, "pretraining": pretraining, "batch_users": batch_users} | fast
    run = train.run(configuration(**settings), show=False)
    assert run.metrics["diverged"] is True
    assert run.metrics["epochs"] < 40 and (run.history["epoch"] == run.metrics["epochs"]).sum() == 3
    found = [entry["value"] for entry in run.metrics["values"] if entry["value"] is not None]
    assert found and np.isfinite(found).all()


@pytest.mark.parametrize("balancer", ["gradnorm", "static"])
def test_adc_learns(tmp_path, monkeypatch, balancer):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: block_ratings())
    settings = dict(
        dim=16,
        epochs=25,
        hidden_layers=2,
        learning_rate=3e-3,
        vector_rate=1e-2,
        agreement=0.01,
        batch_users=32,
        device="cpu",
    )
    run = train.run(configuration(balancer=balancer, gamma=1.0, **settings), show=False)
    untrained = train.learner(configuration(**QUICK | {"dim": 16, "pretraining": "none"}), split(block_ratings(), 0))
    wanted = {"protocol": "full", "metric": "ndcg", "n": 10, "group": "all"}
    found = {entry["target"]: entry["value"] for entry in run.metrics["values"] if wanted.items() <= entry.items()}
    for k, target in enumerate(("d0", "d1")):
        chance = train.fit.validate(Questions(untrained.parts, k, VALID), untrained.score(k))
        assert found[target] > 0.3 > 2 * chance, (found, chance)
        assert run.metrics["validation"][target] > 0.3
    losses = run.history.groupby("epoch")["loss"].mean()
    assert losses.iloc[-1] < 0.6 * losses.iloc[0]


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU"):
        train.pick_device("cuda")
    assert train.pick_device("auto").type == train.pick_device("cpu").type == "cpu"
