"""A whole source of ratings, as CONTRIBUTING asks for it: synthetic, drawn at random."""

import numpy as np
import pandas as pd

LABEL = "synthetic shop"  # in titles


def ratings() -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating`, and a report: what was dropped and why, nothing here."""
    rng = np.random.default_rng(0)
    each = [(domain, user, item) for domain in ("tea", "cups") for user in range(40) for item in rng.permutation(20)[:8]]
    rows = [(domain, f"u{user}", f"{domain}{item}", float(rng.integers(1, 6))) for domain, user, item in each]
    return pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]), {}
