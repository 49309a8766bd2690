"""What a file is, by its first bytes and lines: in which encoding, Parquet, JSON, or text and how cut."""

import ast
import codecs
import csv
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pandas as pd

from adc.errors import UserError
from companion.data import columns
from companion.data.unpacking import UNIT, unpacked

HEAD, SAMPLE = 1 << 18, 100  # bytes and lines that are looked at
MARKS = {  # byte order marks; the longer ones first
    codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be", codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be",
}  # fmt: skip
OTHERS = {  # what is not read: first bytes -> what it is, what to do
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "Save it as CSV"),
    (b"ARROW1", b"FEA1", b"\xff\xff\xff\xff", b"\x89HDF", b"ORC", b"Obj\x01"): (
        "a Feather, HDF5, ORC or Avro file", "Write it as Parquet or CSV"),
    (b"MATLAB ", b"\x93NUMPY", b"RDX", b"X\n\0\0\0", b"A\n3\n", b"$FL2", b"<stata_dta"): (
        "a file of MATLAB, NumPy, R, SPSS or Stata", "Write it as CSV there"),
    b"SQLite format 3": ("an SQLite database", "Write the table as CSV"),
    (b"7z\xbc\xaf", b"Rar!"): ("packed by 7z or RAR", "Unpack it"),
    b"%PDF": ("a PDF", "Name the table itself"),
    tuple(b"\x80" + bytes([k]) for k in range(2, 6)): ("a pickle, which is not opened", "Write it as CSV"),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file", "Run `git lfs pull`"),
    (b"<!doctype", b"<html", b"<head", b"<table"): ("a web page, not a table", "Download the file itself"),
}  # fmt: skip
TEXTS = {  # what the beginning of a text is that is no table
    r"\A\s*<[?!\w]": "XML", r"(?im)^@relation ": "ARFF", r"\A[\s\[(]*\(": "code of a program",
    r"(?i)\A(\s|--.*|/\*.*|(set|use|begin|start|pragma|drop|lock|select)\b.*)*(insert|create|copy) ": "SQL",
    r"\A(%YAML.*\s+|---\s+)?(- ?[\[{]|([\s-]*[\w/ ]+:(?=\s).*\n){3})": "YAML or lines of names and values",
}  # fmt: skip
CALL = 'import pandas; pandas.read_csv("FILE", sep=%s, encoding="%s", skiprows=%d, header=%s'
LISTS = ('import json; d = json.load(open("FILE", "rb")); others = %s; json.dump([{"part": name, **row} '
         'for name in d if name not in others for row in d[name]], open("NEW", "w"))')  # fmt: skip
SEPARATORS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", "::": "'::'", " ": "blank"}
NETFLIX = "Write `awk '/:/{i=$1+0;next}{print i\",\"$0}' FILE > NEW`; `--columns item=1,user=2,rating=3`."
CUT = re.compile(r"::|[,;\t|]")
ENDS = re.compile(r"\r\n|\r|\n")
COMMENT = re.compile(r"[ \t]*(#|%|//|--)(?P<glued>\S)?")
SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "blank": " ", "space": " "}
EXPECTED = "Expected a header naming domain, user, item, rating and one line a rating."


@dataclass(frozen=True)
class Look:
    """What a file is. Of a text: `skip` bytes of UTF-8 (with `lines` line ends) come before its ratings."""

    kind: str  # text, json (an object a line), array (other JSON), parquet
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
    with unpacked(path) as stream:
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
    errors = "surrogateescape" if encoding == "utf-8" else "replace"  # it is told when all is read
    text = codecs.getincrementaldecoder(encoding)(errors).decode(head, not cut)
    begin = len(text) - len(text.lstrip("\ufeff"))
    text = text[begin:]
    if len(re.findall("[\0\2-\x08\x0e-\x19\x1b-\x1e]", text[:300])) > 2:
        raise UserError(f"{path}: is no text, but bytes of another kind. Save the table as CSV or Parquet.")
    if re.match(r"\s*[\[{]\s*([\[{\]}\"']|u'|$)", text):
        return _json(text, given, path, encoding, begin)
    if not text.strip():
        raise UserError(f"{path}: holds no text. {EXPECTED}")
    try:
        return _text(text, cut, given, separator, path, encoding, begin)
    except UserError as error:
        kind = next((kind for pattern, kind in TEXTS.items() if re.search(pattern, text[:4000])), None)
        raise (UserError(f"{path}: is {kind}, not a table. Export it as CSV.") if kind else error) from None


