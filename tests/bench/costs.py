"""`./run_all.sh bench costs`: what a run of each method costs, by the number of ratings; for docs/cluster.md and for what the
workflow asks of a cluster (notebooks/workflow/costs.json). Seconds are of the processor, on one thread, so that a busy
machine hardly spoils them."""

import argparse
import json
import platform
import subprocess
import time
from collections import Counter
from functools import wraps
from pathlib import Path

from adc import baselines, data, files, fit, paths, train, tuned
from bench import parts
from bench.sizes import peak
from workflow import ROOT, costs

METHODS = ("adc", *baselines.METHODS)
EPOCHS = 2


def main(words: list[str]) -> int:
    """Measure every method at every scale, each in a process of its own; keep the table when all went well."""
    parser = argparse.ArgumentParser(prog="./run_all.sh bench costs", allow_abbrev=False)
    parser.add_argument("--scales", type=lambda word: sorted(map(float, word.split(","))), default=[0.1, 0.3, 1.0],
                        help="of the synthetic twin (0.1,0.3,1); 1 is Table I")  # fmt: skip
    parser.add_argument("--methods", type=lambda word: word.split(","), default=list(METHODS), help=",".join(METHODS))
    parser.add_argument("--output", type=Path, default=costs.FILE, help="where the measurements go (notebooks/workflow/costs.json)")
    asked, home = parser.parse_args(words), paths.home().resolve() / "data" / "bench"
    for scale in asked.scales:
        told = parts.run("music", {"scale": scale}, home, 1)
        for method in asked.methods if "failed" not in told else []:
            print(f"{method} at {scale:g} ...", end=" ", flush=True)
            told = parts.run("costs", {"method": method, "scale": scale}, home, 1)
            if "failed" in told:
                break
            print(f"{told.pop('took'):.0f} s, {told['peak']:.0f} MB", flush=True)
            _keep(told, asked.output)
        if "failed" in told:
            print(told["failed"])
            return 1
    if asked.output == costs.FILE:
        costs.write_page()
    return 0


def _keep(row: dict, file: Path) -> None:
    """Put a measurement into the file in place of an earlier one of its kind."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    row |= {"commit": git.stdout.strip() or "unknown", "date": time.strftime("%Y-%m-%d"), "processor": _processor()}
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    kind = lambda row: (METHODS.index(row["method"]), row["scale"])
    files.write_json(file, sorted([old for old in rows if kind(old) != kind(row)] + [row], key=kind))


def measure(method: str, scale: float) -> dict:
    """One run of two epochs on the twin, with the search's settings: processor seconds before the first epoch (start and
    pretraining included), of an epoch, of its validation, of the test, and of the rest, which is keeping and
    storing; and the peak memory in MB, of which `before` is there before the ratings are."""
    before, dataset, spent = peak(), data.dataset_id("twin", scale=scale), Counter()
    given = {"dataset": dataset, "epochs": EPOCHS, "patience": EPOCHS} | tuned.parameters(dataset, method)
    # random, and the like, have but one epoch and no such parameter
    adc = method == "adc"
    known = train.Settings.__dataclass_fields__ if adc else {*baselines.COMMON, *baselines.parameters(method)}
    given = {name: value for name, value in given.items() if name in known}
    config = train.configuration(**given, device="cpu") if adc else baselines.configuration(method=method, **given)
    module, began = train if adc else baselines, time.process_time()
    split = baselines.prepared(config)
    learner = module.learner(config, split)
    spent["setup"] = time.process_time() - began
    for name, owner, attribute in (("epoch", learner, "epoch"), ("validation", fit, "validate"), ("test", fit, "evaluate")):
        setattr(owner, attribute, _timed(spent, name, getattr(owner, attribute)))
    scorer = getattr(baselines.METHODS.get(method), "scorer", fit.factor_score)
    began = time.process_time()
    run = fit.fit(learner, split, config, scorer, show=False)
    spent["rest"] = time.process_time() - began - spent["epoch"] - spent["validation"] - spent["test"]
    each = {name: spent[name] / run.metrics["epochs"] for name in ("epoch", "validation")}
    found = {"setup": spent["setup"], **each, "test": spent["test"], "rest": spent["rest"]}
    told = {name: round(value, 3) for name, value in found.items()} | {"before": round(before), "peak": round(peak())}
    return {"method": method, "scale": scale, "ratings": len(split.ratings.rating), **told}


def _timed(spent: Counter, name: str, work):
    @wraps(work)
    def timed(*given, **named):
        began = time.process_time()
        found = work(*given, **named)
        spent[name] += time.process_time() - began
        return found

    return timed


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    parts.answer(measure)
