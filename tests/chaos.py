"""Kills calls of the workflow, whole or in part, at random moments; and what two data folders differ in."""

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
INNER = {".snakemake", ".cache", "logs", ".lock"}  # of data/: what no reader opens
RUN = {"config.json", "metrics.json"}


def processes(home: Path) -> list[psutil.Process]:
    """Every living process of calls in a data folder: the entrance, Snakemake, jobs and kernels."""
    result = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ADC_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                result.append(process)
        except psutil.Error:
            pass
    return result


def wait_for(what: Callable, seconds: float = 90):
    """What `what()` gives once it is true."""
    end = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return result


def strike(home: Path, rng: random.Random) -> str:
    """Kill -9 everything, or a random part of it; what was killed, in words."""
    result = processes(home)
    part = result if rng.random() < 0.5 or not result else rng.sample(result, rng.randint(1, len(result)))
    for process in part:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            pass
    return f"{len(part)} of {len(result)} processes"


def kill_often(
    start: Callable[[], subprocess.Popen], home: Path, kills: int, longest: float, rng: random.Random
) -> Iterator[str]:
    """Kill `kills` times, each after at most `longest` seconds, a call that `start` began; yields what
    happened. A call that outlives a blow goes on until the next; one that comes to its end well is yielded as
    "finished" and is none of the kills."""
    call = None
    while kills:
        call = call or start()
        while call.poll() is None and len(processes(home)) < 2:  # not before there is much to kill
            time.sleep(0.2)
        try:
            call.wait(rng.uniform(0, longest))
            message = "finished" if call.returncode == 0 else f"ended by itself, {call.returncode}"
        except subprocess.TimeoutExpired:
            kills -= 1
            message = f"{strike(home, rng)} killed"
            try:
                call.wait(5)
            except subprocess.TimeoutExpired:
                yield f"{message}, the call goes on"
                continue
        output, call = call.communicate()[0], None
        assert "Traceback" not in output, output
        end = time.monotonic() + GONE
        while left := processes(home):
            assert time.monotonic() < end, f"still there: {[process.cmdline() for process in left]}"
            time.sleep(0.1)
        assert not (half := half_written(home)), half
        yield message


def half_written(home: Path) -> list[str]:
    """Run folders that hold something but not all of a run; a table of results that is there can be read."""
    runs = [place for place in home.glob("data/runs/*/[!.]*") if any(place.iterdir())]
    if (results := home / "data" / "results.parquet").exists():
        content(results)
    return [str(place) for place in runs if not RUN <= {file.name for file in place.iterdir()}]


def content(file: Path):
    """What a file says, without times; "" where that is for the eye only."""
    if file.suffix == ".json":
        timeless = lambda pairs: {key: value for key, value in pairs if "seconds" not in key}
        return json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=timeless)
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            return {name: array.tobytes() for name, array in arrays.items()}
    if file.suffix == ".parquet" and file.read_bytes().startswith(b"PAR1"):  # in a toy it is JSON
        table = pd.read_parquet(file)
        order = [*table] if file.stem == "results" else []
        return (table.sort_values(order, ignore_index=True) if order else table).to_csv()
    return file.read_bytes() if file.suffix == ".parquet" else ""


def differences(home: Path, other: Path) -> list[str]:
    """In what a data folder is not as another."""
    result, wanted = _shown(home), _shown(other)
    message = [f"only in one: {name}" for name in sorted({*result} ^ {*wanted})]
    same = [name for name in result if name in wanted and content(result[name]) == content(wanted[name])]
    return message + [f"differs: {name}" for name in sorted({*result} & {*wanted} - {*same})]


def _shown(home: Path) -> dict[str, Path]:
    files = {str(file.relative_to(home)): file for file in home.rglob("*") if file.is_file()}
    inner = lambda name: INNER & {*name.split("/")} or ".partial" in name or name == "trained.txt"
    return {name: file for name, file in files.items() if not inner(name)}
