"""`data/results.parquet`: the metrics of all runs that a profile gathered, one long table."""

import io
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from companion import files, paths, registry, runs

COLUMNS = [
    "profile", "dataset", "method", "variant", "target", "seed", "protocol", "metric", "n", "value", "users",
    "group", "run",
]  # fmt: skip


def table() -> pd.DataFrame:
    """The whole table, empty where nothing was gathered; read at one go: a process may replace the file."""
    if not paths.results().exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_parquet(io.BytesIO(paths.results().read_bytes()))


def gather(places: Iterable[Path], profile: str) -> pd.DataFrame:
    """Put runs into the table, in place of what the profile had for these datasets; the rows put there."""
    rows = [run.values().assign(variant=registry.variant(run.config)) for run in map(runs.load, places)]
    fresh, old = pd.concat(rows).assign(profile=profile)[COLUMNS], table()
    replaced = (old["profile"] == profile) & old["dataset"].isin(fresh["dataset"].unique())
    with files.atomic(paths.results()) as partial:
        others = old[~replaced]
        every = pd.concat([others, fresh], ignore_index=True) if len(others) else fresh
        every.to_parquet(partial, index=False)
    return fresh


if __name__ == "__main__":  # python -m companion.results PROFILE LIST...
    gather(runs.read_lists(sys.argv[2:]), sys.argv[1])
