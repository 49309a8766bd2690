"""What a network adds to BPR: `adc.residual` beside ADC, BPR and popularity, on the same splits, seeds and search."""

from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from adc import searched, tuned
from adc.looks import label
from adc.results.analysis import MEAN, difference, ndcg, with_mean

VARIANT = "adc_residual"
AGAINST = ("popularity", "bpr", "adc")
NAMES = {name: label(name) for name in (*AGAINST, VARIANT)}


def scores(dataset: str, seeds: Sequence[int], epochs: int = 40, patience: int = 8, show: bool = True) -> pd.DataFrame:
    """Test NDCG@10 (full), a row a (method, target, seed) and one for the mean over the targets: value, run.

    Missing runs are made, with what the search found for each method on the dataset (R32), or else its defaults; h = 3, gamma = 2.
    """
    rows, every = [], [(method, seed) for seed in seeds for method in NAMES]
    for method, seed in tqdm(every, desc="runs", unit="run", disable=not show):
        run = searched.run(method, {"dataset": dataset, "seed": seed, "epochs": epochs, "patience": patience})
        about = {"method": method, "seed": seed, "run": run.folder.name}
        rows += [{"target": target, "value": value, **about} for target, value in ndcg(run).items()]
    return with_mean(pd.DataFrame(rows))


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds [targets and MEAN, methods], and in how many domains the variant is above each method."""
    wide = found.pivot_table(index="target", columns="method", values="value", sort=False)[list(NAMES)]
    domains = wide.drop(MEAN)
    above = domains[list(AGAINST)].lt(domains[VARIANT], axis=0).sum()
    shown = wide.map("{:.4f}".format)
    shown.loc[f"{NAMES[VARIANT]} is above it in"] = [f"{above[name]} of {len(domains)}" if name in above else "–" for name in NAMES]
    return shown.rename(columns=NAMES).rename_axis(index=None, columns=None)


def differences(found: pd.DataFrame) -> pd.DataFrame:
    """The variant less each other method, paired over the seeds: a row a (against, target) with `analysis.difference`'s columns."""
    values = found.set_index(["method", "target", "seed"])["value"].sort_index()
    return pd.DataFrame([
        {"against": other, "target": target, **difference(values[VARIANT, target], values[other, target])}
        for other in AGAINST for target in found["target"].unique()
    ])  # fmt: skip


def words(table: pd.DataFrame) -> str:
    """From `differences`: whether the variant is above each method in the mean over the domains, and in how many of them."""
    told = []
    for other, some in table.groupby("against", sort=False):
        (mean,), each = some[some["target"] == MEAN].itertuples(), some[some["target"] != MEAN]
        sure = "" if mean.seeds < 2 else f" [{mean.low:+.4f}, {mean.high:+.4f}]"
        told.append(f"{mean.difference:+.4f}{sure} against {NAMES[other]} (above it in {(each['difference'] > 0).sum()} of {len(each)} domains)")
    n = int(table["seeds"].min())
    return f"NDCG@10 of {NAMES[VARIANT]}, mean over the domains, n = {n} seed{'s' * (n != 1)}: {'; '.join(told)}."


def settings(dataset: str) -> pd.DataFrame:
    """What each method is trained with: the settings, the trials behind them, their validation NDCG@10."""
    found = tuned.read().get(tuned.name(dataset), {})
    rows = {NAMES[name]: found.get(name, {}) for name in NAMES if name != "popularity"}
    told = [{"trials": entry.get("trials", 0), "validation": entry.get("validation"),
             "settings": ", ".join(f"{key} = {value}" for key, value in entry.get("parameters", {}).items()) or "the defaults"}
            for entry in rows.values()]  # fmt: skip
    return pd.DataFrame(told, index=list(rows))
