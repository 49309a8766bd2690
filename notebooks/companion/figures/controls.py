"""Pictures of the controls: what a source domain gives by transfer, and what the balancer does."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion import registry
from companion.figures.analysis import ADC, bar
from companion.figures.style import PAGE, domain_styles, legend, method_style, small_multiples, titled

CONTEXT = {"popularity": "0.55", "bpr": "0.55", "itemknn": "0.55", "ease": "0.55"}  # grey: of one domain
PARTS = {
    "ranking": "BPR's part of $L_k$", "agreement": "$\\lambda$'s part of $L_k$",
    "weight": "weight $w_k$", "rate": "relative rate $r_k$",
}  # fmt: skip


def controls(levels: pd.DataFrame, gains: pd.DataFrame, label: str) -> Figure:
    """Left, every method's score by transfer; right, what the source gives each that learns from it.
    levels, gains: of `analysis.controls`, with intervals over the worlds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 3.2), sharex=True)
    for (method, alone), rows in levels.groupby(["method", "alone"], sort=False):
        style = method_style(method)
        if method in CONTEXT or alone:
            style |= {"color": CONTEXT.get(method, style["color"])}
        style |= {"label": f"{style['label']}, target alone"} if alone else {}
        style |= {"linestyle": ":" if alone else style["linestyle"]}
        _curve(left, rows, style)
    right.axhline(0, color="0.6", linewidth=0.8)
    for method, rows in gains.groupby("method", sort=False):
        _curve(right, rows, method_style(method))
    left.set(xlabel="transfer: share of a taste common to both domains", ylabel="NDCG@10 of the target")
    right.set(xlabel="transfer", ylabel="gain from the source, NDCG@10")
    left.set_ylim(0, None)
    legend(figure, left)
    return titled(figure, "What there is to find, and who finds it", label)


def _curve(panel: Axes, rows: pd.DataFrame, style: dict) -> None:
    rows = rows.sort_values("transfer")
    bars = None if rows["low"].isna().any() else (rows["high"] - rows["low"]) / 2
    look = {"markerfacecolor": "white", "elinewidth": 0.8, "capsize": 1.5} | style
    panel.errorbar(rows["transfer"], rows["value"], yerr=bars, **look)


def over_static(table: pd.DataFrame, label: str) -> Figure:
    """What every γ, and every pair of constant weights, gains over equal weights, a panel a case. table: of
    `controls.over_static`."""
    names, cases = list(table["balancing"].unique()), list(table["case"].unique())
    figure, panels = small_multiples(cases, 0.4 + 0.2 * len(names), "gain over equal weights", "")
    for case, panel in panels.items():
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row in table[table["case"] == case].rename(columns={"value": "difference"}).itertuples():
            color = ADC if row.balancing.startswith("GradNorm") else registry.METHODS["static"].color
            bar(panel, names.index(row.balancing), row, color=color, marker="o")
        words = [name if "γ" in name else "constant, " + name.replace(",", " : ") for name in names]
        panel.set(yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
        panel.set_yticklabels(words if panel.get_subplotspec().is_first_col() else [])
        panel.set_title(case, loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(4))
    return titled(figure, "Gain in NDCG@10 of the target over equal weights (source : target)", label)


def balancing(history: pd.DataFrame, label: str) -> Figure:
    """Both parts of the losses, the weights and the rates by epoch, a row a case. history: of
    `controls.histories`."""
    cases = list(history["case"].unique())
    size = (PAGE, 0.8 + 1.4 * len(cases))
    figure, axes = plt.subplots(len(cases), len(PARTS), figsize=size, squeeze=False)
    styles = domain_styles(list(history["domain"].unique()))
    for (case, of_case), panels in zip(history.groupby("case", sort=False), axes):
        for panel, (name, title) in zip(panels, PARTS.items(), strict=True):
            for domain, rows in of_case.groupby("domain", sort=False):
                panel.plot(rows["epoch"], rows[name], label=domain, **styles[domain])
            panel.set_title(title if case == cases[0] else "", loc="left")
            panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panels[0].set_ylabel(case)
    for panel in axes[-1]:
        panel.set_xlabel("epoch")
    legend(figure, panel)
    return titled(figure, "What the balancer sees, and what it does, at γ = 2", label)
