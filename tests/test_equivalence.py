"""Judgements by a margin, and how often they err in simulated worlds."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from companion.analysis.equivalence import BETTER, NONE, OPEN, WORSE, judge
from companion.claims import measures, verdicts

MARGIN, WORLDS, LOOKS = 0.006, 1500, (5, 20)  # seeds at the first look and at the last


def test_outcomes_and_how_many_more_seeds_would_tell():
    around = lambda mean: mean + 0.001 * np.array([-1, 0, 1])  # half an interval: 0.0025
    outcomes = [judge(around(mean), MARGIN).outcome for mean in (0.01, -0.01, 0.002, 0.005)]
    assert outcomes == [BETTER, WORSE, NONE, OPEN]
    more = judge(around(0.005), MARGIN).more
    enough = np.tile(around(0.005), 10)[: 3 + more]
    assert more == 4 and judge(enough, MARGIN).above is False
    one = judge(np.array([1.0]), MARGIN)
    assert one.outcome == OPEN and one.above is None and one.more is None


def test_no_difference_is_two_one_sided_tests():
    values = np.random.default_rng(0).normal(0.001, 0.002, 8)
    for margin in (0.001, 0.002, 0.004, 0.008):
        sides = ((-margin, "greater"), (margin, "less"))
        p = [ttest_1samp(values, edge, alternative=side).pvalue for edge, side in sides]
        assert (judge(values, margin).outcome == NONE) == (max(p) <= 0.025)


@pytest.mark.parametrize(("effect", "wrong"), [(0.0, "holds"), (0.5, "holds"), (2.0, "does not hold")])
@pytest.mark.parametrize("spread", [0.5, 1.0, 3.0])
def test_a_rule_errs_in_one_of_twenty_simulated_worlds_at_most(effect, wrong, spread):
    rng, errors = np.random.default_rng(int(10 * effect + spread)), 0
    for _ in range(WORLDS):
        values = rng.normal(effect * MARGIN, spread * MARGIN, LOOKS[-1])
        for seeds in LOOKS:
            verdict = verdicts.above(**measures.limits(judge(values[:seeds], MARGIN)))
            if verdict != verdicts.OPEN:
                break
        errors += verdict == wrong
    assert errors <= 0.05 * WORLDS
