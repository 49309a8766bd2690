"""Training triples (R16, R17): what is drawn as a negative, and that an epoch meets every triple once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from small import parts_of, random_parts, training_pairs

from adc.sample import Triples, epoch
from adc.split import TRAIN


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.integers(2, 15), st.floats(0.1, 0.95), st.integers(1, 7))
def test_no_negative_is_a_training_item_of_its_user(seed, items, share, negatives):
    parts = random_parts(domains=2, users=12, items=items, share=share, member=0.9, seed=seed)
    rng = np.random.default_rng(seed)
    for k in range(parts.ratings.p):
        triples, rated = Triples(parts, k, negatives, True, rng), training_pairs(parts, k)
        drawn = triples.draw(rng)
        assert drawn.shape == (len(triples.user), negatives)
        assert ((drawn >= 0) & (drawn < len(parts.ratings.items[k]))).all()
        assert not {(u, i) for u, row in zip(triples.user.tolist(), drawn.tolist()) for i in row} & rated
        full = {u for u, _ in rated if sum(v == u for v, _ in rated) == len(parts.ratings.items[k])}
        positives = list(zip(triples.user.tolist(), triples.item.tolist()))
        assert sorted(positives) == sorted(pair for pair in rated if pair[0] not in full)


def test_negatives_are_uniform_over_what_the_user_has_not_rated_in_training():
    parts, rng = random_parts(users=6, items=20, share=0.5, member=1.0), np.random.default_rng(0)
    triples = Triples(parts, 0, 5, True, rng)
    drawn = np.stack([triples.draw(rng) for _ in range(400)])  # [400, T, 5]
    for user in np.unique(triples.user):
        count = np.bincount(drawn[:, triples.user == user].ravel(), minlength=triples.m)
        rated = triples.item[triples.user == user]
        assert (count[rated] == 0).all()
        assert chisquare(np.delete(count, rated)).pvalue > 1e-4
        held_out = set(parts.of(0)[1][parts.of(0)[0] == user].tolist()) - set(rated.tolist())
        assert held_out and all(count[item] > 0 for item in held_out)  # looking away from them would leak


def test_what_the_filter_lets_through_is_searched_for():
    parts = random_parts(users=30, items=40, share=0.4)
    triples = Triples(parts, 0, 1, True, np.random.default_rng(0))
    every = np.arange(len(parts.ratings.users) * triples.m)
    assert triples._known(every).tolist() == triples.rated.tolist()
    triples._filter[:] = True  # one that lets all through
    assert triples._known(every).tolist() == triples.rated.tolist()


def test_negatives_are_drawn_anew_or_once():
    parts, rng = random_parts(), np.random.default_rng(0)
    again, once = (Triples(parts, 0, 3, redraw, rng) for redraw in (True, False))
    assert (again.draw(rng) != again.draw(rng)).any()
    assert (once.draw(rng) == once.draw(rng)).all()


def test_a_user_who_rated_everything_is_left_out_and_ends_no_loop():
    rows = [("a", "ann", f"i{i}", 3.0, TRAIN) for i in range(3)] + [("a", "bob", "i1", 3.0, TRAIN)]
    rng = np.random.default_rng(0)
    triples = Triples(parts_of(rows), 0, 4, True, rng)
    assert triples.user.tolist() == [1] and set(triples.draw(rng).ravel()) <= {0, 2}
    everyone = Triples(parts_of(rows[:3]), 0, 4, True, rng)
    assert everyone.draw(rng).shape == (0, 4)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_epoch_meets_every_triple_once_in_the_row_of_its_user(size):
    parts, rng = random_parts(domains=3), np.random.default_rng(0)
    domains = [Triples(parts, k, 2, False, rng) for k in range(3)]
    users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
    wanted = [set(zip(t.user.tolist(), t.item.tolist(), map(tuple, t.draw(rng).tolist()))) for t in domains]
    met, order = [[] for _ in domains], []
    for some, batch in epoch(domains, users, size, rng):
        assert len(some) <= size and len(batch) == 3
        order += some.tolist()
        for k, (row, positive, negative) in enumerate(batch):
            met[k] += zip(some[row].tolist(), positive.tolist(), map(tuple, negative.tolist()))
    assert sorted(order) == users.tolist()
    for k in range(3):
        assert len(met[k]) == len(wanted[k]) and set(met[k]) == wanted[k]


def test_users_come_in_another_order_each_epoch():
    parts, rng = random_parts(), np.random.default_rng(0)
    domains, users = (
        [Triples(parts, k, 2, True, rng) for k in range(3)],
        np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64),
    )
    first, second = (np.concatenate([some for some, _ in epoch(domains, users, 8, rng)]) for _ in range(2))
    assert (first != second).any()
