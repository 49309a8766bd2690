"""One call at a time in a data folder, and nothing left of a killed one. Locks go when their holder dies."""

import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from adc import paths
from workflow import ask


def _file(name: str) -> Path:
    place = paths.home() / "data" / ".workflow"
    place.mkdir(parents=True, exist_ok=True)
    return place / name


@contextmanager
def whole_folder():
    """Hold the data folder for this call; wait, and say for whom, while another call is at work. Yields whether it waited."""
    waited = False
    with open(_file("lock"), "a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"Waiting: {_holder(held)} is at work in {paths.home() / 'data'}; when it ends this goes on.",
                flush=True,
            )
            fcntl.flock(held, fcntl.LOCK_EX)
            waited = True
        held.truncate(0)
        held.write(json.dumps({"pid": os.getpid(), "since": time.strftime("%H:%M:%S"), "arguments": sys.argv[1:]}))
        held.flush()
        with open(_file("jobs"), "w") as jobs:
            _when_free(jobs)
        yield waited


@contextmanager
def alone(what: str):
    """Hold something that is made beside whatever else is at work in the data folder, but only once at a time."""
    with open(_file(what), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def as_job(gently: bool = False):
    """For Snakemake and its jobs: be seen as at work while alive, and end when the parent process does; `gently`: with
    time to take jobs out of a cluster's queue."""
    global _kept
    _kept = open(_file("jobs"), "a+")  # the lock lasts as long as this stays open; on NFS a shared one needs to read
    fcntl.flock(_kept, fcntl.LOCK_SH)
    if gently:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited
    threading.Thread(target=_end_with, args=(ask.parent(), gently), daemon=True).start()


def sweep() -> None:
    """Remove what killed calls left half-written, downloads excepted. Only while holding `whole_folder`."""
    data = paths.home() / "data"
    for place in [*data.glob("*"), paths.figures()]:
        if place.name not in ("raw", "logs") and place.is_dir():
            for left in [*place.rglob(".*.partial"), *place.rglob(".*.old")]:
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    for left in data.glob(".*.partial"):
        if left.is_file():  # a folder is the site's, which is made under a lock of its own
            left.unlink(missing_ok=True)
    for place in (data / ".workflow" / "now", data / ".snakemake" / "log", data / ".cache" / "jupyter"):
        shutil.rmtree(place, ignore_errors=True)
    if outside().exists():
        shutil.rmtree(outside().read_text(encoding="utf-8"), ignore_errors=True)


def outside() -> Path:
    """The file that names a folder outside `data/` of the call at work."""
    return _file("outside")


def _when_free(jobs) -> None:
    """Wait for what is left of a killed call: here it ends within a second or two, a cluster's jobs when they are done."""
    for _ in range(50):
        with suppress(BlockingIOError):
            return fcntl.flock(jobs, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.1)
    print("Waiting: jobs of an earlier call are still at work; when they end this goes on.", flush=True)
    fcntl.flock(jobs, fcntl.LOCK_EX)


def _holder(held) -> str:
    held.seek(0)
    try:
        known = json.loads(held.read())
        command = " ".join(["./run_all.sh", *known["arguments"]])
        return f"process {known['pid']}, `{command}` of {known['since']},"
    except (json.JSONDecodeError, KeyError):
        return "another ./run_all.sh"


def _end_with(parent: int, gently: bool) -> None:
    while os.getppid() == parent:
        time.sleep(0.3)
    if gently:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(120)
    os.kill(os.getpid(), signal.SIGKILL)
