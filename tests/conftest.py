"""A toy checkout: the real entrance, Snakefile and execution over notebooks that take a moment each."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest

LONG = ("chaos", "fuzz", "slurm")
ROOT = Path(__file__).resolve().parents[1]
GROUPS = ("run", "lab", "book", "bench", "cluster", "test")
ENTRANCE = ["run_all.sh", "environment.sh", "pyproject.toml", "environment.yml", "requirements/torch.txt"]
ENTRANCE += [f"requirements/{group}.txt" for group in GROUPS]
REAL = [*ENTRANCE, "notebooks/Snakefile"]
REAL += [f"notebooks/companion/{name}.py" for name in ("execute", "page", "profile", "files", "paths")]

# stand-ins for what loads PyTorch and pandas
TOY_MODULES = {
    "adc/__init__": "",
    "adc/errors": "class UserError(Exception):\n    pass\n",
    "notebooks/companion/__init__": "",
    "notebooks/companion/data": """
from adc.errors import UserError
from companion import files, paths
SOURCES = {"movielens": "", "twin": "", "amazon": ""}
def source_of(name):
    return name.split("-")[0] if name.split("-")[0] in SOURCES else ""
def dataset_id(source, reading=None):
    return source if isinstance(source, str) else "own-file"
def preview(source, reading=None, write=False):
    if "rating" not in open(source[0], encoding="utf-8").readline():
        raise UserError(f"{source[0]}, line 1: the column rating is missing")
    return []
def prepare(source, seed=0, reading=None):
    file = (reading or {}).get("files", [source])[0]
    content = {"source": file.split("/")[-1], "reading": reading}
    files.write_json(paths.processed(source) / "ratings.json", content)
def label(dataset):
    return "synthetic twin" if dataset.startswith("twin") else f"{dataset}, real"
""",
    "notebooks/companion/runs": """
import json, time
from companion import files, paths
def train(dataset, method, seed, seconds=0.0):
    place = paths.runs(dataset) / f"{method}-{seed}"
    if not (place / "metrics.json").exists():
        with open(paths.home() / "trained.txt", "a") as trained:
            trained.write(place.name + "\\n")
        with files.atomic(place, folder=True) as partial:
            files.write_json(partial / "config.json", {"method": method, "seed": seed})
            time.sleep(seconds)
            files.write_json(partial / "metrics.json", {"value": len(method) * 10 + seed})
    return place
def write_list(done, run_list):
    files.write_json(paths.home() / "data" / run_list, [str(run.relative_to(paths.home())) for run in done])
""",
    "notebooks/companion/results": """
import json, sys
from companion import files, paths
table = json.loads(paths.results().read_text()) if paths.results().exists() else {}
for file in sys.argv[2:]:
    for run in json.loads((paths.home() / "data" / file).read_text()):
        table[f"{sys.argv[1]} {run}"] = json.loads((paths.home() / run / "metrics.json").read_text())["value"]
