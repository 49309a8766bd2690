"""Training for the report in rounds, as many as the question needs or the time allows.

    python -m companion.use.own_ratings NOTEBOOK DONE PARAMETERS PROCESSES

First the simple methods on one split, then ADC, then all of them on the next splits, until the best of each
is judged in every domain. The page is the notebook, executed anew on the runs that there are, every time
that there are more. Whatever was stopped goes on: runs that are stored are not trained again.
"""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue

import pandas as pd
from tqdm import tqdm

from adc.errors import UserError
from adc.evaluation import MAX_TEST_USERS
from companion import data, execute, paths, registry, results, runs
from companion.use.own_ratings import verdicts
from companion.use.own_ratings.plan import kind, rounds, title
from companion.use.own_ratings.scores import scores, with_best

PAUSE = 15.0  # seconds between two pages at the least
AROUND = 1 / 8  # of the time given: kept for reading the file before, and for the recommendations after
AROUND_A_RATING = 8e-6  # seconds: the same of a file of many millions, but at most half of the time


class OutOfTime(Exception):
    """A training would not end in the time that is left; it needs at least so many seconds."""


# In a process of its own


def start(messages: Queue, parent: int) -> None:
    """Set a process of the pool up: it says how far it is, and does not outlive the one that started it."""
    global say
    say = messages.put
    execute.end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the one that started it


def train(config: dict, end: float) -> runs.Run:
    """The run of a configuration. OutOfTime, as soon as that is known: it would not end before `end`."""
    began, ends = time.time(), []

    def watch(epoch: int, best: float) -> bool:
        say((title(config), epoch))
        ends.append(time.time())
        each = (ends[-1] - ends[0]) / max(1, epoch - 1)
        least = ends[-1] - began + each * max(0, config["patience"] + 1 - epoch)
        if began + least > end and config["epochs"] > 1:
            raise OutOfTime(least)
        return False

    return registry.train(config, show=False, hopeless=watch)


# In the process that Snakemake starts


