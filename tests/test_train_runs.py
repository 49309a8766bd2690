"""Runs of ADC: the same to the last bit, trained once, whole, and that it learns. Synthetic ratings only."""

import json

import numpy as np
import pytest
import torch
from small import block_ratings, random_ratings

import adc
from adc.errors import UserError
from adc.evaluation import RankingTask
from adc.split import VALID
from companion import data, registry, runs
from companion.registry import configure, train

QUICK = dict(dim=6, epochs=3, batch_users=16, negatives=3, pretraining_epochs=1, device="cpu")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Every dataset is the same 3 tiny synthetic domains."""
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    registry._split.cache_clear()
    yield
    registry._split.cache_clear()


def run(name="adc", **settings):
    return train(configure(name, **QUICK | settings), show=False)


def content(run):
    """What two runs of one configuration must share to the last bit."""
    metrics = {name: value for name, value in run.metrics.items() if "seconds" not in name}
    model = {name: array.tobytes() for name, array in run.model.items()}
    return json.dumps(metrics), run.history.to_csv(), run.users.to_csv(), model


def test_the_same_configuration_gives_the_same_run_to_the_last_bit(tmp_path, monkeypatch):
    def run_in(place, **settings):
        monkeypatch.setenv("ADC_HOME", str(tmp_path / place))
        torch.rand(3), np.random.rand(3)  # what was drawn before must not matter
        return content(run(**settings))

    first = run_in("one", seed=1)
    assert first == run_in("two", seed=1)
    assert first[0] != run_in("three", seed=2)[0]


def test_a_stored_run_is_returned_and_not_trained_again(monkeypatch):
    assert runs.find(configure("adc", **QUICK)) is None
    first = run()
    monkeypatch.setattr(registry, "fit", None)
    assert run().folder == run(device="auto").folder == first.folder and content(run()) == content(first)
    with pytest.raises(TypeError):
        run(gamma=1.0)


def test_a_run_holds_what_the_contract_says(home):
    stored, ratings = run(), random_ratings()
    assert stored.folder.parent == home / "data/runs/movielens" and stored.folder.name.startswith("adc-")
    history, targets = stored.history, {"d0", "d1", "d2"}
    columns = {"epoch", "domain", "loss", "agreement", "weight", "norm", "target", "rate", "validation"}
    assert columns == set(history.columns) and history.notna().all(axis=None)
    assert len(history) == 3 * stored.metrics["epochs"] and not stored.metrics["diverged"]
    assert set(stored.values()["target"]) == set(stored.metrics["best_epoch"]) == targets
    assert stored.model["user.d0"].shape == (len(ratings.users), 6)
    assert stored.model["item.d0"].shape == (len(ratings.items[0]), 6)
    assert set(stored.users["user"]) <= set(ratings.users)


@pytest.mark.parametrize("balancer", ["gradnorm", "static"])
def test_one_domain_alone_can_be_trained(balancer):
    stored = run(domains="d1", balancer=balancer)
    assert (stored.history["weight"] == 1).all() and set(stored.history["domain"]) == {"d1"}
    assert not stored.metrics["diverged"]


def test_domains_can_be_chosen_and_an_unknown_one_is_refused():
    history = run(domains="d2, d0").history
    assert set(history["domain"]) == {"d0", "d2"} and history["weight"][:2].sum() == pytest.approx(2)
    with pytest.raises(UserError, match="Unknown domain 'd7'.*d0, d1, d2"):
        run(domains="d0,d7")


@pytest.mark.parametrize("batch_users", [16, 1000])  # several steps an epoch, or one whose loss is finite
@pytest.mark.parametrize("pretraining", ["none", "identity"])
@pytest.mark.parametrize("rate", [1e3, 1e6])
def test_a_diverging_run_is_stored_as_diverged(rate, pretraining, batch_users):
    descent = {"optimizer": "sgd", "learning_rate": rate, "embedding_lr": rate, "agreement_weight": 1.0}
    stored = run(epochs=40, pretraining=pretraining, batch_users=batch_users, **descent)
    assert stored.metrics["diverged"] is True and stored.metrics["epochs"] < 40
    assert (stored.history["epoch"] == stored.metrics["epochs"]).sum() == 3
    values = [entry["value"] for entry in stored.metrics["values"] if entry["value"] is not None]
    assert values and np.isfinite(values).all()


@pytest.mark.parametrize("settings", [{}, {"balancer": "static"}], ids=str)
def test_adc_learns(settings):
    descent = dict(learning_rate=3e-3, embedding_lr=1e-2, agreement_weight=0.01, batch_users=32)
    config = adc.Config(dim=16, epochs=25, hidden_layers=2, gamma=1.0, device="cpu", **descent | settings)
    split = adc.split_ratings(block_ratings())
    trained = adc.fit(split, config, show=False)
    untrained = adc.Trainer(adc.Config(dim=16, init="random", pretraining="none", device="cpu"), split)
    cell = "protocol == 'full' and metric == 'ndcg' and n == 10 and group == 'all'"
    values = trained.evaluate().query(cell).set_index("target")["value"]
    for k, target in enumerate(("d0", "d1")):
        before = adc.early_stopping.validate(RankingTask(split, k, VALID), untrained.score(k))
        assert values[target] > max(0.3, 2 * before) and trained.notes["validation"][target] > 0.3
    losses = trained.history.groupby("epoch")["loss"].mean()
    assert losses.iloc[-1] < 0.6 * losses.iloc[0]
