"""The picture of the ledger of claims (notebook 09)."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.claims.ledger import COLOURS, PALE, counts
from companion.claims.verdicts import VERDICTS
from companion.figures.style import PAGE, titled

SIGNS = dict(zip(VERDICTS, "✓±✗≈?–", strict=True))


def ledger(table: pd.DataFrame, label: str) -> Figure:
    """A tile a claim, one row a section; colour and sign tell the verdict, explained in two rows below."""
    sections = list(table["section"].unique())
    wide, last = max(table["section"].value_counts()), len(sections) + 0.4
    left, step = -0.4 * wide, 0.47 * wide
    figure, panel = plt.subplots(figsize=(PAGE, 0.7 + 0.38 * (len(sections) + 2)))
    panel.set(xlim=(left, wide), ylim=(last + 2, 0))
    panel.axis("off")
    for y, section in enumerate(sections):
        panel.text(-0.2, y + 0.45, section, ha="right", va="center")
        for x, row in enumerate(table[table["section"] == section].itertuples()):
            _tile(panel, x, y, row.verdict, row.Index)
    for place, (verdict, number) in enumerate(counts(table).items()):
        x, y = left + step * (place % 3), last + place // 3
        _tile(panel, x, y, verdict, str(number))
        panel.text(x + 1.1, y + 0.45, verdict, va="center")
    return titled(figure, "The paper's claims", label)


def _tile(panel: Axes, x: float, y: float, verdict: str, text: str) -> None:
    box = {"facecolor": COLOURS[verdict], "edgecolor": "0.6", "linewidth": 0.5}
    panel.add_patch(plt.Rectangle((x, y), 0.92, 0.88, **box))
    look = {"color": "black" if verdict in PALE else "white", "linespacing": 1, "fontsize": "small"}
    panel.text(x + 0.46, y + 0.45, f"{text}\n{SIGNS[verdict]}", ha="center", va="center", **look)
