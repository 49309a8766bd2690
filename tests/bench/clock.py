"""Stopwatches. Standard library only, for the peers."""

import time
from collections.abc import Callable
from statistics import median


def seconds(work: Callable) -> float:
    """Seconds of wall time that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(works: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Median seconds of each, called in turns, so that a slow minute hits all; the first does not count."""
    times = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: median(of_work[1:]) for name, of_work in times.items()}
