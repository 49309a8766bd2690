"""The simple rivals: their configuration, what they know, and BPR beside cornac's on the same split."""

import numpy as np
import pytest
import torch

from adc import baselines, data
from adc.baselines.bpr import BPR
from adc.errors import UserError
from adc.evaluate import evaluate, popularity
from adc.split import TRAIN, split


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    return tmp_path


def mean_ndcg(parts, domain, score):
    return evaluate(parts, domain, score)["ndcg@10"].mean()


def test_a_method_is_named_only_by_what_it_uses(home):
    config = baselines.configuration(method="popularity", dim=None)
    assert "dim" not in config
    with pytest.raises(UserError, match="'popularity' has no parameter 'dim'. It has: epochs"):
        baselines.configuration(method="popularity", dim=3)
    assert baselines.configuration(method="bpr", epochs=1) != baselines.configuration(method="bpr", epochs=9)


@pytest.mark.parametrize("wrong", [{"method": "brp"}, {"learning_rat": 0.1}])
def test_unknown_methods_and_parameters_are_refused_with_the_known(home, wrong):
    with pytest.raises(UserError, match="bpr|learning_rate"):
        baselines.configuration(**wrong)


def test_popularity_ranks_by_training_counts_alone(home):
    run = baselines.run(baselines.configuration(method="popularity", seed=1), show=False)
    parts = split(data.load("movielens"), 1)
    item = parts.of(2, TRAIN)[1]
    assert (run.model[f"item.{parts.ratings.domains[2]}"] == np.bincount(item, minlength=len(parts.ratings.items[2]))).all()
    assert run.metrics["versions"] and not run.metrics["diverged"]


def test_users_without_training_ratings_in_the_target_get_its_popularity_from_bpr(home):
    parts = split(data.load("movielens").only(["Horror", "Crime"]), 0)
    learner = BPR(baselines.configuration(method="bpr", dim=4), parts)
    warm = np.unique(parts.of(0, TRAIN)[0])
    cold = np.setdiff1d(np.arange(len(parts.ratings.users)), warm)
    assert len(cold)
    assert (learner.score(0)(cold[:3]).numpy() == popularity(parts, 0)).all()
    assert not (learner.score(0)(warm[:3]).numpy() == popularity(parts, 0)).any(1).all()


@pytest.mark.slow
def test_bpr_does_as_well_as_cornacs_on_the_same_split(home):
    cornac = pytest.importorskip("cornac")
    torch.set_num_threads(1)
    parts = split(data.load("movielens").only(["Crime"]), 0)
    learner = BPR(baselines.configuration(method="bpr"), parts)
    for _ in range(60):
        learner.epoch()
    user, item, _ = parts.of(0, TRAIN)
    triples = [(str(u), str(i), 1.0) for u, i in zip(user, item)]
    theirs = cornac.models.BPR(k=100, max_iter=100, learning_rate=0.05, lambda_reg=0.05, seed=0, num_threads=1)
    theirs.fit(cornac.data.Dataset.from_uir(triples))
    ours, reference = mean_ndcg(parts, 0, learner.score(0)), mean_ndcg(parts, 0, cornac_score(theirs, parts))
    popular = mean_ndcg(parts, 0, lambda users: torch.from_numpy(popularity(parts, 0)).repeat(len(users), 1))
    assert ours > 0.95 * reference > 0.9 * popular


def cornac_score(model, parts):
    """Scores of a fitted cornac BPR in our codes; whatever it never saw gets the lowest score."""
    u = np.zeros((len(parts.ratings.users), model.k), dtype=np.float32)
    v = np.zeros((len(parts.ratings.items[0]), model.k), dtype=np.float32)
    b = np.full(len(v), model.i_biases.min(), dtype=np.float32)
    for name, row in model.uid_map.items():
        u[int(name)] = model.u_factors[row]
    for name, row in model.iid_map.items():
        v[int(name)], b[int(name)] = model.i_factors[row], model.i_biases[row]
    return lambda users: torch.from_numpy(u[users] @ v.T + b)
