"""Item-kNN, EASE, chance and BPR on the merged domains: by their definitions, and beside public libraries."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import block_ratings, random_split, split_from_rows

from adc.evaluation import evaluate, groups, popularity
from adc.split import TEST, TRAIN, VALID, Split, split_ratings
from companion import registry
from companion.rivals.ease import linked_items, weights
from companion.rivals.linear import SHARES, rating_matrix


def learner(split, method, **settings):
    return registry.learner(registry.configure(method, **settings), split)


def sums(learner, split, domain):
    """Scores of all users [n, m_k] without popularity's part."""
    popular = float(learner.arrays(domain)["popularity"]) * popularity(split, domain)
    return learner.score(domain)(np.arange(len(split.ratings.users))).numpy() - popular


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
        X = rating_matrix(split, k).toarray().astype(np.float64)
        expected = X @ similarity_by_hand(X, neighbours, shrinkage)
        np.testing.assert_allclose(sums(knn, split, k), expected, rtol=1e-5, atol=1e-5)


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
        X = rating_matrix(split, k).toarray().astype(np.float64)
        np.testing.assert_allclose(sums(ease, split, k), X @ ridge_by_columns(X, l2), rtol=1e-3, atol=1e-5)


def test_merged_models_are_those_of_all_items_side_by_side():
    split = random_split(seed=3, users=60, items=20, share=0.1)
    X = rating_matrix(split, 0, 1, 2).toarray().astype(np.float64)
    knn = learner(split, "itemknn_merged", neighbours=7, shrinkage=2.0), similarity_by_hand(X, 7, 2.0)
    ease = learner(split, "ease_merged", l2=5.0), ridge_by_columns(X, 5.0)
    ends = np.cumsum([0, *map(len, split.ratings.items)])
    for model, B in (knn, ease):
        for k, (a, b) in enumerate(zip(ends, ends[1:])):
            np.testing.assert_allclose(sums(model, split, k), X @ B[:, a:b], rtol=1e-3, atol=1e-5)


def test_ease_inverts_the_linked_items_with_the_most_ratings_where_there_are_more_than_it_may():
    split = random_split(seed=3, users=60, items=20)
    X = rating_matrix(split, 0, 1, 2).toarray().astype(np.float64)
    items = np.sort(np.argsort(-X.sum(0), kind="stable")[:30])
    expected = np.zeros_like(X)
    expected[:, items] = X[:, items] @ ridge_by_columns(X[:, items], 5.0)
    ease = learner(split, "ease_merged", l2=5.0, most_items=30)
    ours = np.concatenate([sums(ease, split, k) for k in range(3)], axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)


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
    scores = sums(learner(split, "ease"), split, 0)
    assert scores[0, 2] == 0 and (scores[1] == 0).all() and (scores[0, :2] > 0).all()


@pytest.mark.parametrize("method", ["itemknn", "ease"])
def test_users_cold_in_the_target_are_ranked_by_popularity_and_merged_by_what_they_rate_elsewhere(method):
    split = random_split(seed=4)
    cold, popular = np.flatnonzero(groups(split, 0) == 1), popularity(split, 0)
    scores = learner(split, method).score(0)(cold).numpy()
    assert len(cold) and (np.sign(scores[:, :, None] - scores[:, None]) ==
                          np.sign(popular[:, None] - popular)).all()  # fmt: skip
    merged = sums(learner(split, f"{method}_merged"), split, 0)
    assert (np.abs(merged[cold]).max(1) > 0).all()
    assert (np.abs(merged[groups(split, 0) == 2]) < 1e-6).all()


@pytest.mark.parametrize("method", ["itemknn", "itemknn_merged", "ease", "ease_merged"])
def test_popularity_counts_as_much_as_validation_ratings_choose_and_no_test_rating_does(method, monkeypatch):
    split, other = random_split(seed=6), random_split(seed=6)
    rows, rng = split.part == TEST, np.random.default_rng(0)
    other.ratings.rating[rows] = rng.permutation(other.ratings.rating[rows])
    other.ratings.user[rows] = rng.permutation(other.ratings.user[rows])
    one, two = learner(split, method), learner(other, method)
    assert all(one.arrays(k) == two.arrays(k) for k in range(3))
    values = iter([0.1, 0.2, 0.5, 0.5, 0.3, 0.1, 0.1, 0.1])
    monkeypatch.setattr("companion.rivals.linear.validate", lambda task, score: next(values))
    chosen = float(learner(split, method).arrays(0)["popularity"])
    monkeypatch.setattr("companion.rivals.linear.validate", lambda task, score: 0.0)
    smallest = float(learner(split, method).arrays(0)["popularity"])
    assert chosen / smallest == pytest.approx(SHARES[2] / SHARES[0])


def test_chance_is_chance_for_users_whom_all_others_rank_by_popularity():
    split = random_split(domains=2, users=900, items=40, share=0.05, member=0.6)
    table = {name: evaluate(split, 0, learner(split, name).score(0)) for name in ("random", "popularity")}
    cold = table["random"]["group"] == "cold"
    columns = [name for name in table["random"] if "@" in name]
    values = [of_method.loc[cold, columns].to_numpy() for of_method in table.values()]
    assert len(values[0]) > 3 and (values[0] != values[1]).any()


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
    users = np.flatnonzero(groups(split, 0) == 0)
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
