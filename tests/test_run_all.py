"""The entrance, with stand-ins for Python and conda: what is set up when; accidents of the environment."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from chaos import wait_for
from conftest import ENTRANCE, GROUPS, ROOT, TOY_NOTEBOOKS, Toy

from companion.profile import DEVICES

TOOLS = "bash cat chmod cksum cp dirname env find flock head mkdir mktemp rm sed sleep tail".split()
# says what it was asked, makes "environments" of a copy of itself
PYTHON = """#!/usr/bin/env bash
echo "$*" >>"$CALLS"
case "$*" in
    -c*) exit 0 ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip "*) echo "collecting something"; sleep "${PIP_SLEEPS:-0}"; exit "${PIP_EXITS:-0}" ;;
    *companion.lab) mkdir -p "${ADC_HOME:-${0%/.*env/*}}/data/lab" ;;
    *) echo "in $PWD, home ${ADC_HOME:-none}, user ${PIP_USER:-}${PYTHONDONTWRITEBYTECODE-}: $*" ;;
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

    def __init__(self, place: Path, name: str = "my checkout ü"):
        self.root, self.bin, self.calls = place / name, place / "bin", place / "calls.txt"
        (self.root / "notebooks/profiles").mkdir(parents=True)
        self.bin.mkdir()
        (self.root / "requirements").mkdir()
        for name in [*ENTRANCE, "notebooks/profiles/smoke.yaml", "notebooks/profiles/quick.yaml"]:
            shutil.copy(ROOT / name, self.root / name)
        for tool in TOOLS:
            if result := shutil.which(tool):
                (self.bin / tool).symlink_to(result)
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
        out, _ = process.communicate(timeout=30)
        return process.returncode, out

    def calls_of(self, what: str) -> int:
        """How often the stand-ins were asked for something."""
        return self.calls.read_text().count(what) if self.calls.exists() else 0


@pytest.fixture
def entrance(tmp_path) -> Entrance:
    return Entrance(tmp_path)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["--profile", "smoke", "--help"]])
def test_help_needs_nothing_and_names_every_option(entrance, words):
    (entrance.bin / "python3.11").unlink()
    code, out = entrance.run(*words)
    assert code == 0 and not (entrance.root / ".venv").exists()
    profiles = [path.stem for path in (ROOT / "notebooks/profiles").glob("*.yaml") if path.stem != "search"]
    cases = re.findall(r"^        ([a-z |]+)\)", (ROOT / "run_all.sh").read_text(), flags=re.MULTILINE)
    commands = [command for case in cases for command in case.split(" | ")]
    every = ["--profile", "--data", "--device", "movielens", "twin", "amazon", *DEVICES, *profiles, *commands]
    assert len(commands) == 11 and [word for word in every if word not in out] == []


def test_the_first_call_sets_up_the_second_uses_it_and_changed_pins_make_it_anew(entrance):
    code, out = entrance.run("--profile", "smoke", "--cores", "1")
    assert code == 0 and out.count("Setting up") == 3, out  # the environment, the group run, PyTorch
    assert "-P -m snakemake --snakefile" in out and "smoke.yaml" in out
    assert out.rstrip().endswith("--cores 1")
    assert entrance.calls_of("companion.pth") == 1 and entrance.calls_of(f"{entrance.root}/notebooks\n") == 1
    code, out = entrance.run("--profile", "smoke")
    assert code == 0 and "Setting up" not in out and entrance.calls_of("-m pip install") == 2
    assert "--cores all" in out
    with open(entrance.root / "requirements/run.txt", "a") as pins:
        pins.write("another==1.0\n")
    entrance.run()
    assert entrance.calls_of("-m pip install") == 4 and entrance.calls_of("-m venv") == 2
    entrance.root = entrance.root.rename(entrance.root.with_name("moved"))
    entrance.run()
    assert entrance.calls_of("-m pip install") == 6


