"""The ledger's measures of §IV-E: depth, gamma, the weights, Sets 1-3. See `measures`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy.stats import f, kendalltau

from adc.balancer import Balancer
from companion.analysis.asymmetry import PAPER_GAMMA
from companion.analysis.equivalence import LEVEL, MARGIN, judge
from companion.analysis.report import STATIC, paper_settings
from companion.claims import verdicts
from companion.claims.evidence import Evidence, Finding, MissingRuns, TooFewDomains
from companion.claims.measures import above, better, count_seeds, counted, in_words, limits
from companion.experiments import studies
from companion.registry import BASE

H, GAMMA = BASE["hidden_layers"], BASE["gamma"]
CLOSE = 0.05  # a weight no further from 1 counts as equal
SHARE = 0.1  # of a spread, and of the way from no rank correlation to a perfect one: less does not matter
COST = 1.5  # times the seconds of equal weights: what balancing may take and be called efficient


def curve(e: Evidence, by: str = "gamma", domains: Sequence[str] = (), only: Sequence[float] = (),
          method: str = "adc") -> pd.DataFrame:  # fmt: skip
    """Scores of the parameter analysis [seed, (level, target)]: by h at gamma 2, or by gamma at h 3 (static
    has the level 0). Only seeds that have every level; of those in `only`, if any."""
    fixed, value = ("gamma", GAMMA) if by == "hidden_layers" else ("hidden_layers", H)
    rows = e.study[e.study["domains"].eq(",".join(sorted(domains))) & e.study["method"].eq(method)]
    rows = rows[rows[fixed].eq(value) & (rows[by].isin(only) if only else True)]
    e.used |= {*rows["run"]}
    return rows.pivot(index="seed", columns=[by, "target"], values="value").dropna()


def full_curve(e: Evidence, by: str, wanted: Iterable, domains: Sequence = ()) -> pd.DataFrame:
    """A `curve` with all levels that are wanted; else `MissingRuns`."""
    study = "depth" if by == "hidden_layers" else "sets" if domains else "asymmetry"
    wanted = sorted({float(level) for level in wanted})
    table = curve(e, by, domains, wanted)
    if absent := set(wanted) - set(levels(table)):
        raise MissingRuns(f"study {study} with {'h' if study == 'depth' else 'γ'} = {min(absent):g}")
    return table


def levels(table: pd.DataFrame) -> list[float]:
    """The values of h or gamma in a `curve`; none if no seed has all."""
    return sorted(set(table.columns.get_level_values(0))) if len(table) else []


def joint(e: Evidence, method: str = "adc") -> pd.DataFrame:
    """Scores [seed, target] of a training on all domains at h = 3, of ADC at gamma = 2 or of static; else
    `MissingRuns`."""
    gamma = GAMMA if method == "adc" else 0.0
    table = curve(e, only=[gamma], method=method)
    if not levels(table):
        raise MissingRuns(f"{f'γ = {GAMMA:g}' if method == 'adc' else method} at h = {H}")
    return table[gamma]


def mean_by_level(table: pd.DataFrame) -> pd.DataFrame:
    """A `curve`, mean over its targets [seed, level]."""
    return table.T.groupby(level=0).mean().T


def best(table: pd.DataFrame, paper: Mapping[str, float], symbol: str) -> Finding:
    """The paper's level of each domain above every other level, all levels at once, from a `curve`: mean over
    the domains for which the paper has another. One that it is not above by what matters refutes it."""
    each, other = {}, [level for level in levels(table) if {level} != {*paper.values()}]
    for level in other:
        domains = [k for k in paper if paper[k] != level]
        scores = table[level][domains]
        gap = pd.DataFrame({k: table[paper[k], k] - scores[k] for k in domains}).mean(axis=1)
        each[level] = judge(gap.to_numpy(), MARGIN * scores.mean(axis=None), LEVEL / len(other))
    answers, nearest = [j.above for j in each.values()], min(each, key=lambda level: each[level].difference)
    words = f"above {answers.count(True)} of {len(each)} other {symbol}; against {symbol} = {nearest:g} "
    words += in_words(each[nearest]) + f" (intervals of {1 - LEVEL / len(other):.1%})" * (len(other) > 1)
    return counted(answers, words, count_seeds(table), verdicts.always)


def first_loss(e: Evidence) -> Finding:
    """r_k of the same losses with L_k(0) = log p, log 2 and 1 (R13)."""
    p, losses = e.ratings.p, torch.linspace(0.2, 0.9, e.ratings.p)
    firsts = [first for first in (math.log(p), math.log(2), 1.0) if first]
    balancers = [Balancer(p, GAMMA, torch.full((p,), first)) for first in firsts]
    rates = torch.stack([balancer.step(losses, torch.ones(p)).rates for balancer in balancers])
    gap = float((rates - rates[-1]).abs().max())
    words = f"r_k with log p, log 2 and 1 differ by {gap:.0e} at most: as one constant it cancels (R13)"
    return Finding(words, f"{p} domains", verdicts.untestable)


def at_base(e: Evidence, gamma: float, method: str = "adc") -> dict[int, str]:
    """Seed -> run of all domains at h = 3 and a gamma. Runs that diverged are left out."""
    rows = e.study[e.study["domains"].eq("") & e.study["hidden_layers"].eq(H) & ~e.study["diverged"]]
    rows = rows[rows["method"].eq(method) & rows["gamma"].eq(gamma)]
    e.used |= {*rows["run"]}
    return rows.groupby("seed")["run"].first().to_dict()


def courses(e: Evidence, gamma: float, column: str) -> pd.DataFrame:
    """A column of the histories at h = 3, mean over the epochs [seed, domain]. `MissingRuns` without a
    run."""
    if not (by_seed := at_base(e, gamma)):
        raise MissingRuns(f"γ = {gamma:g} at h = {H}")
    mean = lambda run: e.history(run).groupby("domain", sort=False)[column].mean()
    return pd.DataFrame({seed: mean(run) for seed, run in by_seed.items()}).T


def relative_spread(table: pd.DataFrame) -> pd.Series:
    """Standard deviation over the domains by their mean, of [seed, domain]."""
    return table.std(axis=1) / table.mean(axis=1)


def similar_rates(e: Evidence) -> Finding:
    """Spread of r_k over the domains, mean over the epochs that both runs have: static less gamma = 2."""
    e.require_domains()
    static_runs, balanced_runs = at_base(e, 0.0, STATIC), at_base(e, GAMMA)
    means: tuple[dict, dict] = ({}, {})
    for seed in static_runs.keys() & balanced_runs.keys():
        pair = static_runs[seed], balanced_runs[seed]
        tables = [e.history(run).pivot(index="epoch", columns="domain", values="rate") for run in pair]
        epochs = tables[0].index.intersection(tables[1].index)
        for side, table in zip(means, tables):
            side[seed] = table.loc[epochs].mean()
    if not means[0]:
        raise MissingRuns(f"static and γ = {GAMMA:g} at h = {H}")
    static, balanced = (relative_spread(pd.DataFrame(side).T) for side in means)
    words = f"relative spread of the domains' rates r_k {static.mean():.3f} with equal weights, "
    words += f"{balanced.mean():.3f} with γ = 2; less by {{}}"
    return above((static - balanced).dropna(), SHARE * static.mean(), words)


def equal_norms(e: Evidence) -> Finding:
    """Spread of the domains' norms at gamma = 0, means over epochs: after the weights by before."""
    e.require_domains()
    norm, weight = courses(e, 0.0, "norm"), courses(e, 0.0, "weight")
    before, after = relative_spread(norm / weight), relative_spread(norm)
    words = f"relative spread of the gradients' norms {before.mean():.3f} before the weights, "
    j = judge((after / before).to_numpy(), SHARE)
    words += f"{after.mean():.3f} after, {j.difference:.2f} of it"
    return Finding(words, count_seeds(before), verdicts.below, limits(j), j.more)


