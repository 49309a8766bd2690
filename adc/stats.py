"""Who is better, and how sure that is (R30): paired tests over users and over runs, corrected for their number.

Over users: each is averaged over the runs. Users of different seeds share ratings and all share the luck of the
trainings, which is taken as fixed: with thousands of users a lucky seed looks certain. Over runs: a new seed is a new
split and a new training, the luck in question, but n is the number of seeds, so there is little power; and as splits
overlap, this test too is surer than it should be.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from adc.errors import UserError

LEVEL = 0.05
TESTS = ("p_users", "p_wilcoxon", "p_runs")
DECIMALS = 12  # a difference below this is rounding: the same scores met in another order must stay a tie


def paired_t(d: np.ndarray) -> tuple[float, float, float, float]:
    """Mean of d [n], two-sided p of the t-test (1 if all are zero), 95 % interval; the last three NaN if n = 1."""
    mean, n = float(d.mean()), len(d)
    if n < 2:
        return mean, np.nan, np.nan, np.nan
    error = float(d.std(ddof=1)) / n**0.5
    p = 2 * float(stats.t.sf(abs(mean) / error, n - 1)) if error else float(mean == 0)
    half = float(stats.t.ppf(1 - LEVEL / 2, n - 1)) * error
    return mean, p, mean - half, mean + half


def levels_differ(scores: np.ndarray) -> float:
    """p of the F-test that scores [seeds, levels] differ from level to level by more than they do within the seeds (analysis of
    variance, two ways, without interaction); NaN with one seed or one level."""
    seeds, levels = scores.shape
    if min(seeds, levels) < 2:
        return np.nan
    of_level = scores.mean(0) - scores.mean()
    rest = scores - scores.mean(1, keepdims=True) - of_level
    between, within = seeds * (of_level**2).sum() / (levels - 1), (rest**2).sum() / ((levels - 1) * (seeds - 1))
    return float(stats.f.sf(between / within, levels - 1, (levels - 1) * (seeds - 1))) if within else float(between == 0)


def wilcoxon(d: np.ndarray) -> float:
    """Two-sided p of the signed-rank test of the differences d [n], zeros left out; 1 if all are."""
    return float(stats.wilcoxon(d).pvalue) if d.any() else 1.0


def holm(p: Sequence[float]) -> np.ndarray:
    """Holm's correction of p [m], valid however the tests depend on each other. NaN (no test) stays, uncounted."""
    adjusted = np.array(p, dtype=float)
    order = np.argsort(adjusted)[: np.isfinite(adjusted).sum()]  # NaN sorts last
    adjusted[order] = np.minimum(1, np.maximum.accumulate(adjusted[order] * np.arange(len(order), 0, -1)))
    return adjusted


def compare(scores: pd.DataFrame, method: str | pd.Series, others: Sequence[str]) -> pd.DataFrame:
    """Compare `method` with each of `others` on every target: one row a (target, other).

    scores: one metric of one protocol, columns `method, target, seed, user, value`. `method`: one, or one a target (see
    `earned`); among `others` it is skipped. Only (seed, user) pairs that both methods have are used: a user may be
    evaluable in some splits only. Over users, each is averaged over these seeds of hers, then all count alike; over
    runs, each seed is the mean of its users, and `difference_runs` is Table II's.

    Columns: target, method, other; difference (method - other, over users), p_users, ci_low, ci_high, p_wilcoxon,
    relative (% of the other's mean); difference_runs, p_runs, ci_low_runs, ci_high_runs (NaN with one seed); wins,
    ties, losses (users); users, seeds; p_users_holm, p_wilcoxon_holm, p_runs_holm, corrected over all rows.

    UserError: a score is not finite or is there twice, two methods share no split, or there is no other method.
    """
    _check(scores)
    rows = []
    for target, some in scores.groupby("target", sort=False):
        wide = some.pivot(index=["seed", "user"], columns="method", values="value")
        mine = method if isinstance(method, str) else method[target]
        for other in (name for name in others if name != mine):
            both = wide.reindex(columns=[mine, other]).dropna()
            if both.empty:
                raise UserError(f"{target}: {mine} and {other} have no split in common. Run both with the same seeds.")
            rows.append({"target": target, "method": mine, "other": other, **_row(both[mine], both[other])})
    if not rows:
        raise UserError(f"Nothing to compare {method} with: name another method and give scores.")
    table = pd.DataFrame(rows)
    return table.assign(**{f"{test}_holm": holm(table[test]) for test in TESTS})


