"""The pictures of the ledger of claims (notebook 09): all at a glance, and a theme in words."""

import textwrap
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.claims.ledger import COLOURS, PALE, counts
from companion.claims.verdicts import IN_PART, OPEN, VERDICTS
from companion.figures.panels import interval
from companion.figures.style import PAGE, titled

SIGNS = dict(zip(VERDICTS, "✓±✗≈?–", strict=True))
SHAPES = dict(zip(VERDICTS, "osXD", strict=False))  # what a verdict from runs looks like
DARKER = {OPEN: "#8A7F00", IN_PART: "#2E86B8"}  # pale colours are none for lines and words
LETTERS, ENDS = 52, (-6.0, 8.0)  # of a line of words; of the axis, in margins


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


def theme(table: pd.DataFrame, label: str) -> Figure:
    """A row a claim of one section: its words, its verdict, and where it was measured by an interval, that in
    units of the margin: right of the line at 1 the claim holds, in the band a difference does not matter."""
    words = [textwrap.wrap(f"{row.Index}  {row.says}", LETTERS) for row in table.itertuples()]
    heights = np.array([0.45 + 0.55 * len(lines) for lines in words])
    places, bottom = 0.2 + heights.cumsum() - heights / 2, 0.4 + heights.sum()
    figure, panel = plt.subplots(figsize=(PAGE, 0.95 + 0.21 * bottom))
    measured = table["numbers"].map(lambda numbers: numbers.get("low") is not None)
    if measured.any():
        panel.axvspan(-1, 1, color="0.92", linewidth=0, zorder=0)
        panel.axvline(1, color="0.4", linewidth=0.8, zorder=0)
    panel.set(xlim=ENDS, ylim=(bottom, 0), yticks=places, yticklabels=["\n".join(lines) for lines in words])
    for place, row in zip(places, table.itertuples(), strict=True):
        _row(panel, place, row)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    if measured.any():
        panel.set_xlabel("what was measured, in margins;\nright of 1: as claimed")
    else:
        panel.spines["bottom"].set_visible(False)
        panel.set_xticks([])
    return titled(figure, table["section"].iloc[0], label)


def _row(panel: Axes, place: float, row: SimpleNamespace) -> None:
    """A claim's interval, or in how many cases it is so, and its verdict with a shape of its own."""
    numbers, color = row.numbers, DARKER.get(row.verdict, COLOURS[row.verdict])
    color = color if row.verdict in SHAPES else "0.4"
    if numbers.get("low") is not None:
        low, high = numbers["low"] / numbers["margin"], numbers["high"] / numbers["margin"]
        if row.rule == "below":  # claimed is the other side of the margin
            low, high = 2 - high, 2 - low
        spans = SimpleNamespace(low=low, high=high, difference=low / 2 + high / 2)
        interval(panel, place, spans, ENDS, form="{:+.0f} margins", color=color, markerfacecolor=color,
                 marker=SHAPES[row.verdict])  # fmt: skip
    elif "total" in numbers:
        unclear = f", {numbers['unclear']} undecided" if numbers.get("unclear") else ""
        text = f"in {numbers['true']} of {numbers['total']}{unclear}"
        panel.text(ENDS[0] + 0.2, place, text, va="center", color=color)
    at = {"transform": panel.get_yaxis_transform(), "va": "center", "color": color, "clip_on": False}
    if row.verdict in SHAPES:
        look = {name: at[name] for name in ("transform", "color", "clip_on")}
        panel.plot([1.04], [place], SHAPES[row.verdict], **look)
    panel.text(1.07, place, row.verdict.replace(" on this data", "").replace(" in this profile", ""), **at)


def _tile(panel: Axes, x: float, y: float, verdict: str, text: str) -> None:
    box = {"facecolor": COLOURS[verdict], "edgecolor": "0.6", "linewidth": 0.5}
    panel.add_patch(plt.Rectangle((x, y), 0.92, 0.88, **box))
    look = {"color": "black" if verdict in PALE else "white", "linespacing": 1, "fontsize": "small"}
    panel.text(x + 0.46, y + 0.45, f"{text}\n{SIGNS[verdict]}", ha="center", va="center", **look)
