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

    def _start(self) -> None:
        sizes = [len(items) for items in self.parts.ratings.items]
        self.first = np.concatenate([[0], np.cumsum(sizes)])  # row of each domain's first item
        self.row = np.zeros((1, len(self.parts.ratings.users)), dtype=np.int64)
        self.row[0, self.users] = np.arange(len(self.users))
        self.user, self.item = [self._table(len(self.users))], [self._table(sum(sizes), bias=True)]

    def _batches(self, batch: list) -> list:
        """The triples of all domains as those of one."""
        shifted = [(row, liked + first, other + first) for (row, liked, other), first in zip(batch, self.first)]
        return [tuple(np.concatenate(column) for column in zip(*shifted))]

    def epoch(self) -> list[dict]:
        """One pass over all triples; their mean loss stands for every domain."""
        (row,) = super().epoch()
        return [dict(row) for _ in self.parts.ratings.domains]

    def arrays(self, domain: int) -> fit.Arrays:
        """(u, 1) of every user [n, d+1], the same in all domains, and (v, b) of the domain's items [m_k, d+1]."""
        user, item = (table[0].weight.detach().numpy() for table in (self.user, self.item))
        user = np.pad(user[self.row[0]], ((0, 0), (0, 1)), constant_values=1)
        return {"user": user, "item": item[self.first[domain] : self.first[domain + 1]].copy()}


learner = MergedBPR
