"""When does the method help? ADC less a single-domain method, and balanced less equal weights, over synthetic twins.

Two properties of data are varied, all else kept: `transfer`, the share of a taste that is common to a user's domains,
and `asymmetry`, how unequal in size the domains are (`adc.data.twin`). `adc.results.marks` places real datasets on these axes.
"""

import itertools
from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from adc import data, runs, searched, stats

REFERENCES = ("bpr", "popularity")  # single-domain by nature: one run serves all targets
ALONE = "adc_alone"  # ADC trained on the target alone: a run for every target
CELL = ["transfer", "asymmetry"]


def scores(
    transfers: Sequence[float], asymmetries: Sequence[float], seeds: Sequence[int],
    references: Sequence[str] = REFERENCES, scale: float = 0.02, epochs: int = 12, patience: int = 3, show: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Test NDCG@10 (full ranking) of ADC, static and the references; missing runs are made.

    One row a (transfer, asymmetry, seed, method, target): value, users (evaluable), run, trained (epochs). A seed is that of the twin,
    its split and the training. Settings are those of the search on the twin; ADC has h = 3, gamma = 2. references:
    methods of `adc.baselines`, and "adc_alone".
    """
    rows, cells = [], list(itertools.product(transfers, asymmetries, seeds))
    for transfer, asymmetry, seed in tqdm(cells, desc="map", unit="twin", disable=not show):
        dataset = data.dataset_id("twin", seed, scale, transfer, asymmetry)
        common = {"dataset": dataset, "seed": seed, "epochs": epochs, "patience": patience}
        for method in ("adc", "static", *references):
            trained = "adc" if method == ALONE else method
            for domains in data.load(dataset).domains if method == ALONE else [""]:
                cell = {"transfer": transfer, "asymmetry": asymmetry, "seed": seed, "method": method}
                run = searched.run(trained, common | {"domains": domains})
                rows += [cell | found for found in _values(run)]
    return pd.DataFrame(rows)


def _values(run: runs.Run) -> list[dict]:
    of = {"protocol": "full", "metric": "ndcg", "n": 10, "group": "all"}
    return [
        {"target": entry["target"], "value": entry["value"], "users": entry["users"], "run": run.folder.name,
         "trained": run.metrics["epochs"]}
        for entry in run.metrics["values"] if of.items() <= entry.items()
    ]  # fmt: skip


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """ADC less every other method, mean over the targets: `transfer, asymmetry, seed, other, difference`."""
    mean = scores.groupby([*CELL, "seed", "method"], sort=False)["value"].mean().unstack("method")
    less = mean.drop(columns="adc").rsub(mean["adc"], axis=0)
    return less.rename_axis(columns="other").stack().rename("difference").reset_index()


def over_seeds(differences: pd.DataFrame) -> pd.DataFrame:
    """Each cell of the map and each other method: mean difference, 95 % interval over the seeds (t), p, seeds."""
    rows = []
    for (transfer, asymmetry, other), some in differences.groupby([*CELL, "other"], sort=False):
        mean, p, low, high = stats.paired_t(some["difference"].to_numpy())
        rows.append({"transfer": transfer, "asymmetry": asymmetry, "other": other, "difference": mean, "low": low,
                     "high": high, "p": p, "seeds": len(some)})  # fmt: skip
    return pd.DataFrame(rows)


def rises(differences: pd.DataFrame) -> pd.DataFrame:
    """How much larger each difference is at the highest transfer than at the lowest, mean over the asymmetries, and the
    same of asymmetry: `along, other, rise, low, high, p, seeds`, paired within a seed, whose twins have the same users.
    """
    rows = []
    for along, (other, some) in itertools.product(CELL, differences.groupby("other", sort=False)):
        mean = some.groupby(["seed", along])["difference"].mean().unstack()
        rise, p, low, high = stats.paired_t((mean[mean.columns.max()] - mean[mean.columns.min()]).to_numpy())
        rows.append({"along": along, "other": other, "rise": rise, "low": low, "high": high, "p": p,
                     "seeds": len(mean)})  # fmt: skip
    return pd.DataFrame(rows)


def evaluable(scores: pd.DataFrame) -> pd.DataFrame:
    """Users behind a cell, mean over its seeds: of the domain with the fewest, and of all domains."""
    users = scores[scores["method"] == "adc"].groupby([*CELL, "seed"], sort=False)["users"].agg(["min", "sum"])
    return users.groupby(CELL, sort=False).mean().rename(columns={"min": "smallest domain", "sum": "all domains"})


def words(differences: pd.DataFrame, other: str, name: str) -> str:
    """ADC less another method on the mean of the map, in how many cells it is better or worse, and where it gains most."""
    differences = differences[differences["other"] == other]
    some, whole = over_seeds(differences), differences.groupby("seed")["difference"].mean()
    mean, _, low, high = stats.paired_t(whole.to_numpy())
    if some["low"].isna().all():
        return f"**ADC less {name}**: {mean:+.4f} on average over the map. One seed gives no interval."
    said = [f"**ADC less {name}**: {mean:+.4f} ({low:+.4f} to {high:+.4f}) on average over the map."]
    said += [_where(some, some["low"] > 0, "better"), _where(some, some["high"] < 0, "worse")]
    said.append(f"By chance {len(some) * stats.LEVEL / 2:.1f} would on each side, or several together, as cells share seeds and users.")
    for row in rises(differences).itertuples():
        range_ = f"{some[row.along].min():g} to {some[row.along].max():g}"
        said.append(f"From {row.along} {range_} it changes by {row.rise:+.4f} ({row.low:+.4f} to {row.high:+.4f}).")
    return " ".join(said)


def _where(cells: pd.DataFrame, chosen: pd.Series, how: str) -> str:
    listed = ", ".join(f"({row.transfer:g}, {row.asymmetry:g})" for row in cells[chosen].itertuples())
    where = f": (transfer, asymmetry) = {listed}" if listed else ""
    return f"{how.capitalize()} with the whole interval in {chosen.sum()} of {len(cells)} cells{where}."


def unfinished(scores: pd.DataFrame, epochs: int) -> str:
    """How many runs of each method were stopped by the limit of epochs rather than by validation, in words."""
    each = scores.drop_duplicates("run")
    share = (each["trained"] >= epochs).groupby(each["method"], sort=False).mean()
    said = ", ".join(f"{method} {value:.0%}" for method, value in share.items())
    return f"Of the runs these were still training when the limit of {epochs} epochs stopped them; more might change the map: {said}."
