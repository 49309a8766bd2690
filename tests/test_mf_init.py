"""The start (§III-B(1), R22): the algebra, the objective, what it recovers, how the regulariser is chosen."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from small import random_split

from adc import mf_init
from adc.mf_init import factorize, initial_vectors
from adc.ratings import encode
from adc.split import TEST, TRAIN, split_ratings


@pytest.mark.parametrize(("d", "regulariser"), [(3, 0.5), (8, 0.5), (8, 1e-3), (40, 10.0)])
def test_every_row_is_the_ridge_solution(d, regulariser):
    """Rows of 0 to 30 ratings: those with fewer than d are solved in the dual, the others in the primal."""
    rng = np.random.default_rng(0)
    dense = np.zeros((31, 30))
    for row in range(31):
        dense[row, rng.permutation(30)[:row]] = rng.normal(size=row)
    dense[dense != 0] += 0.01
    other = rng.normal(size=(30, d)).astype(np.float32)
    solution = mf_init._solve(sp.csr_matrix(dense.astype(np.float32)), other, regulariser)
    for row in range(31):
        rated = dense[row] != 0
        v = other[rated].astype(np.float64)
        primal = np.linalg.solve(v.T @ v + regulariser * np.eye(d), v.T @ dense[row, rated])
        assert solution[row] == pytest.approx(primal, rel=1e-2, abs=2e-3)
    assert (solution[0] == 0).all()


def test_large_groups_of_equal_rows_are_solved_in_pieces_to_the_same_end():
    rng, n = np.random.default_rng(0), 20_000
    places = (np.repeat(np.arange(n), 2), np.tile([1, 3], n))
    matrix = sp.csr_matrix((rng.normal(size=2 * n).astype(np.float32), places), shape=(n, 5))
    other = rng.normal(size=(5, 300)).astype(np.float32)
    assert n > 4e6 / (2 * 300)  # so that there are pieces
    solution = mf_init._solve(matrix, other, 1.0)
    for row in (0, 6_700, n - 1):
        assert solution[row] == pytest.approx(mf_init._solve(matrix[row], other, 1.0)[0], abs=1e-5)


@pytest.mark.parametrize("regulariser", [0.3, 10.0])
def test_no_sweep_raises_the_objective(monkeypatch, regulariser):
    user, item, rating = random_split(users=60, items=40).of(0, TRAIN)
    residual = rating - rating.mean()
    matrix, valid = sp.csr_matrix((residual, (user, item))), (user[:1], item[:1], residual[:1])
    monkeypatch.setattr(mf_init, "TOLERANCE", 0.0)

    def objective(sweeps):
        monkeypatch.setattr(mf_init, "SWEEPS", sweeps)
        u, v, curve = mf_init._als(matrix, 8, regulariser, valid, np.random.default_rng(0))
        assert len(curve) == sweeps
        error = ((residual - (u[user] * v[item]).sum(1)) ** 2).sum()
        assert curve["train"].iloc[-1] == pytest.approx(np.sqrt(error / len(user)), rel=1e-4)
        return error + regulariser * ((u**2).sum() + (v**2).sum())

    values = [objective(sweeps) for sweeps in range(1, 12)]
    assert all(b <= a * (1 + 1e-5) for a, b in zip(values, values[1:])) and values[-1] < values[0]


def planted(noise=0.1, users=120, items=80, rank=2, share=0.5):
    """Ratings of a low-rank matrix, split."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(users, rank)) @ rng.normal(size=(items, rank)).T
    user, item = np.nonzero(rng.random(truth.shape) < share)
    table = pd.DataFrame({"user": [f"u{u:03d}" for u in user], "item": [f"i{i:03d}" for i in item]})
    rating = 3 + truth[user, item] + noise * rng.normal(size=len(user))
    return split_ratings(encode(table.assign(domain="d", rating=rating), "planted"), 0)


