"""Item-kNN (Deshpande and Karypis 2004): each training item of a user speaks for the items most similar to it.

Cosine similarity of the items' training users in the target domain, s_ij = |users of both| / (|i| |j| + shrinkage) with
|i|^2 = |users of i|; x_ui = sum over her training items j that have i among their nearest, of s_ij.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from adc import fit
from adc.errors import UserError
from adc.evaluate import groups, popularity
from adc.settings import check_types
from adc.split import TRAIN, Split

CODE = ("adc.fit",)
SPACE = {"neighbours": ("int", 5, 400), "shrinkage": ("log", 1.0, 1000.0)}


@dataclass(frozen=True)
class Settings:
    """Item-kNN's parameters; counted in one pass."""

    neighbours: int = 100
    shrinkage: float = 200.0
    epochs: int = 1
    patience: int = 1

    def __post_init__(self) -> None:
        check_types(self)
        if self.neighbours < 1 or not self.shrinkage >= 0:
            given = f"{self.neighbours} and {self.shrinkage}"
            raise UserError(f"Item-kNN needs neighbours >= 1 and shrinkage >= 0, not {given}.")


class ItemKNN:
    """Nearest items of every item in each domain."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts

    def epoch(self) -> list[dict]:
        """Nothing to descend on: rows without a loss."""
        return [{} for _ in self.parts.ratings.domains]

    def score(self, domain: int) -> fit.Score:
        """Sums of similarities; users without training ratings here get popularity."""
        return scorer(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """The nearest items of every item as a sparse matrix [m_k, m_k]: data, indices, indptr."""
        near = nearest(rated(self.parts, domain), self.config["neighbours"], self.config["shrinkage"])
        return {"data": near.data.astype(np.float32), "indices": near.indices, "indptr": near.indptr}


learner = ItemKNN


def scorer(parts: Split, domain: int, arrays: fit.Arrays) -> fit.Score:
    """Training ratings times the stored similarities."""
    m = len(parts.ratings.items[domain])
    near = sp.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(m, m))
    return linear_score(parts, domain, lambda known: (known @ near).toarray())


def rated(parts: Split, domain: int) -> sp.csr_matrix:
    """1 for every training rating of a domain [n, m_k] float32, whatever its stars (R23)."""
    user, item, _ = parts.of(domain, TRAIN)
    shape = (len(parts.ratings.users), len(parts.ratings.items[domain]))
    return sp.csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=shape)


def linear_score(parts: Split, domain: int, weigh: Callable[[sp.csr_matrix], np.ndarray]) -> fit.Score:
    """Scores that `weigh` makes of users' rows of `rated` [B, m_k]; who has none gets the domain's popularity."""
    known, cold = rated(parts, domain), torch.from_numpy(groups(parts, domain) > 0)
    popular = torch.from_numpy(popularity(parts, domain))

    def score(users: np.ndarray) -> torch.Tensor:
        scores = torch.from_numpy(weigh(known[users]))  # [B, m]
        scores[cold[users]] = popular
        return scores

    return score


def nearest(known: sp.csr_matrix, neighbours: int, shrinkage: float) -> sp.csr_matrix:
    """Similarity of every item to its nearest others [m, m]; of equally similar ones the first are taken."""
    both = (known.T @ known).tocoo()
    size = np.sqrt(both.diagonal().astype(np.float64))
    other = both.row != both.col
    row, column = both.row[other], both.col[other]
    similarity = both.data[other] / (size[row] * size[column] + shrinkage)
    order = np.lexsort((column, -similarity, row))
    row, column, similarity = row[order], column[order], similarity[order]
    close = np.arange(len(row)) - np.searchsorted(row, row) < neighbours  # place within its row
    return sp.csr_matrix((similarity[close], (row[close], column[close])), shape=both.shape)
