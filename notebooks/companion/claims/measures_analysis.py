"""The ledger's measures of §IV-E: depth, gamma, the weights, Sets 1-3. See `measures`."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import f, kendalltau

from adc.balancer import Balancer
from companion.analysis import stats
from companion.analysis.asymmetry import PAPER_GAMMA
from companion.analysis.report import STATIC, paper_settings
from companion.claims import verdicts
from companion.claims.evidence import Evidence, Finding, MissingRuns, TooFewDomains
from companion.claims.measures import above_zero, count_seeds, counted, interval, margin
from companion.experiments import studies
from companion.registry import BASE

H, GAMMA = BASE["hidden_layers"], BASE["gamma"]
CLOSE = 0.05  # a weight no further from 1 counts as equal
SMALL = 0.01  # a share of the score that is as good as nothing
MIN_LEVELS = 3  # with fewer values of h or gamma there is no best one


def curve(e: Evidence, by: str = "gamma", domains: Sequence[str] = (), only: Sequence[float] = (),
          method: str = "adc") -> pd.DataFrame:  # fmt: skip
    """Scores of the parameter analysis [seed, (level, target)]: by h at gamma 2, or by gamma at h 3 (static
    has the level 0). Only seeds that have every level; of those in `only`, if any."""
    fixed, value = ("gamma", GAMMA) if by == "hidden_layers" else ("hidden_layers", H)
    rows = e.study[e.study["domains"].eq(",".join(sorted(domains))) & e.study["method"].eq(method)]
    rows = rows[rows[fixed].eq(value) & (rows[by].isin(only) if only else True)]
    return rows.pivot(index="seed", columns=[by, "target"], values="value").dropna()


def full_curve(e: Evidence, by: str = "gamma", domains: Sequence = (), wanted: Iterable = ()) -> pd.DataFrame:
    """A `curve` with enough levels for a best one, those wanted among them; else `MissingRuns`."""
    study = "depth" if by == "hidden_layers" else "sets" if domains else "asymmetry"
    table = curve(e, by, domains)
    if len(levels(table)) < MIN_LEVELS:
        raise MissingRuns(f"study {study}")
    if absent := set(wanted) - set(levels(table)):
        raise MissingRuns(f"study {study} with {'h' if study == 'depth' else 'γ'} = {min(absent):g}")
    return table


def levels(table: pd.DataFrame) -> list[float]:
    """The values of h or gamma in a `curve`; none if no seed has all."""
    return sorted(set(table.columns.get_level_values(0))) if len(table) else []


def mean_by_level(table: pd.DataFrame) -> pd.DataFrame:
    """A `curve`, mean over its targets [seed, level]."""
    return table.T.groupby(level=0).mean().T


def best(table: pd.DataFrame) -> pd.Series:
    """The level with the highest mean over seeds for each target of a `curve`."""
    return table.mean().unstack(0).idxmax(axis=1)


def differs(scores: pd.DataFrame) -> bool:
    """Whether scores [seed, level] differ from level to level by more than chance."""
    return stats.levels_differ(scores.to_numpy()) < stats.LEVEL


def best_is_paper(scores: pd.DataFrame, paper: float) -> bool | None:
    """Whether the best level of scores [seed, level] is the paper's; None where chance may have decided."""
    top = scores.mean().idxmax()
    if not differs(scores):
        return None
    if top == paper:
        return True
    return False if stats.paired_t((scores[top] - scores[paper]).to_numpy()).low > 0 else None


def matched(table: pd.DataFrame, paper: Mapping[str, float], symbol: str) -> Finding:
    """In how many domains the best level of a `curve` is the paper's."""
    answers = [best_is_paper(table.xs(k, axis=1, level="target"), level) for k, level in paper.items()]
    right, unclear = answers.count(True), answers.count(None)
    top = best(table)
    each = ", ".join(f"{k} {top[k]:g} ({level:g})" for k, level in paper.items())
    words = f"best {symbol} (the paper's): {each}; the same in {right}, another in {answers.count(False)}, "
    return counted(right, len(answers), f"{words}unclear in {unclear}", count_seeds(table), unclear)


def tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's tau, 0 where all of one are alike."""
    return float(np.nan_to_num(kendalltau(a, b).statistic))


def deeper(e: Evidence) -> Finding:
    e.require_domains()
    table = full_curve(e, "hidden_layers")
    depths = best(table)[e.by_size].astype(int)
    by_seed = [row.unstack(0).idxmax(axis=1)[e.by_size] for _, row in table.iterrows()]
    text, _, low, high = interval(pd.Series([tau(range(len(row)), row) for row in by_seed]), 2)
    each, tried = ", ".join(f"{k} {h}" for k, h in depths.items()), ", ".join(f"{h:g}" for h in levels(table))
    words = f"best of h = {tried}, smallest first: {each}; Kendall's tau {text}"
    numbers = {"best": depths.tolist(), "low": low, "high": high}
    return Finding(words, count_seeds(table), verdicts.deeper, numbers)


def chosen_depths(e: Evidence) -> Finding:
    paper = {k: h for k, (h, _) in paper_settings(e.sizes).items()}
    return matched(full_curve(e, "hidden_layers", wanted=paper.values()), paper, "h")


def deep_at_all(e: Evidence) -> Finding:
    """The paper's depth of each domain above one hidden layer."""
    paper = {k: h for k, (h, _) in paper_settings(e.sizes).items()}
    table = curve(e, "hidden_layers", only=[1, *sorted(set(paper.values()))])
    if not {1, *paper.values()} <= set(levels(table)):
        raise MissingRuns("study depth")
    return margin(pd.DataFrame({k: table[h, k] for k, h in paper.items()}), table[1][list(paper)])


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
    """Seed -> run of all domains at h = 3 and a gamma. Runs that diverged have no last epoch: left out."""
    rows = e.study[e.study["domains"].eq("") & e.study["hidden_layers"].eq(H) & ~e.study["diverged"]]
    rows = rows[rows["method"].eq(method) & rows["gamma"].eq(gamma)]
    return rows.groupby("seed")["run"].first().to_dict()


def last_epochs(e: Evidence, gamma: float) -> list[pd.DataFrame]:
    """By seed the last row of each domain's history [domain] at h = 3. `MissingRuns` without a run."""
    if not (by_seed := at_base(e, gamma)):
        raise MissingRuns(f"γ = {gamma:g} at h = {H}")
    return [e.history(run).groupby("domain", sort=False).last() for run in by_seed.values()]


def similar_rates(e: Evidence) -> Finding:
    """Spread of r_k over the domains, static less gamma = 2, in the last epoch that both have."""
    e.require_domains()
    balanced, static, gaps = at_base(e, GAMMA), at_base(e, 0.0, STATIC), {}
    for seed in sorted(balanced.keys() & static.keys()):
        spread = [e.history(runs[seed]).groupby("epoch")["rate"].std() for runs in (static, balanced)]
        gaps[seed] = (spread[0] - spread[1]).dropna().iloc[-1]
    if not gaps:
        raise MissingRuns(f"static and γ = {GAMMA:g} at h = {H}")
    return above_zero(pd.Series(gaps), f"spread of r_k, static less γ = {GAMMA:g}: {{}}")


def equal_norms(e: Evidence) -> Finding:
    """Relative spread of the domains' norms at the end of gamma = 0: before the weights less after."""
    e.require_domains()
    spread = lambda norms: norms.std() / norms.mean()
    ends = last_epochs(e, 0.0)
    before = pd.Series([spread(end["norm"] / end["weight"]) for end in ends])
    after = pd.Series([spread(end["norm"]) for end in ends])
    change = f"{before.mean():.2f} before the weights, {after.mean():.2f} after"
    return above_zero(before - after, f"spread of the norms, by their mean, {change}: {{}}")


def quick_learners(e: Evidence) -> Finding:
    """Kendall's tau of r_k, which is low where a domain learns fast, and w_k at the end of gamma = 2."""
    e.require_domains()
    taus = pd.Series([tau(end["rate"], end["weight"]) for end in last_epochs(e, GAMMA)])
    return above_zero(taus, f"Kendall's tau of r_k and w_k at the end of γ = {GAMMA:g}: {{}}")


