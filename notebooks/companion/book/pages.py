"""The pages of the site: which there are, what each shows, where it lies and what it is called."""

import re
from functools import cache
from pathlib import Path

import nbformat

from companion import data, paths
from companion.execute import NOTEBOOKS, notebooks
from companion.render import RENDERED

ROOT = NOTEBOOKS.parent
YOURS = ("15_own_ratings", "16_recommend")  # notebooks about the reader's own ratings


def executed() -> Path:
    """Where the reports on the reader's own files lie: a folder a file."""
    return paths.home() / "data" / "executed" / "own"


def copies(notebook: str = "*") -> list[Path]:
    """Executed copies of a notebook, or of all: those of real ratings first, and of them MovieLens."""
    pages = RENDERED.glob(f"{notebook}-*.ipynb")
    order = lambda page: (kind(page) == "synthetic", not page.stem.endswith("-movielens"), page.stem)
    return sorted(pages, key=order)


def own() -> list[Path]:
    """Executed notebooks on the reader's own files, of each file the report first."""
    pages = executed().glob("*/*.ipynb")
    return sorted(pages, key=lambda page: (page.parent.name, page.stem not in YOURS, page.stem))


def sources() -> list[Path]:
    """Notebooks of which there is no executed copy."""
    return [path for path in notebooks().values() if not copies(path.stem)]


def documents() -> list[Path]:
    """The pages that are no notebooks, the README apart."""
    others = ("CONTRIBUTING.md", "data/README.md", "figures/README.md", "CHANGELOG.md")
    return [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in others)]


def kind(page: Path) -> str:
    """What a notebook's page shows: `real`, `synthetic` or the reader's `own` ratings, or a `source` that is
    not executed."""
    if page.is_relative_to(executed()):
        return "own"
    if page.parent != RENDERED:
        return "source"
    return "synthetic" if "synthetic" in stamp(page)["data"] else "real"


@cache
def stamp(page: Path) -> dict:
    """What an executed page says made it, the words for its data among that."""
    words = nbformat.read(page, as_version=4).metadata["adc"]
    if not page.is_relative_to(executed()):
        return words
    return words | {"profile": "own", "data": data.label(page.parent.name)}


def short(page: Path) -> str:
    """The data of an executed page in a word or two."""
    words = re.split(r",| \(", stamp(page)["data"])[0]
    return re.sub(r"^own files? .*?([^/]+)$|^synthetic ", r"\1", words)


def name(page: Path) -> str:
    """The data and their kind, as they stand in a title: `InstEval, real`."""
    return "source" if kind(page) == "source" else f"{short(page)}, {kind(page)}"


@cache
def heading(page: Path) -> str:
    """The title of a notebook, without the data."""
    cells = nbformat.read(page, as_version=4).cells
    return next(cell.source for cell in cells if cell.source.startswith("# ")).partition("\n")[0][2:]


def siblings(page: Path) -> list[Path]:
    """All pages that share an entry of the menu with one, the first of which is the entry: copies of the
    same notebook, or pages on the same file of the reader's."""
    if kind(page) == "source":
        return [page]
    if kind(page) == "own":
        return [other for other in own() if other.parent == page.parent]
    return copies(page.stem.rpartition("-")[0])


def place(page: Path) -> str:
    """Where in the site a file lies."""
    if page.is_relative_to(executed()):
        return f"own/{page.relative_to(executed()).as_posix()}"
    return "index.md" if page == ROOT / "README.md" else page.relative_to(ROOT).as_posix()
