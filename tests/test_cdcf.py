"""CDCF: the factorization machine against its formula, what its features know, and myfm beside it."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from small import random_split, split_from_rows

from adc.evaluation import groups
from adc.losses import bpr
from adc.split import TEST, TRAIN, VALID, split_ratings
from companion import data, registry
from companion.rivals.cdcf import CDCF, contexts


def learner(split, epochs=0, **settings) -> CDCF:
    """A learner after some epochs, with weights w that are not 0."""
    settings = {"dim": 4, "init_noise": 0.3, "batch_users": 8} | settings
    cdcf = CDCF(registry.configure("cdcf", **settings), split)
    rng = torch.Generator().manual_seed(0)
    for machine in cdcf.machines:
        for table in (machine.feature, machine.item):
            table[:, -1] = torch.randn(len(table), generator=rng)
    for _ in range(epochs):
        cdcf.epoch()
    return cdcf


def pairwise(machine, feature, item, user, target):
    """y(x) by the double sum over all features [F + m], by example; differentiable in the tables."""
    x = torch.cat([torch.from_numpy(machine.context[user].toarray()[0]), torch.zeros(len(item))])
    x[machine.context.shape[1] + target] = 1
    table = torch.cat([feature, item])
    v, w, active = table[:, :-1], table[:, -1], x.nonzero()[:, 0].tolist()
    y = machine.mean + w @ x
    for place, f in enumerate(active):
        for g in active[place + 1 :]:
            y = y + v[f] @ v[g] * x[f] * x[g]
    return y


def predict(machine, user, item):
    """y(x) of pairs of user [T] and item [T] by the machine, with the terms common to a user's items."""
    total, squares = machine.sums(machine.context[user], machine.feature.numpy())
    v = machine.item[torch.from_numpy(item.astype(np.int64))]
    own = (total[:, :-1] * v[:, :-1]).sum(1) + v[:, -1]
    return (machine.same_for_all_items(total, squares) + own).numpy()


def test_features_are_the_user_and_her_training_ratings_elsewhere_over_their_number():
    rows = [("a", "u", "x", 5, TRAIN), ("a", "v", "y", 4, TRAIN), ("b", "u", "z", 2, TRAIN),
            ("b", "u", "x", 4, TRAIN), ("b", "u", "y", 5, TEST), ("b", "w", "y", 3, TRAIN),
            ("c", "v", "q", 1, TRAIN), ("c", "w", "r", 5, VALID)]  # fmt: skip
    assert contexts(split_from_rows(rows), 0).toarray().tolist() == [
        # u  v  bx by bz cq cr
        [1, 0, 2, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 1, 0],
        [0, 0, 0, 3, 0, 0, 0],  # w: no training rating in a, so no feature of her own
    ]


@pytest.mark.parametrize("domain", [0, 2])
def test_no_target_rating_and_no_held_out_rating_is_a_feature(domain):
    split = random_split()
    ratings, before = split.ratings, contexts(split, domain)
    hidden = (ratings.domain == domain) | (split.part != TRAIN)
    for where, changes in ((hidden, False), (~hidden, True)):
        rating = np.where(where, 99, ratings.rating).astype(np.float32)
        other = replace(split, ratings=replace(ratings, rating=rating))
        assert ((contexts(other, domain) != before).nnz > 0) == changes


def test_held_out_ratings_change_nothing_that_is_learned():
    split = random_split()
    changed = np.where(split.part == TRAIN, split.ratings.rating, 99).astype(np.float32)
    other = replace(split, ratings=replace(split.ratings, rating=changed))
    one, two = (learner(parts, 2, objective="ratings").arrays(1) for parts in (split, other))
    assert all((one[name] == two[name]).all() for name in one)


@pytest.mark.parametrize("domain", [0, 1])
def test_predictions_are_the_double_sum_over_features_and_scores_rank_as_they_do(domain):
    split = random_split(users=15, items=8)
    cdcf = learner(split, 1)
    machine, shape = cdcf.machines[domain], (len(split.ratings.users), len(split.ratings.items[domain]))
    user, item = (a.ravel() for a in np.indices(shape))
    tables, predicted = (machine.feature, machine.item), predict(machine, user, item)
    plain = [float(pairwise(machine, *tables, u, i)) for u, i in zip(user, item, strict=True)]
    assert predicted == pytest.approx(np.array(plain), abs=1e-4)
    difference = predicted.reshape(shape) - cdcf.score(domain)(np.arange(shape[0])).numpy()
    assert difference == pytest.approx(np.repeat(difference[:, :1], shape[1], axis=1), abs=1e-4)
    assert difference[:, 0].std() > 0.01  # what is left is each user's own


