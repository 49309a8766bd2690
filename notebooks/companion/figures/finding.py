"""The one picture that carries the finding, for the README and the site's cover, on white and on black."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion import registry
from companion.analysis.curves import seeds_label
from companion.figures.style import PAGE

METHODS = {"adc": "ADC", "bpr_merged": "BPR", "ease_merged": "EASE"}
ON_BLACK = {"adc": "#56B4E9", "bpr_merged": "#33C29A", "ease_merged": "#E69F00"}  # else the registry's
DARK = dict.fromkeys(
    ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), "#e6edf3"
) | dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "#0d1117")


def finding(worlds: pd.DataFrame, real: pd.DataFrame, dark: bool = False) -> Figure:
    """Scores on one domain alone and on all together: in synthetic worlds by transfer, and on real ratings,
    the mean over the domains. Both tables have method, one, all (scores), value (the gain), low, high, seeds.
    worlds: of `controls.with_scores`, with transfer. real: of `measures_transfer.gains`, with the words for a
    dataset in `data`."""
    colours = {name: ON_BLACK[name] if dark else registry.method(name).color for name in METHODS}
    shares = worlds.groupby("transfer")
    with plt.rc_context(DARK if dark else {}):
        shape = {"figsize": (PAGE, 3.4), "width_ratios": [1] * len(shares) + [1.15] * real["data"].nunique()}
        figure, panels = plt.subplots(1, len(shape["width_ratios"]), **shape)
        for panel, (share, rows) in zip(panels, shares):
            _arrows(panel, rows, colours, f"synthetic,\n{100 * share:.0f} % of taste\nin common")
            panel.sharey(panels[0])
            panel.tick_params(labelleft=panel is panels[0])
        for panel, (name, rows) in zip(panels[len(shares) :], real.groupby("data", sort=False)):
            _arrows(panel, rows, colours, f"\n{name},\nreal ratings")
        panels[0].set_ylabel("NDCG@10")
        words = "What other domains give: from the domain alone (hollow) to all domains together (filled)"
        notes = "NDCG@10, mean over domains; bars: 95 % interval of the gain; BPR and EASE on all: merged"
        figure.suptitle(f"{words}\n{notes}", x=0.01, ha="left")
    return figure


def _arrows(panel: Axes, rows: pd.DataFrame, colours: dict[str, str], title: str) -> None:
    """From each method's score on one domain to that on all."""
    rows = rows.set_index("method")
    for x, name in enumerate(METHODS):
        row, look = rows.loc[name], {"color": colours[name], "marker": registry.method(name).marker}
        arrow = {"arrowstyle": "->", "color": colours[name], "shrinkA": 4, "shrinkB": 4}
        panel.annotate("", (x, row["all"]), (x, row["one"]), arrowprops=arrow)
        panel.plot(x, row["one"], markerfacecolor="none", **look)
        bars = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        panel.errorbar(x, row["all"], yerr=bars, **look)
    panel.set(xticks=range(len(METHODS)), xticklabels=METHODS.values(), xlim=(-0.6, len(METHODS) - 0.4))
    panel.margins(y=0.12)
    panel.set_title(f"{title}; {seeds_label(rows['seeds']).removesuffix(' seeds')}", loc="left", fontsize=8)
