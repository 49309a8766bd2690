"""What the ledger measures for each claim: from the `Evidence` to a `Finding`, whose rule decides.

A mean over the domains is taken within each seed; its 95 % interval is over the seeds (R31), given as ±.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from adc import stats, studies
from adc.claims import verdicts
from adc.claims.evidence import Evidence, Finding
from adc.data.table1 import TABLE_I
from adc.report import NAMES
from adc.results import performance
from adc.results.performance import IMPROVED, RIVALS, TABLE_II

H, GAMMA = studies.BASE["hidden_layers"], studies.BASE["gamma"]
DENSITY = dict(zip(TABLE_I, (0.031, 0.022, 0.038, 0.017, 0.010, 0.059), strict=True))  # Table I, %


# --- helpers -----------------------------------------------------------------------------------------------------


def missing(what: str) -> Finding:
    """A claim whose runs are not there."""
    return Finding(f"not there: {what}", "–", verdicts.not_run)


def too_few() -> Finding:
    """A claim about more domains than the data has."""
    return Finding("the data has too few domains", "–", verdicts.untestable)


def scores(e: Evidence, metric: str = "ndcg", lengths: Sequence[int] = (10,)) -> pd.DataFrame:
    """Of Table II's runs [seed, (method, target)], mean over the lengths of the list."""
    rows = performance.values(e.chosen, "full", metric, None)
    rows = rows[rows["n"].isin(lengths)]
    return rows.pivot_table(index="seed", columns=["method", "target"], values="value")


def curve(
    e: Evidence, domains: Sequence[str] = (), by: str = "gamma", balancer: str = "gradnorm", only: Sequence[float] = ()
) -> pd.DataFrame:
    """Of the parameter analysis [seed, (h or gamma, target)]: by h at gamma 2, by gamma (or of static) at h 3. Only
    seeds that have every value; of those in `only`, if any."""
    some = e.study[(e.study["domains"] == ",".join(sorted(domains))) & (e.study["balancer"] == balancer)]
    fixed = some["gamma"] == GAMMA if by == "hidden_layers" else some["hidden_layers"] == H
    wanted = fixed & (some[by].isin(only) if only else True)
    return some[wanted].pivot(index="seed", columns=[by, "target"], values="value").dropna()


def tried(table: pd.DataFrame) -> list[float]:
    """The values of h or gamma in a `curve`."""
    return sorted(set(table.columns.get_level_values(0))) if len(table) else []


def counted_seeds(table: pd.DataFrame) -> str:
    return f"{len(table)} seed{'s' * (len(table) != 1)}"


def plus_minus(d: pd.Series, digits: int = 4) -> tuple[str, float, float | None, float | None]:
    """The mean of d [seeds] ± its interval in words; mean, low, high (None with one seed)."""
    mean, _, low, high = stats.paired_t(d.to_numpy())
    if math.isnan(low):
        return f"{mean:+.{digits}f} (one seed)", mean, None, None
    return f"{mean:+.{digits}f} ± {mean - low:.{digits}f}", mean, low, high


def margin(mine: pd.DataFrame, other: pd.DataFrame) -> Finding:
    """mine above other, both [seed, target]."""
    gap = (mine - other).dropna()
    each = gap.mean()
    said, _, low, high = plus_minus(gap.mean(axis=1))
    words = f"{said}; above in {(each > 0).sum()} of {len(each)} domains"
    return Finding(words, counted_seeds(gap), verdicts.above, {"differences": each.to_dict(), "low": low, "high": high})


def single(gap: pd.Series, name: str, words: str) -> Finding:
    """One difference a seed, above zero."""
    said, mean, low, high = plus_minus(gap)
    return Finding(f"{words}: {said}", counted_seeds(gap), verdicts.above, {"differences": {name: mean}, "low": low, "high": high})


def counted(true: int, of: int, words: str, n: str, untold: int = 0) -> Finding:
    return Finding(words, n, verdicts.counted, {"true": int(true), "of": int(of), "untold": int(untold)})


def best(table: pd.DataFrame) -> pd.Series:
    """The value of h or gamma with the highest mean over seeds for each target of a `curve`."""
    return table.mean().unstack(0).idxmax(axis=1)


def differs(levels: pd.DataFrame) -> bool:
    """Whether scores [seed, level] differ from level to level by more than chance."""
    return stats.levels_differ(levels.to_numpy()) < stats.LEVEL


