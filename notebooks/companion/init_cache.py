"""The start by matrix factorization (R22), computed once for the runs that share it."""

import hashlib
import json
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from adc import mf_init
from adc.mf_init import MFVectors
from adc.split import Split
from companion import files, paths

VERSION = 1  # raised when the numbers of `adc.mf_init` change
UNREADABLE = (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile)  # a file missing or damaged


@lru_cache(maxsize=4)
def initial_vectors(split: Split, init: str, dim: int, chosen: tuple[float, ...] = ()) -> list[MFVectors]:
    """`mf_init.initial_vectors`, read from `data/processed/<dataset>/mf/` where they were computed before."""
    if init == "random":  # nothing but zeros
        return mf_init.initial_vectors(split, init, dim)
    file = _file(split, init, dim)
    try:
        return _read(file, split)
    except UNREADABLE:
        with threadpool_limits(1):  # the last bits hang on their number, and training carries them on
            vectors = mf_init.initial_vectors(split, init, dim, chosen)
    with files.atomic(file) as partial, open(partial, "wb") as stream:
        np.savez(stream, allow_pickle=False, **_arrays(vectors))
    return vectors


def _file(split: Split, init: str, dim: int) -> Path:
    ratings = split.ratings
    sizes = [len(ratings.users), *map(len, ratings.items)]
    digest = hashlib.sha256(json.dumps([VERSION, init, dim, split.seed, sizes]).encode())
    for array in (ratings.domain, ratings.user, ratings.item, ratings.rating, split.part):
        digest.update(array.tobytes())
    return paths.processed(ratings.name) / "mf" / f"{digest.hexdigest()[:16]}.npz"


def _arrays(vectors: list[MFVectors]) -> dict[str, np.ndarray]:
    """Of the users only those with a vector: most are in one domain of several."""
    arrays = {}
    for k, of_domain in enumerate(vectors):
        rows = np.flatnonzero(of_domain.user.any(1))
        arrays |= {f"rows.{k}": rows, f"user.{k}": of_domain.user[rows], f"item.{k}": of_domain.item}
        arrays[f"regulariser.{k}"] = np.array(of_domain.regulariser)
        arrays[f"curve.{k}"] = of_domain.curve.to_numpy(dtype=np.float64)
    return arrays


def _read(file: Path, split: Split) -> list[MFVectors]:
    vectors = []
    with np.load(file, allow_pickle=False) as arrays:
        for k in range(split.ratings.p):
            rows = arrays[f"user.{k}"]
            user = np.zeros((len(split.ratings.users), rows.shape[1]), rows.dtype)
            user[arrays[f"rows.{k}"]] = rows
            curve = pd.DataFrame(arrays[f"curve.{k}"], columns=mf_init.CURVE).astype({"sweep": int})
            vectors.append(MFVectors(user, arrays[f"item.{k}"], float(arrays[f"regulariser.{k}"]), curve))
    return vectors
