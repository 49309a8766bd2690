"""The ledger as a file that travels: docs/claims.json, a record a claim and dataset, on a line of its own.

`./run_all.sh render --profile claims` writes it beside the copies of notebook 09, from the same runs;
`python -m companion.claims.export` does that alone."""

import json
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path

from adc.errors import UserError
from companion import files, paths, results, runs
from companion.claims.evidence import Evidence, collect
from companion.claims.ledger import ledger

FILE = Path(__file__).resolve().parents[3] / "docs" / "claims.json"
PROFILE, DATASETS = "claims", ("movielens", "insteval")  # of the ledgers that are committed
INTERVAL = ("low", "high", "margin")  # what a rule knows of a difference


def write(file: Path = FILE, profile: str = PROFILE) -> list[dict]:
    """Write the records of a profile's stored runs; those of a dataset that it has not run on stay. All
    records of the file. `UserError` where it has run on none."""
    if not (fresh := gathered(profile)):
        raise UserError(f"There are no runs of the profile {profile}: ./run_all.sh --profile {profile}")
    old = [record for record in (read(file) if file.exists() else []) if record["dataset"] not in fresh]
    new = [record for name in fresh for record in records(collect(name, profile))]
    every = sorted(old + new, key=lambda record: DATASETS.index(record["dataset"]))
    lines = ",\n".join(json.dumps(record, ensure_ascii=False, allow_nan=False) for record in every)
    with files.atomic(file) as partial:
        partial.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return every


def gathered(profile: str = PROFILE) -> list[str]:
    """Those of DATASETS that `results.parquet` has runs of, for a profile."""
    table = results.table()
    return [name for name in DATASETS if name in set(table.loc[table["profile"] == profile, "dataset"])]


def read(file: Path = FILE) -> list[dict]:
    """The records of a file; a `UserError` where there is none, or it is none."""
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
        if wrong := [record for record in records if not {"claim", "dataset", "runs"} <= record.keys()]:
            raise ValueError(f"one is {str(wrong[0])[:60]}")
        return records
    except FileNotFoundError as error:
        raise UserError(f"{file} is not there: ./run_all.sh render --profile {PROFILE} writes it.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{file} holds no records of claims ({error}).") from error


def records(e: Evidence, names: Collection[str] = ()) -> list[dict]:
    """The rows of a ledger, all or those named, as records. `arithmetic`: how the runs behind a claim were
    computed, each way once. Where a rule looks at an interval, that and its middle stand by themselves."""
    way, lines = cache(arithmetic), []
    for claim, row in ledger(e, names).iterrows():
        record = {"dataset": e.dataset, "profile": e.profile, "claim": claim, "theme": row["section"]}
        record |= {"section": row["where"], **row[["says", "paper", "ours", "n", "rule", "numbers"]]}
        if row["numbers"].get("low") is not None:
            ends = {name: row["numbers"][name] for name in INTERVAL}
            record |= {"difference": (ends["low"] + ends["high"]) / 2} | ends
        ways = {json.dumps(way(place)): way(place) for place in row["runs"]}
        record |= {name: row[name] for name in ("more", "verdict", "runs")}
        lines.append(record | {"arithmetic": [ways[text] for text in sorted(ways)]})
    return lines


def arithmetic(place: str) -> dict:
    """On what a run was computed, as far as it says: versions, processor, kernels and threads."""
    metrics = runs.load(paths.home() / place).metrics
    return metrics.get("arithmetic", {}) | {"versions": metrics.get("versions", {})}


if __name__ == "__main__":  # python -m companion.claims.export [FILE [PROFILE]]
    with files.exit_on_error():
        file = Path(sys.argv[1]) if sys.argv[1:] else FILE
        print(f"{file}: {len(write(file, *sys.argv[2:]))} records")
