"""Training triples (R16, R17): what is drawn as a negative, and that an epoch meets every triple once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from small import random_split, split_from_rows, training_pairs

from adc.sampling import Triples, user_batches
from adc.split import TRAIN


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.integers(2, 15), st.floats(0.1, 0.95), st.integers(1, 7))
def test_no_negative_is_a_training_item_of_its_user(seed, items, share, negatives):
    split = random_split(domains=2, users=12, items=items, share=share, member=0.9, seed=seed)
    rng = np.random.default_rng(seed)
    for k in range(split.ratings.p):
        triples, rated = Triples(split, k, negatives, True, rng), training_pairs(split, k)
        m, drawn = len(split.ratings.items[k]), triples.draw(rng)
        assert drawn.shape == (len(triples.user), negatives)
        assert ((drawn >= 0) & (drawn < m)).all()
        user = np.repeat(triples.user, negatives)
        assert not set(zip(user.tolist(), drawn.ravel().tolist())) & rated
        count = np.bincount([user for user, _ in rated])
        positives = list(zip(triples.user.tolist(), triples.item.tolist()))
        assert sorted(positives) == sorted(pair for pair in rated if count[pair[0]] < m)


def test_negatives_are_uniform_over_what_the_user_has_not_rated_in_training(rng):
    split = random_split(users=6, items=20, share=0.5, member=1.0)
    triples = Triples(split, 0, 5, True, rng)
    drawn = np.stack([triples.draw(rng) for _ in range(400)])  # [400, T, 5]
    for user in np.unique(triples.user):
        count = np.bincount(drawn[:, triples.user == user].ravel(), minlength=triples.m)
        rated = triples.item[triples.user == user]
        assert (count[rated] == 0).all()
        assert chisquare(np.delete(count, rated)).pvalue > 1e-4
        held_out = set(split.of(0)[1][split.of(0)[0] == user].tolist()) - set(rated.tolist())
        assert held_out and all(count[item] > 0 for item in held_out)  # looking away from them would leak


def test_what_the_filter_lets_through_is_searched_for(rng):
    split = random_split(users=30, items=40, share=0.4)
    triples = Triples(split, 0, 1, True, rng)
    keys = np.arange(len(split.ratings.users) * triples.m)
    assert triples._where_rated(keys).tolist() == triples.training_keys.tolist()
    triples._filter[:] = True  # one that lets all through
    assert triples._where_rated(keys).tolist() == triples.training_keys.tolist()


def test_negatives_are_drawn_anew_or_once(rng):
    split = random_split()
    new, once = (Triples(split, 0, 3, resample, rng) for resample in (True, False))
    assert (new.draw(rng) != new.draw(rng)).any()
    assert (once.draw(rng) == once.draw(rng)).all()


def test_positives_may_be_those_not_below_their_users_mean(rng):
    rows = [("a", "ann", f"i{i}", float(i), TRAIN) for i in range(4)] + [("a", "bob", "i1", 1.0, TRAIN)]
    triples = Triples(split_from_rows([*rows, ("a", "cyd", "i5", 3.0, TRAIN)]), 0, 2, True, rng, "above_mean")
    assert list(zip(triples.user, triples.item)) == [(0, 2), (0, 3), (1, 1), (2, 4)]  # R23
    assert not set(triples.draw(rng)[:2].ravel()) & {0, 1, 2, 3}  # what is no positive is no negative either


def test_a_user_who_rated_everything_is_left_out_and_ends_no_loop(rng):
    rows = [("a", "ann", f"i{i}", 3.0, TRAIN) for i in range(3)] + [("a", "bob", "i1", 3.0, TRAIN)]
    triples = Triples(split_from_rows(rows), 0, 4, True, rng)
    assert triples.user.tolist() == [1] and set(triples.draw(rng).ravel()) <= {0, 2}
    assert Triples(split_from_rows(rows[:3]), 0, 4, True, rng).draw(rng).shape == (0, 4)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_epoch_meets_every_triple_once_in_the_row_of_its_user(size, rng):
    split = random_split(domains=3)
    domains, users = [Triples(split, k, 2, False, rng) for k in range(3)], split.training_users()
    negatives = [map(tuple, triples.draw(rng).tolist()) for triples in domains]
    expected = [set(zip(t.user.tolist(), t.item.tolist(), of_t)) for t, of_t in zip(domains, negatives)]
    met, order = [[] for _ in domains], []
    for of_batch, batch in user_batches(domains, users, size, rng):
        assert len(of_batch) <= size and len(batch) == 3
        order += of_batch.tolist()
        for k, (row, positive, negative) in enumerate(batch):
            assert (np.diff(row) >= 0).all()
            met[k] += zip(of_batch[row].tolist(), positive.tolist(), map(tuple, negative.tolist()))
    assert sorted(order) == users.tolist()
    assert all(len(met[k]) == len(expected[k]) and set(met[k]) == expected[k] for k in range(3))
    again = [of_batch for of_batch, _ in user_batches(domains, users, size, rng)]
    assert (np.concatenate(again) != order).any()  # in another order