def equal_weights(e: Evidence) -> Finding:
    """How far the weights end from 1 at gamma = 0: the largest |w_k - 1|, mean over seeds."""
    weights = pd.DataFrame([end["weight"] for end in last_epochs(e, 0.0)])  # [seed, domain]
    distance = (weights - 1).abs().max(axis=1)
    span = f"{weights.min(axis=None):.2f} to {weights.max(axis=None):.2f}"
    words = f"the furthest weight ends {distance.mean():.2f} from 1, mean over seeds (all of them: {span})"
    numbers = {"value": float(distance.mean()), "paper": 0.0, "allowed": CLOSE}
    return Finding(words, count_seeds(distance), verdicts.near, numbers)


def gamma_against(e: Evidence, other: float | str) -> Finding:
    """gamma = 2 above another gamma, or static, at h = 3."""
    first = curve(e, only=[GAMMA])
    level = 0.0 if isinstance(other, str) else other
    second = curve(e, method=STATIC) if other == STATIC else curve(e, only=[level])
    if not (levels(first) and levels(second) and len(first.index.intersection(second.index))):
        raise MissingRuns(f"γ = {GAMMA:g} and {other if other == STATIC else f'γ = {level:g}'} at h = {H}")
    return margin(first[GAMMA], second[level])


def best_gammas(e: Evidence, of_largest: bool) -> Finding:
    """Of the largest domain, or of all others: is the paper's gamma the best of those tried?"""
    e.require_domains()
    names = e.by_size[-1:] if of_largest else [k for k in e.sizes if k != e.by_size[-1]]
    paper = {k: paper_settings(e.sizes)[k][1] for k in names}
    return matched(full_curve(e, wanted=paper.values()), paper, "γ")


def less_affected(e: Evidence) -> Finding:
    """What lies between the best and the worst gamma: the mean of the other domains less the largest."""
    e.require_domains()
    table, first = full_curve(e), e.by_size[-1]
    by_target = table.T.groupby(level="target")
    span = (by_target.max() - by_target.min()).T  # [seed, target]
    gap = span.drop(columns=first).mean(axis=1) - span[first]
    return above_zero(gap, f"best less worst γ, the others less {first}: {{}}")


def set_curve(e: Evidence, name: str = "") -> pd.DataFrame:
    """Mean over the domains of a set ("": all) [seed, gamma]; `TooFewDomains` where there is no such set."""
    sets = studies.sets(e.sizes) | {"": []}
    if name not in sets:
        raise TooFewDomains
    return mean_by_level(full_curve(e, domains=sets[name]))


def best_of_set(e: Evidence, name: str) -> Finding:
    scores, paper = set_curve(e, name), PAPER_GAMMA[name]
    if paper not in scores:
        raise MissingRuns(f"study sets with γ = {paper:g}")
    top, of_all = float(scores.mean().idxmax()), float(set_curve(e).mean().idxmax())
    by_seed = ", ".join(f"{gamma:g}" for gamma in scores.idxmax(axis=1))
    members = ", ".join(studies.sets(e.sizes)[name])
    words = f"{members}: γ = {top:g} (by seed {by_seed}); all domains {of_all:g}"
    clear = best_is_paper(scores, paper) is not None
    numbers = {"best": top, "paper": paper, "of_all": of_all, "clear": clear}
    return Finding(words, count_seeds(scores), verdicts.best_gamma, numbers)


def by_symmetry(e: Evidence) -> Finding:
    every, sets = set_curve(e), {name: set_curve(e, name) for name in PAPER_GAMMA}
    top, of_all = {name: scores.mean().idxmax() for name, scores in sets.items()}, every.mean().idxmax()
    clear = [name for name, scores in sets.items() if differs(every) and differs(scores)]
    right = sum((top[name] - of_all) * (PAPER_GAMMA[name] - GAMMA) > 0 for name in clear)
    unclear = len(sets) - len(clear)
    words = f"all domains {of_all:g}; " + ", ".join(f"{name} {gamma:g}" for name, gamma in top.items())
    words += f"; unclear in {unclear} of {len(sets)} sets"
    return counted(right, len(sets), words, count_seeds(every), unclear)


