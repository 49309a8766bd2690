"""A reader's own ratings: CSV, TSV or Parquet, gzip too, with the columns of `companion.data.schema`."""

import csv
import gzip
import hashlib
import io
import re
import zlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adc.errors import UserError
from adc.ratings import OPTIONAL, REQUIRED

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
FILE_HASH = re.compile(r"-[0-9a-f]{8}$")  # ends the name of a table's dataset, and of no other
_EXPECTED = "Expected a header naming domain, user, item, rating and one line a rating."
_TYPES = ("string", "large_string", "string_view", "integer", "floating", "decimal", "null")


def ending(path: Path) -> str:
    """Which of ENDINGS a file name has; "" when none."""
    return next((end for end in ENDINGS if path.name.lower().endswith(end)), "")


def dataset_id(path: Path) -> str:
    """The file's name and the hash of its content, fit for a folder's name."""
    slug = re.sub(r"[^a-z0-9_]+", "-", path.name[: len(path.name) - len(ending(path))].lower()).strip("-")
    return f"{slug[:40] or 'table'}-{hashlib.sha256(_bytes(path)).hexdigest()[:8]}"


def read(path: str | Path) -> pd.DataFrame:
    """Raw cells of a table, ids as they are written, for `schema.check`, which names lines by the index.

    The index is called "line" (line numbers of the text file) or "row" (counted from 1, Parquet). Raises
    `UserError` with file and line for whatever cannot be read as such a table."""
    path = Path(path)
    content, end = _bytes(path), ending(path)
    if end == ".parquet":
        return _read_parquet(content, path)
    if end.endswith(".gz"):
        content = _unpack(content, path)
    return _read_text(_decode(content, path), "\t" if end.startswith(".tsv") else ",", path)


def _bytes(path: Path) -> bytes:
    """The bytes of a file as they lie on disk; a `UserError` when there are none to read."""
    if not path.exists():
        raise UserError(f"{path.absolute()}: there is no such file. Check the path.")
    if path.is_dir() or not ending(path):
        fault = "is a folder" if path.is_dir() else "unknown kind of file"
        raise UserError(f"{path}: {fault}. Name a file that ends in {', '.join(ENDINGS)}.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Make it readable.") from error
    if not content:
        raise UserError(f"{path}: is empty (0 bytes). {_EXPECTED}")
    return content


def _unpack(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        fault = "is truncated" if isinstance(error, EOFError) else f"is not a sound gzip file ({error})"
        raise UserError(
            f"{path}: {fault}. Copy or download it again, or drop '.gz' from its name if it is plain text."
        ) from error


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: byte {error.start} (0x{content[error.start]:02x}) is not UTF-8. Save the "
            f"table as UTF-8 text; from Latin-1, for instance, with `iconv -f latin1 -t utf-8`."
        ) from error


def _read_text(text: str, delimiter: str, path: Path) -> pd.DataFrame:
    # not pandas.read_csv: it pads short lines, takes a user "NA" for a gap, and loses count of the lines
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows, lines, line = [], [], 1
    try:
        for cells in reader:
            if cells and not header:
                header = [name.strip() for name in cells]
            elif cells:
                if len(cells) != len(header):
                    raise UserError(
                        f"{path}, line {line}: {len(cells)} columns, but the header names {len(header)} "
                        f"({', '.join(header)}). A value with a separator in it belongs in double quotes."
                    )
                rows.append(cells)
                lines.append(line)
            line = reader.line_num + 1  # of the next record: one between quotes may span several lines
    except csv.Error as error:
        fault = f"not readable as a table ({error}). Is a double quote left open or not doubled?"
        raise UserError(f"{path}, line {line}: {fault}") from error
    if not header:
        raise UserError(f"{path}: holds no text. {_EXPECTED}")
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line", dtype="int64"), dtype=object)


def _read_parquet(content: bytes, path: Path) -> pd.DataFrame:
    try:
        columns = pq.read_table(io.BytesIO(content))
        columns.validate(full=True)  # is its text UTF-8?
        _check_types(columns.schema, path)
        frame = columns.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: of a column's name
        cause = str(error).split("\n")[0]
        raise UserError(f"{path}: is not a sound Parquet file ({cause}). Write or copy it again.") from error
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"))


def _check_types(schema: pa.Schema, path: Path) -> None:
    """Refuse what pandas would turn into text or numbers: bytes, lists, booleans, a date as a rating."""
    for column in schema:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        date = column.name == "timestamp" and pa.types.is_timestamp(kind)
        plain = date or any(getattr(pa.types, f"is_{name}")(kind) for name in _TYPES)
        if column.name in (*REQUIRED, *OPTIONAL) and not plain:
            raise UserError(f"{path}, column '{column.name}': holds {kind}. Write it as text or as numbers.")
