"""The ledger's measures of the parameter analysis (§IV-E): depth, gamma, the weights, Sets 1-3. See `measures`."""

import math

import pandas as pd
import torch

from adc import studies
from adc.balancer import Balancer
from adc.claims import verdicts
from adc.claims.evidence import STATIC, Evidence, Finding
from adc.claims.measures import GAMMA, H, best, counted, counted_seeds, curve, margin, missing, plus_minus, too_few, tried
from adc.report import paper_setting

SETS = {"Set 1": 1.0, "Set 2": 0.5, "Set 3": 2.5}  # the paper's best gamma
CLOSE = 0.05  # a weight no further from 1 counts as equal
TRIED = 3  # with fewer values of h or gamma there is no best one


# --- depth -------------------------------------------------------------------------------------------------------


def depths(e: Evidence) -> tuple[pd.DataFrame, pd.Series]:
    """The curve by h, and the best h of each domain from the smallest to the largest; none if too few were run."""
    table = curve(e, by="hidden_layers")
    if len(tried(table)) < TRIED:
        return table, pd.Series(dtype=int)
    return table, best(table).loc[sorted(e.sizes, key=lambda name: e.sizes[name])].astype(int)


def said(table: pd.DataFrame) -> str:
    return ", ".join(f"{value:g}" for value in tried(table))


def deeper(e: Evidence) -> Finding:
    if e.ratings.p == 1:
        return too_few()
    table, found = depths(e)
    if found.empty:
        return missing("study depth")
    words = f"best of h = {said(table)}, smallest first: " + ", ".join(f"{k} {h}" for k, h in found.items())
    return Finding(words, counted_seeds(table), verdicts.deeper, {"best": found.tolist()})


def deep_at_all(e: Evidence) -> Finding:
    table, found = depths(e)
    if found.empty or 1 not in tried(table):
        return missing("study depth")
    right = (found > 1).sum()
    return counted(right, len(found), f"best h above 1 in {right} of {len(found)} domains", counted_seeds(table))


def chosen_depths(e: Evidence) -> Finding:
    table, found = depths(e)
    paper = {k: h for k, (h, _) in paper_setting(e.sizes).items()}
    if found.empty or not set(paper.values()) <= set(tried(table)):
        return missing("study depth")
    right = sum(found[k] == h for k, h in paper.items())
    words = f"best of h = {said(table)} (the paper's): " + ", ".join(f"{k} {found[k]} ({h})" for k, h in paper.items())
    return counted(right, len(paper), words, counted_seeds(table))


# --- weights -----------------------------------------------------------------------------------------------------


def first_loss(e: Evidence) -> Finding:
    """r_k of the same losses with L_k(0) = log p, log 2 and 1 (R13)."""
    p, losses = e.ratings.p, torch.linspace(0.2, 0.9, e.ratings.p)
    firsts = (math.log(p), math.log(2), 1.0)
    rates = [Balancer(p, GAMMA, torch.full((p,), first)).step(losses, torch.ones(p)).rates for first in firsts if first]
    apart = max(float((rate - rates[-1]).abs().max()) for rate in rates)
    words = f"r_k with log p, log 2 and 1 differ by {apart:.0e} at most: it cancels (R13)"
    return Finding(words, f"{p} domains", verdicts.near, {"value": apart, "paper": 0.0, "allowed": 1e-5})


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
    gap = pd.Series(gaps)
    said, mean, low, _ = plus_minus(gap)
    words = f"spread of r_k, static less γ = {GAMMA:g}: {said}"
    return Finding(words, counted_seeds(gap), verdicts.above, {"differences": {"spread": mean}, "low": low})


def equal_weights(e: Evidence) -> Finding:
    """How far the weights end from 1 at gamma = 0: the largest |w_k - 1|, mean over seeds."""
    found = at_base(e, 0.0)
    if not found:
        return missing(f"γ = 0 at h = {H}")
    ends = [e.history(run).groupby("domain", sort=False)["weight"].last() for run in found.values()]
    apart = pd.Series([(end - 1).abs().max() for end in ends])
    low, high = min(end.min() for end in ends), max(end.max() for end in ends)
    words = f"weights end up to {apart.mean():.2f} from 1 (from {low:.2f} to {high:.2f})"
    numbers = {"value": float(apart.mean()), "paper": 0.0, "allowed": CLOSE}
    return Finding(words, counted_seeds(apart), verdicts.near, numbers)


def gamma_against(e: Evidence, other: float | str) -> Finding:
    """gamma = 2 above another gamma, or static, at h = 3."""
    mine = curve(e)
    theirs = curve(e, balancer=STATIC).rename(columns={0.0: STATIC}, level=0) if other == STATIC else mine
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
    found = best(table)
    right, even = sum(found[k] == paper[k] for k in names), 0
    for k in names:
        _, mean, low, _ = plus_minus(table[(found[k], k)] - table[(paper[k], k)])
        even += low is not None and low <= 0 < mean
    each = ", ".join(f"{k} {found[k]:g}" for k in names)
    words = f"best in {right} of {len(names)}: {each}; not told apart from it in {even} more"
    return counted(right, len(names), words, counted_seeds(table))


