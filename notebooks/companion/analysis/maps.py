"""When does the method help? ADC less a single-domain method, and less equal weights, over synthetic twins.

Two properties of data are varied, all else alike: `transfer`, the share of a taste that is common to a user's
domains, and `asymmetry`, how unequal in size the domains are (`companion.data.twin`).
`companion.analysis.marks` places real datasets on these axes.
"""

import itertools
from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from companion import data, registry
from companion.analysis import stats
from companion.analysis.report import STATIC
from companion.runs import Run

ALONE = "adc_alone"  # ADC trained on the target alone: a run for every target
CELL = ["transfer", "asymmetry"]


def scores(
    transfers: Sequence[float], asymmetries: Sequence[float], seeds: Sequence[int], references: Sequence[str],
    scale: float = 0.02, epochs: int = 12, patience: int = 3, show: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Test NDCG@10 (full ranking) of ADC, static and the references; missing runs are trained.

    One row a (transfer, asymmetry, seed, method, target): value, users (evaluable), run, trained (epochs). A
    seed is that of the twin, its split and the training. Settings are those of the search on the twin; ADC
    has h = 3, gamma = 2. references: single-domain methods, and "adc_alone".
    """
    rows, cells = [], list(itertools.product(transfers, asymmetries, seeds))
    for transfer, asymmetry, seed in tqdm(cells, desc="map", unit="twin", disable=not show):
        dataset = data.dataset_id("twin", seed, scale, transfer, asymmetry)
        for method in ("adc", STATIC, *references):
            alone = [registry.listed([name]) for name in data.load(dataset).domains]
            for domains in alone if method == ALONE else [""]:
                name, limits = "adc" if method == ALONE else method, {"epochs": epochs, "patience": patience}
                config = registry.configure_tuned(name, dataset, seed, domains, **limits)
                cell = {"transfer": transfer, "asymmetry": asymmetry, "seed": seed, "method": method}
                rows += [cell | row for row in _rows(registry.train(config, show=False))]
    return pd.DataFrame(rows)


def _rows(run: Run) -> list[dict]:
    values = run.values()
    values = values[values["protocol"].eq("full") & values["metric"].eq("ndcg") & values["n"].eq(10)]
    table = values.loc[values["group"] == "all", ["target", "value", "users"]]
    return table.assign(run=run.folder.name, trained=run.metrics["epochs"]).to_dict("records")


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """ADC less every other method, mean over the targets: `transfer, asymmetry, seed, other, difference`."""
    mean = scores.groupby([*CELL, "seed", "method"], sort=False)["value"].mean().unstack("method")
    less = mean.drop(columns="adc").rsub(mean["adc"], axis=0)
    return less.rename_axis(columns="other").stack().rename("difference").reset_index()


def over_map(differences: pd.DataFrame) -> pd.DataFrame:
    """Each other method: mean difference over the map, how much larger it is at the highest transfer than at
    the lowest, and the same of asymmetry: `other, what, difference, p, low, high, seeds`, paired within a
    seed."""
    mean = differences.groupby(["other", "seed"], sort=False)["difference"].mean().reset_index()
    parts = [mean.assign(what="mean over the map")]
    for axis in CELL:
        low, high = differences[axis].min(), differences[axis].max()
        level = differences.groupby(["other", "seed", axis], sort=False)["difference"].mean().unstack(axis)
        rise = (level[high] - level[low]).rename("difference").reset_index()
        parts.append(rise.assign(what=f"{axis} {high:g} less {low:g}"))
    return stats.over_seeds(pd.concat(parts), ["other", "what"], "difference")
