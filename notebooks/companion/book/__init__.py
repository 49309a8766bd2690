"""A site to read, without running anything: `./run_all.sh book` puts it into data/book/.

Its pages are the README (the first), what lies in docs/, the ledger to search through, the executed copies in
notebooks/rendered/, or a notebook of which there is none, and the executed notebooks on the reader's own
files. Files keep their place in the checkout, so that links between them hold."""

import io
import re
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import nbformat

from adc.errors import UserError
from companion import files
from companion.book import cover, ledger, notebook, pages
from companion.book.links import linked
from companion.execute import NOTEBOOKS


def build(target: Path) -> None:
    """Write the site to a folder, whole or not at all. Raises `UserError`, with Sphinx's own words, where a
    page has a defect."""
    from sphinx.cmd.build import build_main

    if not pages.copies():
        raise UserError(
            f"{pages.RENDERED} holds no executed notebook; `./run_all.sh render` puts them there."
        )
    words = io.StringIO()
    with files.atomic(target, folder=True) as partial, tempfile.TemporaryDirectory() as place:
        source, site = Path(place) / "source", Path(place) / "site"
        gather(source)
        look = shutil.ignore_patterns("__pycache__")
        shutil.copytree(NOTEBOOKS / "book", source, dirs_exist_ok=True, ignore=look)
        with redirect_stdout(words), redirect_stderr(words):
            options = ["-q", "-W", "--keep-going", "-d", f"{place}/doctrees"]
            failed = build_main([*options, str(source), str(site)])
        if failed:
            defects = words.getvalue().replace(f"{source}/", "")
            raise UserError(f"The site was not made: Sphinx found defects. Mend them, try again.\n{defects}")
        (site / ".buildinfo").unlink(missing_ok=True)
        shutil.copytree(site, partial, dirs_exist_ok=True)  # what MyST-NB leaves beside a site goes away


def gather(target: Path) -> None:
    """Write everything that Sphinx reads, its settings excepted."""
    for path in [*pages.copies(), *pages.sources(), *pages.own(), *pages.documents()]:
        place = target / pages.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            nbformat.write(notebook.page(path, target), place)
        else:
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"\A# (data|figures)$", r"# The folder \1/", text, flags=re.MULTILINE)
            place.write_text(linked(text, path, target), encoding="utf-8")
    if ledger.FILE.exists():
        introduction = linked(ledger.INTRODUCTION, pages.ROOT / "README.md", target)
        (target / "ledger.md").write_text(f"{introduction}\n\n{ledger.table()}", encoding="utf-8")
    (target / "index.md").write_text(cover.cover(target), encoding="utf-8")
