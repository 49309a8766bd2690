"""Runs on disk: one folder a configuration, whole or not at all, and one table of all of them."""

import importlib
import itertools
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from adc import files, paths, runs
from adc.errors import UserError

CONFIG = {
    "dataset": "tiny",
    "seed": 0,
    "method": "adc",
    "variant": "h=2",
    "gamma": 2.0,
    "device": "cpu",
    "code": ["adc.loss"],
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def save(value=0.5, **changes):
    entry = {"target": "d0", "protocol": "full", "metric": "ndcg", "n": 10, "group": "all", "value": value, "users": 3}
    metrics = {"values": [entry, entry | {"metric": "recall"}], "diverged": False}
    users, history = {"user": ["ann", "bob"], "ndcg@10": [0.0, 1.0]}, {"epoch": [1, 2], "loss": [0.7, 0.6]}
    model = {"user": np.arange(4.0).reshape(2, 2), "item": np.ones(3, np.float32)}
    return runs.save(CONFIG | changes, metrics, pd.DataFrame(users), pd.DataFrame(history), model)


def everything(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_what_is_saved_is_loaded():
    saved = save()
    for run in (saved, runs.load(saved.folder), runs.find(CONFIG)):
        assert run.folder == saved.folder == runs.folder(CONFIG) and run.config == CONFIG
        assert run.metrics["values"][0]["value"] == 0.5 and set(run.metrics["versions"]) >= {"adc", "torch", "numpy"}
        assert run.history["loss"].tolist() == [0.7, 0.6] and run.users["user"].tolist() == ["ann", "bob"]
        assert run.model["user"].tolist() == [[0, 1], [2, 3]] and run.model["item"].dtype == np.float32


def test_nothing_is_found_before_it_was_run():
    assert runs.find(CONFIG) is None
    save()
    assert runs.find(CONFIG | {"gamma": 1.0}) is None


def test_a_run_that_fails_half_way_leaves_nothing(home, monkeypatch):
    write = files.write_json

    def fail(path, content):
        if path.name == "metrics.json":
            raise RuntimeError("killed")
        write(path, content)

    monkeypatch.setattr(files, "write_json", fail)
    with pytest.raises(RuntimeError):
        save()
    assert everything(home) == [] and runs.find(CONFIG) is None
    monkeypatch.undo()


def test_of_two_processes_with_one_configuration_the_first_stands():
    before = everything(save().folder)
    assert save(value=0.9).metrics["values"][0]["value"] == 0.5
    assert everything(runs.folder(CONFIG)) == before


@pytest.mark.parametrize("missing", ["metrics.json", "config.json"])
def test_a_folder_that_is_no_run_is_refused(missing):
    place = save().folder
    (place / missing).unlink()
    with pytest.raises(UserError, match=f"{place.name} is not a run folder: {missing} is missing"):
        runs.load(place)


def test_the_folders_name_hangs_on_the_configuration_but_not_on_its_order_or_the_device():
    name = runs.folder(CONFIG)
    assert name.parent == paths.runs("tiny") and name.name.startswith("adc-")
    assert runs.folder(dict(reversed(CONFIG.items()))) == name
    assert runs.folder(CONFIG | {"device": "cuda"}) == name
    others = [
        runs.folder(CONFIG | change)
        for change in ({"seed": 1}, {"gamma": 2.5}, {"code": ["adc.loss", "adc.model"]}, {"new": 0})
    ]
    assert len({name, *others}) == 5


CODE = '''"""Module."""


class A:
    """A class."""

    def f(self, x):
        """A function."""
        # a comment
        return x + 1
'''


@pytest.fixture
def fingerprint(tmp_path, monkeypatch):
    """The fingerprint of a module with this source."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def of(source):
        (tmp_path / "written_for_a_test.py").write_text(source)
        importlib.invalidate_caches()
        runs.code_fingerprint.cache_clear()
        return runs.code_fingerprint(("written_for_a_test",))

    yield of
    runs.code_fingerprint.cache_clear()
    sys.modules.pop("written_for_a_test", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another"),
        ("        # a comment\n", ""),
        ("return x + 1", "return (x  +  1)  # why"),
        ("A function.", "What it does."),
        ("A class.", "What it is."),
        ('"""Module."""\n', '"""\nA longer one.\n"""\n'),
        ('        """A function."""\n', ""),
    ],
)
def test_comments_docstrings_and_layout_do_not_make_another_experiment(fingerprint, old, new):
    assert old in CODE
    assert fingerprint(CODE) == fingerprint(CODE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ("x + 1", "x - 1"), ("def f", "def g"), ("f(self, x)", "f(self, x=0)")]
)
def test_code_that_changes_makes_another_experiment(fingerprint, old, new):
    assert fingerprint(CODE) != fingerprint(CODE.replace(old, new))


def test_the_protocols_own_code_counts_in_every_run(monkeypatch):
    before = runs.folder(CONFIG)
    monkeypatch.setattr(runs, "PROTOCOL", runs.PROTOCOL[1:])
    runs.code_fingerprint.cache_clear()
    assert runs.folder(CONFIG) != before
    runs.code_fingerprint.cache_clear()


def test_gathered_results_have_the_contracts_columns():
    place = save().folder
    table = runs.gather([place], "quick")
    wanted = "profile dataset method variant target seed protocol metric n value users run".split()
    assert set(wanted) <= set(table.columns) and len(table) == 2
    row = table.iloc[0]
    assert (row["profile"], row["dataset"], row["method"], row["variant"], row["seed"]) == (
        "quick",
        "tiny",
        "adc",
        "h=2",
        0,
    )
    assert (paths.home() / row["run"]).samefile(place)
    pd.testing.assert_frame_equal(pd.read_parquet(paths.results()), table, check_dtype=False)


def test_gathering_replaces_what_the_profile_had_for_the_dataset_and_nothing_else():
    def held():
        table = pd.read_parquet(paths.results()).query("metric == 'ndcg'")
        return sorted(zip(table["profile"], table["dataset"], table["seed"], table["value"]))

    one, two, three = save(0.1), save(0.2, seed=1), save(0.3, dataset="other")
    runs.gather([one.folder, three.folder], "quick")
    runs.gather([one.folder], "smoke")
    assert held() == [("quick", "other", 0, 0.3), ("quick", "tiny", 0, 0.1), ("smoke", "tiny", 0, 0.1)]
    runs.gather([two.folder], "quick")
    assert held() == [("quick", "other", 0, 0.3), ("quick", "tiny", 1, 0.2), ("smoke", "tiny", 0, 0.1)]
    runs.gather([one.folder, two.folder], "quick")
    assert held() == [
        ("quick", "other", 0, 0.3),
        ("quick", "tiny", 0, 0.1),
        ("quick", "tiny", 1, 0.2),
        ("smoke", "tiny", 0, 0.1),
    ]


def test_gathering_a_folder_that_is_no_run_leaves_the_table_as_it_was():
    one, two = save(0.1), save(0.2, seed=1)
    runs.gather([one.folder], "quick")
    (two.folder / "metrics.json").unlink()
    before = paths.results().read_bytes()
    with pytest.raises(UserError, match="metrics.json is missing"):
        runs.gather([one.folder, two.folder], "quick")
    assert paths.results().read_bytes() == before


def test_a_table_that_is_replaced_while_it_is_read_is_read_whole():
    """Given the path, pyarrow fails on this within some tens of readings."""
    short, long = save(0.1), [save(0.1 * seed, seed=seed, method=f"method {seed}") for seed in range(1, 9)]
    tables = []
    for places in ([short.folder], [run.folder for run in long]):
        runs.gather(places, "quick")
        tables.append(paths.results().read_bytes())
    stop = threading.Event()

    def replace():
        for content in itertools.cycle(tables):
            with files.aside(paths.results()) as partial:
                partial.write_bytes(content)
            if stop.is_set():
                return

    other = threading.Thread(target=replace)
    other.start()
    try:
        lengths = {len(runs.gathered()) for _ in range(200)}
    finally:
        stop.set(), other.join()
    assert lengths <= {2, 16}
