"""Epochs, early stopping per target (R18, R21), and divergence (R34)."""

import math

import numpy as np
import pytest
import torch
from small import random_split

from adc import early_stopping
from adc.early_stopping import EarlyStopping, factor_score, train_epochs
from adc.evaluation import PROTOCOLS, RankingTask, evaluate, popularity
from adc.split import TEST, TRAIN, VALID


class Scripted:
    """A learner whose vectors are drawn by its epoch's number; its losses are given."""

    def __init__(self, split, losses=()):
        self.split, self.losses, self.now = split, dict(losses), 0

    def epoch(self):
        self.now += 1
        return [{"loss": self.losses.get(self.now, 1.0)} for _ in self.split.ratings.domains]

    def arrays(self, domain, epoch=None):
        rng = np.random.default_rng([domain, epoch or self.now])
        sizes = {"user": len(self.split.ratings.users), "item": len(self.split.ratings.items[domain])}
        return {name: rng.normal(size=(size, 4)).astype(np.float32) for name, size in sizes.items()}

    def score(self, domain):
        return factor_score(self.split, domain, self.arrays(domain))


@pytest.fixture
def split():
    return random_split(domains=2)


def train(learner, epochs=30):
    return train_epochs(learner, learner.split, epochs, patience=4, show=False)


def script_validation(monkeypatch, values):
    """Make validation return `values[domain][epoch - 1]`, and a window of one epoch count."""
    columns = {k: iter(column) for k, column in enumerate(values)}
    monkeypatch.setattr(early_stopping, "validate", lambda task, score: next(columns[task.domain]))
    monkeypatch.setattr(early_stopping, "WINDOW", 1)
    monkeypatch.setattr(early_stopping, "LEAST_EPOCHS", 1)


def test_every_target_gets_its_own_best_epoch_and_training_ends_when_none_improves(split, monkeypatch):
    script_validation(monkeypatch, [[0.1, 0.5, 0.2] + [0.3] * 30, [0.1, 0.2, 0.3, 0.4, 0.6] + [0.5] * 30])
    learner = Scripted(split)
    trained = train(learner)
    assert trained.notes["best_epoch"] == {"d0": 2, "d1": 5}
    assert trained.notes["epochs"] == learner.now == 5 + 4
    assert trained.notes["validation"] == {"d0": 0.5, "d1": 0.6} and trained.notes["diverged"] is False
    for k, epoch in enumerate((2, 5)):
        arrays = learner.arrays(k, epoch)
        assert all(np.array_equal(trained.arrays[k][name], array) for name, array in arrays.items())
        score = factor_score(split, k, arrays)
        table = evaluate(split, k, score, TEST, PROTOCOLS)  # the test set is scored by the best epoch
        assert np.array_equal(trained.score(k)(table["user"].unique()), score(table["user"].unique()))
        cell = f"target == 'd{k}' and protocol == 'full' and metric == 'ndcg' and n == 10 and group == 'all'"
        mean = trained.evaluate(PROTOCOLS).query(cell)["value"].item()
        assert mean == pytest.approx(table.query("protocol == 'full'")["ndcg@10"].mean())


def test_where_validation_is_0_throughout_the_latest_epoch_counts_and_holds_up_nobody(split, monkeypatch):
    script_validation(monkeypatch, [[0.0] * 30, [0.1, 0.2] + [0.1] * 30])
    assert train(Scripted(split)).notes["best_epoch"] == {"d0": 6, "d1": 2}  # ends 4 epochs after d1's best
    script_validation(monkeypatch, [[0.0] * 30] * 2)
    notes = train(Scripted(split)).notes
    assert notes["best_epoch"] == {"d0": 4, "d1": 4} and notes["validation"] == {"d0": 0, "d1": 0}


def test_epochs_are_bounded_the_first_of_equals_counts_and_one_lucky_epoch_little(split, monkeypatch):
    script_validation(monkeypatch, [[0.1] * 30] * 2)
    notes = train(Scripted(split), epochs=3).notes
    assert notes["best_epoch"] == {"d0": 1, "d1": 1} and notes["epochs"] == 3
    monkeypatch.setattr(early_stopping, "WINDOW", 3)
    stopping, learner = EarlyStopping(1, 10), Scripted(split)
    for epoch, value in enumerate([0.3, 0.9, 0.0, 0.5, 0.7, 0.7, 0.4, 0.65], start=1):
        stopping.update(epoch, 0, value, learner)
    assert stopping.epoch == [6] and stopping.best == [pytest.approx((0.5 + 0.7 + 0.7) / 3)]


def test_a_run_that_first_gets_worse_goes_on_until_it_may_have_got_better(split, monkeypatch):
    dip = [0.5, *[0.1] * 12, *[0.6] * 40]
    script_validation(monkeypatch, [dip, dip])
    monkeypatch.setattr(early_stopping, "LEAST_EPOCHS", 30)
    notes = train(Scripted(split), epochs=50).notes
    assert notes["best_epoch"] == {"d0": 14, "d1": 14} and notes["epochs"] == 30


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_training_with_what_was_best_before(split, loss):
    learner = Scripted(split, {4: loss})
    trained = train(learner)
    assert trained.notes["diverged"] is True and trained.notes["epochs"] == 4
    assert all(1 <= epoch <= 3 for epoch in trained.notes["best_epoch"].values())
    assert trained.history.groupby("epoch")["validation"].count().tolist() == [2, 2, 2, 0]
    best = learner.arrays(0, trained.notes["best_epoch"]["d0"])
    assert np.array_equal(trained.arrays[0]["user"], best["user"])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_vectors_that_blew_up_while_the_loss_was_finite_end_training_too(split, value):
    class Exploding(Scripted):
        def arrays(self, domain, epoch=None):
            arrays = super().arrays(domain, epoch)
            if self.now == 1 and domain == 1:
                arrays["user"][:], arrays["item"][:] = value, -value
                arrays["item"][:, ::2] *= -1
            return arrays

    trained = train(Exploding(split))
    assert trained.notes["diverged"] is True and trained.notes["epochs"] == 1
    assert all(np.abs(array).max() <= 1e15 for arrays in trained.arrays for array in arrays.values())
    values = trained.evaluate(PROTOCOLS)  # such arrays can be multiplied without overflow
    assert np.isfinite(values["value"].dropna()).all() and set(values["target"]) == {"d0", "d1"}


def test_users_marked_cold_get_the_popularity_of_the_domain(split):
    arrays, users = Scripted(split).arrays(0), np.arange(len(split.ratings.users))
    scores, warm = factor_score(split, 0, arrays | {"cold": np.array(True)})(users), split.membership()[:, 0]
    expected = arrays["user"] @ arrays["item"].T
    expected[~warm] = popularity(split, 0)
    assert warm.tolist() == np.isin(users, split.of(0, TRAIN)[0]).tolist()
    assert 0 < warm.sum() < len(warm) and torch.allclose(scores, torch.from_numpy(expected))


def test_validation_of_nobody_is_worth_0(split):
    split.part[split.part == VALID] = TEST
    assert early_stopping.validate(RankingTask(split, 0, VALID), Scripted(split).score(0)) == 0
