"""Where everything lies, whatever the working directory: notebooks run from anywhere."""

import os
from pathlib import Path


def home() -> Path:
    """The folder that holds `data/` and `figures/`: this checkout, or `$ADC_HOME` where that is set."""
    return Path(os.environ.get("ADC_HOME") or Path(__file__).resolve().parents[2])


def raw(source: str) -> Path:
    """Downloads of one source, unchanged: `data/raw/<source>/`."""
    return home() / "data" / "raw" / source


def processed(dataset: str) -> Path:
    """Checked ratings, splits and MF vectors of one dataset: `data/processed/<dataset>/`."""
    return home() / "data" / "processed" / dataset


def runs(dataset: str) -> Path:
    """One folder a run: `data/runs/<dataset>/<method>-<hash>/`."""
    return home() / "data" / "runs" / dataset


def models(dataset: str) -> Path:
    """One folder a model that was fitted on all ratings: `data/models/<dataset>/<method>-<hash>/`."""
    return home() / "data" / "models" / dataset


def results() -> Path:
    """The metrics of all runs in one long table: `data/results.parquet`."""
    return home() / "data" / "results.parquet"


def book() -> Path:
    """The site made from the executed notebooks: `data/book/index.html`."""
    return home() / "data" / "book"


def figures() -> Path:
    """PDF, PNG and provenance JSON of every figure."""
    return home() / "figures"
