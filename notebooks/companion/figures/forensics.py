"""The pictures of notebook 18, from the tables of `companion.analysis.forensics` and `.evaluability`."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion.analysis.forensics import ADC, BPR, USERS
from companion.figures.style import PAGE, legend, titled

LISTS = {"rated": "her test items alone", "sampled": "99 drawn items", "full": "every item"}


def protocols(scores: pd.DataFrame, bounds: pd.DataFrame, label: str) -> Figure:
    """A panel a protocol and a row a domain: from the worst to the perfect order what NDCG@10 can be, with
    random and popular order, and what the paper prints. scores: of `forensics.scores`; bounds: of
    `bounds.table`, drawn where users without a relevant item count as zero."""
    size = (PAGE, 4.6)
    figure, panels = plt.subplots(2, 3, figsize=size, sharex=True, sharey=True, squeeze=False)
    for row, users in zip(panels, USERS, strict=True):
        for panel, (ranked, words) in zip(row, LISTS.items(), strict=True):
            rows = scores[scores["list"] == ranked]
            values = rows["ndcg@10"] * (rows["share"] if users == "count as zero" else 1)
            table = rows.assign(value=values).pivot(index="domain", columns="order", values="value")
            _ranges(panel, table.loc[bounds.index])
            if users == "count as zero":
                places = range(len(bounds))
                panel.plot(bounds["tested users"], places, "k|", markersize=11, label="most by Table I alone")
            panel.set_title(f"{words};\nnone relevant: {users}", loc="left")
    for panel in panels[-1]:
        panel.set_xlabel("NDCG@10")
    panels[0, 0].set(yticks=range(len(bounds)), yticklabels=bounds.index, ylim=(len(bounds) - 0.5, -0.5))
    panels[0, 0].set_xlim(-0.03, 1.03)
    legend(figure, panels[1, 0])
    return titled(figure, "What a protocol can give, and what the paper prints", label)


def column(points: pd.DataFrame, correlations: pd.DataFrame, names: list[str], label: str) -> Figure:
    """The paper's BPR over some columns of `evaluability.points`, with r, its 95 % interval and p."""
    figure, panels = plt.subplots(1, len(names), figsize=(PAGE, 3.2), sharey=True, squeeze=False)
    for name, panel in zip(names, panels.flat, strict=True):
        middle = points[name].min() / 2 + points[name].max() / 2
        panel.plot(points[name], points["BPR"], "o", color="black", markerfacecolor="white")
        for domain, x, y in points[[name, "BPR"]].itertuples():
            side = {"ha": "right", "xytext": (-5, 0)} if x > middle else {"ha": "left", "xytext": (5, 0)}
            panel.annotate(domain, (x, y), textcoords="offset points", va="center", **side)
        of = correlations.loc[name]
        numbers = [f"{of[key]:.3f}".replace("0.", ".").replace("-", "−") for key in ("r", "low", "high", "p")]
        panel.set_title("r = {} [{}, {}], p = {}".format(*numbers), loc="left")
        panel.set(xlabel=name, ylim=(0.1, 0.58))
        panel.margins(x=0.12)
    panels[0, 0].set_ylabel("the paper's BPR, NDCG@10")
    return titled(figure, "What the BPR column of Table II goes with (six domains)", label)


def _ranges(panel: Axes, table: pd.DataFrame) -> None:
    """A bar from worst to perfect for every domain [domains, orders] with its marks."""
    places = range(len(table))
    width = table["perfect"] - table["worst"]
    panel.barh(places, width, left=table["worst"], height=0.7, color="0.85", label="worst to perfect order")
    panel.plot(table["random"], places, "x", color="0.4", label="random order")
    panel.plot(table["popularity"], places, "s", color="0.4", markerfacecolor="white", label="popularity")
    for place, name in enumerate(table.index):
        panel.plot([BPR[name], ADC[name]], [place, place], "-", color="#D55E00", linewidth=1.3)
    panel.plot(BPR[table.index], places, "o", color="#D55E00", markerfacecolor="white", label="paper: BPR")
    panel.plot(ADC[table.index], places, "o", color="#D55E00", label="paper: ADC")
    panel.tick_params(axis="y", length=0)
