"""The picture of notebook 17, from the table of `companion.analysis.on_top.differences`."""

import pandas as pd
from matplotlib.figure import Figure

from companion import registry
from companion.analysis.on_top import LABELS, VARIANT
from companion.figures.panels import intervals
from companion.figures.style import titled


def differences(table: pd.DataFrame, label: str) -> Figure:
    """A panel for each other method: the variant less it, by domain, with 95 % intervals over the seeds."""
    table = table.assign(group="less " + table["other"].map(LABELS), row=table["target"])
    look = lambda row: {"color": registry.method("adc").color}
    figure = intervals(table, "difference in NDCG@10", look, shared=True)
    return titled(figure, f"{LABELS[VARIANT]} less other methods; filled: interval without zero", label)
