"""Your own ratings: CSV, TSV or Parquet, gzip too, with the columns of `adc.data.schema`."""

import csv
import gzip
import io
import zlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adc.data.schema import OPTIONAL, REQUIRED
from adc.errors import UserError

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")


def ending(path: Path) -> str:
    """Which of ENDINGS a file name has; "" when none."""
    return next((end for end in ENDINGS if path.name.lower().endswith(end)), "")


def content(path: Path) -> bytes:
    """The bytes of a file as they lie on disk; a `UserError` when there are none to read."""
    if not path.exists():
        raise UserError(
            f"{path.absolute()}: there is no such file. Check the path; a relative one starts at the working directory."
        )
    if path.is_dir():
        raise UserError(f"{path}: is a folder. Name the file in it; known endings: {', '.join(ENDINGS)}.")
    if not ending(path):
        raise UserError(f"{path}: unknown kind of file. The name must end in one of {', '.join(ENDINGS)}.")
    try:
        found = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Make it readable and run again.") from error
    if not found:
        raise UserError(
            f"{path}: is empty (0 bytes). Expected a header naming domain, user, item, rating and one line a rating."
        )
    return found


def read(path: str | Path) -> pd.DataFrame:
    """Raw cells of a table, ids as they are written; for `schema.check`, which names them by the index.

    The index is called "line" (line numbers of the text file) or "row" (counted from 1, Parquet).
    Raises `UserError` with file and line for whatever cannot be read as such a table.
    """
    path = Path(path)
    found, end = content(path), ending(path)
    if end == ".parquet":
        return _parquet(found, path)
    if end.endswith(".gz"):
        found = _unpack(found, path)
    return _parse(_decode(found, path), "\t" if end.startswith(".tsv") else ",", path)


def _unpack(found: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(found)
    except EOFError as error:
        raise UserError(
            f"{path}: the gzip file is truncated, its end is missing. Copy or download it again."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"{path}: is not a sound gzip file ({error}). Copy or download it again, or drop '.gz' from its name if "
            f"it is plain text."
        ) from error


def _decode(found: bytes, path: Path) -> str:
    try:
        return found.decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: byte {error.start} (0x{found[error.start]:02x}) is not UTF-8. Save the table as "
            f"UTF-8 text; from Latin-1, for instance, with `iconv -f latin1 -t utf-8`."
        ) from error


def _parse(text: str, delimiter: str, path: Path) -> pd.DataFrame:
    # not pandas.read_csv: it pads short lines, takes a user called "NA" for a gap, and loses count of the lines
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
                        f"({', '.join(header)}). Mend the line; a value that holds the separator or a line break "
                        f"belongs between double quotes."
                    )
                rows.append(cells)
                lines.append(line)
            line = reader.line_num + 1  # of the next record: one between quotes may span several lines
    except csv.Error as error:
        raise UserError(
            f"{path}, line {line}: not readable as a table ({error}). Is a double quote left open or not doubled?"
        ) from error
    if not header:
        raise UserError(
            f"{path}: holds no text. Expected a header naming domain, user, item, rating and one line a rating."
        )
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line", dtype="int64"), dtype=object)


def _check_types(columns: pa.Schema, path: Path) -> None:
    """Refuse what pandas would take for a number or write out as text: bytes, lists, true and false, a date as a rating."""
    is_ = pa.types
    for column in columns:
        kind = column.type.value_type if is_.is_dictionary(column.type) else column.type
        plain = (is_.is_string, is_.is_large_string, is_.is_string_view, is_.is_integer, is_.is_floating, is_.is_decimal, is_.is_null)
        fits = any(test(kind) for test in plain) or column.name == "timestamp" and is_.is_timestamp(kind)
        if column.name in (*REQUIRED, *OPTIONAL) and not fits:
            raise UserError(f"{path}, column '{column.name}': holds {kind}. Write it as text or as numbers.")


def _parquet(found: bytes, path: Path) -> pd.DataFrame:
    try:
        read = pq.read_table(io.BytesIO(found))
        read.validate(full=True)  # is its text UTF-8?
        _check_types(read.schema, path)
        frame = read.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        cause = str(error).split("\n")[0]
        raise UserError(f"{path}: is not a sound Parquet file ({cause}). Write or copy it again.") from error
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"))
