"""The pages of the site, put together from the README, the other documents and the executed notebooks.

Files keep their place in the checkout, so that links between them hold; the README alone is cut up, by its headings.
"""

import os
import re
import shutil
from base64 import b64decode
from functools import cache
from pathlib import Path

import nbformat

from workflow import NOTEBOOKS, ROOT, readme

RENDERED = NOTEBOOKS / "rendered"
COVER = NOTEBOOKS / "book" / "cover.md"
ORDER = "reading-order"  # the README's section that stands on the cover
LINK, HREF = re.compile(r"(\[[^\]]*\]\()([^)\s]+)"), re.compile(r'(href=")([^"]+)')
LISTED = re.compile(r"\[([^\]]*)\]\(notebooks/(\d\d_\w+)\.ipynb\)")


def copies(notebook: str = "*") -> list[Path]:
    """Executed copies of a notebook, or of all, those of real ratings first."""
    found = [path for path in RENDERED.glob(f"{notebook}-*.ipynb") if path.stem.rpartition("-")[0] == notebook or notebook == "*"]
    return sorted(found, key=lambda path: (kind(path) == "synthetic", path.stem))


def kind(page: Path) -> str:
    """What a notebook's page shows: `real` or `synthetic` ratings, or a `source` that is not executed."""
    if page.parent != RENDERED:
        return "source"
    return "synthetic" if "synthetic" in stamp(page)["data"] else "real"


def shown(page: Path) -> str:
    """What a notebook's page shows, with the name of its data where the notebook has several pages of that kind."""
    notebook, _, data = page.stem.rpartition("-")
    alike = [copy for copy in copies(notebook) if kind(copy) == kind(page)]
    return kind(page) + (f", {data}" if len(alike) > 1 else "")


@cache
def stamp(copy: Path) -> dict:
    """What an executed copy says made it."""
    return nbformat.read(copy, as_version=4).metadata["adc"]