def quick_learners(e: Evidence) -> Finding:
    """Kendall's tau of r_k, which is low where a domain learns fast, and w_k, each mean over the epochs."""
    e.require_domains()
    rate, weight = courses(e, GAMMA, "rate"), courses(e, GAMMA, "weight")
    taus = {seed: kendalltau(rate.loc[seed], weight.loc[seed]).statistic for seed in rate.index}
    taus = pd.Series(taus).fillna(0.0)  # NaN where all weights are alike
    return above(taus, SHARE, "rank correlation of r_k and w_k (Kendall's τ): {}", 2)


def equal_weights(e: Evidence) -> Finding:
    """How far the weights lie from 1 at gamma = 0, mean over the epochs: the largest |w_k - 1|."""
    weights = courses(e, 0.0, "weight")
    j = judge((weights - 1).abs().max(axis=1).to_numpy(), CLOSE)
    span = f"between {weights.min(axis=None):.2f} and {weights.max(axis=None):.2f}"
    words = f"at γ = 0 the weights, means over the epochs, lie {span}"
    words += f"; the one farthest from 1, mean over the seeds, is {j.difference:.2f} away"
    return Finding(words, count_seeds(weights), verdicts.below, limits(j), j.more)


def efficient(e: Evidence) -> Finding:
    """Seconds of the processor an epoch with gamma = 2 over those with equal weights, the same seed."""
    runs = [at_base(e, GAMMA), at_base(e, 0.0, STATIC)]
    seconds = e.study.drop_duplicates("run").set_index("run")["seconds"]
    balanced, static = (pd.Series({seed: seconds[run] for seed, run in by_seed.items()}) for by_seed in runs)
    ratio = (balanced / static).dropna()
    if ratio.empty:
        raise MissingRuns(f"static and γ = {GAMMA:g} at h = {H}")
    j = judge(np.log(ratio.to_numpy()), math.log(COST))
    words = f"an epoch takes {math.exp(j.difference):.2f} times as long as with equal weights"
    return Finding(words, count_seeds(ratio), verdicts.below, limits(j), j.more)


