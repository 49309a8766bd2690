"""What the machine does to a call: a full or read-only disk, no network, a clock that jumps. It is told in a
sentence, and the next call goes on."""

import os
import subprocess
import sys
import time

import pytest
from chaos import processes
from conftest import ROOT, TOY_NOTEBOOKS, Toy
from test_calls import RUNS, SHORT, results

pytestmark = pytest.mark.slow
MB = 1 << 20
# in a network of its own that has nothing but loopback, which is to be switched on
OFFLINE = """
import fcntl, os, socket, struct, sys
with socket.socket() as line:
    fcntl.ioctl(line, 0x8914, struct.pack("16sh22x", b"lo", 0x49))
os.execv(sys.argv[1], sys.argv[1:])
"""


def mount(place, *options: str) -> None:
    call = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if call.returncode:
        pytest.skip(f"nothing can be mounted here: {call.stderr.strip()}")


@pytest.fixture
def small_disk(toy):
    """The toy's data folder on a disk of 24 MB of its own; a large file and two large pages to write."""
    toy.profile("quick", f"{SHORT}\n02_mf_init: {{}}\n")
    large = "files.write_json(paths.home() / 'data' / str(seed), 'x' * 3_000_000)"
    toy.notebook("02_mf_init", work=f"from companion import files, paths\n{large}")
    toy.notebook("03_train_adc", work=TOY_NOTEBOOKS["03_train_adc"][1] + "\nprint('x' * 3_000_000)")
    mount(toy.home, "-t", "tmpfs", "-o", "size=24m", "tmpfs")
    yield toy
    subprocess.run(["umount", str(toy.home)], check=True)


def told_once(toy: Toy, *words: str) -> None:
    """A call fails with one of these words, and leaves no process and nothing half-written."""
    code, output = toy.run("--cores", "2")
    assert code != 0 and any(word in output for word in words) and "same command" in output, output
    assert not processes(toy.home)
    for run in toy.home.glob("data/runs/*/[!.]*"):
        names = {file.name for file in run.iterdir()}
        assert not names or names >= {"config.json", "metrics.json"}


def test_a_full_disk_is_told_wherever_it_fills_and_the_next_call_goes_on(small_disk):
    toy, filler = small_disk, small_disk.home / "filler"
    for free in (0, 4096, 9 * MB // 4, 11 * MB // 2):
        space = os.statvfs(toy.home)
        with open(filler, "ab") as file:
            if (more := space.f_bavail * space.f_frsize - free) > 0:
                file.write(bytes(more))
            else:
                file.truncate(max(0, filler.stat().st_size + more))
        told_once(toy, "Free some space", "disk is full")
    filler.unlink()
    code, output = toy.run("--cores", "2")
    assert code == 0, output
    assert results(toy) == {name: RUNS[name] for name in ("adc2-0", "adc3-0")}


def test_a_data_folder_that_cannot_be_written_is_told_in_a_sentence(small_disk):
    toy = small_disk
    (toy.home / "data").write_text("a file where a folder should be")
    code, output = toy.run()
    assert code == 1 and output.startswith("Could not write in ") and output.count("\n") == 1
    (toy.home / "data").unlink()
    (toy.home / "data").mkdir()
    mount(toy.home, "-o", "remount,ro")
    told_once(toy, "ADC_HOME")
    mount(toy.home, "-o", "remount,rw")
    assert toy.run("--cores", "2")[0] == 0


@pytest.fixture
def offline() -> list[str]:
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", OFFLINE]
    if sys.platform == "darwin" or subprocess.run([*command, "/bin/true"], capture_output=True).returncode:
        pytest.skip("no network can be taken away here")
    return command


def test_without_a_network_everything_runs_that_needs_no_download(toy, offline):
    toy.profile("quick", SHORT)
    toy.within = offline
    code, output = toy.run("--cores", "2")
    assert code == 0, output


def test_without_a_network_movielens_is_there_and_amazon_says_what_to_do(tmp_path, offline):
    env = os.environ | {"ADC_HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT / 'notebooks'}"}
    code = "import sys\nfrom companion import data\ndata.prepare(sys.argv[1])"
    command = [*offline, sys.executable, "-c", code]
    assert subprocess.run([*command, "movielens"], env=env).returncode == 0
    before = sorted(tmp_path.rglob("*"))
    tried = subprocess.run([*command, "amazon"], env=env, capture_output=True, text=True)
    assert tried.returncode == 1 and "put it at" in tried.stderr.splitlines()[-1], tried.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_clock_that_was_wrong_makes_nothing_run_twice(toy):
    toy.profile("quick", SHORT)
    assert toy.run("--cores", "2")[0] == 0
    tomorrow = time.time() + 86400
    sources = [*(toy.root / "notebooks").rglob("*.ipynb"), *toy.root.rglob("*.py")]
    for file in sources:  # checked out by a clock that was ahead: Snakemake compares checksums
        os.utime(file, (tomorrow, tomorrow))
    assert "Nothing to be done" in toy.run()[1]
    toy.notebook("05_performance", work="print('edited')")
    assert "2 of 2 steps" in toy.run()[1] and "edited" in toy.page("05_performance").read_text()
