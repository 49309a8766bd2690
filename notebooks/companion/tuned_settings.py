"""What the search found (R32): `tuned_settings.json`, written by `./run_all.sh tune`."""

import json
from pathlib import Path

from adc.balancers import BALANCERS
from companion import data, files

FILE = Path(__file__).with_name("tuned_settings.json")


def read() -> dict[str, dict[str, dict]]:
    """Dataset -> method -> parameters, validation, trials, epochs, seed."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def parameters(dataset: str, method: str, label: str = "") -> dict:
    """The settings found for a method, none where it was not searched. Twins of all sizes share theirs.

    Equal weights are never searched, but take ADC's: what is left between them is the balancer alone, and any
    favour of the search is ADC's. So does another balancer where it was not searched."""
    by_method = read().get(searched_name(dataset), {})
    if (labelled := f"{method}, {label}") in by_method:
        return by_method[labelled]["parameters"]
    if method in BALANCERS and method not in by_method:
        method = "adc"
    return by_method.get(method, {}).get("parameters", {})


def flags(dataset: str, method: str) -> list[str]:
    """What makes a found setting no result yet, such as a value at a bound (`search.flags`)."""
    by_method = read().get(searched_name(dataset), {})
    return by_method.get(method, {}).get("flags", []) if by_method else ["not searched on this dataset"]


def searched_name(dataset: str) -> str:
    """The name of a dataset in the table: control worlds and their like share theirs, whatever the seed."""
    return data.source_of(dataset) or dataset


def write(dataset: str, method: str, result: dict) -> None:
    """Put what was found for one method into the table, in place of what stood there."""
    table = read()
    table.setdefault(searched_name(dataset), {})[method] = result
    files.write_json(FILE, {name: dict(sorted(table[name].items())) for name in sorted(table)})
