"""Figures of §IV-E: Figs. 3 and 4, weights by gamma, balancers, and what each reading changes."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from companion import registry
from companion.figures.style import COLOURS, COLUMN, PAGE, domain_styles, method_style, short_name, titled

ADC, STATIC = (registry.METHODS[name].color for name in ("adc", "static"))
PAPER = {"color": "0.45", "linestyle": ":", "linewidth": 1}
PRETRAINING = {  # style and place beside the level
    "identity": ({"color": ADC, "marker": "o", "linestyle": "-", "label": "pretrained (R10)"}, -0.06),
    "none": ({"color": COLOURS[5], "marker": "s", "linestyle": "--", "label": "not pretrained"}, 0.06),
}
BARS = {"elinewidth": 0.8, "capsize": 1.5}
MARK = {"linestyle": "none"}  # without a line
CROSS = MARK | {"marker": "x", "color": "black", "markersize": 7, "label": "a run diverged (R34)"}


def depth(curve: pd.DataFrame, best: Mapping[str, float], paper: Mapping[str, float], label: str) -> Figure:
    """Fig. 3: NDCG@10 by h, one panel a target. curve: `curves.curve` by hidden_layers and pretraining; by
    target, `best` is the depth whose mark is filled, `paper` the paper's depth, dotted."""
    figure, panels, spare = _panels(list(curve["target"].unique()), "$h$, hidden layers", "NDCG@10")
    for target, panel in panels.items():
        panel.axvline(paper.get(target, np.nan), **PAPER)
        for name, (style, offset) in PRETRAINING.items():
            rows = curve[curve["target"].eq(target) & curve["pretraining"].eq(name)]
            filled = best.get(target) if name == "identity" else None
            _line(panel, rows, "hidden_layers", style, offset, filled)
        panel.set_xticks(sorted(curve["hidden_layers"].unique()))
        _cut(panel)
    _key(spare, panels.values(), "best depth, pretrained", "the paper's depth")
    return titled(figure, "NDCG@10 by the number of shared hidden layers", label)


def asymmetry(curve: pd.DataFrame, static: pd.DataFrame, best: Mapping, paper: Mapping, label: str) -> Figure:
    """Fig. 4: NDCG@10 by gamma, one panel a target (or a set). curve, static: `curves.curve` of ADC by gamma
    and of equal weights, a line with a band; by target, `best` is the gamma whose mark is filled, `paper` the
    dotted one."""
    figure, panels, spare = _panels(list(curve["target"].unique()), r"$\gamma$", "NDCG@10")
    style = {"color": ADC, "marker": "o", "linestyle": "-", "label": "ADC"}
    for target, panel in panels.items():
        panel.axvline(paper.get(target, np.nan), **PAPER)
        for row in static[static["target"] == target].itertuples():
            panel.axhline(row.mean, color=STATIC, linestyle="--", linewidth=1.2, label="static, $w_k$ = 1")
            if np.isfinite(row.low):
                panel.axhspan(row.low, row.high, color=STATIC, alpha=0.12, linewidth=0)
        _line(panel, curve[curve["target"] == target], "gamma", style, 0.0, best.get(target))
        panel.set_xticks([0, 1, 2, 3])
        _cut(panel)
    _key(spare, panels.values(), "best $\\gamma$", "the paper's $\\gamma$")
    return titled(figure, r"NDCG@10 by the asymmetry parameter $\gamma$", label)


