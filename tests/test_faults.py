"""What the machine does to a call: a full or read-only disk, no network, a clock that jumps. One sentence, and the next call goes on."""

import json
import os
import subprocess
import sys
import time

import pytest
from chaos import processes
from conftest import ROOT, TOY_PROFILE, Toy

pytestmark = pytest.mark.slow
MB = 1 << 20
SHORT = TOY_PROFILE.split("  04_baselines")[0].replace("  02_mf_init: [{}]\n", "")
# in a network of its own that has nothing but loopback, which is to be switched on
OFFLINE = """
import fcntl, os, socket, struct, sys
with socket.socket() as line:
    fcntl.ioctl(line, 0x8914, struct.pack("16sh22x", b"lo", 0x49))
os.execv(sys.argv[1], sys.argv[1:])
"""


def mount(place, *options: str) -> None:
    made = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"nothing can be mounted here: {made.stderr.strip()}")


@pytest.fixture
def small_disk(toy):
    """The toy's data folder on a disk of its own, of 24 MB; two runs to do."""
    toy.profile("quick", SHORT)
    mount(toy.home, "-t", "tmpfs", "-o", "size=24m", "tmpfs")
    yield toy
    subprocess.run(["umount", str(toy.home)], check=True)


def told_once(toy: Toy, *words: str) -> None:
    """A call fails by a sentence with one of these words in it, and leaves no process and nothing half-written."""
    code, said = toy.run("--cores", "2")
    assert code != 0 and "Traceback" not in said and any(word in said for word in words), said
    assert said.count("give the same command again") + said.count("run the same command again") >= 1, said
    assert not processes(toy.home)
    for run in toy.home.glob("data/runs/*/[!.]*"):
        assert not any(run.iterdir()) or {"config.json", "metrics.json"} <= {file.name for file in run.iterdir()}


def test_a_full_disk_is_told_wherever_it_fills_and_the_next_call_goes_on(small_disk):
    toy, filler = small_disk, small_disk.home / "filler"
    for free in (0, 4096, MB // 8, MB // 2):
        space = os.statvfs(toy.home)
        with open(filler, "ab") as file:
            if (more := space.f_bavail * space.f_frsize - free) > 0:
                file.write(bytes(more))
            else:
                file.truncate(max(0, filler.stat().st_size + more))
        told_once(toy, "full", "No space left")
    filler.unlink()
    code, said = toy.run("--cores", "2")
    assert code == 0, said
    assert sorted(json.loads(toy.results()).values()) == [2, 3]


def test_a_read_only_data_folder_is_told_and_can_be_looked_at(small_disk):
    toy = small_disk
    (toy.home / "data").mkdir()
    mount(toy.home, "-o", "remount,ro")
    told_once(toy, "ADC_HOME")
    assert toy.run("--dry-run")[0] == 0
    mount(toy.home, "-o", "remount,rw")
    assert toy.run("--cores", "2")[0] == 0


@pytest.fixture
def offline() -> list[str]:
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", OFFLINE]
    if sys.platform == "darwin" or subprocess.run([*command, "/bin/true"], capture_output=True).returncode:
        pytest.skip("no network can be taken away here")
    return command


def test_without_a_network_everything_runs_that_needs_no_download(toy, offline):
    toy.within = offline
    code, said = toy.run("--cores", "2")
    assert code == 0, said


def test_without_a_network_movielens_is_there_and_amazon_says_what_to_do(tmp_path, offline):
    env = os.environ | {"ADC_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ask = [*offline, sys.executable, "-c", "import sys\nfrom adc import data\ndata.prepare(sys.argv[1])"]
    assert subprocess.run([*ask, "movielens"], env=env).returncode == 0
    before = sorted(tmp_path.rglob("*"))
    tried = subprocess.run([*ask, "amazon"], env=env, capture_output=True, text=True)
    assert tried.returncode == 1 and "put it at" in tried.stderr.splitlines()[-1], tried.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_clock_that_was_wrong_makes_nothing_run_twice_and_nothing_be_missed(toy):
    assert toy.run("--cores", "2")[0] == 0
    tomorrow, sources = time.time() + 86400, [*(toy.root / "notebooks").glob("*.ipynb"), *(toy.root / "adc").glob("*.py")]
    for file in sources:  # checked out by a clock that was ahead
        os.utime(file, (tomorrow, tomorrow))
    assert "7 done already, 0 to do" in toy.run()[1]
    for file in sources:
        os.utime(file)
    for file in toy.home.glob("data/**/*.html"):  # made by such a clock; put right, what is edited now is older
        os.utime(file, (tomorrow, tomorrow))
    assert "7 done already, 0 to do" in toy.run()[1]
    for file in toy.home.glob("data/**/*.html"):
        os.utime(file, (tomorrow, tomorrow))
    toy.notebook("05_performance", work="print('edited')")
    code, said = toy.run("--cores", "2")
    assert code == 0 and "6 done already, 1 to do" in said, said
    cells = json.loads((toy.home / "data/reports/quick/movielens/05_performance.ipynb").read_text())["cells"]
    assert any("edited" in "".join(cell["source"]) for cell in cells)
