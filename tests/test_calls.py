"""Whole calls on toy notebooks: what is done, what the reader sees, and resuming after anything died."""

import json
import os
import signal
import subprocess
import time

import nbformat
import pytest
from chaos import processes, wait_for
from conftest import TOY_PROFILE, Toy

from companion import execute

pytestmark = pytest.mark.slow
# 01, 03 twice, 05
SHORT = "\n".join(line for line in TOY_PROFILE.splitlines() if line[:2] not in ("02", "04"))
RUNS = {"adc2-0": 40, "adc3-0": 40, "bpr-0": 30, "ease-0": 40, "bpr-1": 31, "ease-1": 41}  # name -> value


def results(toy: Toy) -> dict:
    return {run.rpartition("/")[2]: value for run, value in toy.results().items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Toy:
    """A call that nothing disturbed."""
    toy = Toy(tmp_path_factory.mktemp("undisturbed"))
    code, out = toy.run("--cores", "2")
    assert code == 0, out
    assert "9 of 9 steps (100%) done" in out and "executed/quick" in out.split("Done.")[1]
    return toy


def test_a_finished_call_leaves_everything_in_its_place(finished):
    assert results(finished) == RUNS
    assert sorted(path.stem for path in finished.page("x").parent.glob("*.html")) == [
        "01_data", "02_mf_init", "03_train_adc-hidden_layers2", "03_train_adc-hidden_layers3",
        "04_baselines-seed0", "04_baselines-seed1", "05_performance",
    ]  # fmt: skip
    assert not [path for path in finished.home.rglob("*") if path.name.endswith(".partial")]
    assert not list(finished.elsewhere.iterdir())
    executed = nbformat.read(finished.page("05_performance").with_suffix(".ipynb"), as_version=4)
    stamp, source = executed.metadata["adc"], finished.root / "notebooks/05_performance.ipynb"
    assert stamp["source"] == execute.digest(source)
    assert stamp["notebook"] == "notebooks/05_performance.ipynb"
    assert stamp["parameters"] == {"profile": "quick", "dataset": "movielens"}
    start = nbformat.read(finished.page("02_mf_init").with_suffix(".ipynb"), as_version=4)
    texts = [output.get("text") for cell in start.cells for output in cell.get("outputs", [])]
    assert texts == ["0\n"]  # no progress bar


def test_the_second_call_does_nothing_and_after_an_edit_only_what_hangs_on_it(finished):
    assert "Nothing to be done" in finished.run()[1]
    finished.notebook("05_performance", work="print('another')")
    code, out = finished.run()
    assert code == 0 and "2 of 2 steps" in out and "another" in finished.page("05_performance").read_text()
    finished.profile("quick", TOY_PROFILE.replace("seeds: [0, 1]", "seeds: [1, 2]"))
    code, out = finished.run("--dry-run")
    assert code == 0 and [line.split()[-1] for line in out.splitlines() if line[:9] == "baselines"][0] == "1"
    finished.profile("quick", TOY_PROFILE.replace("[bpr, ease]", "[bpr]"))
    assert finished.run()[0] == 0  # the same pages, of other parameters
    executed = nbformat.read(finished.page("04_baselines-seed0").with_suffix(".ipynb"), as_version=4)
    assert executed.metadata["adc"]["parameters"]["methods"] == ["bpr"]
    (finished.root / "adc" / "new.py").write_text("# code that notebooks may import")
    code, out = finished.run()
    assert code == 0 and "9 of 9 steps" in out  # all executed again, none trained again
    assert len((finished.home / "trained.txt").read_text().split()) == len(RUNS)


@pytest.mark.parametrize("words, change, message", [
    ([], ("methods:", "method:"), "04_baselines has no parameter 'method'. Did you mean 'methods'?"),
    (["--data", "movielense"], ("", ""), "Did you mean 'movielens'?"),
    (["--device", "gpu"], ("", ""), "Unknown device 'gpu'"),
    (["--data"], ("", ""), "--data needs a value"),
])  # fmt: skip
def test_a_slip_stops_the_call_before_anything_is_done(toy, words, change, message):
    toy.profile("quick", TOY_PROFILE.replace(*change))
    code, out = toy.run(*words)
    assert code != 0 and message in out and "Traceback" not in out and len(out.splitlines()) <= 2
    assert not (toy.home / "data" / "executed").exists() and not (toy.home / "data" / "processed").exists()


def test_a_file_with_an_odd_name_gets_a_report_and_a_bad_one_is_refused(toy):
    file = toy.elsewhere / "meine {x} Dätei', [1]: #\".csv"
    file.write_text("domain,user,item,rating\n")
    code, out = toy.run("--data", file.name, "--forceall", "executed/own/own-file/01_data.html")
    assert code == 0, out
    source = json.loads((toy.home / "data/processed/own-file/ratings.json").read_text())["source"]
    assert source == file.name and toy.page("01_data", "own-file", "own").exists()
    file.write_text("domain,user,item\n")
    code, out = toy.run(f"--data={file}", "--dry-run")
    assert code == 1 and "line 1: the column rating is missing" in out and len(out.splitlines()) == 1
    code, out = toy.run("--data", "lost.csv")
    assert code == 1 and f"'{toy.elsewhere}/lost.csv' is neither a known source nor a file." in out


@pytest.mark.parametrize("work, message, untold", [
    ("x = 1\nfor n in range(3):\n    x = x / (2 - n)", "ZeroDivisionError: float division", "papermill"),
    ("from adc.errors import UserError\nraise UserError('ratings.csv, line 7: ' + 'number ' * 300)",
     "ratings.csv, line 7", "----> "),
    ("import os\nos._exit(3)", "Kernel died", "Traceback"),
])  # fmt: skip
def test_a_failing_notebook_is_told_in_a_screenful(toy, work, message, untold):
    toy.notebook("01_data", work=work)
    code, out = toy.run()
    report = out[out.index("FAILED") :].split("Mend the cause")[0].strip()
    assert code == 1 and message in report and untold not in report and "notebooks/01_data.ipynb" in report
    assert len(report.splitlines()) <= 24 and max(map(len, report.splitlines()[:-1])) <= 120
    if "died" not in message:
        assert "In cell 3 of 3" in report and work.splitlines()[0] in report
    assert nbformat.read(report.split("up to the failure: ")[1], as_version=4).cells
    assert not toy.page("01_data").exists() and "Not finished." in out


def test_pictures_are_shown_and_none_of_the_readers_settings_count(toy):
    (toy.elsewhere / "matplotlibrc").write_text("text.usetex: True\n")
    toy.notebook("01_data", work="import matplotlib.pyplot as plt\nplt.title('x')\nplt.plot([1, 2]);")
    rc = str(toy.elsewhere / "matplotlibrc")
    code, out = toy.run("executed/quick/movielens/01_data.html", MATPLOTLIBRC=rc)
    assert code == 0, out
    executed = nbformat.read(toy.page("01_data").with_suffix(".ipynb"), as_version=4)
    assert ["image/png" in out.get("data", {}) for out in executed.cells[-1].outputs] == [True]


@pytest.mark.parametrize("whose, sent", [
    ("-m snakemake", signal.SIGKILL), ("companion.execute", signal.SIGKILL), ("ipykernel", signal.SIGKILL),
    ("-m snakemake", signal.SIGTERM),
])  # fmt: skip
def test_killed_in_the_middle_of_a_run_the_next_call_ends_as_if_nothing_had_been(toy, whose, sent):
    toy.profile("quick", SHORT)
    call = toy.start("--cores", "2")
    wait_for((toy.home / "trained.txt").exists)
    first = toy.page("01_data").stat().st_mtime_ns
    os.kill(next(p.pid for p in processes(toy.home) if whose in " ".join(p.cmdline())), sent)
    out, _ = call.communicate(timeout=90)
    assert call.returncode != 0
    wait_for(lambda: not processes(toy.home), 20)
    code, out = toy.run("--cores", "2")
    assert code == 0, out
    assert results(toy) == {name: RUNS[name] for name in ("adc2-0", "adc3-0")}
    assert toy.page("01_data").stat().st_mtime_ns == first


def test_of_two_calls_at_once_the_second_waits_and_finds_everything_done(toy):
    toy.profile("quick", SHORT)
    calls = [toy.start("--cores", "2"), toy.start()]
    out = [call.communicate(timeout=200)[0] for call in calls]
    assert [call.returncode for call in calls] == [0, 0]
    assert sorted("Waiting: another call" in words for words in out) == [False, True]
    assert sorted("Nothing to be done" in words for words in out) == [False, True]
    assert len((toy.home / "trained.txt").read_text().split()) == 2


def test_a_call_that_waited_goes_by_what_is_there_when_it_goes_on(toy):
    (toy.home / "data").mkdir()
    with subprocess.Popen(["flock", toy.home / "data" / ".lock", "sleep", "60"]) as holder:
        time.sleep(0.5)
        call = toy.start("--cores", "2")
        assert call.stdout.readline().startswith("Waiting: ")
        toy.profile("quick", TOY_PROFILE.replace("methods:", "methode:"))
        subprocess.run(["pkill", "-P", str(holder.pid)])
        holder.kill()
    out, _ = call.communicate(timeout=90)
    assert call.returncode == 1 and "04_baselines has no parameter 'methode'" in out


def test_a_sweep_takes_what_killed_calls_left_but_nothing_that_is_at_work(toy):
    old, new = toy.home / "data/runs/.adc.0.partial", toy.home / "data/runs/.adc.1.partial"
    for place in (old, new):
        place.mkdir(parents=True)
    os.utime(old, (1, 1))
    assert toy.run("--dry-run")[0] == 0
    assert not old.exists() and new.exists()
