"""From a profile and data sources to the list of jobs, every parameter checked before anything runs."""

import hashlib
import importlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from adc import balancers, data, paths, runs, tuned
from adc.errors import UserError
from workflow import ROOT, profile, source
from workflow.options import SOURCES, Options

DATA, START, SEARCH, GRID = "01_data", "02_mf_init", "11_search", "13_grid"
CONTROLS = ("12_controls", "14_map")  # they make twins of their own
# notebooks that leave one run folder, and the module whose `configuration(**parameters)` names that folder;
# every notebook of a profile that is in none of these reads, or trains by itself what it shows: it has the parameter dataset,
# and profile if it reads
RUNS = {"03_train_adc": "adc.train", "04_baselines": "adc.baselines"}
GATHER = "gather"
OWN = "15_own_ratings"  # the report on the reader's own file

# Independent runs on one thread each: on two cores two runs of ADC (MovieLens, h = 3, 12 epochs) took 20.7 s side by side on
# one thread each, and 28.0 s one after the other on two threads.
THREADS = 1


@dataclass(frozen=True)
class Job:
    """One notebook with all its parameters, or one gathering of runs; names of files in `data/` are relative to it."""

    notebook: str
    dataset: str
    parameters: dict
    output: str  # what is written last: while it is missing the job is to be done
    inputs: list[str] = field(default_factory=list)  # done again when one of these is newer
    after: list[str] = field(default_factory=list)  # only has to be there
    leaves: list[str] = field(default_factory=list)  # files that must be there when the notebook has ended
    label: str = ""
    priority: int = 0  # see estimate.py
    resources: dict = field(default_factory=dict)  # asked of a cluster, see costs.py


def jobs(options: Options) -> list[Job]:
    """All jobs of a call, in the order of the story. Raises `UserError` for whatever cannot be run as asked."""
    if re.search(r"\{.*\}", str(ROOT)):
        raise UserError(f"{ROOT}: Snakemake takes braces in a path for its wildcards. Rename the folder and give the same command again.")
    chosen = profile.named(options.profile)
    for notebook in chosen.notebooks:
        source.path(notebook)
    found = {}
    sources = options.data or default_data(chosen)
    for name in dict.fromkeys(sources):
        mine = profile.named(profile_of(name, options))
        for entry in profile.expand(mine.data.get(name, {})):
            for job in _dataset(mine, {"dataset": name} | entry, options.device):
                found.setdefault(job.output, job)
    return _labelled([*found.values(), *_controls(chosen, options, list(found.values()))])


def profile_of(name: str, options: Options) -> str:
    """The profile that a source runs under."""
    return options.profile if name in SOURCES else options.own or options.profile


def gathering(chosen: str, dataset: str) -> str:
    """What notes that a profile's runs on a dataset are gathered, relative to `data/`."""
    return f"reports/{chosen}/{dataset}/runs.json"


def listed(file: Path) -> list[str]:
    """The run folders that a grid has left, relative to `data/`."""
    return json.loads(file.read_text(encoding="utf-8"))


def default_data(chosen: profile.Profile) -> list[str]:
    """The profile's sources, the paper's own data in the twin's place once its archive is there."""
    archive = paths.raw("amazon") / "unprocessed.tar.gz"
    return ["amazon" if name == "twin" and archive.exists() else name for name in chosen.default_data]


