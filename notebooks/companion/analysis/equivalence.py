"""Is a difference above what matters, below it, or too small to matter? Said beforehand: MARGIN of the score.

A difference is judged by its 95 % t-interval over the seeds: it is *better* where the interval lies above the
margin, *worse* where it lies below minus the margin, *no difference that matters* where it lies between the
two (two one-sided tests, Schuirmann 1987), else *open*. Each side errs in at most 2.5 % of the looks at it,
so that who adds seeds once errs in at most 5 %, twice in 7.5 % (Bonferroni)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

MARGIN = 0.02  # of the score that the difference is taken from: a third of 6.14 %, the paper's smaller gain
LEVEL = 0.05
BETTER, WORSE, NONE, OPEN = "better", "worse", "no difference that matters", "open"
MOST_SEEDS = 100  # beyond which no number of seeds is named


@dataclass(frozen=True)
class Judgement:
    """A mean difference over n seeds, its interval (NaN with one), and the margin that it is judged by."""

    difference: float
    low: float
    high: float
    margin: float
    n: int
    more: int | None  # further seeds that would decide at this spread; None: decided, or out of reach

    @property
    def outcome(self) -> str:
        if self.low > self.margin:
            return BETTER
        if self.high < -self.margin:
            return WORSE
        return NONE if self.low >= -self.margin and self.high <= self.margin else OPEN

    @property
    def above(self) -> bool | None:
        """Whether the difference lies above the margin; None where that is open."""
        return True if self.low > self.margin else False if self.high < self.margin else None


def judge(differences: np.ndarray, margin: float,
          level: float | Callable[[np.ndarray], np.ndarray] = LEVEL) -> Judgement:  # fmt: skip
    """The judgement of paired differences [n], one a seed, by their interval of 1 - level; who looks at them
    again and again gives the level as a function of n."""
    differences = np.asarray(differences, dtype=float)
    n, mean = len(differences), float(differences.mean())
    if n < 2:
        return Judgement(mean, np.nan, np.nan, margin, n, None)
    spread = float(differences.std(ddof=1))
    spend = level if callable(level) else lambda sizes: level
    half = _half(spread, n, spend(n))
    decided = mean - half > margin or mean + half < margin
    sizes = np.arange(n + 1, MOST_SEEDS + 1)
    enough = sizes[_half(spread, sizes, spend(sizes)) < abs(mean - margin)]
    more = None if decided or not len(enough) else int(enough[0] - n)
    return Judgement(mean, mean - half, mean + half, margin, n, more)


def _half(spread: float, n: int | np.ndarray, level: float | np.ndarray) -> float | np.ndarray:
    """Half the width of the t-interval."""
    return stats.t.ppf(1 - level / 2, n - 1) * spread / np.sqrt(n)
