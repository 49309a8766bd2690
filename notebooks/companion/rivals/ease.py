"""EASE (Steck 2019): the linear item-item model that a ridge regression of every item on all others gives.

Items that no user has rated together with another have nothing but zeros in B, so only the others, the linked
ones, are inverted, and of those at most the `most_items` with the most training ratings: all others keep
popularity alone. At Table I's size that leaves out items of the merged model only. B is not stored: with the
training ratings, λ is the whole model."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack

from adc.config import check_types
from adc.errors import UserError
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass
from companion.rivals.linear import Linear, Weights, in_common


@dataclass(frozen=True)
class Settings(OnePass):
    """EASE's parameters."""

    l2: float = 400.0  # λ
    most_items: int = 20_000  # inverted at once; so many need 1.6 GB

    def __post_init__(self) -> None:
        check_types(self)
        if not (self.l2 > 0 and self.most_items >= 1):
            raise UserError(f"EASE needs l2 > 0 and most_items >= 1, not {self.l2} and {self.most_items}.")


class EASE(Linear):
    """Item weights B of every domain by itself."""

    settings = ("l2", "most_items")

    @staticmethod
    def weights(X: sp.csr_matrix, l2: float, most_items: int) -> Weights:
        """B of the linked items, or of those among them with the most ratings."""
        items = linked_items(X)
        most = np.argsort(-X.getnnz(0)[items], kind="stable")[:most_items]
        items = np.sort(items[most])
        return items, weights(X[:, items], l2)


class MergedEASE(EASE):
    """One B over the items of all domains."""

    merged = True


def linked_items(X: sp.csr_matrix) -> np.ndarray:
    """Items that a user has rated together with another item."""
    return np.unique(X[np.diff(X.indptr) > 1].indices)


def weights(X: sp.csr_matrix, l2: float) -> np.ndarray:
    """B [m, m] float32 of X [n, m], in the memory of one such matrix; of no linked items it is empty."""
    if not X.shape[1]:
        return np.zeros((0, 0), np.float32)
    gram = np.empty((X.shape[1],) * 2, np.float32, order="F")
    for start, both in in_common(X):
        gram[:, start : start + both.shape[0]] = both.T.toarray()
    gram[np.diag_indices_from(gram)] += l2
    factor, error = lapack.spotrf(gram, lower=True, clean=False, overwrite_a=True)
    P, error = lapack.spotri(factor, lower=True, overwrite_c=True) if not error else (factor, error)
    if error:
        raise FloatingPointError("EASE: the matrix cannot be inverted")
    for i in range(len(P)):
        P[i, i + 1 :] = P[i + 1 :, i]  # LAPACK fills one triangle only
    B = P.T  # symmetric, and now in the order that sparse products need
    B /= -B.diagonal().copy()
    np.fill_diagonal(B, 0)
    return B


METHOD = Method(
    name="ease", label="EASE", version=2, Settings=Settings, fixed=ONE_PASS, learner=EASE,
    kind="hurdle", search_space={"l2": ("log", 10.0, 1e5)},
    color="#E69F00", marker="P", linestyle=(0, (8, 2)), objective=(weights, Linear.popularity_weight),
    equation=r"""
$$\min_B \lVert X - XB \rVert_F^2 + \lambda \lVert B \rVert_F^2 \quad \text{with } \operatorname{diag}(B) = 0
\qquad\Rightarrow\qquad B_{ij} = -P_{ij} / P_{jj} \ (i \neq j), \quad P = (X^\top X + \lambda I)^{-1}$$

$\hat x_{ui} = (XB)_{ui} + \omega\,|U_i|$. $X$ is 1 where a user has a training rating of an item; $|U_i|$ is
how many item $i$ has; validation ratings choose $\omega$.
""",
)  # fmt: skip
MERGED = replace(
    METHOD, name="ease_merged", label="EASE (merged)", version=1, learner=MergedEASE,
    color="#8A5A00", marker="X", linestyle=(0, (8, 2, 1, 2)),
    equation=f"{METHOD.equation}\n$X$ holds the items of all domains side by side.\n",
)  # fmt: skip
