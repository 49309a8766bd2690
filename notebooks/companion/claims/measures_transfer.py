"""The ledger's measures of what other domains give or take: on the dataset, and in the control worlds."""

import pandas as pd

from companion.analysis.equivalence import MARGIN
from companion.claims.evidence import Evidence, Finding, MissingRuns
from companion.claims.measures import above, better
from companion.claims.measures_analysis import GAMMA, curve, levels

RICHNESS = 20  # ratings a user of the source, in the worlds of the controls
JOINT = {"method": "adc", "alone": False, "gamma": GAMMA}
ALONE = {"method": "adc", "alone": True}
EQUAL = {"method": "static", "alone": False, "weights": "", "case": "ADC's settings"}


def alone(e: Evidence) -> pd.DataFrame:
    """ADC trained on each domain by itself, with the settings of the joint training [seed, target]."""
    e.require_domains()
    tables = {k: curve(e, domains=[k], only=[GAMMA]) for k in e.sizes}
    if absent := [k for k, table in tables.items() if not levels(table)]:
        raise MissingRuns(f"study alone: {absent[0]}")
    return pd.DataFrame({k: table[GAMMA, k] for k, table in tables.items()}).dropna()


def helps(e: Evidence) -> Finding:
    """ADC on all domains above ADC on each alone."""
    by_itself, joint = alone(e), curve(e, only=[GAMMA])
    if not levels(joint):
        raise MissingRuns(f"γ = {GAMMA:g} at h = 3")
    return better(joint[GAMMA], by_itself)


def drowned(e: Evidence) -> Finding:
    """The smallest domain, alone above trained with richer ones at equal weights."""
    by_itself, k = alone(e), e.by_size[0]
    joint = curve(e, method="static")
    if not levels(joint):
        raise MissingRuns("static at h = 3")
    gap = (by_itself[k] - joint[0.0, k]).dropna()
    return above(gap, MARGIN * joint[0.0, k].mean(), f"{k}, alone less with all at equal weights: {{}}")


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
    finding = above(gap, margin, f"synthetic worlds of transfer {transfer:g}: {{}}")
    return Finding(finding.ours, f"{len(gap)} worlds", finding.rule, finding.numbers, finding.more)
