"""CDCF: the factorization machine against its formula, what its features know, and myfm beside it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from small import parts_of, random_parts

from adc import data
from adc.baselines.cdcf import CDCF, Settings, contexts
from adc.errors import UserError
from adc.evaluate import groups
from adc.loss import bpr
from adc.split import TEST, TRAIN, VALID, split


def learner(parts, seed=0, epochs=0, **own) -> CDCF:
    """A learner after some epochs, with weights w that are not 0."""
    config = {"seed": seed} | vars(Settings(**({"dim": 4, "start_noise": 0.3, "batch_users": 8} | own)))
    made = CDCF(config, parts)
    rng = torch.Generator().manual_seed(seed)
    for machine in made.machines:
        for table in (machine.feature, machine.item):
            table[:, -1] = torch.randn(len(table), generator=rng)
    for _ in range(epochs):
        made.epoch()
    return made


def pairwise(machine, feature, item, user, target):
    """y(x) by the double sum over all features [F + m], one example at a time; differentiable in both tables."""
    x = torch.cat([torch.from_numpy(machine.context[user].toarray()[0]), torch.zeros(len(item))])
    x[machine.context.shape[1] + target] = 1
    table = torch.cat([feature, item])
    v, w, active = table[:, :-1], table[:, -1], x.nonzero()[:, 0].tolist()
    y = machine.mean + w @ x
    for place, f in enumerate(active):
        for g in active[place + 1 :]:
            y = y + v[f] @ v[g] * x[f] * x[g]
    return y


def copies(machine):
    return [table.clone().requires_grad_() for table in (machine.feature, machine.item)]


def test_features_are_the_user_and_her_training_ratings_elsewhere_over_their_number():
    rows = [("a", "u", "x", 5, TRAIN), ("a", "v", "y", 4, TRAIN), ("b", "u", "z", 2, TRAIN),
            ("b", "u", "x", 4, TRAIN), ("b", "u", "y", 5, TEST), ("b", "w", "y", 3, TRAIN), ("c", "v", "q", 1, TRAIN),
            ("c", "w", "r", 5, VALID)]  # fmt: skip
    parts = parts_of(rows)
    assert contexts(parts, 0).toarray().tolist() == [
        # u  v  bx by bz cq cr
        [1, 0, 2, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 1, 0],
        [0, 0, 0, 3, 0, 0, 0],  # w: no training rating in a, so no feature of her own
    ]


@pytest.mark.parametrize("domain", [0, 2])
def test_no_target_rating_and_no_held_out_rating_is_a_feature(domain):
    parts = random_parts()
    ratings = parts.ratings
    before = contexts(parts, domain)
    hidden = (ratings.domain == domain) | (parts.part != TRAIN)
    other = replace(parts, ratings=replace(ratings, rating=np.where(hidden, 99, ratings.rating).astype(np.float32)))
    assert (contexts(other, domain) != before).nnz == 0
    other = replace(parts, ratings=replace(ratings, rating=np.where(hidden, ratings.rating, 99).astype(np.float32)))
    assert (contexts(other, domain) != before).nnz > 0


def test_held_out_ratings_change_nothing_that_is_learned():
    parts = random_parts()
    changed = np.where(parts.part == TRAIN, parts.ratings.rating, 99).astype(np.float32)
    other = replace(parts, ratings=replace(parts.ratings, rating=changed))
    one, two = (learner(p, epochs=2, objective="ratings").arrays(1) for p in (parts, other))
    assert all((one[name] == two[name]).all() for name in one)


@pytest.mark.parametrize("domain", [0, 1])
def test_predictions_are_the_double_sum_over_features(domain):
    parts = random_parts(users=15, items=8)
    made = learner(parts)
    user, item = (a.ravel() for a in np.mgrid[: len(parts.ratings.users), : len(parts.ratings.items[domain])])
    machine = made.machines[domain]
    tables = [table.detach() for table in copies(machine)]
    plain = [float(pairwise(machine, *tables, u, i)) for u, i in zip(user, item, strict=True)]
    assert made.predict(domain, user, item) == pytest.approx(np.array(plain), abs=1e-4)


def test_scores_rank_a_users_items_as_predictions_do():
    parts = random_parts()
    made = learner(parts, epochs=1)
    users, m = np.arange(len(parts.ratings.users)), len(parts.ratings.items[1])
    predicted = made.predict(1, np.repeat(users, m), np.tile(np.arange(m), len(users))).reshape(-1, m)
    gap = predicted - made.score(1)(users).numpy()
    assert gap == pytest.approx(np.repeat(gap[:, :1], m, axis=1), abs=1e-4)
    assert gap[:, 0].std() > 0.01  # what is left is each user's own


@pytest.mark.parametrize("objective", ["bpr", "ratings"])
def test_gradients_are_those_of_the_literal_formula(objective):
    parts = random_parts(users=12, items=10)
    made = learner(parts, objective=objective, negatives=2, penalty=0.1)
    machine, rng = made.machines[0], np.random.default_rng(0)
    user, positive, rating = (a[:9] for a in parts.of(0, TRAIN))
    order = np.argsort(user)
    user, positive, rating = user[order].astype(np.int64), positive[order].astype(np.int64), rating[order]
    negative = rng.integers(len(parts.ratings.items[0]), size=(9, made.triples[0].negatives))
    loss, *steps = made._learn(machine, user, np.column_stack([positive, negative]))
    feature, item = copies(machine)
    liked = torch.stack([pairwise(machine, feature, item, u, i) for u, i in zip(user, positive)])
    if objective == "bpr":
        others = [pairwise(machine, feature, item, u, i) for u, some in zip(user, negative) for i in some]
        plain = bpr(liked, torch.stack(others).view(9, 2))
    else:
        plain = (liked - torch.from_numpy(rating)).square().mean()
    x = torch.from_numpy(machine.context[user].toarray())
    items = np.concatenate([positive, negative.ravel()])
    penalty = (x.square() @ feature.square()).sum() + item[torch.from_numpy(items)].square().sum()
    (plain + 0.1 * penalty / 9).backward()
    assert loss == pytest.approx(float(plain.detach()), rel=1e-4)
    for table, step in zip((feature, item), steps):
        assert torch.zeros_like(table).index_add(0, *step).numpy() == pytest.approx(table.grad.numpy(), abs=1e-5)


def test_users_cold_in_the_target_are_told_apart_by_their_ratings_elsewhere():
    parts = random_parts(member=0.5)
    cold = np.flatnonzero(groups(parts, 0) == 1)
    assert len(cold) > 3
    made = learner(parts, epochs=3)
    scores = made.score(0)(cold).numpy()
    assert len(np.unique(scores.round(5), axis=0)) == len(cold)
    machine = made.machines[0]
    q = machine.context[cold] @ machine.feature.numpy()[:, :-1]
    assert machine.context[cold][:, : len(np.unique(parts.of(0, TRAIN)[0]))].nnz == 0
    item = machine.item.numpy()
    assert scores == pytest.approx(q @ item[:, :-1].T + item[:, -1], abs=1e-5)


def test_features_that_no_user_of_the_target_has_add_nothing():
    parts = random_parts(member=0.3, users=20)
    made = CDCF({"seed": 0} | vars(Settings(dim=4)), parts)
    made.epoch()
    for k, machine in enumerate(made.machines):
        known = np.unique(machine.context[np.unique(parts.of(k, TRAIN)[0])].indices)
        moved = np.flatnonzero(machine.feature.numpy().any(1))
        assert moved.tolist() == known.tolist()
        assert len(known) < machine.context.shape[1]


@pytest.mark.parametrize("objective", ["bpr", "ratings"])
def test_it_learns_and_twice_the_same(objective):
    parts = random_parts()
    made = learner(parts, objective=objective)
    losses = [made.epoch() for _ in range(12)]
    assert all(last["loss"] < 0.9 * first["loss"] for first, last in zip(losses[0], losses[-1], strict=True))
    again, another = (learner(parts, seed, 12, objective=objective) for seed in (0, 1))
    for name, array in made.arrays(2).items():
        assert (array == again.arrays(2)[name]).all() and (array != another.arrays(2)[name]).any()


def test_one_domain_alone_is_a_machine_without_ratings_elsewhere():
    parts = random_parts(domains=1)
    assert contexts(parts, 0).shape[1] == len(np.unique(parts.of(0, TRAIN)[0]))
    assert np.isfinite(learner(parts, epochs=1).arrays(0)["user"]).all()


def test_an_unknown_objective_is_refused_with_the_known():
    with pytest.raises(UserError, match="objective='stars' is unknown. Known: bpr, ratings"):
        Settings(objective="stars")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:pkg_resources")
def test_predicted_stars_are_as_good_as_myfms(tmp_path, monkeypatch):
    """myfm samples the same machine by MCMC, the paper's way; ours ends where its validation error is least."""
    myfm = pytest.importorskip("myfm")
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    torch.set_num_threads(1)
    parts = split(data.load("movielens"), 0)
    settings = Settings(objective="ratings", dim=8, batch_users=64, learning_rate=3e-3, penalty=0.5)
    made = CDCF({"seed": 0} | vars(settings), parts)
    curve = []
    for _ in range(40):
        made.epoch()
        curve.append([[rmse(parts, k, part, partial(made.predict, k)) for k in range(6)] for part in (VALID, TEST)])
    valid, test = np.array(curve).transpose(1, 0, 2)  # [epochs, p]
    for k in (4, 5):  # the smaller targets: myfm takes a minute each for the larger

        def features(user, item):
            m = len(parts.ratings.items[k])
            return sp.hstack([made.machines[k].context[user], sp.eye(m, format="csr")[item]], format="csr")

        theirs = myfm.MyFMRegressor(rank=8, random_seed=0)
        theirs.fit(features(*parts.of(k, TRAIN)[:2]), parts.of(k, TRAIN)[2], n_iter=100, n_kept_samples=80)
        reference = rmse(parts, k, TEST, lambda *pairs: theirs.predict(features(*pairs)))
        ours = test[valid[:, k].argmin(), k]
        assert ours < 1.03 * reference < 1.03 * parts.of(k, TEST)[2].std(), (ours, reference)


def rmse(parts, domain, part, predict) -> float:
    user, item, rating = parts.of(domain, part)
    return float(np.sqrt(np.mean((predict(user, item) - rating) ** 2)))
