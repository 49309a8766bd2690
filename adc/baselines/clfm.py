"""CLFM (Gao et al. 2013): X_k ≈ U_k B_k V_k^T with B_k = [S_0, S_k], all nonnegative, on the known entries of X_k.

The rows of U_k [n, K] say how much of each user cluster a user is, those of V_k [m_k, L] how much of each item
cluster an item is. B_k [K, L] is the pattern by which user clusters rate item clusters; its first T columns, S_0, are
shared by all domains. Users are not matched between domains: S_0 is all that is transferred. The objective is the sum
of (X - U B V^T)^2 over domains and known entries. A multiplicative update times a factor by (what X asks for / what
U B V^T gives)^step while the others stand still, which never makes the objective grow.

`objective` "ratings" is the original as we know it: X holds the stars, and rows of U and V sum to one. "topn" makes a
ranking of it: X is 1 for every training rating and 0 for its negatives, the same that all other methods get, drawn
anew each epoch; rows keep their sums, as an item with nothing but zeros has no row that sums to one.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from adc import fit
from adc.errors import UserError
from adc.sample import Triples
from adc.settings import check_types
from adc.split import TRAIN, Split

CODE = ("adc.fit", "adc.sample")
OBJECTIVES = ("topn", "ratings")
SPACE = {
    "user_clusters": ("choice", [10, 20, 40, 80]),
    "item_clusters": ("choice", [10, 20, 40, 80]),
    "shared": ("choice", [0.25, 0.5, 0.75]),
    "step": ("log", 0.1, 1.0),
    "sweeps": ("choice", [1, 2, 5]),
}


@dataclass(frozen=True)
class Settings:
    """CLFM's parameters."""

    objective: str = "topn"
    user_clusters: int = 20  # K
    item_clusters: int = 20  # L
    shared: float = 0.5  # T / L
    step: float = 0.5  # exponent of the updates
    sweeps: int = 2  # over all factors, an epoch
    negatives: int = 5  # R17; "ratings" has none
    epochs: int = 100  # R18
    patience: int = 15

    def __post_init__(self) -> None:
        check_types(self)
        if self.objective not in OBJECTIVES:
            raise UserError(f"Parameter objective={self.objective!r} is unknown. Known: {', '.join(OBJECTIVES)}.")
        if not (0 < self.step <= 1 and 0 <= self.shared <= 1):
            raise UserError(f"CLFM needs 0 < step <= 1 and 0 <= shared <= 1, not {self.step} and {self.shared}.")
        if min(self.user_clusters, self.item_clusters, self.sweeps, self.negatives) < 1:
            raise UserError("CLFM needs at least 1 of user_clusters, item_clusters, sweeps and negatives.")


