"""The picture of notebook 17, from the table of `adc.results.on_top`."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adc import looks
from adc.plots.analysis import bar
from adc.results.analysis import MEAN
from adc.results.on_top import NAMES, VARIANT


def differences(table: pd.DataFrame, label: str) -> Figure:
    """A panel for each other method: the variant less it, by domain, with 95 % intervals over the seeds; filled where sure."""
    rivals, targets = table["against"].unique(), list(table["target"].unique())
    size = (looks.PAGE, 1.1 + 0.22 * len(targets))
    figure, panels = plt.subplots(1, len(rivals), figsize=size, sharex=True, sharey=True, squeeze=False)
    for rival, panel in zip(rivals, panels.flat, strict=True):
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row in table[table["against"] == rival].itertuples():
            mark = "D" if row.target == MEAN else "o"
            bar(panel, targets.index(row.target), row, color=looks.METHODS["adc"].color, marker=mark)
        panel.set(title=f"less {NAMES[rival]}", xlabel="difference in NDCG@10")
        panel.grid(axis="y", color="0.93")
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.tick_params(axis="y", length=0)
    panels.flat[0].set(yticks=range(len(targets)), yticklabels=[looks.written(name, 26) for name in targets])
    panels.flat[0].set_ylim(len(targets) - 0.5, -0.5)
    return looks.titled(figure, f"{NAMES[VARIANT]} less other methods; filled: the interval leaves zero out", label)
