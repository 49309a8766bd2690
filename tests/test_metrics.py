"""Ranks, recall and NDCG (§IV-B): by hand, and against ranx."""

from itertools import product

import numpy as np
import pytest

from adc import metrics
from adc.metrics import CUTOFFS, ndcg, ranks, recall


def rank(scores, pairs, candidates=None, seed=0):
    """Ranks of (row, item) pairs from plain lists."""
    scores = np.array(scores, dtype=np.float32)
    scores[np.array(np.ones_like(scores) if candidates is None else candidates) == 0] = -np.inf
    row, item = np.array(pairs).T
    return ranks(scores, row, item, np.random.default_rng(seed))


def test_an_item_that_is_no_candidate_is_nobodys_rival():
    scores = [[9.0, 5.0, 9.0, 1.0]]
    assert rank(scores, [(0, 1)], [[0, 1, 1, 1]]) == [2]
    assert rank(scores, [(0, 1)], [[0, 1, 0, 1]]) == [1]
    assert all(rank([[5.0, 5.0, 5.0, 5.0]], [(0, 1)], [[0, 1, 0, 0]], seed) == [1] for seed in range(20))
    with pytest.raises(FloatingPointError, match="NaN"):
        rank([[1.0, np.nan, 3.0]], [(0, 1)])


def test_tied_items_of_a_user_get_the_ranks_of_their_group_each_once():
    scores, orders = [[2.0, 1.0, 1.0, 1.0, 0.0]] * 3, set()
    for seed in range(30):
        places = rank(scores, [(u, i) for u in range(3) for i in range(5)], seed=seed).reshape(3, 5)
        assert (places[:, 0] == 1).all() and (places[:, 4] == 5).all()
        assert (np.sort(places[:, 1:4], axis=1) == [2, 3, 4]).all()
        orders |= set(map(tuple, places[:, 1:4].tolist()))
    assert len(orders) == 6


@pytest.mark.parametrize("item", [0, 17, 39])  # wherever the relevant item stands
def test_constant_scores_earn_no_more_and_no_less_than_chance(item):
    m, n, pairs = 40, 10, [(row, item) for row in range(50)]
    hits = np.concatenate([rank(np.zeros((50, m)), pairs, seed=seed) <= n for seed in range(40)])
    assert abs(hits.mean() - n / m) < 4 * np.sqrt(n / m * (1 - n / m) / len(hits))


def test_ties_follow_the_seed_and_not_the_ties_drawn_before():
    scores, pairs = np.zeros((8, 30)), [(row, 3) for row in range(8)]
    assert (rank(scores, pairs, seed=1) == rank(scores, pairs, seed=1)).all()
    assert (rank(scores, pairs, seed=1) != rank(scores, pairs, seed=2)).any()

    def second_call(first):
        rng, row = np.random.default_rng(0), np.arange(4)
        ranks(first, row, row, rng)
        return ranks(np.zeros((4, 9)), row, row, rng).tolist()

    assert second_call(np.zeros((4, 9))) == second_call(np.arange(36.0).reshape(4, 9))


@pytest.mark.parametrize("m", [1, 7, 90])
def test_ranks_are_the_same_however_they_are_counted(m, monkeypatch):
    rng = np.random.default_rng(m)
    scores, row = rng.integers(0, 12, (40, m)).astype(np.float32), np.sort(rng.integers(0, 40, 301))  # ties
    scores[scores == 0] = -np.inf
    item, places = rng.integers(0, m, len(row)), []
    for name, value in (("ONE_BY_ONE", 0), ("ONE_BY_ONE", m), ("TOGETHER", 1), ("TOGETHER", 5 * m)):
        monkeypatch.setattr(metrics, name, value)
        places.append(ranks(scores, row, item, np.random.default_rng(0)).tolist())
    own = scores[row, item]
    above = (scores[row] > own[:, None]).sum(1)
    assert places[0] == places[1] == places[2] == places[3] and (np.array(places[0]) > above).all()
    first_of_tie = (own == -np.inf) | (m == 1)
    assert (np.array(places[0]) == above + 1)[first_of_tie].all()


@pytest.mark.parametrize(("metric", "options", "places", "n", "value"), [
    (recall, {}, [1, 2, 10], 1, 1 / 3), (recall, {}, [1, 2, 10], 9, 2 / 3), (recall, {}, [2, 10], 10, 1),
    (recall, {}, [1, 2, 3, 4], 2, 0.5), (recall, {"denominator": "min"}, [1, 2, 3, 4], 2, 1),  # R26
    (ndcg, {}, [1], 10, 1), (ndcg, {}, [2], 10, 0.6309298), (ndcg, {}, [10], 10, 0.2890648),
    (ndcg, {}, [1, 2, 10], 10, (1 + 0.6309298 + 0.2890648) / (1 + 0.6309298 + 0.5)),
    (ndcg, {}, [1, 2, 10], 5, (1 + 0.6309298) / (1 + 0.6309298 + 0.5)),
    (ndcg, {}, [3, 4, 5], 2, 0), (ndcg, {}, [1, 7, 8], 2, 1 / 1.6309298),  # only two places for three items
    (ndcg, {"discount": "log2(j)+1"}, [1], 10, 1), (ndcg, {"discount": "log2(j)+1"}, [2], 10, 0.5),  # R28
    (ndcg, {"discount": "log2(j)+1"}, [10], 10, 0.2313782),
    (ndcg, {"discount": "log2(j)+1"}, [1, 2, 10], 10, 1.7313782 / (1.5 + 1 / (np.log2(3) + 1))),
])  # fmt: skip
def test_recall_and_ndcg_by_hand(metric, options, places, n, value):
    of_one_user = np.array(places), np.zeros(len(places), dtype=int), np.array([len(places)])
    assert metric(*of_one_user, n, **options) == pytest.approx(value, abs=1e-6)


def test_against_ranx(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # compiling takes a minute, the lists are short
    ranx = pytest.importorskip("ranx")
    rng = np.random.default_rng(0)
    users, m = 60, 80
    scores = rng.permuted(np.tile(np.linspace(0.01, 1, m), (users, 1)), axis=1)  # no ties
    candidates, relevant = rng.random((users, m)) < 0.7, rng.random((users, m)) < 0.12
    relevant[:, 0] |= ~relevant.any(1)
    candidates |= relevant
    row, item = np.nonzero(relevant)
    place, count = ranks(np.where(candidates, scores, -np.inf), row, item, rng), relevant.sum(1)
    hits, lists = {}, {}
    for u in range(users):
        hits[f"u{u:02d}"] = {f"i{i}": 1 for i in np.flatnonzero(relevant[u])}
        lists[f"u{u:02d}"] = {f"i{i}": float(scores[u, i]) for i in np.flatnonzero(candidates[u])}
    assert count.max() > min(CUTOFFS)  # the ideal list is cut for some
    for metric, n in product((recall, ndcg), CUTOFFS):
        name, run = f"{metric.__name__}@{n}", (ranx.Qrels(hits), ranx.Run(lists))
        theirs = ranx.evaluate(*run, name, return_mean=False, make_comparable=True)
        assert metric(place, row, count, n) == pytest.approx(theirs, abs=1e-9), name
