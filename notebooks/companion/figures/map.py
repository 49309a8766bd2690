"""Pictures of the map: where ADC helps on synthetic twins, and how real datasets are placed there."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from companion.figures.style import COLOURS, COLUMN, LINESTYLES, PAGE, titled

SHADES = LinearSegmentedColormap.from_list("worse to better", ["#D55E00", "white", "#0072B2"])
DARK = 0.75  # of the largest difference: from here on white figures


def heat(summary: pd.DataFrame, others: dict[str, str], places: pd.DataFrame, label: str) -> Figure:
    """A heat map a column: ADC less each of `others` (method -> title). Framed: the interval over seeds
    excludes zero.

    summary: `stats.over_seeds` of `maps.differences`; places: `marks.places`, drawn on every panel; its
    transfer with its interval.
    """
    largest = summary.loc[summary["other"].isin(others), "difference"].abs().max()
    height = 1.3 + 0.5 * summary["asymmetry"].nunique()
    figure, panels = plt.subplots(1, len(others), figsize=(PAGE, height), sharey=True, squeeze=False)
    for panel, (other, title) in zip(panels[0], others.items(), strict=True):
        cells = summary[summary["other"] == other]
        grid = cells.pivot(index="asymmetry", columns="transfer", values="difference")
        norm = Normalize(-largest, largest)
        image = panel.imshow(grid, cmap=SHADES, norm=norm, origin="lower", aspect="auto")
        for cell in cells.itertuples():
            x, y = grid.columns.get_loc(cell.transfer), grid.index.get_loc(cell.asymmetry)
            _cell(panel, x, y, cell, abs(cell.difference) > DARK * largest)
        for number, place in enumerate(places.itertuples()):
            _place(panel, place, number, list(grid.columns), list(grid.index))
        panel.set_xticks(range(grid.shape[1]), [f"{t:g}" for t in grid.columns])
        panel.set_yticks(range(grid.shape[0]), [f"{a:g}" for a in grid.index])
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
        panel.set_xlabel("transfer")
        panel.set_title(title, loc="left")
    panels[0][0].set_ylabel("asymmetry of sizes (1: Table I)")
    figure.colorbar(image, ax=panels, label="difference in NDCG@10", format="{x:+.3f}", aspect=30)
    return titled(figure, "When does it help? Framed: the interval over seeds excludes zero", label)


def _cell(panel: Axes, x: int, y: int, cell: Any, dark: bool) -> None:
    sure = cell.low > 0 or cell.high < 0
    text = f"{round(cell.difference, 3) + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}").replace("+0.000", "0.000")
    look = {"color": "white" if dark else "black", "weight": "bold" if sure else "normal"}
    panel.text(x, y + 0.22, text, ha="center", va="center", **look)
    if sure:
        frame = plt.Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor="black", linewidth=1.2)
        panel.add_patch(frame)


def _place(panel: Axes, place: Any, number: int, transfers: Sequence, asymmetries: Sequence) -> None:
    """A mark where a dataset lies, between the cells; beyond the map it stands at its edge."""
    if np.isnan(place.transfer):
        return
    ends = [place.transfer, place.transfer_low, place.transfer_high]
    x, low, high = np.interp(ends, transfers, range(len(transfers)))
    y = np.interp(place.asymmetry, asymmetries, range(len(asymmetries)))
    look = {"color": "black", "marker": "Ddos^v"[number % 6], "markersize": 4, "markerfacecolor": "white"}
    panel.errorbar(x, y, xerr=[[x - low], [high - x]], linewidth=1, capsize=2, **look)
    panel.annotate(place.Index, (x, y), (0, -4), textcoords="offset points", ha="center", va="top")


def calibration(curve: pd.DataFrame, places: pd.DataFrame, label: str) -> Figure:
    """Taste shared by the domains of twins over their transfer (line: the mean), datasets across it."""
    figure, panel = plt.subplots(figsize=(COLUMN, 2.6))
    mean = curve.groupby("transfer")["taste"].mean()
    panel.plot(curve["transfer"], curve["taste"], ".", color="0.55")
    panel.plot(mean.index, mean, color="black")
    for number, (name, row) in enumerate(places.dropna(subset="taste").iterrows()):
        colour = COLOURS[number % len(COLOURS)]
        panel.axhspan(row["low"], row["high"], color=colour, alpha=0.2, linewidth=0)
        panel.axhline(row["taste"], color=colour, linestyle=LINESTYLES[number % len(LINESTYLES)])
        panel.text(0, row["taste"], f" {name}", color=colour, va="bottom")
    panel.set_xlabel("transfer of the twin")
    panel.set_ylabel("similarity of tastes between\ndomains over that within them")
    return titled(figure, "How far tastes carry over", label)
