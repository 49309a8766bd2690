"""Reading a run folder that somebody else may have made: nothing in it is trusted, nothing is unpickled.

Before an array is read, its name, type, shape and size must be what the run's method, domains and dataset call for, so
that neither a truncated file nor one made to harm gets further than a `UserError`.
"""

import io
import math
import os
import re
import struct
import tokenize
import zipfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from adc import baselines, data, runs
from adc.data.schema import Ratings
from adc.errors import UserError
from adc.settings import named

# By method the shape of every array of a domain: n users, m items; other letters are free, but the same throughout.
FACTORS = {"user": "n d", "item": "m d"}
SHAPES = {
    "random": {"seed": ""}, "popularity": {"item": "m"}, "ease": {"penalty": ""},
    "itemknn": {"data": "z", "indices": "z", "indptr": "r"}, "bpr": FACTORS | {"cold": ""},
    "sconet": {"user": "n a", "shift": "n b", "item": "m a", "second": "b a", "third": "c b", "third_bias": "c",
               "output": "c", "output_bias": ""},
}  # fmt: skip
KINDS = {"seed": "i", "cold": "b", "indices": "i", "indptr": "i"}  # of numpy; all others hold floats
# what zipfile and numpy raise where a file is not one of theirs
_BROKEN = (
    zipfile.BadZipFile, ValueError, KeyError, TypeError, SyntaxError, OverflowError, OSError, EOFError, RuntimeError, MemoryError,
    struct.error, tokenize.TokenError,
)  # fmt: skip


def run(folder: Path) -> tuple[runs.Run, Ratings]:
    """A run folder and the ratings that it was trained on; a `UserError` where one of them is not what it should be."""
    try:
        found = runs.load(folder)
    except (ValueError, OSError) as error:  # no JSON, no text, no permission
        told = f"config.json or metrics.json cannot be read ({error})"
        raise UserError(f"{folder}: {told}. Copy the run again, or run its notebook.") from error
    config = found.config
    if not isinstance(config, dict) or not isinstance(found.metrics, dict):
        raise UserError(f"{folder}: config.json and metrics.json must hold `name: value` pairs. Copy the run again.")
    for name, kind in {"dataset": str, "method": str, "domains": str, "seed": int}.items():
        if type(config.get(name)) is not kind:
            raise UserError(f"{folder}/config.json: '{name}' is {config.get(name)!r}; expected {kind.__name__}. Copy the run again.")
    if config["seed"] < 0:
        raise UserError(f"{folder}/config.json: 'seed' is {config['seed']}; expected 0 or more. Copy the run again.")
    if not re.fullmatch(r"\w[\w.-]*", config["dataset"]):  # it becomes part of a path
        raise UserError(f"{folder}/config.json: '{config['dataset']}' is no name of a dataset. Copy the run again.")
    if "balancer" not in config and config["method"] not in baselines.METHODS:
        raise UserError(f"{folder}/config.json: unknown method '{config['method']}'. Known: adc, {', '.join(baselines.METHODS)}.")
    return found, data.load(config["dataset"]).only(named(config["domains"]))


def arrays(found: runs.Run, ratings: Ratings) -> list[dict[str, np.ndarray]]:
    """By domain the arrays of `model.npz` that its method scores with; a `UserError` names whatever is wrong."""
    file = found.folder / "model.npz"
    try:
        with zipfile.ZipFile(file) as archive:
            return [_domain(archive, found.config["method"], ratings, k) for k in range(ratings.p)]
    except FileNotFoundError as error:
        told = f"{file} is missing, so the run cannot recommend. Copy it again, or delete {found.folder.name} and run its notebook."
        raise UserError(told) from error
    except _BROKEN as error:
        raise UserError(
            f"{file} is damaged, or not a model of a '{found.config['method']}' run on dataset '{ratings.name}': {_told(error)}. "
            f"Copy the run again, or delete {found.folder.name} and run its notebook."
        ) from error


def _told(error: Exception) -> str:
    return f"there is no array {error}" if isinstance(error, KeyError) else " ".join(str(error).split()) or type(error).__name__


def _domain(archive: zipfile.ZipFile, method: str, ratings: Ratings, k: int) -> dict[str, np.ndarray]:
    sizes, found = {"n": len(ratings.users), "m": len(ratings.items[k])}, {}
    for name, letters in SHAPES.get(method, FACTORS).items():
        found[name] = _array(archive, f"{name}.{ratings.domains[k]}", letters.split(), sizes)
    if method == "itemknn":
        shape = (sizes["m"], sizes["m"])
        sp.csr_matrix((found["data"], found["indices"], found["indptr"]), shape=shape).check_format(full_check=True)
    return found


def _array(archive: zipfile.ZipFile, name: str, letters: list[str], sizes: dict[str, int]) -> np.ndarray:
    """One array; `sizes` holds what the letters of its shape stand for and learns those that are new."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"array '{name}' is compressed, which no run of this package is")
    if entry.file_size > os.path.getsize(str(archive.filename)):  # what it claims is set aside before it is read
        raise ValueError(f"array '{name}' is truncated")
    stream = io.BytesIO(archive.read(entry))
    shape, fortran, dtype = _header(stream, name)
    if len(shape) != len(letters) or any(sizes.setdefault(letter, size) != size for letter, size in zip(letters, shape)):
        wanted = [str(sizes.get(letter, "any")) for letter in letters]
        raise ValueError(f"array '{name}' has the shape {list(shape)}, but the data ask for [{', '.join(wanted)}]")
    content = stream.read()
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"array '{name}' is truncated")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
    if not np.isfinite(array).all():
        raise ValueError(f"array '{name}' holds values that are not finite")
    return array.astype(np.float32 if dtype.kind == "f" else dtype.newbyteorder("="), order="C")  # a copy that PyTorch can use


def _header(stream: io.BytesIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"array '{name}' has an unknown format")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind != KINDS.get(name.split(".")[0], "f"):
        raise ValueError(f"array '{name}' does not hold plain numbers of the kind that it should")
    return shape, fortran, dtype
