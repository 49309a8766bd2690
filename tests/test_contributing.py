"""What CONTRIBUTING says of adding a method, a balancer and a dataset is enough: the examples take part in everything."""

import re
import sys
from pathlib import Path

import example_balancer
import example_dataset
import example_method
import numpy as np
import pytest

from adc import balancers, baselines, data, looks, paths, report, runs, settings, train, tune
from adc.split import TRAIN
from workflow import options

ROOT = Path(__file__).resolve().parents[1]
QUICK = {"dataset": "shop", "epochs": 2, "dim": 4, "hidden_layers": 2, "pretraining_epochs": 1, "device": "cpu"}


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The lines that CONTRIBUTING names; what is derived from them at import is renewed."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setitem(baselines.METHODS, "taste", example_method)
    monkeypatch.setitem(looks.METHODS, "taste", looks.Look("taste", "#999933", "X", (0, (6, 1))))
    monkeypatch.setitem(report.NAMES, "taste", "taste")
    monkeypatch.setattr(report, "METHODS", list(report.NAMES))
    monkeypatch.setitem(balancers.BALANCERS, "inverse", example_balancer.Inverse)
    monkeypatch.setitem(settings.CHOICES, "balancer", tuple(balancers.BALANCERS))
    monkeypatch.setitem(data.SOURCES, "shop", "synthetic")
    monkeypatch.setitem(sys.modules, "adc.data.shop", example_dataset)
    return data.prepare("shop")


def test_an_added_dataset_method_and_balancer_are_trained_evaluated_and_in_the_results(added):
    assert added.domains == ["cups", "tea"] and data.label("shop") == "synthetic shop"
    made = [baselines.run(baselines.configuration(dataset="shop", method=name), show=False) for name in ("popularity", "taste")]
    made += [train.run(train.configuration(balancer=name, **QUICK), show=False) for name in ("gradnorm", "inverse")]
    assert [run.config["method"] for run in made] == ["popularity", "taste", "adc", "inverse"]
    weights = made[-1].history.pivot(index="epoch", columns="domain", values="weight")
    assert np.allclose(weights.sum(axis=1), 2) and (weights.iloc[1] != 1).any()
    table = runs.gather([run.folder for run in made], "toy")
    assert {"taste", "inverse"} <= set(table["method"]) and paths.results().is_file()
    rows = report.results("shop", "toy").query("protocol == 'full' and metric == 'ndcg' and n == 10 and group == 'all'")
    assert rows[rows["method"] == "taste"]["value"].between(0, 1).sum() == 2
    again = baselines.run(baselines.configuration(dataset="shop", method="taste"), show=False)
    assert again.folder == made[1].folder and any("example_method" in name for name in again.config["code"])


def test_an_added_method_ranks_by_its_rule_and_is_searched(added):
    config = baselines.configuration(dataset="shop", method="taste", damping=0.001)
    parts = baselines.prepared(config)
    scores = baselines.learner(config, parts).score(0)(np.array([0]))[0].numpy()
    _, item, rating = parts.of(0, TRAIN)
    means = np.array([rating[item == i].mean() if (item == i).any() else rating.mean() for i in range(len(scores))])
    assert np.allclose(scores, means - rating.mean(), atol=1e-2)
    done = tune.search(tune.configuration(dataset="shop", method="taste", trials=2), show=False)
    assert [trial["number"] for trial in done] == [0, 1] and 1 <= done[1]["parameters"]["damping"] <= 100


def test_contributing_names_files_and_tables_that_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:adc|notebooks|tests|docs)/[\w./]*)`", text))
    assert len(named) > 15 and [name for name in named if not (ROOT / name).exists()] == []
    tables = re.findall(r"`([A-Z]{4,})` of `((?:adc|notebooks|tests|docs)/[\w./]*)`", text)
    assert len(tables) >= 8
    assert [pair for pair in tables if not re.search(rf"^{pair[0]}\b", (ROOT / pair[1]).read_text(encoding="utf-8"), re.M)] == []


def test_the_entrance_knows_every_source_of_the_package():
    assert set(options.SOURCES) == set(data.SOURCES)
