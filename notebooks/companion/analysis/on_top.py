"""What a network adds to BPR: `adc_residual` beside ADC, BPR and popularity, on the same splits and seeds."""

import itertools
from collections.abc import Iterable

import pandas as pd

from companion import registry, tuned_settings
from companion.analysis.curves import MEAN, difference, ndcg, seeds_label, with_mean
from companion.experiments import studies

VARIANT = "adc_residual"
OTHERS = ("popularity", "bpr", "adc")
LABELS = {name: registry.label(name) for name in (*OTHERS, VARIANT)}


def scores(dataset: str, seeds: Iterable[int], epochs: int, patience: int, show: bool = True) -> pd.DataFrame:
    """Test NDCG@10 (full ranking): a row a (method, target, seed), and for the mean over the targets.
    Missing runs are trained with what the search found for the dataset (R32), or with the defaults."""
    rows, limits = [], {"epochs": epochs, "patience": patience}
    pairs = itertools.product(seeds, LABELS)
    configs = [registry.configure_tuned(method, dataset, seed, **limits) for seed, method in pairs]
    for run in studies.train(configs, show):
        facts = {"method": run.config["method"], "seed": run.config["seed"], "run": run.folder.name}
        rows += [{"target": target, "value": value, **facts} for target, value in ndcg(run).items()]
    return with_mean(pd.DataFrame(rows))


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds [targets and MEAN, methods]; below, in how many domains the variant is higher."""
    wide = rows.pivot_table(index="target", columns="method", values="value", sort=False)[list(LABELS)]
    domains = wide.drop(MEAN)
    higher = domains[list(OTHERS)].lt(domains[VARIANT], axis=0).sum()
    cells = wide.map("{:.4f}".format)
    counts = [f"{higher[name]} of {len(domains)}" for name in OTHERS]
    cells.loc[f"{LABELS[VARIANT]} is above it in"] = [*counts, "–"]
    return cells.rename(columns=LABELS).rename_axis(index=None, columns=None)


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """The variant less each other method, by target, paired over the seeds, as `curves.difference` has it."""
    values = rows.set_index(["method", "target", "seed"])["value"].sort_index()
    pairs = [(other, target) for other in OTHERS for target in rows["target"].unique()]
    return pd.DataFrame([
        {"other": other, "target": target, **difference(values[VARIANT, target], values[other, target])}
        for other, target in pairs
    ])  # fmt: skip


def summary(table: pd.DataFrame) -> str:
    """From `differences`, in words: how far the variant is above each method, and in how many domains."""
    parts = []
    for other, group in table.groupby("other", sort=False):
        (mean,), domains = group[group["target"] == MEAN].itertuples(), group[group["target"] != MEAN]
        interval = "" if mean.seeds < 2 else f" [{mean.low:+.4f}, {mean.high:+.4f}]"
        count = f"above it in {(domains['difference'] > 0).sum()} of {len(domains)} domains"
        parts.append(f"{mean.difference:+.4f}{interval} against {LABELS[other]} ({count})")
    n = seeds_label([int(table["seeds"].min())])
    return f"NDCG@10 of {LABELS[VARIANT]}, mean over the domains, {n}: {'; '.join(parts)}."


def settings(dataset: str) -> pd.DataFrame:
    """What each method is trained with: the settings, the trials behind them, their validation NDCG@10."""
    searched = tuned_settings.of(dataset)
    rows = {}
    for name in (*OTHERS[1:], VARIANT):
        entry = searched.get(name, {})
        words = ", ".join(f"{key} = {value}" for key, value in entry.get("parameters", {}).items())
        rows[LABELS[name]] = {"trials": entry.get("trials", 0), "validation": entry.get("validation"),
                              "settings": words or "the defaults"}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")
