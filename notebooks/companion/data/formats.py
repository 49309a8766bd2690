"""What a file is, by its first bytes and lines: in which encoding, Parquet, JSON, or text and how cut."""

import codecs
import csv
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adc.errors import UserError
from companion.data import columns
from companion.data.unpacking import UNIT, sound, unpacked

HEAD, SAMPLE = 1 << 18, 100  # bytes and lines that are looked at
MARKS = {  # byte order marks; the longer ones first
    codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be", codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be",
}  # fmt: skip
OTHERS = {  # what is not read: first bytes -> what it is, what to do
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "Save it as CSV"),
    b"ARROW1": ("a Feather file", "Write it as Parquet or CSV"),
    b"\x89HDF": ("an HDF5 file", "Write it as Parquet or CSV"),
    b"SQLite format 3": ("an SQLite database", "Write the table as CSV"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "Unpack it (`zstd -d FILE`)"),
    b"7z\xbc\xaf": ("a 7z archive", "Unpack it"),
    b"Rar!": ("a RAR archive", "Unpack it"),
    b"%PDF": ("a PDF", "Name the table itself"),
    b"ORC": ("an ORC file", "Write it as Parquet or CSV"),
    b"Obj\x01": ("an Avro file", "Write it as Parquet or CSV"),
    (b"\x80\x04\x95", b"\x80\x05\x95"): ("a pickle, which is not opened", "Write it as Parquet or CSV"),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file", "Run `git lfs pull`"),
    (b"<!doctype", b"<html"): ("a web page, not a table", "Download the file itself"),
    b"<?xml": ("an XML file", "Write the table as CSV"),
}
SEPARATORS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", "::": "'::'", " ": "blank"}
SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "blank": " ", "space": " "}
EXPECTED = "Expected a header naming domain, user, item, rating and one line a rating."


@dataclass(frozen=True)
class Look:
    """What a file is. Of a text: `skip` bytes of UTF-8 (with `lines` line ends) come before its ratings."""

    kind: str  # text, json, array (of JSON), parquet
    encoding: str = "utf-8"
    separator: str = ","
    names: tuple[str, ...] = ()
    header: bool = True
    roles: dict[str, int] | None = None
    skip: int = 0
    lines: int = 0
    quoted: bool = True  # whether values may stand between double quotes
    remark: str = ""


def look(path: Path, given: dict[str, str], separator: str = "") -> Look:
    """What a file is and which of its columns is what; given: of `--columns`. UserError: nobody can tell."""
    with sound(path), unpacked(path) as stream:
        head = stream.read(HEAD)
    if not head:
        raise UserError(f"{path}: is empty (0 bytes). {EXPECTED}")
    if head.startswith(b"PAR1"):
        return Look("parquet")
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:40]
    begin = begin.lower() if begin.startswith(b"<") else head
    for first, (what, cure) in OTHERS.items():
        if begin.startswith(first):
            raise UserError(f"{path}: is {what}. {cure}, and give that file.")
    if head[257:262] == b"ustar":
        raise UserError(f"{path}: is a tar archive. Unpack it (`tar -xf FILE`), and name the table in it.")
    encoding = _encoding(head)
    cut = len(head) == HEAD
    with sound(path):
        errors = "surrogateescape" if encoding == "utf-8" else "strict"
        text = codecs.getincrementaldecoder(encoding)(errors).decode(head, not cut)
    begin = len(text) - len(text.lstrip("\ufeff"))
    text = text[begin:]
    if re.match(r"\s*[\[{]\s*([\[{\]}\"']|$)", text):
        return _json(text, given, path, encoding, begin)
    if not text.strip():
        raise UserError(f"{path}: holds no text. {EXPECTED}")
    return _text(text, cut, given, separator, path, encoding, begin)


