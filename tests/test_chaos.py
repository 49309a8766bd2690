"""Calls killed at random moments: the next one ends as if nothing had been."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chaos import differences, kill_often
from conftest import ROOT, Toy


def survive(start, home: Path, whole: Path, kills: int, longest: float, seed: int) -> None:
    """Kill calls in `home` as often as told; then the last one must leave what an undisturbed one left in `whole`."""
    for number, told in enumerate(kill_often(start, home, kills, longest, random.Random(seed)), 1):
        print(f"{time.strftime('%H:%M:%S')} {number}: {told}", flush=True)
        if told == "finished":
            assert not (different := differences(home, whole)), different
            shutil.rmtree(home)
            home.mkdir()
    last = start()
    said, _ = last.communicate()
    assert last.returncode == 0, said
    assert not (different := differences(home, whole)), different


@pytest.fixture
def scratch(tmp_path_factory, monkeypatch) -> Path:
    """A folder for temporary files in which nothing may stay."""
    place = tmp_path_factory.mktemp("tmp")
    monkeypatch.setenv("TMPDIR", str(place))
    yield place
    assert not [*place.iterdir()]


@pytest.mark.slow
def test_three_kills_of_a_toy_call_leave_no_trace(tmp_path, scratch):
    toys = [Toy(tmp_path / name) for name in ("disturbed", "undisturbed")]
    began = time.monotonic()
    code, said = toys[1].run("--cores", "2")
    assert code == 0, said
    took = time.monotonic() - began
    survive(lambda: toys[0].start("--cores", "2"), toys[0].home, toys[1].home, 3, took, seed=1)


@pytest.mark.chaos
def test_twenty_kills_of_smoke_leave_no_trace(tmp_path, scratch):
    def start(home: Path) -> subprocess.Popen:
        home.mkdir(exist_ok=True)
        env = os.environ | {"ADC_HOME": str(home), "PYTHONPATH": f"{ROOT / 'notebooks'}:{ROOT}", "PYTHONSAFEPATH": "1"}
        how = {"env": env, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen([sys.executable, "-m", "workflow", "--profile", "smoke"], **how)

    began = time.monotonic()
    undisturbed = start(tmp_path / "undisturbed")
    said, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, said
    took = time.monotonic() - began
    print(f"An undisturbed call took {took:.0f} s.", flush=True)
    survive(lambda: start(tmp_path / "disturbed"), tmp_path / "disturbed", tmp_path / "undisturbed", 20, took / 8, seed=0)
