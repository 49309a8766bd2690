"""The two pictures of the report on the reader's own ratings, from the tables of `use.own_ratings`."""

from collections.abc import Collection

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from companion.analysis.curves import MEAN
from companion.analysis.stats import LEVEL
from companion.figures.style import COLOURS, PAGE, method_style, short_name, small_multiples, titled


def scores(means: pd.DataFrame, labels: dict[str, str], joint: Collection[str], label: str) -> Figure:
    """NDCG@10 of every method by domain, filled if `joint`: learned from all. means: `over_seeds`."""
    methods = [name for name in labels if name in set(means["method"])]
    targets, height = list(means["target"].unique()), 0.35 + 0.16 * len(methods)
    figure, panels = small_multiples(targets, height, "NDCG@10", "")
    for number, (target, panel) in enumerate(panels.items()):
        for row in means[means["target"] == target].itertuples():
            look = method_style(row.method.removesuffix("_alone")) | {"linestyle": "none", "capsize": 2}
            look["markerfacecolor"] = look["color"] if row.method in joint else "white"
            bars = [[row.mean - row.low], [row.high - row.mean]] if row.low == row.low else None
            panel.errorbar([row.mean], [methods.index(row.method)], xerr=bars, elinewidth=0.9, **look)
            if row.method == "popularity":
                panel.axvline(row.mean, color="0.8", linewidth=0.8, zorder=0)
        names = [labels[name] for name in methods] if number % 3 == 0 else []
        panel.set(yticks=range(len(methods)), yticklabels=names, ylim=(len(methods) - 0.5, -0.5))
        panel.tick_params(axis="y", length=0)
        panel.set_title(short_name(target, 26), loc="left", weight="bold" if target == MEAN else None)
        panel.tick_params(labelbottom=True)
    panel.set_xlim(0, 1.05 * means["high"].fillna(means["mean"]).max())  # all panels share it
    what = "Filled: learned from all domains; open: from the domain alone; line: popularity"
    return titled(figure, what, label)


def transfer(rows: pd.DataFrame, label: str) -> Figure:
    """All domains less the domain alone, coloured where sure. rows: of `compare`, one a target."""
    figure, panel = plt.subplots(figsize=(PAGE, 1.3 + 0.27 * len(rows)))
    panel.axvline(0, color="0.6", linewidth=0.8)
    for place, row in enumerate(rows.itertuples()):
        bars = [[row.difference - row.low], [row.high - row.difference]] if row.low == row.low else None
        color = COLOURS[2 if row.difference > 0 else 1] if row.p_holm < LEVEL else "0.45"
        marker = "D" if row.target == MEAN else "o"
        panel.errorbar([row.difference], [place], xerr=bars, capsize=2.5, color=color, marker=marker)
        where = {"xy": (1.01, place), "xycoords": ("axes fraction", "data"), "va": "center"}
        panel.annotate(row.verdict, **where, color=color)
    panel.set_yticks(range(len(rows)), [short_name(name, 26) for name in rows["target"]])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel("NDCG@10, the best with all domains less the best on the domain alone")
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    return titled(figure, "Is transfer worth it here?", label)
