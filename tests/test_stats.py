"""The tests behind Table II (R30): by hand, against scipy, and by properties."""

import numpy as np
import pandas as pd
import pytest
from hand_made import long
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adc.errors import UserError
from companion.analysis import stats
from companion.analysis.sensitivity import rule_agreement
from companion.analysis.stats import TESTS, compare, holm, paired_t, wilcoxon

COLUMNS = ["method", "target", "seed", "user", "value"]
P = [*TESTS, *(f"{test}_holm" for test in TESTS)]
INTERVALS = (("p_users", "ci_low", "ci_high"), ("p_runs", "ci_low_runs", "ci_high_runs"))

pytestmark = pytest.mark.filterwarnings("error")
metric = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.631, 1.0])
keys = st.tuples(st.integers(0, 3), st.integers(0, 6))
pairs = st.dictionaries(keys, st.tuples(metric, metric, metric), min_size=1, max_size=25)


def scores(**methods):
    """Scores of target "toys": method=[[users of seed 0], [users of seed 1], …]; None: not evaluable."""
    rows = []
    for method, seeds in methods.items():
        for seed, users in enumerate(seeds):
            values = [(user, value) for user, value in enumerate(users) if value is not None]
            rows += [(method, "toys", seed, user, value) for user, value in values]
    return pd.DataFrame(rows, columns=COLUMNS)


