"""The two pictures of the report on the reader's own ratings, from the tables of `use.own_ratings`."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.analysis.curves import MEAN
from companion.analysis.equivalence import MARGIN
from companion.figures.style import COLOURS, method_style, short_name, small_multiples, titled

OPEN = "0.45"


def transfer(comparisons: pd.DataFrame, label: str) -> Figure:
    """Each method jointly less itself alone, in % of the latter, a panel each and a row a domain; coloured
    where decided. comparisons: of `verdicts.compare`."""
    whats, targets = list(comparisons["what"].unique()), list(comparisons["target"].unique())
    figure, panels = small_multiples(whats, 0.5 + 0.17 * len(targets), "", "")
    for number, (what, panel) in enumerate(panels.items()):
        rows = comparisons[comparisons["what"] == what].set_index("target").reindex(targets)
        spans = ["difference", "low", "high"]
        rows[spans] = 100 * rows[spans].div(rows["alone"].where(rows["alone"] > 0), axis=0)
        panel.axvspan(-100 * MARGIN, 100 * MARGIN, color="0.92", zorder=0)
        for place, row in enumerate(rows.itertuples()):
            gain = row.verdict == "yes"
            color = OPEN if row.verdict == "open" else COLOURS[2 if gain else 1]
            look = {"color": color, "marker": "D" if row.Index == MEAN else "o", "linestyle": "none"}
            _mark(panel, row.difference, row.low, row.high, place, look)
        _names(panel, [short_name(name, 22) for name in targets] if number % 3 == 0 else [], len(targets))
        _limits(panel, rows["difference"], rows["high"] - rows["difference"], 200 * MARGIN)
        panel.set_title(short_name(what, 26), loc="left")
        panel.set_xlabel("joint less alone, %")
    what = "Is it worth learning from the other domains? Grey band: too small to matter; grey marks: open"
    return titled(figure, what, label)


def methods(above: pd.DataFrame, labels: dict[str, str], joint: Collection[str], label: str) -> Figure:
    """NDCG@10 of every method less popularity's, a panel and an axis of its own for each domain; filled if
    `joint`: learned from all. above: of `tables.above_popularity`."""
    names = [name for name in labels if name in set(above["method"])]
    targets = list(above["target"].unique())
    figure, panels = small_multiples(targets, 0.5 + 0.17 * len(names), "", "")
    for number, (target, panel) in enumerate(panels.items()):
        rows = above[above["target"] == target].set_index("method").reindex(names)
        panel.axvline(0, color="0.6", linewidth=0.8, zorder=0)
        for place, row in enumerate(rows.itertuples()):
            look = method_style(row.Index.removesuffix("_alone")) | {"linestyle": "none"}
            look["markerfacecolor"] = look["color"] if row.Index in joint else "white"
            _mark(panel, row.mean, row.low, row.high, place, look)
        _names(panel, [labels[name] for name in names] if number % 3 == 0 else [], len(names))
        _limits(panel, rows["mean"], rows["high"] - rows["mean"], 0.002)
        panel.set_title(short_name(target, 26), loc="left", weight="bold" if target == MEAN else None)
        panel.set_xlabel("less popularity")
    what = "NDCG@10 less popularity's. Filled: learned from all domains; open: from the domain alone"
    return titled(figure, what, label)


def _mark(panel: Axes, mean: float, low: float, high: float, place: int, look: dict) -> None:
    """A mean with its interval, where there is one."""
    bars = [[mean - low], [high - mean]] if np.isfinite(low) else None
    if np.isfinite(mean):
        panel.errorbar([mean], [place], xerr=bars, elinewidth=0.9, capsize=2, **look)


def _names(panel: Axes, names: list[str], rows: int) -> None:
    panel.set(yticks=range(rows), yticklabels=names or [""] * rows, ylim=(rows - 0.5, -0.5))
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)


def _limits(panel: Axes, means: pd.Series, halves: pd.Series, least: float) -> None:
    """As wide as the means and the usual interval need: a very wide one is cut off at the panel's edge."""
    halves = halves[np.isfinite(halves)]
    reach = max(least, 1.2 * means.abs().max(), 1.5 * (halves.median() if len(halves) else 0))
    panel.set_xlim(-reach, reach) if np.isfinite(reach) else None
    panel.locator_params(axis="x", nbins=4)
