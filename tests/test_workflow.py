"""The workflow: strict before anything runs, resumable after anything dies."""

import json
import os
import signal
import time

import nbformat
import psutil
import pytest
from conftest import TOY_PROFILE, Toy

from adc.errors import UserError
from workflow import options, plan, profile, progress, source

SHORT = TOY_PROFILE.split("  04_baselines")[0].replace("  02_mf_init: [{}]\n", "")  # 01, two runs of 03, gathered
LABELS = {0: "01_data toy", 1: "03_train_adc toy seed=0", 2: "03_train_adc toy seed=1"}


# Parameters


def written(tmp_path, *cells: str):
    """A notebook with these parameters cells."""
    tagged = [nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]}) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=tagged), tmp_path / "07_toy.ipynb")
    return tmp_path / "07_toy.ipynb"


def test_parameters_are_the_defaults_with_what_is_given(tmp_path):
    notebook = written(tmp_path, "seed = 0\ngamma = 2.0\nname = 'x'\nflag = True\noffset = -1")
    assert source.check(notebook, {"gamma": 1.5}, "here") == {
        "seed": 0,
        "gamma": 1.5,
        "name": "x",
        "flag": True,
        "offset": -1,
    }


@pytest.mark.parametrize(
    "given, told",
    [
        ({"gama": 2.0}, "no parameter 'gama'. Did you mean 'gamma'?"),
        ({"gamma": 2}, "expected float, as in its default 2.0. Write 2.0."),
        ({"seed": True}, "expected int"),
        ({"seed": "0"}, "expected int"),
        ({"flag": 1}, "expected bool"),
        ({"name": None}, "expected str"),
    ],
)
def test_an_unknown_or_mistyped_parameter_is_refused(tmp_path, given, told):
    notebook = written(tmp_path, "seed = 0\ngamma = 2.0\nname = 'x'\nflag = True")
    with pytest.raises(UserError, match="^profile x: ") as error:
        source.check(notebook, given, "profile x")
    assert told in str(error.value)


@pytest.mark.parametrize(
    "cell", ["a = [1]", "a = 1 + n", "a = b = 1", "import os", "a: int = 1", "print(1)"]
)
def test_parameters_are_flat_literals(tmp_path, cell):
    with pytest.raises(UserError, match="expected `name = literal`"):
        source.parameters(written(tmp_path, cell))


def test_exactly_one_parameters_cell(tmp_path):
    for cells in ([], ["a = 1", "b = 2"]):
        with pytest.raises(UserError, match="expected exactly one"):
            source.parameters(written(tmp_path, *cells))


def test_a_notebooks_modules_are_followed_and_its_hash_is_of_its_source(tmp_path):
    notebook = written(tmp_path, "a = 1")
    found = nbformat.read(notebook, as_version=4)
    before = source.digest(notebook)
    found.cells.append(nbformat.v4.new_code_cell("%matplotlib inline\nfrom adc import split"))
    nbformat.write(found, notebook)
    assert source.digest(notebook) != before
    assert {"adc.split", "adc.data", "adc.data.schema", "adc.data.movielens", "adc.errors"} <= set(
        source.modules(notebook)
    )
    assert "adc.balancer" not in source.modules(notebook)


# Profiles and the command line


@pytest.mark.parametrize(
    "change, told",
    [
        (("seeds:", "sedes:"), "unknown key 'sedes'. Did you mean 'seeds'?"),
        (("seeds: [0]", ""), "the key 'seeds' is missing"),
        (("[0]", "[0, 0]"), "different whole numbers"),
        (("[0]", "[0.5]"), "different whole numbers"),
        (("[0]", "3"), "different whole numbers"),
        (("[movielens]", "[movielense]"), "Did you mean 'movielens'?"),
        (("data: {}", "data: {twins: {}}"), "Did you mean 'twin'?"),
        (("  04_baselines: [{method: bpr}]", "  02_mf_init: []"), "'02_mf_init' stands there twice"),
        (("04_baselines: [{method: bpr}]", "04_baselines: {method: bpr}"), "04_baselines: expected a list"),
        (("notebooks:", "notebooks: ["), "not readable as YAML"),
    ],
)
def test_a_profile_is_read_strictly(tmp_path, change, told):
    file = tmp_path / "quick.yaml"
    file.write_text(TOY_PROFILE.replace(*change))
    with pytest.raises(UserError) as error:
        profile.read(file)
    assert str(error.value).startswith(str(file)) and told in str(error.value)


