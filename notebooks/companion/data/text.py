"""The columns of a text or of JSON lines: by Arrow where the text is plain, else record by record."""

import codecs
import csv
import io
import re
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from adc.errors import UserError
from companion.data.columns import NEEDED, shown
from companion.data.formats import Look, objects, parsed, records, tidy
from companion.data.unpacking import UNIT, unpacked

BLOCK = 1 << 22
CODES = pa.dictionary(pa.int32(), pa.string())


def read(path: Path, what: Look) -> tuple[pd.DataFrame, Look]:
    """Role -> its cells as they are written (times that are all numbers: float64), and how they were read."""
    frame = _by_arrow(path, what) if what.kind == "text" else None
    if frame is not None:
        return frame, what
    try:
        return _by_record(path, what)  # there it is told where what is wrong
    except UserError:
        words = f"{what.remark} Double quotes were taken as they stand, as they are not in pairs.".strip()
        with suppress(UserError):  # the first one tells more
            frame, bare = _by_record(path, replace(what, quoted=False, remark=words))
            if not any('"' in "".join(frame[role].cat.categories) for role in NEEDED):
                return frame, bare
        raise


def lines(path: Path, what: Look, rows: list[int]) -> list[int]:
    """Line numbers of ratings, which are counted from 0."""
    with unpacked(path) as stream:
        numbers = (line for line, cells in _records(stream, what, path) if cells)
        numbers = [*islice(numbers, max(rows) + 1)]
    return [numbers[row] for row in rows]


def _by_arrow(path: Path, what: Look) -> pd.DataFrame | None:
    """None where Arrow and the csv module might not agree: then the latter decides."""
    if not what.separator.isascii() or what.separator == " ":  # of which several may be one to the csv module
        return None
    for times in (pa.float64(), CODES):  # texts cost twice the time of numbers
        types = {str(place): times if role == "timestamp" else CODES for role, place in what.roles.items()}
        quotes = _Quotes(what.separator.encode()) if what.quoted else None
        try:
            with unpacked(path, show=True) as stream:
                table = _arrow_table(io.BufferedReader(_Utf8(stream, what, quotes), BLOCK), what, types)
        except pa.ArrowException:
            continue
        if quotes and not quotes.plain:
            return None
        frame = {role: table[str(place)].to_pandas() for role, place in what.roles.items()}
        del table
        name = what.names[what.roles["rating"]] if what.header else ""
        if any(not cell.strip() or cell == name for cell in frame["rating"].cat.categories):
            return None  # rows that are none may be among them
        pa.default_memory_pool().release_unused()
        if "timestamp" not in frame or not frame["timestamp"].isna().any():  # `nan` is to be shown as written
            return pd.DataFrame(frame)
    return None


def _arrow_table(text: BinaryIO, what: Look, types: dict[str, pa.DataType]) -> pa.Table:
    names = [str(place) for place in range(len(what.names))]
    separator, quote = (what.separator, '"') if what.quoted else (UNIT, False)
    return pacsv.read_csv(
        pa.PythonFile(text, mode="r"),
        pacsv.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),  # the least work in all
        pacsv.ParseOptions(delimiter=separator, quote_char=quote, newlines_in_values=what.quoted),
        pacsv.ConvertOptions(column_types=types, include_columns=[*types], null_values=[]),
    )