def gamma_against(e: Evidence, other: float | str) -> Finding:
    """gamma = 2 above another gamma, or static, at h = 3."""
    level, method = (0.0, STATIC) if other == STATIC else (other, "adc")
    first, second = curve(e, only=[GAMMA]), curve(e, only=[level], method=method)
    if first.index.intersection(second.index).empty:
        words = STATIC if other == STATIC else f"γ = {level:g}"
        raise MissingRuns(f"γ = {GAMMA:g} and {words} at h = {H}")
    return better(first[GAMMA], second[level])


def best_gammas(e: Evidence, of_largest: bool) -> Finding:
    """Of the largest domain, or of all others: is the paper's gamma the best of those tried?"""
    e.require_domains()
    names = e.by_size[-1:] if of_largest else [k for k in e.sizes if k != e.by_size[-1]]
    paper = {k: paper_settings(e.sizes)[k][1] for k in names}
    return best(full_curve(e, "gamma", {0, 1, 2, 3, *paper.values()}), paper, "γ")


def less_affected(e: Evidence) -> Finding:
    """A contrast: what gamma = 2 gains over 0, the mean of the other domains less the largest."""
    e.require_domains()
    table, first = full_curve(e, "gamma", (0, GAMMA)), e.by_size[-1]
    gain = table[GAMMA] - table[0.0]
    gap = gain.drop(columns=first).mean(axis=1) - gain[first]
    words = f"gain of γ = 2 over 0 in other domains, less {first}'s: {{}}"
    return above(gap, MARGIN * table[0.0].mean(axis=None), words)


def members(e: Evidence, name: str) -> list[str]:
    """The domains of a set; `TooFewDomains` where there is no such set."""
    if name not in (sets := studies.sets(e.sizes)):
        raise TooFewDomains
    return sets[name]


def best_of_set(e: Evidence, name: str) -> Finding:
    paper = dict.fromkeys(members(e, name), PAPER_GAMMA[name])
    return best(full_curve(e, "gamma", {0, 1, 2, 3, *paper.values()}, [*paper]), paper, "γ")


