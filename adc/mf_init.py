"""The start (§III-B(1), R22): matrix factorization of each domain alone, by alternating least squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from adc.split import TRAIN, VALID, Split

REGULARISERS = (0.3, 1.0, 3.0, 10.0)
SWEEPS = 15
CURVE = ["regulariser", "sweep", "train", "valid"]  # RMSE by sweep
TOLERANCE = 1e-3  # relative change of the training error that ends the sweeps
DAMPING = 5.0  # ratings' worth of prior in user and item means; one alone would else leave no residual


@dataclass(frozen=True)
class MFVectors:
    """User and item vectors of one domain; users without a training rating there have a zero row."""

    user: np.ndarray  # [n, d] float32
    item: np.ndarray  # [m_k, d] float32
    regulariser: float
    curve: pd.DataFrame  # regulariser, sweep, train (RMSE), valid (RMSE)


def initial_vectors(split: Split, init: str, dim: int, chosen: Sequence[float] = ()) -> list[MFVectors]:
    """Every domain's vectors by R22: "als", "als_literal" (raw, next to no penalty) or "random" (zeros).
    chosen: every domain's regulariser, where no validation ratings are left to choose it by."""
    if init == "random":
        n, curve = len(split.ratings.users), pd.DataFrame(columns=CURVE)
        zeros = [np.zeros((size, dim), np.float32) for size in (n, *map(len, split.ratings.items))]
        return [MFVectors(zeros[0], item, 0.0, curve) for item in zeros[1:]]
    usual = REGULARISERS if init == "als" else (1e-3,)
    candidates: list[tuple] = [(regulariser,) for regulariser in chosen] or [usual] * split.ratings.p
    return [factorize(split, k, dim, of_domain, init == "als") for k, of_domain in enumerate(candidates)]


def factorize(split: Split, domain: int, dim: int, regularisers: tuple = REGULARISERS,
              centred: bool = True) -> MFVectors:  # fmt: skip
    """Minimise Σ_(u,i) (R_ui - mean_ui - u_u·v_i)² + regulariser (Σ_u |u_u|² + Σ_i |v_i|²) over the training
    ratings, in their `unit`. The regulariser with the lowest validation RMSE wins; without validation, the
    first. `centred=False` with a regulariser near 0 is the paper read literally (R22 ★)."""
    shape = (len(split.ratings.users), len(split.ratings.items[domain]))
    user, item, rating = split.of(domain, TRAIN)
    means = _means(user, item, rating, shape) if centred else (0.0, np.zeros(shape[0]), np.zeros(shape[1]))
    scale = unit(rating)
    residual = ((rating - _predict(means, user, item)) / scale).astype(np.float32)
    matrix = sp.csr_matrix((residual, (user, item)), shape=shape)
    valid_user, valid_item, valid = split.of(domain, VALID)
    valid = ((valid - _predict(means, valid_user, valid_item)) / scale).astype(np.float32)
    best: tuple = ()
    curves = []
    for regulariser in regularisers:
        rng = np.random.default_rng([split.seed, domain])
        u, v, curve = _als(matrix, dim, regulariser, (valid_user, valid_item, valid), rng)
        curves.append(curve.assign(train=curve["train"] * scale, valid=curve["valid"] * scale))
        if not best or curve["valid"].iloc[-1] < best[0]:
            best = (curve["valid"].iloc[-1], u, v, regulariser)
    return MFVectors(best[1], best[2], best[3], pd.concat(curves, ignore_index=True))


def unit(rating: np.ndarray) -> float:
    """The power of ten nearest to the spread of some ratings: 1 for stars, 10,000 for plays up to 100,000."""
    spread = float(rating.std(dtype=np.float64))
    return 10.0 ** round(float(np.log10(spread))) if spread > 0 else 1.0


def _means(user: np.ndarray, item: np.ndarray, rating: np.ndarray, shape: tuple[int, int]) -> tuple:
    """The global mean, and the damped deviations of users [n] and items [m_k]."""
    overall = float(rating.mean())
    count_user, count_item = (np.bincount(of, minlength=size) for of, size in zip((user, item), shape))
    by_user = np.bincount(user, rating - overall, shape[0]) / (count_user + DAMPING)
    rest = rating - overall - by_user[user]
    return overall, by_user, np.bincount(item, rest, shape[1]) / (count_item + DAMPING)


def _predict(means: tuple, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    return means[0] + means[1][user] + means[2][item]


def _als(matrix: sp.csr_matrix, dim: int, regulariser: float, valid: tuple, rng: Any) -> tuple:
    """u [n, d], v [m_k, d] and the RMSE by sweep; `valid`: user, item and residual of validation ratings."""
    v = rng.normal(0, 1 / np.sqrt(dim), (matrix.shape[1], dim)).astype(np.float32)
    transposed = matrix.T.tocsr()
    rows, columns = matrix.tocoo().coords  # not nonzero(): a rating may equal its means exactly
    curve = []
    for sweep in range(1, SWEEPS + 1):
        u = _solve(matrix, v, regulariser)
        v = _solve(transposed, u, regulariser)
        train = _rmse(matrix.data, u, v, rows, columns)
        curve.append((regulariser, sweep, train, _rmse(valid[2], u, v, valid[0], valid[1])))
        if sweep > 1 and abs(curve[-2][2] - train) < TOLERANCE * train:
            break
    return u, v, pd.DataFrame(curve, columns=CURVE)


def _rmse(target: np.ndarray, u: np.ndarray, v: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    if not len(target):
        return np.nan
    return float(np.sqrt(np.mean((target - np.einsum("rd,rd->r", u[rows], v[columns])) ** 2)))


def _solve(matrix: sp.csr_matrix, other: np.ndarray, regulariser: float) -> np.ndarray:
    """Ridge regression of every row on the vectors of its columns, rows with equally many ratings at once.
    A row with c < d ratings, as most, is solved in its c x c dual, u = Vᵀ (V Vᵀ + reg I)⁻¹ r."""
    d, count = other.shape[1], np.diff(matrix.indptr)
    result = np.zeros((matrix.shape[0], d), dtype=np.float32)
    for c in np.unique(count[count > 0]):
        same = np.flatnonzero(count == c)
        size = max(1, int(4e6 // (c * d)))
        for rows in np.array_split(same, -(-len(same) // size)):
            entry = matrix.indptr[rows][:, None] + np.arange(c)  # [B, c]
            vectors, target = other[matrix.indices[entry]], matrix.data[entry][:, :, None]  # [B, c, d]
            try:
                result[rows, :, None] = _ridge(vectors, target, regulariser)
            except np.linalg.LinAlgError:  # beside large vectors a small penalty is lost in single precision
                result[rows, :, None] = _ridge(vectors.astype(np.float64), target, regulariser)
    return result


def _ridge(vectors: np.ndarray, target: np.ndarray, regulariser: float) -> np.ndarray:
    """The coefficients [B, d, 1] of targets [B, c, 1] on vectors [B, c, d], in the vectors' precision."""
    _, c, d = vectors.shape
    across, penalty = vectors.transpose(0, 2, 1), regulariser * np.eye(min(c, d), dtype=vectors.dtype)
    if c < d:
        return across @ np.linalg.solve(vectors @ across + penalty, target)
    return np.linalg.solve(across @ vectors + penalty, across @ target)
