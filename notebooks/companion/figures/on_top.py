"""The picture of notebook 17, from the table of `companion.analysis.on_top.differences`."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion import registry
from companion.analysis.curves import MEAN
from companion.analysis.on_top import LABELS, VARIANT
from companion.figures.panels import interval
from companion.figures.style import PAGE, short_name, titled


def differences(table: pd.DataFrame, label: str) -> Figure:
    """A panel for each other method: the variant less it, by domain, with 95 % intervals over the seeds."""
    others, targets = table["other"].unique(), list(table["target"].unique())
    size, color = (PAGE, 1.1 + 0.22 * len(targets)), registry.method("adc").color
    figure, panels = plt.subplots(1, len(others), figsize=size, sharex=True, sharey=True, squeeze=False)
    for other, panel in zip(others, panels.flat, strict=True):
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row in table[table["other"] == other].itertuples():
            marker = "D" if row.target == MEAN else "o"
            interval(panel, targets.index(row.target), row, color=color, marker=marker)
        panel.set(title=f"less {LABELS[other]}", xlabel="difference in NDCG@10")
        panel.grid(axis="y", color="0.93")
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.tick_params(axis="y", length=0)
    panels.flat[0].set(yticks=range(len(targets)), yticklabels=[short_name(name, 26) for name in targets])
    panels.flat[0].set_ylim(len(targets) - 0.5, -0.5)
    return titled(figure, f"{LABELS[VARIANT]} less other methods; filled: interval without zero", label)