def unstable(e: Evidence) -> Finding:
    """A gamma other than 2 is unstable if a run of it diverged, or if its score, less the mean of its seed
    over all gammas, varies more over the seeds than that of gamma = 2 (F-test); it is not if its varying
    twice as widely can be ruled out."""
    table = full_curve(e, wanted=[GAMMA])
    rows = e.study[e.study["domains"].eq("") & e.study["hidden_layers"].eq(H) & e.study["method"].eq("adc")]
    diverged = rows.drop_duplicates("run").groupby("gamma")["diverged"].sum()
    means = mean_by_level(table)
    spread = means.sub(means.mean(axis=1), axis=0).var()
    ratio = spread / spread[GAMMA]  # NaN with one seed
    free, others = max(len(means) - 1, 1), [gamma for gamma in levels(table) if gamma != GAMMA]
    bad = [gamma for gamma in others if diverged[gamma] or f.sf(ratio[gamma], free, free) < stats.LEVEL]
    calm = lambda gamma: f.cdf(ratio[gamma] / 4, free, free) < stats.LEVEL
    unclear = sum(gamma not in bad and not calm(gamma) for gamma in others)
    names = ", ".join(f"γ = {gamma:g}" for gamma in bad) or "none"
    words = f"{diverged.sum()} of {rows['run'].nunique()} runs diverged; unstable: {names}; unclear: "
    return counted(len(bad), len(others), f"{words}{unclear} of {len(others)}", count_seeds(table), unclear)


def stable(e: Evidence) -> Finding:
    """At the gamma nearest to the paper's a set counts if no run of ADC diverged and the interval of ADC less
    static, mean over its domains, lies above minus a hundredth of static; not if one did, or the interval
    lies below zero."""
    answers, parts = [], []
    for name, names in studies.sets(e.sizes).items():
        tried = levels(curve(e, domains=names)) or [PAPER_GAMMA[name]]
        gamma = min(tried, key=lambda g: abs(g - PAPER_GAMMA[name]))
        table, static = curve(e, domains=names, only=[gamma]), curve(e, domains=names, method=STATIC)
        seeds = table.index.intersection(static.index)
        if not len(seeds):
            raise MissingRuns("study sets")
        text, _, low, high = interval((table[gamma] - static[0.0]).dropna().mean(axis=1))
        rows = e.study[e.study["domains"].eq(",".join(sorted(names))) & e.study["gamma"].eq(gamma)]
        bad = rows["diverged"].any() or high is not None and high < 0
        good = low is not None and low > -SMALL * static.mean(axis=None)
        answers.append(False if bad else True if good else None)
        parts.append(f"{name} (γ = {gamma:g}) {text}")
    if not answers:
        raise TooFewDomains
    words = f"ADC less static: {', '.join(parts)}"
    return counted(answers.count(True), len(answers), words, count_seeds(seeds), answers.count(None))


def enough(e: Evidence, name: str, paper: int) -> Finding:
    """What a larger `name` than the paper's adds at h = 3, gamma = 2."""
    base = f"hidden_layers == {H} and gamma == {GAMMA} and domains == ''"
    small, large = e.study.query(base), e.larger.query(f"{base} and {name} > {paper}")
    if large.empty or small.empty or small[name].iloc[0] != paper:
        raise MissingRuns(f"study larger: {name} above {paper}")
    means = lambda table: table.groupby("seed")["value"].mean()
    gap = (means(large) - means(small)).dropna()
    text, _, low, high = interval(gap)
    if low is None:
        raise MissingRuns(f"a second seed with {name} above {paper}")
    words = f"{name} {large[name].max()} less {paper}: {text}"
    numbers = {"low": low, "high": high, "allowed": SMALL * means(small)[gap.index].mean()}
    return Finding(words, count_seeds(gap), verdicts.saturated, numbers)
