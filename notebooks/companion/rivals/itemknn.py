"""Item-kNN (Deshpande and Karypis 2004): a user's training items recommend the items most similar to them."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from adc.config import check_types
from adc.errors import UserError
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass
from companion.rivals.linear import Linear, Weights, in_common


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
    size = np.sqrt(np.bincount(X.indices, X.data, X.shape[1]))
    first, columns, similarities = [0], [], []
    for start, both in in_common(X):
        for i, (a, b) in enumerate(zip(both.indptr[:-1], both.indptr[1:]), start):
            column = both.indices[a:b]
            similarity = both.data[a:b] / (size[i] * size[column] + shrinkage)
            column, similarity = column[column != i], similarity[column != i]
            if len(column) > neighbours:  # sorting all of them would take ten times as long
                near = similarity >= np.partition(similarity, -neighbours)[-neighbours]
                column, similarity = column[near], similarity[near]
            order = np.lexsort((column, -similarity))[:neighbours]
            columns.append(column[order])
            similarities.append(similarity[order].astype(np.float32))
            first.append(first[-1] + len(order))
    arrays = (np.concatenate(similarities), np.concatenate(columns), first)
    nearest_items = sp.csr_matrix(arrays, shape=(X.shape[1],) * 2)
    nearest_items.sort_indices()
    return nearest_items


METHOD = Method(
    name="itemknn", label="item-kNN", version=2, Settings=Settings, fixed=ONE_PASS, learner=ItemKNN,
    kind="hurdle", search_space={"neighbours": ("int", 5, 1000), "shrinkage": ("log", 1.0, 1e5)},
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
    learner=MergedItemKNN, color="#543005", marker="1", linestyle=(0, (5, 1, 1, 1)),
    equation=f"{METHOD.equation}\n$I_u$ and $N_j$ are of all domains.\n",
)  # fmt: skip
