"""Pictures of the map: where ADC helps on synthetic twins, and how real datasets are placed there."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from adc import looks

WORSE, BETTER = "#D55E00", "#0072B2"  # of Okabe and Ito; told apart by the colour-blind
COLOURS = LinearSegmentedColormap.from_list("worse to better", [WORSE, "white", BETTER])
DARK = 0.75  # of the largest difference: from here on white figures


def heat(summary: pd.DataFrame, others: dict[str, str], places: pd.DataFrame, label: str) -> Figure:
    """A heat map a column: ADC less each of `others` (method -> title). Framed: the interval over seeds excludes zero.

    summary: `maps.over_seeds`; places: `marks.placed`, drawn on every panel; its transfer with its interval.
    """
    largest = summary.loc[summary["other"].isin(others), "difference"].abs().max()
    norm = Normalize(-largest, largest)
    height = 1.3 + 0.5 * summary["asymmetry"].nunique()
    figure, panels = plt.subplots(1, len(others), figsize=(looks.PAGE, height), sharey=True, squeeze=False)
    for panel, (other, title) in zip(panels[0], others.items(), strict=True):
        some = summary[summary["other"] == other].set_index(["asymmetry", "transfer"])
        grid = some["difference"].unstack().sort_index()
        image = panel.imshow(grid, cmap=COLOURS, norm=norm, origin="lower", aspect="auto")
        for row, column in np.ndindex(grid.shape):
            _cell(panel, column, row, some.loc[grid.index[row], grid.columns[column]], largest)
        for number, place in enumerate(places.itertuples()):
            _place(panel, place, number, list(grid.columns), list(grid.index))
        panel.set(xticks=range(grid.shape[1]), xticklabels=[f"{t:g}" for t in grid.columns], xlabel="transfer",
                  yticks=range(grid.shape[0]), yticklabels=[f"{a:g}" for a in grid.index])  # fmt: skip
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
        panel.set_title(title, loc="left")
    panels[0][0].set_ylabel("asymmetry of sizes (1: Table I)")
    figure.colorbar(image, ax=panels, label="difference in NDCG@10", format="{x:+.3f}", aspect=30)
    return looks.titled(figure, "When does it help? Framed: the interval over seeds excludes zero", label)


def _cell(panel: Axes, x: int, y: int, found: pd.Series, largest: float) -> None:
    sure = found["low"] > 0 or found["high"] < 0
    ink = "white" if abs(found["difference"]) > DARK * largest else "black"
    text = f"{found['difference']:+.3f}".replace("-", "\N{MINUS SIGN}")
    text = "0.000" if text.endswith("0.000") else text
    panel.text(x, y + 0.22, text, ha="center", va="center", color=ink, weight="bold" if sure else "normal")
    if sure:
        panel.add_patch(plt.Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor="black", linewidth=1.2))


def _place(panel: Axes, place: pd.Series, number: int, transfers: Sequence[float], asymmetries: Sequence[float]) -> None:
    """A diamond where a dataset lies, between the cells; beyond the map it stands at its edge."""
    if np.isnan(place.transfer):
        return
    found = [place.transfer, place.transfer_low, place.transfer_high]
    x, low, high = np.interp(found, transfers, range(len(transfers)))
    y = np.interp(place.asymmetry, asymmetries, range(len(asymmetries)))
    panel.errorbar(x, y, xerr=[[x - low], [high - x]], color="black", marker="Ddos^v"[number % 6], markersize=4,
                   markerfacecolor="white", linewidth=1, capsize=2)  # fmt: skip
    panel.annotate(place.Index, (x, y), (0, -4), textcoords="offset points", ha="center", va="top")


def calibration(curve: pd.DataFrame, places: pd.DataFrame, label: str) -> Figure:
    """Agreement of synthetic twins over their transfer (a dot a twin, the line their mean), datasets across it."""
    figure, panel = plt.subplots(figsize=(looks.COLUMN, 2.6))
    mean = curve.groupby("transfer")["agreement"].mean()
    panel.plot(curve["transfer"], curve["agreement"], ".", color="0.55")
    panel.plot(mean.index, mean, color="black")
    for number, (name, row) in enumerate(places.dropna(subset="agreement").iterrows()):
        colour = looks.COLOURS[number % len(looks.COLOURS)]
        panel.axhspan(row["low"], row["high"], color=colour, alpha=0.2, linewidth=0)
        panel.axhline(row["agreement"], color=colour, linestyle=looks.LINES[number % len(looks.LINES)])
        panel.text(0, row["agreement"], f" {name}", color=colour, va="bottom")
    panel.set(xlabel="transfer of the twin", ylabel="agreement between domains\nover that within them")
    return looks.titled(figure, "How far tastes carry over", label)
