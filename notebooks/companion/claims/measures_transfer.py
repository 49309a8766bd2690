"""The ledger's measures of what other domains give or take: on the dataset, and in the control worlds."""

from dataclasses import replace

import pandas as pd

from companion.analysis.equivalence import MARGIN
from companion.claims.evidence import Evidence, Finding, MissingRuns
from companion.claims.measures import above, better
from companion.claims.measures_analysis import GAMMA, joint

RICHNESS = 20  # ratings a user of the source, in the worlds of the controls
JOINT = {"method": "adc", "alone": False, "gamma": GAMMA}
ALONE = {"method": "adc", "alone": True}
EQUAL = {"method": "static", "alone": False, "weights": "", "case": "ADC's settings"}


def alone(e: Evidence) -> pd.DataFrame:
    """ADC trained on each domain by itself [seed, target]; of several settings, such as those of a search of
    its own and those of the joint training, the best on validation."""
    e.require_domains()
    best = e.alone.sort_values("validation", ascending=False).drop_duplicates(["target", "seed"])
    if absent := [k for k in e.sizes if k not in set(best["target"])]:
        raise MissingRuns(f"study alone: {absent[0]}")
    e.used |= {*e.alone["run"]}
    return best.pivot(index="seed", columns="target", values="value")[[*e.sizes]].dropna()


def helps(e: Evidence) -> Finding:
    """ADC on all domains above ADC on each alone."""
    by_itself = alone(e)
    return better(joint(e), by_itself)


def drowned(e: Evidence) -> Finding:
    """The smallest domain, alone above trained with richer ones at equal weights."""
    k = e.by_size[0]
    by_itself, with_all = alone(e)[k], joint(e, "static")[k]
    gap = (by_itself - with_all).dropna()
    return above(gap, MARGIN * with_all.mean(), f"{k} alone, less trained with all domains: {{}}")


def control(e: Evidence, transfer: float, first: dict, second: dict) -> Finding:
    """One run above another in synthetic worlds of a transfer; each by its columns in `controls.table`."""
    rows = e.control
    if rows.empty:
        raise MissingRuns("the control worlds")
    here = rows[rows["transfer"].eq(transfer) & rows["richness"].eq(RICHNESS)]
    sides = []
    for columns in (first, second):
        side = here[here[list(columns)].eq(pd.Series(columns)).all(axis=1)]
        e.used |= {*side["run"]}
        sides.append(side.groupby("world")["value"].first())
    gap = (sides[0] - sides[1]).dropna()
    if gap.empty:
        raise MissingRuns(f"the control worlds of transfer {transfer:g}")
    margin = MARGIN * sides[1][gap.index].mean()
    finding = above(gap, margin, f"in synthetic worlds of transfer {transfer:g}: {{}}")
    return replace(finding, n=f"{len(gap)} worlds")
