"""Pictures of a dataset for the notebook 01_data, from the tables of `adc.data.describe`; titles say which data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from adc.relevance import RULES

NAMED = 10  # domains told apart by colour; more are drawn from dark (the first) to light, without a legend


def overlap(share: pd.DataFrame, label: str) -> Figure:
    """Heat map of the share (%) of the row's users who also rate in the column's domain."""
    size = min(11.0, 2.0 + 0.5 * len(share))
    figure, axes = plt.subplots(figsize=(size + 1.5, size), layout="constrained")
    off = share.where(~np.eye(len(share), dtype=bool))  # the diagonal is 100 % by definition and would set the scale
    sns.heatmap(off, ax=axes, cmap="cividis", vmin=0, vmax=np.nanmax([1, off.max(axis=None)]),
                annot=len(share) <= NAMED, fmt=".0f", square=True,
                cbar_kws={"label": "% of the row's users", "shrink": 0.8})
    axes.set(xlabel="also rate in", ylabel="users of")
    axes.tick_params(length=0, labelrotation=0)
    axes.tick_params(axis="x", labelrotation=90)
    return _titled(figure, "Users shared between domains", label)


def tails(users: pd.DataFrame, items: pd.DataFrame, label: str) -> Figure:
    """Share of users and of items with at least so many ratings, both axes logarithmic."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for panel, table, of in zip(axes, (users, items), ("users", "items"), strict=True):
        sns.lineplot(table, x="ratings", y="share", ax=panel, **_by_domain(table, legend=of == "items"))
        panel.set(xscale="log", yscale="log", xlabel="at least so many ratings", ylabel=f"share of {of}")
        panel.xaxis.set_minor_formatter(NullFormatter())
    return _titled(figure, "Long tails of activity and popularity", label)


def stars(share: pd.DataFrame, label: str) -> Figure:
    """Share (%) of every value of the ratings in each domain."""
    figure, axes = plt.subplots(figsize=(9, 3.5), layout="constrained")
    long = share.reset_index().melt(id_vars="domain", value_name="share")
    sns.lineplot(long, x="stars", y="share", marker="o", ax=axes, **_by_domain(long))
    axes.set(xlabel="stars", ylabel="% of the domain's ratings", ylim=(0, None))
    return _titled(figure, "Stars", label)


def evaluable(users: pd.DataFrame, label: str) -> Figure:
    """Share (%) of the users with a test rating who can be evaluated, by relevance rule and domain."""
    figure, axes = plt.subplots(figsize=(10, 4), layout="constrained")
    share = 100 * users[list(RULES)].div(users["tested"], axis=0)
    long = share.rename(columns=RULES).reset_index().melt(id_vars="domain", var_name="rule", value_name="share")
    sns.barplot(long, x="domain", y="share", hue="rule", ax=axes, palette="colorblind")
    axes.set(xlabel="", ylabel="% of users with a test rating", ylim=(0, 100))
    axes.tick_params(axis="x", length=0, labelrotation=0 if len(users) <= NAMED else 90)
    axes.get_legend().remove()
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return _titled(figure, "Users who can be evaluated at all", label)


def _by_domain(table: pd.DataFrame, legend: bool = True) -> dict:
    many = table["domain"].nunique()
    colours = sns.color_palette("colorblind" if many <= NAMED else "viridis", many)
    return {"hue": "domain", "palette": colours, "legend": legend and many <= NAMED}


def _titled(figure: Figure, what: str, label: str) -> Figure:
    for axes in figure.axes:
        sns.despine(ax=axes)
        if axes.get_legend():
            sns.move_legend(axes, "upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, title="")
    figure.suptitle(f"{what}\n{label}", fontsize="medium")
    return figure
