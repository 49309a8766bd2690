"""Seconds before the first epoch: the MF start of all domains, and the twin."""

from statistics import median

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from adc.mf_init import initial_vectors
from adc.split import TRAIN, Split
from bench import processes
from bench.clock import seconds
from bench.music import DIM, split_twin
from companion.data import twin


def measure(scale: float, rounds: int) -> dict:
    """Seconds of the start, of scipy's svds for as many vectors, and of making the twin."""
    split = split_twin(scale)
    return {
        "start": seconds(lambda: initial_vectors(split, "als", DIM)),
        "svds": seconds(lambda: spectral_start(split)),
        "twin": median(seconds(lambda: twin.ratings(scale=scale)) for _ in range(rounds)),
    }


def spectral_start(split: Split) -> None:
    """Truncated SVD of every domain's centred ratings."""
    for k in range(split.ratings.p):
        user, item, rating = split.of(k, TRAIN)
        shape = len(split.ratings.users), len(split.ratings.items[k])
        matrix = sp.csr_matrix((rating - rating.mean(), (user, item)), shape)
        svds(matrix.astype(np.float32), k=min(DIM, min(matrix.shape) - 1))


if __name__ == "__main__":
    processes.answer(measure)
