"""What the search found (R32): `adc/tuned.json`, a dataset's settings for every method, written by `./run_all.sh tune`."""

import json
import re
from pathlib import Path

from adc import files
from adc.balancers import BALANCERS

FILE = Path(__file__).with_name("tuned.json")
OWN = re.compile(r"-[0-9a-f]{8}$")  # the hash that ends the name of a reader's own file, and of nothing else


def read() -> dict[str, dict[str, dict]]:
    """Dataset -> method -> what was found: parameters, validation, trials, epochs, seed."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def parameters(dataset: str, method: str) -> dict:
    """The parameters found for a method, nothing where none were searched. Twins of all sizes share theirs.

    Equal weights are never searched, but take ADC's: what is left between them is the balancer alone, and any favour of the
    search is ADC's. So does another balancer where it was not searched.
    """
    known = read().get(name(dataset), {})
    if method in BALANCERS and method not in known:
        method = "adc"
    return known.get(method, {}).get("parameters", {})


def name(dataset: str) -> str:
    """What a dataset is called in the table. An own file may be called Twin too."""
    return "twin" if dataset.split("-")[0] == "twin" and not OWN.search(dataset) else dataset


def write(dataset: str, method: str, found: dict) -> None:
    """Put what was found for one method into the table, in place of what stood there."""
    table = read()
    table.setdefault(name(dataset), {})[method] = found
    files.write_json(FILE, {key: dict(sorted(table[key].items())) for key in sorted(table)})
