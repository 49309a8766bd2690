"""The rules of the ledger (notebook 09): numbers in, a verdict out. Each docstring is the rule as the reader sees it.

Intervals are 95 % t-intervals over seeds. With one seed there is none (`low` is None), and no rule that asks for one
can say more than "holds in part".
"""

from collections.abc import Mapping, Sequence

from scipy import stats

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
UNTESTABLE, NOT_RUN = "cannot be tested on this data", "not run in this profile"
VERDICTS = (HOLDS, IN_PART, FAILS, UNTESTABLE, NOT_RUN)


def counted(true: int, of: int) -> str:
    """Holds if it is so in every case; in part if in more than half of them."""
    return _graded(true == of, 2 * true > of)


def above(differences: Mapping[str, float], low: float | None) -> str:
    """Holds if the difference is above zero in every case and the interval of their mean is above zero; in part if the
    mean is above zero, and so are the interval or more than half of the cases."""
    values = list(differences.values())
    clear, most = low is not None and low > 0, 2 * sum(d > 0 for d in values) > len(values)
    return _graded(clear and min(values) > 0, sum(values) > 0 and (clear or most))


def gained(mean: float, low: float | None, high: float | None, paper: float) -> str:
    """Holds if the interval of the mean gain is above zero and reaches the paper's gain; in part if the mean gain is
    above zero."""
    return _graded(low is not None and high is not None and low > 0 and high >= paper, mean > 0)


def ordered(right: int, of: int, tau: float) -> str:
    """Holds if the methods stand in the paper's order in every domain; in part if Kendall's tau with that order, mean
    over the domains, is at least 0.6 (of ten pairs of methods two are the other way round)."""
    return _graded(right == of, tau >= 0.6 - 1e-9)


def near(value: float, paper: float, allowed: float) -> str:
    """Holds if the number is the paper's, up to what is allowed (rounding; 0.05 for a weight)."""
    return _graded(abs(value - paper) <= allowed + 1e-9, False)


def best_gamma(best: float, paper: float, beside: float) -> str:
    """Holds if the best gamma of the set is the paper's; in part if it lies on that side of the best gamma of all
    domains on which the paper's lies of its own, which is 2."""
    return _graded(best == paper, (best - beside) * (paper - 2) > 0)


def deeper(best: Sequence[int]) -> str:
    """From the best depths, smallest domain first. Holds if they never fall and the last is above the first; in part if
    Kendall's tau of depth and size is above zero."""
    rises = all(a <= b for a, b in zip(best, best[1:], strict=False)) and best[-1] > best[0]
    return _graded(rises, stats.kendalltau(range(len(best)), best).statistic > 0)  # NaN, all alike, is not


def saturated(low: float) -> str:
    """Holds unless the interval of what a larger value adds lies above zero."""
    return _graded(low <= 0, False)


def untestable() -> str:
    """The sentence is about the paper's own data, and this is other data; or nothing here can bear it out."""
    return UNTESTABLE


def not_run() -> str:
    """The runs that would decide it are not there."""
    return NOT_RUN


def _graded(holds: bool, partly: bool) -> str:
    return HOLDS if holds else IN_PART if partly else FAILS