def save(file: Path, planned: list[Job], events: Path) -> None:
    """Write what the Snakefile and the jobs read."""
    content = {"plan": str(file), "events": str(events), "threads": THREADS, "jobs": [asdict(job) for job in planned]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _dataset(chosen: profile.Profile, entry: dict, device: str) -> list[Job]:
    first = _notebook(chosen, DATA, entry, device)
    if first["dataset"] not in SOURCES:
        remark = data.alone(data.look(first["dataset"]))  # a slip in the file is told before anything is written
        print(f"Remark: {remark}\n" * bool(remark), end="", flush=True)
    dataset = data.dataset_id(*(first[name] for name in ("dataset", "seed", "scale", "transfer", "asymmetry")))
    # an own file need not be an input: its hash is part of the dataset's name
    ratings = Job(DATA, dataset, first, f"processed/{dataset}/{DATA}.html", _sources(DATA))
    starts, trained, searches, grids = [], [], [], []
    for seed in chosen.seeds:
        common = {"dataset": dataset, "seed": seed}
        for entry in chosen.meant(START, first["dataset"], seed):
            parameters = _notebook(chosen, START, common | entry, device)
            output = f"processed/{dataset}/mf/{START}-{_hash(parameters)}.html"
            starts.append(Job(START, dataset, parameters, output, _sources(START), [ratings.output]))
        same_seed = [job.output for job in starts if job.parameters["seed"] == seed]
        needed = [ratings.output, *same_seed]
        for notebook in RUNS:
            for entry in chosen.meant(notebook, first["dataset"], seed):
                given = common | tuned.parameters(dataset, _method(entry)) | entry
                trained.append(_run(notebook, _notebook(chosen, notebook, given, device), needed))
        for entry in chosen.meant(GRID, first["dataset"], seed):
            grids.append(_grid(_notebook(chosen, GRID, common | entry, device), [*needed, *_same(trained, seed)]))
        for entry in chosen.entries(SEARCH):
            searches.append(_search(_notebook(chosen, SEARCH, common | entry, device), needed))
    return [ratings, *starts, *searches, *trained, *grids, *_reports(chosen, ratings, trained, grids, device)]


def _same(trained: list[Job], seed: int) -> list[str]:
    """The runs of ADC on a seed: the grid has them in common and should find them done."""
    return [job.output for job in trained if job.notebook == "03_train_adc" and job.parameters["seed"] == seed]


def _method(entry: dict) -> str:
    return entry.get("method") or balancers.method(entry.get("balancer") or "gradnorm")


def _search(parameters: dict, after: list[str]) -> Job:
    from adc import tune  # here, as optuna and PyTorch are loaded with it

    if parameters["method"] == "adc_residual":  # it stands on BPR's search, which two jobs should not do at once
        after = [*after, _search(parameters | {"method": "bpr"}, after).output]
    place = tune.folder(tune.configuration(**parameters)).relative_to(paths.home() / "data").as_posix()
    leaves = [f"{place}/trial-{parameters['trials'] - 1:03}.json"]
    output = f"{place}/notebook-{parameters['trials']}.html"
    return Job(SEARCH, parameters["dataset"], parameters, output, [str(source.path(SEARCH))], after, leaves)


def _grid(parameters: dict, after: list[str]) -> Job:
    from adc import studies

    place = studies.place(parameters).relative_to(paths.home() / "data").as_posix()
    inputs, leaves = [str(source.path(GRID))], [f"{place}/runs.json"]
    return Job(GRID, parameters["dataset"], parameters, f"{place}/notebook.html", inputs, list(dict.fromkeys(after)), leaves)


def _controls(chosen: profile.Profile, options: Options, planned: list[Job]) -> list[Job]:
    """What makes twins of its own is run once, where the twin is among the data at all; beside the call's other datasets."""
    if "twin" not in (options.data or chosen.default_data):
        return []
    others = [job for job in planned if job.notebook == DATA and job.parameters["dataset"] != "twin"]
    found = []
    for notebook in CONTROLS:
        known = source.parameters(source.path(notebook)) if notebook in chosen.notebooks else {}
        beside = {"datasets": ", ".join(job.dataset for job in others)} if "datasets" in known else {}
        after = [job.output for job in others] if beside else []
        for entry in chosen.entries(notebook):
            parameters = _notebook(chosen, notebook, beside | entry, options.device)
            output = f"reports/{chosen.name}/{notebook}-{_hash(parameters)}.html"
            found.append(Job(notebook, "twin", parameters, output, _sources(notebook), after))
    return found


def _run(notebook: str, parameters: dict, after: list[str]) -> Job:
    configuration = importlib.import_module(RUNS[notebook]).configuration(**parameters)
    folder = runs.folder(configuration).relative_to(paths.home() / "data").as_posix()
    inputs = [str(source.path(notebook))]  # not the modules: their meaning is part of the folder's name
    output, leaves = f"{folder}/notebook.html", [f"{folder}/metrics.json"]
    return Job(notebook, parameters["dataset"], parameters, output, inputs, after, leaves)


def _reports(chosen: profile.Profile, ratings: Job, trained: list[Job], grids: list[Job], device: str) -> list[Job]:
    dataset, source_of = ratings.dataset, ratings.parameters["dataset"]
    place = f"reports/{chosen.name}/{dataset}"
    done = list(dict.fromkeys(job.output for job in [*trained, *grids]))
    what = {"profile": chosen.name, "dataset": dataset}
    what["runs"] = list(dict.fromkeys(Path(job.output).parent.as_posix() for job in trained))
    what["lists"] = list(dict.fromkeys(name for job in grids for name in job.leaves))  # what they hold is known when they are done
    gather = Job(GATHER, dataset, what, gathering(chosen.name, dataset), done)
    gathered = [gather.output] if done else []
    found = [gather] if done else []
    for notebook in chosen.notebooks:
        if notebook not in (DATA, START, SEARCH, GRID, *CONTROLS, *RUNS):
            known = source.parameters(source.path(notebook))
            whose = {"dataset": dataset} | ({"profile": chosen.name} if "profile" in known else {})
            for entry in chosen.meant(notebook, source_of, seed=0):
                parameters = _notebook(chosen, notebook, whose | entry, device)
                output = f"{place}/{notebook}{'-' + _hash(entry) if entry else ''}.html"
                found.append(Job(notebook, dataset, parameters, output, _sources(notebook) + gathered, [ratings.output]))
    return found


def _notebook(chosen: profile.Profile, notebook: str, given: dict, device: str) -> dict:
    """All parameters of a notebook, checked; one that has a parameter `device` gets the reader's."""
    path = source.path(notebook)
    if "device" in source.parameters(path):
        given = given | {"device": device}
    return source.check(path, given, f"profiles/{chosen.name}.yaml")


@cache
def _sources(notebook: str) -> list[str]:
    path = source.path(notebook)
    modules = source.modules(path)
    found = [tuned.FILE] if "adc.searched" in modules and tuned.FILE.exists() else []  # others read runs, whose names hold it
    return [str(file) for file in [path, *source.files(modules), *found]]


def _hash(parameters: dict) -> str:
    same = {name: value for name, value in parameters.items() if name not in runs.NOT_IDENTITY}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:10]


def _labelled(planned: list[Job]) -> list[Job]:
    """Name each job by what tells it from the notebook's other jobs."""
    named = []
    for job in planned:
        others = [other.parameters for other in planned if other.notebook == job.notebook]
        silent = {"dataset", "runs", "lists", *tuned.parameters(job.dataset, _method(job.parameters))}
        telling = [f"{name}={value}" for name, value in job.parameters.items()
                   if name not in silent and value is not None and any(other[name] != value for other in others)]  # fmt: skip
        named.append(replace(job, label=" ".join([job.notebook, job.dataset, *telling])))
    return named