def by_symmetry(e: Evidence) -> Finding:
    """A contrast: what a set's domains gain by gamma = 3 over 0, trained with all domains less trained as
    Set 1 or 2; as Set 3 less with all."""
    ends = lambda scores: scores[3.0] - scores[0.0]
    every, answers, parts = full_curve(e, "gamma", (0, 3)), [], []
    for name, paper in PAPER_GAMMA.items():
        names = members(e, name)
        of_set = mean_by_level(full_curve(e, "gamma", (0, 3), names))
        with_all = mean_by_level(every.loc[:, (slice(None), names)])
        gap = (ends(with_all) - ends(of_set)) * (1 if paper < GAMMA else -1)
        j = judge(gap.dropna().to_numpy(), MARGIN * with_all[0.0].mean())
        answers.append(j.above)
        parts.append(f"{name} {in_words(j)}")
    words = f"gain of γ = 3 over 0, against the same domains trained with all: {'; '.join(parts)}"
    return counted(answers, words, count_seeds(every))


def unstable(e: Evidence) -> Finding:
    """A gamma other than 2 is unstable if a run of it diverged, or if its score, less the mean of its seed
    over all gammas, varies more over the seeds than that of gamma = 2 (F-test, all gammas at once); it is not
    if its varying twice as widely can be ruled out."""
    table = full_curve(e, "gamma", {0, 1, GAMMA, 3})
    rows = e.study[e.study["domains"].eq("") & e.study["hidden_layers"].eq(H) & e.study["method"].eq("adc")]
    diverged = rows.drop_duplicates("run").groupby("gamma")["diverged"].sum()
    means = mean_by_level(table)
    spread = means.sub(means.mean(axis=1), axis=0).var()
    ratio = spread / spread[GAMMA]  # NaN with one seed
    free, others = max(len(means) - 1, 1), [gamma for gamma in levels(table) if gamma != GAMMA]
    wide = lambda gamma: f.sf(ratio[gamma], free, free) < LEVEL / len(others)
    bad = [gamma for gamma in others if diverged[gamma] or wide(gamma)]
    calm = lambda gamma: f.cdf(ratio[gamma] / 4, free, free) < LEVEL
    answers = [True if gamma in bad else False if calm(gamma) else None for gamma in others]
    names = ", ".join(f"γ = {gamma:g}" for gamma in bad) or "no γ"
    words = f"{diverged.sum()} of {rows['run'].nunique()} runs diverged; shown to be unstable: {names}"
    return counted(answers, words, count_seeds(table))


def stable(e: Evidence) -> Finding:
    """At the gamma nearest to the paper's a set counts if no run of ADC diverged and ADC is not below static
    by the margin, mean over its domains; not if one did, or it is."""
    answers, parts, n = [], [], ""
    for name, names in studies.sets(e.sizes).items():
        tried = levels(curve(e, domains=names)) or [PAPER_GAMMA[name]]
        gamma = min(tried, key=lambda g: abs(g - PAPER_GAMMA[name]))
        table, static = curve(e, domains=names, only=[gamma]), curve(e, domains=names, method=STATIC)
        if not len(table.index.intersection(static.index)):
            raise MissingRuns("study sets")
        gap = (static[0.0] - table[gamma]).dropna().mean(axis=1)
        j = judge(gap.to_numpy(), MARGIN * static.mean(axis=None))
        rows = e.study[e.study["domains"].eq(",".join(sorted(names))) & e.study["gamma"].eq(gamma)]
        answers.append(False if rows["diverged"].any() else None if j.above is None else not j.above)
        parts.append(f"{name} (γ = {gamma:g}) {in_words(j)}")
        n = count_seeds(gap)
    if not answers:
        raise TooFewDomains
    return counted(answers, f"equal weights less ADC: {'; '.join(parts)}", n)


def enough(e: Evidence, name: str, paper: int) -> Finding:
    """What a larger `name` than the paper's adds at h = 3, gamma = 2."""
    base = f"hidden_layers == {H} and gamma == {GAMMA} and domains == '' and method == 'adc'"
    small, large = e.study.query(base), e.larger.query(f"{base} and {name} > {paper}")
    if large.empty or small.empty or small[name].iloc[0] != paper:
        raise MissingRuns(f"study larger: {name} above {paper}")
    e.used |= {*large["run"], *small["run"]}
    means = lambda table: table.groupby("seed")["value"].mean()
    gap = (means(large) - means(small)).dropna()
    margin = MARGIN * means(small)[gap.index].mean()
    finding = above(gap, margin, f"{name} {large[name].max()} less {paper}: {{}}")
    return replace(finding, rule=verdicts.below)
