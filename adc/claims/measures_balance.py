"""The ledger's measures of the parameter analysis (§IV-E): depth, gamma, the weights, Sets 1-3. See `measures`."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import f, kendalltau

from adc import stats, studies
from adc.balancer import Balancer
from adc.claims import verdicts
from adc.claims.evidence import STATIC, Evidence, Finding
from adc.claims.measures import (
    GAMMA,
    H,
    best,
    counted,
    counted_seeds,
    curve,
    differs,
    is_the_papers,
    margin,
    matched,
    missing,
    plus_minus,
    single,
    too_few,
    tried,
)  # fmt: skip
from adc.report import paper_setting

SETS = {"Set 1": 1.0, "Set 2": 0.5, "Set 3": 2.5}  # the paper's best gamma
CLOSE = 0.05  # a weight no further from 1 counts as equal
SMALL = 0.01  # a share of the score that is as good as nothing
TRIED = 3  # with fewer values of h or gamma there is no best one


# --- depth -------------------------------------------------------------------------------------------------------


def depths(e: Evidence) -> tuple[pd.DataFrame, pd.Series]:
    """The curve by h, and the best h of each domain from the smallest to the largest; none if too few were run."""
    table = curve(e, by="hidden_layers")
    if len(tried(table)) < TRIED:
        return table, pd.Series(dtype=int)
    return table, best(table).loc[sorted(e.sizes, key=lambda name: e.sizes[name])].astype(int)


def deeper(e: Evidence) -> Finding:
    if e.ratings.p == 1:
        return too_few()
    table, found = depths(e)
    if found.empty:
        return missing("study depth")
    taus = table.apply(lambda row: _tau(range(len(found)), row.unstack(0).idxmax(axis=1)[found.index]), axis=1)
    said, _, low, high = plus_minus(taus, 2)
    levels = ", ".join(f"{h:g}" for h in tried(table))
    words = f"best of h = {levels}, smallest first: {', '.join(f'{k} {h}' for k, h in found.items())}; Kendall's tau {said}"
    return Finding(words, counted_seeds(table), verdicts.deeper, {"best": found.tolist(), "low": low, "high": high})


def _tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's tau, 0 where all of one are alike."""
    return float(np.nan_to_num(kendalltau(a, b).statistic))


def deep_at_all(e: Evidence) -> Finding:
    """The paper's depth of each domain above one hidden layer."""
    paper = {k: h for k, (h, _) in paper_setting(e.sizes).items()}
    table = curve(e, by="hidden_layers", only=[1, *sorted(set(paper.values()))])
    if not {1, *paper.values()} <= set(tried(table)):
        return missing("study depth")
    return margin(pd.DataFrame({k: table[(h, k)] for k, h in paper.items()}), table[1][list(paper)])


def chosen_depths(e: Evidence) -> Finding:
    table, found = depths(e)
    paper = {k: h for k, (h, _) in paper_setting(e.sizes).items()}
    if found.empty or not set(paper.values()) <= set(tried(table)):
        return missing("study depth")
    return matched(table, paper, "best h")


# --- weights -----------------------------------------------------------------------------------------------------


def first_loss(e: Evidence) -> Finding:
    """r_k of the same losses with L_k(0) = log p, log 2 and 1 (R13)."""
    p, losses = e.ratings.p, torch.linspace(0.2, 0.9, e.ratings.p)
    firsts = (math.log(p), math.log(2), 1.0)
    rates = [Balancer(p, GAMMA, torch.full((p,), first)).step(losses, torch.ones(p)).rates for first in firsts if first]
    apart = max(float((rate - rates[-1]).abs().max()) for rate in rates)
    words = f"r_k with log p, log 2 and 1 differ by {apart:.0e} at most: as one constant it cancels (R13)"
    return Finding(words, f"{p} domains", verdicts.untestable)


