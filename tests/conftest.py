"""A toy checkout: the real workflow over notebooks and a package that take a moment each."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

LONG = ("chaos", "fuzz", "slurm")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))

TOY_DATA = """
from adc import files, paths
def dataset_id(source, seed=0, scale=1.0, transfer=0.5, asymmetry=1.0):
    return source if "/" not in source else "own-file"
def prepare(source, *rest):
    files.write_json(paths.processed(dataset_id(source)) / "ratings.json", {"source": source.split("/")[-1]})
def look(source):
    return source
def alone(ratings):
    return ""
def label(dataset):
    return "synthetic twin" if dataset == "twin" else dataset
"""
TOY_RUNS = """
import hashlib, json
from adc import files, paths
NOT_IDENTITY = ("device",)
def folder(config):
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:10]
    return paths.runs(config["dataset"]) / f"{config['method']}-{digest}"
def code_fingerprint(modules):
    return "0123456789abcdef"
def versions():
    return {"adc": "0"}
def gather(places, profile):
    old = json.loads(paths.results().read_text()) if paths.results().exists() else {}
    fresh = {f"{profile} {place.name}": json.loads((place / "metrics.json").read_text())["value"] for place in places}
    files.write_json(paths.results(), dict(sorted((old | fresh).items())))
"""
TOY_TRAIN = """
import os, time
from adc import files, runs
def configuration(dataset, seed, device="auto", seconds=0.0, **rest):
    return {"dataset": dataset, "seed": seed, "method": rest.pop("method", "adc"), **rest}
def run(seconds=0.0, **parameters):
    config = configuration(**parameters)
    place = runs.folder(config)
    if not (place / "metrics.json").exists():
        with open(os.environ["ADC_HOME"] + "/trained.txt", "a") as trained:
            trained.write(place.name + "\\n")
        with files.aside(place, folder=True) as partial:
            files.write_json(partial / "config.json", config)
            time.sleep(seconds)
            files.write_json(partial / "metrics.json", {"value": 10 * config["seed"] + config.get("hidden_layers", 0)})
"""
# name -> parameters cell, the cell that does the work
TOY_NOTEBOOKS = {
    "01_data": (
        'dataset = "movielens"\nseed = 0\nscale = 1.0\ntransfer = 0.5\nasymmetry = 1.0',
        "from adc import data\ndata.prepare(dataset, seed, scale, transfer, asymmetry)\nprint(open)",
    ),
    "02_mf_init": ('dataset = "movielens"\nseed = 0\ndim = 4', "from tqdm.auto import tqdm\nprint(sum(tqdm([seed], disable=False)))"),
    "03_train_adc": (
        'dataset = "movielens"\nseed = 0\nhidden_layers = 2\nseconds = 0.5\ndevice = "auto"',
        "from adc import train\ntrain.run(dataset=dataset, seed=seed, hidden_layers=hidden_layers, seconds=seconds)",
    ),
    "04_baselines": (
        'dataset = "movielens"\nseed = 0\nmethod = "bpr"',
        "from adc import train\ntrain.run(dataset=dataset, seed=seed, method=method)",
    ),
    "05_performance": (
        'profile = "quick"\ndataset = "movielens"',
        "import json\nfrom adc import paths\nprint(json.loads(paths.results().read_text()), paths.home())",
    ),
}
TOY_PROFILE = """
default_data: [movielens]
data: {}
seeds: [0]
notebooks:
  02_mf_init: [{}]
  03_train_adc: [{hidden_layers: [2, 3], seconds: 1.0}]
  04_baselines: [{method: bpr}]
  05_performance: [{}]
"""


class Toy:
    """A toy checkout and a data folder of its own; both names hold what breaks careless quoting."""

    def __init__(self, place: Path):
        self.root, self.home, self.elsewhere = place / "check out ü", place / "däta {x} 'home", place / "elsewhere"
        for folder in (self.home, self.elsewhere, self.root / "adc"):
            folder.mkdir(parents=True)
        shutil.copytree(
            ROOT / "notebooks" / "workflow",
            self.root / "notebooks" / "workflow",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copy(ROOT / "notebooks" / "Snakefile", self.root / "notebooks")
        for name in ("__init__", "paths", "errors", "files", "tuned"):
            shutil.copy(ROOT / "adc" / f"{name}.py", self.root / "adc")
        for name, code in (("data", TOY_DATA), ("runs", TOY_RUNS), ("train", TOY_TRAIN), ("baselines", TOY_TRAIN)):
            (self.root / "adc" / f"{name}.py").write_text(code)
        for name in TOY_NOTEBOOKS:
            self.notebook(name)
        self.profile("quick", TOY_PROFILE)
        self.profile("own", TOY_PROFILE)
        self.within: list[str] = []  # a command that runs a command

    def notebook(self, name: str, work: str = "", parameters: str = "") -> Path:
        """Write a toy notebook, with another cell of work or of parameters where given."""
        usual = TOY_NOTEBOOKS.get(name, TOY_NOTEBOOKS["05_performance"])
        cell, tagged = nbformat.v4.new_code_cell, {"tags": ["parameters"]}
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name}"),
            cell(parameters or usual[0], metadata=tagged),
            cell(work or usual[1]),
        ]
        path = self.root / "notebooks" / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    def profile(self, name: str, text: str) -> Path:
        path = self.root / "notebooks" / "profiles" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *words: str) -> subprocess.Popen:
        """Start the driver in the background, from a working directory that has nothing to do with it."""
        env = os.environ | {"PYTHONPATH": f"{self.root / 'notebooks'}:{self.root}", "ADC_HOME": str(self.home)}
        env |= {"HOME": str(self.elsewhere), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            [*self.within, sys.executable, "-m", "workflow", *words], env=env, cwd=self.elsewhere, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code and everything printed."""
        process = self.start(*words)
        said, _ = process.communicate(timeout=900)
        return process.returncode, said

    def files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*")}

    def results(self) -> str:
        return (self.home / "data" / "results.parquet").read_text()


def pytest_collection_modifyitems(config, items):
    """What takes an hour runs when its marker is asked for, and never else."""
    for marker in LONG:
        if marker not in config.option.markexpr:
            items[:] = [item for item in items if not item.get_closest_marker(marker)]


@pytest.fixture
def toy(tmp_path) -> Toy:
    return Toy(tmp_path)


@pytest.fixture
def style():
    """Figures as the notebooks draw them, without a screen, and closed afterwards."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from adc import looks

    with plt.rc_context():
        looks.style()
        yield
    plt.close("all")
