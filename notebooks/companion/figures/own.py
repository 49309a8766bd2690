"""The two pictures of the report on the reader's own ratings, from the tables of `use.own_ratings`."""

from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from companion.analysis.equivalence import MARGIN
from companion.figures.panels import intervals
from companion.figures.style import COLOURS, method_style, titled

SHADES = {"yes": COLOURS[2], "open": "0.45"}  # of a verdict; of every other one orange


def transfer(comparisons: pd.DataFrame, label: str) -> Figure:
    """Each method jointly less itself alone, in % of the latter, a panel each and a row a domain; coloured
    and filled where decided. comparisons: of `verdicts.compare`."""

    def look(row):
        color = SHADES.get(row.verdict, COLOURS[1])
        return {"color": color, "markerfacecolor": "white" if row.verdict == "open" else color}

    spans, base = ["difference", "low", "high"], comparisons["alone"].where(comparisons["alone"] > 0)
    table = comparisons.assign(**100 * comparisons[spans].div(base, axis=0))
    table = table.rename(columns={"what": "group", "target": "row"})
    what = "Is it worth learning from the other domains? Grey band: too small to matter; grey marks: open"
    return titled(intervals(table, "joint less alone, %", look, margin=100 * MARGIN), what, label)


def methods(above: pd.DataFrame, labels: dict[str, str], joint: Collection[str], label: str) -> Figure:
    """NDCG@10 of every method less popularity's, a panel and an axis of its own for each domain; filled if
    `joint`: learned from all. above: of `tables.above_popularity`."""

    def look(row):
        style = method_style(row.row.removesuffix("_alone"))
        face = style["color"] if row.row in joint else "white"
        return {"color": style["color"], "marker": style["marker"], "markerfacecolor": face}

    table = above.rename(columns={"target": "group", "method": "row", "mean": "difference"})
    names = {name: words for name, words in labels.items() if name in set(table["row"])}
    what = "NDCG@10 less popularity's. Filled: learned from all domains; open: from the domain alone"
    return titled(intervals(table, "less popularity", look, names), what, label)
