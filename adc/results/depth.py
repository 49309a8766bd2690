"""Depth (§IV-E, Fig. 3) read from runs: NDCG@10 by h with and without pretraining, and what a layer costs."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from adc import data, stats, studies
from adc.results.analysis import MEAN, beyond, difference, plain, with_mean
from adc.split import TRAIN, split


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of Fig. 3, with MEAN: every h at gamma 2 with (`pretraining` identity) and without (none) the one-layer
    pretraining (R10). One layer has none; its runs stand under both."""
    usual = (table["method"] == "adc") & (table["gamma"] == studies.BASE["gamma"]) & (table["domains"] == "")
    rows = with_mean(table[usual & plain(table, "pretraining") & (table["pretraining"] != "random")])
    return pd.concat([rows, rows[rows["hidden_layers"] == 1].assign(pretraining="identity")], ignore_index=True)


def pretraining(rows: pd.DataFrame) -> pd.DataFrame:
    """With less without the one-layer pretraining, mean over the domains, at each depth above one: difference, p, low,
    high, seeds [h]. rows: `curves`."""
    some = rows[(rows["target"] == MEAN) & (rows["hidden_layers"] > 1)]
    found = {}
    for h, mine in some.groupby("hidden_layers"):
        wide = mine.pivot(index="seed", columns="pretraining", values="value")
        if {"identity", "none"} <= set(wide):
            found[h] = difference(wide["identity"], wide["none"])
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("h")


def costs(rows: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """What a depth costs [h]: parameters of the network and of the vectors, seconds an epoch, epochs trained (means
    over the runs). The user vectors are those of the first seed's training ratings."""
    ratings = data.load(dataset)
    parts = split(ratings, int(rows["seed"].min()))
    members = sum(len(np.unique(parts.of(k, TRAIN)[0])) for k in range(ratings.p))
    vectors, found = members + sum(map(len, ratings.items)), {}
    for h, some in rows.drop_duplicates("run").groupby("hidden_layers"):
        of = {name: int(some[name].iloc[0]) for name in ("dim", "width")}
        found[h] = {
            "network": network_parameters(ratings.p, of["dim"], h, of["width"]), "vectors": vectors * of["dim"],
            "seconds an epoch": some["seconds"].mean(), "epochs": some["trained"].mean(), "runs": len(some),
        }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("h")


def network_parameters(p: int, dim: int, hidden_layers: int, width: int = 0) -> int:
    """Weights and biases of h hidden layers and of W (§III-B)."""
    outer = p * dim
    inner = width or outer
    return (outer + 1) * inner + (hidden_layers - 1) * (inner + 1) * inner + (inner + 1) * outer


def words(table: pd.DataFrame, sizes: Mapping[str, int]) -> str:
    """Whether larger domains are best at a greater depth, in words. table: `best` of every target, with pretraining."""
    table = table.drop(index=MEAN, errors="ignore")
    ratings, n = table.index.map(sizes), len(table)
    said = f"Best depth: {', '.join(f'{target} {h}' for target, h in table['best'].items())}. "
    if table["best"].nunique() < 2 or n < 3:
        return said + f"Whether it grows with the size of the domain cannot be told from these {n}."
    rho, p = spearmanr(ratings, table["best"])
    theirs = spearmanr(ratings, table["paper"]).statistic
    grows = "neither grows nor shrinks demonstrably" if p >= stats.LEVEL else "grows" if rho > 0 else "shrinks"
    return said + (
        f"It {grows} with the number of ratings of the domain: Spearman's ρ = {rho:+.2f} over n = {n} targets "
        f"(p = {p:.2f}); the paper's choice has {theirs:+.2f}. {beyond(table)}"
    )
