"""Item-kNN, EASE, chance and BPR on the merged domains: by their definitions, and beside public libraries."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import block_ratings, parts_of, random_parts

from adc import baselines, fit
from adc.baselines import chance
from adc.baselines.ease import EASE, linked, weights
from adc.baselines.itemknn import ItemKNN, rated
from adc.baselines.merged_bpr import MergedBPR
from adc.errors import UserError
from adc.evaluate import groups, popularity
from adc.split import TRAIN, VALID, split

WRONG = [("itemknn", "neighbours", 0), ("itemknn", "shrinkage", -1.0), ("ease", "penalty", 0.0)]


def configuration(method, **own):
    return baselines.configuration(method=method, **own)


def warm_users(parts, domain):
    return np.flatnonzero(groups(parts, domain) == 0)


def similarity_by_hand(parts, domain, neighbours, shrinkage):
    known = rated(parts, domain).toarray().astype(np.float64)
    m = known.shape[1]
    near = np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            if i != j:
                near[i, j] = (known[:, i] @ known[:, j]) / (np.sqrt(known[:, i].sum() * known[:, j].sum()) + shrinkage)
        near[i, np.argsort(-near[i], kind="stable")[neighbours:]] = 0
    return known, near


@pytest.mark.parametrize("neighbours, shrinkage", [(3, 0.5), (10, 20.0), (100, 0.5)])
def test_item_knn_scores_are_sums_of_the_nearest_items_similarities(neighbours, shrinkage):
    parts = random_parts(seed=3, users=60, items=20)
    learner = ItemKNN(configuration("itemknn", neighbours=neighbours, shrinkage=shrinkage), parts)
    for k in range(parts.ratings.p):
        known, near = similarity_by_hand(parts, k, neighbours, shrinkage)
        users = warm_users(parts, k)
        np.testing.assert_allclose(learner.score(k)(users).numpy(), (known @ near)[users], rtol=1e-5, atol=1e-6)


def test_item_knn_is_that_of_implicit():
    """Their neighbours hold the item itself, so they keep one more."""
    neighbours = pytest.importorskip("implicit.nearest_neighbours")
    parts = random_parts(seed=5, users=80, items=30)
    known = rated(parts, 0)
    theirs = neighbours.CosineRecommender(K=31, num_threads=1)
    theirs.fit(known.astype(np.float64), show_progress=False)
    learner = ItemKNN(configuration("itemknn", neighbours=30, shrinkage=0.0), parts)
    users, items = warm_users(parts, 0), np.arange(known.shape[1])
    ours = learner.score(0)(users).numpy()
    for user, row in zip(users, ours):
        found, score = theirs.recommend(user, known[user], N=len(items), filter_already_liked_items=True)
        unseen = score > 0
        np.testing.assert_allclose(row[found[unseen]], score[unseen], rtol=1e-5)


def ridge_by_columns(known, penalty):
    """Every item on all the others, one ridge regression each."""
    m = known.shape[1]
    B = np.zeros((m, m))
    for j in range(m):
        other = np.flatnonzero(np.arange(m) != j)
        X = known[:, other]
        B[other, j] = np.linalg.solve(X.T @ X + penalty * np.eye(m - 1), X.T @ known[:, j])
    return B


@pytest.mark.parametrize("penalty", [1.0, 50.0])
def test_ease_is_the_ridge_regression_of_every_item_on_the_others(penalty):
    parts = random_parts(seed=1, users=60, items=20)
    for k in range(parts.ratings.p):
        known = rated(parts, k).toarray().astype(np.float64)
        users = warm_users(parts, k)
        ours = EASE(configuration("ease", penalty=penalty), parts).score(k)(users).numpy()
        np.testing.assert_allclose(ours, (known @ ridge_by_columns(known, penalty))[users], rtol=1e-3, atol=1e-5)


def test_ease_is_that_of_cornac():
    cornac = pytest.importorskip("cornac")
    parts = random_parts(seed=2, users=60, items=20)
    user, item, _ = parts.of(0, TRAIN)
    theirs = cornac.models.EASE(lamb=30.0, posB=False, verbose=False)
    theirs.fit(cornac.data.Dataset.from_uir([(str(u), str(i), 1.0) for u, i in zip(user, item)]))
    place = [theirs.train_set.iid_map[str(i)] for i in np.unique(item)]
    ours = weights(rated(parts, 0)[:, np.unique(item)], 30.0)
    np.testing.assert_allclose(ours, np.asarray(theirs.B)[np.ix_(place, place)], rtol=1e-3, atol=1e-5)


def test_items_that_nobody_rated_with_another_weigh_nothing_in_ease():
    trained = [("u0", "i0"), ("u0", "i1"), ("u1", "i2")]
    parts = parts_of([("a", user, item, 4.0, TRAIN) for user, item in trained])
    assert linked(rated(parts, 0)).tolist() == [0, 1]
    scores = EASE(configuration("ease"), parts).score(0)(np.array([0, 1]))
    assert scores[0, 2] == 0 and (scores[1] == 0).all() and (scores[0, :2] > 0).all()


def test_a_domain_too_large_for_ease_is_named_with_the_memory_it_needs():
    parts = random_parts(items=25)
    with pytest.raises(UserError, match="25 in domain 'd0' of 'tiny', which needs 0.0 GB.*most_items=24"):
        EASE(configuration("ease", most_items=24), parts)


@pytest.mark.parametrize("method, learner", [("itemknn", ItemKNN), ("ease", EASE)])
def test_users_without_training_ratings_in_the_target_get_its_popularity(method, learner):
    parts = random_parts(seed=4)
    cold = np.flatnonzero(groups(parts, 0) == 1)
    assert len(cold)
    assert (learner(configuration(method), parts).score(0)(cold).numpy() == popularity(parts, 0)).all()


@pytest.mark.parametrize("method, name, value", WRONG)
def test_settings_out_of_range_are_refused(method, name, value):
    with pytest.raises(UserError, match=name):
        configuration(method, **{name: value})


@settings(max_examples=20, deadline=None)
@given(chunk=st.integers(1, 40), seed=st.integers(0, 3))
def test_chance_depends_on_seed_domain_and_user_only(chunk, seed):
    parts = random_parts()
    score = chance.learner({"seed": seed}, parts).score
    users = np.arange(len(parts.ratings.users))
    whole = score(0)(users)
    assert torch.equal(torch.cat([score(0)(users[a : a + chunk]) for a in range(0, len(users), chunk)]), whole)
    assert not torch.equal(whole, score(1)(users))
    assert not torch.equal(whole, chance.learner({"seed": seed + 1}, parts).score(0)(users))
    assert whole.unique(dim=0).shape == whole.shape


def test_merged_bpr_meets_every_item_in_its_own_domains_rows(monkeypatch):
    parts = random_parts(seed=6)
    learner = MergedBPR(configuration("bpr_merged", dim=4), parts)
    sizes, met, real = [len(items) for items in parts.ratings.items], [], baselines.bpr.Pairs
    monkeypatch.setattr(baselines.bpr, "Pairs", lambda row, item, *more: met.append((row, item)) or real(row, item, *more))
    users = learner.users[:3]
    learner._step(users, [(np.array([k]), np.array([0]), np.full((1, 5), sizes[k] - 1)) for k in range(3)])
    ((row, item),) = met
    assert row.tolist() == [0, 1, 2] and item[:, 0].tolist() == [0, sizes[0], sizes[0] + sizes[1]]
    assert (item[:, 1:] == torch.tensor(np.cumsum(sizes) - 1)[:, None]).all()


def test_merged_bpr_is_bpr_where_there_is_one_domain_only():
    parts = random_parts(domains=1, seed=7)
    config = configuration("bpr", dim=4)
    merged, single = MergedBPR(config, parts), baselines.bpr.BPR(config, parts)
    assert [merged.epoch() for _ in range(3)] == [single.epoch() for _ in range(3)]
    users = warm_users(parts, 0)
    assert torch.equal(merged.score(0)(users), single.score(0)(users))


def test_merged_bpr_knows_the_taste_that_a_target_cold_user_shows_elsewhere():
    whole = block_ratings(users=160, seed=1)
    user, k = whole.user, whole.domain
    parts = split(whole, 0)
    part = np.where((k == 0) & (user < 40), VALID, np.where((k == 1) & (user < 40), TRAIN, parts.part)).astype(np.int8)
    parts = type(parts)(whole, 0, part)  # the first 40 users have no training ratings in domain 0
    config = configuration("bpr_merged", dim=8, learning_rate=0.03)
    learner = MergedBPR(config, parts)
    for _ in range(30):
        learner.epoch()
    block = np.array([int(name[1:]) for name in whole.items[0]]) % 4
    own = np.array([int(name[1:]) for name in whole.users[:40]])[:, None] % 4 == block[None, :]
    scores = learner.score(0)(np.arange(40)).numpy()
    assert (groups(parts, 0)[:40] == 1).all()
    assert np.mean([row[mine].mean() > row[~mine].mean() for row, mine in zip(scores, own)]) > 0.9


@pytest.mark.parametrize("method", ["itemknn", "ease", "random", "bpr_merged"])
def test_the_same_configuration_gives_the_same_scores_and_a_stored_run_scores_as_the_learner(method):
    parts = random_parts(seed=8)
    config = configuration(method, seed=3)
    one, two = (baselines.learner(config, parts) for _ in range(2))
    losses = [row.get("loss") for row in one.epoch()]
    assert losses == [row.get("loss") for row in two.epoch()]
    scorer = getattr(baselines.METHODS[method], "scorer", fit.factor_score)
    users = np.arange(len(parts.ratings.users))
    for k in range(parts.ratings.p):
        assert torch.equal(one.score(k)(users), two.score(k)(users))
        assert torch.equal(one.score(k)(users), scorer(parts, k, two.arrays(k))(users))