class Report:
    """A page and the trainings behind it: `work` does all of it."""

    def __init__(self, notebook: Path, page: Path, given: dict, processes: int):
        self.notebook, self.page, self.processes = notebook, page, processes
        self.given = execute.check(notebook, given, page.stem)
        self.profile, self.ratings = self.given["profile"], data.load(self.given["dataset"])
        self.began = time.time()
        seconds = 60 * self.given["minutes"]
        around = min(seconds / 2, max(seconds * AROUND, len(self.ratings.rating) * AROUND_A_RATING))
        self.end = self.began + seconds - around
        self.line = tqdm(bar_format="{desc}", file=sys.stdout, leave=False, disable=None)
        self.epochs: dict[str, int] = {}  # of a training, by its title
        self.runs: dict[Path, runs.Run] = {}
        self.needs: dict[str, float] = {}  # seconds of a training, by its kind
        self.remarks: dict[str, str] = {}  # what could not be trained, by its kind
        self.waiting: list[dict] = []
        self.running: dict[Future, dict] = {}
        self.writing: subprocess.Popen | None = None
        self.written, self.page_needs, self.shown = 0.0, 20.0, -1

    def work(self) -> None:
        """Train and write, until there is nothing more to ask, or no time."""
        context = multiprocessing.get_context("spawn")
        messages = context.Queue()
        with ProcessPoolExecutor(self.processes, context, start, (messages, os.getpid())) as pool:
            try:
                outcome = self.train(pool, messages)
                pool.shutdown(wait=False, cancel_futures=True)
            finally:
                for process in multiprocessing.active_children():
                    process.kill()  # what is half trained is lost, what is stored is whole
        self.finish(outcome)

    def train(self, pool: Executor, messages: Queue) -> str:
        """The rounds; why they ended, in words."""
        plan, outcome = rounds(self.ratings, self.given["minutes"]), ""
        self._add(next(plan))
        while not outcome:
            self._submit(pool)
            self._collect()
            self._say(messages)
            self._write("Still at work: this page is made anew as trainings end.")
            outcome = self._next(plan)
        return outcome

    def _add(self, configs: list[dict]) -> None:
        """Take in a round: what is stored counts, the rest waits."""
        for config in configs:
            run = runs.find(config)
            self._done(run) if run else self.waiting.append(config)

    def _done(self, run: runs.Run) -> None:
        self.runs[run.folder] = run
        self.needs[kind(run.config)] = 1.1 * run.metrics["train_seconds"] + 5
        self.remarks.pop(kind(run.config), None)
        if any(value["users"] == MAX_TEST_USERS for value in run.metrics["values"]):
            words = f"Where more than {MAX_TEST_USERS:,} users of a domain can be tested, so many are drawn."
            self.remarks["sample"] = words

    def _time_to_train(self) -> float:
        """When trainings must have ended, so that the last page is there in time."""
        return self.end - 1.5 * self.page_needs

    def _submit(self, pool: ProcessPoolExecutor) -> None:
        """Give free processes what fits into the time left; drop what does not."""
        while self.waiting and len(self.running) < self.processes:
            config = self.waiting.pop(0)
            needs = self.needs.get(kind(config), 0)
            if time.time() + needs < self._time_to_train():
                self.running[pool.submit(train, config, self._time_to_train())] = config
            else:
                self._too_long(config, needs)

    def _too_long(self, config: dict, needs: float) -> None:
        """Remember what a training needs that there was no time for; a remark where none like it was done."""
        self.needs[kind(config)] = needs
        if kind(config) not in {kind(run.config) for run in self.runs.values()}:
            words = f"it takes {needs / 60:.0f} minutes or more" if needs >= 60 else "little was left"
            self.remarks[kind(config)] = f"There was no time for {title(config)}: {words}."

    def _collect(self) -> None:
        """Take in what ended."""
        ended, _ = wait(self.running, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in ended:
            config = self.running.pop(future)
            try:
                self._done(run := future.result())
                self._tell(f"{title(config)}: validation NDCG@10 {run.validation:.4f}")
            except OutOfTime as error:
                self._too_long(config, error.args[0])
            except BrokenProcessPool as error:
                words = "A training was killed. Is there enough memory? Fewer --cores need less."
                raise UserError(words) from error
            except Exception as error:  # of one method: the page says so, and the others go on
                name = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
                self.remarks[kind(config)] = f"{title(config)} failed: {name}{error}"
                self._tell(self.remarks[kind(config)])

    def _tell(self, words: str) -> None:
        """Something that happened, as a line that stays."""
        with tqdm.external_write_mode(sys.stdout):
            print(f"{tqdm.format_interval(time.time() - self.began)}  {words}", flush=True)

    def _say(self, messages: Queue) -> None:
        """Show how far the trainings are, in the line that changes."""
        with suppress(Empty):
            while True:
                name, epoch = messages.get_nowait()
                self.epochs[name] = epoch
        times = time.time() - self.began, max(0, self.end - time.time())
        gone, left = map(tqdm.format_interval, times)
        line = f"{gone} gone, {left} left, {len(self.runs)} done"
        for name in map(title, self.running.values()):
            line += f" · {name}" + (f", epoch {self.epochs[name]}" if name in self.epochs else "")
        self.line.set_description_str(line[: shutil.get_terminal_size().columns - 1])

    def _next(self, plan: Iterator[list[dict]]) -> str:
        """Why it ends, in words; "" where it goes on, with the next round where this one is over."""
        if time.time() > self._time_to_train():
            return self._over()
        while not (self.waiting or self.running):
            self._tidy()
            if self.runs and verdicts.decided(verdicts.compare(self._table(), self.ratings.domains)):
                return "Ended: it is decided in every domain."
            configs, known = next(plan, None), len(self.runs)
            if configs is None:
                return "Ended: all splits are trained that there is a use for."
            self._add(configs)
            fits = [time.time() + self.needs.get(kind(config), 0) for config in self.waiting]
            if fits and len(self.runs) == known and min(fits) > self._time_to_train():
                return self._over()
        return ""

    def _over(self) -> str:
        more = f"--minutes {3 * self.given['minutes']:g} with the same command goes on from here"
        return f"Ended: the {self.given['minutes']:g} minutes are over, but for the recommendations; {more}."

    def _table(self) -> pd.DataFrame:
        results.gather(self.runs, self.profile)
        return with_best(scores(self.ratings.name, self.profile), self.ratings.domains)

    def _tidy(self) -> None:
        """Of every method keep the best model only; starts by factorization were of this round."""
        best: dict[tuple, runs.Run] = {}
        for run in sorted(self.runs.values(), key=lambda run: run.validation, reverse=True):
            key = run.config["method"], run.config["domains"]
            if best.setdefault(key, run) is not run and run.config["epochs"] > 1:
                run.drop_model()
        shutil.rmtree(paths.processed(self.ratings.name) / "mf", ignore_errors=True)

    def _write(self, state: str) -> None:
        """Begin to write the page where there is more to show, and see whether one is written."""
        if self.writing:
            if self.writing.poll() is None:
                return
            self._written()
        pause = max(PAUSE, 2 * self.page_needs)
        if self.shown < len(self.runs) and (self.shown <= 0 or time.time() > self.written + pause):
            self._begin(state)

    def _begin(self, state: str) -> None:
        if self.runs:
            results.gather(self.runs, self.profile)
        minutes = (time.time() - self.began) / 60
        splits = len({run.config["seed"] for run in self.runs.values()})
        words = f"{minutes:.1f} of {self.given['minutes']:g} minutes"
        words = f"{state} {words}; trainings: {len(self.runs)}, splits: {splits}."
        given = self.given | {"progress": [words, *self.remarks.values()]}
        command = [sys.executable, "-P", "-m", "companion.execute", str(self.notebook), str(self.page)]
        self.shown, self.written = len(self.runs), time.time()
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.writing = subprocess.Popen([*command, json.dumps(given)], text=True, **streams)

    def _written(self) -> None:
        """The page is there, or a UserError says why not."""
        output, _ = self.writing.communicate()
        if self.writing.returncode:
            raise UserError(output.strip())
        self.page_needs, self.writing = time.time() - self.written, None
        self._tell(f"page with {self.shown} trainings: {self.page.absolute()}")

    def finish(self, outcome: str) -> None:
        """The last page."""
        self.line.close()
        if self.writing:
            self._written()
        if self.runs:
            self._tidy()
        self._begin(outcome)
        self._written()
        self._tell(outcome)


def main(notebook: str, done: str, given: str, processes: str) -> int:
    """Make the report, a page beside the file that Snakemake makes when all is done; the exit code."""
    execute.end_with_parent()
    execute.one_thread()
    os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker"  # of what a stop leaves, which it clears itself
    try:
        Report(Path(notebook), Path(done).with_suffix(".html"), json.loads(given), int(processes)).work()
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", flush=True)
        return 130
    except UserError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    return 0
