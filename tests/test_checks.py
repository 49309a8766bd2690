"""What the hooks before a commit refuse (.pre-commit-config.yaml) is refused here; each can fail."""

import os
import subprocess
import sys

import lines
import nbformat
import pytest
import yaml
from conftest import ROOT

from companion.execute import notebooks

CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
HOOKS = {hook["id"]: hook for hook in CONFIG["repos"][0]["hooks"]}
FILES = {"ruff": ["."], "nbstripout": [str(path) for path in notebooks().values()]}  # the others know theirs


def ran(hook: str, *files: str) -> subprocess.CompletedProcess:
    """A hook's own command, with the Python that runs the tests in place of the entrance's."""
    entrance, python, *words = HOOKS[hook]["entry"].split()
    assert (entrance, python) == ("./run_all.sh", "python") and HOOKS[hook]["language"] == "system"
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'notebooks'}:{ROOT}"}
    command = [sys.executable, *words, *files]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_checkout_passes_every_hook(hook):
    result = ran(hook, *FILES.get(hook, []))
    assert result.returncode == 0, result.stdout + result.stderr


def test_hooks_are_local_and_of_these_kinds():
    assert [repository["repo"] for repository in CONFIG["repos"]] == ["local"]
    assert set(HOOKS) == {"ruff", "nbstripout", "render", "mypy", "lines"}


def test_a_notebook_with_outputs_is_refused(tmp_path):
    printed = nbformat.v4.new_output("stream", text="1\n")
    cell = nbformat.v4.new_code_cell("print(1)", outputs=[printed], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "x.ipynb")
    assert ran("nbstripout", str(tmp_path / "x.ipynb")).returncode != 0


@pytest.mark.parametrize(("hook", "code", "messages"), [
    ("ruff", "import os\n", "F401"),
    ("mypy", "def f(x): ...\ndef g(x: int) -> str:\n    return x\n", "no-untyped-def return-value"),
])  # fmt: skip
def test_bad_code_is_refused(tmp_path, hook, code, messages):
    (tmp_path / "bad.py").write_text(code)
    config = {"ruff": ["--config", "pyproject.toml"], "mypy": ["--config-file", "pyproject.toml"]}[hook]
    result = ran(hook, *config, str(tmp_path / "bad.py"))
    assert result.returncode != 0 and all(message in result.stdout for message in messages.split())


# tests/lines.py: what it finds


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in which everything is wrong."""
    (tmp_path / "adc").mkdir()
    (tmp_path / "notebooks" / "companion").mkdir(parents=True)
    (tmp_path / "adc" / "__init__.py").write_text("")
    one = "from adc.two import x\nimport matplotlib\nimport companion.way\n"
    (tmp_path / "adc" / "one.py").write_text(one)
    (tmp_path / "adc" / "two.py").write_text("def f():\n    from adc import one\n")
    (tmp_path / "notebooks" / "companion" / "way.py").write_text("import torch\n" * 301 + "#" * 111)
    cells = [nbformat.v4.new_code_cell("x" * 101), nbformat.v4.new_markdown_cell("|" + "x" * 101)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01_x.ipynb")
    monkeypatch.setattr(lines, "ROOT", tmp_path)


def test_long_files_wide_lines_circles_and_wrong_ways_are_found(checkout, capsys):
    way = "notebooks/companion/way.py"
    assert lines.long_files() == [f"{way}: 302 lines"]
    assert lines.wide_lines() == [f"{way}:302: 111 columns", "notebooks/01_x.ipynb, cell 1: 101 columns"]
    (circle,) = lines.circles()
    assert {*circle.split(" imports ")} == {"adc.one", "adc.two"}
    assert lines.wrong_ways() == ["adc/one.py imports matplotlib", "adc/one.py imports companion"]
    assert lines.main() == 1 and "of 2,000" in capsys.readouterr().out
