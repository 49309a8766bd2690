"""The oracle that knows how synthetic ratings were made: the likeliest tastes, and what they are good for."""

import numpy as np
import pytest
from scipy.special import logsumexp

from companion.analysis import headroom
from companion.data import control, twin

STRENGTH = 2.0


@pytest.fixture(scope="module")
def invented():
    """Invented counts of 40 users in 3 domains, some of them none, and weights of the genres."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.exponential(0.7, (40, 3, 1)), (40, 3, twin.GENRES))
    return counts, rng.normal(2, 0.5, (3, twin.GENRES))


def loss(t, counts, by_genre, transfer):
    """Minus the log posterior of one user's t [p, GENRES], from the covariance itself, and its slope."""
    t, p = t.reshape(counts.shape), len(counts)
    precision = np.linalg.inv(np.full((p, p), transfer) + (1 - transfer) * np.eye(p))
    utility = by_genre + STRENGTH * t
    total = counts.sum(1, keepdims=True)
    log_share = utility - logsumexp(utility, axis=1, keepdims=True)
    value = 0.5 * (t * (precision @ t)).sum() - (counts * log_share).sum()
    return value, (precision @ t - STRENGTH * (counts - total * np.exp(log_share))).ravel()


@pytest.mark.parametrize("transfer", [0.0, 0.3, 0.9])
def test_the_slope_of_the_posterior_is_zero_at_the_likeliest_tastes(invented, transfer):
    counts, by_genre = invented
    for t, count in zip(headroom.likings(counts, by_genre, STRENGTH, transfer), counts):
        assert abs(loss(t.ravel(), count, by_genre, transfer)[1]).max() < 1e-6


def test_with_full_transfer_all_domains_have_one_taste(invented):
    joint = headroom.likings(*invented, STRENGTH, 1.0)
    np.testing.assert_allclose(joint[:, 0], joint[:, 2], atol=1e-12)
    assert not joint[invented[0].sum(axis=(1, 2)) == 0].any()


def test_the_oracle_gains_where_tastes_are_shared_and_nowhere_else():
    shared, apart = headroom.oracle("control-seed1", 1), headroom.oracle("control-t0.0-seed1", 1)
    assert list(shared.index) == [*control.DOMAINS, headroom.MEAN]
    assert shared.loc["target", "gain"] > 25 and abs(apart["gain"]).max() < 1e-6
    for table in (shared, apart):
        assert (table["alone"] > 2 * table["popularity"]).all()
        assert (table["jointly"] > table["alone"] - 1e-9).all()


def test_on_a_twin_it_beats_popularity_and_its_sentence_says_what_there_is_to_find():
    table = headroom.oracle("twin-s0.03")
    assert (table["alone"] > 1.2 * table["popularity"]).all()
    output, gain = headroom.sentence("twin-s0.03"), f"{table.loc[headroom.MEAN, 'gain']:.1f} % NDCG@10"
    assert output.startswith("Synthetic: ") and f"gains {gain}" in output
    assert headroom.sentence("movielens") == headroom.sentence("twin-12345678") == ""
