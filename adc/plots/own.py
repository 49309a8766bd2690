"""The two pictures of the report on somebody's own ratings, from the tables of `adc.own`."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from adc import looks
from adc.own import JOINT, MEAN, NAMES, NO, QUESTION, UNKNOWN, YES

SHADES = {YES: looks.COLOURS[2], NO: looks.COLOURS[1], UNKNOWN: "0.45"}


def methods(table: pd.DataFrame, label: str) -> Figure:
    """NDCG@10 of every method in every domain with its interval; filled: learned from all domains. table: `own.over_seeds`."""
    shown = [name for name in NAMES if name in set(table["method"])]
    targets = list(table["target"].unique())
    figure, panels = looks.small_multiples(targets, 0.35 + 0.16 * len(shown), "NDCG@10", "")
    for number, (target, panel) in enumerate(panels.items()):
        popular = table[(table["target"] == target) & (table["method"] == "popularity")]
        for row in popular.itertuples():
            panel.axvline(row.mean, color="0.8", linewidth=0.8, zorder=0)
        for row in table[(table["target"] == target) & table["method"].isin(shown)].itertuples():
            look = looks.METHODS[row.method.removesuffix("_alone")]._asdict() | {"linestyle": "none", "capsize": 2, "elinewidth": 0.9}
            fill = look["color"] if row.method in JOINT else "white"
            bars = [[max(row.mean - row.low, 0)], [max(row.high - row.mean, 0)]] if row.low == row.low else None
            panel.errorbar([row.mean], [shown.index(row.method)], xerr=bars, markerfacecolor=fill, **look)
        panel.set(yticks=range(len(shown)), yticklabels=[NAMES[name] for name in shown] if number % 3 == 0 else [])
        panel.set_ylim(len(shown) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        panel.set_title(looks.written(target, 26), loc="left", weight="bold" if target == MEAN else None)
        panel.tick_params(labelbottom=True)
    panel.set_xlim(0, 1.05 * table["high"].fillna(table["mean"]).max())  # all panels share it
    return looks.titled(figure, "Filled: learned from all domains; open: from the domain alone; line: popularity", label)


def transfer(compared: pd.DataFrame, label: str) -> Figure:
    """With all domains less with the domain alone, by domain, with 95 % intervals; coloured where sure. compared: `own.compare`."""
    rows = compared[compared["what"] == QUESTION].reset_index(drop=True)
    figure, panel = plt.subplots(figsize=(looks.PAGE, 1.3 + 0.27 * len(rows)))
    panel.axvline(0, color="0.6", linewidth=0.8)
    for place, row in rows.iterrows():
        bars = [[row.difference - row.low], [row.high - row.difference]] if row.low == row.low else None
        look = {"color": SHADES[row.verdict], "marker": "D" if row.target == MEAN else "o", "capsize": 2.5, "markersize": 5}
        panel.errorbar([row.difference], [place], xerr=bars, **look)
        told = {YES: "worth it", NO: "does harm", UNKNOWN: UNKNOWN}[row.verdict]
        panel.annotate(told, (1.01, place), xycoords=("axes fraction", "data"), va="center", color=SHADES[row.verdict])
    names = [looks.written(name, 26) for name in rows["target"]]
    panel.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.4, -0.6))
    panel.set_xlabel("NDCG@10, the best with all domains less the best on the domain alone")
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    return looks.titled(figure, "Is transfer worth it here?", label)
