"""Asymmetry (§IV-E, Fig. 4) read from runs: gamma on all domains and on Sets 1–3, the weights, and other balancers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from adc import looks, paths, runs, settings, studies
from adc.balancers import BALANCERS
from adc.data.table1 import TABLE_I
from adc.results.analysis import MEAN, beyond, curve, difference, plain, shared, signed, with_mean, within

PAPER_GAMMA = {"Set 1": 1.0, "Set 2": 0.5, "Set 3": 2.5}  # for all six domains: BASE's


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of Fig. 4, with MEAN: every gamma at h = 3, and equal weights (method static), over all domains and sets."""
    usual = table["method"].isin(["adc", "static"]) & (table["hidden_layers"] == studies.BASE["hidden_layers"])
    return with_mean(table[usual & plain(table)])


def drawn(adc: pd.DataFrame, static: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """What `plots.asymmetry` draws of the rows of both: those of the seeds that have every gamma, and their two curves."""
    even = shared(adc, "gamma")
    beside = static[static["seed"].isin(even["seed"])]
    return pd.concat([even, beside]), [curve(within(some, "gamma", base=even), "gamma") for some in (even, beside)]


def against_static(adc: pd.DataFrame, static: pd.DataFrame) -> str:
    """Gamma 0 and the paper's gamma against equal weights, mean over the domains, in words."""
    of = {gamma: some.set_index("seed")["value"] for gamma, some in adc[adc["target"] == MEAN].groupby("gamma")}
    of["static"] = static[static["target"] == MEAN].set_index("seed")["value"]
    pairs = {
        "γ = 2 less static": (2.0, "static"), "γ = 0 less static": (0.0, "static"), "γ = 0 less γ = 2": (0.0, 2.0),
    }  # fmt: skip
    apart = {words: difference(of[a], of[b]) for words, (a, b) in pairs.items() if a in of and b in of}
    said = "; ".join(f"{words} {signed(pd.Series(d))}" for words, d in apart.items() if d["seeds"])
    return f"On the mean over the domains: {said}." if said else ""


def by_set(rows: pd.DataFrame, sizes: Mapping[str, int]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rows of `curves` whose target is a set of domains, for all domains and Sets 1–3 (R35): the means over the set's
    members, in a training on these alone; and the paper's gamma for each."""
    whole = f"all {len(sizes)} domains"
    names, paper = {frozenset(): whole}, {whole: studies.BASE["gamma"]}
    for name, members in studies.sets(dict(sizes)).items():
        names[frozenset(members)] = words = f"{name}: {', '.join(members)}"
        paper[words] = PAPER_GAMMA[name]
    label = rows["domains"].map(lambda text: names.get(frozenset(settings.named(text))))
    found = rows[(rows["target"] == MEAN) & label.notna()]
    found = found.assign(target=label[found.index])
    order = found["target"].map({name: place for place, name in enumerate(paper)})
    return found.loc[order.sort_values(kind="stable").index], paper


def set_words(sizes: Mapping[str, int]) -> str:
    """How the sets came about, in words."""
    found = studies.sets(dict(sizes))
    if not found:
        return f"With {len(sizes)} domains there are no sets."
    if set(sizes) == set(TABLE_I):
        return "The sets are the paper's."
    each = "; ".join(f"{name}: {', '.join(members)}" for name, members in found.items())
    rule = "the two largest; the rest; the largest and the smallest"
    return f"The domains are not the paper's; the sets are formed by its rule ({rule}). {each}."


def gamma_words(table: pd.DataFrame) -> str:
    """The best gamma of each set beside the paper's, in words. table: `best` of `by_set`."""
    each = "; ".join(f"{row.Index} {row.best:g} (the paper's: {row.paper:g})" for row in table.itertuples())
    return (
        f"Best γ: {each}. Between the best and the worst γ lie {table['range'].min():.4f} to "
        f"{table['range'].max():.4f} of NDCG@10. {beyond(table)}"
    )


def weights(rows: pd.DataFrame) -> pd.DataFrame:
    """Weight of every domain by epoch at every gamma, over all domains, in one seed, the lowest that has most gammas:
    gamma, epoch, domain, weight, diverged, seed, run."""
    mine = rows[(rows["method"] == "adc") & (rows["domains"] == "")].drop_duplicates("run")
    if mine.empty:
        return mine
    mine = mine[mine["seed"] == mine["seed"].value_counts().sort_index().idxmax()].sort_values("gamma")
    found = []
    for row in mine.itertuples():
        history = runs.load(paths.home() / row.run).history.reindex(columns=["epoch", "domain", "weight"])
        found.append(history.assign(gamma=row.gamma, diverged=row.diverged, seed=row.seed, run=row.run))
    return pd.concat(found, ignore_index=True)


def weight_words(table: pd.DataFrame) -> str:
    """How far apart the weights are at the end, by gamma, in words. table: `weights`."""
    said = []
    for gamma, some in table[np.isfinite(table["weight"])].groupby("gamma"):
        last = some[some["epoch"] == some["epoch"].max()].set_index("domain")["weight"]
        said.append(f"γ = {gamma:g}: {last.min():.2f} ({last.idxmin()}) to {last.max():.2f} ({last.idxmax()})")
    return f"The weights of the last epoch, seed {table['seed'].iloc[0]}: {'; '.join(said)}."


def balancing(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of every balancer at h = 3 over all domains, with MEAN; of the paper's, gamma 2 and 0. `balancing`: name."""
    usual = (table["hidden_layers"] == studies.BASE["hidden_layers"]) & (table["domains"] == "") & plain(table)
    rows = with_mean(table[usual & ((table["method"] != "adc") | table["gamma"].isin([0.0, studies.BASE["gamma"]]))])
    pairs, known = list(zip(rows["method"], rows["gamma"], strict=True)), ["static", "adc", *BALANCERS]
    label = [f"GradNorm, γ = {gamma:g}" if method == "adc" else looks.label(method) for method, gamma in pairs]
    order = [known.index(method) - gamma / 100 for method, gamma in pairs]
    return rows.assign(balancing=label, order=order).sort_values("order", kind="stable").drop(columns="order")


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """What each balancer gains over static on each target, paired over the seeds: balancing, target, difference, p,
    low, high, seeds, diverged. rows: `balancing`."""
    found = []
    for target, some in rows.groupby("target", sort=False):
        wide = some.pivot(index="seed", columns="balancing", values="value")
        for name in some["balancing"].unique():
            if name != "static" and "static" in wide:
                bad = int(some.loc[some["balancing"] == name, "diverged"].sum())
                gain = difference(wide[name], wide["static"])
                found.append({"balancing": name, "target": target, **gain, "diverged": bad})
    return pd.DataFrame(found)


def balancer_costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Seconds an epoch of each balancer, and in relation to static on the same seed (mean, least, most) [balancers]."""
    each = rows.drop_duplicates("run")
    wide = each.pivot(index="seed", columns="balancing", values="seconds")[list(each["balancing"].unique())]
    ratio = wide.div(wide["static"], axis=0)
    table = {"seconds an epoch": wide.mean(), "of static": ratio.mean(), "least": ratio.min(), "most": ratio.max()}
    table |= {"seeds": wide.count(), "diverged": each.groupby("balancing")["diverged"].sum()}
    return pd.DataFrame(table).loc[wide.columns]


def balancing_words(table: pd.DataFrame) -> str:
    """Which balancers are better than equal weights on the mean over the domains, in words. table: `gains`."""
    mean = table[table["target"] == MEAN].sort_values("difference", ascending=False)
    top, better, worse = mean.iloc[0], mean[mean["low"] > 0], mean[mean["high"] < 0]
    names = lambda some: f"{len(some)} ({', '.join(some['balancing'])})" if len(some) else "none"
    return (
        f"On the mean over the domains {top.balancing} gains most over static, {signed(top)}. Of {len(mean)} balancers "
        f"{names(better)} lie above static with their whole interval, {names(worse)} below."
    )
