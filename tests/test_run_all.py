"""The entrance, with stand-ins for Python and conda: what is set up when, and what killed or doubled calls leave."""

import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import pytest
import yaml

from workflow import options

ROOT = Path(__file__).resolve().parents[1]
TOOLS = "bash cat cksum dirname basename mkdir rm sed tail sleep env cp chmod flock perl".split()
# says what it was asked, makes "environments" of a copy of itself
PYTHON = """#!/usr/bin/env bash
echo "$*" >>"$CALLS"
case "$*" in
    -c*) exit 0 ;;
    --version) echo "Python 3.11.7" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip "*) echo "collecting something"; sleep "${PIP_SLEEPS:-0}"; exit "${PIP_EXITS:-0}" ;;
    "-m workflow.options"*) exit "${SLIP:-0}" ;;
    *) echo "in $PWD: $*"; sleep "${RUN_SLEEPS:-0}" ;;
esac
"""
CONDA = """#!/usr/bin/env bash
echo "conda $*" >>"$CALLS"
[ "${CONDA_EXITS:-0}" = 0 ] || { echo "could not solve"; exit 1; }
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/bin"; cp "$STAND_IN" "$2/bin/python"
"""


class Entrance:
    """A checkout with nothing but the entrance, and a PATH with nothing but what it may use."""

    def __init__(self, place: Path):
        self.root, self.bin, self.calls = place / "my checkout ü", place / "bin", place / "calls.txt"
        (self.root / "notebooks").mkdir(parents=True), self.bin.mkdir()
        for name in ("run_all.sh", "requirements.txt", "pyproject.toml", "environment.yml"):
            shutil.copy(ROOT / name, self.root)
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        self.tool("python3.11", PYTHON)

    def tool(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def start(self, *words: str, **env: str) -> subprocess.Popen:
        env |= {"PATH": str(self.bin), "CALLS": str(self.calls), "STAND_IN": str(self.bin / "python3.11")}
        return subprocess.Popen(
            [self.root / "run_all.sh", *words], env=env, cwd=self.bin, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str, **env: str) -> tuple[int, str]:
        process = self.start(*words, **env)
        said, _ = process.communicate(timeout=30)
        return process.returncode, said

    def asked(self, what: str) -> int:
        """How often the stand-ins were asked for something."""
        return self.calls.read_text().count(what) if self.calls.exists() else 0


@pytest.fixture
def entrance(tmp_path) -> Entrance:
    return Entrance(tmp_path)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--profile", "smoke", "--help"]])
def test_help_needs_nothing_and_names_every_option(entrance, words):
    (entrance.bin / "python3.11").unlink()
    code, said = entrance.run(*words)
    assert code == 0 and not (entrance.root / ".venv").exists()
    every = [
        *options._parser()._option_string_actions,
        *options.SOURCES,
        *options.DEVICES,
        *options.profiles(),
        *options.COMMANDS[1:],
    ]
    assert [word for word in every if word not in said] == []


def test_the_first_call_sets_up_the_second_uses_it_and_changed_pins_make_it_anew(entrance):
    code, said = entrance.run("--profile", "smoke")
    assert code == 0, said
    assert said.count("Setting up") == 2 and f"in {entrance.bin}: -m workflow --profile smoke" in said
    code, said = entrance.run("--profile", "smoke")
    assert code == 0 and "Setting up" not in said and entrance.asked("-m pip install") == 1
    with open(entrance.root / "requirements.txt", "a") as pins:
        pins.write("another==1.0\n")
    entrance.run()
    assert entrance.asked("-m pip install") == 2


def test_an_environment_does_not_survive_a_move(entrance):
    entrance.run()
    entrance.root = entrance.root.rename(entrance.root.with_name("moved"))
    entrance.run()
    assert entrance.asked("-m pip install") == 2


def test_tests_and_lab_set_up_too_and_get_their_words(entrance):
    code, said = entrance.run("test", "-k", "a name")
    assert code == 0 and f"in {entrance.root}: -m pytest -k a name" in said
    code, said = entrance.run("lab", "--port", "9000")
    assert code == 0 and "-m jupyter lab --ServerApp.ip=127.0.0.1" in said and said.rstrip().endswith("--port 9000")


def test_a_set_up_killed_half_way_is_made_anew(entrance):
    killed = entrance.start(PIP_SLEEPS="60")
    while not entrance.asked("-m pip"):
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert (entrance.root / ".venv/bin/python").exists()
    (entrance.root / ".venv/left over").touch()
    code, said = entrance.run()
    assert code == 0 and said.count("Setting up") == 2 and not (entrance.root / ".venv/left over").exists()


def test_of_two_calls_at_once_one_sets_up(entrance):
    calls = [entrance.start(PIP_SLEEPS="1"), entrance.start(PIP_SLEEPS="1")]
    said = [call.communicate(timeout=30)[0] for call in calls]
    assert [call.returncode for call in calls] == [0, 0] and entrance.asked("-m pip install") == 1
    assert sorted(words.count("Setting up") for words in said) == [0, 2]


def test_a_failing_set_up_shows_the_end_of_its_log_and_is_tried_again(entrance):
    code, said = entrance.run(PIP_EXITS="1")
    assert code == 1 and "collecting something" in said and "setup.log" in said and "-m workflow" not in said
    assert entrance.run()[0] == 0


def test_without_python_there_is_one_clear_sentence(entrance):
    (entrance.bin / "python3.11").unlink()
    entrance.tool("python3", PYTHON.replace("-c*) exit 0", "-c*) exit 1"))  # too old
    code, said = entrance.run()
    assert code == 1 and said.startswith("No Python 3.11 or newer") and said.count("\n") == 1


def test_a_slip_is_told_before_anything_is_installed(entrance):
    code, _ = entrance.run("--profil", SLIP="2")
    assert code == 2 and not entrance.asked("-m venv")


@pytest.mark.parametrize("tool", ["conda", "mamba", "micromamba"])
def test_conda_is_used_where_it_is(entrance, tool):
    entrance.tool(tool, CONDA)
    code, said = entrance.run()
    assert code == 0 and f"making .env with {tool}" in said and entrance.asked("-m venv") == 0
    assert entrance.asked(f"--file {entrance.root}/environment.yml") == 1
    assert "Setting up" not in entrance.run()[1]


def test_where_conda_fails_pip_is_tried(entrance):
    entrance.tool("conda", CONDA)
    code, said = entrance.run(CONDA_EXITS="1")
    assert code == 0 and "could not solve" in said and entrance.asked("-m pip install") == 1


def test_a_file_with_the_name_of_condas_environment_stays(entrance):
    entrance.tool("conda", CONDA)
    (entrance.root / ".env").write_text("TOKEN=1\n")
    code, said = entrance.run()
    assert code == 0 and ".env is a file and stays" in said and (entrance.root / ".env").read_text() == "TOKEN=1\n"
    assert entrance.asked("-m pip install") == 1 and "Setting up" not in entrance.run()[1]


@pytest.fixture
def at_work(entrance):
    """A call at work, in an environment that newer requirements ask to make anew."""
    if not shutil.which("flock"):
        pytest.skip("flock is not installed")
    call = entrance.start("--profile", "smoke", RUN_SLEEPS="60")
    while not entrance.asked("-m workflow --profile"):
        time.sleep(0.05)
    with open(entrance.root / "requirements.txt", "a") as pins:
        pins.write("another==1.0\n")
    yield call
    if call.poll() is None:
        os.killpg(call.pid, signal.SIGKILL)
    call.communicate()


def test_an_environment_is_made_anew_when_the_call_in_it_has_ended(entrance, at_work):
    second = entrance.start()
    assert second.stdout.readline().startswith("Waiting: a call") and (entrance.root / ".venv/bin/python").exists()
    os.killpg(at_work.pid, signal.SIGKILL)
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 0 and said.count("Setting up") == 2 and entrance.asked("-m pip install") == 2


def test_a_call_within_another_does_not_wait_for_it(entrance, at_work):
    code, said = entrance.run(ADC_WITHIN=str(entrance.root.resolve()))
    assert code == 1 and "end that first" in said and (entrance.root / ".venv/bin/python").exists()


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_every_requirement_is_pinned_to_a_plain_version():
    for name, version in pins().items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name) and re.fullmatch(r"[0-9][0-9A-Za-z.]*", version), (
            f"{name}=={version}"
        )


def test_every_direct_dependency_is_pinned_and_pinned_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    known = {name.lower().replace("_", "-") for name in pins()}
    assert [name for name in direct if re.split(r"[<>=\[]", name)[0].lower() not in known] == []
    assert not [name for name in direct if "==" in name]


def test_conda_takes_its_versions_from_requirements():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert dependencies == ["python=3.11", "pip", {"pip": ["-r requirements.txt", "-e ."]}]
