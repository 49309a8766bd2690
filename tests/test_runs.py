"""Runs on disk: one folder a configuration, whole or not at all; lists of them; one table of all results."""

import itertools
import json
import threading

import numpy as np
import pandas as pd
import pytest
from small import random_split

from adc.early_stopping import Trained, factor_score
from adc.errors import UserError
from adc.evaluation import PROTOCOLS, evaluate
from companion import files, paths, registry, results, runs

CONFIG = registry.configure("bpr", "tiny")
MODULES = ("adc.", "companion")


def make_trained(seed=0):
    """What training might have left: random vectors."""
    split, rng = random_split(domains=2), np.random.default_rng(seed)
    draw = lambda ids: rng.normal(size=(len(ids), 3)).astype(np.float32)
    arrays = [{"user": draw(split.ratings.users), "item": draw(items)} for items in split.ratings.items]
    return Trained(split, arrays, pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.6]}), {"diverged": False})


def save(seed=0, **changes):
    return runs.save(CONFIG | {"seed": seed} | changes, make_trained(seed))


def test_what_is_saved_is_loaded(home):
    trained = make_trained()
    saved = runs.save(CONFIG, trained)
    for run in (saved, runs.load(saved.folder), runs.find(CONFIG)):
        assert run.folder == saved.folder == runs.folder(CONFIG) and run.config == CONFIG
        assert not run.metrics["diverged"] and set(run.metrics["versions"]) >= {"adc", "torch", "numpy"}
        assert run.history["loss"].tolist() == [0.7, 0.6] and not list(run.folder.glob("*.pkl"))
    values = saved.values()
    for k, target in enumerate(trained.split.ratings.domains):
        arrays = {name: saved.model[f"{name}.{target}"] for name in ("user", "item")}
        assert all(np.array_equal(array, trained.arrays[k][name]) for name, array in arrays.items())
        table = evaluate(trained.split, k, factor_score(trained.split, k, arrays), protocols=PROTOCOLS)
        users = saved.users[saved.users["target"] == target]
        assert users["user"].tolist() == trained.split.ratings.users[table["user"]].tolist()
        assert users["ndcg@20"].tolist() == table["ndcg@20"].tolist()
        mean = values.query(f"target == '{target}' and protocol == 'full' and metric == 'ndcg' and n == 10")
        expected = table[table["protocol"] == "full"]["ndcg@10"].mean()
        assert mean[mean["group"] == "all"]["value"].item() == pytest.approx(expected)


def test_a_run_that_fails_half_way_leaves_nothing(home, monkeypatch):
    write = files.write_json
    fail = lambda path, content: 1 / 0 if path.name == "metrics.json" else write(path, content)
    monkeypatch.setattr(files, "write_json", fail)
    with pytest.raises(ZeroDivisionError):
        save()
    assert not list(home.rglob("*")) and runs.find(CONFIG) is None


def test_of_two_processes_with_one_configuration_the_first_stands(home):
    first = save()
    before = sorted(home.rglob("*"))
    assert runs.save(CONFIG, make_trained(1)).metrics == first.metrics
    assert sorted(home.rglob("*")) == before


def test_a_folder_that_is_no_run_is_refused():
    place = save().folder
    (place / "metrics.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        runs.load(place)
    for name in ("metrics.json", "config.json"):
        (place / name).unlink()
        with pytest.raises(UserError, match=f"{place.name} is not a run folder: {name} is missing"):
            runs.load(place)


def test_a_runs_name_depends_on_its_configuration_alone():
    """Neither on the names of modules nor on their code: this name holds for as long as the version does."""
    config = {"dataset": "tiny", "domains": "", "seed": 0, "method": "adc", "version": 1, "gamma": 2.0}
    place = runs.folder(config)
    assert place.parent == paths.runs("tiny") and place.name == "adc-d6cc559e7d"
    assert runs.folder(dict(reversed(config.items()))) == place
    assert runs.folder(config | {"device": "cuda", "variant": "h=2"}) == place
    changes = ({"seed": 1}, {"gamma": 2.5}, {"version": 2}, {"method": "static"}, {"new": 0})
    assert len({place, *(runs.folder(config | change) for change in changes)}) == 6
    assert not any(module in str(registry.configure(name)) for name in registry.METHODS for module in MODULES)


def test_lists_of_runs_are_written_for_the_workflow_and_read_by_it(home):
    done = [save(0), save(1)]
    runs.write_list([done[0], done[0]], "executed/one.json")
    runs.write_list(done, "executed/two.json")
    runs.write_list(done, "")  # none asked for
    folders = json.loads((home / "data/executed/one.json").read_text())
    assert folders == [done[0].folder.relative_to(home / "data").as_posix()]
    assert runs.read_lists(["executed/one.json", "executed/two.json"]) == [run.folder for run in done]
    assert len(list((home / "data/executed").iterdir())) == 2


def test_gathered_results_have_the_columns_of_the_contract():
    run = save()
    table = results.gather([run.folder], "quick")
    assert list(table.columns) == results.COLUMNS and len(table) == len(run.metrics["values"])
    expected = {"profile": "quick", "dataset": "tiny", "method": "bpr", "variant": "", "seed": 0}
    assert (table[list(expected)] == pd.Series(expected)).all(axis=None)
    assert (paths.home() / table["run"].iloc[0]).samefile(run.folder)
    pd.testing.assert_frame_equal(results.table(), table, check_dtype=False)


def test_gathering_replaces_what_the_profile_had_for_the_dataset_and_nothing_else():
    def stored():
        rows = results.table()[["profile", "dataset", "seed"]].drop_duplicates()
        return sorted(rows.itertuples(index=False, name=None))

    assert results.table().empty
    one, two, three = (run.folder for run in (save(0), save(1), save(dataset="other")))
    results.gather([one, three], "quick")
    results.gather([one], "smoke")
    assert stored() == [("quick", "other", 0), ("quick", "tiny", 0), ("smoke", "tiny", 0)]
    results.gather([two], "quick")
    assert stored() == [("quick", "other", 0), ("quick", "tiny", 1), ("smoke", "tiny", 0)]
    (two / "metrics.json").unlink()
    before = paths.results().read_bytes()
    with pytest.raises(UserError, match="metrics.json is missing"):
        results.gather([one, two], "quick")
    assert paths.results().read_bytes() == before


def test_a_table_that_is_replaced_while_it_is_read_is_read_whole():
    """Given the path, pyarrow fails on this within some tens of readings."""
    contents, lengths, stop = [], set(), threading.Event()
    for folders in ([save(0).folder], [save(seed).folder for seed in range(1, 5)]):
        lengths.add(len(results.gather(folders, "quick")))
        contents.append(paths.results().read_bytes())

    def replace():
        for content in itertools.cycle(contents):
            with files.atomic(paths.results()) as partial:
                partial.write_bytes(content)
            if stop.is_set():
                return

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        assert {len(results.table()) for _ in range(200)} <= lengths
    finally:
        stop.set(), writer.join()