def at_base(e: Evidence, gamma: float, balancer: str = "gradnorm") -> dict[int, str]:
    """Seed -> run of all domains at h = 3 and a gamma; runs that diverged have no last epoch and are left out."""
    some = e.study[(e.study["domains"] == "") & (e.study["hidden_layers"] == H) & ~e.study["diverged"]]
    some = some[(some["balancer"] == balancer) & (some["gamma"] == gamma)]
    return some.groupby("seed")["run"].first().to_dict()


def similar_rates(e: Evidence) -> Finding:
    """Spread of r_k over the domains, static less gamma = 2, in the last epoch that both have."""
    if e.ratings.p == 1:
        return too_few()
    mine, static, gaps = at_base(e, GAMMA), at_base(e, 0.0, STATIC), {}
    for seed in sorted(mine.keys() & static.keys()):
        spread = [e.history(runs[seed]).groupby("epoch")["rate"].std() for runs in (static, mine)]
        gaps[seed] = (spread[0] - spread[1]).dropna().iloc[-1]
    if not gaps:
        return missing(f"static and γ = {GAMMA:g} at h = {H}")
    return single(pd.Series(gaps), "spread", f"spread of r_k, static less γ = {GAMMA:g}")


def ends(e: Evidence, gamma: float) -> dict[int, pd.DataFrame]:
    """Seed -> last epoch's row of each domain's history [domain] at h = 3."""
    return {seed: e.history(run).groupby("domain", sort=False).last() for seed, run in at_base(e, gamma).items()}


def equal_norms(e: Evidence) -> Finding:
    """Spread over the domains, by their mean, of the gradients' norms at the end of gamma = 0: before the weights less after."""
    if e.ratings.p == 1:
        return too_few()
    if not (found := ends(e, 0.0)):
        return missing(f"γ = 0 at h = {H}")
    spread = lambda norms: norms.std() / norms.mean()
    before = pd.Series({seed: spread(end["norm"] / end["weight"]) for seed, end in found.items()})
    after = pd.Series({seed: spread(end["norm"]) for seed, end in found.items()})
    words = f"spread of the norms, by their mean, {before.mean():.2f} before the weights, {after.mean():.2f} after"
    return single(before - after, "spread", words)


def quick_learners(e: Evidence) -> Finding:
    """Kendall's tau over the domains of r_k, which is low where a domain learns fast, and w_k at the end of gamma = 2."""
    if e.ratings.p == 1:
        return too_few()
    if not (found := ends(e, GAMMA)):
        return missing(f"γ = {GAMMA:g} at h = {H}")
    taus = pd.Series({seed: _tau(end["rate"], end["weight"]) for seed, end in found.items()})
    return single(taus, "tau", f"Kendall's tau of r_k and w_k at the end of γ = {GAMMA:g}")


def equal_weights(e: Evidence) -> Finding:
    """How far the weights end from 1 at gamma = 0: the largest |w_k - 1|, mean over seeds."""
    if not (found := ends(e, 0.0)):
        return missing(f"γ = 0 at h = {H}")
    weights = [end["weight"] for end in found.values()]
    apart = pd.Series([(end - 1).abs().max() for end in weights])
    low, high = min(end.min() for end in weights), max(end.max() for end in weights)
    words = f"the furthest weight ends {apart.mean():.2f} from 1, mean over seeds (all of them: {low:.2f} to {high:.2f})"
    numbers = {"value": float(apart.mean()), "paper": 0.0, "allowed": CLOSE}
    return Finding(words, counted_seeds(apart), verdicts.near, numbers)


def gamma_against(e: Evidence, other: float | str) -> Finding:
    """gamma = 2 above another gamma, or static, at h = 3."""
    mine = curve(e, only=[GAMMA])
    theirs = curve(e, balancer=STATIC).rename(columns={0.0: STATIC}, level=0) if isinstance(other, str) else curve(e, only=[other])
    if GAMMA not in tried(mine) or other not in tried(theirs) or not len(mine.index.intersection(theirs.index)):
        return missing(f"γ = {GAMMA:g} and {'static' if other == STATIC else f'γ = {other:g}'} at h = {H}")
    return margin(mine[GAMMA], theirs[other])


