"""The workflow on a cluster: a real Slurm of one node, where Debian's packages for it are installed."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from chaos import wait_for
from conftest import TOY_PROFILE, Toy

START = Path(__file__).parent / "slurm" / "start.sh"
WORDS = "--executor slurm --jobs 2 --slurm-status-command squeue --slurm-init-seconds-before-status-checks 1"
PATIENCE = 1500  # seconds
CHECKOUT = "checkout"  # Snakemake's plugin for Slurm cannot start a Python whose path holds a space
TOOLS = ("munged", "slurmctld", "slurmd")
missing = [tool for tool in TOOLS if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")]
reason = f"{', '.join(missing)} not installed (apt-get install slurm-wlm munge)"
pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(missing), reason=reason)]


@pytest.fixture
def slurm(monkeypatch):
    """Slurm's commands find a node of our own; afterwards none of its processes is left."""
    place = tempfile.mkdtemp(prefix="adc-slurm-")  # not tmp_path, which may be too long for a socket
    started = subprocess.run([START, place, "2"], capture_output=True, text=True)
    try:
        assert started.returncode == 0, started.stderr
        monkeypatch.setenv("SLURM_CONF", f"{place}/slurm.conf")
        monkeypatch.setenv("PATH", f"{place}/bin:{os.environ['PATH']}")
        yield
    finally:
        pids = [int(file.read_text()) for file in Path(place).glob("*.pid")]
        subprocess.run([START, "stop", place], check=True)
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        shutil.rmtree(place)


def queue(what: str = "%i %T") -> list[str]:
    command = ["squeue", "--noheader", f"--format={what}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def ended(call: subprocess.Popen) -> tuple[int, str]:
    output, _ = call.communicate(timeout=PATIENCE)
    return call.returncode, output


def test_slurm_gives_what_a_local_call_gives_also_when_a_job_is_killed(slurm, tmp_path):
    here, there = (Toy(tmp_path / name, CHECKOUT) for name in ("here", "there"))
    for toy in (here, there):  # long enough to be killed in
        toy.profile("quick", TOY_PROFILE.replace("seconds: 1.0", "seconds: 20.0"))
    assert ended(here.start())[0] == 0
    call, trained = there.start(*WORDS.split()), there.home / "trained.txt"
    wait_for(lambda: trained.exists() and "adc" in trained.read_text() or call.poll() is not None, PATIENCE)
    subprocess.run(["scancel", "--signal=KILL", "--state=RUNNING", f"--user={os.getuid()}"], check=True)
    code, output = ended(call)
    assert code == 1 and "train_adc" in output and "Not finished." in output, output
    assert not (there.home / "data/results.parquet").exists()
    wait_for(lambda: queue() == [], 120)
    code, output = ended(there.start(*WORDS.split()))
    assert code == 0, output
    assert there.results() == here.results() and queue() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_call_is_gone_on_with(slurm, tmp_path, number):
    toy = Toy(tmp_path, CHECKOUT)
    call = toy.start(*WORDS.split())
    wait_for(lambda: queue("%T"), PATIENCE)
    call.send_signal(number)
    ended(call)
    if number == signal.SIGINT:  # Snakemake takes its jobs out of the queue
        wait_for(lambda: queue() == [], 120)
    code, output = ended(toy.start(*WORDS.split()))
    assert code == 0, output
    time.sleep(1)
    assert len(toy.results()) == 6
