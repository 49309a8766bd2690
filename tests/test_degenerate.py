"""Ratings on any scale, and hardly any ratings: every method trains on them, and its scores are finite."""

import warnings

import numpy as np
import pandas as pd
import pytest
from small import random_ratings

from adc.evaluation import popularity
from adc.mf_init import factorize, unit
from adc.ratings import Ratings
from adc.split import split_ratings
from companion import registry

NETWORK = {"dim": 4, "hidden_layers": 1, "init": "als"}
FAST = {"epochs": 2, "patience": 2}
COLUMNS = ["domain", "user", "item", "rating"]


def split_of(rows, seed=0):
    return split_ratings(Ratings.from_frame(pd.DataFrame(rows, columns=COLUMNS), "tiny"), seed)


def stretched(change):
    """A small world with other ratings: `change` of stars from 1 to 5 and a random generator."""
    table, rng = random_ratings(domains=2, users=30, items=12).frame(), np.random.default_rng(0)
    return table.assign(rating=change(table["rating"].to_numpy(np.float64), rng))


def crossed(domains, users, items):
    """Everybody has rated everything."""
    places = np.ndindex(domains, users, items)
    return [(f"d{k}", f"u{u}", f"i{i}", 1.0 + (u + 2 * i) % 5) for k, u, i in places]


WORLDS = {
    "play counts": lambda: stretched(lambda r, rng: np.round(10 ** (r * rng.random(len(r))))),
    "seconds": lambda: stretched(lambda r, rng: 3600 * r + rng.integers(0, 3600, len(r))),
    "cents": lambda: stretched(lambda r, rng: r / 100),
    "half stars": lambda: stretched(lambda r, rng: r - 0.5),
    "likes": lambda: stretched(lambda r, rng: (r > 2).astype(float)),
    "negative": lambda: stretched(lambda r, rng: 20 * (r - 3)),
    "one value": lambda: stretched(lambda r, rng: np.full(len(r), 7.0)),
    "no pairs": lambda: [
        *crossed(1, 12, 8), *((f"thin{k}", f"u{k}{i}", f"i{i}", i % 5) for k in (0, 1) for i in range(14)),
    ],
    "complete": lambda: crossed(2, 8, 6), "two items": lambda: crossed(2, 9, 2),
    "one user": lambda: crossed(2, 1, 12), "fifty domains": lambda: crossed(50, 4, 5),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_every_method_trains_and_its_scores_are_finite(name):
    split = split_of(WORLDS[name]())
    for method in registry.METHODS:
        free = registry.method(method).Settings.__dataclass_fields__
        settings = {key: value for key, value in (NETWORK | FAST).items() if key in free}
        settings = {} if registry.method(method).Settings().epochs == 1 else settings
        config = registry.configure(method, "tiny", **settings)
        trained = registry.fit(config, split, show=False)
        for k in range(split.ratings.p):
            assert np.isfinite(trained.score(k)(np.arange(len(split.ratings.users))).numpy()).all(), method
        assert not trained.notes["diverged"], method


@pytest.mark.parametrize("init", ["als", "als_literal"])
@pytest.mark.parametrize("name", WORLDS)
def test_every_start_is_finite_and_of_the_same_size(name, init):
    split = split_of(WORLDS[name]())
    options = {} if init == "als" else {"regularisers": (1e-3,), "centred": False}
    for k in range(min(split.ratings.p, 2)):
        vectors = factorize(split, k, 20, **options)
        largest = max(np.abs(array).max() for array in (vectors.user, vectors.item))
        assert np.isfinite(largest) and largest < 60


def test_a_scale_ten_thousand_times_as_wide_gives_the_same_start_and_the_same_error_on_that_scale():
    splits = [split_of(stretched(lambda r, rng: scale * r)) for scale in (1.0, 1e4)]
    stars, plays = (factorize(split, 0, 4) for split in splits)
    np.testing.assert_allclose(plays.user, stars.user, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(plays.curve["valid"], 1e4 * stars.curve["valid"], rtol=1e-3)
    assert plays.regulariser == stars.regulariser


def test_stars_are_their_own_unit():
    for ratings, power in (([1, 5, 3], 1.0), ([0.5, 5], 1.0), ([1, 100_000, 400], 1e4 * 10), ([7, 7], 1.0)):
        assert unit(np.array(ratings, np.float32)) == pytest.approx(power)


def test_a_penalty_that_single_precision_loses_is_solved_in_double():
    from scipy.sparse import csr_matrix

    from adc.mf_init import _solve

    other = np.array([[3e4, 3e4]] * 3, np.float32)
    solved = _solve(csr_matrix(np.full((1, 3), 6e4, np.float32)), other, 1e-3)
    assert solved @ other[0] == pytest.approx(6e4, rel=1e-3)


@pytest.mark.parametrize("method", ["ease", "ease_merged", "itemknn", "itemknn_merged"])
def test_without_pairs_of_items_popularity_ranks(method):
    rows = [("thin", f"u{i}", f"i{i % 5 * (i % 3)}", i % 5) for i in range(40)]
    split = split_of(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained = registry.fit(registry.configure(method, "tiny"), split, show=False)
    scores, popular = trained.score(0)(np.arange(40)).numpy(), popularity(split, 0)
    assert (np.argsort(-scores, axis=1, kind="stable") == np.argsort(-popular, kind="stable")).all()
