"""A site to read, from the executed copies and without running them: `./run_all.sh book` puts it into data/book/."""

import io
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from adc import files, paths
from adc.errors import UserError
from workflow import NOTEBOOKS, lock, pages
from workflow.options import Options

SOURCE = NOTEBOOKS / "book"


def make(asked: Options) -> None:
    """Build the site and say where it begins."""
    if (asked.data, asked.profile, asked.dry_run, asked.extra) != ([], "quick", False, []):
        raise UserError("book shows what lies in notebooks/rendered and takes no options.")
    if not pages.copies():
        raise UserError(f"{pages.RENDERED} holds no executed notebook; `./run_all.sh render` puts them there.")
    print("Making the site ...", flush=True)
    build(paths.book())
    print(f"Open {paths.book() / 'index.html'} in a browser; no network is needed.")


def build(target: Path) -> None:
    """Write the site to a folder, whole or not at all. Raises `UserError` with Sphinx's own words where a page has a defect."""
    with lock.alone("site"):
        for left in [*target.parent.glob(f".{target.name}.*.partial"), *target.parent.glob(f".{target.name}.*.old")]:
            shutil.rmtree(left)
        with files.aside(target, folder=True) as partial, tempfile.TemporaryDirectory() as place:
            source = Path(place) / "source"
            pages.gather(source)
            shutil.copytree(SOURCE, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cover.md", "__pycache__"))
            _sphinx(source, Path(place) / "doctrees", partial)


def _sphinx(source: Path, doctrees: Path, output: Path) -> None:
    from sphinx.cmd.build import build_main  # here, as it takes a second and only the site needs it

    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        failed = build_main(["-q", "-W", "--keep-going", "-d", str(doctrees), str(source), str(output)])
    if failed:
        told = said.getvalue().replace(f"{source}/", "")
        raise UserError(f"The site was not made: Sphinx found defects in the pages. Mend them and call again.\n{told}")
    (output / ".buildinfo").unlink(missing_ok=True)
