"""Pictures of the control worlds: what a source domain gives by transfer, what the balancer does, and the
map of where ADC helps, with real datasets on it."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion import registry
from companion.analysis.controls import PAIRS
from companion.figures.analysis import ADC, EQUAL
from companion.figures.panels import domain_lines, intervals, label_lines
from companion.figures.style import COLOURS, LINESTYLES, PAGE, legend, method_style, titled

PARTS = {
    "ranking": "BPR's part of $L_k$", "agreement": "$\\lambda$'s part of $L_k$",
    "weight": "weight $w_k$", "rate": "relative rate $r_k$",
}  # fmt: skip
SHADES = LinearSegmentedColormap.from_list("worse to better", ["#D55E00", "white", "#0072B2"])
DARK = 0.75  # of the largest difference: from here on white figures


def controls(levels: pd.DataFrame, gains: pd.DataFrame, label: str) -> Figure:
    """Left, every method's score by transfer, in grey what knows the target alone; right, what the source
    gives each that learns from it. levels, gains: of `analysis.controls`, with intervals over the worlds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 3.4), sharex=True)
    lines: dict[Axes, list] = {left: [], right: []}
    for (method, alone), rows in levels.groupby(["method", "alone"], sort=False):
        single = alone or method not in PAIRS
        name = registry.label(method) + ", alone" * alone
        grey = {"color": "0.6", "marker": "", "linestyle": ":"} if single else {}
        lines[left].append(_curve(left, rows, method_style(method) | grey, name))
    right.axhline(0, color="0.4", linewidth=0.8)
    for method, rows in gains.groupby("method", sort=False):
        lines[right].append(_curve(right, rows, method_style(method), registry.label(method)))
    left.set(xlabel="transfer: share of taste in common", ylabel="NDCG@10 of the target")
    right.set(xlabel="transfer", ylabel="gain from the source, NDCG@10")
    left.set(ylim=(0, None), xticks=sorted(levels["transfer"].unique()))
    figure.get_layout_engine().set(rect=(0, 0, 0.81, 1), wspace=0.45)  # room for the names
    titled(figure, "What there is to find, and who finds it", label)
    for panel, named in lines.items():
        label_lines(panel, named)
    return figure


def _curve(panel: Axes, rows: pd.DataFrame, style: dict, name: str) -> tuple[float, str, dict]:
    """Draw a line with its intervals; its last value, name and look for `label_lines`."""
    rows = rows.sort_values("transfer")
    bars = None if rows["low"].isna().any() else (rows["high"] - rows["low"]) / 2
    look = {"markerfacecolor": "white", "elinewidth": 0.8, "capsize": 1.5} | style | {"label": name}
    panel.errorbar(rows["transfer"], rows["value"], yerr=bars, **look)
    return rows["value"].iloc[-1], name, {"color": style["color"]}


def over_static(table: pd.DataFrame, label: str) -> Figure:
    """Gain of every γ and pair of constant weights, a panel a case. table: of `controls.over_static`."""
    table = table.rename(columns={"case": "group", "balancing": "row", "value": "difference"})
    constant = {"color": EQUAL, "marker": "s"}
    look = lambda row: {"color": ADC} if row.row.startswith("GradNorm") else constant
    figure = intervals(table, "gain over equal weights", look, shared=True)
    return titled(figure, "Gain in NDCG@10 of the target over equal weights (source : target)", label)


def balancing(history: pd.DataFrame, label: str) -> Figure:
    """Parts of the losses, weights and rates by epoch, a row a case. history: of `controls.histories`."""
    cases = list(history["case"].unique())
    size = (PAGE, 0.8 + 1.4 * len(cases))
    figure, axes = plt.subplots(len(cases), len(PARTS), figsize=size, squeeze=False)
    for (case, of_case), panels in zip(history.groupby("case", sort=False), axes):
        for panel, (name, title) in zip(panels, PARTS.items(), strict=True):
            domain_lines(panel, of_case, "epoch", name)
            panel.set_title(title if case == cases[0] else "", loc="left")
            panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panels[0].set_ylabel(case)
    for panel in axes[-1]:
        panel.set_xlabel("epoch")
    legend(figure, panel)
    return titled(figure, "What the balancer sees, and what it does, at γ = 2", label)


