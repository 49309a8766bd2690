"""Depth (§IV-E, Fig. 3) read from runs: NDCG@10 by h with and without pretraining, and what a layer costs."""

import numpy as np
import pandas as pd

from adc.split import TRAIN, split_ratings
from companion import data
from companion.analysis.curves import MEAN, difference, with_mean, without_deviations
from companion.registry import BASE


def fig_3_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of Fig. 3, with MEAN: every h at gamma 2 with (`pretraining` identity) and without (none) the
    one-layer pretraining (R10). One layer has none; its runs stand under both, where both were run. What one
    seed has, where others have more, is left out: a run of another study. table: of `experiments`."""
    rows = table[table["method"].eq("adc") & table["gamma"].eq(BASE["gamma"]) & table["domains"].eq("")]
    rows = with_mean(without_deviations(rows[rows["pretraining"] != "random"], "pretraining"))
    seeds = rows.groupby(["hidden_layers", "pretraining"])["seed"].transform("nunique")
    rows = rows[(seeds > 1) | (seeds.max() == 1)]
    if "none" not in set(rows.loc[rows["hidden_layers"] > 1, "pretraining"]):  # one layer alone is no curve
        return rows.assign(pretraining="identity")
    single = rows[rows["hidden_layers"] == 1]
    return pd.concat([rows, single.assign(pretraining="identity")], ignore_index=True)


def pretraining(rows: pd.DataFrame) -> pd.DataFrame:
    """With less without the one-layer pretraining, mean over the domains, at each depth above one:
    difference, p, low, high, seeds [h]. rows: of `fig_3_rows`."""
    table = {}
    for h, group in rows[(rows["target"] == MEAN) & (rows["hidden_layers"] > 1)].groupby("hidden_layers"):
        wide = group.pivot(index="seed", columns="pretraining", values="value")
        if {"identity", "none"} <= set(wide):
            table[h] = difference(wide["identity"], wide["none"])
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("h")


def costs(rows: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """What a depth costs [h]: parameters of the network and of the vectors, seconds an epoch, epochs trained
    (means over the runs). The user vectors are those of the first seed's training ratings."""
    ratings = data.load(dataset)
    split = split_ratings(ratings, int(rows["seed"].min()))
    vectors = sum(len(np.unique(split.of(k, TRAIN)[0])) + len(ratings.items[k]) for k in range(ratings.p))
    table = {}
    for h, group in rows.drop_duplicates("run").groupby("hidden_layers"):
        dim, width = (int(group[name].iloc[0]) for name in ("dim", "width"))
        table[h] = {
            "network": network_parameters(ratings.p, dim, h, width), "vectors": vectors * dim,
            "seconds an epoch": group["seconds"].mean(), "epochs": group["trained"].mean(),
            "runs": len(group),
        }  # fmt: skip
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("h")


def network_parameters(p: int, dim: int, hidden_layers: int, width: int = 0) -> int:
    """Weights and biases of h hidden layers and of W (§III-B)."""
    outer = p * dim
    inner = (width or outer) if hidden_layers else outer
    return (outer + 1) * inner + (hidden_layers - 1) * (inner + 1) * inner + (inner + 1) * outer
