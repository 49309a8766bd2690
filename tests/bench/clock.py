"""Stopwatches, of wall clock or (`--clock processor`) of this process's processor time. Standard library only, for the peers."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median


def now() -> float:
    """Seconds since some moment."""
    return time.process_time() if os.environ.get("BENCH_CLOCK") == "processor" else time.perf_counter()


def seconds(work: Callable) -> float:
    """How long it takes."""
    began = now()
    work()
    return now() - began


def alternate(works: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Median seconds of each, done in turns, so that a slow minute hits all alike; the first does not count."""
    took = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            took[name].append(seconds(work))
    return {name: median(each[1:]) for name, each in took.items()}


class Shares:
    """Own seconds of parts that may lie within one another; what is in none of them is the `rest`."""

    def __init__(self):
        self.own, self._open, self._since = Counter(), ["rest"], now()
        self.missing: list[str] = []

    def _turn(self) -> None:
        since, self._since = self._since, now()
        self.own[self._open[-1]] += self._since - since

    @contextmanager
    def part(self, name: str):
        self._turn()
        self._open.append(name)
        yield
        self._turn()
        self._open.pop()

    def watch(self, name: str, owner, attribute: str) -> None:
        """Count every call of `owner.attribute`, and what a generator takes to go on; older code may lack it."""
        if not hasattr(owner, attribute):
            self.missing.append(f"{name}: {attribute}")
            return
        called = getattr(owner, attribute)

        def watched(*given, **named):
            with self.part(name):
                found = called(*given, **named)
            return self._each(name, found) if isinstance(found, Iterator) else found

        setattr(owner, attribute, watched)

    def _each(self, name: str, steps: Iterator) -> Iterator:
        while True:
            with self.part(name):
                step = next(steps, steps)
            if step is steps:
                return
            yield step

    def done(self) -> dict[str, float]:
        """Seconds by part."""
        self._turn()
        return dict(self.own)