def test_tests_and_lab_set_up_too_and_get_their_words(entrance):
    code, out = entrance.run("test", "-k", "a name")
    assert code == 0 and f"in {entrance.root}, home none" in out and "--dist loadfile -k a name" in out
    assert out.index("tests/lines.py") < out.index("-m pytest")
    assert [entrance.calls_of(f"requirements/{group}.txt") for group in GROUPS] == [1] * len(GROUPS)
    code, out = entrance.run("lab", "--port", "9000")
    assert "-m jupyter lab --ServerApp.ip=127.0.0.1" in out and out.rstrip().endswith("--port 9000")
    assert "Setting up" not in out


@pytest.mark.parametrize(("words", "group"), [
    (["lab"], "lab"), (["book"], "book"), (["bench"], "bench"), (["--executor", "slurm"], "cluster"),
    (["--executor=slurm", "--jobs", "9"], "cluster"),
])  # fmt: skip
def test_a_command_adds_the_group_that_it_needs_to_the_environment_that_is_there(entrance, words, group):
    entrance.run()
    code, out = entrance.run(*words)
    assert code == 0 and out.count("Setting up") == 1 and f"requirements/{group}.txt" in out
    assert entrance.calls_of("-m venv") == 1 and entrance.calls_of("-m pip install") == 3
    assert "Setting up" not in entrance.run()[1] + entrance.run(*words)[1]
    with open(entrance.root / f"requirements/{group}.txt", "a") as pins:
        pins.write("another==1.0\n")  # of the group alone: what the others installed stays
    assert "Setting up" not in entrance.run()[1] and entrance.run(*words)[1].count("Setting up") == 1


def test_hashes_are_demanded_of_all_but_pytorch(entrance):
    entrance.run("test")
    calls = [line for line in entrance.calls.read_text().splitlines() if "-m pip install" in line]
    bare = [line for line in calls if "--no-deps --require-hashes" not in line]
    assert len(calls) == 7 and len(bare) == 1 and bare[0].endswith(f"torch.txt -e {entrance.root}")


def test_a_set_up_killed_half_way_is_made_anew(entrance):
    killed = entrance.start(PIP_SLEEPS="60")
    wait_for(lambda: entrance.calls_of("-m pip"))
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    (entrance.root / ".venv/left over").touch()
    code, out = entrance.run()
    assert code == 0 and out.count("Setting up") == 3 and not (entrance.root / ".venv/left over").exists()


def test_of_two_calls_at_once_one_sets_up(entrance):
    calls = [entrance.start(PIP_SLEEPS="1"), entrance.start(PIP_SLEEPS="1")]
    out = [call.communicate(timeout=30)[0] for call in calls]
    assert [call.returncode for call in calls] == [0, 0] and entrance.calls_of("-m pip install") == 2
    assert sorted(words.count("Setting up") for words in out) == [0, 3]


def test_a_failing_set_up_shows_the_end_of_its_log_and_is_tried_again(entrance):
    code, out = entrance.run(PIP_EXITS="1")
    assert code == 1 and "collecting something" in out and "setup.log" in out and "snakemake" not in out
    assert entrance.run()[0] == 0


def test_without_python_there_is_one_clear_sentence_and_a_slip_is_told_before(entrance):
    (entrance.bin / "python3.11").unlink()
    entrance.tool("python3", PYTHON.replace("-c*) exit 0", "-c*) exit 1"))  # too old
    code, out = entrance.run()
    assert code == 1 and out.startswith("Setting up failed: it takes Python 3.11") and out.count("\n") == 1
    code, out = entrance.run("--profile", "smok")
    assert code == 1 and out == "Unknown profile 'smok'. Known: quick.yaml smoke.yaml\n"


@pytest.mark.parametrize("tool", ["conda", "mamba", "micromamba"])
def test_conda_is_used_where_it_is_and_pip_where_that_fails(entrance, tool):
    entrance.tool(tool, CONDA)
    code, out = entrance.run(CONDA_EXITS="1")
    assert code == 0 and "could not solve" in out and entrance.calls_of("-m pip install") == 2
    shutil.rmtree(entrance.root / ".venv")
    code, out = entrance.run()
    assert code == 0 and f"Setting up: {tool}" in out and entrance.calls_of("-m venv") == 1
    assert entrance.calls_of(f"--file {entrance.root}/environment.yml") == 2
    assert entrance.calls_of("-m pip install") == 4  # of conda the Python, of pip the packages
    assert "Setting up" not in entrance.run()[1]


