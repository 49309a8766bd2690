"""Every method's numbers on a tiny fixed dataset: when they change, its version has to, so that stored runs
are made anew. `python tests/test_golden.py` writes golden.json."""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adc.ratings import Ratings
from adc.split import TRAIN, split_ratings
from companion import registry

FILE = Path(__file__).with_name("golden.json")
SETTINGS = {
    "dim": 8, "epochs": 4, "hidden_layers": 2, "pretraining_epochs": 1, "init": "als", "batch_users": 16,
    "agreement_weight": 0.5, "learning_rate": 0.01, "embedding_lr": 0.02, "device": "cpu",
}  # fmt: skip


def synthetic_ratings():
    """Two domains; users like a block of items, the same in both, and are in one domain or both."""
    rng, rows = np.random.default_rng(12), []
    for user in range(60):
        for domain in ("toys", "dvd"):
            for item in rng.choice(40, rng.integers(3, 12), replace=False) if rng.random() < 0.7 else ():
                stars = 1 + 2 * (user % 4 == item % 4) + rng.integers(3)
                rows.append((domain, f"u{user}", f"{domain}{item}", stars))
    return Ratings.from_frame(pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]), "golden")


def measure(name):
    """By domain: NDCG@10, the spread of the scores of training users, and where there are any the last losses
    and weights."""
    entry = registry.method(name)
    free = set(entry.Settings.__dataclass_fields__) - set(entry.fixed)
    free -= {"epochs"} if entry.Settings().epochs == 1 else set()
    settings = {key: value for key, value in SETTINGS.items() if key in free}
    settings |= {"embedding_lr": 1e-4} if name == "adc_residual" else {}  # it starts from BPR's vectors
    split = split_ratings(synthetic_ratings(), 0)
    trained = registry.fit(registry.configure(name, "golden", **settings), split, show=False)
    rows = trained.evaluate().query("metric == 'ndcg' and n == 10 and group == 'all'")
    spread = [float(trained.score(k)(np.unique(split.of(k, TRAIN)[0])).std()) for k in range(2)]
    values = {"ndcg": rows["value"], "spread": spread}
    learned = [name for name in ("loss", "weight") if name in trained.history]
    values |= {name: trained.history[name][-2:] for name in learned}
    six_digits = np.vectorize(lambda value: float(f"{value:.6g}"))
    return {name: six_digits(column).tolist() for name, column in values.items()}


def alike(values, golden):
    """Within a thousandth; a rank may turn on a rounding of the scores, so NDCG has more room."""
    room = {name: {"abs": 0.01} if name == "ndcg" else {"rel": 1e-3} for name in golden}
    return all(values.get(name) == pytest.approx(golden[name], **room[name]) for name in golden)


def fault(name, values, golden):
    """What is wrong with a method's numbers, in a sentence; empty where nothing is."""
    version, regenerate = registry.method(name).version, "regenerate by `python tests/test_golden.py`"
    if name not in golden:
        return f"{name} has no numbers in tests/golden.json: {regenerate}."
    if golden[name]["version"] != version:
        return f"{name} has version {version}, tests/golden.json {golden[name]['version']}: {regenerate}."
    if not alike(values, golden[name]["values"]):
        return f"numbers of {name} changed: raise its version and {regenerate}. They are {values}."
    return ""


@pytest.mark.parametrize("name", registry.METHODS)
def test_numbers_change_only_with_the_version(name):
    message = fault(name, measure(name), json.loads(FILE.read_text()))
    assert not message, message


def test_every_fault_is_one_sentence_and_no_method_is_left_over():
    golden = json.loads(FILE.read_text())
    assert set(golden) == set(registry.METHODS)
    version, values = golden["bpr"]["version"], golden["bpr"]["values"]
    changed = values | {"spread": [1.01 * value for value in values["spread"]]}
    assert fault("bpr", values, golden) == ""
    assert fault("bpr", changed, golden).startswith("numbers of bpr changed: raise its version and ")
    older = {"bpr": {"version": version - 1, "values": values}}
    assert fault("bpr", changed, older).startswith(f"bpr has version {version}, ")
    assert fault("bpr", changed, {}).startswith("bpr has no numbers in ")


def regenerate():
    """Write golden.json. Numbers that changed under the same version are told and stay as they were."""
    os.environ["ADC_HOME"] = tempfile.mkdtemp()
    golden, lines, messages = json.loads(FILE.read_text()) if FILE.exists() else {}, [], []
    for name, entry in registry.METHODS.items():
        values = measure(name)
        message = fault(name, values, golden)
        fresh = {"version": entry.version, "values": values}
        keep = not message or message.startswith("numbers of")
        lines.append(f"{json.dumps(name)}: {json.dumps(golden[name] if keep else fresh)}")
        messages += [message] if message.startswith("numbers of") else []
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    sys.exit("\n".join(messages) or 0)


if __name__ == "__main__":
    regenerate()
