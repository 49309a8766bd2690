"""A reader's own ratings: files of one dataset, how they are read, and where in them a rating stands."""

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from adc.errors import UserError
from companion.data import formats, parquet, text
from companion.data.columns import NAMES, parse, stem
from companion.files import digest

ENDINGS = (
    *(".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".txt", ".dat", ".data", ".inter"),
    *(".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".txt.gz", ".zip", ".gz", ".bz2", ".xz", ".zst"),
)
FILE_HASH = re.compile(r"-[0-9a-f]{8}$")  # ends the name of a table's dataset, and of no other
WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))(\.0+|,00?)")
HIDDEN = re.compile(r"\.|_(?!.*=)(?!.*\.parquet$)")  # such as _SUCCESS and _metadata: none of a folder's data


def ending(path: Path) -> str:
    """Which of ENDINGS a file name has; "" when none."""
    return next((end for end in ENDINGS if path.name.lower().endswith(end)), "")


@dataclass(frozen=True)
class Files:
    """The files of one dataset and the options by which they are read, such as `--columns`."""

    paths: tuple[Path, ...]
    columns: dict[str, str] = field(default_factory=dict)
    separator: str = ""
    not_a_rating: tuple[float, ...] = ()

    @classmethod
    def of(cls, paths: list[str], columns: str = "", separator: str = "", not_a_rating: str = "") -> "Files":
        """Options as they are typed. UserError: one is not understood."""
        once = {os.path.abspath(os.path.expanduser(path)): path for path in map(str, paths)}
        return cls(tuple(Path(os.path.expanduser(path)) for path in once.values()), parse(columns), separator,
                   _numbers(not_a_rating))  # fmt: skip

    def options(self) -> dict:
        """The options that differ from the defaults; they are part of what a dataset is."""
        options = {"columns": dict(sorted(self.columns.items())), "separator": self.separator,
                   "not_a_rating": sorted(self.not_a_rating)}  # fmt: skip
        return {name: value for name, value in options.items() if value}

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Name of each file, with its folder's or as many as tell all apart, and SHA-256 of its content."""
        names = _apart([path.absolute().parts for path in self.paths], 2)
        return dict(zip(names, map(_hash, self.paths)))

    @property
    def dataset_id(self) -> str:
        """Names of the files and the hash of content and options, fit for a folder's name."""
        names = [path.name[: len(path.name) - len(ending(path))].lower() for path in self.paths]
        slug = re.sub(r"[^a-z0-9_]+", "-", "-".join(names)).strip("-")
        (content_hash, *others), options = self.hashes.values(), self.options()
        if others or options:
            content = json.dumps([sorted(self.hashes.items() if others else [content_hash]), options])
            content_hash = hashlib.sha256(content.encode()).hexdigest()
        return f"{slug[:40].strip('-') or 'table'}-{content_hash[:8]}"


def _numbers(words: str) -> tuple[float, ...]:
    try:  # infinite stands for an empty cell
        numbers = tuple(map(float, filter(None, words.replace(" ", "").replace("empty", "inf").split(","))))
    except ValueError:
        numbers = (np.nan,)
    if np.isnan(numbers).any() or "inf" in words:
        raise UserError(
            f"--not-a-rating {words}: expected a number or several, such as 0 or -1,99, or empty."
        )
    return numbers


def _hash(path: Path) -> str:
    """SHA-256 of a file, or of all Parquet files of a folder and their names. UserError: nothing to read."""
    if not os.path.exists(path):  # False too where a name is too long
        raise UserError(f"{path.absolute()}: there is no such file. Check the path.")
    of_all = hashlib.sha256()
    for part in _files(path):
        try:
            of_part = digest(part)
        except OSError as error:
            raise UserError(f"{part}: cannot be read ({error.strerror}). Make it readable.") from error
        if part == path:
            return of_part
        of_all.update(part.relative_to(path).as_posix().encode() + b"\0" + bytes.fromhex(of_part))
    return of_all.hexdigest()


def _files(path: Path) -> list[Path]:
    """The file, or the Parquet files of a folder."""
    if path.exists() and not (path.is_dir() or path.is_file()):
        raise UserError(f"{path}: is a pipe or a device, which cannot be read twice. Write it to a file.")
    if not path.is_dir():
        return [path]
    if (path / "_delta_log").exists():
        raise UserError(f"{path}: is a Delta table. Write it as one Parquet file.")
    if (path / "metadata").is_dir() and (path / "data").is_dir():
        raise UserError(f"{path}: is an Iceberg table. Write it as one Parquet file.")
    every = [file for file in sorted(path.rglob("*")) if file.is_file() and ending(file)]
    every = [file for file in every if not any(map(HIDDEN.match, file.relative_to(path).parts))]
    files = [file for file in every if ending(file) == ".parquet"]
    if files and len(files) < len(every):
        other = ", ".join(str(file.relative_to(path)) for file in every if file not in files)
        raise UserError(f"{path}: holds {other} beside Parquet files. Take out what is not of the table.")
    if not files:
        raise UserError(f"{path}: is a folder without Parquet files. Name the file that holds the ratings.")
    return files


# --- reading


@dataclass(frozen=True)
class Part:
    """Where some of the rows come from."""

    path: Path
    what: formats.Look
    rows: int

    def numbers(self, rows: list[int]) -> tuple[str, list[int]]:
        """What counts its ratings, and the numbers of some that are counted from 0."""
        if self.what.kind == "parquet":
            return "row", [row + 1 for row in rows]
        return ("record" if self.what.kind == "array" else "line"), text.lines(self.path, self.what, rows)


