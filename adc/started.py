"""The MF start (R22) of runs that share it, made once: `data/processed/<dataset>/mf/<hash>.npz`."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from adc import files, mf, paths, runs
from adc.split import Split

BROKEN = (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile)  # what numpy raises where a file is not as it was written


def starts(parts: Split, kind: str, dim: int) -> list[mf.Start]:
    """`mf.starts`, read where they were made before from the same ratings, split, kind, dim and code."""
    if kind == "random":  # nothing but zeros
        return mf.starts(parts, kind, dim)
    file = _file(parts, kind, dim)
    try:
        return _read(file, parts)
    except BROKEN:  # above all: it is not there
        found = mf.starts(parts, kind, dim)
    with files.aside(file) as partial, open(partial, "wb") as stream:
        np.savez(stream, allow_pickle=False, **_arrays(found))
    return found


def _file(parts: Split, kind: str, dim: int) -> Path:
    ratings = parts.ratings
    sizes = [len(ratings.users), *map(len, ratings.items)]
    digest = hashlib.sha256(json.dumps([kind, dim, parts.seed, sizes, runs.code_fingerprint(("adc.mf", __name__))]).encode())
    for array in (ratings.domain, ratings.user, ratings.item, ratings.rating, parts.part):
        digest.update(array.tobytes())
    return paths.processed(ratings.name) / "mf" / f"{digest.hexdigest()[:16]}.npz"


def _arrays(made: list[mf.Start]) -> dict[str, np.ndarray]:
    """Of the users only those with a vector: most are in one domain of several."""
    found = {}
    for k, start in enumerate(made):
        rows = np.flatnonzero(start.user.any(1))
        found |= {f"rows.{k}": rows, f"user.{k}": start.user[rows], f"item.{k}": start.item}
        found |= {f"regulariser.{k}": np.array(start.regulariser), f"curve.{k}": start.curve.to_numpy(dtype=np.float64)}
    return found


def _read(file: Path, parts: Split) -> list[mf.Start]:
    found = []
    with np.load(file, allow_pickle=False) as arrays:
        for k in range(parts.ratings.p):
            some = arrays[f"user.{k}"]
            user = np.zeros((len(parts.ratings.users), some.shape[1]), some.dtype)
            user[arrays[f"rows.{k}"]] = some
            curve = pd.DataFrame(arrays[f"curve.{k}"], columns=mf.CURVE).astype({"sweep": int})
            found.append(mf.Start(user, arrays[f"item.{k}"], float(arrays[f"regulariser.{k}"]), curve))
    return found
