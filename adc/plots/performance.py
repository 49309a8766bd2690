"""Pictures of how good the methods are: Fig. 2, beside popularity, the trials of the search, the controls on twins."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adc.looks import METHODS, PAGE, legend, small_multiples, titled, written


def recall(table: pd.DataFrame, label: str) -> Figure:
    """Fig. 2: recall@N by N, one panel a target. table: `target, method, n, mean, std`; bars: ± std over the seeds."""
    figure, panels = small_multiples(list(table["target"].unique()), 1.5, "$N$, length of the list", "recall@$N$")
    for target, panel in panels.items():
        for place, (method, rows) in enumerate(table[table["target"] == target].groupby("method", sort=False)):
            bars = {"yerr": rows["std"].fillna(0), "elinewidth": 0.7, "capsize": 1.5}
            n = rows["n"] + 0.2 * (place - table["method"].nunique() / 2)  # so that no bar hides another
            panel.errorbar(n, rows["mean"], **bars, **METHODS[method]._asdict(), markerfacecolor="white")
        panel.set_title(written(target, 30), loc="left")
        panel.set(xticks=sorted(table["n"].unique()), ylim=(0, None))
    legend(figure, panel)
    return titled(figure, "Recall of the first $N$ recommendations", label)


def relative(table: pd.DataFrame, what: str, label: str) -> Figure:
    """Every method's score divided by popularity's, one row a target. table: [targets, methods]."""
    figure, panel = plt.subplots(figsize=(PAGE, 1.3 + 0.24 * len(table)))
    panel.axvline(1, color=METHODS["popularity"].color, linestyle=":", linewidth=1)
    panel.grid(axis="y", color="0.92")
    for method in table.columns.drop(["popularity", "random"], errors="ignore"):  # random would squeeze the rest
        look = METHODS[method]._asdict() | {"linestyle": "none", "markerfacecolor": "white"}
        panel.plot(table[method], range(len(table)), **look)
    panel.set(yticks=range(len(table)), yticklabels=map(written, table.index), xlabel=f"{what}, popularity = 1")
    panel.invert_yaxis()
    panel.spines["left"].set_visible(False)
    legend(figure, panel)
    return titled(figure, "Beside popularity", label)


def search(table: pd.DataFrame, parameters: Sequence[str], label: str) -> Figure:
    """Validation NDCG@10 of every trial over each parameter's values; the best is filled. table: `tune.table`."""
    figure, panels = small_multiples(parameters, 1.5, "", "validation NDCG@10")
    for name, panel in panels.items():
        known = table[table[name].notna()]
        numbers = pd.api.types.is_numeric_dtype(known[name])
        values = known[name] if numbers else known[name].map(str)
        look = METHODS["adc"]._asdict() | {"linestyle": "none"}
        panel.plot(values, known["validation"], markerfacecolor="white", **look)
        panel.plot(values.iloc[:1], known["validation"].iloc[:1], **look)
        if numbers and (values > 0).all() and values.max() > 8 * values.min():
            panel.set_xscale("log")
        panel.set_xlabel(name)
        panel.tick_params(labelbottom=True)
    return titled(figure, "The trials of the search", label)


def controls(table: pd.DataFrame, label: str) -> Figure:
    """What each method gains from the other domains at each `transfer`, intervals over seeds. table: `controls.over_seeds`."""
    methods, transfers = list(table["method"].unique()), sorted(table["transfer"].unique())
    figure, panels = small_multiples([f"transfer {t:g}" for t in transfers], 0.3 + 0.26 * len(methods), "gain in NDCG@10", "")
    for transfer, panel in zip(transfers, panels.values(), strict=True):
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row in table[table["transfer"] == transfer].itertuples():
            look = METHODS[row.method]._asdict() | {"linestyle": "none", "markerfacecolor": "white", "capsize": 2}
            bars = None if np.isnan(row.low) else [[row.gain - row.low], [row.high - row.gain]]
            panel.errorbar([row.gain], [methods.index(row.method)], xerr=bars, **look)
        panel.set(yticks=range(len(methods)), yticklabels=[METHODS[name].label for name in methods])
        panel.set_title(f"transfer {transfer:g}", loc="left")
        panel.invert_yaxis()
    return titled(figure, "With all domains less with the target alone", label)
