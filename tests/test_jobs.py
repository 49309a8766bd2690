"""What is done around jobs: gathering, going on after a loss, estimates of time."""

import os
import threading
import time
from types import SimpleNamespace

import pytest

from adc import files, paths, runs, studies
from adc.errors import UserError
from workflow import __main__ as driver
from workflow import engine, estimate, failure, job, options, plan

# Parameters


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    return tmp_path / "data"


def test_gathering_takes_each_run_once(home, monkeypatch):
    files.write_json(home / "studies/a/runs.json", ["runs/m/adc-2", "runs/m/adc-3"])
    files.write_json(home / "studies/b/runs.json", ["runs/m/adc-3"])
    seen = []
    monkeypatch.setattr(runs, "gather", lambda places, profile: seen.append((places, profile)))
    what = {"profile": "quick", "dataset": "m", "runs": ["runs/m/adc-1", "runs/m/adc-2"], "lists": ["studies/a/runs.json", "studies/b/runs.json"]}
    job._gather(plan.Job(plan.GATHER, "m", what, "reports/quick/m/runs.json"))
    assert seen == [([home / f"runs/m/adc-{n}" for n in (1, 2, 3)], "quick")]


def test_two_gatherings_wait_for_each_other(home, monkeypatch):
    inside, most = [], []

    def gather(places, profile):
        inside.append(profile), most.append(len(inside))
        time.sleep(0.2)
        inside.pop()

    monkeypatch.setattr(runs, "gather", gather)
    what = {"profile": "quick", "runs": [], "lists": []}
    each = [threading.Thread(target=job._gather, args=[plan.Job(plan.GATHER, name, what, f"reports/{name}.json")]) for name in "ab"]
    for thread in each:
        thread.start()
    for thread in each:
        thread.join()
    assert most == [1, 1]


def test_a_grid_that_lost_a_run_goes_on(home):
    grid = plan.Job(plan.GRID, "m", {}, "studies/a/notebook.html", leaves=["studies/a/runs.json"])
    files.write_json(home / "runs/m/adc-1/metrics.json", {})
    files.write_json(home / grid.leaves[0], ["runs/m/adc-1"])
    files.write_json(home / grid.output, "")
    driver._forget_lost([grid])
    assert (home / grid.output).exists()
    (home / "runs/m/adc-1/metrics.json").unlink()
    driver._forget_lost([grid])
    assert not (home / grid.output).exists() and not (home / grid.leaves[0]).exists()


@pytest.mark.parametrize("there", [False, True])
def test_without_the_table_all_runs_are_gathered_again_also_those_of_other_calls(home, there):
    notes = [home / plan.gathering(*whose) for whose in (("quick", "m"), ("quick", "twin"), ("paper", "m"))]
    for note in notes:
        files.write_json(note, {})
    files.write_json(paths.results(), {}) if there else None
    driver._forget_lost([plan.Job(plan.GATHER, "m", {}, plan.gathering("quick", "m"))])
    assert [note.exists() for note in notes] == [there] * 3


@pytest.mark.parametrize(
    "words, found, runs, code",
    [
        ([], [[0], [1], []], 2, 0),  # Snakemake had overlooked the second
        (["--retries", "2"], [[0], [1], []], 2, 0),
        (["--forceall"], [[0, 1], [0, 1]], 1, 0),
        (["--until", "job0"], [[0, 1], [1]], 1, 0),
        ([], [[0], [0]], 1, 1),
    ],
)
def test_what_snakemake_overlooked_is_done_whatever_its_words(home, monkeypatch, words, found, runs, code):
    made, found = [], iter(found)
    monkeypatch.setattr(engine, "todo", lambda *_: next(found))
    monkeypatch.setattr(engine, "run", lambda planned, pending, asked: made.append(pending) or True)
    assert driver.run(chain(), options.Options(extra=words)) == code and len(made) == runs


@pytest.mark.parametrize("command, told", [("tune", "has no 11_search. Leave out --profile"), ("render", "has no 10_explore on movielens, which")])
def test_a_profile_without_what_the_command_is_for_is_refused_before_anything_runs(command, told):
    with pytest.raises(UserError, match=told):
        driver.planned_for(options.Options(command, "smoke", data=["movielens"]))


def test_a_run_that_is_not_where_it_was_planned_is_told_with_its_causes(home, monkeypatch):
    monkeypatch.setattr(job, "_execute", lambda *_: None)
    lost = plan.Job("02_mf_init", "m", {}, "m/02.html", leaves=["m/metrics.json"], label="02 m")
    with pytest.raises(failure.Failed, match="did not leave .*metrics.json.* code or settings changed after"):
        job._run(lost, 0)


# How long it will take


def chain() -> list[plan.Job]:
    """A dataset, two runs on it that differ in their seeds, and a report."""
    first = plan.Job(plan.DATA, "movielens", {"dataset": "movielens", "scale": 1.0}, "data")
    trained = [
        plan.Job("03_train_adc", "movielens", {"seed": seed, "epochs": 40}, f"run{seed}", after=["data"], leaves=[f"m{seed}"])
        for seed in (0, 1)
    ]
    return [first, *trained, plan.Job("05_performance", "movielens", {}, "report", ["run0", "run1"])]


