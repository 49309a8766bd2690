"""Links between files of the checkout, led to where in the site their goals are."""

import os
import re
import shutil
from pathlib import Path

from companion.book import pages
from companion.execute import NOTEBOOKS, notebooks

LINK, HREF = re.compile(r"(\[[^\]]*\]\()([^)\s]+)"), re.compile(r'((?:href|src)=")([^"]+)')
FOLDER = re.compile(r"\[([^\]]*)\]\([^)\s:#]*/rendered/?\)")  # a link to the copies, which have no page


def slug(heading: str) -> str:
    """The anchor of a heading, from its text or from the anchor that Jupyter gives it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace(" ", "-"))


def linked(text: str, page: Path, target: Path) -> str:
    """A page's text with its links led; a file that is no page is copied, to be shown or downloaded."""
    here = Path(pages.place(page)).parent

    def lead(match: re.Match) -> str:
        address, _, anchor = match[2].partition("#")
        if not address:
            return f"{match[1]}#{slug(anchor)}"
        goal = None if ":" in address else _goal(address, page)
        if not goal:
            return match[0]
        where = pages.place(goal)
        if goal.suffix not in (".md", ".ipynb"):
            (target / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(goal, target / where)
        if pages.kind(page) == "own":  # made by other notebooks than those of today, perhaps
            anchor = ""
        address = os.path.relpath(where, here) + (f"#{slug(anchor)}" if anchor else "")
        html = match[1].startswith(("href", "src"))  # printed by a notebook: Sphinx leaves it as it is
        return match[1] + (re.sub(r"\.(ipynb|md)(?=#|$)", ".html", address) if html else address)

    return HREF.sub(lead, LINK.sub(lead, FOLDER.sub(r"\1", text)))


def _goal(address: str, page: Path) -> Path | None:
    """The file that an address means on a page; of a notebook the page on the same data, if there is one."""
    goal = (page.parent / address).resolve()
    if pages.kind(page) == "own" and goal.suffix == ".ipynb":
        goal = next(page.parent.glob(f"{goal.stem}*.ipynb"), notebooks().get(goal.stem, goal))
    if goal.parent in (NOTEBOOKS, NOTEBOOKS / "extras") and (known := pages.copies(goal.stem)):
        data = page.stem.rpartition("-")[2]
        return next((copy for copy in known if copy.stem.rpartition("-")[2] == data), known[0])
    inside = goal.is_relative_to(pages.ROOT) or goal.is_relative_to(pages.executed())
    return goal if inside and goal.is_file() else None