def test_a_file_with_the_name_of_condas_environment_stays(entrance):
    entrance.tool("conda", CONDA)
    (entrance.root / ".env").write_text("TOKEN=1\n")
    assert entrance.run()[0] == 0 and (entrance.root / ".env").read_text() == "TOKEN=1\n"
    assert entrance.calls_of("-m venv") == 1 and "Setting up" not in entrance.run()[1]


def test_binder_installs_the_same_into_the_environment_that_it_made(entrance):
    shutil.copy(ROOT / "postBuild", entrance.root)
    prefix = entrance.root / "conda"
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(entrance.bin / "python3.11", prefix / "bin/python")
    entrance.tool("python", f'#!/usr/bin/env bash\necho "{prefix}"\n')
    env = {"PATH": str(entrance.bin), "CALLS": str(entrance.calls)}
    subprocess.run([entrance.root / "postBuild"], env=env, check=True, capture_output=True)
    assert [entrance.calls_of(f"{name}.txt") for name in ("run", "torch", "lab", "test")] == [1, 1, 1, 0]
    assert entrance.calls_of("companion.pth") == 1


@pytest.mark.parametrize("name", ["a:b", "a{b}"])
def test_a_path_that_pythons_or_snakemakes_syntax_would_cut_is_told_in_a_sentence(tmp_path, name):
    code, out = Entrance(tmp_path, name).run()
    assert code == 1 and out.startswith("Rename the folder ") and out.count("\n") == 1


def test_settings_that_cost_are_switched_off_and_home_means_the_same_for_every_command(entrance):
    for word in ("--dry-run", "lab", "python", "book", "test"):
        code, out = entrance.run(word, PIP_USER="1", PYTHONDONTWRITEBYTECODE="1", ADC_HOME="not/yet")
        assert code == 0 and f"home {entrance.bin}/not/yet, user 0: " in out


def test_the_entrance_is_found_by_a_name_on_the_path_of_cd(entrance):
    (entrance.bin / "link.sh").symlink_to(entrance.root / "run_all.sh")
    env = {"PATH": str(entrance.bin), "CALLS": str(entrance.calls), "CDPATH": f".:{entrance.root.parent}"}
    command = [f"{entrance.root.name}/run_all.sh", "python"]
    result = subprocess.run(command, env=env, cwd=entrance.root.parent, capture_output=True, text=True)
    assert result.returncode == 0 and f"in {entrance.root.parent}" in result.stdout, result


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Toy:
    """A toy whose one job prints, imports and shows what an accident could spoil."""
    toy = Toy(tmp_path_factory.mktemp("accidents"))
    toy.profile("quick", "profile: quick\ndata: [movielens]\n")
    toy.notebook("01_data", TOY_NOTEBOOKS["01_data"][1] + "\nprint('電影')")
    return toy


OTHERS = {"PYTHONPATH": "{place}", "SNAKEMAKE_PROFILE": "mycluster", "PYTHONIOENCODING": "latin-1",
          "LC_ALL": "C", "CDPATH": ".:/"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("env", [OTHERS, {"LD_PRELOAD": "{place}/noflock.so"}], ids=["others", "no flock"])
def test_what_is_meant_for_other_programs_has_no_effect(small, tmp_path, env):
    (tmp_path / "json.py").write_text("raise ImportError('another program')\n")
    if "LD_PRELOAD" in env:
        source = "#include <errno.h>\nint flock(int f, int o) { errno = ENOSYS; return -1; }\n"
        command = ["cc", "-shared", "-fPIC", "-xc", "-", "-o", tmp_path / "noflock.so"]
        if not shutil.which("cc") or subprocess.run(command, input=source, text=True).returncode:
            pytest.skip("no C compiler")
    env = {name: value.replace("{place}", str(tmp_path)) for name, value in env.items()}
    code, out = small.run("--forceall", **env)
    assert code == 0 and "2 of 2 steps" in out, out
    assert ("flock does not work here" in out) == ("LD_PRELOAD" in env)
