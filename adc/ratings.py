"""Ratings of p domains in integer codes, from a table `domain, user, item, rating` (`timestamp`, `title`)."""

import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from adc.errors import UserError

REQUIRED = ("domain", "user", "item", "rating")


@dataclass(frozen=True)
class Ratings:
    """Ratings of p domains, users coded over the union of all domains, items within their own domain.

    >>> rows = [("film", "eve", "alien", 5), ("film", "bob", "alien", 3), ("book", "eve", "emma", 4)]
    >>> ratings = Ratings.of(pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]))
    >>> ratings.domains, ratings.users.tolist(), ratings.user.tolist()
    (['film', 'book'], ['bob', 'eve'], [1, 0, 1])"""

    name: str
    domains: list[str]  # p names
    users: np.ndarray  # [n] ids, the union of the domains' users
    items: list[np.ndarray]  # p arrays [m_k] of ids
    domain: np.ndarray  # [ratings] int16
    user: np.ndarray  # [ratings] int32
    item: np.ndarray  # [ratings] int32, within the rating's domain
    rating: np.ndarray  # [ratings] float32
    titles: dict[tuple[str, str], str] = field(default_factory=dict)  # (domain, item id) -> title, if known

    @classmethod
    def of(cls, source: "Source") -> "Ratings":
        """`source` itself, or what a data frame or a CSV, TSV (gzip too) or Parquet file at a path holds."""
        if isinstance(source, str | Path):
            return cls.from_frame(_read(Path(source)), Path(source).name)
        return source if isinstance(source, Ratings) else cls.from_frame(source)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, name: str = "ratings") -> "Ratings":
        """Encode a table `domain, user, item, rating` (`timestamp`, `title` if known), largest domain first.
        Of repeated ratings the latest counts (R20). `UserError`: a column is missing, a cell unusable."""
        missing = [column for column in REQUIRED if column not in frame.columns]
        if missing or frame.empty:
            fault = f"no column {', '.join(missing)}" if missing else "no rows"
            raise UserError(f"{name}: {fault}. Expected ratings with the columns {', '.join(REQUIRED)}.")
        clean = frame.assign(rating=pd.to_numeric(frame["rating"], errors="coerce"))
        bad = clean.index[clean[list(REQUIRED)].isna().any(axis=1) | np.isinf(clean["rating"])]
        if len(bad):
            raise UserError(f"{name}: row {bad[0]} lacks an id or a finite rating; {len(bad)} such rows.")
        key = ["domain", "item", "user"]
        clean[key] = clean[key].astype(str)
        if "timestamp" in clean.columns:
            clean = clean.sort_values("timestamp", kind="stable", na_position="first", key=_in_order)
        # an order of its own, so that the split does not hang on the table's
        return encode(clean.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True), name)

    @property
    def p(self) -> int:
        """Number of domains."""
        return len(self.domains)

    def index(self, domain: str) -> int:
        """Position of a domain by name; a `UserError` names the known ones."""
        if domain not in self.domains:
            raise UserError(f"Unknown domain '{domain}' in '{self.name}'. It has: {', '.join(self.domains)}.")
        return self.domains.index(domain)

    def only(self, domains: list[str]) -> "Ratings":
        """The ratings of some domains (Sets 1–3, R35), users and items coded anew; with none named, all."""
        if not domains:
            return self
        keep = np.isin(self.domain, [self.index(name) for name in domains])
        return encode(self.frame()[keep], self.name, domains, self.titles)

    def frame(self) -> pd.DataFrame:
        """Back to `domain, user, item, rating` with the original ids."""
        first = np.cumsum([0, *map(len, self.items)])[self.domain]  # a domain's first, of all items
        items = np.concatenate(self.items)[first + self.item]
        domains = np.array(self.domains, dtype=object)[self.domain]
        users = self.users[self.user]
        return pd.DataFrame({"domain": domains, "user": users, "item": items, "rating": self.rating})

    def title(self, domain: int, item: int) -> str:
        """An item's title, or its id where none is known."""
        item_id = self.items[domain][item]
        return self.titles.get((self.domains[domain], item_id), str(item_id))

    def table(self) -> pd.DataFrame:
        """Users, items, ratings and density (%) per domain, as in Table I."""
        users = [np.count_nonzero(np.bincount(self.user[self.domain == k])) for k in range(self.p)]
        ratings = np.bincount(self.domain, minlength=self.p)
        index = pd.Index(self.domains, name="domain")
        table = pd.DataFrame({"users": users, "items": list(map(len, self.items)), "ratings": ratings}, index)
        return table.assign(density=100 * table["ratings"] / (table["users"] * table["items"]))


Source: TypeAlias = Ratings | pd.DataFrame | str | Path  # `Ratings.of`


def _read(path: Path) -> pd.DataFrame:
    """The table in a file, its ids as they are written, the rows of text numbered from 1."""
    if not path.is_file():
        raise UserError(f"{path}: no such file. Give a data frame, or a path to a CSV, TSV or Parquet file.")
    separator, ids = "\t" if ".tsv" in path.suffixes else ",", dict.fromkeys((*REQUIRED[:3], "title"), str)
    try:  # Parquet by pyarrow, which `adc` does not install
        if path.suffix == ".parquet":
            return pd.read_parquet(path).reset_index(drop=True)
        table = pd.read_csv(path, sep=separator, dtype=ids, na_values=[""], keep_default_na=False)
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("its rows have more cells than its header.")
    except (EOFError, ImportError, OSError, ValueError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read as a table: {str(error).strip().splitlines()[0]}") from error
    return table.set_axis(range(1, len(table) + 1))


def _in_order(times: pd.Series) -> pd.Series:
    """Times as numbers, or else as dates. `UserError`: they are neither."""
    for read in (pd.to_numeric, pd.to_datetime):
        with suppress(TypeError, ValueError):
            return read(times)
    raise UserError("In the column timestamp not all are numbers, nor all dates.")


def encode(frame: pd.DataFrame, name: str, domains: list[str] | None = None,
           titles: dict | None = None) -> Ratings:  # fmt: skip
    """Turn checked ratings into integer codes. `domains`: their order; None: by size."""
    if domains is None:
        counts = frame["domain"].value_counts()
        domains = sorted(counts.index, key=lambda d: (-counts[d], d))
    code, names = _encode_ids(frame["domain"])
    domain = np.array([domains.index(name) for name in names], dtype=np.int16)[code]
    user, users = _encode_ids(frame["user"])
    item, items = np.empty(len(frame), dtype=np.int32), []
    for k in range(len(domains)):
        item[domain == k], names = _encode_ids(frame["item"][domain == k])
        items.append(names)
    if titles is None and "title" in frame.columns:  # the first of every item that has one
        there = (frame["title"].notna() & (frame["title"] != "")).to_numpy()
        titled = frame[["domain", "item", "title"]][there].drop_duplicates(["domain", "item"])
        titles = {(name, str(item_id)): title for name, item_id, title in titled.itertuples(index=False)}
    user, rating = user.astype(np.int32), frame["rating"].to_numpy(dtype=np.float32)
    return Ratings(name, list(domains), users, items, domain, user, item, rating, titles or {})


def _encode_ids(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Codes of ids in the order of their text, and the ids; of a categorical column without making texts."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return pd.factorize(column.to_numpy(dtype=object), sort=True)
    codes, ids = column.cat.codes.to_numpy(), column.cat.categories.to_numpy(dtype=object)
    used = np.flatnonzero(np.bincount(codes, minlength=len(ids)))
    new = np.zeros(len(ids), dtype=np.int32)
    new[used], names = pd.factorize(ids[used], sort=True)
    return new[codes], names
