"""CLFM (Gao et al. 2013): X_k ≈ U_k B_k V_k^T with B_k = [S_0, S_k], all nonnegative, where X_k is known.

The rows of U_k [n_k, K] say how much of each user cluster a user is, those of V_k [m_k, L] how much of each
item cluster an item is. B_k [K, L] is the pattern by which user clusters rate item clusters; its first T
columns, S_0, are shared by all domains. Users are not matched between domains: S_0 is all that is
transferred. A multiplicative update times a factor by (what X asks for / what U B V^T gives)^step while the
others stand still, which never makes the squared error grow.

`objective` "ratings" is the original as we know it: X holds the stars, and rows of U and V sum to one. "topn"
makes a ranking of it: X is 1 for every training rating and 0 for its negatives, drawn as for all other
methods, anew each epoch; rows keep their sums, as an item with nothing but zeros has no row that sums to one.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from adc.config import check_types
from adc.early_stopping import Arrays
from adc.errors import UserError
from adc.sampling import Triples
from adc.split import TRAIN, VALID, Split
from companion.method import Method
from companion.rivals.base import Rival

OBJECTIVES = ("topn", "ratings")


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
            raise UserError(f"Parameter objective={self.objective!r} is unknown. Known: topn, ratings.")
        if not (0 < self.step <= 1 and 0 <= self.shared <= 1):
            raise UserError(f"CLFM needs 0 < step <= 1, 0 <= shared <= 1, not {self.step}, {self.shared}.")
        if min(self.user_clusters, self.item_clusters, self.sweeps, self.negatives) < 1:
            raise UserError("CLFM needs at least 1 of user_clusters, item_clusters, sweeps and negatives.")


class Domain:
    """One domain's known entries X [n_k, m_k], of users with training ratings, and memberships U and V."""

    def __init__(self, split: Split, domain: int, config: dict, rng: np.random.Generator):
        self.rows_sum_to_one, self.step = config["objective"] == "ratings", config["step"]
        user, item, rating = split.of(domain, TRAIN)
        self.users, row = np.unique(user, return_inverse=True)
        self.items = np.unique(item)
        self.set_entries(row, item, rating, len(split.ratings.items[domain]))
        self.U = random_factor(rng, len(self.users), config["user_clusters"])
        self.V = random_factor(rng, self.X.shape[1], config["item_clusters"])
        if self.rows_sum_to_one:
            self.U, self.V = normalised(self.U), normalised(self.V)
        else:
            self.triples = Triples(split, domain, config["negatives"], True, rng)

    def set_entries(self, row: np.ndarray, item: np.ndarray, value: np.ndarray, m: int) -> None:
        """Set the known entries; an entry named twice counts once, if it is 0."""
        self.X = sp.csr_matrix((value.astype(np.float64), (row, item)), shape=(len(self.users), m))
        self.transposed = self.X.T.tocsr()

    def draw(self, rng: np.random.Generator) -> None:
        """Ones for the training ratings, zeros for freshly drawn negatives (R17)."""
        negative, row = self.triples.draw(rng), np.searchsorted(self.users, self.triples.user)
        rows = np.concatenate([row, np.repeat(row, negative.shape[1])])
        items = np.concatenate([self.triples.item, negative.ravel()])
        self.set_entries(rows, items, np.arange(len(rows)) < len(row), self.X.shape[1])

    def updated(self, X: sp.csr_matrix, F: np.ndarray, G: np.ndarray) -> np.ndarray:
        """F of X ≈ F G^T after one multiplicative update."""
        P = predictions(X, F, G)
        new = F * ratio(X @ G, P @ G) ** self.step
        if self.rows_sum_to_one:  # not by the update itself: a row that it would make worse stays
            new = normalised(new)
            worse = row_errors(X, predictions(X, new, G)) > row_errors(X, P)
            new[worse] = F[worse]
        return new

    def pattern_terms(self, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What X asks of the pattern, and what B gives, both [K, L]."""
        return self.U.T @ (self.X @ self.V), self.U.T @ (predictions(self.X, self.U @ B, self.V) @ self.V)

    def squared_error(self, B: np.ndarray) -> float:
        """Sum of squared errors over the known entries."""
        return float(row_errors(self.X, predictions(self.X, self.U @ B, self.V)).sum())


class CLFM(Rival):
    """Domains joined by the shared part of their patterns."""

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        self.rng = np.random.default_rng([config["seed"], 6])
        self.domains = [Domain(split, k, config, self.rng) for k in range(split.ratings.p)]
        K, L = config["user_clusters"], config["item_clusters"]
        self.T = round(config["shared"] * L)
        self.shared = random_factor(self.rng, K, self.T)  # S_0
        self.own = [random_factor(self.rng, K, L - self.T) for _ in self.domains]  # S_k

    def pattern(self, domain: int) -> np.ndarray:
        """B_k = [S_0, S_k] [K, L]."""
        return np.concatenate([self.shared, self.own[domain]], axis=1)

    def epoch(self) -> list[dict]:
        """A few sweeps over all factors; the mean squared error of the known entries."""
        for domain in self.domains if self.config["objective"] == "topn" else ():
            domain.draw(self.rng)
        for _ in range(self.config["sweeps"]):
            self.sweep()
        domains = enumerate(self.domains)
        return [{"loss": domain.squared_error(self.pattern(k)) / domain.X.nnz} for k, domain in domains]

    def sweep(self) -> None:
        """Every U_k and V_k, then all patterns at once: in them together the error is one quadratic."""
        step, T = self.config["step"], self.T
        for k, domain in enumerate(self.domains):
            B = self.pattern(k)
            domain.U = domain.updated(domain.X, domain.U, domain.V @ B.T)
            domain.V = domain.updated(domain.transposed, domain.V, domain.U @ B)
        terms = (domain.pattern_terms(self.pattern(k)) for k, domain in enumerate(self.domains))
        wanted, present = zip(*terms)
        self.shared *= ratio(np.sum(wanted, 0)[:, :T], np.sum(present, 0)[:, :T]) ** step
        for k, own in enumerate(self.own):
            own *= ratio(wanted[k][:, T:], present[k][:, T:]) ** step

    def arrays(self, domain: int) -> Arrays:
        """Rows of U B of every user [n, L] and of V of every item [m_k, L]; without an entry the mean row."""
        own = self.domains[domain]
        item = with_mean_rows(own.V[own.items], own.items, len(own.V)) if own.rows_sum_to_one else own.V
        user = with_mean_rows(own.U @ self.pattern(domain), own.users, len(self.split.ratings.users))
        return {"user": user.astype(np.float32), "item": item.astype(np.float32)}


def validation_errors(split: Split, domain: int, arrays: Arrays) -> tuple[float, float]:
    """RMSE over a domain's validation ratings: of CLFM, fitted to stars, and of the mean training rating."""
    user, item, rating = split.of(domain, VALID)
    stars = (arrays["user"][user] * arrays["item"][item]).sum(1)
    errors = (rating - stars, rating - split.of(domain, TRAIN)[2].mean())
    return tuple(float(np.sqrt(np.mean(error**2))) for error in errors)


def random_factor(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Where a factor starts: uniform, and not near zero, which it would never leave."""
    return rng.random((rows, columns)) + 0.1


def with_mean_rows(rows: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """Rows put at their places among `size`; at all other places their mean."""
    full = np.tile(rows.mean(0), (size, 1))
    full[place] = rows
    return full


def normalised(rows: np.ndarray) -> np.ndarray:
    """Rows that sum to one."""
    return rows / rows.sum(1, keepdims=True)


def ratio(wanted: np.ndarray, present: np.ndarray) -> np.ndarray:
    """wanted / present; 1, which leaves a factor as it is, where there are no entries."""
    return np.divide(wanted, present, out=np.ones_like(present), where=present > 1e-12)


def row_errors(X: sp.csr_matrix, P: sp.csr_matrix) -> np.ndarray:
    """Squared error of every row."""
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    return np.bincount(rows, (X.data - P.data) ** 2, minlength=X.shape[0])


def predictions(X: sp.csr_matrix, F: np.ndarray, G: np.ndarray) -> sp.csr_matrix:
    """F G^T at the known entries of X only."""
    arrays = [torch.from_numpy(array) for array in (X.indptr, X.indices, np.zeros(X.nnz))]
    blank = torch.sparse_csr_tensor(*arrays, X.shape, check_invariants=False)
    P = torch.sparse.sampled_addmm(blank, torch.from_numpy(F), torch.from_numpy(G).T, beta=0.0)
    return sp.csr_matrix((P.values().numpy(), X.indices, X.indptr), shape=X.shape)


METHOD = Method(
    name="clfm", label="CLFM", kind="rival", version=2, Settings=Settings, learner=CLFM,
    color="#CC79A7", marker="*",
    search_space={name: ("choice", [10, 20, 40, 80]) for name in ("user_clusters", "item_clusters")}
    | {"shared": ("choice", [0.25, 0.5, 0.75]), "step": ("log", 0.1, 1.0), "sweeps": ("choice", [1, 2, 5])},
    linestyle=(0, (1, 1)), objective=(Domain, CLFM), equation=r"""
$$\min_{U, S, V \geq 0} \sum_k \big\lVert \big( X_k - U_k [S_0, S_k] V_k^\top \big) \circ W_k \big\rVert_F^2,
\qquad U_k \leftarrow U_k \circ \left( \frac{(X_k \circ W_k)\, V_k B_k^\top}
{\big( (U_k B_k V_k^\top) \circ W_k \big) V_k B_k^\top} \right)^{\textit{step}}$$

$W_k$ is 1 at the known entries of $X_k$; $V_k$ and $B_k = [S_0, S_k]$ are updated likewise.
""",
)  # fmt: skip
