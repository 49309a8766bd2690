"""The pictures of notebook 10, made without pyplot, which would show each a second time."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.figures.style import COLOURS, LINESTYLES, PAGE, domain_styles, legend, short_name, titled


def live(history: pd.DataFrame, before: pd.DataFrame | None, epochs: int, label: str) -> Figure:
    """L_k, w_k and validation NDCG@10 of every domain by epoch; grey: the training before, for comparison."""
    figure = Figure(figsize=(PAGE, 2.7), layout="constrained")
    panels = figure.subplots(1, 3)
    titles = {"loss": "loss $L_k$ (Eq. 2)", "weight": "weight $w_k$ (Eqs. 4, 5)",
              "validation": "validation NDCG@10"}  # fmt: skip
    styles = domain_styles(list(history["domain"].unique()))
    for panel, (column, title) in zip(panels, titles.items(), strict=True):
        for _, rows in before.groupby("domain") if before is not None else ():
            panel.plot(rows["epoch"], rows[column], color="0.6", linewidth=0.7, alpha=0.6)
        for domain, rows in history.groupby("domain", sort=False):
            look = styles[domain] | {"marker": "o", "markersize": 2.2, "label": short_name(domain)}
            panel.plot(rows["epoch"], rows[column], **look)
        panel.set_title(title, loc="left")
        panel.set(xlim=(0.7, epochs + 0.3), xlabel="epoch")
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panels[1].axhline(1, color="0.6", linewidth=0.6, zorder=0)
    legend(figure, panels[0])
    return titled(figure, "", label)


def curves(validation: pd.DataFrame, test: pd.DataFrame, label: str) -> Figure:
    """Runs side by side: validation NDCG@10 by epoch, test NDCG@n by n. See `lookup.learning_curves`."""
    names = list(test["run"].unique())
    figure = Figure(figsize=(PAGE, 2.3 + 0.17 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place, name in enumerate(names):
        place %= len(COLOURS)
        look = {"color": COLOURS[place], "linestyle": LINESTYLES[place]}
        epochs, lengths = validation[validation["run"] == name], test[test["run"] == name]
        if len(epochs) == 1:  # learned in one pass: the same at every epoch of the others
            left.axhline(epochs["value"].iloc[0], **look)
        else:
            left.plot(epochs["epoch"], epochs["value"], **look)
        right.plot(lengths["n"], lengths["value"], **look, marker="o", markersize=3, label=name)
    left.set(xlabel="epoch", ylim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    left.set_title("validation NDCG@10", loc="left")
    right.set(xlabel="$n$, length of the list", ylim=(0, None), xticks=np.unique(test["n"]))
    right.set_title("test NDCG@$n$", loc="left")
    legend(figure, right)
    return titled(figure, "", label)
