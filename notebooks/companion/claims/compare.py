"""Two ledgers side by side: which verdicts differ, by how much the numbers do, and what arithmetic has to do
with it.

`python -m companion.claims.compare A B`: each a file of records (docs/claims.json) or a home (ADC_HOME) with
runs of the profile `claims`."""

import os
import sys
from pathlib import Path

from adc.errors import UserError
from companion import files
from companion.claims import export
from companion.claims.evidence import Evidence
from companion.claims.export import PROFILE
from companion.claims.verdicts import NOT_RUN


def load(place: Path) -> dict[tuple[str, str], dict]:
    """The records of a file, or of the runs in a home, by dataset and claim: those that runs decide."""
    if place.is_dir():
        os.environ["ADC_HOME"] = str(place.resolve())
        records = [each for name in export.gathered() for each in export.records(Evidence(name, PROFILE))]
    else:
        records = export.read(place)
    decided = [record for record in records if record["runs"] and record["verdict"] != NOT_RUN]
    return {(record["dataset"], record["claim"]): record for record in decided}


def sentences(there: dict, here: dict) -> list[str]:
    """Two records of one claim in words: the verdicts, what was measured, how far apart the numbers are."""
    verdict = f"{there['verdict']} became {here['verdict']}"
    if there["verdict"] == here["verdict"]:
        verdict = f"the same verdict, {here['verdict']}"
    lines = [f"{here['claim']} on {here['dataset']}, {here['says']}: {verdict}."]
    if there["numbers"] == here["numbers"]:
        lines += ["  The numbers are the same to the last bit."]
    elif {"low", "high", "difference"} <= there.keys() & here.keys():
        apart, half = abs(there["difference"] - here["difference"]), (there["high"] - there["low"]) / 2
        share = f"{apart / half:.0%} of half of its interval" if half else "and it had no width"
        lines += [f"  The difference moved by {apart:.2g}, {share}."]
    else:
        lines += [f"  The numbers were {there['numbers']}, and are {here['numbers']}."]
    if there["arithmetic"] != here["arithmetic"]:
        lines += [f"  Arithmetic there: {in_words(there)}", f"  Arithmetic here: {in_words(here)}"]
    return [*lines, f"  there: {there['ours']}", f"  here: {here['ours']}"]


def in_words(record: dict) -> str:
    """On what the runs of a claim were computed."""
    ways = []
    for way in record["arithmetic"]:
        facts = {name: value for name, value in (way | way["versions"]).items() if name != "versions"}
        ways.append(", ".join(f"{name} {_text(value)}" for name, value in facts.items()))
    return "; or ".join(ways) or "no runs"


def _text(value: object) -> str:
    return " and ".join(value) if isinstance(value, list) else str(value or "–")


def main(first: Path, second: Path) -> list[str]:
    there, here = load(first), load(second)
    pairs = [(there[key], here[key]) for key in there if key in here]
    changed = [pair for pair in pairs if pair[0]["verdict"] != pair[1]["verdict"]]
    lines = [f"{len(changed)} of {len(pairs)} verdicts differ."]
    return [*lines, *(line for pair in changed for line in sentences(*pair))]


if __name__ == "__main__":
    with files.exit_on_error():
        if len(sys.argv) != 3:
            raise UserError("./run_all.sh python -m companion.claims.compare A B, two homes or files")
        print("\n".join(main(*map(Path, sys.argv[1:]))))