def sources() -> list[Path]:
    """Notebooks of which there is no executed copy."""
    return [path for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")) if not copies(path.stem)]


def documents() -> list[Path]:
    """The other pages, in the order of the site's menu."""
    named = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md", ROOT / "figures" / "README.md"]
    return [path for path in [*named, ROOT / "CHANGELOG.md"] if path.exists()]


def gather(target: Path) -> None:
    """Write everything that Sphinx reads, its settings excepted."""
    for page in [*copies(), *sources()]:
        place = target / page.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(_notebook(page, target), place)
    for page in documents():
        text = re.sub(r"\A# (data|figures)$", r"# The folder \1/", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        _write(target, page.relative_to(ROOT).as_posix(), text, page)
    about, sections = _readme()
    for name, text in sections.items():
        if name != ORDER:
            _write(target, f"readme/{name}.md", _choices(text), ROOT / "README.md")
    _write(target, "index.md", _cover(about, sections, target) + _menu(list(sections)), ROOT / "README.md")


def slug(heading: str) -> str:
    """The anchor of a heading, from its text or from the anchor that Jupyter gives it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace(" ", "-"))


def linked(text: str, page: Path, place: str, target: Path) -> str:
    """A page's links, led to where in the site their goals are; `place` is the page's own there."""

    def lead(found):
        address, _, anchor = found[2].partition("#")
        goal = (page.parent / address).resolve() if address else page
        if ":" in address or not goal.is_relative_to(ROOT) or not (address or page.name == "README.md"):
            return found[0]
        where, anchor = _place(goal, anchor, page, target), slug(anchor)
        if where is None:
            return found[0]
        address = os.path.relpath(where, Path(place).parent) + (f"#{anchor}" if anchor else "")
        html = found[1].startswith("href")  # printed by a notebook: Sphinx leaves it as it is
        return found[1] + (re.sub(r"\.(ipynb|md)(?=#|$)", ".html", address) if html else address)

    return HREF.sub(lead, LINK.sub(lead, text))


def _place(goal: Path, anchor: str, page: Path, target: Path) -> str | None:
    """Where in the site a file of the checkout is shown; a file that is no page is put there, to be downloaded."""
    if goal == ROOT / "README.md":
        return f"readme/{slug(anchor)}.md" if slug(anchor) in _readme()[1] and slug(anchor) != ORDER else "index.md"
    if goal in (RENDERED, NOTEBOOKS):
        return "index.md"
    if goal.parent == NOTEBOOKS and (found := copies(goal.stem)):
        same = [copy for copy in found if copy.stem.rpartition("-")[2] == page.stem.rpartition("-")[2]]
        goal = (same or found)[0]
    elif goal.is_file() and goal not in [*copies(), *sources(), *documents()]:
        place = target / goal.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(goal, place)
    return goal.relative_to(ROOT).as_posix() if goal.is_file() else None


def _write(target: Path, place: str, text: str, page: Path) -> None:
    (target / place).parent.mkdir(parents=True, exist_ok=True)
    (target / place).write_text(linked(text, page, place, target), encoding="utf-8")


def _readme() -> tuple[str, dict[str, str]]:
    """The README's first words, and its sections by the anchor of their heading."""
    text = readme.README.read_text(encoding="utf-8")
    about, *parts = re.split(r"^## ", re.sub(r"<!--.*?-->", "", text), flags=re.MULTILINE)
    return about.split("\n", 1)[1], {slug(part.split("\n", 1)[0]): f"# {part}" for part in parts}


def _choices(text: str) -> str:
    """Where a notebook is named, all its pages, each with what it shows."""

    def all_of(found):
        named = copies(found[2]) or [NOTEBOOKS / f"{found[2]}.ipynb"]
        links = ", ".join(f"[{shown(page)}]({page.relative_to(ROOT).as_posix()})" for page in named)
        return f"{found[1]}: {links}"

    return LISTED.sub(all_of, text)


def _cover(about: str, sections: dict[str, str], target: Path) -> str:
    written = readme.README.read_text(encoding="utf-8").partition(readme.END)[0]
    told, table, *counts = written.partition("**The paper's claims.**")[2].strip().split("\n\n")
    parts = {
        "about": about,
        "verdict": "\n\n".join(map(_verdict, counts)),
        "figures": "\n\n".join(_figure(number, target) for number in (1, 2, 3, 4)),
        "claims": f"{told}\n\n{table}",
        "order": sections[ORDER].partition("\n")[2],
    }
    text = COVER.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", _choices(part.strip()))
    return text


def _verdict(line: str) -> str:
    """How many claims have which verdict on one dataset, in words and as a bar."""
    from adc.claims.verdicts import VERDICTS  # loads PyTorch

    data, _, words = line.partition(": ")
    claimed = words.partition(". ")[0]
    either = [verdict.replace("holds", "holds?").replace("does", "do(?:es)?") for verdict in VERDICTS]  # of one, of many
    parts = [
        f'<span class="verdict-{code}" style="flex: {found[1]}" title="{found[0]}">{found[1]}</span>'
        for code, word in enumerate(either) if (found := re.search(rf"(\d+) {word}(?=,|$)", claimed))
    ]  # fmt: skip
    return f'**{data[0].upper()}{data[1:]}.** {words}\n\n<div class="bar">{"".join(parts)}</div>'


def _figure(number: int, target: Path) -> str:
    """The first picture below the heading that names a figure, with that heading, its text and the data."""
    for copy in copies():
        title = ""
        for cell in nbformat.read(copy, as_version=4).cells:
            if cell.cell_type == "markdown" and cell.source.startswith("## "):
                title = cell.source.split("\n", 1)[0][3:] if re.match(rf"## .*\bFig\. {number}\b", cell.source) else ""
            for output in cell.get("outputs", []) if title else []:
                if picture := output.get("data", {}).get("image/png"):
                    (target / f"fig{number}.png").write_bytes(b64decode(picture))
                    goal = f"{copy.relative_to(ROOT).as_posix()}#{slug(title)}"
                    told = f"[{title if title.startswith('Fig') else f'Fig. {number}: {title}'}]({goal}). {stamp(copy)['data']}."
                    return f":::{{figure}} fig{number}.png\n:alt: {title}\n\n{told}\n:::"
    return f"*Fig. {number} is in none of the executed copies; `./run_all.sh render` adds it.*"


def _notebook(page: Path, target: Path) -> nbformat.NotebookNode:
    """A notebook with its title first, and below it which data it is about and what made it."""
    notebook = nbformat.read(page, as_version=4)
    what, place = kind(page), page.relative_to(ROOT).as_posix()
    if what == "source":
        head, colour = "Not executed here", "note"
        told = "A notebook to run oneself, in `./run_all.sh lab`, or one of which each run keeps a copy of its own."
        title, suffix = notebook.cells[0], "source"
    else:
        head, colour = f"{what.capitalize()} ratings: {stamp(page)['data']}", {"real": "tip", "synthetic": "warning"}[what]
        told = notebook.cells.pop(0).source.replace("> ", "")
        title, suffix = notebook.cells[0], f"{page.stem.rpartition('-')[2]}, {what}"
    first, _, rest = title.source.partition("\n")
    title.source = f"{first} ({suffix})\n\n:::{{admonition}} {head}\n:class: {colour} stamp\n{told}\n:::\n{rest}"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, page, place, target)
        for output in cell.get("outputs", []):
            for form in {"text/html", "text/markdown"} & set(output.get("data", {})):
                output.data[form] = linked(output.data[form], page, place, target)
    return notebook


def _entry(page: Path) -> str:
    title = next(cell.source for cell in nbformat.read(page, as_version=4).cells if cell.source.startswith("# "))
    return f"{title.partition(chr(10))[0][2:]} ({shown(page)}) <{page.relative_to(ROOT).as_posix()}>"


def _menu(sections: list[str]) -> str:
    """The order of the pages: hidden lists of contents, as Sphinx has them."""
    of = {what: [page for page in copies() if kind(page) == what] for what in ("real", "synthetic")}
    early = [page for page in sources() if page.stem < "10"]
    menus = {
        "The paper, on real ratings": map(_entry, sorted([*of["real"], *early], key=lambda page: page.name)),
        "On synthetic ratings": map(_entry, of["synthetic"]),
        "To run oneself": [_entry(page) for page in sources() if page not in early],
        "About this companion": [f"readme/{name}.md" for name in sections if name != ORDER],
        "Behind it": [page.relative_to(ROOT).as_posix() for page in documents()],
    }
    lists = (f":::{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n:::" for caption, names in menus.items())
    return "\n\n" + "\n\n".join(lists) + "\n"
