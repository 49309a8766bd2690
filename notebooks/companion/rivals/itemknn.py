"""Item-kNN (Deshpande and Karypis 2004): a user's training items recommend the items most similar to them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from adc.config import check_types
from adc.early_stopping import Arrays, Score
from adc.errors import UserError
from adc.evaluation import groups, popularity
from adc.split import TRAIN, Split
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass, Rival


@dataclass(frozen=True)
class Settings(OnePass):
    """Item-kNN's parameters."""

    neighbours: int = 100  # |N_j|
    shrinkage: float = 200.0  # β

    def __post_init__(self) -> None:
        check_types(self)
        if self.neighbours < 1 or not self.shrinkage >= 0:
            values = f"{self.neighbours} and {self.shrinkage}"
            raise UserError(f"Item-kNN needs neighbours >= 1 and shrinkage >= 0, not {values}.")


class ItemKNN(Rival):
    """The nearest items of every item of a domain."""

    def arrays(self, domain: int) -> Arrays:
        """Similarities of every item's nearest items as a sparse matrix [m_k, m_k]: data, indices, indptr."""
        X = rating_matrix(self.split, domain)
        near = nearest(X, self.config["neighbours"], self.config["shrinkage"])
        return {"data": near.data.astype(np.float32), "indices": near.indices, "indptr": near.indptr}

    @staticmethod
    def scorer(split: Split, domain: int, arrays: Arrays) -> Score:
        """Sums of similarities over a user's training items."""
        m = len(split.ratings.items[domain])
        near = sp.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(m, m))
        return linear_score(split, domain, lambda X: (X @ near).toarray())


def nearest(X: sp.csr_matrix, neighbours: int, shrinkage: float) -> sp.csr_matrix:
    """Cosine similarity of every item of X [n, m] to its nearest others [m, m], the first of equal ones."""
    both = (X.T @ X).tocoo()  # users of both items
    size = np.sqrt(both.diagonal().astype(np.float64))
    other = both.row != both.col
    row, column = both.row[other], both.col[other]
    similarity = both.data[other] / (size[row] * size[column] + shrinkage)
    order = np.lexsort((column, -similarity, row))
    row, column, similarity = row[order], column[order], similarity[order]
    near = np.arange(len(row)) - np.searchsorted(row, row) < neighbours  # by its place within its row
    return sp.csr_matrix((similarity[near], (row[near], column[near])), shape=both.shape)


def rating_matrix(split: Split, domain: int) -> sp.csr_matrix:
    """1 for every training rating of a domain [n, m_k] float32, whatever its stars (R23)."""
    user, item, _ = split.of(domain, TRAIN)
    shape = (len(split.ratings.users), len(split.ratings.items[domain]))
    return sp.csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=shape)


def linear_score(split: Split, domain: int, weigh: Callable[[sp.csr_matrix], np.ndarray]) -> Score:
    """What `weigh` makes of users' rows of `rating_matrix` [B, m_k]; popularity where a row is empty."""
    X, cold = rating_matrix(split, domain), torch.from_numpy(groups(split, domain) > 0)
    popular = torch.from_numpy(popularity(split, domain))

    def score(users: np.ndarray) -> torch.Tensor:
        scores = torch.from_numpy(weigh(X[users]))  # [B, m_k]
        scores[cold[users]] = popular
        return scores

    return score


METHOD = Method(
    name="itemknn", label="item-kNN", version=1, Settings=Settings, fixed=ONE_PASS, learner=ItemKNN,
    scorer=ItemKNN.scorer, kind="hurdle",
    search_space={"neighbours": ("int", 5, 400), "shrinkage": ("log", 1.0, 1000.0)},
    color="#8C510A", marker="v", linestyle=(0, (5, 1, 1, 1, 1, 1)), objective=(nearest, ItemKNN),
    equation=r"""
$$s_{ji} = \frac{|U_i \cap U_j|}{\sqrt{|U_i|\,|U_j|} + \beta}, \qquad
\hat x_{ui} = \sum_{j \in I_u:\ i \in N_j} s_{ji}$$

$U_i$: users with a training rating of item $i$; $I_u$: $u$'s training items; $N_j$: the items nearest $j$.
""",
)  # fmt: skip
