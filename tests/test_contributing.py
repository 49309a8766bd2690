"""CONTRIBUTING is enough: in a copy of it a method, a balancer and a dataset are each a file and the
line that it names, a claim a row, and all take part in everything."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = {"method": "notebooks/companion/rivals/best_rated", "balancer": "adc/balancers/inverse",
         "dataset": "notebooks/companion/data/shop"}  # fmt: skip
LINES = [  # file, where, what stands there in its place
    ("notebooks/companion/registry.py", "import bpr,", "import best_rated, bpr,"),
    ("notebooks/companion/registry.py", "popularity.METHOD,", "popularity.METHOD, best_rated.METHOD,"),
    ("adc/balancers/__init__.py", "\nBALANCERS", "\nfrom adc.balancers.inverse import Inverse\nBALANCERS"),
    ("adc/balancers/__init__.py", '"famo": FAMO,', '"famo": FAMO, "inverse": Inverse,'),
    ("notebooks/companion/data/__init__.py", "SOURCES = {", 'SOURCES = {"shop": "companion.data.shop",'),
    ("notebooks/companion/claims/sentences.py", r"\nCLAIMS.* = \[", r"""\g<0>
    Claim(BALANCING, "ADC is above the best rated", "nowhere", "yes",
          partial(m.superior, other="best_rated"), TABLE_2),"""),
]  # fmt: skip
USE = """
import json
import numpy as np
from adc.split import TRAIN
from companion import data, registry, results
from companion.analysis import report
from companion.claims import collect, ledger
from companion.experiments import search, studies
from companion.figures.style import method_style

tiny = {"epochs": 2, "dim": 4, "hidden_layers": 2, "pretraining_epochs": 1, "device": "cpu"}
shop, done = data.prepare("shop"), []
for name in ("popularity", "best_rated", "adc", "static", "inverse"):
    done.append(registry.train(registry.configure_tuned(name, "shop", **tiny), show=False))
results.gather([run.folder for run in done], "toy")
claims = ledger(collect("shop", "toy"))
config = registry.configure("best_rated", "shop", damping=0.001)
split = registry.load_split(config)
scores, (_, item, rating) = registry.learner(config, split).score(0)(np.array([0]))[0], split.of(0, TRAIN)
means = [rating[item == i].mean() if (item == i).any() else rating.mean() for i in range(len(scores))]
print(json.dumps({
    "domains": shop.domains, "label": data.label("shop"),
    "methods": results.table()["method"].unique().tolist(), "in Table II": report.table_methods(),
    "by its rule": bool(np.allclose(scores, np.array(means) - rating.mean(), atol=1e-2)),
    "styles": [method_style(name)["label"] for name in ("best_rated", "inverse")],
    "weights": done[-1].history.pivot(index="epoch", columns="domain", values="weight").to_numpy().tolist(),
    "trials": [trial["parameters"] for name in ("best_rated", "inverse") for trial in search.search(
        search.configure(name, "shop", trials=2, epochs=1, hidden_layers=1), show=False)],
    "study": [config["method"] for config in studies.configurations(["balancing"], "shop", 0)],
    "claim": claims.iloc[0][["says", "verdict"]].tolist(),
}))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What somebody sees who has added all four."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("adc", "notebooks/companion"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for example, place in FILES.items():
        shutil.copy(Path(__file__).with_name(f"example_{example}.py"), copy / f"{place}.py")
    for name, old, new in LINES:
        text, count = re.subn(old, new, (copy / name).read_text(encoding="utf-8"), count=1)
        assert count == 1, (name, old)
        (copy / name).write_text(text, encoding="utf-8")
    paths = {"PYTHONPATH": f"{copy}:{copy / 'notebooks'}", "ADC_HOME": str(copy / "home")}
    run = [sys.executable, "-c", USE]
    done = subprocess.run(run, env=os.environ | paths, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_an_added_dataset_is_prepared_and_called_by_its_label(outcome):
    assert set(outcome["domains"]) == {"cups", "tea"} and outcome["label"] == "synthetic shop"


def test_an_added_method_ranks_by_its_rule_is_searched_and_is_in_tables_and_figures(outcome):
    default, sampled, *_ = outcome["trials"]
    assert outcome["by its rule"] and default == {"damping": 5.0} and 1 <= sampled["damping"] <= 100
    assert "best_rated" in outcome["methods"] and "best_rated" in outcome["in Table II"]
    assert outcome["styles"] == ["best rated", "inverse"]


def test_an_added_balancer_learns_is_searched_and_is_in_the_study_of_balancers(outcome):
    assert "inverse" in outcome["methods"] and "inverse" in outcome["study"] and len(outcome["trials"]) == 4
    assert all(sum(weights) == pytest.approx(2) for weights in outcome["weights"])
    assert outcome["weights"][1] != [1, 1]


def test_an_added_claim_is_judged_in_the_ledger(outcome):
    says, verdict = outcome["claim"]
    assert says == "ADC is above the best rated" and verdict not in ("", "not run")


def test_contributing_names_tables_that_are_there():
    tables = re.findall(r"`([A-Z]{4,})` of\s`((?:adc|notebooks)/[\w./]*)`", TEXT)
    assert len(tables) >= 3
    for table, file in tables:
        assert re.search(rf"^{table}\b", (ROOT / file).read_text("utf-8"), re.M), (table, file)