class _Utf8(io.RawIOBase):
    """The bytes of a text as UTF-8, less those before its first rating, with one character as separator."""

    def __init__(self, stream: BinaryIO, what: Look, watch: "_Quotes | None" = None):
        self.stream, self.watch, self.rest, self.skip, self.held = stream, watch, b"", what.skip, b""
        plain = what.encoding == "utf-8"
        self.decoder = None if plain else codecs.getincrementaldecoder(what.encoding)()
        self.long = b"" if what.quoted else what.separator.encode()

    def readable(self) -> bool:
        """It is read only."""
        return True

    def readinto(self, buffer) -> int:
        ended = False
        while not (self.rest or ended):
            data = self.stream.read(max(len(buffer), 1 << 16))
            ended = not data
            if self.decoder:
                data = self.decoder.decode(data, ended).encode("utf-8", "surrogatepass")
            skipped = min(self.skip, len(data))
            self.skip, data = self.skip - skipped, data[skipped:]
            if self.long:  # whole lines at a time, so that no separator is torn
                data = self.held + data
                end = len(data) if ended else data.rfind(b"\n") + 1
                data, self.held = data[:end].replace(self.long, UNIT.encode()), data[end:]
            self.rest = memoryview(data)
            if self.watch:
                self.watch(data, ended)
        size = min(len(buffer), len(self.rest))
        buffer[:size] = self.rest[:size]
        self.rest = self.rest[size:]
        return size


class _Quotes:
    """Whether every double quote opens a value of one line, ends one, or is doubled within one, by blocks."""

    def __init__(self, separator: bytes):
        self.ends = np.frombuffer(separator + b'\r\n"', np.uint8)
        self.even, self.plain, self.tail = True, True, b"\n\n"

    def __call__(self, block: bytes, ended: bool) -> None:
        data = self.tail + block + (b"\n\n" if ended else b"")
        self.tail = data[-2:]
        if self.plain and (b'"' in data or not self.even):
            letters = np.frombuffer(data, np.uint8)
            quotes = np.flatnonzero(letters[1:-1] == ord('"')) + 1
            opening = np.arange(len(quotes)) % 2 == (0 if self.even else 1)
            neighbour = np.where(opening, letters[quotes - 1], letters[quotes + 1])
            breaks = np.flatnonzero((letters[1:-1] == ord("\n")) | (letters[1:-1] == ord("\r"))) + 1
            within = np.searchsorted(quotes, breaks) % 2 == (1 if self.even else 0)
            self.plain = bool(np.isin(neighbour, self.ends).all() and not within.any())
            self.even ^= len(quotes) % 2 == 1
        self.plain &= self.even or not ended


# --- record by record


def _by_record(path: Path, what: Look) -> tuple[pd.DataFrame, Look]:
    codes = {role: array("i") for role in what.roles}
    values: dict[str, dict] = {role: {} for role in what.roles}
    others = 0
    with unpacked(path) as stream:
        for line, cells in _records(stream, what, path):
            others += cells is None
            for role, place in what.roles.items() if cells else ():
                known, cell = values[role], cells[place]
                code = known.get(cell)
                if code is None:
                    _check_cell(cell, role, line, path, what)
                    code = known[cell] = len(known)
                codes[role].append(code)
    index = {role: pd.Index([*cells], dtype=object) for role, cells in values.items()}
    frame = {role: pd.Categorical.from_codes(np.array(codes[role]), index[role]) for role in codes}
    words = f" {others:,} rows, empty or the header again, were left out." if others else ""
    return pd.DataFrame(frame), replace(what, remark=(what.remark + words).strip())


def _check_cell(cell: str, role: str, line: int, path: Path, what: Look) -> None:
    if lost := re.search("[\udc80-\udcff]", str(cell)):
        place = f"{path}, line {line}, column '{what.names[what.roles[role]]}'"
        cure = "Save the table as UTF-8: `iconv -f CODE -t utf-8 FILE > NEW`, CODE cp1252 for Western texts"
        cure += ", gb18030 for Chinese, cp932 for Japanese, cp949 for Korean, cp1251 for Cyrillic"
        raise UserError(f"{place}: a byte (0x{ord(lost[0]) - 0xDC00:02x}) is not UTF-8. {cure}.")


def _records(stream, what: Look, path: Path) -> Iterator[tuple[int, list | None]]:
    """Line and cells of every record, in the order of the file; None of one that is no rating."""
    text = io.TextIOWrapper(io.BufferedReader(_Utf8(stream, what)), "utf-8", "surrogateescape", newline="")
    if what.kind == "text":
        yield from _cells(text, what, path)
    elif what.kind == "json":
        for line, record in enumerate(text, 1):
            if record.strip():
                where = f"{path}, line {line}"
                yield line, _values(parsed(record, where), what, where)
    else:
        for number, record in enumerate(objects(parsed(text.read(), str(path)), str(path)), 1):
            yield number, _values(record, what, f"{path}, record {number}")


