"""Kills calls of the workflow, whole or in part, at random moments; and what two data folders differ in, times apart."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

GONE = 60  # seconds in which all processes of a killed call have ended
INNER = {".snakemake", ".workflow", ".cache", "logs"}  # of data/: what no reader opens
SCRATCH = (".snakemake/incomplete", ".snakemake/locks", ".workflow/now", ".cache/jupyter")  # empty between two calls
RUN = {"config.json", "metrics.json"}


def processes(home: Path) -> list[psutil.Process]:
    """Every living process of calls in a data folder: the entrance, Snakemake, jobs, and forked kernels."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ADC_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            pass
    return found


def strike(home: Path, rng: random.Random) -> str:
    """Kill -9 everything, or a random part of it; what was killed, in words."""
    found = processes(home)
    part = found if rng.random() < 0.5 else rng.sample(found, rng.randint(1, len(found))) if found else []
    for process in part:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            pass
    return f"{len(part)} of {len(found)} processes"


def kill_often(start: Callable[[], subprocess.Popen], home: Path, kills: int, longest: float, rng: random.Random) -> Iterator[str]:
    """Kill `kills` times, each after at most `longest` seconds at work, a call that `start` began; yields after each what happened.

    A call that outlives a blow goes on until the next. One that ends by itself must say why; one that comes to its end well
    is yielded as "finished" and is none of the kills.
    """
    call = None
    while kills:
        call = call or start()
        while call.poll() is None and len(processes(home)) < 2:  # not before there is much to kill
            time.sleep(0.2)
        began = time.monotonic()
        try:
            call.wait(rng.uniform(0, longest))
        except subprocess.TimeoutExpired:
            kills -= 1
            told = f"{strike(home, rng)} killed after {time.monotonic() - began:.1f} s"
            try:
                call.wait(5)
            except subprocess.TimeoutExpired:
                yield f"{told}, the call goes on"
                continue
        else:
            told = "finished" if call.returncode == 0 else f"ended by itself, {call.returncode}"
        said, code, call = call.communicate()[0], call.returncode, None
        assert code < 0 or code == 0 or "Not finished." in said and "Traceback" not in said, said
        end = time.monotonic() + GONE
        while left := processes(home):
            assert time.monotonic() < end, f"still there: {[process.cmdline() for process in left]}"
            time.sleep(0.1)
        assert not (half := half_written(home)), half
        yield told


def half_written(home: Path) -> list[str]:
    """Run folders that hold something but not all of a run; readable results are those of whole runs."""
    runs = [place for place in home.glob("data/runs/*/[!.]*") if any(place.iterdir())]
    if (results := home / "data" / "results.parquet").exists():
        content(results)
    return [str(place) for place in runs if not RUN <= {file.name for file in place.iterdir()}]


def content(file: Path):
    """What a file says, without times; "" where that is for the eye only."""
    if file.suffix == ".json":
        return json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: {k: v for k, v in pairs if "seconds" not in k})
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            return {name: array.tobytes() for name, array in arrays.items()}
    if file.suffix == ".parquet" and file.read_bytes().startswith(b"PAR1"):  # in a toy it is JSON
        return pd.read_parquet(file).to_csv()
    return file.read_bytes() if file.suffix == ".parquet" else ""


def differences(home: Path, other: Path) -> list[str]:
    """In what a data folder is not as another, and what it should not hold at all."""
    found, wanted = ({str(file.relative_to(place)): file for file in _shown(place)} for place in (home, other))
    stray = [str(file) for place in SCRATCH for file in (home / "data" / place).rglob("*") if file.is_file()]
    told = [f"only in one: {name}" for name in sorted({*found} ^ {*wanted})] + [f"left: {name}" for name in stray]
    return told + [f"differs: {name}" for name in found if name in wanted and content(found[name]) != content(wanted[name])]


def _shown(home: Path) -> list[Path]:
    return [file for file in home.rglob("*") if file.is_file() and file.name != "trained.txt" and not INNER & {*file.relative_to(home).parts}]
