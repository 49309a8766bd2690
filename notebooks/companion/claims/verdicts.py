"""The rules of the ledger (notebook 09): numbers in, a verdict out. Each docstring is the rule as the reader
sees it.

Intervals are 95 % t-intervals over seeds; with one seed there is none (`low` is None), and what asks for one
is open. A margin is what a difference must exceed to matter (`analysis.equivalence`).
"""

HOLDS, IN_PART, FAILS, OPEN = "holds", "holds in part", "does not hold", "open"
UNTESTABLE, NOT_RUN = "cannot be tested on this data", "not run in this profile"
VERDICTS = (HOLDS, IN_PART, FAILS, OPEN, UNTESTABLE, NOT_RUN)


def above(low: float | None, high: float | None, margin: float, denied: int = 0) -> str:
    """Does not hold if the interval of the mean difference lies below the margin: the contrary is so, or the
    difference is too small to matter. Holds if it lies above; in part if a domain's own interval, wide enough
    for all domains at once, lies below that domain's margin. Else open."""
    if low is None or high is None or low <= margin <= high:
        return OPEN
    return _graded(low > margin and not denied, low > margin)


def below(low: float | None, high: float | None, margin: float) -> str:
    """Holds if the interval lies below the margin, does not hold if it lies above; else open."""
    return {HOLDS: FAILS, FAILS: HOLDS}.get(above(low, high, margin), OPEN)


def reaches(low: float | None, high: float | None, margin: float, paper: float) -> str:
    """Does not hold if the interval of the mean gain lies below the margin. Above it, holds if the interval
    lies above two thirds of the paper's gain, else in part. Else open."""
    verdict = above(low, high, margin)
    return IN_PART if verdict == HOLDS and low <= paper * 2 / 3 else verdict


def counted(true: int, total: int, unclear: int = 0, denied: int = 0, most: float = 0.5) -> str:
    """Holds if every case does; in part if more than half of them do (of ten pairs of methods in an order,
    more than seven), or a single domain denies it; open if so many cases are open that it may be so in more;
    else does not hold."""
    if true <= most * total < true + unclear:
        return OPEN
    return _graded(true == total and not denied, true > most * total)


def always(true: int, total: int, unclear: int = 0) -> str:
    """Holds if every case does, does not hold if a single one does not; else open."""
    return FAILS if true + unclear < total else OPEN if unclear else HOLDS


def near(value: float, paper: float, allowed: float) -> str:
    """Holds if the number is the paper's, up to what rounding allows."""
    return _graded(abs(value - paper) <= allowed + 1e-9, False)


def untestable() -> str:
    """The sentence is about the paper's own data, and this is other data; or it is so by construction."""
    return UNTESTABLE


def not_run() -> str:
    """The runs that would decide it are not there."""
    return NOT_RUN


def _graded(holds: bool, partly: bool) -> str:
    return HOLDS if holds else IN_PART if partly else FAILS
