"""Ranks, recall and NDCG (§IV-B): by hand, by properties, and against ranx."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc import metrics
from adc.metrics import CUTOFFS, ndcg, ranks, recall


def rank(scores, pairs, candidates=None, seed=0):
    """Ranks of (row, item) pairs from plain lists."""
    scores = np.array(scores, dtype=np.float32)
    candidates = np.ones_like(scores, dtype=bool) if candidates is None else np.array(candidates, dtype=bool)
    row, item = np.array(pairs).T
    return ranks(scores, candidates, row, item, np.random.default_rng(seed))


def one_user(metric, places, n, **options):
    """A metric of one user whose relevant items have these ranks."""
    places = np.array(places)
    return metric(places, np.zeros(len(places), dtype=int), np.array([len(places)]), n, **options)[0]


def test_ranks_by_hand():
    scores = [[0.1, 0.9, 0.5, 0.7], [4.0, 3.0, 2.0, 1.0]]
    assert rank(scores, [(0, 0), (0, 1), (0, 2), (0, 3), (1, 3), (1, 0)]).tolist() == [4, 1, 3, 2, 4, 1]


def test_an_item_that_is_no_candidate_is_nobodys_rival():
    scores = [[9.0, 5.0, 9.0, 1.0]]
    assert rank(scores, [(0, 1)], [[0, 1, 1, 1]]) == [2]
    assert rank(scores, [(0, 1)], [[0, 1, 0, 1]]) == [1]
    assert all(rank([[5.0, 5.0, 5.0, 5.0]], [(0, 1)], [[0, 1, 0, 0]], seed) == [1] for seed in range(20))


def test_scores_of_minus_infinity_tie_with_each_other_but_not_with_the_masked():
    found = {rank([[-np.inf] * 4], [(0, 3)], [[0, 0, 1, 1]], seed)[0] for seed in range(50)}
    assert found == {1, 2}


def test_a_score_that_is_nan_is_refused():
    with pytest.raises(FloatingPointError, match="NaN"):
        rank([[1.0, np.nan, 3.0]], [(0, 1)])


def test_tied_items_of_a_user_get_the_ranks_of_their_group_each_once():
    scores, orders = [[2.0, 1.0, 1.0, 1.0, 0.0]] * 3, set()
    for seed in range(30):
        found = rank(scores, [(u, i) for u in range(3) for i in range(5)], seed=seed).reshape(3, 5)
        assert (found[:, 0] == 1).all() and (found[:, 4] == 5).all()
        assert (np.sort(found[:, 1:4], axis=1) == [2, 3, 4]).all()
        orders |= set(map(tuple, found[:, 1:4].tolist()))
    assert len(orders) == 6


def test_constant_scores_earn_no_more_and_no_less_than_chance():
    m, n, rows, seeds = 40, 10, 50, 40
    for item in (0, 17, m - 1):  # wherever the relevant item stands
        pairs = [(row, item) for row in range(rows)]
        hits = np.concatenate([rank(np.zeros((rows, m)), pairs, seed=seed) <= n for seed in range(seeds)])
        error = np.sqrt(n / m * (1 - n / m) / len(hits))
        assert abs(hits.mean() - n / m) < 4 * error


def test_ties_follow_the_seed():
    scores, pairs = np.zeros((8, 30)), [(row, 3) for row in range(8)]
    assert (rank(scores, pairs, seed=1) == rank(scores, pairs, seed=1)).all()
    assert (rank(scores, pairs, seed=1) != rank(scores, pairs, seed=2)).any()


@pytest.mark.parametrize("m", [1, 7, 90])
def test_ranks_are_the_same_however_they_are_counted(m, monkeypatch):
    rng = np.random.default_rng(m)
    scores, row = rng.integers(0, 12, (40, m)).astype(np.float32), np.sort(rng.integers(0, 40, 301))  # ties
    scores[scores == 0] = -np.inf
    item = rng.integers(0, m, len(row))
    found = []
    for name, value in (("ONE_BY_ONE", 0), ("ONE_BY_ONE", m), ("TOGETHER", 1), ("TOGETHER", 5 * m)):
        monkeypatch.setattr(metrics, name, value)
        found.append(ranks(scores, None, row, item, np.random.default_rng(0)).tolist())
    above = (scores[row] > scores[row, item][:, None]).sum(1)
    assert found[0] == found[1] == found[2] == found[3] and (np.array(found[0]) > above).all()
    assert all(place == more + 1 for place, more, own in zip(found[0], above, scores[row, item]) if own == -np.inf or m == 1)


def test_ties_in_one_place_do_not_move_the_ties_drawn_after():
    def second_call(first):
        rng = np.random.default_rng(0)
        everyone, row = np.ones((4, 9), dtype=bool), np.arange(4)
        ranks(first, everyone, row, row, rng)
        return ranks(np.zeros((4, 9)), everyone, row, row, rng).tolist()

    assert second_call(np.zeros((4, 9))) == second_call(np.arange(36.0).reshape(4, 9))


def test_recall_by_hand():
    assert [one_user(recall, [1, 2, 10], n) for n in (1, 5, 9, 10)] == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])
    assert one_user(recall, [1, 2, 3, 4], 2) == 0.5
    assert one_user(recall, [1, 2, 3, 4], 2, denominator="min") == 1


def test_ndcg_by_hand():
    gains = {1: 1.0, 2: 0.6309298, 10: 0.2890648}
    for place, gain in gains.items():
        assert one_user(ndcg, [place], 10) == pytest.approx(gain, abs=1e-6)
    ideal = 1 + 0.6309298 + 0.5
    assert one_user(ndcg, [1, 2, 10], 10) == pytest.approx(sum(gains.values()) / ideal, abs=1e-6)
    assert one_user(ndcg, [1, 2, 10], 5) == pytest.approx((1 + 0.6309298) / ideal, abs=1e-6)
    assert one_user(ndcg, [3, 4, 5], 2) == 0
    assert one_user(ndcg, [1, 7, 8], 2) == pytest.approx(1 / 1.6309298)  # only two places for three items


def test_ndcg_with_the_discount_as_printed():
    for place, gain in {1: 1.0, 2: 0.5, 10: 1 / (np.log2(10) + 1)}.items():
        assert one_user(ndcg, [place], 10, discount="log2(j)+1") == pytest.approx(gain)
    assert 1 / (np.log2(10) + 1) == pytest.approx(0.231, abs=5e-4)
    assert one_user(ndcg, [1, 2, 10], 10, discount="log2(j)+1") == pytest.approx(
        1.7313782 / (1.5 + 1 / (np.log2(3) + 1))
    )


def test_every_user_gets_her_own_value():
    place, user, relevant = np.array([1, 30, 2, 40]), np.array([0, 0, 1, 2]), np.array([2, 1, 1])
    assert recall(place, user, relevant, 5).tolist() == [0.5, 1, 0]
    assert ndcg(place, user, relevant, 5) == pytest.approx([1 / 1.6309298, 0.6309298, 0])


@st.composite
def ranked_users(draw):
    """Ranks of the relevant items of a few users among m, and the user of each."""
    m = draw(st.integers(1, 60))
    lists = draw(st.lists(st.sets(st.integers(1, m), min_size=1), min_size=1, max_size=6))
    user = np.repeat(np.arange(len(lists)), [len(places) for places in lists])
    return np.array([place for places in lists for place in sorted(places)]), user, np.bincount(user)


@settings(deadline=None)
@given(ranked_users(), st.integers(1, 30))
def test_values_are_within_0_and_1_and_recall_grows_with_n(case, n):
    for metric, options in ((recall, ("all", "min")), (ndcg, ("log2(j+1)", "log2(j)+1"))):
        for option in options:
            values = metric(*case, n, option)
            assert (values >= 0).all() and (values <= 1 + 1e-12).all()
    assert (recall(*case, n) <= recall(*case, n + 1)).all()
    assert (recall(*case, n, "min") >= recall(*case, n)).all()
    assert ((ndcg(*case, n) > 0) == (recall(*case, n) > 0)).all()


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 30))
def test_a_perfect_ranking_is_worth_1(counts, n):
    relevant = np.array(counts)
    place = np.concatenate([np.arange(1, count + 1) for count in counts])
    user = np.repeat(np.arange(len(counts)), counts)
    assert ndcg(place, user, relevant, n) == pytest.approx(np.ones(len(counts)))
    assert recall(place, user, relevant, n, "min") == pytest.approx(np.ones(len(counts)))
    assert recall(place, user, relevant, n) == pytest.approx(np.minimum(n, relevant) / relevant)


@settings(deadline=None)
@given(st.integers(0, 2**31))
def test_the_order_of_users_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    users, m = int(rng.integers(2, 8)), int(rng.integers(3, 30))
    scores = rng.permuted(np.tile(np.arange(m, dtype=np.float32), (users, 1)), axis=1)  # no ties
    candidates = rng.random((users, m)) < 0.7
    row, item = np.nonzero(rng.random((users, m)) < 0.3)
    candidates[row, item] = True
    moved = rng.permutation(users)  # user u now stands at moved[u]
    back = np.argsort(moved)
    here = ranks(scores, candidates, row, item, rng)
    there = ranks(scores[back], candidates[back], moved[row], item, rng)
    assert (here == there).all()
    count = np.bincount(row, minlength=users)
    has = count > 0
    for metric in (recall, ndcg):
        with np.errstate(invalid="ignore"):
            a, b = metric(here, row, count, 5), metric(there, moved[row], count[back], 5)
        assert (a[has] == b[moved][has]).all()


def test_against_ranx(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # compiling would take a minute, the lists are short
    ranx = pytest.importorskip("ranx")
    rng = np.random.default_rng(0)
    users, m = 60, 80
    scores = rng.permuted(np.tile(np.linspace(0.01, 1, m), (users, 1)), axis=1)  # no ties
    candidates, relevant = rng.random((users, m)) < 0.7, rng.random((users, m)) < 0.12
    relevant[:, 0] |= ~relevant.any(1)
    candidates |= relevant
    row, item = np.nonzero(relevant)
    place, count = ranks(scores, candidates, row, item, rng), relevant.sum(1)
    hits = {f"u{u:02d}": {f"i{i}": 1 for i in np.flatnonzero(relevant[u])} for u in range(users)}
    lists = {f"u{u:02d}": {f"i{i}": float(scores[u, i]) for i in np.flatnonzero(candidates[u])} for u in range(users)}
    names = [f"{metric}@{n}" for metric in ("recall", "ndcg") for n in CUTOFFS]
    theirs = ranx.evaluate(ranx.Qrels(hits), ranx.Run(lists), names, return_mean=False, make_comparable=True)
    assert count.max() > min(CUTOFFS)  # the ideal list is cut for some
    for name in names:
        metric = recall if name.startswith("recall") else ndcg
        assert metric(place, row, count, int(name.split("@")[1])) == pytest.approx(theirs[name], abs=1e-9), name
