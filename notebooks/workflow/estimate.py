"""Roughly how long jobs take: as the same kind took before in this data folder, else by built-in figures."""

import hashlib
import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from adc import files, paths
from workflow import costs, source
from workflow.plan import CONTROLS, DATA, GRID, SEARCH, Job, listed

KEPT = 5  # latest times of a kind, of which the median counts
AGAIN = 3.0  # a notebook that finds its run stored
# Seconds on one core, where nothing was timed yet: a notebook by itself; an epoch of a method, on no ratings and what a million
# of them adds; and its validation, which ranks all items for all users, on a million (MovieLens, twins at 0.03 and 1, d = 100)
NOTEBOOK = {DATA: 6.0, "02_mf_init": 6.0, "03_train_adc": 6.0, "gather": 1.0, "12_controls": 240.0, "14_map": 600.0}
OTHER_NOTEBOOK = 10.0
EPOCH = {"adc": (0.2, 1.5), "bpr": (0.2, 2.0), "bpr_merged": (0.1, 2.0), "cdcf": (0.1, 4.0), "clfm": (0.1, 10.0), "sconet": (0.3, 6.0)}
RANKING = 45.0
MILLIONS = {"movielens": 0.1, "twin": 0.391, "amazon": 0.391}  # of ratings
STOPPED = 0.9  # share of its epochs that a run trains before it stops early


def seconds(planned: list[Job]) -> list[float]:
    """What each job takes by itself."""
    timed, sizes = _timed(), _sizes(planned)
    return [_one(job, timed, sizes.get(job.dataset, 0.1)) for job in planned]


def together(planned: list[Job], pending: Iterable[int], cores: int) -> float:
    """What the pending jobs take on several cores: as long as all of their work, or their longest chain."""
    pending = set(pending)
    each = [took if number in pending else 0.0 for number, took in enumerate(seconds(planned))]
    return max(sum(each) / cores, *_hanging(planned, each), 0.0)


def by_urgency(planned: list[Job]) -> list[Job]:
    """The jobs with their priority: the seconds that hang on each, itself included, so that long chains begin first; and
    with what they ask of a cluster."""
    each, sizes = seconds(planned), _sizes(planned)
    asked = [costs.request(job.parameters.get("method") or "adc", sizes.get(job.dataset, 0.1), took) for job, took in zip(planned, each, strict=True)]
    told = zip(planned, _hanging(planned, each), asked, strict=True)
    return [replace(job, priority=int(hang), resources=resources) for job, hang, resources in told]


def is_new(job: Job) -> bool:
    """Whether a job has more to do than to show what is stored."""
    return not job.leaves or not all((paths.home() / "data" / name).exists() for name in job.leaves)


def went_on(job: Job, began: float) -> bool:
    """Whether a finished grid or search had found work of its own done before `began`: its time is that of the rest."""
    data = paths.home() / "data"
    own = []
    if job.notebook == GRID:  # the runs of notebook 03 are always there before it
        others = {Path(name).parent for name in job.after}
        own = [data / run / "metrics.json" for run in listed(data / job.leaves[0]) if Path(run) not in others]
    elif job.notebook == SEARCH:
        own = (data / job.leaves[0]).parent.glob("trial-*.json")
    return any(file.stat().st_mtime < began for file in own)


def note(took: list[tuple[Job, float]]) -> None:
    """Keep what new jobs took for later estimates."""
    table = _timed()
    for job, time in took:
        table[kind(job)] = [*table.get(kind(job), []), round(time, 1)][-KEPT:]
    if took:
        files.write_json(_file(), table)


def kind(job: Job) -> str:
    """The same for jobs that differ in no more than their seed."""
    same = {name: value for name, value in job.parameters.items() if name not in ("seed", "device", "runs", "lists")}
    return f"{job.notebook} {job.dataset} {hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:8]}"


def _one(job: Job, timed: dict[str, list[float]], size: float) -> float:
    if not is_new(job):
        return AGAIN
    if found := timed.get(kind(job)):
        return statistics.median(found)
    base = NOTEBOOK.get(job.notebook, OTHER_NOTEBOOK)
    if job.notebook in CONTROLS:  # all their work, at the notebook's own defaults
        usual = source.parameters(source.path(job.notebook))
        shares = [job.parameters[name] / usual[name] for name in ("scale", "seeds", "epochs") if type(usual.get(name)) in (int, float)]
        return base * math.prod(shares)
    empty, million = EPOCH.get(job.parameters.get("method") or "adc", (0.0, 0.0))
    epochs = (job.parameters.get("epochs") or (100 if job.leaves else 0)) * STOPPED
    return base + trainings(job) * epochs * (empty + million * size + RANKING * size**2)


def trainings(job: Job) -> int:
    if job.notebook == SEARCH:
        return job.parameters["trials"]
    if job.notebook != GRID:
        return 1
    from adc import settings, studies

    sets = {"sets": 3 * len(studies.asymmetry())}
    return sum(sets.get(name) or len(studies.STUDIES[name]()) for name in settings.named(job.parameters["study"]))


def _sizes(planned: list[Job]) -> dict[str, float]:
    """Millions of ratings of each dataset: as counted when it was prepared, else from its name or the length of its file."""
    found = {}
    for job in planned:
        if job.notebook == DATA:
            manifest, name = paths.processed(job.dataset) / "manifest.json", job.parameters["dataset"]
            if manifest.exists():
                counts = json.loads(manifest.read_text(encoding="utf-8"))["counts"]
                found[job.dataset] = sum(domain["ratings"] for domain in counts.values()) / 1e6
            else:
                found[job.dataset] = MILLIONS[name] * job.parameters["scale"] if name in MILLIONS else Path(name).stat().st_size / 30e6
    return found


def _hanging(planned: list[Job], each: list[float]) -> list[float]:
    """Seconds of the longest chain that begins with each job. planned: in an order in which each comes after its inputs."""
    behind, found = {}, []
    for job, took in zip(reversed(planned), reversed(each), strict=True):
        found.append(took + behind.get(job.output, 0.0))
        for name in [*job.inputs, *job.after]:
            behind[name] = max(behind.get(name, 0.0), found[-1])
    return found[::-1]


def _file() -> Path:
    return paths.home() / "data" / "logs" / "timings.json"


def _timed() -> dict[str, list[float]]:
    return json.loads(_file().read_text(encoding="utf-8")) if _file().exists() else {}