files.write_json(paths.results(), dict(sorted(table.items())))
""",
}
RUN_LIST = 'dataset = "movielens"\nrun_list = ""\n'
RUNS = "from companion import runs\nruns.write_list("
# name -> parameters cell, the cell that does the work
TOY_NOTEBOOKS = {
    "01_data": ('dataset = "movielens"\nseed = 0\nreading = {}',
        "from companion import data\ndata.prepare(dataset, seed, reading=reading)\nprint(open)"),
    "02_mf_init": ('dataset = "movielens"\nseed = 0\ndim = 4',
        "from tqdm.auto import tqdm\nprint(sum(tqdm([seed], disable=False)))"),
    "03_train_adc": (RUN_LIST + "seed = 0\nhidden_layers = 2\nseconds = 0.5\nsearched = False",
        RUNS + '[runs.train(dataset, f"adc{hidden_layers}", seed, seconds)], run_list)'),
    "04_baselines": (RUN_LIST + 'seeds = [0]\nmethods = ["bpr"]\nseconds = 0.0',
        RUNS + "[runs.train(dataset, m, s, seconds) for m in methods for s in seeds], run_list)"),
    "05_performance": ('profile = "quick"\ndataset = "movielens"',
        "import json\nfrom companion import paths\nprint(json.loads(paths.results().read_text()))"),
}  # fmt: skip
TOY_PROFILE = """
profile: quick
data: [movielens]
02_mf_init: {}
03_train_adc: {hidden_layers: [2, 3], seconds: 1.0}
04_baselines: {one_job_each: seeds, methods: [bpr, ease], seeds: [0, 1]}
05_performance: {}
"""


class Toy:
    """A toy checkout and a data folder of its own; the names of both hold what breaks careless quoting."""

    def __init__(self, place: Path, checkout: str = "check out ü"):
        self.root, self.home = place / checkout, place / "däta {x} 'home"
        self.elsewhere = place / "else where"
        for folder in (self.home, self.elsewhere, self.root):
            folder.mkdir(parents=True)
        for name in REAL:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        for name, code in TOY_MODULES.items():
            (self.root / name).parent.mkdir(exist_ok=True)
            (self.root / f"{name}.py").write_text(code)
        (self.root / "notebooks/companion/tuned_settings.json").write_text("{}")
        for name in TOY_NOTEBOOKS:
            self.notebook(name)
        self.profile("quick", TOY_PROFILE)
        self.profile("own", TOY_PROFILE.replace("profile: quick", "profile: own"))
        self.within: list[str] = []  # a command that runs a command
        self._environment()

    def _environment(self) -> None:
        """An environment as run_all.sh makes it, that borrows the packages of the one that runs the tests."""
        env = self.root / ".venv"
        venv.create(env, symlinks=True)
        (env / "share").symlink_to(Path(sys.prefix) / "share")  # Jupyter's kernel and templates
        paths = [sysconfig.get_path("purelib"), str(self.root), str(self.root / "notebooks")]
        lines = [f"import sys; sys.path.append({ascii(path)})\n" for path in paths]
        (next(env.glob("lib/*/site-packages")) / "toy.pth").write_text("".join(lines))
        for group in GROUPS:
            names = [f"requirements/{name}.txt" for name in ("torch", "run", group)] + ENTRANCE[2:4]
            files = b"".join((self.root / name).read_bytes() for name in names)
            made_from = subprocess.run(["cksum"], input=files, capture_output=True, check=True).stdout
            (env / f".ready-{group}").write_text(f"{made_from.decode().strip()} {self.root}\n")

    def notebook(self, name: str, work: str = "", parameters: str = "") -> Path:
        """Write a toy notebook, with another cell of work or of parameters where given."""
        usual = TOY_NOTEBOOKS.get(name, TOY_NOTEBOOKS["05_performance"])
        cell, tagged = nbformat.v4.new_code_cell, {"tags": ["parameters"]}
        title = nbformat.v4.new_markdown_cell(f"# {name}")
        cells = [title, cell(parameters or usual[0], metadata=tagged), cell(work or usual[1])]
        path = self.root / "notebooks" / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    def profile(self, name: str, text: str) -> None:
        path = self.root / "notebooks" / "profiles" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def start(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen:
        """Start the entrance in the background, from a folder that has nothing to do with it."""
        env = {"ADC_HOME": str(self.home), "HOME": str(self.elsewhere)} | env
        return subprocess.Popen(
            [*self.within, str(self.root / "run_all.sh"), *words], env=os.environ | env,
            cwd=cwd or self.elsewhere, text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str, **how) -> tuple[int, str]:
        """Exit code and everything printed."""
        process = self.start(*words, **how)
        output, _ = process.communicate(timeout=900)
        return process.returncode, output

    def page(self, job: str, dataset: str = "movielens", profile: str = "quick") -> Path:
        return self.home / "data" / "executed" / profile / dataset / f"{job}.html"

    def results(self) -> dict:
        return json.loads((self.home / "data" / "results.parquet").read_text())


def pytest_collection_modifyitems(config, items):
    """What takes an hour runs when its marker is asked for, and never else."""
    for marker in LONG:
        if marker not in config.option.markexpr:
            items[:] = [item for item in items if not item.get_closest_marker(marker)]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """Every test has a data folder of its own."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def toy(tmp_path) -> Toy:
    return Toy(tmp_path)


@pytest.fixture
def style():
    """Figures as the notebooks draw them, without a screen, and closed afterwards."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from companion import figures

    with plt.rc_context():
        figures.style()
        yield
    plt.close("all")
