"""What the reader sees while the jobs run: one line a finished job, what is left, and the report of one that failed."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable


class Progress:
    """Turns the jobs' events into lines. labels: of the jobs to do; others: of those that Snakemake may find to be half done."""

    def __init__(
        self, labels: dict[int, str], cores: int, say: Callable = print, status: bool = sys.stdout.isatty(),
        others: dict[int, str] | None = None,
    ):  # fmt: skip
        self.labels, self.cores, self.say, self.status, self.others = dict(labels), cores, say, status, others or {}
        self.running: dict[int, float] = {}
        self.seconds: dict[int, float] = {}  # of the finished
        self.took: dict[str, list[float]] = defaultdict(list)
        self.left = list(labels)
        self.failed: list[int] = []

    def event(self, number: int, what: str, seconds: float = 0.0, report: str = "") -> None:
        """`what` is one of started, finished, failed."""
        if number not in self.labels:
            self.labels[number] = self.others[number]
            self.left.append(number)
        if what == "started":
            self.running[number] = time.monotonic()
        else:
            self.running.pop(number, None)
            if what == "finished":
                self._finished(number, seconds)
            else:
                self._failed(number, report)
        self._show_status()

    def _finished(self, number: int, seconds: float) -> None:
        label = self.labels[number]
        self.left = [other for other in self.left if other != number]  # it may have ended before: a cluster's job that was done again
        self.seconds[number] = seconds
        self.took[label.split()[0]].append(seconds)
        count = f"[{len(self.labels) - len(self.left)}/{len(self.labels)}]"
        self._line(f"{count} {label} ... {clock(seconds)}{self._remaining()}")

    def _remaining(self) -> str:
        """About how long the rest takes, once most of it is of kinds that have been timed."""
        kinds = [self.labels[number].split()[0] for number in self.left]
        timed = [sum(self.took[kind]) / len(self.took[kind]) for kind in kinds if kind in self.took]
        if 2 * len(timed) < len(kinds):
            return f", {len(kinds)} left"
        seconds = sum(timed) * len(kinds) / max(1, len(timed))
        return f", about {clock(seconds / min(self.cores, len(kinds)), 0)} left" if kinds else ""

    def _failed(self, number: int, report: str) -> None:
        self.failed.append(number)
        self._line("\n" + report + "\n")
        if self.running:
            self._line(f"Stopping; {len(self.running)} running notebook(s) may end first (Ctrl-C stops them too).")

    def _line(self, text: str) -> None:
        self.say(("\r\033[K" if self.status else "") + text, flush=True)

    def _show_status(self) -> None:
        if self.status:
            names = ", ".join(self.labels[number] for number in self.running)
            self.say(f"\r\033[K  running: {names}"[:100] if names else "\r\033[K", end="", flush=True)


def clock(seconds: float, digits: int = 1) -> str:
    """14.2 s, 6 min, 2 h 10 min."""
    if seconds < 100:
        return f"{seconds:.{digits}f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
