"""What the ledger measures of the data (§IV-A) and of performance (§IV-D): from the `Evidence` to a
`Finding`.

A mean over the domains is taken within each seed; its 95 % interval is over the seeds (R31), given as ±. A
measure raises `MissingRuns` or `TooFewDomains` where it cannot be taken.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from companion import registry
from companion.analysis import performance, stats
from companion.analysis.performance import IMPROVEMENT, TABLE_II
from companion.claims import verdicts
from companion.claims.evidence import Evidence, Finding, MissingRuns, TooFewDomains
from companion.data import describe
from companion.data.table1 import TABLE_I
from companion.experiments import studies

DENSITY = dict(zip(TABLE_I, (0.031, 0.022, 0.038, 0.017, 0.010, 0.059), strict=True))  # Table I, %


RIVALS = ("bpr", "clfm", "cdcf", "sconet")  # the paper's, as Table II has them, the worst first


def scores(e: Evidence, methods: Sequence, metric: str = "ndcg", lengths: Sequence = (10,)) -> pd.DataFrame:
    """Table II's scores [seed, (method, target)], mean over the lengths; `MissingRuns` without a method."""
    rows = performance.values(e.chosen, "full", metric, None)
    rows = rows[rows["n"].isin(lengths) & rows["method"].isin(methods)]
    if absent := [registry.label(name) for name in methods if name not in set(rows["method"])]:
        raise MissingRuns(", ".join(absent))
    return rows.pivot_table(index="seed", columns=["method", "target"], values="value").dropna()


def count_seeds(table: pd.DataFrame | pd.Series) -> str:
    return f"{len(table)} seed{'s' * (len(table) != 1)}"


def interval(differences: pd.Series, digits: int = 4) -> tuple[str, float, float | None, float | None]:
    """The mean of differences [seeds] ± its interval in words; mean, low, high (None with one seed)."""
    mean, _, low, high = stats.paired_t(differences.to_numpy())
    if math.isnan(low):
        return f"{mean:+.{digits}f} (one seed)", mean, None, None
    return f"{mean:+.{digits}f} ± {mean - low:.{digits}f}", mean, low, high


def above_zero(gap: pd.Series, words: str, cases: Mapping[str, float] | None = None) -> Finding:
    """A difference [seeds] above zero, and its cases (domains, say) too. words: {} stands for its mean."""
    text, mean, low, high = interval(gap)
    numbers = {"differences": dict(cases or {"mean": mean}), "low": low, "high": high}
    return Finding(words.replace("{}", text), count_seeds(gap), verdicts.above, numbers)


def margin(first: pd.DataFrame, second: pd.DataFrame) -> Finding:
    """The first above the second, both [seed, target]."""
    gap = (first - second).dropna()
    cases = gap.mean().to_dict()
    above = sum(value > 0 for value in cases.values())
    return above_zero(gap.mean(axis=1), f"{{}}; above in {above} of {len(cases)} domains", cases)


def counted(true: int, total: int, words: str, n: str, unclear: int = 0) -> Finding:
    numbers = {"true": int(true), "total": int(total), "unclear": int(unclear)}
    return Finding(words, n, verdicts.counted, numbers)


def on_amazon(e: Evidence) -> bool:
    """Whether the data are the paper's (R37)."""
    return e.dataset == "amazon"


def table_i(e: Evidence) -> Finding:
    here = e.ratings.table()[["users", "items", "ratings"]]
    paper = pd.DataFrame(TABLE_I, index=here.columns).T
    n = f"{int(here['ratings'].sum()):,} ratings"
    if set(here.index) != set(paper.index):
        return Finding("other data, other domains", n, verdicts.untestable)
    equal = int((here.loc[paper.index] == paper).sum(axis=None))
    words = f"{equal} of {paper.size} counts equal"
    if on_amazon(e):
        return counted(equal, paper.size, words, n)
    return Finding(words + ", by construction" * (equal == paper.size), n, verdicts.untestable)


def density(e: Evidence) -> Finding:
    exact = {k: 100 * ratings / (users * items) for k, (users, items, ratings) in TABLE_I.items()}
    wrong = [k for k in exact if round(exact[k], 3) != DENSITY[k]]
    right = len(exact) - len(wrong)
    each = "; ".join(f"{k} {exact[k]:.4f}, printed {DENSITY[k]:.3f}" for k in wrong)
    words = f"{right} of {len(exact)} cells{': ' if wrong else ''}{each}"
    return counted(right, len(exact), words, f"{len(exact)} cells")


def overlap(e: Evidence) -> Finding:
    shared = describe.shared_users(e.ratings).to_numpy()
    share = (shared / np.diag(shared)[:, None])[~np.eye(e.ratings.p, dtype=bool)]
    words, n = f"p = {e.ratings.p}", f"{len(e.ratings.users):,} users"
    if len(share):
        words += f"; a domain shares {share.min():.0%} to {share.max():.0%} of its users with another"
    if not on_amazon(e):
        return Finding(words, n, verdicts.untestable)
    return counted(((share > 0) & (share < 1)).sum(), len(share), words, n)


def symmetric(e: Evidence) -> Finding:
    ratio = lambda names: max(e.sizes[k] for k in names) / min(e.sizes[k] for k in names)
    ratios = {name: ratio(names) for name, names in studies.sets(e.sizes).items() if name != "Set 3"}
    if not ratios:
        raise TooFewDomains
    each = "".join(f", {name} {value:.1f}" for name, value in ratios.items())
    words, n = f"largest / smallest domain: all {ratio(e.sizes):.1f}{each}", f"{e.ratings.p} domains"
    if not on_amazon(e):  # Set 1 is without the smallest domain, Set 2 without the largest
        return Finding(f"{words}, by construction", n, verdicts.untestable)
    return counted(sum(value < ratio(e.sizes) for value in ratios.values()), len(ratios), words, n)


