"""A small table of ratings with titles, prepared, and tiny runs on it: what the tests of notebook 10 look at."""

from pathlib import Path

import numpy as np
import pandas as pd

from adc import baselines, data, train

TINY = {"dim": 4, "epochs": 2, "device": "cpu"}
DOMAINS = ("Drama", "Comedy", "Sci & Fi")


def prepared(place: Path) -> str:
    """Three domains of 30 items and 50 users; u0 is in Drama alone, u1 nowhere in Comedy. Returns the dataset's name."""
    rng = np.random.default_rng(0)
    rows = [
        (domain, f"u{user}", f"i{item}", int(rng.integers(1, 6)), f"<{domain}> {item}")
        for domain in DOMAINS for user in range(50) for item in rng.permutation(30)[: rng.integers(12, 25)]
        if not (user == 0 and domain != "Drama") and not (user == 1 and domain == "Comedy")
    ]  # fmt: skip
    file = place / "films.csv"
    pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "title"]).to_csv(file, index=False)
    return data.prepare(str(file)).name


def configurations(dataset: str) -> list[dict]:
    """ADC and its two rivals, so small that each takes a moment."""
    adc = train.configuration(dataset=dataset, hidden_layers=2, pretraining_epochs=1, **TINY)
    bpr = baselines.configuration(dataset=dataset, method="bpr", dim=4, epochs=2)
    return [adc, bpr, baselines.configuration(dataset=dataset, method="popularity")]
