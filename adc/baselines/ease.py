"""EASE (Steck 2019): the linear item-item model that a ridge regression of every item on all others gives.

X, 1 for a training rating of the target domain, is approximated by X B with diag(B) = 0; |X - X B|^2 + penalty |B|^2 is
least at B_ij = -P_ij / P_jj (i ≠ j), P = (X^T X + penalty I)^-1. Items that no user has rated together with another have
nothing but zeros in B, so only the others, the linked ones, are inverted. B is not stored but made again to score.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack

from adc import fit
from adc.baselines.itemknn import linear_score, rated
from adc.errors import UserError
from adc.settings import check_types
from adc.split import Split

CODE = ("adc.fit", "adc.baselines.itemknn")
SPACE = {"penalty": ("log", 10.0, 1e4)}


@dataclass(frozen=True)
class Settings:
    """EASE's parameters; solved at once."""

    penalty: float = 1000.0
    most_items: int = 20_000  # linked ones of a domain; as many need 1.6 GB
    epochs: int = 1
    patience: int = 1

    def __post_init__(self) -> None:
        check_types(self)
        if not self.penalty > 0:
            raise UserError(f"EASE needs a penalty above 0, not {self.penalty}.")


class EASE:
    """Item weights of every domain by itself. `UserError` where a domain is too large for memory."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts
        for k, name in enumerate(parts.ratings.domains):
            count = len(linked(rated(parts, k)))
            if count > config["most_items"]:
                raise UserError(
                    f"EASE inverts a matrix of all items that are rated together with another: {count:,} in domain "
                    f"'{name}' of '{parts.ratings.name}', which needs {4 * count**2 / 1e9:.1f} GB of memory. The limit "
                    f"is most_items={config['most_items']}: raise it, or leave the domain out."
                )

    def epoch(self) -> list[dict]:
        """Nothing to descend on: rows without a loss."""
        return [{} for _ in self.parts.ratings.domains]

    def score(self, domain: int) -> fit.Score:
        """Rows of X B; users without training ratings here get popularity."""
        return scorer(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """The penalty: with the training ratings it is all of the model."""
        return {"penalty": np.array(self.config["penalty"])}


learner = EASE


def scorer(parts: Split, domain: int, arrays: fit.Arrays) -> fit.Score:
    """Rows of X B, solved when the first of them is asked for."""
    known = rated(parts, domain)
    items, B = linked(known), None

    def weigh(rows: sp.csr_matrix) -> np.ndarray:
        nonlocal B
        B = weights(known[:, items], float(arrays["penalty"])) if B is None else B
        scores = np.zeros(rows.shape, np.float32)
        scores[:, items] = rows[:, items] @ B
        return scores

    return linear_score(parts, domain, weigh)


def linked(known: sp.csr_matrix) -> np.ndarray:
    """Items that someone has rated together with another item."""
    return np.unique(known[np.diff(known.indptr) > 1].indices)


def weights(known: sp.csr_matrix, penalty: float) -> np.ndarray:
    """B [m, m] float32 of ratings known [n, m], in the memory of one such matrix."""
    gram = (known.T @ known).astype(np.float32).toarray(order="F")
    gram[np.diag_indices_from(gram)] += penalty
    factor, failed = lapack.spotrf(gram, lower=True, clean=False, overwrite_a=True)
    inverse, failed_too = lapack.spotri(factor, lower=True, overwrite_c=True) if not failed else (None, failed)
    if inverse is None or failed_too:
        raise FloatingPointError("EASE: the matrix cannot be inverted")
    for i in range(len(inverse)):
        inverse[i, i + 1 :] = inverse[i + 1 :, i]  # LAPACK fills one triangle only
    inverse = inverse.T  # symmetric, and now in the order that sparse products need
    inverse /= -inverse.diagonal().copy()
    np.fill_diagonal(inverse, 0)
    return inverse
