"""Figures of §IV-E: Figs. 3 and 4, weights by gamma, balancers, and what each reading changes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from companion import registry
from companion.analysis.curves import MEAN
from companion.analysis.equivalence import MARGIN
from companion.analysis.report import STATIC
from companion.analysis.sensitivity import in_words
from companion.figures.panels import axis_ends, domain_lines, forest, grid, interval
from companion.figures.style import COLOURS, PAGE, method_style, titled

ADC, EQUAL = (registry.METHODS[name].color for name in ("adc", STATIC))
SERIES = {  # of Figs. 3 and 4 -> style, and place beside the level
    "identity": ({"color": ADC, "marker": "o", "linestyle": "-", "label": "pretrained (R10)"}, -0.08),
    "none": ({"color": COLOURS[5], "marker": "s", "linestyle": "--", "label": "not pretrained"}, 0.08),
    "adc": ({"color": ADC, "marker": "o", "linestyle": "-", "label": "ADC"}, 0.0),
    STATIC: ({"color": EQUAL, "marker": "s", "linestyle": "none", "label": "equal weights (static)"}, 0.0),
}
MATTERS = 100 * MARGIN  # per cent


def depth(table: pd.DataFrame, label: str) -> Figure:
    """Fig. 3: NDCG@10 by h less the paper's h, a panel a target. table: `curves.contrasts` by pretraining."""
    figure = _contrasts(table, "$h$, hidden layers", "$h$")
    return titled(figure, "NDCG@10 by the number of hidden layers, less that at the paper's $h$", label)


def asymmetry(table: pd.DataFrame, label: str) -> Figure:
    """Fig. 4: NDCG@10 by gamma less that at the paper's gamma, and equal weights at the left, one panel a
    target or a set. table: `curves.contrasts` of gamma by method."""
    static = table["series"] == STATIC
    figure = _contrasts(table.assign(level=table["level"].mask(static, -1.0)), r"$\gamma$", r"$\gamma$")
    for panel in figure.axes[:-1] if static.any() else ():
        levels = panel.get_xticks()
        panel.set_xticks(levels, ["equal" if level == -1 else f"{level:g}" for level in levels])
    what = r"NDCG@10 by the asymmetry parameter $\gamma$, less that at the paper's $\gamma$"
    return titled(figure, what, label)


def _contrasts(table: pd.DataFrame, x: str, symbol: str) -> Figure:
    """A panel a target of `curves.contrasts`: each level's difference to the paper's, with its interval; the
    band is what does not matter by the ledger's margin."""
    targets, ends = list(table["target"].unique()), axis_ends(table, MATTERS, bulk=0.95)
    series = [name for name in SERIES if name in set(table["series"])]
    figure, panels, spare = grid(targets, x, "difference, %", sharey=True)
    for target, panel in panels.items():
        rows = table[table["target"] == target]
        panel.axhspan(-MATTERS, MATTERS, color="0.92", linewidth=0, zorder=0)
        panel.axhline(0, color="0.4", linewidth=0.8, zorder=0)
        for name in series:
            style, offset = SERIES[name]
            of_series = rows[rows["series"] == name].sort_values("level")
            line = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 1}
            panel.plot(of_series["level"] + offset, of_series["difference"], **line)
            for row in of_series.itertuples():
                look = {key: style[key] for key in ("color", "marker")}
                interval(panel, row.level + offset, row, ends, vertical=True, **look)
        panel.set(xticks=sorted(rows["level"].unique()), ylim=ends)
        less = f"{symbol} = {rows['reference'].iloc[0]}" if target != MEAN else "each domain's own"
        panel.set_title(f"{panel.get_title(loc='left')}\nless {less}", loc="left")
    keys = [Line2D([], [], markerfacecolor="white", **SERIES[name][0]) for name in series]
    keys.append(Patch(color="0.92", label=f"± {MATTERS:g} %: does not matter"))
    if table["diverged"].any():
        look = {"color": "black", "marker": "x", "linestyle": "none", "markersize": 7}
        keys.append(Line2D([], [], label="a run diverged (R34)", **look))
    spare.legend(handles=keys, loc="center left")
    return figure


def weights(table: pd.DataFrame, label: str) -> Figure:
    """Weight of every domain by epoch, one panel a gamma. table: `asymmetry.histories`."""
    gammas, domains = sorted(table["gamma"].unique()), table["domain"].nunique()
    figure, panels, spare = grid(gammas, "epoch", "weight $w_k$", sharex=True, sharey=True)
    for gamma, panel in panels.items():
        of_gamma = table[table["gamma"] == gamma]
        panel.axhline(1, color="0.8", linewidth=0.8, zorder=0)
        domain_lines(panel, of_gamma, "epoch", "weight")
        diverged = ", diverged" if of_gamma["diverged"].any() else ""
        panel.set_title(rf"$\gamma$ = {gamma:g}{diverged}", loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    spare.legend(*panel.get_legend_handles_labels(), loc="center left", ncols=1 + (domains > 8))
    return titled(figure, "Weights of the domains", label)


def balancers(table: pd.DataFrame, label: str) -> Figure:
    """Gain of every balancer over equal weights, a row each: the mean over the targets with its interval,
    and a tick for each target. table: `asymmetry.gains`."""
    names = {name: name for name in table["balancing"].unique()}
    colour = lambda name: ADC if name.startswith("GradNorm") else "black"
    looks = {name: {"color": colour(name), "marker": "o"} for name in names}
    figure = forest(table.rename(columns={"balancing": "row"}), names, looks)
    figure.axes[0].set_xlabel("NDCG@10 less that of equal weights\n(ticks: single domains)")
    return titled(figure, "Balancers against equal weights", label)


def readings(table: pd.DataFrame, rivals: pd.DataFrame, label: str) -> Figure:
    """Change in NDCG@10 by each reading (`sensitivity.readings`), sorted, and below by putting each other
    method in ADC's place (`sensitivity.rivals`), the yardstick. Large ones are cut and written."""
    both = pd.concat([table, rivals])
    ends = axis_ends(both)
    figure, panel = plt.subplots(figsize=(PAGE, 1.4 + 0.165 * len(both)))
    panel.axvline(0, color="0.4", linewidth=0.8)
    panel.grid(axis="y", color="0.93")
    places = len(table) + 1 + np.arange(len(rivals))  # a row above each block is left for its heading
    for place, row in enumerate(table.itertuples()):
        interval(panel, place, row, ends, color=ADC, marker="o")
    for place, row in zip(places.tolist(), rivals.itertuples(), strict=True):
        style = method_style(row.method)
        interval(panel, place, row, ends, color=style["color"], marker=style["marker"])
    for place, words in ((-1, "one reading changed"), (len(table), "another method in ADC's place")):
        at = {"transform": panel.get_yaxis_transform(), "ha": "left", "va": "center"}
        panel.text(0, place, words, style="italic", **at)
    names = [f"{in_words(row.change)}  $\\bf{{{row.reading}}}$" for row in table.itertuples()]
    panel.set_yticks([*range(len(table)), *places], [*names, *map(registry.label, rivals["method"])])
    panel.set_xlabel("change in NDCG@10, mean over the domains, from ADC as it is")
    panel.set(xlim=ends, ylim=(places.max(initial=len(table)) + 0.6, -1.6))
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    return titled(figure, "What each reading of the paper changes", label)