def weights(table: pd.DataFrame, label: str) -> Figure:
    """Weight of every domain by epoch, one panel a gamma. table: `asymmetry.weights`."""
    gammas, styles = sorted(table["gamma"].unique()), domain_styles(list(table["domain"].unique()))
    figure, panels, spare = _panels(gammas, "epoch", "weight $w_k$", sharex=True, sharey=True)
    for gamma, panel in panels.items():
        of_gamma = table[table["gamma"] == gamma]
        panel.axhline(1, color="0.8", linewidth=0.8, zorder=0)
        for domain, rows in of_gamma.groupby("domain", sort=False):
            panel.plot(rows["epoch"], rows["weight"], label=short_name(domain), **styles[domain])
        diverged = ", diverged" if of_gamma["diverged"].any() else ""
        panel.set_title(rf"$\gamma$ = {gamma:g}{diverged}", loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    spare.legend(*panel.get_legend_handles_labels(), loc="center left", ncols=1 + (len(styles) > 8))
    return titled(figure, "Weights of the domains", label)


def balancers(table: pd.DataFrame, label: str) -> Figure:
    """Gain of every balancer over static, a row each, one panel a target. table: `asymmetry.gains`."""
    names, targets = list(table["balancing"].unique()), list(table["target"].unique())
    figure, panels, spare = _panels(targets, "gain over static", "", height=0.35 + 0.15 * len(names))
    for target, panel in panels.items():
        panel.axvline(0, color=STATIC, linestyle="--", linewidth=1.2)
        for row in table[table["target"] == target].itertuples():
            color = ADC if row.balancing.startswith("GradNorm") else "black"
            bar(panel, names.index(row.balancing), row, color=color, marker="o")
        panel.set(yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
        panel.set_yticklabels(names if panel.get_subplotspec().is_first_col() else [])
        panel.grid(axis="y", color="0.93")
        panel.xaxis.set_major_locator(MaxNLocator(3))
    _key(spare, panels.values())
    return titled(figure, "Gain in NDCG@10 of each balancer over equal weights", label)


def readings(table: pd.DataFrame, rivals: pd.DataFrame, label: str) -> Figure:
    """Change in NDCG@10 by each reading (`sensitivity.readings`), sorted, and below by putting each other
    method in ADC's place (`sensitivity.rivals`), the yardstick."""
    figure, panel = plt.subplots(figsize=(PAGE, 1.4 + 0.165 * (len(table) + len(rivals))))
    panel.axvline(0, color="0.6", linewidth=0.8)
    panel.grid(axis="y", color="0.93")
    places = len(table) + 1 + np.arange(len(rivals))  # a row above each block is left for its heading
    for place, row in enumerate(table.itertuples()):
        bar(panel, place, row, color=ADC, marker="o")
    for place, row in zip(places.tolist(), rivals.itertuples(), strict=True):
        style = method_style(row.method)
        bar(panel, place, row, color=style["color"], marker=style["marker"])
    for place, words in ((-1, "one reading changed"), (len(table), "another method in ADC's place")):
        at = {"transform": panel.get_yaxis_transform(), "ha": "right", "va": "center"}
        panel.text(1, place, words, style="italic", **at)
    names = [f"$\\bf{{{row.reading}}}$  {row.change}" for row in table.itertuples()]
    panel.set_yticks([*range(len(table)), *places], [*names, *map(registry.label, rivals["method"])])
    panel.set_xlabel("change in NDCG@10, mean over the domains, from ADC as it is")
    panel.set_ylim(places.max(initial=len(table)) + 0.6, -1.6)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    return titled(figure, "What each reading of the paper changes", label)


def bar(panel: Axes, place: float, row: Any, color: str, marker: str) -> None:
    """A difference and its interval in a row of a panel, filled where the interval leaves zero out."""
    interval = np.isfinite(row.low)
    bars = [[row.difference - row.low], [row.high - row.difference]] if interval else None
    fill = color if interval and (row.low > 0 or row.high < 0) else "white"
    style = {"color": color, "marker": marker, "markerfacecolor": fill}
    panel.errorbar([row.difference], [place], xerr=bars, **MARK, **BARS, **style)
    if getattr(row, "diverged", False):
        panel.plot([row.difference], [place], **CROSS)


def _panels(
    names: Sequence, x: str, y: str, height: float = 1.25, **shared: Any
) -> tuple[Figure, dict[Any, Axes], Axes]:
    """A figure with one titled panel a name, at most four in a row, and a spare cell for the key."""
    cells = len(names) + 1
    columns = 3 if cells in (5, 6) else min(4, cells)
    rows, width = -(-cells // columns), PAGE if columns > 2 else COLUMN * 1.4
    size = (width, 0.6 + (height + 0.25) * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **shared)
    for number, panel in enumerate(axes.flat):
        panel.tick_params(labelbottom=True)
        if number >= len(names):
            panel.axis("off")
        elif number + columns >= len(names):
            panel.set_xlabel(x)
        if number % columns == 0:
            panel.set_ylabel(y)
    for name, panel in zip(names, axes.flat, strict=False):
        title = textwrap.wrap(short_name(str(name), 150 // columns), 90 // columns)
        panel.set_title("\n".join(title), loc="left")
    return figure, dict(zip(names, axes.flat, strict=False)), axes.flat[len(names)]


def _line(
    panel: Axes, rows: pd.DataFrame, level: str, style: dict, offset: float, filled: float | None
) -> None:
    """One curve with its intervals; the mark of `filled` is filled, levels with diverged runs are crossed."""
    rows = rows.sort_values(level)
    x = rows[level] + offset
    bars = None if rows["low"].isna().all() else (rows["high"] - rows["low"]).fillna(0) / 2
    panel.errorbar(x, rows["mean"], yerr=bars, markerfacecolor="white", **BARS, **style)
    best, diverged = rows[level] == filled, rows["diverged"] > 0
    panel.plot(x[best], rows["mean"][best], color=style["color"], marker=style["marker"], zorder=3, **MARK)
    if diverged.any():
        panel.plot(x[diverged], rows["mean"][diverged], **CROSS)


def _cut(panel: Axes) -> None:
    """Cut intervals of few seeds where they leave what NDCG can be."""
    low, high = panel.get_ylim()
    panel.set_ylim(max(0.0, low), min(1.0, high))


def _key(spare: Axes, panels: Iterable[Axes], best: str = "", paper: str = "") -> None:
    """What the marks mean, in the spare cell."""
    handles = {}
    for panel in panels:
        handles |= dict(zip(*panel.get_legend_handles_labels()[::-1], strict=True))
    if best:
        handles |= {best: Line2D([], [], color=ADC, marker="o", **MARK), paper: Line2D([], [], **PAPER)}
    spare.legend(list(handles.values()), list(handles), loc="center left")
