"""A site to read, without running anything: `./run_all.sh book` puts it into data/book/.

Its pages are the README (the first), what lies in docs/, and the executed copies in notebooks/rendered/, or
a notebook of which there is none. Files keep their place in the checkout, so that links between them hold."""

import io
import os
import re
import shutil
import sys
import tempfile
from base64 import b64decode
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import nbformat

from adc.errors import UserError
from companion import files, paths
from companion.execute import NOTEBOOKS, notebooks
from companion.render import RENDERED

ROOT = NOTEBOOKS.parent
SOURCE = NOTEBOOKS / "book"
NUMBER = re.compile(
    r"(?:[<≤≥+−±-]? ?[\d.,]+(?:e[+-]?\d+)? ?%?(?: ± [\d.]+)?|nan|–|-|—)?"
)  # a cell of a table
LINK, HREF = re.compile(r"(\[[^\]]*\]\()([^)\s]+)"), re.compile(r'((?:href|src)=")([^"]+)')


def build(target: Path) -> None:
    """Write the site to a folder, whole or not at all. Raises `UserError`, with Sphinx's own words, where a
    page has a defect."""
    from sphinx.cmd.build import build_main

    if not copies():
        raise UserError(f"{RENDERED} holds no executed notebook; `./run_all.sh render` puts them there.")
    words = io.StringIO()
    with files.atomic(target, folder=True) as partial, tempfile.TemporaryDirectory() as place:
        source = Path(place) / "source"
        gather(source)
        shutil.copytree(SOURCE, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        with redirect_stdout(words), redirect_stderr(words):
            options = ["-q", "-W", "--keep-going", "-d", f"{place}/doctrees"]
            failed = build_main([*options, str(source), str(partial)])
        if failed:
            defects = words.getvalue().replace(f"{source}/", "")
            raise UserError(f"The site was not made: Sphinx found defects. Mend them, try again.\n{defects}")
        (partial / ".buildinfo").unlink(missing_ok=True)


def copies(notebook: str = "*") -> list[Path]:
    """Executed copies of a notebook, or of all, those of real ratings first."""
    pages = RENDERED.glob(f"{notebook}-*.ipynb")
    return sorted(pages, key=lambda page: (kind(page) == "synthetic", page.stem))


def sources() -> list[Path]:
    """Notebooks of which there is no executed copy."""
    return [path for path in notebooks().values() if not copies(path.stem)]


def documents() -> list[Path]:
    """The pages that are no notebooks, the README apart."""
    others = ("CONTRIBUTING.md", "data/README.md", "figures/README.md", "CHANGELOG.md")
    return [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in others)]


def kind(page: Path) -> str:
    """What a notebook's page shows: `real` or `synthetic` ratings, or a `source` that is not executed."""
    if page.parent != RENDERED:
        return "source"
    return "synthetic" if "synthetic" in stamp(page)["data"] else "real"


@cache
def stamp(copy: Path) -> dict:
    """What an executed copy says made it."""
    return nbformat.read(copy, as_version=4).metadata["adc"]


def gather(target: Path) -> None:
    """Write everything that Sphinx reads, its settings excepted."""
    for page in [*copies(), *sources()]:
        place = target / page.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(_notebook(page, target), place)
    for page in documents():
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"\A# (data|figures)$", r"# The folder \1/", text, flags=re.MULTILINE)
        place = target / page.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(linked(text, page, target), encoding="utf-8")
    readme = linked((ROOT / "README.md").read_text(encoding="utf-8"), ROOT / "README.md", target)
    figures = "\n\n".join(figure(number, target) for number in (1, 2, 3, 4))
    text = f"{readme}\n\n## Figures 1 to 4\n\nTaken from the executed notebooks.\n\n{figures}\n\n{_menu()}"
    (target / "index.md").write_text(text, encoding="utf-8")


