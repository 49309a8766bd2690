"""Asymmetry (§IV-E, Fig. 4) read from runs: gamma on all domains and Sets 1–3, weights, other balancers."""

from collections.abc import Mapping

import pandas as pd

from companion import paths, registry, runs
from companion.analysis import curves
from companion.analysis.curves import MEAN, difference
from companion.analysis.report import STATIC
from companion.experiments import studies
from companion.registry import BASE

PAPER_GAMMA = {"Set 1": 1.0, "Set 2": 0.5, "Set 3": 2.5}  # for all six domains: BASE's


def fig_4_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `experiments` for Fig. 4, with MEAN: all gammas at h = 3, and equal weights; all sets."""
    rows = table[table["method"].isin(["adc", STATIC]) & table["hidden_layers"].eq(BASE["hidden_layers"])]
    return curves.with_mean(curves.without_deviations(rows))


def by_set(rows: pd.DataFrame, sizes: Mapping[str, int]) -> tuple[pd.DataFrame, dict[str, float]]:
    """`fig_4_rows` whose target is a set of domains, for all domains and Sets 1–3 (R35): the means over
    the set's members, in a training on these alone; and the paper's gamma for each."""
    labels = {frozenset(): f"all {len(sizes)} domains"}
    paper = {labels[frozenset()]: BASE["gamma"]}
    for name, members in studies.sets(dict(sizes)).items():
        label = labels[frozenset(members)] = f"{name}: {', '.join(members)}"
        paper[label] = PAPER_GAMMA[name]
    target = rows["domains"].map(lambda text: labels.get(frozenset(registry.named(text))))
    means = rows.assign(target=target)[(rows["target"] == MEAN) & target.notna()]
    return means.sort_values("target", key=lambda names: names.map([*paper].index), kind="stable"), paper


def histories(rows: pd.DataFrame) -> pd.DataFrame:
    """The history (`Trained`) of ADC over all domains at every gamma, in one seed, the lowest that has most
    gammas; besides gamma, diverged, seed, run. rows: of `fig_4_rows`."""
    trained = rows[(rows["method"] == "adc") & (rows["domains"] == "")].drop_duplicates("run")
    if trained.empty:
        return trained
    seed, parts = trained["seed"].value_counts().sort_index().idxmax(), []
    for row in trained[trained["seed"] == seed].sort_values("gamma").itertuples():
        history = runs.load(paths.home() / row.run).history
        parts.append(history.assign(gamma=row.gamma, diverged=row.diverged, seed=seed, run=row.run))
    return pd.concat(parts, ignore_index=True)


def balancers(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of every balancer at h = 3 over all domains, with MEAN; of the paper's, gamma 2 and 0.
    `balancing`: its name. table: of `experiments`."""
    rows = table[table["hidden_layers"].eq(BASE["hidden_layers"]) & table["domains"].eq("")]
    rows = rows[rows["method"].ne("adc") | rows["gamma"].isin([0.0, BASE["gamma"]])]
    rows = curves.without_deviations(rows)
    known = [STATIC, "adc", *registry.names("balancer")]
    order = rows["method"].map(known.index) - rows["gamma"] / 100
    labels = rows["gamma"].map("GradNorm, γ = {:g}".format)
    labels = labels.where(rows["method"] == "adc", rows["method"].map(registry.label))
    return curves.with_mean(rows.assign(balancing=labels, order=order).sort_values("order", kind="stable"))


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """What each balancer gains over static on each target, paired over the seeds: balancing, target,
    difference, p, low, high, seeds, diverged. rows: of `balancers`."""
    table = []
    for target, group in rows.groupby("target", sort=False):
        wide = group.pivot(index="seed", columns="balancing", values="value")
        for name in group["balancing"].unique() if STATIC in wide else ():
            if name != STATIC:
                diverged = int(group.loc[group["balancing"] == name, "diverged"].sum())
                gap = difference(wide[name], wide[STATIC])
                table.append({"balancing": name, "target": target, **gap, "diverged": diverged})
    return pd.DataFrame(table)


def balancer_costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Processor seconds an epoch of each balancer, and over static's on the same seed: mean, least, most."""
    each = rows.drop_duplicates("run")
    wide = each.pivot(index="seed", columns="balancing", values="seconds")[list(each["balancing"].unique())]
    ratio = wide.div(wide[STATIC], axis=0)
    table = {
        "seconds an epoch": wide.mean(), "of static": ratio.mean(), "least": ratio.min(), "most": ratio.max(),
        "seeds": wide.count(), "diverged": each.groupby("balancing")["diverged"].sum(),
    }  # fmt: skip
    return pd.DataFrame(table).loc[wide.columns]


def parts_of_loss(rows: pd.DataFrame) -> pd.DataFrame:
    """By domain, means over the epochs of ADC at γ = 2 over all domains, in the lowest seed: BPR's part and
    λ's part of L_k, weight, r_k; `attrs["seed"]`. Empty without such a run. rows: of `fig_4_rows`."""
    chosen = rows[rows["method"].eq("adc") & rows["domains"].eq("") & rows["gamma"].eq(BASE["gamma"])]
    if chosen.empty:
        return pd.DataFrame()
    first = chosen.sort_values("seed").iloc[0]
    history = runs.load(paths.home() / first["run"]).history
    history = history.assign(ranking=history["loss"] - history["agreement"])
    names = {"ranking": "BPR's part", "agreement": "λ's part", "weight": "weight", "rate": "r"}
    table = history.groupby("domain", sort=False)[list(names)].mean().rename(columns=names)
    table.attrs["seed"] = first["seed"]
    return table