@dataclass(frozen=True)
class Table:
    """Cells as they are written, by role; remarks on how they were read; the files they come from."""

    frame: pd.DataFrame
    remarks: list[str]
    parts: list[Part]

    def locate(self, rows: list[int], role: str = "") -> str:
        """`my.csv, line 92, column 'stars'`, or of several rows `my.csv, lines 92, 93`."""
        ends, places = np.cumsum([part.rows for part in self.parts]), {}
        for row in rows:
            places.setdefault(int(np.searchsorted(ends, row, side="right")), []).append(row)
        words = []
        for number, own in places.items():
            part = self.parts[number]
            unit, lines = part.numbers([row - int(ends[number]) + part.rows for row in own])
            words.append(f"{part.path}, {unit}{'s' * (len(lines) > 1)} {', '.join(map(str, lines))}")
        what = self.parts[next(iter(places))].what
        column = f", column '{what.names[what.roles[role]]}'" if role in what.roles else ""
        return "; ".join(words) + column


def look(path: Path, files: Files) -> dict[str, int]:
    """Role -> position of a file's columns, by a look at its beginning."""
    first = _files(path)[0]
    what = formats.look(first, files.columns, files.separator)
    if what.kind == "parquet":
        _, what = parquet.look(first, files.columns, _constants(first, path))
    return what.roles


def read(files: Files) -> Table:
    """The ratings of all files, which are one dataset. UserError, with file and line: it cannot be read."""
    frames, parts, remarks = [], [], []
    for path, name in _domain_names(files.paths).items():
        own = []
        for file in _files(path):
            frame, part = _read(file, path, files)
            if "domain" not in frame:
                frame["domain"] = pd.Categorical.from_codes(np.zeros(len(frame), np.int8), [name])
            frames.append(frame)
            own.append(part)
        parts += own
        words = dict.fromkeys(part.what.remark for part in own if part.what.remark)
        remarks += [f"{path.name}: {remark}" for remark in words]
        if len(files.paths) > 1 and not any(part.rows for part in own):
            remarks.append(f"{path.name}: holds no ratings.")
        if bare := [part.path for part in own if "domain" not in part.what.roles]:
            where = path.name if len(bare) == len(own) else ", ".join(map(str, bare[:3]))
            whole = f"all of its {len(own)} files are" if len(own) > 1 else "all of it is"
            remarks.append(f"{where}: there is no column domain; {whole} the domain '{name}'.")
    shared = [role for role in NAMES if all(role in frame for frame in frames)]
    for role in sorted({role for frame in frames for role in frame} - {*shared}):
        remarks.append(f"The column {role} is not in all files, and is left out.")
    joined = {role: _joined([frame[role] for frame in frames]) for role in shared}
    return Table(pd.DataFrame(joined), remarks, parts)


def _domain_names(paths: tuple[Path, ...]) -> dict[Path, str]:
    """A file's name without its ending; where two are the same, with folders that tell them apart."""
    names = [(*path.absolute().parent.parts, stem(path)) for path in paths]
    if len({*names}) < len(paths):  # r.csv beside r.tsv
        names = [path.absolute().parts for path in paths]
    short = [name[-1] for name in names]
    return {path: name[-1] if short.count(name[-1]) == 1 else longer
            for path, name, longer in zip(paths, names, _apart(names, 2))}  # fmt: skip


def _apart(names: list[tuple[str, ...]], least: int) -> list[str]:
    """The last parts of each path, at least so many, and as many as it takes that no two are the same."""
    while len({name[-least:] for name in names}) < len(names):
        least += 1
    return ["/".join(name[-least:]) for name in names]


def _constants(file: Path, folder: Path) -> dict[str, str]:
    """`domain=films` in the names of a folder's folders, as text."""
    pairs = [part.partition("=") for part in file.relative_to(folder).parts[:-1] if "=" in part]
    gap = "__HIVE_DEFAULT_PARTITION__"  # stands for an empty cell
    return {unquote(name): "" if value == gap else unquote(value) for name, _, value in pairs}


def _read(file: Path, path: Path, files: Files) -> tuple[pd.DataFrame, Part]:
    what = formats.look(file, files.columns, files.separator)
    if what.kind == "parquet":
        frame, what = parquet.read(file, files.columns, _constants(file, path))
    else:
        frame, what = text.read(file, what)
    for role in {"domain", "user", "item"} & {*frame}:  # where all are written as 1.0 is, 1 may be another's
        if all(isinstance(cell, str) and WHOLE.fullmatch(cell) for cell in frame[role].cat.categories):
            numbers = {cell: Decimal(WHOLE.match(cell)[1]) for cell in frame[role].cat.categories}
            large = [number for number in numbers.values() if abs(number) >= 2**53]
            if large and all(Decimal(repr(float(number))) == number for number in large):
                numbers = {cell: float(number) for cell, number in numbers.items()}  # doubles wrote them
            frame[role] = frame[role].map(numbers, "ignore").astype("category")
    return frame, Part(file, what, len(frame))


def _joined(columns_: list[pd.Series]) -> pd.Series:
    if len(columns_) == 1:
        return columns_[0]
    if not any(isinstance(column.dtype, pd.CategoricalDtype) for column in columns_):
        return pd.concat(columns_, ignore_index=True)
    kinds = [pd.Categorical(column) for column in columns_]  # of numbers in one file and texts in another
    values = np.array([value for kind in kinds for value in kind.categories.to_numpy()], dtype=object)
    places, distinct = pd.factorize(values)  # to union_categoricals 1 and "1" are one, and lost
    parts = np.split(places, np.cumsum([len(kind.categories) for kind in kinds])[:-1])
    codes = np.concatenate([np.append(part, -1)[kind.codes] for part, kind in zip(parts, kinds)])
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(distinct, dtype=object)))
