"""Pictures of a dataset for notebook 01, from the tables of `companion.data.describe`."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adc.relevance import RULES
from companion.figures.panels import domain_lines
from companion.figures.style import COLOURS, PAGE, legend, short_name, titled

MANY = 10  # domains whose names are turned, and whose shares are not written out


def overlap(share: pd.DataFrame, label: str) -> Figure:
    """Heat map of the share (%) of the row's users who also rate in the column's domain."""
    size = min(PAGE, 1.8 + 0.45 * len(share))
    figure, panel = plt.subplots(figsize=(size + 0.9, size))
    others = share.where(~np.eye(len(share), dtype=bool))  # the diagonal is 100 % by definition
    others = others.rename(index=short_name, columns=short_name)
    few, bar = len(share) <= MANY, {"label": "% of the row's users", "shrink": 0.8}
    seaborn.heatmap(others, vmin=0, cmap="cividis", square=True, annot=few, fmt=".0f", cbar_kws=bar, ax=panel)
    panel.set(xlabel="also rate in", ylabel="users of")
    return titled(figure, "Users shared between domains", label)


def tails(users: pd.DataFrame, items: pd.DataFrame, label: str) -> Figure:
    """Share of users and of items with at least so many ratings, both axes logarithmic."""
    figure, panels = plt.subplots(1, 2, figsize=(PAGE, 2.8))
    for panel, table, kind in zip(panels, (users, items), ("users", "items"), strict=True):
        domain_lines(panel, table, "ratings", "share")
        panel.set(xscale="log", yscale="log", xlabel="at least so many ratings", ylabel=f"share of {kind}")
        panel.xaxis.set_minor_formatter(NullFormatter())
    legend(figure, panel)
    return titled(figure, "Long tails of activity and popularity", label)


def stars(share: pd.DataFrame, label: str) -> Figure:
    """Share (%) of every value of the ratings in each domain, a row a domain: like rows are seen as alike."""
    figure, panel = plt.subplots(figsize=(PAGE, 1.3 + 0.24 * len(share)))
    few, bar = share.shape[1] <= 2 * MANY, {"label": "% of the domain's ratings"}
    look = {"cmap": "cividis", "vmin": 0, "annot": few, "fmt": ".0f", "cbar_kws": bar}
    seaborn.heatmap(share.rename(index=short_name), ax=panel, **look)
    panel.set(xlabel="stars", ylabel="")
    panel.tick_params(length=0, labelrotation=0)
    return titled(figure, "Stars", label)


def evaluable(users: pd.DataFrame, label: str) -> Figure:
    """Share (%) of the users with a test rating who can be evaluated, by relevance rule and domain."""
    many = len(users) > MANY
    figure, panel = plt.subplots(figsize=(PAGE, 4.4 if many else 3.6))
    share = 100 * users[list(RULES)].div(users["tested"], axis=0).rename(index=short_name, columns=RULES)
    share.plot.bar(ax=panel, width=0.8, color=COLOURS, rot=90 * many, legend=False)
    panel.set(ylabel="% of users with a test rating", ylim=(0, 100))
    panel.tick_params(axis="x", length=0)
    legend(figure, panel)
    return titled(figure, "Users who can be evaluated at all", label)
