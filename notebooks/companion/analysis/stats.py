"""Who is better, and how sure that is (R30): paired tests over users and runs, corrected for their number.

Over users: each is averaged over the runs. Users of different seeds share ratings and all share the luck of
the trainings, which is taken as fixed: with thousands of users a lucky seed looks certain. Over runs: a new
seed is a new split and a new training, the luck in question, but n is the number of seeds, so there is little
power; and as splits overlap, this test too is surer than it should be. Over both: an interval about users
like these, whom other splits and starts would meet (`crossed_bootstrap`)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from adc.errors import UserError

LEVEL = 0.05
TESTS = ("p_users", "p_wilcoxon", "p_runs")
RESAMPLES = 2000  # of the bootstrap
DECIMALS = 12  # differences below this are rounding: the same scores averaged in another order stay a tie


class TTest(NamedTuple):
    """A mean, the two-sided p of its t-test against zero, and its 95 % interval."""

    mean: float
    p: float
    low: float
    high: float


def paired_t(differences: np.ndarray) -> TTest:
    """t-test of differences [n]; p is 1 if all are zero, and p and the interval are NaN if n = 1."""
    mean, n = float(differences.mean()), len(differences)
    if n < 2:
        return TTest(mean, np.nan, np.nan, np.nan)
    error = float(differences.std(ddof=1)) / n**0.5
    p = 2 * float(stats.t.sf(abs(mean) / error, n - 1)) if error else float(mean == 0)
    half = float(stats.t.ppf(1 - LEVEL / 2, n - 1)) * error
    return TTest(mean, p, mean - half, mean + half)


def crossed_bootstrap(values: pd.Series) -> tuple[float, float]:
    """95 % interval of the mean of values [(seed, user)] when seeds and users are both drawn anew, each with
    replacement and by itself (pigeonhole bootstrap, Owen 2007, Ann. Appl. Stat. 1:386); NaN with one seed.
    It says what other users would have given, rather too widely: a cell's noise counts twice or more."""
    wide = values.unstack("user")  # [seeds, users], NaN where a user cannot be evaluated
    present, (seeds, users) = wide.notna().to_numpy(float), wide.shape
    if seeds < 2:
        return np.nan, np.nan
    random = np.random.default_rng(0)
    by_seed = random.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)  # [resamples, seeds]
    by_user = random.multinomial(users, np.full(users, 1 / users), RESAMPLES)  # [resamples, users]
    sums = ((by_seed @ np.nan_to_num(wide.to_numpy())) * by_user).sum(1)
    counts = ((by_seed @ present) * by_user).sum(1)
    low, high = np.quantile(sums[counts > 0] / counts[counts > 0], (LEVEL / 2, 1 - LEVEL / 2))
    return float(low), float(high)


def over_seeds(table: pd.DataFrame, keys: Sequence[str], value: str) -> pd.DataFrame:
    """Mean of a column over the seeds: a row for each combination of `keys`, columns keys, value, p, low,
    high, seeds.
    table: one row a combination and seed."""
    rows = []
    for key, group in table.groupby(list(keys), sort=False):
        test = paired_t(group[value].to_numpy())
        rows.append((*key, test.mean, test.p, test.low, test.high, len(group)))
    return pd.DataFrame(rows, columns=[*keys, value, "p", "low", "high", "seeds"])


def wilcoxon(differences: np.ndarray) -> float:
    """Two-sided p of the signed-rank test of differences [n], zeros left out; 1 if all are zero."""
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def holm(p: Sequence[float]) -> np.ndarray:
    """Holm's correction of p [m], however the tests depend on each other. NaN (no test) stays, uncounted."""
    adjusted = np.array(p, dtype=float)
    order = np.argsort(adjusted)[: np.isfinite(adjusted).sum()]  # NaN sorts last
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(adjusted[order] * factors))
    return adjusted


def compare(scores: pd.DataFrame, method: str) -> pd.DataFrame:
    """Compare `method` with every other method on every target: one row a (target, other).

    scores: one metric of one protocol, columns `method, target, seed, user, value`. Only (seed, user) pairs
    that both methods have are used: a user may be evaluable in some splits only. Over users, each is averaged
    over her seeds, then all count alike; over runs, each seed is the mean of its users, and `difference_runs`
    is Table II's; over both, every pair counts alike.

    Columns: target, other; difference (method - other, over users), p_users, ci_low, ci_high, p_wilcoxon;
    difference_runs, p_runs, ci_low_runs, ci_high_runs (NaN with one seed); ci_low_both, ci_high_both
    (of `crossed_bootstrap`, likewise); users, seeds (how many);
    p_users_holm, p_wilcoxon_holm, p_runs_holm, corrected over all rows.

    UserError: two methods have no split in common."""
    rows = []
    for target, group in scores.groupby("target", sort=False):
        wide = group.pivot(index=["seed", "user"], columns="method", values="value")
        for other in (name for name in group["method"].unique() if name != method):
            pairs = wide[[method, other]].dropna()
            if pairs.empty:
                raise UserError(f"{target}: {method} and {other} have no split in common; use the same seeds")
            rows.append({"target": target, "other": other, **_tests(pairs[method], pairs[other])})
    table = pd.DataFrame(rows)
    return table.assign(**{f"{test}_holm": holm(table[test]) for test in TESTS})


def _tests(a: pd.Series, b: pd.Series) -> dict[str, float]:
    """The columns of `compare` for two series of scores [(seed, user)]."""
    users, runs = ((a - b).groupby(by).mean().round(DECIMALS).to_numpy() for by in ("user", "seed"))
    over_users, over_runs = paired_t(users), paired_t(runs)
    return {
        **dict(zip(("difference", "p_users", "ci_low", "ci_high"), over_users, strict=True)),
        **dict(zip(("difference_runs", "p_runs", "ci_low_runs", "ci_high_runs"), over_runs, strict=True)),
        **dict(zip(("ci_low_both", "ci_high_both"), crossed_bootstrap(a - b), strict=True)),
        "p_wilcoxon": wilcoxon(users), "users": len(users), "seeds": len(runs),
    }  # fmt: skip
