"""Copies of the notebooks to work in, in data/lab/: JupyterLab saves what is open, outputs and all, which in
the checkout would be a change and set off runs. `./run_all.sh lab` makes them before it starts."""

import os
import shutil
from pathlib import Path

from companion import files, paths
from companion.execute import NOTEBOOKS, digest, notebooks


def refresh(folder: Path) -> list[Path]:
    """Bring copies up to date; those that were set aside because both they and the notebook had changed.
    A copy with the notebook's cells stays, with its outputs. One that was worked in stays too, unless the
    notebook is younger: then it is set aside as `<name>-former.ipynb`."""
    aside = []
    for path in notebooks().values():
        copy = folder / path.relative_to(NOTEBOOKS)
        if copy.exists():
            if _same(copy, path) or os.path.getmtime(copy) > os.path.getmtime(path):
                continue
            aside.append(copy.with_stem(f"{copy.stem}-former"))
            os.replace(copy, aside[-1])
        with files.atomic(copy) as partial:
            shutil.copyfile(path, partial)
    return aside


def _same(copy: Path, notebook: Path) -> bool:
    """Whether two notebooks have the same cells; one that cannot be read has not."""
    try:
        return digest(copy) == digest(notebook)
    except (ValueError, KeyError):
        return False


if __name__ == "__main__":
    with files.exit_on_error():
        for former in refresh(paths.home() / "data" / "lab"):
            print(f"The notebook has changed; what you had is {former}")
