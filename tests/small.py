"""Tiny synthetic ratings for the tests: at random, or of users who rate within their own block of items."""

import numpy as np
import pandas as pd
import torch

from adc.ratings import Ratings, encode
from adc.split import TRAIN, Split, split_ratings


def random_ratings(domains=3, users=40, items=25, share=0.25, member=0.7, seed=0) -> Ratings:
    """A user is in a domain with probability `member`, and rates an item there with probability `share`."""
    rng = np.random.default_rng(seed)
    rated = (rng.random((domains, users, items)) < share) & (rng.random((domains, users, 1)) < member)
    return _ratings(*np.nonzero(rated), rng)


def block_ratings(domains=2, users=80, items=60, blocks=4, share=0.6, seed=0) -> Ratings:
    """Users rate only items of their own block, the same block in every domain: easy to learn."""
    rng = np.random.default_rng(seed)
    own = np.arange(users)[:, None] % blocks == np.arange(items)[None, :] % blocks
    return _ratings(*np.nonzero((rng.random((domains, users, items)) < share) & own), rng)


def split_from_rows(rows: list[tuple], seed: int = 0) -> Split:
    """A split made by hand: rows (domain, user, item, rating, part), domains in the order of their names."""
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "part"])
    ratings = encode(table, "tiny", sorted(table["domain"].unique()))
    return Split(ratings, seed, table["part"].to_numpy(np.int8))


def random_split(seed: int = 0, **sizes) -> Split:
    """`random_ratings`, split."""
    return split_ratings(random_ratings(seed=seed, **sizes), seed)


def training_pairs(split: Split, domain: int) -> set[tuple[int, int]]:
    """Every (user, item) of a domain's training ratings."""
    user, item, _ = split.of(domain, TRAIN)
    return set(zip(user.tolist(), item.tolist(), strict=True))


def _ratings(domain: np.ndarray, user: np.ndarray, item: np.ndarray, rng: np.random.Generator) -> Ratings:
    names = {"domain": [f"d{k}" for k in domain], "user": [f"u{u:03d}" for u in user]}
    names["item"] = [f"i{i:03d}" for i in item]
    table = pd.DataFrame(names | {"rating": rng.integers(1, 6, len(domain)).astype(float)})
    return encode(table, "tiny", sorted(set(names["domain"])))


def random_tensor(*shape, seed=0) -> torch.Tensor:
    """Normal, in double precision, with a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