def set_gamma(e: Evidence, name: str) -> float | None:
    """The best gamma of a set ("": all domains), by the mean over its domains and the seeds; None if not run."""
    names = studies.sets(e.sizes)[name] if name else ()
    table = curve(e, names)
    return None if len(tried(table)) < TRIED else float(table.mean().groupby(level=0).mean().idxmax())


def best_of_set(e: Evidence, name: str) -> Finding:
    if name not in studies.sets(e.sizes):
        return too_few()
    names, paper = studies.sets(e.sizes)[name], SETS[name]
    table, found, beside = curve(e, names), set_gamma(e, name), set_gamma(e, "")
    if found is None or beside is None or paper not in tried(table):
        return missing("study sets" if found is None or beside is None else f"γ = {paper:g} in {name}")
    by_seed = table.T.groupby(level=0).mean().idxmax()
    each = ", ".join(f"{gamma:g}" for gamma in by_seed)
    words = f"{', '.join(names)}: γ = {found:g} (by seed {each}); all domains {beside:g}"
    return Finding(words, counted_seeds(table), verdicts.best_gamma, {"best": found, "paper": paper, "beside": beside})


def by_symmetry(e: Evidence) -> Finding:
    sets = studies.sets(e.sizes)
    if set(sets) != set(SETS):
        return too_few()
    found = {name: gamma for name in ("", *sets) if (gamma := set_gamma(e, name)) is not None}
    if len(found) <= len(sets):
        return missing("studies asymmetry and sets")
    every = found.pop("")
    right = sum((found[name] - every) * (SETS[name] - GAMMA) > 0 for name in sets)
    words = f"all domains {every:g}; " + ", ".join(f"{name} {g:g}" for name, g in found.items())
    return counted(right, len(sets), words, counted_seeds(curve(e)))


# --- stability ---------------------------------------------------------------------------------------------------


def unstable(e: Evidence) -> Finding:
    """A gamma other than 2 is unstable if a run of it diverged, or if its score, less the mean of its seed over all
    gammas, spreads more than twice as much over the seeds as that of gamma = 2."""
    table = curve(e)
    if len(tried(table)) < TRIED or GAMMA not in tried(table):
        return missing("study asymmetry")
    some = e.study[(e.study["domains"] == "") & (e.study["hidden_layers"] == H) & (e.study["balancer"] != STATIC)]
    diverged = some.drop_duplicates("run").groupby("gamma")["diverged"].sum()
    means = table.T.groupby(level=0).mean().T  # [seed, gamma]
    spread = means.sub(means.mean(axis=1), axis=0).std()  # NaN with one seed
    others = [gamma for gamma in tried(table) if gamma != GAMMA]
    bad = [gamma for gamma in others if diverged[gamma] or spread[gamma] > 2 * spread[GAMMA]]
    named = ", ".join(f"γ = {gamma:g}" for gamma in bad) or "none"
    words = f"{diverged.sum()} of {some['run'].nunique()} runs diverged; unstable: {named}"
    return counted(len(bad), len(others), words, counted_seeds(table))


def stable(e: Evidence) -> Finding:
    """A set counts if no run of ADC at the gamma nearest to the paper's diverged and the interval of ADC less static,
    mean over its domains, is not below zero."""
    good, told, seeds = 0, [], None
    for name, names in studies.sets(e.sizes).items():
        table, static = curve(e, names), curve(e, names, balancer=STATIC)
        if not len(seeds := table.index.intersection(static.index)):
            return missing("study sets")
        gamma = min(tried(table), key=lambda g: abs(g - SETS[name]))
        gap = (table[gamma] - static[0.0]).dropna()
        words, mean, _, high = plus_minus(gap.mean(axis=1))
        runs = e.study[(e.study["domains"] == ",".join(sorted(names))) & (e.study["gamma"] == gamma)]
        good += not runs["diverged"].any() and (mean if high is None else high) >= 0
        told.append(f"{name} (γ = {gamma:g}) {words}")
    if not told:
        return too_few()
    return counted(good, len(told), "ADC less static: " + ", ".join(told), counted_seeds(seeds))


# --- what was kept fixed -----------------------------------------------------------------------------------------


def enough(e: Evidence, name: str, paper: int) -> Finding:
    """What a larger `name` than the paper's adds at h = 3, gamma = 2."""
    base = lambda table: table[(table["hidden_layers"] == H) & (table["gamma"] == GAMMA) & (table["domains"] == "")]
    small, large = base(e.study), base(e.larger[e.larger[name] > paper])
    if large.empty or small.empty or small[name].iloc[0] != paper:
        return missing(f"{name} = {paper} and above")
    means = lambda table: table.groupby("seed")["value"].mean()
    gap = (means(large) - means(small)).dropna()
    said, mean, low, _ = plus_minus(gap)
    if low is None:
        return missing(f"a second seed with {name} above {paper}")
    words = f"{name} {large[name].max()} less {paper}: {said}"
    return Finding(words, counted_seeds(gap), verdicts.saturated, {"low": low})
