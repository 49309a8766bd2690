"""Bold in Table II (R30) is earned against every other method, over users and over runs."""

import numpy as np
import pytest
from scored import long

from adc.stats import compare, earned

pytestmark = pytest.mark.filterwarnings("error")


def means_of(table):
    each = table.groupby(["target", "method", "seed"])["value"].mean()
    return each.groupby(["target", "method"]).mean().unstack("method")


def bold(table):
    means = means_of(table)
    return earned(compare(table, means.idxmax(axis=1), means.columns), means)


def test_bold_takes_every_other_method_and_both_tests():
    noise = np.random.default_rng(4).normal(0, 0.05, (3, 4, 5, 60))
    level = np.zeros((3, 4, 1, 1))
    level[0, 0], level[2, 2] = 0.2, 0.2  # target 0: a is best; 1: nobody; 2: c is best
    level[:2, 3] = 0.2  # target 3: a and b share the lead
    values = 0.4 + level + noise
    nobody = [False, False, False]
    assert bold(long(values)).to_numpy().tolist() == [[True, False, False], nobody, [False, False, True], nobody]
    luck = np.array([0.9, -0.5, -0.3, 0.1, 0.0])[:, None]  # a's lead in target 0 is now one seed's
    values[0, 0] += luck - 0.15
    table = long(values)
    row = compare(table, "a", ["b"]).iloc[0]
    assert row["p_users_holm"] < 0.05 and row["ci_low_runs"] < 0 < row["difference"]
    assert not bold(table).loc[0].any()
    assert bold(table[table["seed"] == 0]).loc[0, "a"]  # with one seed only the users can be asked


def test_runs_that_agree_do_not_outweigh_users_that_do_not():
    values, gains = np.full((2, 1, 5, 40), 0.4), np.random.default_rng(5).normal(0, 0.3, 40)
    values[0] += gains - gains.mean() + 0.01  # the same users gain and lose in every seed
    values[0] += np.array([-2, -1, 0, 1, 2])[:, None] / 1000
    row = compare(long(values), "a", ["b"]).iloc[0]
    assert row["ci_low_runs"] > 0 and row["p_users"] > 0.05
    assert not bold(long(values)).to_numpy().any()


def test_a_comparison_that_was_not_made_is_not_won():
    values = np.random.default_rng(6).normal(0.4, 0.05, (3, 1, 3, 50))
    values[0] += 0.3
    table = long(values)
    means = means_of(table)
    assert earned(compare(table, "a", ["b", "c"]), means).loc[0].tolist() == [True, False, False]
    assert not earned(compare(table, "a", ["b"]), means).to_numpy().any()
    assert not earned(compare(table, "b", ["a", "c"]), means).to_numpy().any()
    alone = earned(compare(table, "a", ["b"]), means.assign(c=np.nan))  # c was not run there
    assert alone.loc[0].tolist() == [True, False, False]
    assert not earned(compare(table, "a", ["b"]), means[["a"]]).to_numpy().any()


def test_a_lead_that_the_shared_seeds_turn_round_is_not_bold():
    values = np.random.default_rng(11).normal(0.4, 0.05, (2, 1, 2, 50))
    values[1, :, 0] += 0.1
    values[0, :, 1] += 0.9  # a leads by a seed that b does not have
    table = long(values).query("method == 'a' or seed == 0")
    means = means_of(table)
    assert means.loc[0, "a"] > means.loc[0, "b"]
    assert not bold(table).to_numpy().any()


def test_bold_is_rare_among_equals_though_the_best_is_chosen_after_the_fact():
    table = long(np.random.default_rng(10).normal(0.3, 0.1, (3, 80, 1, 20)))
    means = means_of(table)
    found = compare(table, means.idxmax(axis=1), means.columns)
    assert earned(found.assign(p_users_holm=found["p_users"]), means).any(axis=1).mean() < 0.065
    assert earned(found, means).to_numpy().sum() <= 1
