"""EASE (Steck 2019): the linear item-item model that a ridge regression of every item on all others gives.

Items that no user has rated together with another have nothing but zeros in B, so only the others, the linked
ones, are inverted. B is not stored: with the training ratings, λ is the whole model.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack

from adc.config import check_types
from adc.early_stopping import Arrays, Score
from adc.errors import UserError
from adc.split import Split
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass, Rival
from companion.rivals.itemknn import linear_score, rating_matrix


@dataclass(frozen=True)
class Settings(OnePass):
    """EASE's parameters."""

    l2: float = 1000.0  # λ
    most_items: int = 20_000  # linked items of a domain; so many need 1.6 GB

    def __post_init__(self) -> None:
        check_types(self)
        if not self.l2 > 0:
            raise UserError(f"EASE needs an l2 above 0, not {self.l2}.")


class EASE(Rival):
    """Item weights of every domain by itself. `UserError` where a domain has more than `most_items`."""

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        for k, name in enumerate(split.ratings.domains):
            count, most = len(linked_items(rating_matrix(split, k))), config["most_items"]
            if count > most:
                raise UserError(
                    f"EASE needs {4 * count**2 / 1e9:.1f} GB of memory for the {count:,} items of '{name}'. "
                    f"The limit is most_items={most}: raise it, or leave the domain out."
                )

    def arrays(self, domain: int) -> Arrays:
        """λ."""
        return {"l2": np.array(self.config["l2"])}

    @staticmethod
    def scorer(split: Split, domain: int, arrays: Arrays) -> Score:
        """Rows of X B, solved when the first of them is needed."""
        X = rating_matrix(split, domain)
        items, B = linked_items(X), None

        def weigh(rows: sp.csr_matrix) -> np.ndarray:
            nonlocal B
            B = weights(X[:, items], float(arrays["l2"])) if B is None else B
            scores = np.zeros(rows.shape, np.float32)
            scores[:, items] = rows[:, items] @ B
            return scores

        return linear_score(split, domain, weigh)


def linked_items(X: sp.csr_matrix) -> np.ndarray:
    """Items that a user has rated together with another item."""
    return np.unique(X[np.diff(X.indptr) > 1].indices)


def weights(X: sp.csr_matrix, l2: float) -> np.ndarray:
    """B [m, m] float32 of X [n, m], in the memory of one such matrix."""
    gram = (X.T @ X).astype(np.float32).toarray(order="F")
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
    name="ease", label="EASE", version=1, Settings=Settings, fixed=ONE_PASS, learner=EASE,
    scorer=EASE.scorer, kind="hurdle", search_space={"l2": ("log", 10.0, 1e4)},
    color="#E69F00", marker="P", linestyle=(0, (8, 2)), objective=(weights,), equation=r"""
$$\min_B \lVert X - XB \rVert_F^2 + \lambda \lVert B \rVert_F^2 \quad \text{with } \operatorname{diag}(B) = 0
\qquad\Rightarrow\qquad B_{ij} = -P_{ij} / P_{jj} \ (i \neq j), \quad P = (X^\top X + \lambda I)^{-1}$$

$X$ is 1 where a user has a training rating of an item; $\hat x_{ui} = (XB)_{ui}$.
""",
)  # fmt: skip