def errors(split, vectors, domain, part):
    """What means and vectors leave of the ratings of a part."""
    shape = (len(split.ratings.users), len(split.ratings.items[domain]))
    user, item, rating = split.of(domain, part)
    means = mf_init._means(*split.of(domain, TRAIN), shape)
    scores = (vectors.user[user] * vectors.item[item]).sum(1) * mf_init.unit(split.of(domain, TRAIN)[2])
    return rating - mf_init._predict(means, user, item) - scores


def test_a_planted_matrix_is_recovered_with_the_regulariser_of_the_lowest_validation_error():
    chosen = []
    for split in (planted(noise=0.1), planted(noise=3.0, share=0.2)):
        vectors = factorize(split, 0, dim=4)
        last = vectors.curve.groupby("regulariser")["valid"].last()
        assert set(last.index) == set(mf_init.REGULARISERS) and last.nunique() == len(last)
        assert vectors.regulariser == last.idxmin()
        alone = factorize(split, 0, 4, regularisers=(vectors.regulariser,))
        assert np.array_equal(alone.user, vectors.user) and np.array_equal(alone.item, vectors.item)
        chosen.append(vectors.regulariser)
        train, valid, test = (np.sqrt(np.mean(errors(split, vectors, 0, part) ** 2)) for part in range(3))
        curve = vectors.curve[vectors.curve["regulariser"] == vectors.regulariser].iloc[-1]
        assert [curve["train"], curve["valid"]] == pytest.approx([train, valid], rel=1e-4)
        assert len(chosen) == 2 or test < 0.35 * split.of(0, TEST)[2].std()
    assert chosen[0] < chosen[1]  # more noise, more regularisation


def test_means_are_damped_and_centre_the_ratings():
    user, item, rating = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 3.0, 1.0])
    overall, by_user, by_item = mf_init._means(user, item, rating, (3, 2))
    assert overall == 3
    assert by_user == pytest.approx([2 / 7, -2 / 6, 0])  # sums 2 and -2 over counts of 2 and 1, plus five
    assert by_item == pytest.approx([(2 - 2 / 7 - 2 + 2 / 6) / 7, (0 - 2 / 7) / 6])


@pytest.mark.parametrize("init", ["als", "als_literal", "random"])
def test_everyone_has_a_row_which_is_zero_without_training_ratings(init):
    split = random_split(member=0.5)
    vectors, member = initial_vectors(split, init, 7), split.membership()
    assert len(vectors) == 3 and not member.all()
    for k, (user, item) in enumerate((of_domain.user, of_domain.item) for of_domain in vectors):
        assert user.shape == (len(member), 7) and item.shape == (len(split.ratings.items[k]), 7)
        assert user.dtype == item.dtype == np.float32
        assert (user[~member[:, k]] == 0).all()
        assert (user[member[:, k]] != 0).any() == (init != "random") == (item != 0).any()


def test_starts_follow_the_seed_and_look_at_no_test_rating():
    split = random_split()
    vectors, (user, item, rating) = initial_vectors(split, "als_literal", 12)[0], split.of(0, TRAIN)
    assert (vectors.user[user] * vectors.item[item]).sum(1) == pytest.approx(rating, abs=0.1)  # as they are
    first, again, other = (factorize(split_ratings(split.ratings, seed), 0, 4) for seed in (0, 0, 1))
    assert np.array_equal(first.user, again.user) and not np.array_equal(first.user, other.user)
    split.ratings.rating[split.part == TEST] = 1000.0
    assert np.array_equal(factorize(split, 0, 4).item, first.item)
    # ratings that equal their means exactly are ratings all the same
    rows = [("d", f"u{u}", f"i{i}", 4.0) for u in range(12) for i in range(5)]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating"])
    vectors = factorize(split_ratings(encode(table, "tiny"), 0), 0, 3)
    assert np.isfinite(vectors.user).all() and vectors.curve["train"].max() == pytest.approx(0, abs=1e-6)
