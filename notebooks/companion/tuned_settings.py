"""What the search found (R32): `tuned_settings.json`, written by `./run_all.sh tune`."""

import json
import re
from pathlib import Path

from adc.balancers import BALANCERS
from companion import files

FILE = Path(__file__).with_name("tuned_settings.json")
FILE_HASH = re.compile(r"-[0-9a-f]{8}$")  # ends the name of a reader's own file, and of nothing else


def read() -> dict[str, dict[str, dict]]:
    """Dataset -> method -> parameters, validation, trials, epochs, seed."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def parameters(dataset: str, method: str) -> dict:
    """The settings found for a method, none where it was not searched. Twins of all sizes share theirs.

    Equal weights are never searched, but take ADC's: what is left between them is the balancer alone, and any
    favour of the search is ADC's. So does another balancer where it was not searched."""
    by_method = read().get(searched_name(dataset), {})
    if method in BALANCERS and method not in by_method:
        method = "adc"
    return by_method.get(method, {}).get("parameters", {})


def searched_name(dataset: str) -> str:
    """The name of a dataset in the table. A reader's own file may be called twin too."""
    return "twin" if dataset.split("-")[0] == "twin" and not FILE_HASH.search(dataset) else dataset


def write(dataset: str, method: str, result: dict) -> None:
    """Put what was found for one method into the table, in place of what stood there."""
    table = read()
    table.setdefault(searched_name(dataset), {})[method] = result
    files.write_json(FILE, {name: dict(sorted(table[name].items())) for name in sorted(table)})
