"""Pictures of the controls: what a source domain gives by transfer, and what the balancer does."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion import registry
from companion.analysis.controls import PAIRS
from companion.figures.analysis import ADC, EQUAL
from companion.figures.panels import domain_lines, interval, label_lines
from companion.figures.style import PAGE, legend, method_style, small_multiples, titled

PARTS = {
    "ranking": "BPR's part of $L_k$", "agreement": "$\\lambda$'s part of $L_k$",
    "weight": "weight $w_k$", "rate": "relative rate $r_k$",
}  # fmt: skip


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
    names, cases = list(table["balancing"].unique()), list(table["case"].unique())
    figure, panels = small_multiples(cases, 0.4 + 0.2 * len(names), "gain over equal weights", "")
    for case, panel in panels.items():
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row in table[table["case"] == case].rename(columns={"value": "difference"}).itertuples():
            color, marker = (ADC, "o") if row.balancing.startswith("GradNorm") else (EQUAL, "s")
            interval(panel, names.index(row.balancing), row, color=color, marker=marker)
        panel.set(yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
        panel.set_yticklabels(names if panel.get_subplotspec().is_first_col() else [])
        panel.set_title(case, loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(4))
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
