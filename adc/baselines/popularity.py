"""Popularity: every user gets the items with the most training ratings. The first hurdle."""

from dataclasses import dataclass

import numpy as np
import torch

from adc import evaluate, fit
from adc.split import Split

SPACE = {}
CODE = ("adc.fit",)


@dataclass(frozen=True)
class Settings:
    """Nothing to choose; counted in one pass."""

    epochs: int = 1
    patience: int = 1


class Popularity:
    """Training ratings a domain; ties are broken by the run's seed (R29)."""

    def __init__(self, config: dict, parts: Split):
        self.parts = parts

    def epoch(self) -> list[dict]:
        """Nothing to descend on: rows without a loss."""
        return [{} for _ in self.parts.ratings.domains]

    def score(self, domain: int) -> fit.Score:
        """The same row for everybody."""
        return scorer(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """Training ratings of every item [m_k]."""
        return {"item": evaluate.popularity(self.parts, domain)}


learner = Popularity


def scorer(parts: Split, domain: int, arrays: fit.Arrays) -> fit.Score:
    """The stored counts, whoever asks."""
    row = torch.from_numpy(np.asarray(arrays["item"]))
    return lambda users: row.repeat(len(users), 1)
