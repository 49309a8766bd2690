"""Item-kNN (Deshpande and Karypis 2004): a user's training items recommend the items most similar to them."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from adc.config import check_types
from adc.errors import UserError
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass
from companion.rivals.linear import Linear, Weights


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


@dataclass(frozen=True)
class MergedSettings(Settings):
    """Item-kNN's parameters."""

    shrinkage: float = 50.0


class ItemKNN(Linear):
    """The nearest items of every item of a domain."""

    settings = ("neighbours", "shrinkage")

    @staticmethod
    def weights(X: sp.csr_matrix, neighbours: int, shrinkage: float) -> Weights:
        """Similarities of every item to its nearest."""
        return np.arange(X.shape[1]), nearest(X, neighbours, shrinkage)


class MergedItemKNN(ItemKNN):
    """The nearest items of every item, in whatever domain."""

    merged = True


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
    return sp.csr_matrix((similarity[near].astype(np.float32), (row[near], column[near])), shape=both.shape)


METHOD = Method(
    name="itemknn", label="item-kNN", version=2, Settings=Settings, fixed=ONE_PASS, learner=ItemKNN,
    scorer=ItemKNN.scorer, kind="hurdle",
    search_space={"neighbours": ("int", 5, 1000), "shrinkage": ("log", 1.0, 1e5)},
    color="#8C510A", marker="v", linestyle=(0, (5, 1, 1, 1, 1, 1)),
    objective=(nearest, Linear.popularity_weight), equation=r"""
$$s_{ji} = \frac{|U_i \cap U_j|}{\sqrt{|U_i|\,|U_j|} + \beta}, \qquad
\hat x_{ui} = \sum_{j \in I_u:\ i \in N_j} s_{ji} + \omega\,|U_i|$$

$U_i$: users with a training rating of item $i$; $I_u$: $u$'s training items; $N_j$: the items nearest $j$;
validation ratings choose $\omega$.
""",
)  # fmt: skip
MERGED = replace(
    METHOD, name="itemknn_merged", label="item-kNN (merged)", version=1, Settings=MergedSettings,
    learner=MergedItemKNN, scorer=MergedItemKNN.scorer, color="#543005", marker="1",
    linestyle=(0, (5, 1, 1, 1)),
    equation=f"{METHOD.equation}\n$I_u$ and $N_j$ are of all domains.\n",
)  # fmt: skip