def test_lists_in_an_entry_are_multiplied_out():
    assert profile.expand({"a": [1, 2], "b": 3}) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    assert profile.expand({}) == [{}]


@pytest.mark.parametrize(
    "words, told",
    [
        (["--profil", "quick"], "Unknown option '--profil'. Did you mean '--profile'?"),
        (["--profile", "smok"], "Unknown profile 'smok'. Did you mean 'smoke'?"),
        (["--device=gpu"], "Unknown device 'gpu'"),
        (["--cores", "0"], "expected 1 or more"),
        (["--data", "movielense"], "Did you mean 'movielens'?"),
        (["rendre"], "Unknown command 'rendre'. Did you mean 'render'?"),
        (["--profile"], "expected one argument"),
    ],
)
def test_a_slip_on_the_command_line_exits_with_2(capsys, words, told):
    with pytest.raises(SystemExit) as stop:
        options.parse(words)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and told in said and said.count("\n") == 1


def test_words_after_two_dashes_are_snakemakes(tmp_path):
    file = tmp_path / "ratings ü.csv"
    file.touch()
    asked = options.parse(["--data", str(file), "--data", "twin", "--", "--forceall", "--data"])
    assert (
        asked.data == [str(file.resolve()), "twin"]
        and asked.extra == ["--forceall", "--data"]
        and asked.profile == "quick"
    )


# The plan of the real profiles


@pytest.mark.parametrize("name", options.profiles())
def test_every_profile_fits_the_notebooks(name):
    planned = plan.jobs(options.Options(profile=name))
    outputs = [job.output for job in planned]
    assert len(set(outputs)) == len(outputs)
    for number, job in enumerate(planned):
        assert set(job.after) <= set(outputs[:number])
        assert all(needed.startswith("/") or needed in outputs[:number] for needed in job.inputs)
        assert job.notebook != plan.GATHER or sorted(job.inputs) == sorted(
            other.output for other in planned if other.leaves and other.dataset == job.dataset
        )


def test_the_quick_profile_has_the_papers_pairs_three_times():
    planned = plan.jobs(options.Options(data=["movielens"]))
    trained = [job.parameters for job in planned if job.notebook == "03_train_adc"]
    pairs = {(p["hidden_layers"], p["gamma"]) for p in trained if p["balancer"] == "gradnorm"}
    assert pairs >= {(2, 2.0), (3, 2.0), (4, 2.0), (4, 1.5)}
    assert {p["seed"] for p in trained} == {0, 1, 2}
    assert sum(job.notebook == "01_data" for job in planned) == 1


def test_the_papers_data_takes_the_twins_place(monkeypatch, tmp_path):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    quick = profile.named("quick")
    assert plan.default_data(quick) == ["movielens", "twin"]
    (tmp_path / "data/raw/amazon").mkdir(parents=True)
    (tmp_path / "data/raw/amazon/unprocessed.tar.gz").touch()
    assert plan.default_data(quick) == ["movielens", "amazon"]


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


def ours(toy: Toy) -> list[psutil.Process]:
    """Every living process of a toy's calls: driver, Snakemake, jobs and kernels."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ADC_HOME") == str(toy.home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            pass
    return found


def wait_for(what, seconds: float = 90):
    """What `what()` gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def victim(toy: Toy, whose: str) -> int:
    return next(process.pid for process in ours(toy) if whose in " ".join(process.cmdline()))


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
    wait_for(lambda: not ours(toy), 20)
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
