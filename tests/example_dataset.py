"""A whole source of ratings, as CONTRIBUTING describes it: synthetic, drawn at random."""

import numpy as np
import pandas as pd

LABEL = "synthetic shop"  # in titles
DESCRIPTION = "synthetic, drawn at random"  # in the list of sources


def ratings() -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating`, and a report: what was dropped and why, nothing here."""
    rng = np.random.default_rng(0)
    rows = []
    for domain in ("tea", "cups"):
        for user in range(40):
            items = rng.permutation(20)[:8]
            rows += [(domain, f"u{user}", f"{domain}{item}", float(rng.integers(1, 6))) for item in items]
    return pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]), {}
