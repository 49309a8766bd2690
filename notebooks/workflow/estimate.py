"""Roughly how long jobs take, as the same kind took before in this data folder or else by built-in figures; and how much room on disk."""

import hashlib
import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from adc import files, paths
from adc.balancers import RIVALS
from workflow import costs, source
from workflow.plan import CONTROLS, DATA, GRID, RUNS, SEARCH, Job, listed

KEPT = 5  # latest times of a kind, of which the median counts
AGAIN = 3.0  # a notebook that finds its run stored
# Seconds on one core, where nothing was timed yet: a notebook by itself; an epoch of a method, on nothing, and what a million ratings
# and a million users add; and its validation, by the product of both millions (MovieLens and the twin at scale 1, d = 100)
NOTEBOOK = {DATA: 6.0, "02_mf_init": 6.0, "03_train_adc": 6.0, "gather": 1.0, "12_controls": 240.0, "14_map": 600.0, "17_on_top": 400.0}
OTHER_NOTEBOOK = 10.0
EPOCH = {"adc": (0.1, 1.5, 95), "bpr": (0.05, 1.5, 60), "bpr_merged": (0.05, 1.5, 50), "cdcf": (0.05, 1.5, 70),
         "clfm": (0.05, 4.0, 40), "sconet": (0.1, 6.0, 180)}  # fmt: skip
RANKING = 45.0
STOPPED = 0.9  # share of its epochs that a run trains before it stops early
SETS = 1.5  # runs on all domains that see as many ratings as one each on Sets 1-3: Sets 1 and 2 are all domains, Set 3 about half by Table I
# Runs on all domains, all in all, of the notebooks that train by themselves, at their own defaults
OF_A_NOTEBOOK = {"12_controls": 22, "14_map": 144, "17_on_top": 20}
FEW = ("random", "popularity", "ease")  # store no vectors
GB = 0.4  # a million vectors of 100 numbers of four bytes


class Size(NamedTuple):
    """Of a dataset, in millions."""

    ratings: float
    users: float  # of the largest domain
    vectors: float  # at most, of a user in every domain and of every item: what a run stores


MILLIONS = {"movielens": Size(0.1, 0.0007, 0.012), "twin": Size(0.391, 0.0915, 0.863), "amazon": Size(0.391, 0.0915, 0.863)}
UNKNOWN = Size(0.1, 0.01, 0.1)


def seconds(planned: list[Job]) -> list[float]:
    """What each job takes by itself."""
    timed, sizes = _timed(), _sizes(planned)
    return [_one(job, timed, sizes.get(job.dataset, UNKNOWN)) for job in planned]


def together(planned: list[Job], pending: Iterable[int], cores: int) -> float:
    """What the pending jobs take on several cores: as long as all of their work, or their longest chain."""
    pending = set(pending)
    each = [took if number in pending else 0.0 for number, took in enumerate(seconds(planned))]
    return max(sum(each) / cores, *_hanging(planned, each), 0.0)


def gigabytes(planned: list[Job], pending: Iterable[int]) -> float:
    """What the runs of the pending jobs take on disk, at most."""
    sizes = _sizes(planned)
    return sum(_stored(planned[number], sizes.get(planned[number].dataset, UNKNOWN)) for number in pending)


def by_urgency(planned: list[Job]) -> list[Job]:
    """The jobs with their priority: the seconds that hang on each, itself included, so that long chains begin first; and
    with what they ask of a cluster."""
    each, sizes = seconds(planned), _sizes(planned)
    ratings = [sizes.get(job.dataset, UNKNOWN).ratings for job in planned]
    asked = [costs.request(job.parameters.get("method") or "adc", *of) for job, *of in zip(planned, ratings, each, strict=True)]
    told = zip(planned, _hanging(planned, each), asked, strict=True)
    return [replace(job, priority=int(hang), resources=resources) for job, hang, resources in told]


def is_new(job: Job) -> bool:
    """Whether a job has more to do than to show what is stored."""
    return not job.leaves or not all((paths.home() / "data" / name).exists() for name in job.leaves)


def went_on(job: Job, began: float) -> bool:
    """Whether a finished grid or search had found work of its own done before `began`: its time is that of the rest."""
    data = paths.home() / "data"
    own = []
    if job.notebook == GRID:  # notebook 03's of this seed, if any, are always there before it
        own = [data / run / "metrics.json" for run in listed(data / job.leaves[0]) if run not in _before(job)]
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


