"""How much of what differs from seed to seed is the split, and how much the start: writes it into results.md.

./run_all.sh python docs/variance.py

A seed is a new split and a new training with it. Here every split of MovieLens is trained on from two starts:
that of Table II's run with h = 3, and another (initial vectors, sampled negatives, order of the users). What
another arithmetic does to the same runs is in docs/runs.
"""

import numpy as np
import pandas as pd
from results import PAGE, RUNS, markdown_table, recorded
from tqdm.auto import tqdm

from companion import files, registry, runs
from companion.analysis.curves import ndcg

DATASET, SPLITS, STARTS = "movielens", range(10), (0, 1)
METHODS = {"adc": registry.BASE, "static": {"hidden_layers": 3}, "bpr": {}}
MARKS = ("<!-- variance: written by docs/variance.py -->", "<!-- end of variance -->")
ARITHMETIC = ("<!-- arithmetic: written by docs/variance.py -->", "<!-- end of arithmetic -->")


def run(method: str, split: int, start: int) -> runs.Run:
    """The run of a method on a split from a start, trained where it is not stored."""
    limits = {"epochs": 300, "patience": 8}
    config = registry.configure_tuned(method, DATASET, split, **METHODS[method], **limits)
    if start == 0:
        return registry.train(config, show=False)
    again = config | {"start": start}  # no setting of the method: such runs are in no table
    seed = {"seed": split + 1000 * start}
    stored = runs.find(again)
    return stored or runs.save(again, registry.fit(config | seed, registry.load_split(config), show=False))


def scores(method: str) -> np.ndarray:
    """NDCG@10, mean over the domains, of a method [splits, starts]."""
    cells = [(split, start) for split in SPLITS for start in STARTS]
    values = [np.mean([*ndcg(run(method, *cell)).values()]) for cell in tqdm(cells, desc=method)]
    return np.reshape(values, (len(SPLITS), len(STARTS)))


def parts_of_variance(values: np.ndarray) -> tuple[float, float]:
    """Standard deviations of what a split does and of what a start does, of values [splits, starts]: one-way
    random effects, by the analysis of variance; 0 where the splits differ less than the starts explain."""
    starts = values.var(axis=1, ddof=1).mean()
    splits = values.mean(axis=1).var(ddof=1) - starts / values.shape[1]
    return max(splits, 0.0) ** 0.5, starts**0.5


def arithmetic(there: pd.DataFrame, here: pd.DataFrame) -> str:
    """What two arithmetics, tables of docs/runs, make of the same runs, as a Markdown table."""
    variants = {"adc": "h=3 γ=2", "static": "h=3", "bpr": ""}
    sides = []
    for side in (there, here):
        own = {name: recorded(side, name, variant).mean(axis=1) for name, variant in variants.items()}
        pairs = {f"adc − {name}": own["adc"] - own[name] for name in ("static", "bpr")}
        sides.append(pd.DataFrame(own | pairs))
    apart = (sides[0] - sides[1]).dropna()
    cells = []
    for name in apart:
        spreads = (apart[name] ** 2).mean() / 2, (sides[0][name].var() + sides[1][name].var()) / 2
        each = f"{-apart[name].mean():+.4f}", *map("{:.4f}".format, np.sqrt(spreads))
        cells.append([" − ".join(map(registry.label, name.split(" − "))), *each])
    shown = markdown_table(["NDCG@10", "mean shift", "arithmetic", "seed"], cells)
    return f"**MovieLens**, standard deviations, n = {len(apart)} seeds:\n\n{shown}"


def table() -> str:
    """The standard deviations as a Markdown table."""
    lines = {registry.label(name): scores(name) for name in METHODS}
    adc, *others = lines
    lines |= {f"{adc} − {other}": lines[adc] - lines[other] for other in others}
    cells = []
    for name, values in lines.items():
        cells.append([name, *map("{:.4f}".format, (values.mean(), *parts_of_variance(values)))])
    shown = markdown_table(["NDCG@10", "mean", "split", "start"], cells)
    n = f"n = {len(SPLITS)} splits × {len(STARTS)} starts"
    return f"**MovieLens**, standard deviations, {n}:\n\n{shown}"


if __name__ == "__main__":
    tables = [pd.read_csv(RUNS / f"{DATASET}{ending}.csv") for ending in ("", "-avx2")]
    files.put_between(PAGE, *ARITHMETIC, lambda: arithmetic(*tables))
    files.put_between(PAGE, *MARKS, table)
