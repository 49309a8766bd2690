"""Whole calls of the workflow on toy notebooks: what the reader sees, and resumable after anything dies."""

import fcntl
import json
import os
import signal
import time

import nbformat
import pytest
from chaos import processes
from conftest import TOY_PROFILE, Toy

from workflow import progress, source

SHORT = TOY_PROFILE.split("  04_baselines")[0].replace("  02_mf_init: [{}]\n", "")  # 01, two runs of 03, gathered
LABELS = {0: "01_data toy", 1: "03_train_adc toy seed=0", 2: "03_train_adc toy seed=1"}


# What the reader sees


def test_progress_counts_and_estimates():
    said = []
    shown = progress.Progress(LABELS, 1, lambda text, **_: said.append(text), status=False)
    for number, seconds in ((0, 4.0), (1, 600.0), (2, 10.0)):
        shown.event(number, "started")
        shown.event(number, "finished", seconds)
    assert said == [
        "[1/3] 01_data toy ... 4.0 s, 2 left",
        "[2/3] 03_train_adc toy seed=0 ... 10 min, about 10 min left",
        "[3/3] 03_train_adc toy seed=1 ... 10.0 s",
    ]


def test_a_job_that_snakemake_finds_half_done_is_counted_too():
    said = []
    shown = progress.Progress({1: LABELS[1]}, 1, lambda text, **_: said.append(text), status=False, others=LABELS)
    for number in (0, 1):
        shown.event(number, "started")
        shown.event(number, "finished", 4.0)
    assert said[0].startswith("[1/2] 01_data toy") and said[1].startswith("[2/2] 03_train_adc toy seed=0")


def test_a_job_that_ends_twice_is_counted_once():
    said = []
    shown = progress.Progress(LABELS, 1, lambda text, **_: said.append(text), status=False)
    for number in (0, 0, 1):  # where a cluster sees its file late, it is done again
        shown.event(number, "started")
        shown.event(number, "finished", 4.0)
    assert [line[:5] for line in said] == ["[1/3]", "[1/3]", "[2/3]"] and shown.left == [2]


# Whole calls, on toy notebooks


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Toy:
    """A call that nothing disturbed."""
    toy = Toy(tmp_path_factory.mktemp("undisturbed"))
    code, said = toy.run("--cores", "2")
    assert code == 0, said
    assert "[7/7]" in said and "05_performance.html" in said.split("Worth opening:")[1]
    return toy


@pytest.mark.slow
def test_a_dry_run_names_the_jobs_and_writes_nothing(toy):
    code, said = toy.run("--dry-run")
    assert code == 0 and "7 steps, 0 done already, 7 to do" in said and "03_train_adc movielens hidden_layers=3" in said
    assert toy.files() == set() and not list(toy.elsewhere.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "change, told",
    [
        (("[{method: bpr}]", "[{methode: bpr}]"), "04_baselines has no parameter 'methode'. Did you mean 'method'?"),
        (("seconds: 1.0", "seconds: 1"), "expected float"),
        (("05_performance:", "05_performence:"), "no notebook '05_performence'"),
    ],
)
def test_a_wrong_profile_stops_the_call_before_anything_is_written(toy, change, told):
    toy.profile("quick", TOY_PROFILE.replace(*change))
    code, said = toy.run()
    assert code == 1 and told in said and "Traceback" not in said and toy.files() == set()


@pytest.mark.slow
def test_a_data_folder_that_cannot_be_written_is_told_in_a_sentence(toy):
    (toy.home / "data").write_text("a file where a folder should be")
    code, said = toy.run()
    assert code == 1 and said.startswith("Could not write") and "ADC_HOME" in said and "Traceback" not in said


@pytest.mark.slow
def test_a_finished_call_leaves_everything_in_its_place(finished):
    left = finished.files()
    assert {
        f"data/{name}"
        for name in (
            "results.parquet",
            "processed/movielens/01_data.ipynb",
            "reports/quick/movielens/05_performance.html",
        )
    } <= left
    assert sum(name.endswith("notebook.html") for name in left) == 3
    assert not [name for name in left if name.endswith(".partial") or "/.workflow/now/" in name]
    assert not list(finished.elsewhere.iterdir())
    (start,) = (finished.home / "data/processed/movielens/mf").glob("*.ipynb")
    said = [output.get("text") for cell in nbformat.read(start, as_version=4).cells for output in cell.get("outputs", [])]
    assert said == ["0\n"]  # no progress bar
    executed = nbformat.read(finished.home / "data/reports/quick/movielens/05_performance.ipynb", as_version=4)
    assert executed.metadata["adc"]["source"] == source.digest(finished.root / "notebooks/05_performance.ipynb")


