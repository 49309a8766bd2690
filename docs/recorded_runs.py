"""Writes docs/runs/: the scores of the stored runs that a file of records names, a row a run and domain.

./run_all.sh python docs/recorded_runs.py [docs/claims.json]

Of another file, such as claims-avx2.json, the ending of its name goes on to the tables. Runs of the control
worlds are left out. `tests/test_recorded_runs.py` comes from these tables to the verdicts of the file.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from results import RUNS
from tqdm.auto import tqdm

from companion import files, paths, runs
from companion.claims import export

SETTINGS = ("method", "variant", "domains", "seed", "hidden_layers", "gamma", "dim", "negatives")
COURSES = ("weight", "rate", "norm")  # w_k, r_k and the gradient's norm after the weight, of networks
SCORES = {f"recall@{n}": ("recall", n) for n in (5, 10, 15, 20)} | {"NDCG@10": ("ndcg", 10)}


def rows(run: runs.Run) -> list[dict]:
    """A run as rows of a table, one a domain: settings, means of COURSES over the epochs, the best on
    validation (NDCG@10), test scores (full ranking)."""
    values = {(each["target"], each["metric"], each["n"]): each["value"] for each in run.metrics["values"]
              if (each["protocol"], each["group"]) == ("full", "all")}  # fmt: skip
    facts = {"run": run.folder.name} | {name: run.config.get(name) for name in SETTINGS}
    facts |= {"epochs": run.metrics["epochs"], "diverged": run.metrics["diverged"]}
    courses = run.history.reindex(columns=[*COURSES, "domain"]).groupby("domain").mean().to_dict("index")
    return [facts | {"domain": domain} | courses[domain] | {"validation": best}
            | {name: values[domain, *what] for name, what in SCORES.items()}
            for domain, best in run.metrics["validation"].items()]  # fmt: skip


def table(stored: Iterable[runs.Run]) -> pd.DataFrame:
    """The rows of runs, in the order of the tables."""
    result = pd.DataFrame([each for run in stored for each in rows(run)])
    result = result.astype(dict.fromkeys(("hidden_layers", "dim", "negatives"), "Int64"))
    return result.sort_values(["method", "variant", "domains", "seed", "run"], kind="stable")


def save(scores: pd.DataFrame, target: Path) -> None:
    """Write such a table."""
    with files.atomic(target) as partial:
        scores.to_csv(partial, index=False, float_format="%.6g")


def write(file: Path) -> None:
    """The tables of a file of records, a dataset each."""
    for dataset in export.DATASETS:
        records = [record for record in export.read(file) if record["dataset"] == dataset]
        folders = sorted({place for record in records for place in record["runs"]})
        own = [paths.home() / place for place in folders if Path(place).parent.name == dataset]
        scores = table(map(runs.load, tqdm(own, desc=dataset)))
        target = RUNS / f"{dataset}{file.stem.removeprefix(export.FILE.stem)}.csv"
        save(scores, target)
        print(f"{target}: {scores['run'].nunique()} runs")


if __name__ == "__main__":
    with files.exit_on_error():
        write(Path(sys.argv[1]) if sys.argv[1:] else export.FILE)