def from_hypothesis(by_user, methods="abc"):
    """Scores of methods from what hypothesis drew."""
    rows = []
    for place, name in enumerate(methods):
        rows += [(name, "toys", *key, values[place]) for key, values in by_user.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_each_test_is_scipys():
    values = np.random.default_rng(1).random((2, 1, 4, 30))
    row = compare(long(values), "a").iloc[0]
    a, b = values[:, 0]
    for (test, low, high), axis in zip(INTERVALS, (0, 1), strict=True):
        theirs = scipy_stats.ttest_rel(a.mean(axis), b.mean(axis))
        interval = theirs.confidence_interval(0.95)
        assert row[[test, low, high]].tolist() == pytest.approx([theirs.pvalue, interval.low, interval.high])
    assert row["p_wilcoxon"] == pytest.approx(scipy_stats.wilcoxon(a.mean(0), b.mean(0)).pvalue)
    assert row["difference"] == pytest.approx(a.mean() - b.mean())
    assert (row["users"], row["seeds"]) == (30, 4)


def test_over_seeds_is_a_t_test_for_each_combination():
    table = pd.DataFrame({"a": [1, 1, 1, 2], "b": "x", "gain": [1.0, 2.0, 3.0, 5.0]})
    first, second = stats.over_seeds(table, ["a", "b"], "gain").itertuples(index=False)
    assert first == (1, "x", *paired_t(np.array([1.0, 2.0, 3.0])), 3)
    assert second[:3] == (2, "x", 5.0) and np.isnan(second.low) and second.seeds == 1


def test_wilcoxon_by_hand():
    assert wilcoxon(np.array([1.0, 2, 3, 4, -5])) == pytest.approx(2 * 10 / 32)  # of 32 signs 10 sum to <= 5
    assert wilcoxon(np.array([1.0, 2, 3, 4, -5, 0])) == wilcoxon(np.array([1.0, 2, 3, 4, -5]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == pytest.approx([1, 1])
    assert holm([]).size == 0
    assert np.allclose(holm([0.03, np.nan, 0.02]), [0.04, np.nan, 0.04], equal_nan=True)


@given(pairs)
@settings(deadline=None, max_examples=25)
def test_what_always_holds_of_a_table(by_user):
    table = compare(from_hypothesis(by_user), "a")
    assert table["other"].tolist() == ["b", "c"]
    p = table[P].to_numpy(dtype=float)
    assert ((p >= 0) & (p <= 1) | np.isnan(p)).all()
    assert (table["p_runs"].isna() == (table["seeds"] == 1)).all()
    assert (table["p_users"].isna() == (table["users"] == 1)).all()
    for test, low, high in INTERVALS:
        clear = table[table[test].notna() & (table[test] - 0.05).abs().gt(1e-6)]
        excludes_zero = (clear[low] > 0) | (clear[high] < 0)
        assert (excludes_zero == (clear[test] < 0.05)).all()


def test_a_user_counts_once_however_many_splits_evaluate_her():
    table = scores(a=[[0.6, 0.2, None], [1.0, None, 0.5]], b=[[0.2, 0.1, None], [0.2, None, 0.7]])
    row = compare(table, "a").iloc[0]  # users: (.4 + .8) / 2, .1, -.2; runs: (.4 + .1) / 2, (.8 - .2) / 2
    assert row["difference"] == pytest.approx((0.6 + 0.1 - 0.2) / 3)
    assert row["difference_runs"] == pytest.approx((0.25 + 0.3) / 2)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(paired_t(np.array([0.6, 0.1, -0.2]))[2:])
    assert row["p_runs"] == pytest.approx(paired_t(np.array([0.25, 0.3])).p)
    assert row[["users", "seeds"]].tolist() == [3, 2]


def test_only_what_both_methods_have_is_compared():
    table = scores(a=[[0.5, 0.4], [0.9, 0.8], [0.1, 0.3]], b=[[0.4, None], [0.5, 0.5]])
    row = compare(table, "a").iloc[0]  # user 0: (.1 + .4) / 2; user 1 in seed 1 alone: .3
    assert row["difference"] == pytest.approx((0.25 + 0.3) / 2)
    assert row["difference_runs"] == pytest.approx((0.1 + 0.35) / 2)
    assert (row["users"], row["seeds"]) == (2, 2)


def test_methods_without_a_seed_in_common_are_refused():
    with pytest.raises(UserError, match="toys: a and b have no split in common"):
        compare(scores(a=[[0.5, 0.4], [None]], b=[[None], [0.5, 0.5]]), "a")


def test_one_seed_means_no_test_over_runs_and_one_user_none_over_users():
    row = compare(scores(a=[[0.5, 0.6, 0.8]], b=[[0.1, 0.3, 0.4]]), "a").iloc[0]
    assert row[["p_runs", "p_runs_holm", "ci_low_runs", "ci_high_runs"]].isna().all()
    assert row["difference_runs"] == pytest.approx(row["difference"])
    row = compare(scores(a=[[0.5], [0.6]], b=[[0.4], [0.2]]), "a").iloc[0]
    assert row[["p_users", "ci_low", "ci_high"]].isna().all() and row["p_wilcoxon"] == 1
    assert row["difference"] == pytest.approx(0.25) and 0 < row["p_runs"] < 1


def test_the_same_scores_are_no_difference():
    row = compare(scores(a=[[0.5, 0.0], [0.3, 0.7]], b=[[0.5, 0.0], [0.3, 0.7]]), "a").iloc[0]
    assert row[P].eq(1).all()
    assert row[["difference", "ci_low", "ci_high", "ci_low_runs", "ci_high_runs"]].eq(0).all()
    shuffled = scores(a=[[0.1, 0.3], [0.3, 0.7], [0.7, 0.1]], b=[[0.7, 0.1], [0.1, 0.3], [0.3, 0.7]])
    row = compare(shuffled, "a").iloc[0]  # the same in another order
    assert row["difference"] == 0 and row["p_wilcoxon"] == row["p_users"] == 1


def test_a_difference_that_never_varies_is_certain():
    row = compare(scores(a=[[0.5, 0.75]] * 2, b=[[0.25, 0.5]] * 2), "a").iloc[0]
    assert row["p_users"] == row["p_runs"] == 0 and row["ci_low"] == row["ci_high"] == 0.25


def test_the_family_is_the_whole_table():
    table = compare(long(np.random.default_rng(0).random((3, 4, 3, 12))), "a")
    assert len(table) == 8
    for test in TESTS:
        assert np.allclose(table[f"{test}_holm"], holm(table[test]))


def test_users_drawn_anew_are_met_by_the_interval_over_both_but_not_by_the_one_over_runs():
    rng = np.random.default_rng(10)
    users, noise = rng.normal(0, 0.2, (100, 1, 30)), rng.normal(0, 0.05, (100, 4, 30))
    values = users + rng.normal(0, 0.02, (100, 4, 1)) + noise  # the mean of all users is 0
    table = compare(long(np.stack([values, np.zeros_like(values)])), "a")
    covered = lambda low, high: ((table[low] < 0) & (table[high] > 0)).mean()
    assert covered("ci_low_both", "ci_high_both") > 0.9
    assert covered("ci_low_runs", "ci_high_runs") < 0.75


def test_where_nothing_varies_between_users_the_bootstrap_is_that_of_seeds_by_hand():
    index = pd.MultiIndex.from_product([[0, 1], ["a", "b"]], names=["seed", "user"])
    values = pd.Series([0.0, 0.0, 1.0, 1.0], index)
    assert stats.crossed_bootstrap(values) == (0, 1)  # of two seeds one is drawn twice in half of the cases
    assert stats.crossed_bootstrap(values + 2) == (2, 3)
    assert np.isnan(stats.crossed_bootstrap(values[:2])).all()


def test_rank_agreement_by_hand():
    def rank_agreement(default, other):
        return rule_agreement(pd.DataFrame({"default": default, "R24": other}))["R24"]

    full = pd.Series({"adc": 0.3, "bpr": 0.2, "cdcf": 0.1, "random": 0.0})
    assert rank_agreement(full, full * 5) == pytest.approx(1)
    assert rank_agreement(full, -full) == pytest.approx(-1)
    other = pd.Series({"random": 0.1, "bpr": 0.6, "adc": 0.5, "easer": 0.9, "cdcf": np.nan})
    assert rank_agreement(full, other) == pytest.approx(1 / 3)  # of three pairs one is swapped
    assert np.isnan(rank_agreement(full, other[["easer"]]))