class Domain:
    """Known entries X [users with training ratings, m_k] of one domain, and its memberships U and V."""

    def __init__(self, parts: Split, domain: int, config: dict, rng: np.random.Generator):
        self.literal, self.step = config["objective"] == "ratings", config["step"]
        user, item, rating = parts.of(domain, TRAIN)
        self.users, row = np.unique(user, return_inverse=True)
        self.items = np.unique(item)
        self.know(row, item, rating, len(parts.ratings.items[domain]))
        self.U = _start(rng, len(self.users), config["user_clusters"])
        self.V = _start(rng, self.X.shape[1], config["item_clusters"])
        if self.literal:
            self.U, self.V = _to_one(self.U), _to_one(self.V)
        else:
            self.triples = Triples(parts, domain, config["negatives"], True, rng)

    def know(self, row: np.ndarray, item: np.ndarray, value: np.ndarray, m: int) -> None:
        """Set the known entries; one that is named twice counts once, if it is 0."""
        self.X = sp.csr_matrix((value.astype(np.float64), (row, item)), shape=(len(self.users), m))
        self.transposed = self.X.T.tocsr()

    def draw(self, rng: np.random.Generator) -> None:
        """Ones for the training ratings, zeros for freshly drawn negatives (R17)."""
        negative, row = self.triples.draw(rng), np.searchsorted(self.users, self.triples.user)
        rows = np.concatenate([row, np.repeat(row, negative.shape[1])])
        items = np.concatenate([self.triples.item, negative.ravel()])
        self.know(rows, items, np.arange(len(rows)) < len(row), self.X.shape[1])

    def update(self, B: np.ndarray) -> None:
        """U, then V, by what the pattern B makes of the other."""
        self.U = self._updated(self.X, self.U, self.V @ B.T)
        self.V = self._updated(self.transposed, self.V, self.U @ B)

    def _updated(self, X: sp.csr_matrix, F: np.ndarray, G: np.ndarray) -> np.ndarray:
        P = _predict(X, F, G)
        new = F * _ratio(X @ G, P @ G) ** self.step
        if self.literal:  # sums of one are not the update's doing: a row that they would make worse stays as it was
            new = _to_one(new)
            worse = _errors(X, _predict(X, new, G)) > _errors(X, P)
            new[worse] = F[worse]
        return new

    def pattern_terms(self, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What X asks of the pattern and what B gives, both [K, L]."""
        return self.U.T @ (self.X @ self.V), self.U.T @ (_predict(self.X, self.U @ B, self.V) @ self.V)

    def objective(self, B: np.ndarray) -> float:
        """Sum of squared errors over the known entries."""
        return float(_errors(self.X, _predict(self.X, self.U @ B, self.V)).sum())


class CLFM:
    """Domains joined by the shared part of their patterns; the `fit.Learner` of CLFM."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts
        self.rng = np.random.default_rng([config["seed"], 6])
        self.domains = [Domain(parts, k, config, self.rng) for k in range(parts.ratings.p)]
        clusters = config["user_clusters"], config["item_clusters"]
        self.T = round(config["shared"] * clusters[1])
        self.shared = _start(self.rng, clusters[0], self.T)
        self.own = [_start(self.rng, clusters[0], clusters[1] - self.T) for _ in self.domains]

    def pattern(self, domain: int) -> np.ndarray:
        """B_k = [S_0, S_k] [K, L]."""
        return np.concatenate([self.shared, self.own[domain]], axis=1)

    def epoch(self) -> list[dict]:
        """A few sweeps over all factors; the mean squared error of the known entries."""
        for domain in self.domains if self.config["objective"] == "topn" else ():
            domain.draw(self.rng)
        for _ in range(self.config["sweeps"]):
            self.sweep()
        return [{"loss": domain.objective(self.pattern(k)) / domain.X.nnz} for k, domain in enumerate(self.domains)]

    def sweep(self) -> None:
        """Every U_k and V_k, then all patterns at once: in S_0 and the S_k together the objective is one quadratic."""
        step, T = self.config["step"], self.T
        for k, domain in enumerate(self.domains):
            domain.update(self.pattern(k))
        wanted, given = zip(*(domain.pattern_terms(self.pattern(k)) for k, domain in enumerate(self.domains)))
        self.shared *= _ratio(np.sum(wanted, 0)[:, :T], np.sum(given, 0)[:, :T]) ** step
        for k, own in enumerate(self.own):
            own *= _ratio(wanted[k][:, T:], given[k][:, T:]) ** step

    def score(self, domain: int) -> fit.Score:
        """Rows of U B V^T by the factors as they are now."""
        return fit.factor_score(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """Rows of U B of every user [n, L] and of V of every item [m_k, L]; who has no entry gets the mean row."""
        own = self.domains[domain]
        item = _filled(own.V[own.items], own.items, len(own.V)) if own.literal else own.V
        user = _filled(own.U @ self.pattern(domain), own.users, len(self.parts.ratings.users))
        return {"user": user.astype(np.float32), "item": item.astype(np.float32)}


learner = CLFM


def _start(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return rng.random((rows, columns)) + 0.1


def _filled(known: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    rows = np.tile(known.mean(0), (size, 1))
    rows[place] = known
    return rows


def _to_one(rows: np.ndarray) -> np.ndarray:
    return rows / rows.sum(1, keepdims=True)


def _ratio(wanted: np.ndarray, given: np.ndarray) -> np.ndarray:
    return np.divide(wanted, given, out=np.ones_like(given), where=given > 1e-12)  # without entries: left as it is


def _errors(X: sp.csr_matrix, P: sp.csr_matrix) -> np.ndarray:
    """Squared error of every row."""
    return np.bincount(_rows(X), (X.data - P.data) ** 2, minlength=X.shape[0])


def _rows(X: sp.csr_matrix) -> np.ndarray:
    return np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))


def _predict(X: sp.csr_matrix, F: np.ndarray, G: np.ndarray) -> sp.csr_matrix:
    """F G^T at the known entries of X only."""
    at = [torch.from_numpy(array) for array in (X.indptr, X.indices, np.zeros(X.nnz))]
    at = torch.sparse_csr_tensor(*at, X.shape, check_invariants=False)
    data = torch.sparse.sampled_addmm(at, torch.from_numpy(F), torch.from_numpy(G).T, beta=0.0).values().numpy()
    return sp.csr_matrix((data, X.indices, X.indptr), shape=X.shape)
