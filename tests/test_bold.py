"""Bold in Table II (R30) is earned against every method, over users and runs: the cell of notebook 05."""

from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hand_made import long
from scipy.stats import ttest_1samp

from companion.analysis import stats

NOTEBOOK = ROOT / "notebooks" / "05_performance.ipynb"


@pytest.fixture(scope="module")
def cell():
    """The source of the cell that decides what is bold."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    (source,) = [cell.source for cell in cells if "paired-test" in cell.metadata.get("tags", [])]
    return source


@pytest.fixture
def bold(cell):
    """A function: scores of users -> by target, whether its best method's cell is bold."""

    def run(scores: pd.DataFrame) -> pd.Series:
        by_seed = scores.groupby(["target", "method", "seed"])["value"].mean()
        mean = by_seed.groupby(["target", "method"]).mean().unstack("method")
        performance = SimpleNamespace(user_scores=lambda chosen, protocol: scores)
        names = {"performance": performance, "stats": stats, "ttest_1samp": ttest_1samp, "pd": pd}
        names |= {"chosen": None, "mean": pd.concat({"full": mean, "sampled": mean})}
        exec(cell, names)
        return names["bold"]["full"]

    return run


def test_bold_takes_every_other_method_and_both_tests(bold):
    noise = np.random.default_rng(4).normal(0, 0.05, (3, 4, 5, 60))
    level = np.zeros((3, 4, 1, 1))
    level[0, 0], level[2, 2] = 0.2, 0.2  # target 0: a is best; 1: nobody; 2: c is best
    level[:2, 3] = 0.2  # target 3: a and b share the lead
    values = 0.4 + level + noise
    assert bold(long(values)).tolist() == [True, False, True, False]
    luck = np.array([0.9, -0.5, -0.3, 0.1, 0.0])[:, None]  # a's lead in target 0 is now one seed's
    values[0, 0] += luck - 0.15
    table = long(values)
    row = stats.compare(table, "a").iloc[0]
    assert row["p_users_holm"] < 0.05 and row["ci_low_runs"] < 0 < row["difference"]
    assert not bold(table).loc[0]
    assert bold(table[table["seed"] == 0]).loc[0]  # with one seed only the users decide


def test_runs_that_agree_do_not_outweigh_users_that_do_not(bold):
    values, gains = np.full((2, 1, 5, 40), 0.4), np.random.default_rng(5).normal(0, 0.3, 40)
    values[0] += gains - gains.mean() + 0.01  # the same users gain and lose in every seed
    values[0] += np.array([-2, -1, 0, 1, 2])[:, None] / 1000
    row = stats.compare(long(values), "a").iloc[0]
    assert row["ci_low_runs"] > 0 and row["p_users"] > 0.05
    assert not bold(long(values)).any()


def test_the_cell_tests_as_the_ledger_does(bold):
    values = np.random.default_rng(6).normal(0.4, 0.05, (3, 6, 3, 50))
    values[0] += np.linspace(0, 0.03, 6)[:, None, None]
    table = long(values)
    tests = stats.compare(table, "a")
    won = (tests["difference"] > 0) & (tests["p_users_holm"] < 0.05) & (tests["ci_low_runs"] > 0)
    best = table.groupby(["target", "method"])["value"].mean().unstack().idxmax(axis=1) == "a"
    assert (bold(table)[best] == won.groupby(tests["target"]).all()[best]).all() and bold(table)[best].any()


def test_a_lead_that_the_shared_seeds_turn_round_is_not_bold(bold):
    values = np.random.default_rng(11).normal(0.4, 0.05, (2, 1, 2, 50))
    values[1, :, 0] += 0.1
    values[0, :, 1] += 0.9  # a leads by a seed that b does not have
    table = long(values).query("method == 'a' or seed == 0")
    mean = table.groupby("method")["value"].mean()
    assert mean["a"] > mean["b"] and not bold(table).any()