@pytest.mark.parametrize("objective", ["bpr", "ratings"])
def test_gradients_are_those_of_the_literal_formula(objective):
    split = random_split(users=12, items=10)
    cdcf = learner(split, objective=objective, negatives=2, embedding_l2=0.1)
    machine, rng = cdcf.machines[0], np.random.default_rng(0)
    user, positive, rating = (a[:9] for a in split.of(0, TRAIN))
    order = np.argsort(user)
    user, positive, rating = user[order].astype(np.int64), positive[order].astype(np.int64), rating[order]
    negative = rng.integers(len(split.ratings.items[0]), size=(9, cdcf.triples[0].negatives))
    loss, *steps = machine.gradients(user, np.column_stack([positive, negative]))
    feature, item = tables = [table.clone().requires_grad_() for table in (machine.feature, machine.item)]
    liked = torch.stack([pairwise(machine, feature, item, u, i) for u, i in zip(user, positive)])
    if objective == "bpr":
        pairs = zip(np.repeat(user, 2), negative.ravel())
        plain = bpr(liked, torch.stack([pairwise(machine, feature, item, u, i) for u, i in pairs]).view(9, 2))
    else:
        plain = (liked - torch.from_numpy(rating)).square().mean()
    x = torch.from_numpy(machine.context[user].toarray())
    items = torch.from_numpy(np.concatenate([positive, negative.ravel()]))
    l2 = (x.square() @ feature.square()).sum() + item[items].square().sum()
    (plain + 0.1 * l2 / 9).backward()
    assert float(loss) == pytest.approx(float(plain.detach()), rel=1e-4)
    for table, step in zip(tables, steps):
        torch.testing.assert_close(torch.zeros_like(table).index_add(0, *step), table.grad, rtol=0, atol=1e-5)


def test_users_cold_in_the_target_are_told_apart_by_their_ratings_elsewhere():
    split = random_split(member=0.5)
    cold = np.flatnonzero(groups(split, 0) == 1)
    cdcf = learner(split, 3)
    machine, scores = cdcf.machines[0], cdcf.score(0)(cold).numpy()
    assert len(np.unique(scores.round(5), axis=0)) == len(cold) > 3
    assert machine.context[cold][:, : len(np.unique(split.of(0, TRAIN)[0]))].nnz == 0
    q, item = machine.context[cold] @ machine.feature.numpy()[:, :-1], machine.item.numpy()
    assert scores == pytest.approx(q @ item[:, :-1].T + item[:, -1], abs=1e-5)


def test_features_that_no_user_of_the_target_has_add_nothing():
    split = random_split(member=0.3, users=20)
    cdcf = CDCF(registry.configure("cdcf", dim=4), split)
    cdcf.epoch()
    for k, machine in enumerate(cdcf.machines):
        features = np.unique(machine.context[np.unique(split.of(k, TRAIN)[0])].indices)
        assert np.flatnonzero(machine.feature.numpy().any(1)).tolist() == features.tolist()
        assert len(features) < machine.context.shape[1]


@pytest.mark.parametrize("objective", ["bpr", "ratings"])
def test_it_learns(objective):
    cdcf = learner(random_split(), objective=objective)
    losses = [cdcf.epoch() for _ in range(12)]
    assert all(last["loss"] < 0.9 * first["loss"] for first, last in zip(losses[0], losses[-1], strict=True))
    other = learner(random_split(), 12, objective=objective, seed=1)
    assert (cdcf.arrays(2)["item"] != other.arrays(2)["item"]).any()


def test_one_domain_alone_is_a_machine_without_ratings_elsewhere():
    split = random_split(domains=1)
    assert contexts(split, 0).shape[1] == len(np.unique(split.of(0, TRAIN)[0]))
    assert np.isfinite(learner(split, 1).arrays(0)["user"]).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:pkg_resources")
def test_predicted_stars_are_as_good_as_myfms():
    """myfm samples the same machine by MCMC, the paper's way; ours ends where validation is best."""
    myfm = pytest.importorskip("myfm")
    torch.set_num_threads(1)
    split = split_ratings(data.load("movielens"), 0)
    settings = {"dim": 8, "batch_users": 64, "learning_rate": 3e-3, "embedding_l2": 0.5}
    cdcf = CDCF(registry.configure("cdcf", objective="ratings", **settings), split)
    curve = []
    for _ in range(40):
        cdcf.epoch()
        curve.append([rmse(split, k, part, cdcf.machines[k]) for part in (VALID, TEST) for k in range(6)])
    valid, test = np.array(curve).reshape(40, 2, 6).transpose(1, 0, 2)  # [epochs, p]
    for k in (4, 5):  # the smaller targets: myfm takes a minute each for the larger
        one_hot = sp.eye(len(split.ratings.items[k]), format="csr")

        def features(user, item):
            return sp.hstack([cdcf.machines[k].context[user], one_hot[item]], format="csr")

        theirs, (user, item, rating) = myfm.MyFMRegressor(rank=8, random_seed=0), split.of(k, TRAIN)
        theirs.fit(features(user, item), rating, n_iter=100, n_kept_samples=80)
        user, item, rating = split.of(k, TEST)
        reference = float(np.sqrt(np.mean((theirs.predict(features(user, item)) - rating) ** 2)))
        ours = test[valid[:, k].argmin(), k]
        assert ours < 1.03 * reference < 1.03 * rating.std(), (ours, reference)


def rmse(split, domain, part, machine) -> float:
    user, item, rating = split.of(domain, part)
    return float(np.sqrt(np.mean((predict(machine, user, item) - rating) ** 2)))
