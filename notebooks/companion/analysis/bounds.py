"""The best score that Table I allows where users without a relevant test item count as zero.

Such a user's score is 0 and everybody's is 1 at most, so the mean is at most the share of users with a
relevant test item. An item is relevant if it is rated strictly above its user's mean (R24): of d ratings at
most d - 1 are. The share is largest, over all ways to give n users R ratings, by a linear programme."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from adc.metrics import Array
from adc.split import FRACTIONS
from companion.analysis.expected import log_choose
from companion.analysis.performance import TABLE_II
from companion.data.table1 import TABLE_I

DIVISORS = ("tested users", "all users", "all users, any split")


@dataclass(frozen=True)
class Bound:
    """The largest share. users: how many of which degree attain it; divisor: the share is of so many of them.
    slope: s of the certificate value q_d + s (d - R / n) >= p_d for every degree d."""

    value: float
    users: dict[int, float]
    divisor: float
    slope: float


def chances(size: tuple[int, int, int], divisor: str) -> tuple[Array, Array, Array]:
    """Degrees d = 1, 2, …; p_d, the largest chance that a user of degree d has a relevant test item; q_d,
    what she adds to the divisor. size: users, items, ratings of a domain; divisor: of DIVISORS."""
    n, m, ratings = size
    degree = np.arange(1, min(m, ratings - n + 1) + 1)
    if divisor == "all users, any split":
        return degree, (degree > 1).astype(float), np.ones(len(degree))
    tested = np.array(ratings - sum(round(ratings * share) for share in FRACTIONS))

    def hit(d):  # that one of d ratings at least is a test rating
        return -np.expm1(log_choose(ratings - d, tested) - log_choose(np.array(ratings), tested))

    return degree, hit(degree - 1), hit(degree) if divisor == "tested users" else np.ones(len(degree))


def bound(size: tuple[int, int, int], divisor: str = "tested users") -> Bound:
    """max Σ p_d x_d / Σ q_d x_d over x >= 0 with Σ x_d = n and Σ d x_d = R, as a linear programme in
    y = x / Σ q_d x_d (Charnes and Cooper)."""
    degree, p, q = chances(size, divisor)
    surplus = degree - size[2] / size[0]  # Σ surplus_d y_d = 0 is what both counts say of y
    widest = abs(surplus).max()
    answer = linprog(-p, A_eq=np.stack([q, surplus / widest]), b_eq=[1, 0], method="highs")
    users = answer.x * size[0] / answer.x.sum()
    attained = {int(d): float(x) for d, x in zip(degree, users) if x > 1e-6 * size[0]}
    slope = float(-answer.eqlin.marginals[1] / widest)
    return Bound(float(-answer.fun), attained, float(q @ users), slope)


def table() -> pd.DataFrame:
    """By domain of Table I: the bound for every divisor; by how much a run's share of the tested users varies
    around its expectation (a standard deviation); and the least and largest score that Table II prints."""
    rows = {}
    for name, size in TABLE_I.items():
        bounds = {divisor: bound(size, divisor) for divisor in DIVISORS}
        best = bounds["tested users"]
        rows[name] = {divisor: of.value for divisor, of in bounds.items()}
        rows[name]["± a run"] = (best.value * (1 - best.value) / best.divisor) ** 0.5
    return pd.DataFrame.from_dict(rows, orient="index").join(TABLE_II[["BPR", "ADC"]])


def summary(limits: pd.DataFrame) -> str:
    """Which printed scores are more than `table` allows, as Markdown."""
    lines = []
    for divisor in DIVISORS:
        for method in ("BPR", "ADC"):
            over = limits.index[limits[method] > limits[divisor]]
            of = limits.loc[over, [method, divisor]].itertuples()
            cells = [f"{name} ({printed:.4f} > {most:.4f})" for name, printed, most in of]
            lines += [f"- mean over {divisor}: {method} in {', '.join(cells)}"] if cells else []
    title = "**Printed scores that no method can reach where zeros count:**\n"
    return "\n".join([title, *(lines or ["none"])])