def _check(scores: pd.DataFrame) -> None:
    key = ["method", "target", "seed", "user"]
    for bad, fault, cure in (
        (~np.isfinite(scores["value"]), "is not a finite number", "Look at that run, or leave it out and say so."),
        (scores.duplicated(key), "is there twice", "Choose one protocol, metric, cut-off and variant first."),
    ):
        if bad.any():
            where = ", ".join(f"{name} {scores.loc[bad, name].iloc[0]}" for name in key)
            raise UserError(f"The score of {where} {fault} ({bad.sum()} such rows). {cure}")


def _row(a: pd.Series, b: pd.Series) -> dict:
    users, runs = ((a - b).groupby(by).mean().round(DECIMALS).to_numpy() for by in ("user", "seed"))
    base = b.groupby("user").mean().mean()  # of the other, over the same users
    row = dict(zip(("difference", "p_users", "ci_low", "ci_high"), paired_t(users), strict=True))
    row |= {"p_wilcoxon": wilcoxon(users), "relative": 100 * row["difference"] / base if base else np.nan}
    row |= zip(("difference_runs", "p_runs", "ci_low_runs", "ci_high_runs"), paired_t(runs), strict=True)
    row |= {"wins": (users > 0).sum(), "ties": (users == 0).sum(), "losses": (users < 0).sum()}
    return row | {"users": len(users), "seeds": len(runs)}


def earned(table: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """Which cells of Table II may be bold: bool [targets, methods], from `compare` and means [targets, methods].

    The best method of a target must beat every other that was run there, with Holm-corrected p < .05 over users and,
    given two seeds, with the 95 % interval over runs above zero. Either alone is too easy: over users a lucky training
    looks certain; the interval over a few runs is not corrected, and they may agree on what few users bear out. A
    comparison not made is not won: the table is to be `compare(scores, means.idxmax(axis=1), means.columns)`.
    """
    bold = pd.DataFrame(False, index=means.index, columns=means.columns)
    over_users, over_runs = table["p_users_holm"] < LEVEL, (table["seeds"] < 2) | (table["ci_low_runs"] > 0)
    won = table[(table["difference"] > 0) & over_users & over_runs]
    for target, row in means.iterrows():
        best, *rivals = row.dropna().sort_values(ascending=False).index
        beaten = set(won.loc[(won["target"] == target) & (won["method"] == best), "other"])
        bold.loc[target, best] = bool(rivals) and beaten >= set(rivals)
    return bold


def words(table: pd.DataFrame) -> str:
    """What the tests of `compare` found, and which were not made, in words."""
    users, wilcoxons, runs = (table[f"{test}_holm"] < LEVEL for test in TESTS)
    users, runs = users * np.sign(table["difference"]), runs * np.sign(table["difference_runs"])
    single = (table["seeds"] < 2).sum()
    return (
        f"Of {len(table)} comparisons, corrected together (Holm, p < {LEVEL:g}): t-test over users better in "
        f"{(users > 0).sum()}, worse in {(users < 0).sum()}; Wilcoxon over users different in {wilcoxons.sum()}; "
        f"t-test over runs better in {(runs > 0).sum()}, worse in {(runs < 0).sum()}."
    ) + (f" In {single} there is only one seed, so no test over runs was made." if single else "")


def agreement_of_rankings(a: pd.Series, b: pd.Series) -> float:
    """Kendall's tau-b of two rankings, given as scores by method, over the methods in both; NaN if fewer than two."""
    both = pd.concat([a, b], axis=1, join="inner").dropna()
    return float(stats.kendalltau(both.iloc[:, 0], both.iloc[:, 1]).statistic) if len(both) > 1 else np.nan