def _encoding(head: bytes) -> str:
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    start = head[: min(len(head) // 4 * 4, 200)]  # without a mark: of Latin text all other bytes are 0
    for encoding, size in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        letters = start[(size - 1) * encoding.endswith("be") :: size]
        if len(letters) > 10 and letters.count(0) == 0 and start.count(0) > 0.9 * (len(start) - len(letters)):
            return encoding
    return "utf-8"


def _json(text: str, given: dict, path: Path, encoding: str, begin: int) -> Look:
    """JSON lines, or objects in an array, in another object or over several lines: columns are their keys."""
    rest, kind = "", "json" if re.match(r"\s*\{.*\}[ \t]*[\r\n]\s*\{", text) else "array"
    if kind == "json":
        lines = enumerate(ENDS.split(text)[:SAMPLE][:-1], 1)  # the last may be cut
        sample = [parsed(line, f"{path}, line {number}") for number, line in lines if line.strip()]
    elif not (sample := _first(text)):
        with unpacked(path) as stream:
            content = parsed(stream.read().decode(encoding, "surrogateescape").lstrip("\ufeff"), str(path))
        sample = objects(content, str(path))
        others = [name for name, value in content.items() if value is not sample] if sample else []
        rest = f"Not used: {columns.shown(others)}." if 0 < len(others) < len(content) else ""
    sample = [record for record in sample[:SAMPLE] if isinstance(record, dict)]
    keys = [*dict.fromkeys(key for record in sample for key in record)]
    cell = lambda value: "" if value is None else str(value)
    rows = [[*map(cell, map(record.get, keys))] for record in sample]
    roles = columns.assign(keys, given, str(path), rows)
    words = f"{columns.remark(keys, roles, True)} {rest}".strip()
    return Look(kind, encoding, names=(*keys,), roles=roles, skip=3 * begin, remark=words)


def _first(text: str) -> list:
    """The first values of an array; none of what is no array, or not sound."""
    decoder, place, sample = json.JSONDecoder(), 0, []
    with suppress(ValueError, RecursionError):  # the text ends; what is not sound is told when it is read
        while place < len(text) and re.match(r"\s*\[", text):
            place = re.compile(r"[\s,\[]*").match(text, place).end()
            record, place = decoder.raw_decode(text, place)
            sample.append(record)
    return sample


def parsed(record: str, where: str) -> object:
    """JSON as Python's values. UserError: it is not sound."""
    try:
        return json.loads(record)
    except (ValueError, RecursionError) as error:
        if record.lstrip().startswith(("{'", "{u'")):  # a dictionary of Python's, as older review files have
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                return ast.literal_eval(record)
        fault = f"is not sound JSON ({error}). Write an object a line, or an array of objects."
        raise UserError(f"{where}: {fault}") from error


def objects(content: object, where: str) -> list:
    """The ratings in parsed JSON as a list of objects: it is one, has one under a key, or is a data frame as
    pandas writes it, by column, by row, or split. UserError: several lists may be the one."""
    if not isinstance(content, dict):
        return content if isinstance(content, list) else [content]
    names, rows = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        return [dict(zip(map(str, names), row)) for row in rows]
    lists = {name: list_ for name, list_ in content.items()
             if isinstance(list_, list) and isinstance([*list_, 0][0], dict)}  # fmt: skip
    rated = [name for name in lists if columns.known(lists[name][0]) >= {*columns.NEEDED}]
    if len(lists) > 1 and len(rated) != 1:
        others = json.dumps([name for name in content if name not in (rated or lists)], ensure_ascii=False)
        raise UserError(
            f"{where}: holds several lists of records: {columns.shown(rated or lists)}. Make them one: "
            f"{columns.typed(LISTS % others)} (less `others`); `--columns domain=part` parts them again."
        )
    if lists:
        return lists[[*rated, *lists][0]]
    if not all(isinstance(value, dict) for value in content.values()):
        return [content]
    if len(columns.known(content)) < 2:
        return [*content.values()]
    return pd.DataFrame(content, dtype=object).to_dict("records")  # NaN where a column lacks a row


def _text(text: str, cut: bool, given: dict, separator: str, path: Path, encoding: str, begin: int) -> Look:
    stated = re.match(r'\s*"?sep=(\\t|::|.)"?[^\S\n\r]*(\r\n|\r|\n)', text, re.I)
    start = stated.end() if stated else 0
    choice = separator or (stated and stated[1]) or ""
    words = {name for name in given.values() if not name.isdecimal()}  # a number counts columns
    start += len(above := _above(text[start:], words))
    choice = SPOKEN.get(choice.lower(), choice) or _separator(text[start:], cut, words, path)
    rows, end = _rows(text[start:], choice, cut)
    if not rows:
        raise UserError(f"{path}: no line ends within {HEAD:,} bytes. {EXPECTED}")
    names = [*map(tidy, rows[0])]
    header = columns.is_header(names, rows[1:]) or not words.isdisjoint(names)
    names = _fitted(names, rows, choice) if header else [*map(str, range(1, len(names) + 1))]
    call = CALL % (json.dumps(choice), encoding, len(ENDS.findall(text[:start])), 0 if header else None)
    start += end * header
    if len(names) < 3:
        line = text[start - end * header :].lstrip()[:60].splitlines()[0]
        hint = NETFLIX if re.fullmatch(r"\d+:", line) else EXPECTED + columns.ones(call) * (len(names) == 2)
        fault = f"is one column cut at {', '.join(SEPARATORS.values())}; for others `--separator '~'`"
        fault = f"{len(names)} columns, cut at {SEPARATORS.get(choice, choice)}" if len(names) == 2 else fault
        raise UserError(f"{path}: {fault}: {line!r}. {hint}")
    say = (str(path), rows[header:], call)
    roles = columns.assign(names, given, *say) if header or given else columns.guess(*say)
    left_out = f"What stands above the table was left out ({above[:40]!r}…)." if above.strip("#%/- ") else ""
    remark = f"{left_out} {columns.remark(names, roles, header)}".strip()
    before = text[:start]
    skip, lines = len(before.encode("utf-8", "surrogateescape")) + 3 * begin, len(ENDS.findall(before))
    return Look("text", encoding, choice, (*names,), header, roles, skip, lines, len(choice) == 1, remark)


def tidy(name: str) -> str:
    """A cell as the name of a column: without marks and blanks that are not seen."""
    return " ".join(name.encode("utf-8", "replace").decode().strip("\ufeff\u200b \t").split())


def _above(text: str, words: set[str]) -> str:
    """What stands above the table: comments, and titles where one of the first lines names its columns."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)", text)[:100]
    comments = [*takewhile(COMMENT.match, lines)]
    row = "".join(lines[len(comments) : len(comments) + 1])  # ids may begin as comments do
    if text.startswith("%%MatrixMarket"):
        return "".join(comments) + row  # its sizes
    count = lambda line, sign: len(line.split(sign.strip(" ") or None))
    alike = lambda line: any(count(line, sign) == count(row, sign) > 2 for sign in SEPARATORS)
    for place, line in enumerate(lines[:30]):
        mark = re.match(r"([ \t]*(#|%|//|--)+ *(\w+: +)?)?", line)[0]
        bare = line[len(mark) :].replace('"', "")
        fits = mark and alike(bare)
        names = {*map(tidy, CUT.split(bare)), *(bare.split() if fits else [])}
        known = columns.known(names)
        if {*columns.NEEDED} <= known or (words and words <= names) or (fits and len(known) > 1):
            return "".join(lines[:place]) + mark
        if not mark and len(CUT.split(line.strip(",;\t|\r\n"))) > 2:
            break  # a title has no three cells
    glued = lambda line: COMMENT.match(line)["glued"] and (not row or alike(line))
    return "".join(takewhile(lambda line: not glued(line), comments))


def _fitted(names: list[str], rows: list[list[str]], separator: str) -> list[str]:
    """The header as wide as the ratings, where these have more empty cells at the end, or row numbers."""
    width = len(rows[1]) if len(rows) > 1 else len(names)
    even = all(len(row) == width for row in rows[1:])
    if even and not any(names[width:]) and not any("".join(row[len(names) :]) for row in rows[1:]):
        return names[:width] + [""] * (width - len(names))
    counted = [[*map(str, range(first, first + len(rows) - 1))] for first in (0, 1)]  # as R counts rows
    if even and width == len(names) + 1 and separator != "," and [row[0] for row in rows[1:]] in counted:
        return ["", *names]
    return names


def _separator(text: str, cut: bool, words: set[str], path: Path) -> str:
    """The separator that gives known names, or else the one that cuts all lines into as many columns."""
    tables = {separator: _rows(text, separator, cut)[0] for separator in SEPARATORS}
    alike = [one for one, rows in tables.items() if len({*map(len, rows)}) == 1]
    even = [one for one in alike if len(tables[one][0]) > 2]
    if signs := [one for one in even if one != " "]:  # the blanks are within cells
        even = signs
        del tables[" "]
    named = {one: len(columns.known(rows[0]) | words.intersection(rows[0]))
             for one, rows in tables.items() if rows}  # fmt: skip
    first = re.match(r"[^\r\n]*", text.lstrip())[0]
    for sign in {*re.findall(r"[^\w\s\"'.-]|\x01", first)} - {*SEPARATORS}:  # by known names alone
        named[sign] = len(columns.known(first.split(sign)))
    best = max(named.values(), default=0)
    if best > 1:
        return next(one for one in named if named[one] == best)
    if len(even) > 1:
        options, line = " or ".join(SEPARATORS[one] for one in even), text[:60].splitlines()[0]
        fault = f"may be cut at {options}: {line!r}"
        raise UserError(f"{path}: {fault}. Say which: `--separator '{even[0]}'`.")
    wide = {one: len(rows[0]) for one, rows in tables.items() if rows and (one != " " or one in alike)}
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


def records(lines: Iterable[str], separator: str, strict: bool = True, quoted: bool = True):
    """The csv module's reader of lines; no double quotes where the separator is longer than a character."""
    csv.field_size_limit(1 << 62)  # a review may be longer than the usual limit
    if quoted and len(separator) == 1:  # blanks after a separator: columns are aligned, or "a", "b"
        return csv.reader(lines, delimiter=separator, strict=strict, skipinitialspace=True)
    lines = (line.replace(separator, UNIT) for line in lines)
    return csv.reader(lines, delimiter=UNIT, strict=strict, quoting=csv.QUOTE_NONE)