def heat(summary: pd.DataFrame, places: pd.DataFrame, label: str) -> Figure:
    """A heat map a panel of `maps.summary`. Framed and bold: the interval excludes zero. places:
    `marks.places`, drawn on every panel, with the interval of transfer."""
    names, height = summary["panel"].unique(), 1.5 + 0.42 * summary["richness"].nunique()
    figure, panels = plt.subplots(1, len(names), figsize=(PAGE, height), sharey=True, squeeze=False)
    largest = summary["difference"].abs().max()
    look = {"cmap": SHADES, "vmin": -largest, "vmax": largest, "cbar": False, "fmt": ""}
    for panel, name in zip(panels[0], names, strict=True):
        cells = summary[summary["panel"] == name].sort_values(["richness", "transfer"])
        grid = cells.pivot(index="richness", columns="transfer", values="difference")
        words = grid.map("{:+z.3f}".format).replace({"-": "\N{MINUS SIGN}", r"\+0\.000": "0.000"}, regex=True)
        named = grid.rename(index="{:g}".format, columns="{:g}".format)
        seaborn.heatmap(named, annot=words, ax=panel, **look)
        panel.invert_yaxis()
        for text, cell in zip(panel.texts, cells.itertuples(), strict=True):
            (x, y), sure = text.get_position(), cell.low > 0 or cell.high < 0
            color = "white" if abs(cell.difference) > DARK * largest else "black"
            text.set(y=y + 0.22, color=color, weight="bold" if sure else "normal")  # in the middle: datasets
            if sure:
                panel.add_patch(plt.Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, linewidth=1.2))
        for number, place in enumerate(places.dropna(subset="transfer").itertuples()):
            _place(panel, place, number, grid)
        panel.tick_params(length=0, labelrotation=0)
        panel.set(xlabel="transfer", ylabel="")
        panel.set_title(name, loc="left")
    panels[0][0].set_ylabel("richness: ratings a\nuser in the source")
    figure.colorbar(panel.collections[0], ax=panels, label="difference in NDCG@10", format="{x:+g}")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    what = "When does it help, by transfer and richness? Framed: the interval excludes zero"
    return titled(figure, what, label)


def _place(panel: Axes, place: Any, number: int, grid: pd.DataFrame) -> None:
    """A mark where a dataset lies, between the cells; one beyond the map stands at its edge."""
    ends = [place.transfer, place.transfer_low, place.transfer_high]
    x, low, high = np.interp(ends, grid.columns, np.arange(grid.shape[1]) + 0.5)
    y = np.interp(np.log(place.richness), np.log(grid.index), np.arange(grid.shape[0]) + 0.5)
    beyond = "" if grid.index[0] <= place.richness <= grid.index[-1] else ", beyond the map"
    look = {"marker": "Dos^v"[number % 5], "markersize": 4, "markerfacecolor": "white", "color": "black"}
    look |= {"linestyle": "", "elinewidth": 1, "capsize": 2}
    text = f"{place.Index} (richness {place.richness:.0f}{beyond})"
    panel.errorbar(x, y, xerr=[[x - low], [high - x]], label=text, **look)


def calibration(curve: pd.DataFrame, places: pd.DataFrame, label: str) -> Figure:
    """Taste shared by the domains of worlds over their transfer (line: the mean); across it the datasets."""
    figure, panel = plt.subplots(figsize=(PAGE, 2.8))
    mean = curve.groupby("transfer")["taste"].mean()
    panel.plot(curve["transfer"], curve["taste"], ".", color="0.55")
    panel.plot(mean.index, mean, color="black")
    lines = [(mean.iloc[-1], "synthetic worlds", {"color": "black"})]
    for number, (name, row) in enumerate(places.dropna(subset="taste").iterrows()):
        colour = COLOURS[number % len(COLOURS)]
        panel.axhspan(row["low"], row["high"], color=colour, alpha=0.2, linewidth=0)
        panel.axhline(row["taste"], color=colour, linestyle=LINESTYLES[number % len(LINESTYLES)])
        lines.append((row["taste"], name, {"color": colour}))
    panel.set(xlabel="transfer of the world", xlim=(-0.02, 1.02))
    panel.set_ylabel("similarity of choices between\ndomains over that within them")
    figure.get_layout_engine().set(rect=(0, 0, 0.83, 1))  # room for the names
    titled(figure, "How far tastes carry over: worlds of known transfer, and real ratings", label)
    label_lines(panel, lines)
    return figure