def _encoding(head: bytes) -> str:
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    start = head[: len(head) // 2 * 2][:200]  # UTF-16 without a mark: every second byte of Latin text is 0
    even, odd = start[::2], start[1::2]
    for encoding, zeros, letters in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if len(zeros) > 10 and zeros.count(0) > 0.8 * len(zeros) and not letters.count(0):
            return encoding
    return "utf-8"


def _json(text: str, given: dict, path: Path, encoding: str, begin: int) -> Look:
    """JSON lines, or an array of objects: the columns are the keys of the first ones."""
    if re.match(r"\s*\{\s*(\"[^\"]*\"\s*:\s*[\[{]?\s*)?[\r\n]", text):
        fault = "is one JSON object over several lines. Write the ratings alone"
        raise UserError(f"{path}: {fault}: an array of objects, or one object a line.")
    kind, keys = ("array" if text.lstrip()[0] == "[" else "json"), _keys(text)
    roles = columns.assign(keys, given, str(path))
    words = columns.remark(keys, roles, True)
    return Look(kind, encoding, names=(*keys,), roles=roles, skip=3 * begin, remark=words)


def _keys(text: str) -> list[str]:
    """The keys of the first objects; where the first is not sound JSON, the words before colons."""
    decoder, place, keys = json.JSONDecoder(), 0, {}
    with suppress(ValueError, RecursionError):  # the sample ends; what is not sound is told when it is read
        while place < len(text):
            place = re.compile(r"[\s,\[]*").match(text, place).end()
            record, place = decoder.raw_decode(text, place)
            keys |= dict.fromkeys(record if isinstance(record, dict) else ())
    return [*keys] or [*{name: 0 for _, name in re.findall(r"""(["'])([^"'\\]+)\1\s*:""", text)}]


def _text(text: str, cut: bool, given: dict, separator: str, path: Path, encoding: str, begin: int) -> Look:
    stated = re.match(r'\s*"?sep=(\\t|::|.)"?[^\S\n\r]*(\r\n|\r|\n)', text, re.I)
    start = stated.end() if stated else 0
    choice = separator or (stated and stated[1]) or ""
    words = {name for name in given.values() if not name.isdecimal()}  # a number counts columns
    choice = SPOKEN.get(choice.lower(), choice) or _separator(text[start:], cut, words, path)
    rows, end = _rows(text[start:], choice, cut)
    if not rows:
        raise UserError(f"{path}: its first line does not end within {HEAD:,} bytes. {EXPECTED}")
    names = [name.encode("utf-8", "replace").decode().strip("\ufeff\u200b \t") for name in rows[0]]
    names = [" ".join(name.split()) for name in names]
    if header := columns.is_header(names) or not words.isdisjoint(names):
        start, names = start + end, _fitted(names, rows)
    else:
        names = [str(number) for number, _ in enumerate(names, 1)]
    if names[0].startswith(("#", "%", "--")) and (len(names) < 3 or len(rows[-1]) != len(names)):
        raise UserError(
            f"{path}: begins with a comment ({names[0][:40]!r}). Remove what is before the table."
        )
    if len(names) < 3:
        fault = f"its first line is one column at every separator tried ({', '.join(SEPARATORS.values())})"
        fault = f"{len(names)} columns, cut at {SEPARATORS.get(choice, choice)}" if len(names) == 2 else fault
        raise UserError(f"{path}: {fault}: {text[:60].splitlines()[0]!r}. {EXPECTED} "
                        f"`--separator ';'` names another separator.")  # fmt: skip
    roles = columns.assign(names, given, str(path)) if header or given else columns.guess(rows, str(path))
    remark = columns.remark(names, roles, header)
    before = text[:start]
    skip = len(before.encode("utf-8", "surrogateescape")) + 3 * begin
    lines = len(re.findall(r"\r\n|\r|\n", before))
    return Look("text", encoding, choice, (*names,), header, roles, skip, lines, len(choice) == 1, remark)


def _fitted(names: list[str], rows: list[list[str]]) -> list[str]:
    """The header as wide as the ratings, where only empty cells at the end make the difference."""
    width = len(rows[1]) if len(rows) > 1 else len(names)
    even = all(len(row) == width for row in rows[1:])
    if even and not any(names[width:]) and not any("".join(row[len(names) :]) for row in rows[1:]):
        return names[:width] + [""] * (width - len(names))
    return names


def _separator(text: str, cut: bool, words: set[str], path: Path) -> str:
    """The separator that gives known names, or else the one that cuts all lines into as many columns."""
    tables = {separator: _rows(text, separator, cut)[0] for separator in SEPARATORS}
    named = {one: len(columns.known(rows[0]) | words.intersection(rows[0]))
             for one, rows in tables.items() if rows}  # fmt: skip
    best = max(named.values(), default=0)
    if best > 1:
        return next(one for one in named if named[one] == best)
    even = [one for one, rows in tables.items() if rows and len(rows[0]) > 2 and len({*map(len, rows)}) == 1]
    even = [one for one in even if one != " "] or even
    if len(even) > 1:
        options, line = " or ".join(SEPARATORS[one] for one in even), text[:60].splitlines()[0]
        fault = f"may be cut at {options}: {line!r}"
        raise UserError(f"{path}: {fault}. Say which: `--separator '{even[0]}'`.")
    wide = {one: len(rows[0]) for one, rows in tables.items() if rows and one != " "}
    return even[0] if even else max(wide, key=wide.get, default=",")


def _rows(text: str, separator: str, cut: bool) -> tuple[list[list[str]], int]:
    """The first lines as cells, less what the end of the sample cuts; and where the first ends."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)[: 4 * SAMPLE]
    length = lambda count: sum(map(len, lines[:count]))
    rows, end, reader = [], 0, records(lines, separator, strict=False)
    with suppress(csv.Error):  # told with its line when it is read
        for row in filter(None, reader):
            end = end or length(reader.line_num)
            rows += [row] if len(rows) <= SAMPLE else []
    whole = not cut or length(reader.line_num) < len(text)
    return (rows if whole else rows[:-1]), end


def records(lines: Iterable[str], separator: str, strict: bool = True):
    """The csv module's reader of lines; no double quotes where the separator is longer than a character."""
    csv.field_size_limit(1 << 62)  # a review may be longer than the usual limit
    if len(separator) == 1:
        return csv.reader(lines, delimiter=separator, strict=strict)
    lines = (line.replace(separator, UNIT) for line in lines)
    return csv.reader(lines, delimiter=UNIT, strict=strict, quoting=csv.QUOTE_NONE)
