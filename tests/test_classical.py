"""Item-kNN, EASE, chance and BPR on the merged domains: by their definitions, and beside public libraries."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import block_ratings, random_split, split_from_rows

from adc.errors import UserError
from adc.evaluation import groups, popularity
from adc.split import TRAIN, VALID, Split, split_ratings
from companion import registry
from companion.rivals.ease import linked_items, weights
from companion.rivals.itemknn import rating_matrix


def learner(split, method, **settings):
    return registry.learner(registry.configure(method, **settings), split)


def warm_users(split, domain):
    return np.flatnonzero(groups(split, domain) == 0)


def similarity_by_hand(X, neighbours, shrinkage):
    m = X.shape[1]
    near = np.zeros((m, m))
    for i in range(m):
        for j in np.flatnonzero(np.arange(m) != i):
            near[i, j] = (X[:, i] @ X[:, j]) / (np.sqrt(X[:, i].sum() * X[:, j].sum()) + shrinkage)
        near[i, np.argsort(-near[i], kind="stable")[neighbours:]] = 0
    return near


@pytest.mark.parametrize("neighbours, shrinkage", [(3, 0.5), (10, 20.0), (100, 0.5)])
def test_item_knn_scores_are_sums_of_the_nearest_items_similarities(neighbours, shrinkage):
    split = random_split(seed=3, users=60, items=20)
    knn = learner(split, "itemknn", neighbours=neighbours, shrinkage=shrinkage)
    for k in range(split.ratings.p):
        X, users = rating_matrix(split, k).toarray().astype(np.float64), warm_users(split, k)
        expected = (X @ similarity_by_hand(X, neighbours, shrinkage))[users]
        np.testing.assert_allclose(knn.score(k)(users).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_item_knn_is_that_of_implicit():
    """Their neighbours hold the item itself, so they take one more."""
    neighbours = pytest.importorskip("implicit.nearest_neighbours")
    split = random_split(seed=5, users=80, items=30)
    X, users = rating_matrix(split, 0), warm_users(split, 0)
    theirs = neighbours.CosineRecommender(K=31, num_threads=1)
    theirs.fit(X.astype(np.float64), show_progress=False)
    ours = learner(split, "itemknn", neighbours=30, shrinkage=0.0).score(0)(users).numpy()
    for user, row in zip(users, ours):
        item, score = theirs.recommend(user, X[user], N=X.shape[1], filter_already_liked_items=True)
        np.testing.assert_allclose(row[item[score > 0]], score[score > 0], rtol=1e-5)


def ridge_by_columns(X, l2):
    """Every item on all the others, one ridge regression each."""
    B = np.zeros((X.shape[1], X.shape[1]))
    for j in range(len(B)):
        other = np.flatnonzero(np.arange(len(B)) != j)
        A = X[:, other]
        B[other, j] = np.linalg.solve(A.T @ A + l2 * np.eye(len(other)), A.T @ X[:, j])
    return B


@pytest.mark.parametrize("l2", [1.0, 50.0])
def test_ease_is_the_ridge_regression_of_every_item_on_the_others(l2):
    split = random_split(seed=1, users=60, items=20)
    ease = learner(split, "ease", l2=l2)
    for k in range(split.ratings.p):
        X, users = rating_matrix(split, k).toarray().astype(np.float64), warm_users(split, k)
        expected = (X @ ridge_by_columns(X, l2))[users]
        np.testing.assert_allclose(ease.score(k)(users).numpy(), expected, rtol=1e-3, atol=1e-5)


def test_ease_is_that_of_cornac():
    cornac = pytest.importorskip("cornac")
    split = random_split(seed=2, users=60, items=20)
    user, item, _ = split.of(0, TRAIN)
    theirs = cornac.models.EASE(lamb=30.0, posB=False, verbose=False)
    theirs.fit(cornac.data.Dataset.from_uir([(str(u), str(i), 1.0) for u, i in zip(user, item)]))
    place = [theirs.train_set.iid_map[str(i)] for i in np.unique(item)]
    ours = weights(rating_matrix(split, 0)[:, np.unique(item)], 30.0)
    np.testing.assert_allclose(ours, np.asarray(theirs.B)[np.ix_(place, place)], rtol=1e-3, atol=1e-5)


def test_items_that_nobody_rated_with_another_weigh_nothing_in_ease():
    split = split_from_rows([("a", user, item, 4.0, TRAIN) for user, item in ((0, 0), (0, 1), (1, 2))])
    assert linked_items(rating_matrix(split, 0)).tolist() == [0, 1]
    scores = learner(split, "ease").score(0)(np.array([0, 1]))
    assert scores[0, 2] == 0 and (scores[1] == 0).all() and (scores[0, :2] > 0).all()


def test_a_domain_too_large_for_ease_is_named_with_the_memory_it_needs():
    with pytest.raises(UserError, match="0.0 GB of memory for the 25 items of 'd0'.* most_items=24"):
        learner(random_split(items=25), "ease", most_items=24)


@pytest.mark.parametrize("method", ["itemknn", "ease"])
def test_users_without_training_ratings_in_the_target_get_its_popularity(method):
    split = random_split(seed=4)
    cold = np.flatnonzero(groups(split, 0) == 1)
    assert len(cold) and (learner(split, method).score(0)(cold).numpy() == popularity(split, 0)).all()


@settings(max_examples=20, deadline=None)
@given(chunk=st.integers(1, 40), seed=st.integers(0, 3))
def test_chance_depends_on_seed_domain_and_user_only(chunk, seed):
    split = random_split()
    score, users = learner(split, "random", seed=seed).score, np.arange(len(split.ratings.users))
    whole = score(0)(users)
    pieces = [score(0)(users[start : start + chunk]) for start in range(0, len(users), chunk)]
    assert torch.equal(torch.cat(pieces), whole)
    assert not torch.equal(whole, score(1)(users))
    assert not torch.equal(whole, learner(split, "random", seed=seed + 1).score(0)(users))
    assert whole.unique(dim=0).shape == whole.shape


def test_merged_bpr_is_bpr_where_there_is_one_domain_only():
    split = random_split(domains=1, seed=7)
    merged, single = (learner(split, name, dim=4, learning_rate=3e-3) for name in ("bpr_merged", "bpr"))
    assert [merged.epoch() for _ in range(3)] == [single.epoch() for _ in range(3)]
    users = warm_users(split, 0)
    assert torch.equal(merged.score(0)(users), single.score(0)(users))


def test_merged_bpr_knows_the_taste_that_a_target_cold_user_shows_elsewhere():
    ratings = block_ratings(users=160, seed=1)
    part, early = split_ratings(ratings, 0).part.copy(), ratings.user < 40
    part[early & (ratings.domain == 0)], part[early & (ratings.domain == 1)] = VALID, TRAIN
    split = Split(ratings, 0, part)  # the first 40 users have no training ratings in domain 0
    merged = learner(split, "bpr_merged", dim=8, learning_rate=0.03)
    for _ in range(30):
        merged.epoch()
    user, item = (pd.Series(names).str[1:].astype(int) for names in (ratings.users[:40], ratings.items[0]))
    own = user.to_numpy()[:, None] % 4 == item.to_numpy() % 4
    scores = merged.score(0)(np.arange(40)).numpy()
    assert (groups(split, 0)[:40] == 1).all()
    assert np.mean([row[block].mean() > row[~block].mean() for row, block in zip(scores, own)]) > 0.9