# --- the best gamma ----------------------------------------------------------------------------------------------


def best_gammas(e: Evidence, largest: bool) -> Finding:
    """Of the largest domain, or of all others: is the paper's gamma the best of those tried?"""
    if e.ratings.p == 1:
        return too_few()
    paper = {k: gamma for k, (_, gamma) in paper_setting(e.sizes).items()}
    first = max(e.sizes, key=lambda name: e.sizes[name])
    names = [k for k in paper if (k == first) == largest]
    table = curve(e)
    if len(tried(table)) < TRIED:
        return missing("study asymmetry")
    if lacking := {paper[k] for k in names} - set(tried(table)):
        return missing(f"γ = {lacking.pop():g} at h = {H}")
    return matched(table, {k: paper[k] for k in names}, "best γ")


def less_affected(e: Evidence) -> Finding:
    """What lies between the best and the worst gamma: of the other domains, their mean, less of the largest."""
    if e.ratings.p == 1:
        return too_few()
    table, first = curve(e), max(e.sizes, key=lambda name: e.sizes[name])
    if len(tried(table)) < TRIED:
        return missing("study asymmetry")
    levels = table.T.groupby(level="target")
    between = (levels.max() - levels.min()).T  # [seed, target]
    gap = between.drop(columns=first).mean(axis=1) - between[first]
    return single(gap, "range", f"best less worst γ, the others less {first}")


def set_gamma(e: Evidence, name: str) -> float | None:
    """The best gamma of a set ("": all domains), by the mean over its domains and the seeds; None if not run."""
    levels = set_curve(e, name)
    return None if levels.shape[1] < TRIED else float(levels.mean().idxmax())


def set_curve(e: Evidence, name: str) -> pd.DataFrame:
    """Mean over the domains of a set ("": all domains) [seed, gamma]."""
    return curve(e, studies.sets(e.sizes)[name] if name else ()).T.groupby(level=0).mean().T


def best_of_set(e: Evidence, name: str) -> Finding:
    if name not in studies.sets(e.sizes):
        return too_few()
    names, paper = studies.sets(e.sizes)[name], SETS[name]
    levels, found, beside = set_curve(e, name), set_gamma(e, name), set_gamma(e, "")
    if found is None or beside is None or paper not in levels:
        return missing("study sets" if found is None or beside is None else f"γ = {paper:g} in {name}")
    each = ", ".join(f"{gamma:g}" for gamma in levels.idxmax(axis=1))
    words = f"{', '.join(names)}: γ = {found:g} (by seed {each}); all domains {beside:g}"
    numbers = {"best": found, "paper": paper, "beside": beside, "told": is_the_papers(levels, paper) is not None}
    return Finding(words, counted_seeds(levels), verdicts.best_gamma, numbers)


def by_symmetry(e: Evidence) -> Finding:
    sets = studies.sets(e.sizes)
    if set(sets) != set(SETS):
        return too_few()
    found = {name: gamma for name in ("", *sets) if (gamma := set_gamma(e, name)) is not None}
    if len(found) <= len(sets):
        return missing("studies asymmetry and sets")
    every = found.pop("")
    told = [name for name in sets if differs(set_curve(e, "")) and differs(set_curve(e, name))]
    right = sum((found[name] - every) * (SETS[name] - GAMMA) > 0 for name in told)
    words = f"all domains {every:g}; " + ", ".join(f"{name} {g:g}" for name, g in found.items())
    words += f"; in {len(sets) - len(told)} of {len(sets)} sets not told from chance"
    return counted(right, len(sets), words, counted_seeds(curve(e)), len(sets) - len(told))


# --- stability ---------------------------------------------------------------------------------------------------


