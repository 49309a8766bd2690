"""Chance: every user gets the items in a random order of her own. Whoever is not above it knows nothing."""

from dataclasses import dataclass

import numpy as np
import torch

from adc import fit
from adc.split import Split

CODE = ("adc.fit",)
SPACE = {}


@dataclass(frozen=True)
class Settings:
    """Nothing to choose."""

    epochs: int = 1
    patience: int = 1


class Chance:
    """Scores that depend on nothing but the run's seed, the domain and the user."""

    def __init__(self, config: dict, parts: Split):
        self.seed, self.parts = config["seed"], parts

    def epoch(self) -> list[dict]:
        """Nothing to descend on: rows without a loss."""
        return [{} for _ in self.parts.ratings.domains]

    def score(self, domain: int) -> fit.Score:
        """A row of random numbers for every user."""
        return scorer(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """The seed."""
        return {"seed": np.array(self.seed)}


learner = Chance


def scorer(parts: Split, domain: int, arrays: fit.Arrays) -> fit.Score:
    """The rows of a seed: the same for a user whoever is scored with her."""
    seed, m = int(arrays["seed"]), len(parts.ratings.items[domain])

    def row(user: int) -> np.ndarray:
        return np.random.default_rng([seed, 7, domain, user]).random(m, dtype=np.float32)

    return lambda users: torch.from_numpy(np.stack([row(int(user)) for user in users]))
