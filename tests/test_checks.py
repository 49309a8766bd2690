"""What the hooks before a commit refuse (.pre-commit-config.yaml), refused here too; and each of them can fail."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]}
FILES = {"ruff": ["."], "nbstripout": sorted(map(str, ROOT.glob("notebooks/*.ipynb")))}  # the others know theirs


def ran(hook: str, *files: str) -> subprocess.CompletedProcess:
    """A hook's own command, with the Python that runs the tests in place of the entrance's."""
    entrance, python, *words = HOOKS[hook]["entry"].split()
    assert (entrance, python) == ("./run_all.sh", "python") and HOOKS[hook]["language"] == "system"
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'notebooks'}:{ROOT}"}
    return subprocess.run([sys.executable, *words, *files], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_checkout_passes_every_hook(hook):
    found = ran(hook, *FILES.get(hook, []))
    assert found.returncode == 0, found.stdout + found.stderr


def test_hooks_are_local_and_of_these_kinds():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    assert set(HOOKS) == {"ruff", "nbstripout", "stamp", "mypy"}


def test_a_notebook_with_outputs_is_refused(tmp_path):
    printed = nbformat.v4.new_output("stream", text="1\n")
    cell = nbformat.v4.new_code_cell("print(1)", outputs=[printed], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "x.ipynb")
    assert ran("nbstripout", str(tmp_path / "x.ipynb")).returncode != 0


@pytest.mark.parametrize(
    ("hook", "code", "told"),
    [
        ("ruff", "import os\n", "F401"),
        ("mypy", "def f(x):\n    return x\n", "no-untyped-def"),
        ("mypy", "def f(x: int) -> str:\n    return x\n", "return-value"),
    ],
)
def test_bad_code_is_refused(tmp_path, hook, code, told):
    (tmp_path / "bad.py").write_text(code)
    config = {"ruff": ["--config", "pyproject.toml"], "mypy": ["--config-file", "pyproject.toml"]}[hook]
    found = ran(hook, *config, str(tmp_path / "bad.py"))
    assert found.returncode != 0 and told in found.stdout