def slug(heading: str) -> str:
    """The anchor of a heading, from its text or from the anchor that Jupyter gives it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace(" ", "-"))


def linked(text: str, page: Path, target: Path) -> str:
    """A page's links, led to where in the site their goals are."""
    here = _place(page)

    def lead(match: re.Match) -> str:
        address, _, anchor = match[2].partition("#")
        goal = (page.parent / address).resolve()
        if not address or ":" in address or not goal.is_relative_to(ROOT) or not goal.exists():
            return match[0] if address else f"{match[1]}#{slug(anchor)}"
        if goal.parent in (NOTEBOOKS, NOTEBOOKS / "extras") and (known := copies(goal.stem)):
            same = [copy for copy in known if copy.stem.rpartition("-")[2] == page.stem.rpartition("-")[2]]
            goal = (same or known)[0]
        where = _place(goal) if goal.is_file() else "index.md"
        if goal.is_file() and goal not in [*copies(), *sources(), *documents(), ROOT / "README.md"]:
            (target / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(goal, target / where)  # no page: to be shown or downloaded
        address = os.path.relpath(where, Path(here).parent) + (f"#{slug(anchor)}" if anchor else "")
        html = match[1].startswith(("href", "src"))  # printed by a notebook: Sphinx leaves it as it is
        return match[1] + (re.sub(r"\.(ipynb|md)(?=#|$)", ".html", address) if html else address)

    return HREF.sub(lead, LINK.sub(lead, text))


def figure(number: int, target: Path) -> str:
    """The first picture below the heading that names a figure, with a link to it and the data."""
    for copy in copies():
        title = ""
        for cell in nbformat.read(copy, as_version=4).cells:
            if cell.cell_type == "markdown" and cell.source.startswith("## "):
                title = cell.source.partition("\n")[0][3:]
            named = re.search(rf"\bFig\. {number}\b", title)
            for output in cell.get("outputs", []) if named else []:
                if picture := output.get("data", {}).get("image/png"):
                    (target / f"fig{number}.png").write_bytes(b64decode(picture))
                    words = title if title.startswith("Fig") else f"Fig. {number}: {title}"
                    goal = f"{_place(copy)}#{slug(title)}"
                    return f":::{{figure}} fig{number}.png\n\n[{words}]({goal}). {stamp(copy)['data']}.\n:::"
    return f"*Fig. {number} is in none of the executed copies; `./run_all.sh render` adds it.*"


def _place(page: Path) -> str:
    """Where in the site a file of the checkout lies."""
    return "index.md" if page == ROOT / "README.md" else page.relative_to(ROOT).as_posix()


def _notebook(page: Path, target: Path) -> nbformat.NotebookNode:
    """A notebook with its title first, and below it which data it is about and what made it."""
    notebook, what = nbformat.read(page, as_version=4), kind(page)
    if what == "source":
        head, colour, suffix = "Not executed here", "note", "source"
        words = "A notebook to run in `./run_all.sh lab`, or one whose pages are in data/executed/."
    else:
        head = f"{what.capitalize()} ratings: {stamp(page)['data']}"
        colour, suffix = "tip" if what == "real" else "warning", f"{page.stem.rpartition('-')[2]}, {what}"
        words = notebook.cells.pop(0).source.replace("> ", "")
    first, _, rest = notebook.cells[0].source.partition("\n")
    note = f":::{{admonition}} {head}\n:class: {colour} stamp\n{words}\n:::"
    notebook.cells[0].source = f"{first} ({suffix})\n\n{note}\n{rest}"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, page, target)
        elif what != "source":
            cell.metadata.setdefault("tags", []).append("hide-input")
        for output in cell.get("outputs", []):
            for form in {"text/html", "text/markdown"} & set(output.get("data", {})):
                output.data[form] = aligned(linked(output.data[form], page, target))
    return notebook


def aligned(html: str) -> str:
    """A table that pandas styled, with the class of those it did not, and `number` on columns of numbers."""
    columns = {}
    for column, text in re.findall(r'<td[^>]*class="data row\d+ (col\d+)[^>]*>([^<]*)</td>', html):
        columns.setdefault(column, []).append(text.strip())
    numbers = [name for name, texts in columns.items() if all(map(NUMBER.fullmatch, texts)) and any(texts)]
    html = re.sub(r'<table id="\w+"', r'\g<0> class="dataframe"', html)
    named = rf'(class="(?:data|col_heading) \w+ (?:{"|".join(numbers)}))"'
    return re.sub(named, r'\1 number"', html) if numbers else html


def _menu() -> str:
    """The order of the pages: hidden lists of contents, as Sphinx has them."""
    menus = {
        "The paper, on real ratings": [page for page in copies() if kind(page) == "real"],
        "On synthetic ratings": [page for page in copies() if kind(page) == "synthetic"],
        "To run oneself": sources(),
        "About this companion": documents(),
    }
    lists = []
    for caption, pages in menus.items():
        names = "\n".join(map(_place, pages))
        lists += [f":::{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n:::"] if pages else []
    return "\n\n".join(lists)


if __name__ == "__main__":
    print("Making the site ...", flush=True)
    try:
        build(paths.book())
    except UserError as error:
        sys.exit(str(error))
    print(f"Open {paths.book() / 'index.html'} in a browser; no network is needed.")
