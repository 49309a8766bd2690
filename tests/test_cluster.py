"""The workflow on a cluster: a real Slurm of one node where Debian's packages for it are installed, and what is asked of one."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
from conftest import TOY_PROFILE, Toy
from small import random_ratings

from adc import data, settings, studies
from adc.data.table1 import TABLE_I
from workflow import costs, estimate, failure, job, options, plan

START = Path(__file__).parent / "slurm" / "start.sh"
WORDS = "-- --executor slurm --jobs 2 --slurm-status-command squeue --slurm-init-seconds-before-status-checks 1".split()
PATIENCE = 1500  # seconds
missing = [tool for tool in ("munged", "slurmctld", "slurmd") if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")]
needs_slurm = pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed (apt-get install slurm-wlm munge)")


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
    return subprocess.run(["squeue", "--noheader", f"--format={what}"], capture_output=True, text=True, check=True).stdout.splitlines()


def wait_for(what, driver: subprocess.Popen):
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end and driver.poll() is None, driver.communicate()[0]
        time.sleep(0.2)
    return found


def ended(driver: subprocess.Popen) -> tuple[int, str]:
    said, _ = driver.communicate(timeout=PATIENCE)
    return driver.returncode, said


@needs_slurm
@pytest.mark.slurm
def test_slurm_gives_what_a_local_call_gives_also_when_a_job_is_killed(slurm, tmp_path):
    here, there = Toy(tmp_path / "here"), Toy(tmp_path / "there")
    for toy in (here, there):  # long enough to be killed in
        toy.profile("quick", TOY_PROFILE.replace("seconds: 1.0", "seconds: 20.0"))
    assert ended(here.start())[0] == 0
    driver, trained = there.start(*WORDS), there.home / "trained.txt"
    wait_for(lambda: trained.exists() and "adc-" in trained.read_text(), driver)
    subprocess.run(["scancel", "--signal=KILL", "--state=RUNNING", f"--user={os.getuid()}"], check=True)
    code, said = ended(driver)
    assert code == 1 and "03_train_adc" in said and "was killed. It may have met a limit" in said
    assert not there.files() & {"data/results.parquet"} and queue() == []
    code, said = ended(there.start(*WORDS))
    assert code == 0, said
    assert there.results() == here.results()
    assert not [name for name in there.files() if name.endswith((".partial", ".old"))] and queue() == []


@needs_slurm
@pytest.mark.slurm
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_call_takes_its_jobs_out_of_the_queue(slurm, toy, number):
    driver = toy.start(*WORDS)
    wait_for(lambda: queue("%T"), driver)
    driver.send_signal(number)
    ended(driver)
    end = time.monotonic() + 120
    while queue():
        assert time.monotonic() < end, queue()
        time.sleep(0.5)


@pytest.mark.parametrize(
    "words, far, cores",
    [
        ([], False, 3),
        (["--executor", "local", "--jobs", "9"], False, 3),
        (["--executor", "slurm", "--jobs", "9"], True, 9),
        (["--executor=kubernetes", "-j", "9"], True, 9),
        (["--workflow-profile", "cluster"], True, 3),
        (["--forceall"], False, 3),
    ],
)
def test_whether_jobs_go_elsewhere(words, far, cores):
    asked = options.parse(["--cores", "3", "--", *words])
    assert asked.elsewhere is far and asked.cores == cores


def test_every_job_asks_for_memory_and_time():
    planned = estimate.by_urgency(plan.jobs(options.Options(profile="paper", data=["twin"])))
    assert all(job.resources["mem_mb"] > costs.AROUND and job.resources["runtime"] >= costs.LEAST_MINUTES for job in planned)
    grid = next(job for job in planned if job.notebook == plan.GRID)
    assert grid.resources["runtime"] > max(job.resources["runtime"] for job in planned if job.notebook == "03_train_adc")


@pytest.mark.parametrize("failures, told", [(2, ""), (3, "Kernel died before replying")])
def test_a_kernel_whose_port_was_taken_is_started_again(failures, told, monkeypatch, tmp_path):
    left = [RuntimeError("Kernel died before replying to kernel_info")] * failures + [None]
    monkeypatch.setattr("papermill.execute_notebook", Mock(side_effect=left))
    planned = plan.jobs(options.Options(profile="smoke"))[0]
    with pytest.raises(failure.Failed, match=told) if told else nullcontext():
        job._execute(planned, tmp_path / "a.ipynb", tmp_path / "b.ipynb")


def test_costs_are_those_measured_and_grow_beyond(monkeypatch):
    row = {"setup": 1.0, "epoch": 2.0, "validation": 3.0, "test": 4.0, "rest": 5.0, "before": 300, "peak": 400}
    rows = [row | {"method": method, "ratings": 1000} for method in ("adc", "ease")]
    monkeypatch.setattr(costs, "measured", lambda: rows)
    assert costs.seconds("adc", 1000, 10) == 1 + 10 * (2 + 3) + 4 + 5
    assert costs.cost("adc", 2000) == {"setup": 2, "epoch": 4, "validation": 6, "test": 16, "rest": 10, "memory": 500}
    assert costs.cost("ease", 2000) == {"setup": 2, "epoch": 4, "validation": 24, "test": 32, "rest": 10, "memory": 700}
    assert costs.cost("new", 500) == costs.cost("adc", 1000)  # the next larger one


def test_the_page_holds_what_was_measured_and_what_follows_from_it(monkeypatch):
    page = costs.PAGE.read_text(encoding="utf-8")
    assert all(part in page for part in costs._measurements())
    small, large = (row for row in costs.measured() if row["method"] == "bpr" and row["scale"] in (0.3, 1))
    monkeypatch.setattr(costs, "measured", lambda: [small])
    rule = costs.cost("bpr", large["ratings"])
    told = f"to take {rule['epoch']:.1f} s an epoch, {rule['test']:.1f} s for the test and {rule['memory'] / 1000:.1f} GB; with later code it took "
    assert told + f"{large['epoch']:.1f} s, {large['test']:.1f} s and {large['peak'] / 1000:.1f} GB" in " ".join(page.split())


@pytest.mark.parametrize("study", [*studies.STUDIES, "depth, asymmetry, balancing", "pairs, sets, readings"])
@pytest.mark.parametrize("dataset", ["movielens", "twin"])
def test_a_grid_is_estimated_by_the_runs_that_it_trains(study, dataset, monkeypatch):
    given = {"dataset": dataset, "seed": 0, "study": study, "depths": "1, 2, 3", "gammas": "0, 2", "epochs": 4}
    runs, whole = estimate.trainings(plan.Job(plan.GRID, dataset, given, ""))  # without ratings
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings(domains=6))
    domains = [settings.named(config["domains"]) for config in studies.together(**given)]
    of_sets, alone = sum(len(some) > 1 for some in domains), sum(len(some) == 1 for some in domains)
    assert runs == len(domains) - alone * 5 / 6  # one on each domain counts as one on all
    assert whole == runs - of_sets + of_sets / 3 * estimate.SETS


def test_three_sets_see_half_as_many_ratings_again_as_all_domains():
    sizes = {name: facts[2] for name, facts in TABLE_I.items()}
    seen = sum(sizes[name] for names in studies.sets(sizes).values() for name in names)
    assert seen / sum(sizes.values()) == pytest.approx(estimate.SETS, abs=0.05)
