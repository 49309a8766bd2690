"""The fixed cost of a papermill job of the workflow: `popularity` on MovieLens for a few more splits, one after the other."""

import os
import shutil
import threading
import time
from pathlib import Path

from adc import paths
from bench import parts
from workflow import engine, lock, options, plan, profile

FEW, MANY = 1, 13  # jobs; the difference of two calls is noise where it is of few


def measure() -> dict:
    """Seconds of wall clock and of processors: a job more, and a call of the workflow without its jobs."""
    shutil.rmtree(paths.home() / "data", ignore_errors=True)
    call([0])  # makes the ratings, and everything is in the disk's cache
    few, many = call(range(1, 1 + FEW)), call(range(1 + FEW, 1 + FEW + MANY))
    job = [(b - a) / (MANY - FEW) for a, b in zip(few, many)]
    fixed = [a - FEW * b for a, b in zip(few, job)]
    return {"job": dict(zip(("wall", "processor"), job)), "call": dict(zip(("wall", "processor"), fixed))}


def call(seeds) -> tuple[float, float]:
    """Run one job for each seed; seconds of wall clock and of processors."""
    asked = options.Options(profile="bench", cores=1)
    chosen = profile.Profile("bench", ["movielens"], {}, list(seeds), {"04_baselines": [{"method": "popularity"}]})
    plan.profile.named = lambda name: chosen
    with Processors() as used, lock.whole_folder():
        began, planned = time.perf_counter(), plan.jobs(asked)
        done = engine.run(planned, engine.todo(planned, asked, paths.home() / "data"), asked)
        assert done, "the workflow has failed"
        return time.perf_counter() - began, used.seconds()


class Processors:
    """Processor seconds of all processes below this one, looked at ten times a second, as nobody waits for a fork (Linux)."""

    def __enter__(self):
        self.used, self._over = {}, threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        found = {}
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = file.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            # parent, (its number, when it began), ticks
            found[int(file.parent.name)] = int(words[1]), (file.parent.name, words[19]), int(words[11]) + int(words[12])
        below, size = {os.getpid()}, 0
        while size != len(below):
            size = len(below)
            below |= {number for number, (parent, _, _) in found.items() if parent in below}
        self.used |= {found[number][1]: found[number][2] for number in below if number in found}

    def seconds(self) -> float:
        self._look()
        return sum(self.used.values()) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    parts.answer(measure)
