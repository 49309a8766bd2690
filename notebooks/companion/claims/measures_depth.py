"""The ledger's measures of depth: how many hidden layers (§III-B, §IV-E, Fig. 3). See `measures`."""

import pandas as pd

from companion.analysis.equivalence import MARGIN
from companion.analysis.report import paper_settings
from companion.claims.evidence import Evidence, Finding, MissingRuns
from companion.claims.measures import above, better
from companion.claims.measures_analysis import H, best, curve, full_curve, levels


def deeper(e: Evidence) -> Finding:
    """A contrast: what five layers gain over one, the larger half of the domains less the smaller."""
    e.require_domains()
    table = full_curve(e, "hidden_layers", (1, 5))
    gain, half = table[5] - table[1], len(e.by_size) // 2
    larger, smaller = (gain[names].mean(axis=1) for names in (e.by_size[-half:], e.by_size[:half]))
    words = f"five layers gain over one {larger.mean():+.4f} in the larger domains, "
    words += f"{smaller.mean():+.4f} in the smaller; the difference: {{}}"
    return above(larger - smaller, MARGIN * table[1].mean(axis=None), words)


def chosen_depths(e: Evidence) -> Finding:
    paper = {k: h for k, (h, _) in paper_settings(e.sizes).items()}
    return best(full_curve(e, "hidden_layers", {1, 5, *paper.values()}), paper, "h")


def deep_at_all(e: Evidence) -> Finding:
    """The paper's depth of each domain above one hidden layer."""
    paper = {k: h for k, (h, _) in paper_settings(e.sizes).items()}
    table = full_curve(e, "hidden_layers", {1, *paper.values()})
    return better(pd.DataFrame({k: table[h, k] for k, h in paper.items()}), table[1][list(paper)])


def non_linear(e: Evidence) -> Finding:
    """h = 3 above a network without hidden layers, both at what the search found for the first."""
    table = curve(e, "hidden_layers", only=[0, H])
    if levels(table) != [0, H]:
        raise MissingRuns("study linear")
    return better(table[H], table[0])