@pytest.mark.slow
def test_the_second_call_does_nothing_and_a_changed_notebook_only_what_hangs_on_it(finished):
    code, said = finished.run()
    assert code == 0 and "7 done already, 0 to do" in said
    finished.notebook("05_performance", work="print('another')")
    code, said = finished.run("--dry-run")
    assert "6 done already, 1 to do" in said
    finished.notebook("03_train_adc", work="print('another')")
    code, said = finished.run("--dry-run")
    assert "3 done already, 4 to do" in said
    finished.notebook("01_data", work="print('another')"), finished.notebook("02_mf_init", work="print('another')")
    code, said = finished.run()
    assert (
        code == 0
        and "05_performance movielens" in said
        and "02_mf_init movielens" in said
        and "7 done already" in finished.run()[1]
    )
    assert len((finished.home / "trained.txt").read_text().split()) == 3
    for name in ("01_data", "02_mf_init", "03_train_adc", "05_performance"):
        finished.notebook(name)


@pytest.mark.slow
def test_words_for_snakemake_reach_it_and_a_file_with_an_odd_name_is_a_dataset(toy):
    file = toy.elsewhere / "meine {x} Dätei'.csv"
    file.write_text("domain,user,item,rating\n")
    code, said = toy.run("--data", file.name, "--", "--forceall", "processed/own-file/01_data.html")
    assert code == 0, said
    assert "[1/1] 01_data own-file" in said
    assert json.loads((toy.home / "data/processed/own-file/ratings.json").read_text())["source"] == file.name
    code, said = toy.run("--", "--no-such-word")
    assert code != 0 and "--no-such-word" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "work, told, untold",
    [
        ("x = 1\nfor n in range(3):\n    x = x / (2 - n)", "ZeroDivisionError: float division by zero", "papermill"),
        (
            "from adc.errors import UserError\nraise UserError('ratings.csv, line 7: ' + 'no number ' * 300)",
            "ratings.csv, line 7",
            "raise_for",
        ),
        ("import os\nos._exit(3)", "died", "Traceback"),
    ],
)
def test_a_failing_notebook_is_told_in_a_screenful(toy, work, told, untold):
    toy.notebook("01_data", work=work)
    code, said = toy.run()
    report = said[said.index("FAILED") :].split("Not finished")[0].strip()
    assert code == 1 and told in report and untold not in report and "notebooks/01_data.ipynb" in report
    assert len(report.splitlines()) <= 24 and max(map(len, report.splitlines()[:-1])) <= 120
    if "died" not in told:
        assert "In cell 3 of 3" in report and work.splitlines()[0] in report
    copy = report.split("up to the failure: ")[1]
    assert nbformat.read(copy, as_version=4).cells
    assert not (toy.home / "data/processed").exists()


def wait_for(what, seconds: float = 90):
    """What `what()` gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def victim(toy: Toy, whose: str) -> int:
    return next(process.pid for process in processes(toy.home) if whose in " ".join(process.cmdline()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "whose, sent",
    [
        ("-m workflow --", signal.SIGKILL),
        ("workflow.engine", signal.SIGKILL),
        ("workflow.job", signal.SIGKILL),
        ("-m workflow --", signal.SIGINT),
    ],
)
def test_killed_in_the_middle_of_a_run_the_next_call_ends_as_if_nothing_had_been(toy, whose, sent):
    if sent == signal.SIGINT and signal.getsignal(sent) == signal.SIG_IGN:
        pytest.skip("SIGINT is ignored here, as in a shell's background job, and every child inherits that")
    toy.profile("quick", SHORT)
    call = toy.start("--cores", "2")
    wait_for((toy.home / "trained.txt").exists)
    first = (toy.home / "data/processed/movielens/01_data.html").stat().st_mtime_ns
    os.kill(victim(toy, whose), sent)
    said, _ = call.communicate(timeout=90)
    assert call.returncode != 0
    assert ("Stopped." in said) == (sent == signal.SIGINT)
    wait_for(lambda: not processes(toy.home), 20)
    code, said = toy.run("--cores", "2")
    assert code == 0, said
    assert sorted(json.loads(toy.results()).values()) == [2, 3]
    assert (toy.home / "data/processed/movielens/01_data.html").stat().st_mtime_ns == first
    assert not [name for name in toy.files() if name.endswith(".partial")]


@pytest.mark.slow
def test_of_two_calls_at_once_the_second_waits_and_finds_everything_done(toy):
    toy.profile("quick", SHORT)
    calls = [toy.start("--cores", "2"), toy.start()]
    said = [call.communicate(timeout=200)[0] for call in calls]
    assert [call.returncode for call in calls] == [0, 0]
    assert sorted("Waiting: process" in words for words in said) == [False, True]
    assert sorted("4 done already, 0 to do" in words for words in said) == [False, True]
    assert sorted(json.loads(toy.results()).values()) == [2, 3]
    assert len((toy.home / "trained.txt").read_text().split()) == 2


@pytest.mark.slow
def test_a_call_that_waited_is_planned_by_what_is_there_when_it_goes_on(toy):
    (toy.home / "data/.workflow").mkdir(parents=True)
    with open(toy.home / "data/.workflow/lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        call = toy.start("--cores", "2")
        assert call.stdout.readline().startswith("Waiting: ")
        toy.profile("quick", TOY_PROFILE.replace("method: bpr", "methode: bpr"))
    said, _ = call.communicate(timeout=90)
    assert call.returncode == 1 and "04_baselines has no parameter 'methode'" in said and not (toy.home / "data/processed").exists()