def test_an_estimate_is_built_in_until_the_kind_was_timed(home):
    planned = chain()
    before = estimate.seconds(planned)
    assert before[1] == before[2] > before[0] > 0
    estimate.note([(planned[1], took) for took in (70.0, 50.0, 60.0)])
    assert estimate.seconds(planned) == [before[0], 60.0, 60.0, before[3]]  # the other seed is of the same kind
    longer = [plan.Job(**{**vars(planned[1]), "parameters": {"seed": 0, "epochs": 80}})]
    assert estimate.seconds([planned[0], *longer])[1] > before[1]


def test_only_the_latest_times_count(home):
    (job, *_) = chain()
    estimate.note([(job, took) for took in (900.0, 900.0, 1.0, 2.0, 3.0, 4.0, 5.0)])
    assert estimate.seconds([job]) == [3.0]


@pytest.mark.parametrize("left, own", [("runs/m/adc-2/metrics.json", plan.GRID), ("studies/a/trial-000.json", plan.SEARCH)])
def test_the_time_of_a_grid_or_search_that_went_on_is_not_that_of_a_whole_one(home, left, own):
    leaf = {plan.GRID: "studies/a/runs.json", plan.SEARCH: "studies/a/trial-001.json"}[own]
    made = plan.Job(own, "m", {}, "studies/a/notebook.html", after=["runs/m/adc-1/notebook.html"], leaves=[leaf])
    files.write_json(home / leaf, ["runs/m/adc-1", "runs/m/adc-2"])
    for file, written in (("runs/m/adc-1/metrics.json", 50), (left, 150), (leaf, 200)):
        files.write_json(home / file, {}) if file != leaf else None
        os.utime(home / file, (written, written))
    assert not estimate.went_on(made, 100)
    os.utime(home / left, (50, 50))
    assert estimate.went_on(made, 100)
    assert not estimate.went_on(plan.Job("03_train_adc", "m", {}, "x"), 100)


def test_a_job_that_only_shows_a_stored_run_takes_little(home):
    planned = chain()
    files.write_json(home / "m0", {})
    assert not estimate.is_new(planned[1]) and estimate.is_new(planned[2])
    assert estimate.seconds(planned)[1] == estimate.AGAIN


def test_a_bigger_dataset_is_expected_to_take_longer(home):
    small, big = (plan.Job(plan.DATA, "twin", {"dataset": "twin", "scale": scale}, "data") for scale in (0.03, 1.0))
    run = plan.Job("03_train_adc", "twin", {"epochs": 40}, "run", leaves=["m"])
    assert estimate.seconds([big, run])[1] > estimate.seconds([small, run])[1]


def test_a_call_takes_all_work_over_the_cores_or_its_longest_chain(home, monkeypatch):
    monkeypatch.setattr(estimate, "seconds", lambda planned: [1.0, 10.0, 30.0, 5.0])
    planned, every = chain(), range(4)
    assert estimate.together(planned, every, 1) == 46.0
    assert estimate.together(planned, every, 8) == 36.0
    assert estimate.together(planned, [1, 3], 1) == 15.0
    assert estimate.together(planned, [], 1) == 0.0
    assert [job.priority for job in estimate.by_urgency(planned)] == [36, 15, 35, 5]


@pytest.mark.parametrize("name", options.profiles())
def test_every_profile_can_be_estimated(home, name):
    planned = plan.jobs(options.Options(profile=name))
    assert all(took > 0 for took in estimate.seconds(planned))


def test_room_is_that_of_the_vectors_that_runs_store(home):
    small, big = (plan.Job(plan.DATA, "twin", {"dataset": "twin", "scale": scale}, "data") for scale in (0.03, 1.0))
    run, counted = (plan.Job("04_baselines", "twin", {"method": method}, method, leaves=[method]) for method in ("bpr", "popularity"))
    assert estimate.gigabytes([big, run, counted], range(3)) == pytest.approx(0.345, abs=0.001)  # as a run of Table I's size leaves
    assert estimate.gigabytes([small, run], [1]) == pytest.approx(0.03 * 0.345, abs=0.001)
    assert estimate.gigabytes([big, run], [0]) == 0
    files.write_json(home / "bpr", {})  # stored
    assert estimate.gigabytes([big, run], [1]) == 0


def test_a_grid_is_estimated_without_what_others_leave_or_is_stored(home):
    given = {"dataset": "twin", "seed": 0, "study": "depth", "depths": "1, 2, 3", "epochs": 4}
    first, second, *_ = (runs.folder(config).relative_to(home).as_posix() for config in studies.together(**given))
    grid = plan.Job(plan.GRID, "twin", given, "grid", after=[f"{first}/notebook.html"], leaves=["studies/a/runs.json"])
    assert estimate.trainings(grid) == estimate.trainings(grid, stored=True) == (4, 4)  # one layer has nothing to pretrain
    estimate.note([(grid, 100.0)])
    files.write_json(home / second / "metrics.json", {})
    assert estimate.trainings(grid) == (4, 4) and estimate.trainings(grid, stored=True) == (3, 3)
    assert estimate.seconds([grid]) == [75.0]


@pytest.mark.parametrize("free, told", [(1e9, "There are 1.0 GB free"), (1e12, "")])
def test_a_call_that_may_fill_the_disk_says_so_before(home, free, told, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    asked = options.Options(profile="paper", data=["twin"])
    planned = plan.jobs(asked)
    said = driver._summary(planned, list(range(len(planned))), asked)
    assert "GB of runs" in said and told in said and ("free" in said) is bool(told)
