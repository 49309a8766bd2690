"""The columns of a Parquet file, or of one packed in another: ids and texts by their distinct values.

Some columns may stand in the names of folders, as `domain=films`: these are the `constants` of a file."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adc.errors import UserError
from companion.data import columns, unpacking
from companion.data.formats import Look

PLAIN = ("string", "large_string", "string_view", "integer", "floating", "decimal", "null")


def read(path: Path, given: dict[str, str], constants: dict[str, str]) -> tuple[pd.DataFrame, Look]:
    """Role -> its cells, and what the file is. UserError: damaged, or a column of another kind."""
    file, what = look(path, given, constants)
    names = {role: what.names[place] for role, place in what.roles.items()}
    stored = {role: name for role, name in names.items() if name not in constants}
    try:
        for role, name in stored.items():
            _check_type(role, file.schema_arrow.field(name), path)
        table = file.read(columns=[*stored.values()])
        table.validate(full=True)  # is its text UTF-8?
        frame = {role: _column(table[name], role) for role, name in stored.items()}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    for role in names.keys() - stored.keys():
        codes = np.zeros(file.metadata.num_rows, np.int8)
        frame[role] = pd.Categorical.from_codes(codes, [constants[names[role]]])
    return pd.DataFrame(frame), what


def look(path: Path, given: dict[str, str], constants: dict[str, str]) -> tuple[pq.ParquetFile, Look]:
    """A file, and what it is by its schema alone."""
    with unpacking.unpacked(path) as stream, path.open("rb") as raw:
        content = path if raw.read(4) == b"PAR1" else io.BytesIO(stream.read())
    try:
        file = pq.ParquetFile(content)
        names = (*file.schema_arrow.names, *constants)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: of a column's name
        raise _damaged(path, error) from error
    roles = columns.assign(names, given, str(path))
    return file, Look("parquet", names=names, roles=roles, remark=columns.remark(names, roles, True))


def _damaged(path: Path, error: Exception) -> UserError:
    cause = str(error).split("\n")[0]
    return UserError(f"{path}: is not a sound Parquet file ({cause}). Write or copy it again.")


def _kind(field: pa.DataType) -> pa.DataType:
    return field.value_type if pa.types.is_dictionary(field) else field


def _check_type(role: str, field: pa.Field, path: Path) -> None:
    """Refuse what would turn into text or numbers unasked: bytes, lists, booleans, a date as a rating."""
    kind = _kind(field.type)
    date = role == "timestamp" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    half = pa.types.is_float16(kind) and role not in ("rating", "timestamp")  # tells no more ids than 2,048
    if half or not date and not any(getattr(pa.types, f"is_{name}")(kind) for name in PLAIN):
        other = "" if role in columns.NEEDED else f", or leave it out: `--columns {role}=`"
        cure = f"Write it as text or as numbers{other}"
        raise UserError(f"{path}, column '{field.name}': holds {kind}. {cure}.")


def _column(cells: pa.ChunkedArray, role: str) -> pd.Series:
    kind = _kind(cells.type)
    cells = cells.cast(kind)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        micro = cells.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=pa.types.is_date(kind))
        return micro.cast(pa.int64()).to_pandas() / 1e6
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if number and role in ("rating", "timestamp"):
        return cells.cast(pa.float64(), safe=False).to_pandas()
    if pa.types.is_null(kind) or pa.types.is_string_view(kind):
        cells = cells.cast(pa.string())
    if pa.types.is_floating(kind):
        cells = pc.if_else(pc.is_nan(cells), None, cells)
    return cells.dictionary_encode().to_pandas()
