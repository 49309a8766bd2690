"""From the runs on one file to a table of scores: every method jointly over all domains and alone on each."""

import pandas as pd

from companion import registry, runs
from companion.analysis import report
from companion.analysis.curves import MEAN

PAIRS = {  # what is compared -> (jointly, alone)
    "ADC": ("adc", "adc_alone"),
    "BPR": ("bpr_merged", "bpr"),
    "EASE": ("ease_merged", "ease"),
    "item-kNN": ("itemknn_merged", "itemknn"),
}
SIMPLEST_FIRST = ("popularity", "itemknn", "ease", "itemknn_merged", "ease_merged", "bpr", "bpr_merged",
                  "adc_alone", "adc", "adc_residual")  # fmt: skip
JOINT = (*(joint for joint, _ in PAIRS.values()), "adc_residual")
ALONE = ("popularity", *(alone for _, alone in PAIRS.values()))
LABELS = {name: registry.label(name.removesuffix("_alone")) for name in SIMPLEST_FIRST}
LABELS |= {"adc_alone": "ADC, one domain"}
COLUMNS = ["method", "target", "seed", "setting", "run", "validation", "value", "users", "elsewhere",
           "elsewhere_users"]  # fmt: skip


def scores(dataset: str, profile: str) -> pd.DataFrame:
    """Test NDCG@10 (all items ranked), a row a (method, target, seed); no row where nothing was trained.

    Columns: COLUMNS. users: how many were tested; elsewhere, elsewhere_users: the same over users known from
    other domains only. ADC on one domain is "adc_alone". Of a method's settings one stands in each domain:
    that with the most splits, of several the best on validation.
    """
    rows = [row for run in report.available(dataset, profile, variants=True) for row in _run_scores(run)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    keys = ["method", "target", "setting"]
    ranked = table.groupby(keys, sort=False)["validation"].agg(["size", "mean"]).reset_index()
    ranked = ranked.sort_values(["size", "mean"], ascending=False, kind="stable")
    chosen = ranked.drop_duplicates(["method", "target"])[keys]
    return table.merge(chosen, on=keys).sort_values("seed", kind="stable", ignore_index=True)


def _run_scores(run: runs.Run) -> list[dict]:
    """A run's rows of `scores`; none where it is not one that is compared."""
    method, domains = run.config["method"], registry.named(run.config["domains"])
    one = len(run.metrics["validation"]) == 1
    method = "adc_alone" if method == "adc" and one else method
    if method not in LABELS or (domains and method != "adc_alone") or (one and method in JOINT):
        return []
    setting = runs.identity(run.config | {"seed": 0})
    names = {"method": method, "seed": run.config["seed"], "setting": setting, "run": run.place}
    values = run.values().query("protocol == 'full' and metric == 'ndcg' and n == 10")
    values, rows = values.set_index(["target", "group"])[["value", "users"]].astype(float), []
    for target, validation in run.metrics["validation"].items():
        row = dict(zip(("value", "users"), values.loc[(target, "all")]))
        row |= dict(zip(("elsewhere", "elsewhere_users"), values.loc[(target, "cold_target")]))
        rows.append(names | {"target": target, "validation": validation} | row)
    return rows


def with_best(table: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    """`scores` of the splits with somebody to test; methods "best joint" and "best alone", on validation, of
    the splits on which all methods were trained; and the means over the domains (target MEAN) of the splits
    in which every domain has somebody to test."""
    table = table.dropna(subset="value")
    here = table.groupby(["target", "seed"])["method"].transform("nunique")
    complete = table[here == table.groupby("target")["method"].transform("nunique")]
    ranked = complete.sort_values("validation", ascending=False, kind="stable")
    parts = [table]
    for name, methods in {"best joint": JOINT, "best alone": ALONE}.items():
        best = ranked[ranked["method"].isin(methods)].drop_duplicates(["target", "seed"])
        parts += [best.assign(method=name)] if len(best) else []
    table = pd.concat(parts)
    table = table.sort_values("target", key=lambda names: names.map(domains.index), kind="stable")
    groups = table.groupby(["method", "seed"], sort=False)
    means = groups[["value", "validation", "users"]].mean()[groups.size() == len(domains)]
    means = means.reset_index().assign(target=MEAN)
    return pd.concat([table, means], ignore_index=True) if len(domains) > 1 and len(means) else table
