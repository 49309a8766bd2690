"""A small table of ratings with titles, prepared, and tiny runs on it: for the tests of notebook 10."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from companion import data, registry

TINY = {"dim": 4, "epochs": 2, "device": "cpu"}
DOMAINS = ("Drama", "Comedy", "Sci & Fi")


def prepare_films(place: Path) -> str:
    """Prepare three domains of 30 items and 50 users; u0 is in Drama alone, u1 nowhere in Comedy."""
    rng, rows = np.random.default_rng(0), []
    for domain in DOMAINS:
        for user in range(50):
            items = rng.permutation(30)[: rng.integers(12, 25)]
            rows += [(domain, f"u{user}", f"i{i}", int(rng.integers(1, 6)), f"<{domain}> {i}") for i in items]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "title"])
    absent = (table["user"] == "u0") & (table["domain"] != "Drama")
    absent |= (table["user"] == "u1") & (table["domain"] == "Comedy")
    table[~absent].to_csv(place / "films.csv", index=False)
    return data.prepare(str(place / "films.csv")).name


def configurations(dataset: str) -> list[dict]:
    """ADC and its two rivals, so small that each takes a moment."""
    adc = registry.configure("adc", dataset, hidden_layers=2, pretraining_epochs=1, **TINY)
    bpr = registry.configure("bpr", dataset, dim=4, epochs=2)
    return [adc, bpr, registry.configure("popularity", dataset)]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """One for all tests of a module, with the films and these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(place := tmp_path_factory.mktemp("home")))
        for config in configurations(prepare_films(place)):
            registry.train(config, show=False)
        yield place


@pytest.fixture(scope="module")
def dataset(home) -> str:
    return data.dataset_id(str(home / "films.csv"))
