"""A file's bytes, unpacked by what they are whatever its name is."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from tqdm.auto import tqdm

from adc.errors import UserError


def _by_arrow(codec: str, stream: BinaryIO) -> pa.CompressedInputStream:
    return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), codec)


UNPACK = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open, b"]\0\0": lzma.open,
    b"\x28\xb5\x2f\xfd": partial(_by_arrow, "zstd"), b"\x04\x22\x4d\x18": partial(_by_arrow, "lz4"),
}  # fmt: skip
LARGE = 1 << 26  # bytes
UNIT = "\x1f"  # stands for a separator of several characters


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """What a file cannot be read by, in words."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile) as error:
        short = isinstance(error, EOFError)
        fault = "is truncated" if short else f"is not a sound gzip, xz or zip file ({error})"
        raise UserError(f"{path}: {fault}. Copy or download it again.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not sound {error.encoding} text. Save it as UTF-8.") from error
    except OSError as error:
        if error.errno is None:  # of what unpacks
            raise UserError(f"{path}: is not sound ({error}). Copy or download it again.") from error
        raise UserError(f"{path}: cannot be read ({error.strerror}). Make it readable.") from error


@contextmanager
def unpacked(path: Path, show: bool = False) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if need be, whatever it is called; `show`: a progress bar for a large one.
    `UserError`: why they cannot be read."""
    with _sound(path), open(path, "rb", 1 << 16) as file:
        size = path.stat().st_size
        bar = {"total": size, "desc": path.name, "disable": not show or size < LARGE}
        with tqdm.wrapattr(file, "read", **bar) as counted:
            yield _unpacked(counted, path)


def _unpacked(stream: BinaryIO, path: Path) -> BinaryIO:
    for _ in range(2):  # a packed file within a zip archive
        first = stream.peek(8)[:8]
        for mark, opener in UNPACK.items():
            if first.startswith(mark):
                stream = io.BufferedReader(opener(stream), 1 << 16)
        if first.startswith((b"PK\3\4", b"PK\5\6")):
            stream = io.BufferedReader(_of_zip(stream, path), 1 << 16)
    return stream


def _of_zip(stream: BinaryIO, path: Path) -> BinaryIO:
    archive = zipfile.ZipFile(stream)
    names = [name for name in archive.namelist() if not name.endswith(("/", ".DS_Store"))]
    names = [name for name in names if "__MACOSX" not in name]
    if any(name.startswith(("xl/", "content.xml", "Index/")) for name in names):
        raise UserError(f"{path}: is an Excel workbook or alike. Save it as CSV, and give that file.")
    if len(names) != 1:
        fault = f"is a zip archive of {len(names)} files ({', '.join(names[:8])}{', …' * (len(names) > 8)})"
        raise UserError(f"{path}: {fault}. Unpack it and name one of them.")
    try:
        return archive.open(names[0])
    except (RuntimeError, NotImplementedError) as error:  # it wants a password, or is packed another way
        fault = f"cannot be unpacked here ({error}). Unpack it, and name the file."
        raise UserError(f"{path}: {fault}") from error
