"""The tables of notebook 10."""

import numpy as np
import pandas as pd

from companion.escape import Table
from companion.use.explore.influence import Influence
from companion.use.recommend import PARTS

TITLES = 8  # shown of a domain


def ratings(rated: pd.DataFrame, domains: list[str]) -> Table:
    """A user's ratings by domain: how many in each part, their mean, and titles, the best first."""
    rows = {}
    for domain in domains:
        best = rated[rated["domain"] == domain].sort_values("rating", ascending=False, kind="stable")
        texts = [f"{row.title} {row.rating:g}★" for row in best.head(TITLES).itertuples()]
        texts += [f"and {len(best) - TITLES} more"] if len(best) > TITLES else []
        counts = {part: str((best["part"] == part).sum()) for part in PARTS}
        absent = "none: her vector here is the mean of her others (R6)"
        rows[domain] = counts | {"mean": f"{best['rating'].mean():.2f}" if len(best) else "",
                                 "titles and her stars": " · ".join(texts) or absent}  # fmt: skip
    return _text(pd.DataFrame.from_dict(rows, orient="index"))


def lists(tables: dict[str, pd.DataFrame], scores: dict[str, float]) -> Table:
    """Methods' lists (`lookup.lists`) side by side; bold: in this list alone; ★: her test rating."""
    titles = pd.DataFrame({label: table["title"] for label, table in tables.items()}).fillna("")
    stars = pd.DataFrame({label: table["stars"] for label, table in tables.items()})
    cells = titles + stars.map(lambda value: "" if np.isnan(value) else f" ★ {value:g}")
    times = titles.stack().value_counts()
    bold = titles.map(lambda title: "font-weight: bold" if len(tables) > 1 and times[title] == 1 else "")
    heads = {}
    for label, table in tables.items():
        score = f"NDCG@10 {scores[label]:.3f}" if np.isfinite(scores[label]) else "no relevant test item"
        rules = sorted(set(table["rule"]) - {"own", label})
        heads[label] = "; ".join([f"{label}: {score}", *(f"scored by {rule}" for rule in rules)])
    cells.index = bold.index = range(1, len(cells) + 1)
    return _text(cells.rename(columns=heads)).apply(lambda _: bold.rename(columns=heads), axis=None)


def influence(result: Influence) -> Table:
    """The first items and, by domain, their rank without it; orange: no longer among the first."""
    n, title = len(result.ranks), f"{result.target}, by the whole network"
    orange = result.ranks.map(lambda rank: "color: #d9730d; font-weight: bold" if rank > n else "")
    ranks = result.ranks.astype(str).reset_index(names=title)
    ranks.index = orange.index = range(1, n + 1)
    ranks.loc[f"of {n} stay"] = ["", *map(str, result.summary["stay"])]
    ranks.loc["pull"] = ["", *map("{:+.2f}".format, result.summary["pull"])]
    colours = orange.reindex(index=ranks.index, columns=ranks.columns, fill_value="")
    return _text(ranks).apply(lambda _: colours, axis=None)


def last_epoch(history: pd.DataFrame) -> Table:
    """The domains' losses, weights and validation in the last epoch. history: of `training.epochs`."""
    rows = history[history["epoch"] == history["epoch"].max()].set_index("domain")
    names = {"loss": "loss L_k", "weight": "weight w_k", "validation": "validation NDCG@10"}
    return _text(rows[list(names)].rename(columns=names).T.rename_axis(columns=None).map("{:.3f}".format))


def _text(table: pd.DataFrame) -> Table:
    return Table(table).set_properties(**{"text-align": "left", "white-space": "normal"})
