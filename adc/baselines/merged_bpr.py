"""BPR [28] on the merged domains: one vector of every user for all domains, items of all domains in one table.

What the domains share is the users' vectors. Negatives are items of the positive's own domain. A user without training
ratings in the target has a vector all the same, if she has any elsewhere.
"""

from dataclasses import dataclass

import numpy as np

from adc import fit
from adc.baselines import bpr

CODE = ("adc.baselines.bpr", *bpr.CODE)
SPACE = bpr.SPACE


@dataclass(frozen=True)
class Settings(bpr.Settings):
    """BPR's parameters."""

    learning_rate: float = 1e-2


class MergedBPR(bpr.BPR):
    """BPR whose only domain are all domains together; the `fit.Learner` of merged BPR."""

    def _rows(self) -> np.ndarray:
        """One vector for every user with a training rating, the same in all domains."""
        row = np.zeros(len(self.parts.ratings.users), dtype=np.int64)
        row[self.users] = np.arange(len(self.users))
        return np.tile(row, (self.parts.ratings.p, 1))

    def _together(self, size: list[int]) -> list[int]:
        """The triples of all domains as those of one."""
        return [sum(size)]

    def epoch(self) -> list[dict]:
        """One pass over all triples; their mean loss stands for every domain."""
        (row,) = super().epoch()
        return [dict(row) for _ in self.parts.ratings.domains]

    def arrays(self, domain: int) -> fit.Arrays:
        """(u, 1) of every user [n, d+1], the same in all domains, and (v, b) of the domain's items [m_k, d+1]."""
        return {name: array for name, array in super().arrays(domain).items() if name != "cold"}


learner = MergedBPR
