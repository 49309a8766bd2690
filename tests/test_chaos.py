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
from test_calls import SHORT


def survive(start, home: Path, whole: Path, kills: int, longest: float, seed: int) -> None:
    """Kill calls in `home` so often; the last one must leave what an undisturbed one left in `whole`."""
    for number, message in enumerate(kill_often(start, home, kills, longest, random.Random(seed)), 1):
        print(f"{time.strftime('%H:%M:%S')} {number}: {message}", flush=True)
        if message == "finished":
            assert not (different := differences(home, whole)), different
            shutil.rmtree(home)
            home.mkdir()
    last = start()
    output, _ = last.communicate()
    assert last.returncode == 0, output
    assert not (different := differences(home, whole)), different


@pytest.mark.slow
def test_three_kills_of_a_toy_call_leave_no_trace(tmp_path):
    toys = [Toy(tmp_path / name) for name in ("disturbed", "undisturbed")]
    for toy in toys:
        toy.profile("quick", SHORT)
    began = time.monotonic()
    code, output = toys[1].run("--cores", "2")
    assert code == 0, output
    took = time.monotonic() - began
    start = lambda: toys[0].start("--cores", "2")
    survive(start, toys[0].home, toys[1].home, 3, took, seed=1)


@pytest.mark.chaos
def test_twenty_kills_of_smoke_leave_no_trace(tmp_path):
    def start(home: Path) -> subprocess.Popen:
        home.mkdir(exist_ok=True)
        options = ["--profile", "smoke"]
        return subprocess.Popen(
            [ROOT / "run_all.sh", *options], env=os.environ | {"ADC_HOME": str(home)}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    if not sys.executable.startswith(str(ROOT)):
        pytest.skip("runs in the environment that run_all.sh makes: ./run_all.sh test -m chaos")
    began = time.monotonic()
    undisturbed = start(tmp_path / "undisturbed")
    output, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, output
    took = time.monotonic() - began
    print(f"An undisturbed call took {took:.0f} s.", flush=True)
    home = tmp_path / "disturbed"
    survive(lambda: start(home), home, tmp_path / "undisturbed", 20, took / 8, seed=0)