def unstable(e: Evidence) -> Finding:
    """A gamma other than 2 is unstable if a run of it diverged, or if its score, less the mean of its seed over all gammas,
    varies more over the seeds than that of gamma = 2 (F-test); it is not if its varying twice as widely can be ruled out."""
    table = curve(e)
    if len(tried(table)) < TRIED or GAMMA not in tried(table):
        return missing("study asymmetry")
    some = e.study[(e.study["domains"] == "") & (e.study["hidden_layers"] == H) & (e.study["balancer"] != STATIC)]
    diverged = some.drop_duplicates("run").groupby("gamma")["diverged"].sum()
    means = table.T.groupby(level=0).mean().T  # [seed, gamma]
    ratio = (spread := means.sub(means.mean(axis=1), axis=0).var()) / spread[GAMMA]  # NaN with one seed
    free, others = max(len(means) - 1, 1), [gamma for gamma in tried(table) if gamma != GAMMA]
    bad = [gamma for gamma in others if diverged[gamma] or f.sf(ratio[gamma], free, free) < stats.LEVEL]
    good = [gamma for gamma in others if gamma not in bad and f.cdf(ratio[gamma] / 4, free, free) < stats.LEVEL]
    named = ", ".join(f"γ = {gamma:g}" for gamma in bad) or "none"
    untold = len(others) - len(bad) - len(good)
    words = f"{diverged.sum()} of {some['run'].nunique()} runs diverged; unstable: {named}; not told from γ = {GAMMA:g}: {untold} of {len(others)}"
    return counted(len(bad), len(others), words, counted_seeds(table), untold)


def stable(e: Evidence) -> Finding:
    """At the gamma nearest to the paper's a set counts if no run of ADC diverged and the interval of ADC less static, mean over
    its domains, lies above minus a hundredth of static; not if one did, or the interval lies below zero."""
    told: list[tuple[bool | None, str]] = []
    for name, names in studies.sets(e.sizes).items():
        if not (known := tried(curve(e, names))):
            return missing("study sets")
        gamma = min(known, key=lambda g: abs(g - SETS[name]))
        table, static = curve(e, names, only=[gamma]), curve(e, names, balancer=STATIC)
        if not len(seeds := table.index.intersection(static.index)):
            return missing("study sets")
        words, _, low, high = plus_minus((table[gamma] - static[0.0]).dropna().mean(axis=1))
        runs = e.study[(e.study["domains"] == ",".join(sorted(names))) & (e.study["gamma"] == gamma)]
        bad = runs["diverged"].any() or high is not None and high < 0
        good = low is not None and low > -SMALL * static.mean(axis=None)
        told.append((False if bad else True if good else None, f"{name} (γ = {gamma:g}) {words}"))
    if not told:
        return too_few()
    right, untold = ([value for value, _ in told].count(value) for value in (True, None))
    return counted(right, len(told), "ADC less static: " + ", ".join(words for _, words in told), counted_seeds(seeds), untold)


# --- what was kept fixed -----------------------------------------------------------------------------------------


def enough(e: Evidence, name: str, paper: int) -> Finding:
    """What a larger `name` than the paper's adds at h = 3, gamma = 2."""
    base = lambda table: table[(table["hidden_layers"] == H) & (table["gamma"] == GAMMA) & (table["domains"] == "")]
    small, large = base(e.study), base(e.larger[e.larger[name] > paper])
    if large.empty or small.empty or small[name].iloc[0] != paper:
        return missing(f"study larger: {name} above {paper}")
    means = lambda table: table.groupby("seed")["value"].mean()
    gap = (means(large) - means(small)).dropna()
    said, _, low, high = plus_minus(gap)
    if low is None:
        return missing(f"a second seed with {name} above {paper}")
    words = f"{name} {large[name].max()} less {paper}: {said}"
    numbers = {"low": low, "high": high, "allowed": SMALL * means(small)[gap.index].mean()}
    return Finding(words, counted_seeds(gap), verdicts.saturated, numbers)
