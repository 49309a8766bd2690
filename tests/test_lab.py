"""JupyterLab as `./run_all.sh lab` starts it: on copies, for this machine only, and for who has the token."""

import os
import socket
import sys
from pathlib import Path

import nbformat
import pytest
import requests
from jupyter_lab import jupyter_lab

from companion import execute, lab


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer for 127.0.0.1 alone")
def test_lab_listens_on_loopback_and_asks_for_its_token(tmp_path):
    with jupyter_lab(tmp_path, tmp_path) as (port, token):
        with pytest.raises(ConnectionRefusedError):  # an address that only who listens on all would answer
            socket.create_connection(("127.0.0.2", port), timeout=60)
        contents, how = f"http://127.0.0.1:{port}/api/contents", {"proxies": {"http": ""}, "timeout": 60}
        assert requests.get(contents, **how).status_code == 403
        assert requests.get(contents, params={"token": token}, **how).status_code == 200


@pytest.fixture
def toy(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """A notebook of the checkout, and its copy."""
    folder = tmp_path / "notebooks" / "extras"
    folder.mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell("x = 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "10_toy.ipynb")
    for module in (lab, execute):
        monkeypatch.setattr(module, "NOTEBOOKS", folder.parent)
    assert lab.refresh(tmp_path / "lab") == []
    return folder / "10_toy.ipynb", tmp_path / "lab" / "extras" / "10_toy.ipynb"


def change(path: Path, source: str, minutes: int) -> str:
    """Write a cell, so many minutes from now; the file's text."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = source
    nbformat.write(notebook, path)
    moment = path.stat().st_mtime + 60 * minutes
    os.utime(path, (moment, moment))
    return path.read_text(encoding="utf-8")


def test_a_copy_that_was_run_or_worked_in_stays(toy, tmp_path):
    notebook, copy = toy
    assert copy.read_bytes() == notebook.read_bytes()
    run = nbformat.read(copy, as_version=4)
    run.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(run, copy)
    os.utime(notebook, (2e9, 2e9))  # younger, with the same cells
    assert lab.refresh(tmp_path / "lab") == [] and "stream" in copy.read_text()
    os.utime(notebook, (1e9, 1e9))
    ours = change(copy, "x = 2", 0)
    assert lab.refresh(tmp_path / "lab") == [] and copy.read_text() == ours


def test_a_newer_notebook_replaces_its_copy_and_what_was_there_is_set_aside(toy, tmp_path):
    notebook, copy = toy
    ours, theirs = change(copy, "x = 2", 0), change(notebook, "x = 3", 5)
    (aside,) = lab.refresh(tmp_path / "lab")
    assert copy.read_text() == theirs and aside.read_text() == ours
    copy.write_text("{")
    os.utime(copy, (1e9, 1e9))
    assert lab.refresh(tmp_path / "lab") == [aside] and copy.read_text() == theirs