def order(e: Evidence) -> Finding:
    methods = [*RIVALS, "adc"]
    table = scores(e, methods)
    means = table.mean().unstack(0)[methods]
    right = int((means.diff(axis=1).iloc[:, 1:] > 0).all(axis=1).sum())
    paper = pd.Series(range(len(methods)), methods)
    tau = float(np.mean([stats.rank_agreement(row, paper) for _, row in means.iterrows()]))
    words = f"in {right} of {len(means)} domains; Kendall's tau {tau:+.2f}"
    numbers = {"right": right, "total": len(means), "tau": tau}
    return Finding(words, count_seeds(table), verdicts.ordered, numbers)


def better_than(e: Evidence, other: str) -> Finding:
    """R30: Holm-corrected over users, and with two seeds or more the interval over runs above zero."""
    table = scores(e, [other, "adc"])
    rows = e.tests[e.tests["other"] == other]
    significant, one_seed = rows["p_users_holm"] < stats.LEVEL, rows["seeds"] < 2
    won = significant & (rows["difference"] > 0) & (one_seed | (rows["ci_low_runs"] > 0))
    lost = significant & (rows["difference"] < 0) & (one_seed | (rows["ci_high_runs"] < 0))
    text, *_ = interval((table["adc"] - table[other]).mean(axis=1))
    words = f"{text}; p < 0.05 above in {won.sum()}, below in {lost.sum()} of {len(rows)}"
    n = f"{count_seeds(table)}, {rows['users'].min():,} to {rows['users'].max():,} users a domain"
    return counted(won.sum(), len(rows), words, n)


def adc_above(e: Evidence, other: str) -> Finding:
    table = scores(e, [other, "adc"])
    return margin(table["adc"], table[other])


def pairs_above(
    e: Evidence, methods: Sequence, others: Sequence, metric: str = "ndcg", lengths: Sequence = (10,)
) -> Finding:
    """Each method above each other in each domain; the interval is that of the pair that is worst off."""
    table, gaps, cases = scores(e, [*methods, *others], metric, lengths), {}, {}
    for first, second in itertools.product(methods, others):
        pair = f"{registry.label(first)} less {registry.label(second)}"
        gaps[pair] = table[first] - table[second]
        cases |= {f"{pair}, {target}": value for target, value in gaps[pair].mean().items()}
    worst = min(gaps, key=lambda pair: gaps[pair].mean(axis=None))
    above = sum(value > 0 for value in cases.values())
    words = f"{above} of {len(cases)} comparisons; the worst, {worst}: {{}}"
    return above_zero(gaps[worst].mean(axis=1), words, cases)


def second_best(e: Evidence) -> Finding:
    table = scores(e, [*RIVALS, "adc"])
    rank = table.mean().unstack(0).rank(axis=1, ascending=False)["sconet"]
    words = f"rank 2 of 5 in {(rank == 2).sum()} of {len(rank)} domains; mean rank {rank.mean():.1f}"
    return counted((rank == 2).sum(), len(rank), words, count_seeds(table))


def improvement(e: Evidence, metric: str, lengths: Sequence[int], paper: float) -> Finding:
    """ADC above SCoNet, the paper's second best, in per cent; in words, above each domain's best rival."""
    rivals = [name for name in RIVALS if name == "sconet" or name in set(e.chosen["method"])]
    table = scores(e, [*rivals, "adc"], metric, lengths)
    top = table.mean().unstack(0)[rivals].idxmax(axis=1)
    ratio = lambda rival, k: table["adc", k] / table[rival, k]
    over = lambda rivals: pd.DataFrame({k: 100 * (ratio(rivals[k], k) - 1) for k in top.index})
    gain = over(dict.fromkeys(top.index, "sconet"))
    text, _, low, high = interval(gain.mean(axis=1), 2)
    words = f"{text} %; {gain.mean().min():+.1f} to {gain.mean().max():+.1f} by domain"
    words += f" (over the best rival of each domain {over(top).mean(axis=None):+.2f} %)"
    return Finding(words, count_seeds(table), verdicts.gained, {"low": low, "high": high, "paper": paper})


def printed_cells(e: Evidence) -> Finding:
    """Table II's last column: a cell is right if scores that round to those printed can give it."""
    adc, rival, half = TABLE_II["ADC"], TABLE_II["SCoNet"], 5e-5
    low, high = (100 * ((adc + sign * half) / (rival - sign * half) - 1) for sign in (-1, 1))
    right = (low <= TABLE_II[IMPROVEMENT] + 0.005) & (high >= TABLE_II[IMPROVEMENT] - 0.005)
    cells = ", ".join(f"{k} {value:.2f}" for k, value in (100 * (adc / rival - 1)).items())
    words, n = f"{right.sum()} of {len(right)} cells: {cells}", f"{len(right)} cells"
    return counted(right.sum(), len(right), words, n)


def printed_mean(e: Evidence) -> Finding:
    mean = float(TABLE_II[IMPROVEMENT].mean())
    numbers = {"value": mean, "paper": 8.08, "allowed": 0.005}
    return Finding(f"{mean:.2f} %", f"{len(TABLE_II)} cells", verdicts.near, numbers)
