"""Roughly how long jobs take: as the same kind took before in this data folder, else by built-in figures."""

import hashlib
import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from adc import files, paths
from adc.balancers import RIVALS
from workflow import costs, source
from workflow.plan import CONTROLS, DATA, GRID, SEARCH, Job, listed

KEPT = 5  # latest times of a kind, of which the median counts
AGAIN = 3.0  # a notebook that finds its run stored
# Seconds on one core, where nothing was timed yet: a notebook by itself; an epoch of a method, on nothing, and what a million ratings
# and a million users add; and its validation, by the product of both millions (MovieLens and the twin at scale 1, d = 100)
NOTEBOOK = {DATA: 6.0, "02_mf_init": 6.0, "03_train_adc": 6.0, "gather": 1.0, "12_controls": 240.0, "14_map": 600.0, "17_on_top": 400.0}
OTHER_NOTEBOOK = 10.0
EPOCH = {"adc": (0.1, 1.5, 95), "bpr": (0.05, 1.5, 60), "bpr_merged": (0.05, 1.5, 50), "cdcf": (0.05, 1.5, 70),
         "clfm": (0.05, 4.0, 40), "sconet": (0.1, 6.0, 180)}  # fmt: skip
RANKING = 45.0
MILLIONS = {"movielens": (0.1, 0.0007), "twin": (0.391, 0.0915), "amazon": (0.391, 0.0915)}  # of ratings, of users
UNKNOWN = 0.1, 0.01
STOPPED = 0.9  # share of its epochs that a run trains before it stops early
SETS = 1.5  # runs on all domains that see as many ratings as one each on Sets 1-3: Sets 1 and 2 are all domains, Set 3 about half by Table I


def seconds(planned: list[Job]) -> list[float]:
    """What each job takes by itself."""
    timed, sizes = _timed(), _sizes(planned)
    return [_one(job, timed, sizes.get(job.dataset, UNKNOWN)) for job in planned]


def together(planned: list[Job], pending: Iterable[int], cores: int) -> float:
    """What the pending jobs take on several cores: as long as all of their work, or their longest chain."""
    pending = set(pending)
    each = [took if number in pending else 0.0 for number, took in enumerate(seconds(planned))]
    return max(sum(each) / cores, *_hanging(planned, each), 0.0)


def by_urgency(planned: list[Job]) -> list[Job]:
    """The jobs with their priority: the seconds that hang on each, itself included, so that long chains begin first; and
    with what they ask of a cluster."""
    each, sizes = seconds(planned), _sizes(planned)
    ratings = [sizes.get(job.dataset, UNKNOWN)[0] for job in planned]
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


def _one(job: Job, timed: dict[str, list[float]], size: tuple[float, float]) -> float:
    if not is_new(job):
        return AGAIN
    if found := timed.get(kind(job)):
        return statistics.median(found)
    base = NOTEBOOK.get(job.notebook, OTHER_NOTEBOOK)
    if job.notebook in CONTROLS:  # all their work, at the notebook's own defaults
        usual = source.parameters(source.path(job.notebook))
        shares = [job.parameters[name] / usual[name] for name in ("scale", "seeds", "epochs") if type(usual.get(name)) in (int, float)]
        return base * math.prod(shares)
    method = job.parameters.get("method") or "adc"
    empty, *slopes = EPOCH.get("adc" if method in (*RIVALS, "adc_residual") else method, (0.0, 0.0, 0.0))
    epochs = (job.parameters.get("epochs") or (100 if job.leaves else 0)) * STOPPED
    _, whole = trainings(job)
    return base + whole * epochs * (empty + sum(map(math.prod, zip(slopes, size))) + RANKING * math.prod(size))


def trainings(job: Job) -> tuple[int, float]:
    """How many runs a job trains, each once; and how many runs on all domains take as long."""
    if job.notebook == SEARCH:
        return job.parameters["trials"], job.parameters["trials"]
    if job.notebook != GRID:
        return 1, 1
    from adc import settings, studies

    names = settings.named(job.parameters["study"])
    count = lambda *some: len(studies.together(**job.parameters | {"study": settings.listed(some)}))
    everywhere = count(*(name for name in names if name not in ("sets", "alone")))
    # these two ask which domains there are, which nobody knows yet: each set has the runs of `asymmetry`; `alone` has `joint`'s but those with
    # equal weights, one a domain, which count as one together
    everywhere += count("joint") // 2 if "alone" in names else 0
    of_a_set = count("asymmetry") if "sets" in names else 0
    return everywhere + 3 * of_a_set, everywhere + SETS * of_a_set


def _sizes(planned: list[Job]) -> dict[str, tuple[float, float]]:
    """Millions of ratings and of users of each dataset: known by its name, else as counted when it was prepared (users of the
    largest domain), else from the length of its file."""
    found = {}
    for job in planned:
        if job.notebook == DATA:
            manifest, name = paths.processed(job.dataset) / "manifest.json", job.parameters["dataset"]
            if name in MILLIONS:
                ratings, users = (millions * job.parameters["scale"] for millions in MILLIONS[name])
            elif manifest.exists():
                counts = json.loads(manifest.read_text(encoding="utf-8"))["counts"].values()
                ratings, users = sum(each["ratings"] for each in counts) / 1e6, max(each["users"] for each in counts) / 1e6
            else:
                ratings, users = (Path(name).stat().st_size / bytes_each for bytes_each in (30e6, 150e6))
            found[job.dataset] = ratings, users
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