def is_the_papers(levels: pd.DataFrame, paper: float) -> bool | None:
    """Whether the best level of scores [seed, level] is the paper's; None where chance may have decided."""
    top = levels.mean().idxmax()
    if not differs(levels):
        return None
    if top == paper:
        return True
    low = stats.paired_t((levels[top] - levels[paper]).to_numpy())[2]
    return False if low > 0 else None


def matched(table: pd.DataFrame, paper: Mapping[str, float], start: str) -> Finding:
    """In how many domains the best level of a `curve` is the paper's."""
    told = {k: is_the_papers(table.xs(k, axis=1, level="target"), level) for k, level in paper.items()}
    right, untold = (list(told.values()).count(value) for value in (True, None))
    top = best(table)
    each = ", ".join(f"{k} {top[k]:g} ({level:g})" for k, level in paper.items())
    words = f"{start} (the paper's): {each}; the same in {right}, another in {len(told) - right - untold}, not told apart in {untold}"
    return counted(right, len(told), words, counted_seeds(table), untold)


# --- §IV-A: the data ---------------------------------------------------------------------------------------------


def table_i(e: Evidence) -> Finding:
    here = e.ratings.table()[["users", "items", "ratings"]]
    paper = pd.DataFrame(TABLE_I, index=here.columns).T
    n = f"{int(here['ratings'].sum()):,} ratings"
    if set(here.index) != set(paper.index):
        return Finding("other data, other domains", n, verdicts.untestable)
    equal = int((here.loc[paper.index] == paper).sum(axis=None))
    words = f"{equal} of {paper.size} counts equal"
    if e.dataset != "amazon":
        return Finding(f"{words}{', by construction' * (equal == paper.size)}", n, verdicts.untestable)
    return counted(equal, paper.size, words, n)


def density(e: Evidence) -> Finding:
    exact = {k: 100 * ratings / (users * items) for k, (users, items, ratings) in TABLE_I.items()}
    wrong = [f"{k} {exact[k]:.4f}, printed {DENSITY[k]:.3f}" for k in exact if round(exact[k], 3) != DENSITY[k]]
    words = f"{len(exact) - len(wrong)} of {len(exact)} cells{': ' if wrong else ''}{'; '.join(wrong)}"
    return counted(len(exact) - len(wrong), len(exact), words, f"{len(exact)} cells")


def overlap(e: Evidence) -> Finding:
    shared = e.ratings.overlap().to_numpy()
    share = (shared / np.diag(shared)[:, None])[~np.eye(e.ratings.p, dtype=bool)]
    words = f"p = {e.ratings.p}"
    if len(share):
        words += f"; a domain shares {share.min():.0%} to {share.max():.0%} of its users with another"
    n = f"{len(e.ratings.users):,} users"
    if e.dataset != "amazon":
        return Finding(words, n, verdicts.untestable)
    return counted(int(((share > 0) & (share < 1)).sum()), len(share), words, n)


def symmetric(e: Evidence) -> Finding:
    ratio = lambda names: max(e.sizes[k] for k in names) / min(e.sizes[k] for k in names)
    found = {name: ratio(names) for name, names in studies.sets(e.sizes).items() if name != "Set 3"}
    if not found:
        return too_few()
    words = "".join(f", {name} {value:.1f}" for name, value in found.items())
    words = f"largest / smallest domain: all {ratio(e.sizes):.1f}{words}"
    n, true = f"{e.ratings.p} domains", sum(value < ratio(e.sizes) for value in found.values())
    if e.dataset != "amazon":  # Set 1 is without the smallest domain, Set 2 without the largest
        return Finding(f"{words}, by construction", n, verdicts.untestable)
    return counted(true, len(found), words, n)


# --- §IV-D: performance ------------------------------------------------------------------------------------------


def order(e: Evidence) -> Finding:
    table = scores(e).dropna()
    methods = [*RIVALS, "adc"]
    if lacking := [NAMES[m] for m in methods if m not in table]:
        return missing(", ".join(lacking))
    means = table.mean().unstack(0)[methods]
    right = int((means.diff(axis=1).iloc[:, 1:] > 0).all(axis=1).sum())
    taus = [stats.agreement_of_rankings(row, pd.Series(range(5), methods)) for _, row in means.iterrows()]
    tau = float(np.mean(taus))
    words = f"in {right} of {len(means)} domains; Kendall's tau {tau:+.2f}"
    return Finding(words, counted_seeds(table), verdicts.ordered, {"right": right, "of": len(means), "tau": tau})


