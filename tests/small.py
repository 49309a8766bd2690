"""Tiny synthetic ratings for the tests: at random, or of users who rate within their own block of items."""

import numpy as np
import pandas as pd

from adc.data.schema import Ratings, encode
from adc.split import TRAIN, Split, split


def random_ratings(
    domains: int = 3, users: int = 40, items: int = 25, share: float = 0.25, member: float = 0.7, seed: int = 0
) -> Ratings:
    """Every user is in every domain with probability `member`, and rates every item there with probability `share`."""
    rng = np.random.default_rng(seed)
    rated = (rng.random((domains, users, items)) < share) & (rng.random((domains, users, 1)) < member)
    return _ratings(*np.nonzero(rated), rng)


def block_ratings(
    domains: int = 2, users: int = 80, items: int = 60, blocks: int = 4, share: float = 0.6, seed: int = 0
) -> Ratings:
    """Users rate only items of their own block, the same block in every domain: easy to learn."""
    rng = np.random.default_rng(seed)
    own = np.arange(users)[:, None] % blocks == np.arange(items)[None, :] % blocks
    return _ratings(*np.nonzero((rng.random((domains, users, items)) < share) & own), rng)


def parts_of(rows: list[tuple], seed: int = 0) -> Split:
    """A split worked by hand from rows of (domain, user, item, rating, part); domains in the order of their names."""
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "part"])
    return Split(encode(table, "tiny", sorted(table["domain"].unique())), seed, table["part"].to_numpy(np.int8))


def random_parts(seed: int = 0, **sizes) -> Split:
    """`random_ratings`, split."""
    return split(random_ratings(seed=seed, **sizes), seed)


def training_pairs(parts: Split, domain: int) -> set[tuple[int, int]]:
    """Every (user, item) of a domain's training ratings."""
    user, item, _ = parts.of(domain, TRAIN)
    return set(zip(user.tolist(), item.tolist(), strict=True))


def _ratings(domain: np.ndarray, user: np.ndarray, item: np.ndarray, rng: np.random.Generator) -> Ratings:
    columns = {
        "domain": [f"d{k}" for k in domain], "user": [f"u{u:03d}" for u in user], "item": [f"i{i:03d}" for i in item],
        "rating": rng.integers(1, 6, len(domain)).astype(float),
    }  # fmt: skip
    return encode(pd.DataFrame(columns), "tiny", sorted(set(columns["domain"])))
