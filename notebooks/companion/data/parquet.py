"""The columns of a Parquet file, or of one packed in another: ids and texts by their distinct values."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adc.errors import UserError
from companion.data import columns, text, unpacking

PLAIN = ("string", "large_string", "string_view", "integer", "floating", "decimal", "null")


def read(path: Path, given: dict[str, str], constants: dict[str, str]) -> tuple[pd.DataFrame, list, dict]:
    """Role -> its cells; the columns' names; role -> position among them. constants: columns that stand in
    the names of folders (`domain=films`). UserError: damaged, or a column of another kind."""
    file, names = _opened(path)
    names = [*names, *constants]
    try:
        roles = columns.assign(names, given, str(path))
        stored = {role: names[place] for role, place in roles.items() if names[place] not in constants}
        for role, name in stored.items():
            _check_type(role, file.schema_arrow.field(name), path)
        table = file.read(columns=[*stored.values()])
        table.validate(full=True)  # is its text UTF-8?
        frame = {role: _column(table[name], role) for role, name in stored.items()}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    for role in roles.keys() - stored.keys():
        codes, value = np.zeros(file.metadata.num_rows, np.int8), constants[names[roles[role]]]
        frame[role] = pd.Categorical.from_codes(codes, [value])
    return pd.DataFrame(frame), names, roles


def roles(path: Path, given: dict[str, str], constants: dict[str, str]) -> dict[str, int]:
    """Role -> position of a file's columns, from its schema alone."""
    return columns.assign([*_opened(path)[1], *constants], given, str(path))


def _opened(path: Path) -> tuple[pq.ParquetFile, list[str]]:
    """A file, and the names of its columns."""
    with unpacking.sound(path), unpacking.unpacked(path) as stream, path.open("rb") as raw:
        content = path if raw.read(4) == b"PAR1" else io.BytesIO(stream.read())
    try:
        file = pq.ParquetFile(content)
        return file, file.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: of a column's name
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    cause = str(error).split("\n")[0]
    return UserError(f"{path}: is not a sound Parquet file ({cause}). Write or copy it again.")


def _kind(field: pa.DataType) -> pa.DataType:
    return field.value_type if pa.types.is_dictionary(field) else field


def _check_type(role: str, field: pa.Field, path: Path) -> None:
    """Refuse what would turn into text or numbers unasked: bytes, lists, booleans, a date as a rating."""
    kind = _kind(field.type)
    date = role == "timestamp" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    if not date and not any(getattr(pa.types, f"is_{name}")(kind) for name in PLAIN):
        raise UserError(f"{path}, column '{field.name}': holds {kind}. Write it as text or as numbers.")


def _column(cells: pa.ChunkedArray, role: str) -> pd.Series:
    kind = _kind(cells.type)
    if kind != cells.type:
        cells = cells.cast(kind)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        cells = cells.cast(pa.timestamp("us")) if pa.types.is_date(kind) else cells
        micro = pc.cast(cells, pa.timestamp("us", getattr(cells.type, "tz", None)), safe=False)
        return pd.Series(pc.cast(micro, pa.int64()).to_numpy() / 1e6)
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if number and role in ("rating", "timestamp"):
        return pd.Series(cells.cast(pa.float64(), safe=False).to_numpy().astype(np.float64))
    if pa.types.is_null(kind) or pa.types.is_string_view(kind):
        cells = cells.cast(pa.string())
    if pa.types.is_float16(kind):
        cells = cells.cast(pa.float32())
    return pd.Series(text.categorical(cells.dictionary_encode()))