def better_than(e: Evidence, other: str) -> Finding:
    """R30: Holm-corrected over users, and with two seeds or more the interval over runs above zero."""
    rows = e.against[e.against["other"] == other]
    if rows.empty:
        return missing(NAMES[other])
    sure = rows["p_users_holm"] < stats.LEVEL
    won = sure & (rows["difference"] > 0) & ((rows["seeds"] < 2) | (rows["ci_low_runs"] > 0))
    lost = sure & (rows["difference"] < 0) & ((rows["seeds"] < 2) | (rows["ci_high_runs"] < 0))
    table = scores(e)
    said, *_ = plus_minus((table["adc"] - table[other]).dropna().mean(axis=1))
    words = f"{said}; p < 0.05 above in {won.sum()}, below in {lost.sum()} of {len(rows)}"
    n = f"{counted_seeds(table)}, {rows['users'].min():,} to {rows['users'].max():,} users a domain"
    return counted(won.sum(), len(rows), words, n)


def beside(e: Evidence, other: str) -> Finding:
    table = scores(e)
    return margin(table["adc"], table[other]) if other in table else missing(NAMES[other])


def pairs_above(
    e: Evidence, methods: Sequence[str], others: Sequence[str], metric: str = "ndcg", lengths: Sequence[int] = (10,)
) -> Finding:
    """Each method above each other in each domain; the interval is that of the pair that is worst off."""
    table = scores(e, metric, lengths).dropna()
    if lacking := [NAMES[m] for m in (*methods, *others) if m not in table]:
        return missing(", ".join(lacking))
    gaps = {f"{NAMES[a]} less {NAMES[b]}": table[a] - table[b] for a in methods for b in others}
    each = pd.concat({name: gap.mean() for name, gap in gaps.items()})
    worst = min(gaps, key=lambda name: gaps[name].mean(axis=None))
    said, _, low, high = plus_minus(gaps[worst].mean(axis=1))
    words = f"{(each > 0).sum()} of {len(each)} comparisons; the worst, {worst}: {said}"
    differences = {f"{pair}, {target}": value for (pair, target), value in each.items()}
    return Finding(words, counted_seeds(table), verdicts.above, {"differences": differences, "low": low, "high": high})


def second_best(e: Evidence) -> Finding:
    table = scores(e).dropna()
    if lacking := [NAMES[m] for m in (*RIVALS, "adc") if m not in table]:
        return missing(", ".join(lacking))
    rank = table.mean().unstack(0)[[*RIVALS, "adc"]].rank(axis=1, ascending=False)["sconet"]
    words = f"rank 2 of 5 in {(rank == 2).sum()} of {len(rank)} domains; mean rank {rank.mean():.1f}"
    return counted((rank == 2).sum(), len(rank), words, counted_seeds(table))


def improvement(e: Evidence, metric: str, lengths: Sequence[int], paper: float) -> Finding:
    """ADC above SCoNet, the paper's second best, in per cent; and, in words, above the best rival of each domain."""
    table = scores(e, metric, lengths).dropna()
    known = [name for name in RIVALS if name in table]
    if "sconet" not in known:
        return missing(NAMES["sconet"])
    top = table.mean().unstack(0)[known].idxmax(axis=1)
    over = lambda of: pd.DataFrame({k: 100 * (table[("adc", k)] / table[(of[k], k)] - 1) for k in top.index})
    gain = over(dict.fromkeys(top.index, "sconet"))
    said, _, low, high = plus_minus(gain.mean(axis=1), 2)
    words = f"{said} %; {gain.mean().min():+.1f} to {gain.mean().max():+.1f} by domain"
    words += f" (over the best rival of each domain {over(top).mean(axis=None):+.2f} %)"
    return Finding(words, counted_seeds(table), verdicts.gained, {"low": low, "high": high, "paper": paper})


def printed_cells(e: Evidence) -> Finding:
    """Table II's last column from its scores: a cell is right if scores that round to those printed can give it."""
    mine, rival, half = TABLE_II["ADC"], TABLE_II["SCoNet"], 5e-5
    low, high = (100 * ((mine + sign * half) / (rival - sign * half) - 1) for sign in (-1, 1))
    right = (low <= TABLE_II[IMPROVED] + 0.005) & (high >= TABLE_II[IMPROVED] - 0.005)
    cells = ", ".join(f"{k} {value:.2f}" for k, value in (100 * (mine / rival - 1)).items())
    return counted(right.sum(), len(right), f"{right.sum()} of {len(right)} cells: {cells}", f"{len(right)} cells")


def printed_mean(e: Evidence) -> Finding:
    mean = float(TABLE_II[IMPROVED].mean())
    numbers = {"value": mean, "paper": 8.08, "allowed": 0.005}
    return Finding(f"{mean:.2f} %", f"{len(TABLE_II)} cells", verdicts.near, numbers)
