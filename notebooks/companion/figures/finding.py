"""The one picture that carries the finding, for the README and the site's cover, on white and on black."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion import registry
from companion.analysis.curves import seeds_label
from companion.figures.panels import label_lines
from companion.figures.style import PAGE

METHODS = ("adc", "bpr_merged", "ease_merged")
ON_BLACK = {"adc": "#56B4E9", "bpr_merged": "#33C29A", "ease_merged": "#E69F00"}  # else the registry's
DARK = dict.fromkeys(
    ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), "#e6edf3"
) | dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "#0d1117")


def finding(worlds: pd.DataFrame, real: pd.DataFrame, dark: bool = False) -> Figure:
    """What learning from all domains gains over the domain alone: in synthetic worlds by transfer, and beside
    them on real ratings, the mean over the domains. Both have method, value, low, high and seeds.
    worlds: of `controls.gains`, with transfer, and with the scores behind a gain in `one` and `all`. real: of
    `measures_transfer.gains`, with the words for a dataset in `data`."""
    colours = {name: ON_BLACK[name] if dark else registry.method(name).color for name in METHODS}
    with plt.rc_context(DARK if dark else {}):
        shape = {"figsize": (PAGE, 3.6), "sharey": True, "width_ratios": (4, 2.5, 3.2)}
        figure, (left, between, right) = plt.subplots(1, 3, **shape)
        between.axis("off")  # room for the names
        worlds = worlds[worlds["method"].isin(METHODS)].sort_values("transfer")
        ends = [_line(left, rows, name, colours[name]) for name, rows in worlds.groupby("method")]
        by_data = real.groupby("data", sort=False)["seeds"]
        names = [name for name, _ in by_data]
        for row in real[real["method"].isin(METHODS)].itertuples():
            x = names.index(row.data) + 0.2 * (METHODS.index(row.method) - 1)
            bars = [[row.value - row.low], [row.high - row.value]]
            look = {"color": colours[row.method], "marker": registry.method(row.method).marker}
            right.errorbar([x], [row.value], yerr=bars, **look)
        for panel in (left, right):
            panel.axhline(0, color="0.5", linewidth=0.8, zorder=0)
        left.set(xticks=sorted(worlds["transfer"].unique()), ylabel="gain in NDCG@10 from the other domains")
        left.set_xlabel("share of taste that both domains have in common")
        right.set(xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4))
        right.set_xticklabels([f"{name}\n{seeds_label(seeds)}" for name, seeds in by_data])
        n, *_ = seeds_label(worlds["seeds"]).split(" seed")
        left.set_title(f"synthetic worlds ({n})", loc="left")
        right.set_title("real ratings, mean over domains", loc="left")
        words = "What other domains give: a method on all domains less the same method on one"
        notes = "95 % intervals; at the names the scores, NDCG@10: on one → on all, where all taste is"
        figure.suptitle(f"{words}\n{notes} in common", x=0.01, ha="left")
        label_lines(left, ends)
    return figure


def _line(panel: Axes, rows: pd.DataFrame, method: str, color: str) -> tuple[float, str, dict]:
    look = {"marker": registry.method(method).marker, "linestyle": registry.method(method).linestyle}
    panel.plot(rows["transfer"], rows["value"], color=color, **look)
    panel.fill_between(rows["transfer"], rows["low"], rows["high"], color=color, alpha=0.2, linewidth=0)
    last = rows.iloc[-1]
    words = f"{registry.label(method)} {last['one']:.2f} → {last['all']:.2f}"
    return last["value"], words, {"color": color}
