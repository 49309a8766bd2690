"""What the search found (R32): `tuned_settings.json`, written by `./run_all.sh tune`."""

import json
from pathlib import Path

from companion import data, files

FILE = Path(__file__).with_name("tuned_settings.json")


def read() -> dict[str, dict[str, dict]]:
    """Dataset -> method -> parameters, validation, trials, epochs, seed."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def of(dataset: str) -> dict[str, dict]:
    """What was found on a dataset, by method; twins of all sizes share theirs, and so do control worlds."""
    return read().get(data.source_of(dataset) or dataset, {})


def flags(dataset: str, method: str) -> list[str]:
    """What makes a found setting no result yet, such as a value at a bound (`search.flags`)."""
    by_method = of(dataset)
    return by_method.get(method, {}).get("flags", []) if by_method else ["not searched on this dataset"]


def write(dataset: str, method: str, result: dict) -> None:
    """Put what was found for one method into the table, in place of what stood there."""
    table = read()
    table.setdefault(data.source_of(dataset) or dataset, {})[method] = result
    files.write_json(FILE, {name: dict(sorted(table[name].items())) for name in sorted(table)})