def _cells(text, what: Look, path: Path) -> Iterator[tuple[int, list[str] | None]]:
    begin, width, reader = what.lines + 1, len(what.names), records(text, what.separator, quoted=what.quoted)
    name = what.names[what.roles["rating"]] if what.header else None
    least = max((place for place, column in enumerate(what.names, 1) if column), default=width)
    try:
        for cells in reader:
            if len(cells) != width and len(cells) >= least and not "".join(cells[least:]).strip():
                cells = (cells + [""] * width)[:width]  # separators at the end that other lines have not
            if len(cells) == width:
                if what.quoted and reader.line_num + what.lines > begin:
                    _check_lines(cells, f"{path}, line {begin}", what)
                rating = cells[what.roles["rating"]].strip()
                if rating == name or not rating:  # of files put together, the header; or an empty row
                    cells = None if [*map(tidy, cells)] in ([*what.names], [""] * width) else cells
                yield begin, cells
            elif "".join(cells).strip(" \t\x1a\0"):
                raise _uneven(cells, f"{path}, line {begin}", what)
            elif cells:  # an empty row, or what DOS or a crash leaves at the end
                yield begin, None
            begin = what.lines + reader.line_num + 1  # a record between quotes may span several lines
    except csv.Error as error:
        fault = (
            f'not readable as a table ({error}). Is a double quote left open or not doubled ("", not \\")?'
        )
        raise UserError(f"{path}, line {begin}: {fault}") from error


def _uneven(cells: list[str], where: str, what: Look) -> UserError:
    named = f"{'the header names' if what.header else 'the first line has'} {len(what.names)}"
    cure = "A value with a separator in it belongs in double quotes; a column of row names needs a name too"
    if len(cells) == 1:
        cure = f"Is {cells[0].strip()[:40]!r} a line of the table? Remove it, or separate its cells as others"
    elif any("\\" in cell for cell in cells):
        cure = 'Write double quotes within a value doubled (""), without a backslash'
    return UserError(f"{where}: {len(cells)} columns, but {named} ({shown(what.names)}). {cure}.")


def _check_lines(cells: list[str], where: str, what: Look) -> None:
    """Refuse a value of several lines that are ratings: two stray quotes took them in."""
    for rest in (re.split(r"[\r\n]+", cell)[1:] for cell in cells):
        rows = [line.split(what.separator) for line in rest]
        rows = [row for row in rows if len(row) == len(what.names)]
        rated = [row for row in rows if re.fullmatch(r"\s*[-+]?[\d.,]+\s*", row[what.roles["rating"]])]
        if rated and len(rated) >= len(rest) - 1:  # the last line ends within a value
            line = what.separator.join(rated[0])[:60]
            fault = f"a double quote opens a value of several lines, which look like ratings ({line!r})"
            raise UserError(f"{where}: {fault}. Double or remove stray quotes.")


def _values(record: object, what: Look, where: str) -> dict[int, str | float]:
    """The cells of a record in JSON, by column: texts, and fractions; null and a missing key are empty."""
    if not isinstance(record, dict):
        raise UserError(f'{where}: {str(record)[:40]!r} is no object such as {{"user": …, "item": …}}.')
    cells = {}
    for role, place in what.roles.items():
        value = record.get(what.names[place])
        if isinstance(value, (bool, list, dict, tuple, set)) and role != "title":
            fault = f"{str(value)[:40]!r} is neither text nor a number"
            raise UserError(f"{where}, column '{what.names[place]}': {fault}. Mend or remove it.")
        empty = value is None or value != value  # NaN is Python's word for a gap
        cells[place] = "" if empty else value if isinstance(value, float) else str(value)
    return cells
