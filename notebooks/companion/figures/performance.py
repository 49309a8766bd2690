"""Pictures of how good the methods are: Fig. 2, relative to popularity, a search's trials."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from companion import registry
from companion.figures.panels import forest, grid, label_lines
from companion.figures.style import CONTEXT, PAGE, method_style, small_multiples, titled


def recall(table: pd.DataFrame, base: str, label: str) -> Figure:
    """Fig. 2 as differences: every method's recall@N less that of `base` by N, one panel a target. In colour
    ADC, the paper's best rival and the best of all; the rest in grey. table: of `performance.against`."""
    table = table[~table["method"].isin(["random", base])]  # random would squeeze the others
    targets, methods = list(table["target"].unique()), list(table["method"].unique())
    order = table[table["target"] == targets[-1]].groupby("method")["difference"].mean()
    rivals = order.index[order.index.isin(registry.names("rival"))]
    colour = {"adc", order.idxmax(), *([order[rivals].idxmax()] if len(rivals) else [])}
    figure, panels, _ = grid(targets, "$N$, length of the list", "recall@$N$, difference", sharey=True)
    for target, panel in panels.items():
        panel.axhline(0, color=registry.method(base).color, linewidth=1)
        for method in sorted(methods, key=colour.__contains__):
            rows = table[table["target"].eq(target) & table["method"].eq(method)]
            if method not in colour:
                panel.plot(rows["n"], rows["difference"], color="0.75", linewidth=0.8, zorder=1)
                continue
            look = method_style(method)
            band = {"color": look["color"], "alpha": 0.15, "linewidth": 0}
            panel.fill_between(rows["n"], rows["low"], rows["high"], **band)
            panel.plot(rows["n"], rows["difference"], **look, markerfacecolor="white")
        panel.set_xticks(sorted(table["n"].unique()))
    titled(figure, f"Recall of the first $N$ recommendations, less that of {registry.label(base)}", label)
    last = table[table["target"].eq(targets[-1]) & table["n"].eq(table["n"].max())]
    bold = {name: {"color": method_style(name)["color"], "weight": "bold"} for name in colour}
    ends = []
    for row in last.itertuples():
        ends.append((row.difference, registry.label(row.method), bold.get(row.method, CONTEXT)))
    label_lines(panel, [*ends, (0, registry.label(base), {"color": registry.method(base).color})])
    return figure


def relative(table: pd.DataFrame, what: str, label: str) -> Figure:
    """By how many per cent every method is above popularity, a row a method: the mean over the targets with
    its interval, and a tick for each target. table: `performance.against`, as a ratio."""
    table = table[~table["method"].isin(["popularity", "random"])]  # random would squeeze the others
    names = {name: registry.label(name) for name in table["method"].unique()}
    looks = {name: {key: method_style(name)[key] for key in ("color", "marker")} for name in names}
    figure = forest(table.rename(columns={"method": "row"}), names, looks)
    figure.axes[0].set_xlabel(f"{what}, % above popularity\n(ticks: single domains)")
    return titled(figure, "How far above plain popularity?", label)


def users(gaps: pd.Series, other: str, label: str) -> Figure:
    """How the users' differences in NDCG@10 between ADC and another method are spread, those that have none
    apart. gaps: one number a (target, user)."""
    figure, panel = plt.subplots(figsize=(PAGE, 2.6))
    same = gaps.abs() < 1e-9
    edges = np.linspace(-1, 1, 41)
    for sign, color in ((1, method_style("adc")["color"]), (-1, method_style(other)["color"])):
        side = gaps[~same & (np.sign(gaps) == sign)]
        panel.hist(side, edges, weights=np.full(len(side), 100 / len(gaps)), color=color)
        panel.text(0.75 * sign, 0.9, f"{registry.label('adc' if sign > 0 else other)} better\n"
                   f"for {len(side) / len(gaps):.0%} of users", ha="center", va="top", color=color,
                   transform=panel.get_xaxis_transform())  # fmt: skip
    panel.set(xlabel="NDCG@10 of a user, difference", ylabel="users, %", xlim=(-1, 1))
    words = f"ADC less {registry.label(other)}, user by user; the same for {same.mean():.0%}, not drawn"
    return titled(figure, words, label)


def search(table: pd.DataFrame, parameters: Sequence[str], label: str) -> Figure:
    """Validation NDCG@10 of every trial over each parameter's values; the best is filled."""
    figure, panels = small_multiples(parameters, 1.5, "", "validation NDCG@10")
    style = method_style("adc") | {"linestyle": "none"}
    for name, panel in panels.items():
        trials = table[table[name].notna()]
        numeric = pd.api.types.is_numeric_dtype(trials[name])
        values = trials[name] if numeric else trials[name].map(str)
        panel.plot(values, trials["validation"], markerfacecolor="white", **style)
        panel.plot(values.iloc[:1], trials["validation"].iloc[:1], **style)
        if numeric and (values > 0).all() and values.max() > 8 * values.min():
            panel.set_xscale("log")
        panel.set_xlabel(name)
        panel.tick_params(labelbottom=True)
    return titled(figure, "The trials of the search", label)
