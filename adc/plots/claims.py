"""The picture of the ledger of claims (notebook 09)."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adc import looks
from adc.claims import COLOURS, PALE, counts
from adc.claims.verdicts import FAILS, HOLDS, IN_PART, NOT_RUN, UNTESTABLE, UNTOLD

SIGNS = {HOLDS: "✓", IN_PART: "±", FAILS: "✗", UNTOLD: "≈", UNTESTABLE: "?", NOT_RUN: "–"}


def ledger(table: pd.DataFrame, label: str) -> Figure:
    """A tile a claim, one row a section; colour and sign tell the verdict, the last two rows what they mean."""
    sections = list(table["section"].unique())
    wide, last = max(table["section"].value_counts()), len(sections) + 0.4
    left, apart = -0.4 * wide, 0.47 * wide
    figure, panel = plt.subplots(figsize=(looks.PAGE, 0.7 + 0.38 * (len(sections) + 2)))
    panel.set(xlim=(left, wide), ylim=(last + 2, 0))
    panel.axis("off")
    for y, section in enumerate(sections):
        panel.text(-0.2, y + 0.45, section, ha="right", va="center")
        for x, row in enumerate(table[table["section"] == section].itertuples()):
            _tile(panel, x, y, row.verdict, f"{row.Index}\n{SIGNS[row.verdict]}")
    for place, (verdict, number) in enumerate(counts(table).items()):
        x, below = left + apart * (place % 3), last + place // 3
        _tile(panel, x, below, verdict, f"{number}\n{SIGNS[verdict]}")
        panel.text(x + 1.1, below + 0.45, verdict, va="center")
    return looks.titled(figure, "The paper's claims", label)


def _tile(panel: Axes, x: float, y: float, verdict: str, text: str) -> None:
    panel.add_patch(plt.Rectangle((x, y), 0.92, 0.88, facecolor=COLOURS[verdict], edgecolor="0.6", linewidth=0.5))
    colour = "black" if verdict in PALE else "white"
    panel.text(x + 0.46, y + 0.45, text, ha="center", va="center", color=colour, linespacing=1, fontsize="small")
