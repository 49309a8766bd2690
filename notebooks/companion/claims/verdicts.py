"""The rules of the ledger (notebook 09): numbers in, a verdict out. Each docstring is the rule as the reader
sees it.

Intervals are 95 % t-intervals over seeds. With one seed there is none (`low` is None), and a rule that asks
for one cannot tell.
"""

from collections.abc import Mapping, Sequence

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
UNCLEAR, UNTESTABLE = "cannot be told from chance", "cannot be tested on this data"
NOT_RUN = "not run in this profile"
VERDICTS = (HOLDS, IN_PART, FAILS, UNCLEAR, UNTESTABLE, NOT_RUN)


def counted(true: int, total: int, unclear: int = 0) -> str:
    """Holds if it is so in every case; in part if in more than half of them; cannot be told if so many cases
    cannot be told from chance that it may be so in more than half."""
    if 2 * true <= total < 2 * (true + unclear):
        return UNCLEAR
    return _graded(true == total, 2 * true > total)


def above(differences: Mapping[str, float], low: float | None, high: float | None) -> str:
    """Cannot be told if the interval of the mean difference has zero within. Does not hold if it lies below;
    above, holds if the difference is above zero in every case, else in part."""
    return _by_interval(low, high, min(differences.values()) > 0)


def gained(low: float | None, high: float | None, paper: float) -> str:
    """Cannot be told if the interval of the mean gain has both zero and the paper's gain within. Holds if it
    lies above zero and reaches the paper's, in part if it lies above zero and below the paper's; else does
    not hold."""
    if low is None or high is None or low <= 0 and high >= paper:
        return UNCLEAR
    return _graded(low > 0 and high >= paper, low > 0)


def ordered(right: int, total: int, tau: float) -> str:
    """Holds if the methods stand in the paper's order in every domain; in part if Kendall's tau with that
    order, mean over the domains, is at least 0.6 (of ten pairs of methods two are the other way round)."""
    return _graded(right == total, tau >= 0.6 - 1e-9)


def near(value: float, paper: float, allowed: float) -> str:
    """Holds if the number is the paper's, up to what is allowed (rounding; 0.05 for a weight)."""
    return _graded(abs(value - paper) <= allowed + 1e-9, False)


def best_gamma(best: float, paper: float, of_all: float, clear: bool) -> str:
    """Cannot be told if the set's scores at all gammas (F-test), or at the best and the paper's, differ no
    more than by chance. Holds if the best gamma of the set is the paper's; in part if it lies on that side of
    the best gamma of all domains on which the paper's lies of its own, which is 2."""
    return _graded(best == paper, (best - of_all) * (paper - 2) > 0) if clear else UNCLEAR


def deeper(best: Sequence[int], low: float | None, high: float | None) -> str:
    """From the best depths, smallest domain first, and the interval of Kendall's tau of depth and size in
    each seed. Cannot be told if it has zero within; does not hold if it lies below. Above, holds if the
    depths never fall, else in part."""
    return _by_interval(low, high, all(a <= b for a, b in zip(best, best[1:], strict=False)))


def saturated(low: float, high: float, allowed: float) -> str:
    """Does not hold if the interval of what a larger value adds lies above zero; holds if it ends below what
    is allowed, a hundredth of the score; else cannot be told."""
    return FAILS if low > 0 else HOLDS if high < allowed else UNCLEAR


def untestable() -> str:
    """The sentence is about the paper's own data, and this is other data; or it is so by construction."""
    return UNTESTABLE


def not_run() -> str:
    """The runs that would decide it are not there."""
    return NOT_RUN


def _by_interval(low: float | None, high: float | None, always: bool) -> str:
    if low is None or high is None or low <= 0 <= high:
        return UNCLEAR
    return _graded(low > 0 and always, low > 0)


def _graded(holds: bool, partly: bool) -> str:
    return HOLDS if holds else IN_PART if partly else FAILS
