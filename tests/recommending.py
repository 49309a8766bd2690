"""What recommends in the tests: two domains with users of both and of one, and small runs on them."""

import numpy as np
import pandas as pd
import pytest

from companion import data, registry

METHODS = [*registry.names("hurdle", "rival"), "static", "adc"]
FAST = {"epochs": 2, "patience": 2}


def make_table() -> pd.DataFrame:
    """Two domains, films the larger; users a… in both, f… in films, b… in books only; titles in films."""
    rng, rows = np.random.default_rng(0), []
    for kind, count, domains in (("a", 14, ("films", "books")), ("f", 16, ("films",)), ("b", 14, ("books",))):
        for user in [f"{kind}{number}" for number in range(count)]:
            for domain in domains:
                items = rng.permutation(15)[:8]
                titles = [f"Film no. {item}" if domain == "films" else "" for item in items]
                stars = rng.integers(1, 6, 8)
                rows += [(domain, user, f"{i:02}", s, t) for i, s, t in zip(items, stars, titles)]
    return pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "title"])


def small_settings(method: str) -> dict:
    network = {"dim": 4, "hidden_layers": 1} if registry.method(method).kind in ("adc", "balancer") else {}
    learns = method in ("bpr", "bpr_merged", "clfm", "cdcf", "sconet", "adc", "static")
    return network | (FAST if learns else {})


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """One for all tests of a module, with the table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(place := tmp_path_factory.mktemp("home")))
        make_table().to_csv(place / "mine.csv", index=False)
        yield place


@pytest.fixture(scope="module")
def dataset(home) -> str:
    return data.prepare(str(home / "mine.csv")).name


def train(method: str, dataset: str):
    return registry.train(registry.configure(method, dataset, **small_settings(method)), show=False)
