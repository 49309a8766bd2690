"""A notebook as a page of the site: what its data are at the head, what made it at the foot, code folded."""

import os
import re
from pathlib import Path

import nbformat

from companion.book import pages
from companion.book.links import linked, slug
from companion.escape import markdown
from companion.execute import with_values
from companion.render import STAMP_CELLS, visible

HEAD = {  # kind of a page -> colour and title of the box at its head
    "real": ("tip", "Real ratings: {}"),
    "synthetic": ("warning", "Synthetic ratings: {}"),
    "own": ("tip", "Your ratings: {}"),
    "source": ("note", "Not executed here"),
}
SOURCE = "A notebook to run in `./run_all.sh lab`, or one whose pages are in data/executed/."
FOOT = "How this page was made"


def page(path: Path, target: Path) -> nbformat.NotebookNode:
    """The notebook for Sphinx."""
    notebook, what = with_values(nbformat.read(path, as_version=4)), pages.kind(path)
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") not in STAMP_CELLS]
    first = next(cell for cell in notebook.cells if cell.source.startswith("# "))
    title, _, rest = first.source.partition("\n")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, path, target)
        elif what != "source":
            cell.metadata.setdefault("tags", []).append("hide-input")
        for output in cell.get("outputs", []):
            for form in {"text/html", "text/markdown"} & set(output.get("data", {})):
                output.data[form] = framed(linked(output.data[form], path, target))
    rest = linked(rest, path, target)
    name = pages.name(path).replace("<", "‹")  # the theme's printed head shows a title as markup
    first.source = f"{title} ({markdown(name)})\n\n{_head(path)}\n{rest}"
    notebook.cells.append(nbformat.v4.new_markdown_cell(_foot(path), id="foot"))
    return notebook


def framed(html: str) -> str:
    """A table that pandas styled, with the class of those that it did not."""
    return re.sub(r'(<table id="\w+")(?: class="([^"]*)")?', r'\1 class="dataframe \2"', html)


def entry(path: Path, title: str, here: str = "") -> str:
    """A line of a list of contents, seen from a folder of the site."""
    return f"{title} <{os.path.relpath(pages.place(path), here or '.')}>"


def _head(path: Path) -> str:
    """The box below the title, with the pages of the same notebook on other data."""
    what, here = pages.kind(path), Path(pages.place(path)).parent
    colour, title = HEAD[what]
    if what == "source":
        return f":::{{admonition}} {title}\n:class: {colour} stamp\n{SOURCE}\n:::"
    label = pages.heading if what == "own" else pages.name
    others = [f"[{markdown(label(other))}]({os.path.relpath(pages.place(other), here)})"
              for other in pages.siblings(path) if other != path]  # fmt: skip
    words = f"Also: {' · '.join(others)}.  \n" if others else ""
    words += f"[{FOOT}](#{slug(FOOT)})"
    title = title.format(markdown(pages.stamp(path)["data"]))
    return f":::{{admonition}} {title}\n:class: {colour} stamp\n{words}\n:::"


def _foot(path: Path) -> str:
    """What made the page; and, for the menu, the pages that share its entry."""
    if pages.kind(path) == "source":
        return ""
    stamp = pages.stamp(path)
    text = visible(stamp | {"data": markdown(stamp["data"])}).replace("> ", "")
    first, *others = pages.siblings(path)
    if path == first and others:
        label = pages.heading if pages.kind(path) == "own" else pages.name
        here = Path(pages.place(path)).parent.as_posix()
        lines = "\n".join(entry(other, label(other), here) for other in others)
        text += f"\n\n:::{{toctree}}\n:hidden:\n\n{lines}\n:::"
    return f"## {FOOT}\n\n{text}"