def _one(job: Job, timed: dict[str, list[float]], size: Size) -> float:
    if not is_new(job):
        return AGAIN
    _, whole = trainings(job, stored=True)
    if found := timed.get(kind(job)):
        return statistics.median(found) * (whole / max(1, trainings(job)[1]) if job.notebook == GRID else 1)
    base = NOTEBOOK.get(job.notebook, OTHER_NOTEBOOK)
    if job.notebook in CONTROLS:  # all their work, at the notebook's own defaults
        return base * _times(job, "scale", "seeds", "epochs")
    method = job.parameters.get("method") or "adc"
    empty, *slopes = EPOCH.get("adc" if method in (*RIVALS, "adc_residual") else method, (0.0, 0.0, 0.0))
    epochs = (job.parameters.get("epochs") or (100 if job.leaves else 0)) * STOPPED
    return base + whole * epochs * (empty + sum(map(math.prod, zip(slopes, size))) + RANKING * size.ratings * size.users)


def _times(job: Job, *names: str) -> float:
    """How many times the notebook's own defaults the parameters are, multiplied."""
    usual = source.parameters(source.path(job.notebook))
    return math.prod(job.parameters[name] / usual[name] for name in names if type(usual.get(name)) in (int, float))


def _stored(job: Job, size: Size) -> float:
    if job.notebook in OF_A_NOTEBOOK:
        own = job.notebook in CONTROLS  # they make twins themselves
        vectors = MILLIONS["twin"].vectors * job.parameters["scale"] if own else size.vectors
        return OF_A_NOTEBOOK[job.notebook] * _times(job, "seeds") * vectors * GB
    if job.notebook not in (*RUNS, GRID) or not is_new(job) or job.parameters.get("method") in FEW:
        return 0.0
    return trainings(job, stored=True)[1] * size.vectors * GB * (job.parameters.get("dim") or 100) / 100


def trainings(job: Job, stored: bool = False) -> tuple[int, float]:
    """How many runs a job trains, each once, but not those that notebook 03 leaves before it; and how many runs on all domains
    take as long. stored: leave out also what the data folder holds."""
    if job.notebook == SEARCH:
        return job.parameters["trials"], job.parameters["trials"]
    if job.notebook != GRID:
        return 1, 1
    from adc import runs, settings, studies

    data, there, names = paths.home() / "data", _before(job), settings.named(job.parameters["study"])
    folders = lambda *some: [runs.folder(each) for each in studies.together(**job.parameters | {"study": settings.listed(some)})]
    everywhere = sum(
        folder.relative_to(data).as_posix() not in there and not (stored and (folder / "metrics.json").exists())
        for folder in folders(*(name for name in names if name not in ("sets", "alone")))
    )
    # these two ask which domains there are, which nobody knows yet: each set has the runs of `asymmetry`; `alone` has `joint`'s but those with
    # equal weights, one a domain, which count as one together
    everywhere += len(folders("joint")) // 2 if "alone" in names else 0
    of_a_set = len(folders("asymmetry")) if "sets" in names else 0
    return everywhere + 3 * of_a_set, everywhere + SETS * of_a_set


def _before(job: Job) -> set[str]:
    """The run folders that notebook 03 leaves before a grid, relative to `data/`."""
    return {Path(name).parent.as_posix() for name in job.after}


def _sizes(planned: list[Job]) -> dict[str, Size]:
    """Of each dataset: known by its name, else as counted when it was prepared, else from the length of its file."""
    found = {}
    for job in planned:
        if job.notebook == DATA:
            manifest, name = paths.processed(job.dataset) / "manifest.json", job.parameters["dataset"]
            if name in MILLIONS:
                found[job.dataset] = Size(*(millions * job.parameters["scale"] for millions in MILLIONS[name]))
            elif manifest.exists():
                counts = json.loads(manifest.read_text(encoding="utf-8"))["counts"].values()
                users, items, ratings = ([each[what] / 1e6 for each in counts] for what in ("users", "items", "ratings"))
                found[job.dataset] = Size(sum(ratings), max(users), len(counts) * sum(users) + sum(items))
            else:
                found[job.dataset] = Size(*(Path(name).stat().st_size / bytes_each for bytes_each in (30e6, 150e6, 15e6)))
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
