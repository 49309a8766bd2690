"""Epochs, early stopping per target (R18, R21), divergence (R34), and one look at the test set."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from small import random_parts

from adc import fit, runs
from adc.evaluate import PROTOCOLS, Questions, evaluate, popularity
from adc.split import TEST, VALID


class Scripted:
    """A learner whose vectors are its epoch's number, drawn at random; losses as told."""

    def __init__(self, parts, losses=()):
        self.parts, self.losses, self.at = parts, dict(losses), 0

    def epoch(self):
        self.at += 1
        return [{"loss": self.losses.get(self.at, 1.0)} for _ in self.parts.ratings.domains]

    def arrays(self, domain, at=None):
        rng = np.random.default_rng([domain, self.at if at is None else at])
        n, m = len(self.parts.ratings.users), len(self.parts.ratings.items[domain])
        return {"user": rng.normal(size=(n, 4)).astype(np.float32), "item": rng.normal(size=(m, 4)).astype(np.float32)}

    def score(self, domain):
        return fit.factor_score(self.parts, domain, self.arrays(domain))


@pytest.fixture
def parts(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    return random_parts(domains=2)


def config(**changes):
    return {
        "dataset": "tiny",
        "seed": 0,
        "method": "scripted",
        "variant": "",
        "code": ["adc.fit"],
        "epochs": 30,
        "patience": 4,
    } | changes


def script(monkeypatch, values):
    """Make validation return `values[domain][epoch - 1]`, and a window of one epoch count."""
    told = {k: iter(column) for k, column in enumerate(values)}
    monkeypatch.setattr(fit, "validate", lambda asked, score: next(told[asked.domain]))
    monkeypatch.setattr(fit, "WINDOW", 1)


def test_every_target_keeps_its_own_best_epoch_and_training_ends_when_none_improves(parts, monkeypatch):
    script(monkeypatch, [[0.1, 0.5, 0.2, 0.2] + [0.3] * 30, [0.1, 0.2, 0.3, 0.4, 0.6] + [0.5] * 30])
    learner = Scripted(parts)
    run = fit.fit(learner, parts, config(), show=False)
    assert run.metrics["best_epoch"] == {"d0": 2, "d1": 5} and run.metrics["epochs"] == learner.at == 5 + 4
    assert run.metrics["validation"] == {"d0": 0.5, "d1": 0.6} and run.metrics["diverged"] is False
    for k, at in enumerate((2, 5)):
        for name, array in learner.arrays(k, at).items():
            assert np.array_equal(run.model[f"{name}.d{k}"], array)


def test_the_first_of_equal_epochs_is_kept_and_epochs_are_bounded(parts, monkeypatch):
    script(monkeypatch, [[0.0] * 30] * 2)
    run = fit.fit(Scripted(parts), parts, config(epochs=3), show=False)
    assert run.metrics["best_epoch"] == {"d0": 1, "d1": 1} and run.metrics["epochs"] == 3


def test_one_lucky_epoch_counts_little_in_the_mean_of_a_window(parts, monkeypatch):
    monkeypatch.setattr(fit, "WINDOW", 3)
    keeper, learner = fit.Keeper(1, 10), Scripted(parts)
    for epoch, value in enumerate([0.3, 0.9, 0.0, 0.5, 0.7, 0.7, 0.4, 0.65], start=1):
        keeper.see(epoch, 0, value, learner)
    assert keeper.epoch == [6] and keeper.best == [pytest.approx((0.5 + 0.7 + 0.7) / 3)]


def test_the_test_set_is_scored_by_the_best_epoch(parts, monkeypatch):
    script(monkeypatch, [[0.1, 0.5] + [0.2] * 30] * 2)
    learner = Scripted(parts)
    run = fit.fit(learner, parts, config(), show=False)
    values, users = pd.DataFrame(run.metrics["values"]), run.users
    for k, target in enumerate(("d0", "d1")):
        expected = evaluate(parts, k, fit.factor_score(parts, k, learner.arrays(k, 2)), TEST, PROTOCOLS)
        found = users[users["target"] == target]
        assert found["user"].tolist() == parts.ratings.users[expected["user"]].tolist()
        assert found["ndcg@10"].tolist() == expected["ndcg@10"].tolist()
        mean = values.query(
            f"target == '{target}' and protocol == 'full' and metric == 'ndcg' and n == 10 and group == 'all'"
        )
        assert mean["value"].item() == pytest.approx(expected[expected["protocol"] == "full"]["ndcg@10"].mean())


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_training_and_what_was_best_before_is_tested(parts, loss):
    learner = Scripted(parts, {4: loss})
    run = fit.fit(learner, parts, config(), show=False)
    assert run.metrics["diverged"] is True and run.metrics["epochs"] == 4
    assert all(1 <= epoch <= 3 for epoch in run.metrics["best_epoch"].values())
    assert run.history.groupby("epoch")["validation"].count().tolist() == [2, 2, 2, 0]
    assert np.array_equal(run.model["user.d0"], learner.arrays(0, run.metrics["best_epoch"]["d0"])["user"])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_vectors_that_blew_up_while_the_loss_was_finite_end_training_too(parts, value):
    class Blown(Scripted):
        def arrays(self, domain, at=None):
            found = super().arrays(domain, at)
            if self.at == 1 and domain == 1:
                found["user"][:], found["item"][:] = value, -value
                found["item"][:, ::2] *= -1
            return found

    run = fit.fit(Blown(parts), parts, config(), show=False)
    assert run.metrics["diverged"] is True and run.metrics["epochs"] == 1
    assert all(np.abs(array).max() <= 1e15 for array in run.model.values())  # what can be multiplied without overflow
    values = [entry["value"] for entry in run.metrics["values"] if entry["value"] is not None]
    assert np.isfinite(values).all() and {entry["target"] for entry in run.metrics["values"]} == {"d0", "d1"}


def test_while_training_no_test_rating_is_looked_at(parts, monkeypatch):
    seen = []
    real = Questions.ranks
    monkeypatch.setattr(Questions, "ranks", lambda self, *a: (seen.append(self.part), real(self, *a))[1])
    fit.fit(Scripted(parts), parts, config(epochs=3), show=False)
    assert seen == [VALID] * 6 + [TEST] * 2


def test_the_stored_arrays_give_the_stored_scores(parts):
    learner = Scripted(parts)
    run = fit.fit(learner, parts, config(epochs=2), show=False)
    for k, target in enumerate(("d0", "d1")):
        arrays = {name: run.model[f"{name}.{target}"] for name in ("user", "item")}
        again = evaluate(parts, k, fit.factor_score(parts, k, arrays), TEST, PROTOCOLS)
        assert again["ndcg@20"].tolist() == run.users.query(f"target == '{target}'")["ndcg@20"].tolist()
    assert runs.find(config(epochs=2)).metrics == run.metrics


def test_users_marked_cold_get_the_domains_popularity(parts):
    arrays = Scripted(parts).arrays(0) | {"cold": np.array(True)}
    everyone = np.arange(len(parts.ratings.users))
    scores, trained = fit.factor_score(parts, 0, arrays)(everyone), np.isin(everyone, parts.of(0, 0)[0])
    expected = arrays["user"] @ arrays["item"].T
    expected[~trained] = popularity(parts, 0)
    assert 0 < trained.sum() < len(trained) and torch.allclose(scores, torch.from_numpy(expected))


def test_validation_of_nobody_is_0(parts):
    parts.part[parts.part == VALID] = TEST
    assert fit.validate(Questions(parts, 0, VALID), Scripted(parts).score(0)) == 0
