"""Pictures of how good the methods are: Fig. 2, relative to popularity, a search's trials."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion import registry
from companion.figures.style import PAGE, legend, method_style, short_name, small_multiples, titled


def recall(table: pd.DataFrame, label: str) -> Figure:
    """Fig. 2: recall@N by N, one panel a target; bars: ± std. table: `performance.over_seeds`."""
    targets, methods = list(table["target"].unique()), table.groupby("method", sort=False)
    figure, panels = small_multiples(targets, 1.5, "$N$, length of the list", "recall@$N$")
    for target, panel in panels.items():
        for place, (method, rows) in enumerate(methods):
            rows = rows[rows["target"] == target]
            bars = {"yerr": rows["std"].fillna(0), "elinewidth": 0.7, "capsize": 1.5}
            n = rows["n"] + 0.2 * (place - len(methods) / 2)  # so that no bar hides another
            panel.errorbar(n, rows["mean"], markerfacecolor="white", **bars, **method_style(method))
        panel.set_title(short_name(target, 30), loc="left")
        panel.set(xticks=sorted(table["n"].unique()), ylim=(0, None))
    legend(figure, panel)
    return titled(figure, "Recall of the first $N$ recommendations", label)


def relative(table: pd.DataFrame, what: str, label: str) -> Figure:
    """Every method's score divided by popularity's, one row a target. table: [targets, methods]."""
    figure, panel = plt.subplots(figsize=(PAGE, 1.3 + 0.24 * len(table)))
    panel.axvline(1, color=registry.METHODS["popularity"].color, linestyle=":", linewidth=1)
    panel.grid(axis="y", color="0.92")
    for method in table.columns.drop(
        ["popularity", "random"], errors="ignore"
    ):  # random would squeeze others
        style = method_style(method) | {"linestyle": "none", "markerfacecolor": "white"}
        panel.plot(table[method], range(len(table)), **style)
    panel.set_yticks(range(len(table)), map(short_name, table.index))
    panel.set_xlabel(f"{what}, popularity = 1")
    panel.invert_yaxis()
    panel.spines["left"].set_visible(False)
    legend(figure, panel)
    return titled(figure, "Beside popularity", label)


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
