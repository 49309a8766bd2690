"""The start (§III-B(1), R22): matrix factorization of every domain on its own, by alternating least squares."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from adc.split import TRAIN, VALID, Split

REGULARISERS = (0.3, 1.0, 3.0, 10.0)
SWEEPS = 15
CURVE = ["regulariser", "sweep", "train", "valid"]  # of a start: RMSE by sweep
TOLERANCE = 1e-3  # relative change of the training error that ends the sweeps
DAMPING = 5.0  # ratings' worth of prior in user and item means; one rating alone would otherwise leave no residual


@dataclass(frozen=True)
class Start:
    """User and item vectors of one domain; users without a training rating there have a zero row."""

    user: np.ndarray  # [n, d] float32
    item: np.ndarray  # [m_k, d] float32
    regulariser: float
    curve: pd.DataFrame  # regulariser, sweep, train (RMSE), valid (RMSE)


def starts(parts: Split, kind: str, dim: int) -> list[Start]:
    """The start of every domain: "als" (R22), "als_literal" (raw ratings, next to no penalty) or "random" (zeros,
    to which training adds its noise). Seconds at Table I's sizes, so they are computed where they are needed."""
    if kind == "random":
        n = len(parts.ratings.users)
        empty = pd.DataFrame(columns=CURVE)
        return [Start(np.zeros((n, dim), np.float32), np.zeros((len(i), dim), np.float32), 0.0, empty) for i in parts.ratings.items]
    options: dict[str, Any] = {} if kind == "als" else {"regularisers": (1e-3,), "centred": False}
    return [factorize(parts, k, dim, **options) for k in range(parts.ratings.p)]


def factorize(parts: Split, domain: int, dim: int, regularisers: tuple[float, ...] = REGULARISERS, centred: bool = True) -> Start:
    """Minimise sum over training ratings of (R_ui - mean_ui - u_u·v_i)^2 + reg (|u_u|^2 + |v_i|^2).

    The regulariser with the lowest validation RMSE is kept. `centred=False` with a regulariser near 0 is
    the paper read literally: raw ratings, no penalty (R22 ★).
    """
    shape = (len(parts.ratings.users), len(parts.ratings.items[domain]))
    user, item, rating = parts.of(domain, TRAIN)
    base = _means(user, item, rating, shape) if centred else (0.0, np.zeros(shape[0]), np.zeros(shape[1]))
    residual = (rating - _predict(base, user, item)).astype(np.float32)
    matrix = sp.csr_matrix((residual, (user, item)), shape=shape)
    held_user, held_item, held = parts.of(domain, VALID)
    held = (held - _predict(base, held_user, held_item)).astype(np.float32)
    best: tuple = ()
    curves = []
    for regulariser in regularisers:
        with threadpool_limits(1):  # the same bits whatever a machine has; products this small gain nothing from more
            u, v, curve = _als(matrix, dim, regulariser, (held_user, held_item, held), np.random.default_rng([parts.seed, domain]))
        curves.append(curve)
        if not best or curve["valid"].iloc[-1] < best[0]:
            best = (curve["valid"].iloc[-1], u, v, regulariser)
    return Start(best[1], best[2], best[3], pd.concat(curves, ignore_index=True))


def _means(user: np.ndarray, item: np.ndarray, rating: np.ndarray, shape: tuple[int, int]) -> tuple[float, np.ndarray, np.ndarray]:
    overall = float(rating.mean())
    by_user = np.bincount(user, rating - overall, shape[0]) / (np.bincount(user, minlength=shape[0]) + DAMPING)
    rest = rating - overall - by_user[user]
    by_item = np.bincount(item, rest, shape[1]) / (np.bincount(item, minlength=shape[1]) + DAMPING)
    return overall, by_user, by_item


def _predict(base: tuple[float, np.ndarray, np.ndarray], user: np.ndarray, item: np.ndarray) -> np.ndarray:
    return base[0] + base[1][user] + base[2][item]


def _als(matrix: sp.csr_matrix, dim: int, regulariser: float, held: Any, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    v = rng.normal(0, 1 / np.sqrt(dim), (matrix.shape[1], dim)).astype(np.float32)
    transposed = matrix.T.tocsr()
    rows, columns = matrix.tocoo().coords  # not nonzero(): a rating may equal its means exactly
    curve = []
    for sweep in range(1, SWEEPS + 1):
        u = _solve(matrix, v, regulariser)
        v = _solve(transposed, u, regulariser)
        train = _rmse(matrix.data, u, v, rows, columns)
        curve.append((regulariser, sweep, train, _rmse(held[2], u, v, held[0], held[1])))
        if sweep > 1 and abs(curve[-2][2] - train) < TOLERANCE * train:
            break
    return u, v, pd.DataFrame(curve, columns=CURVE)


def _rmse(target: np.ndarray, u: np.ndarray, v: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    return float(np.sqrt(np.mean((target - np.einsum("rd,rd->r", u[rows], v[columns])) ** 2)))


def _solve(matrix: sp.csr_matrix, other: np.ndarray, regulariser: float) -> np.ndarray:
    """Ridge regression of every row on the vectors of its columns, rows with equally many ratings at once.

    A row with c < d ratings is solved in its c x c dual, u = V^T (V V^T + reg I)^-1 r: most users have one or two.
    """
    d, count = other.shape[1], np.diff(matrix.indptr)
    result = np.zeros((matrix.shape[0], d), dtype=np.float32)
    for c in np.unique(count[count > 0]):
        same = np.flatnonzero(count == c)
        size = max(1, int(4e6 // (c * d)))
        for some in np.array_split(same, -(-len(same) // size)):
            entry = matrix.indptr[some][:, None] + np.arange(c)  # [B, c]
            vectors, target = other[matrix.indices[entry]], matrix.data[entry][:, :, None]  # [B, c, d], [B, c, 1]
            across = vectors.transpose(0, 2, 1)  # [B, d, c]
            if c < d:
                solved = across @ np.linalg.solve(vectors @ across + regulariser * np.eye(c, dtype=np.float32), target)
            else:
                solved = np.linalg.solve(across @ vectors + regulariser * np.eye(d, dtype=np.float32), across @ target)
            result[some] = solved[:, :, 0]
    return result
