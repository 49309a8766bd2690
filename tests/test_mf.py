"""The MF start (§III-B(1), R22): the algebra, the objective, what it recovers, and how the regulariser is chosen."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from small import block_ratings, random_parts
from threadpoolctl import threadpool_limits

from adc import mf
from adc.data.schema import encode
from adc.split import TRAIN, VALID, split


@pytest.mark.parametrize(("d", "regulariser"), [(3, 0.5), (8, 0.5), (8, 1e-3), (40, 10.0)])
def test_every_row_is_the_ridge_solution(d, regulariser):
    """Rows of 0 to 30 ratings: those with fewer than d are solved in the dual, the others in the primal."""
    rng = np.random.default_rng(0)
    dense = np.zeros((31, 30))
    for row in range(31):
        dense[row, rng.permutation(30)[:row]] = rng.normal(size=row)
    dense[dense != 0] += 0.01
    other = rng.normal(size=(30, d)).astype(np.float32)
    found = mf._solve(sp.csr_matrix(dense.astype(np.float32)), other, regulariser)
    for row in range(31):
        seen = dense[row] != 0
        v = other[seen].astype(np.float64)
        primal = np.linalg.solve(v.T @ v + regulariser * np.eye(d), v.T @ dense[row, seen])
        assert found[row] == pytest.approx(primal, rel=1e-2, abs=2e-3)
    assert (found[0] == 0).all()


def test_large_groups_of_equal_rows_are_solved_in_pieces_to_the_same_end():
    rng = np.random.default_rng(0)
    matrix = sp.csr_matrix(
        (rng.normal(size=40_000), (np.repeat(np.arange(20_000), 2), np.tile([1, 3], 20_000))), shape=(20_000, 5)
    )
    other = rng.normal(size=(5, 300)).astype(np.float32)
    assert 20_000 > 4e6 / (2 * 300)  # so that there are pieces
    found = mf._solve(matrix.astype(np.float32), other, 1.0)
    for row in (0, 6_700, 19_999):
        assert found[row] == pytest.approx(mf._solve(matrix[row].astype(np.float32), other, 1.0)[0], abs=1e-5)


@pytest.mark.parametrize("regulariser", [0.3, 10.0])
def test_no_sweep_raises_the_objective(monkeypatch, regulariser):
    parts = random_parts(users=60, items=40)
    user, item, rating = parts.of(0, TRAIN)
    shape = (len(parts.ratings.users), len(parts.ratings.items[0]))
    residual = rating - rating.mean()
    matrix, held = sp.csr_matrix((residual, (user, item)), shape=shape), (user[:1], item[:1], residual[:1])
    monkeypatch.setattr(mf, "TOLERANCE", 0.0)

    def objective(sweeps):
        monkeypatch.setattr(mf, "SWEEPS", sweeps)
        u, v, curve = mf._als(matrix, 8, regulariser, held, np.random.default_rng(0))
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
    table = pd.DataFrame({"domain": "d", "user": [f"u{u:03d}" for u in user], "item": [f"i{i:03d}" for i in item]})
    table["rating"] = 3 + truth[user, item] + noise * rng.normal(size=len(user))
    return split(encode(table, "planted"), 0)


def test_a_planted_matrix_is_recovered():
    parts = planted()
    start = mf.factorize(parts, 0, dim=4)
    user, item, rating = parts.of(0)
    unseen = parts.part != TRAIN
    base = mf._means(*parts.of(0, TRAIN), (len(parts.ratings.users), len(parts.ratings.items[0])))
    found = mf._predict(base, user, item) + (start.user[user] * start.item[item]).sum(1)
    error = np.sqrt(np.mean((found - rating)[unseen] ** 2))
    assert error < 0.35 * rating[unseen].std()
    assert start.curve["valid"].min() == pytest.approx(error, rel=0.3)


def test_the_regulariser_with_the_lowest_validation_error_is_kept():
    for parts in (planted(noise=0.1), planted(noise=3.0, share=0.2)):
        start = mf.factorize(parts, 0, dim=4)
        last = start.curve.groupby("regulariser")["valid"].last()
        assert set(last.index) == set(mf.REGULARISERS) and last.nunique() == len(last)
        assert start.regulariser == last.idxmin()
        alone = mf.factorize(parts, 0, 4, regularisers=(start.regulariser,))
        assert np.array_equal(alone.user, start.user) and np.array_equal(alone.item, start.item)
    assert mf.factorize(planted(noise=0.1), 0, 4).regulariser < start.regulariser  # noise asks for more


def test_the_curve_is_the_error_on_what_is_left_after_the_means():
    parts = random_parts(users=60)
    start = mf.factorize(parts, 1, dim=5)
    base = mf._means(*parts.of(1, TRAIN), (len(parts.ratings.users), len(parts.ratings.items[1])))
    last = start.curve[start.curve["regulariser"] == start.regulariser].iloc[-1]
    for part, column in ((TRAIN, "train"), (VALID, "valid")):
        user, item, rating = parts.of(1, part)
        rest = rating - mf._predict(base, user, item) - (start.user[user] * start.item[item]).sum(1)
        assert last[column] == pytest.approx(np.sqrt(np.mean(rest**2)), rel=1e-4)


def test_means_are_damped_and_centre_the_ratings():
    user, item, rating = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 3.0, 1.0])
    overall, by_user, by_item = mf._means(user, item, rating, (3, 2))
    assert overall == 3
    assert by_user == pytest.approx([2 / 7, -2 / 6, 0])  # sums 2 and -2 over counts of 2 and 1, plus five
    assert by_item == pytest.approx([(2 - 2 / 7 - 2 + 2 / 6) / 7, (0 - 2 / 7) / 6])


@pytest.mark.parametrize("kind", ["als", "als_literal", "random"])
def test_starts_have_a_row_for_everyone_zero_without_training_ratings(kind):
    parts = random_parts(member=0.5)
    starts = mf.starts(parts, kind, 7)
    assert len(starts) == 3
    for k, start in enumerate(starts):
        trained = np.isin(np.arange(len(parts.ratings.users)), parts.of(k, TRAIN)[0])
        assert start.user.shape == (len(trained), 7) and start.item.shape == (len(parts.ratings.items[k]), 7)
        assert start.user.dtype == start.item.dtype == np.float32
        assert not trained.all() and (start.user[~trained] == 0).all()
        assert (start.user[trained] != 0).any() == (kind != "random") == (start.item != 0).any()


def test_the_literal_start_approximates_the_raw_training_ratings():
    parts = random_parts()
    start = mf.starts(parts, "als_literal", 12)[0]
    user, item, rating = parts.of(0, TRAIN)
    assert (start.user[user] * start.item[item]).sum(1) == pytest.approx(rating, abs=0.1)


def test_starts_follow_the_seed_and_look_at_no_test_rating():
    data = block_ratings()
    first, again, other = (mf.starts(split(data, seed), "als", 4)[0] for seed in (0, 0, 1))
    assert np.array_equal(first.user, again.user) and not np.array_equal(first.user, other.user)
    parts = split(data, 0)
    parts.ratings.rating[parts.part == 2] = 1000.0
    assert np.array_equal(mf.starts(parts, "als", 4)[0].item, first.item)


def test_ratings_that_equal_their_means_exactly_are_ratings_all_the_same():
    rows = [(f"d{k}", f"u{u}", f"i{i}", 4.0) for k in range(2) for u in range(12) for i in range(5)]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating"])
    start = mf.factorize(split(encode(table, "tiny", ["d0", "d1"]), 0), 0, 3)
    assert np.isfinite(start.user).all() and start.curve["train"].max() == pytest.approx(0, abs=1e-6)


def test_a_start_has_the_same_bits_on_any_number_of_threads():
    rng = np.random.default_rng(0)
    rows = [("d0", f"u{u}", f"i{i}", float(rng.integers(1, 6))) for u in range(300) for i in rng.choice(200, 120, replace=False)]
    parts = split(encode(pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]), "tiny", ["d0"]), 0)
    starts = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            starts.append(mf.factorize(parts, 0, 64, regularisers=(1e-3,), centred=False))
    assert all(np.array_equal(starts[0].user, other.user) for other in starts[1:])
