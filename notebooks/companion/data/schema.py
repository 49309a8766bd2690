"""The check of every source's table: `domain, user, item, rating` (+ `timestamp`, `title`)."""

import numpy as np
import pandas as pd

from adc.errors import UserError
from adc.ratings import REQUIRED

MAX_DOMAINS = 50
MIN_RATINGS = 10  # below this a 50/10/40 split of a domain leaves a part empty
KEY = ["domain", "user", "item"]


def check(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """The ratings as typed columns, and the number of those dropped, by reason (R20).

    `where` names the file in messages, and `frame`'s index the place in it: an index named "line" holds line
    numbers; without a name, rows are counted from 1. Raises `UserError` at the first defect."""
    names = list(map(str, frame.columns))
    repeated = [name for name in names if names.count(name) > 1]
    missing = [name for name in REQUIRED if name not in names]
    if repeated:
        raise UserError(f"{where}: the column '{repeated[0]}' stands in the header more than once. Keep one.")
    if missing:
        raise UserError(
            f"{where}: no column {', '.join(map(repr, missing))}. Found: {', '.join(names) or 'nothing'}. "
            f"Expected are {', '.join(REQUIRED)} (timestamp and title are optional)."
        )
    if frame.empty:
        raise UserError(f"{where}: holds no ratings, only a header. Expected one line a rating.")
    if frame.index.name is None:
        frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"))
    clean = pd.DataFrame({name: _text(frame[name], where) for name in KEY})
    clean["rating"] = _number(frame["rating"], where, np.float32)
    if "timestamp" in names:
        clean["timestamp"] = _number(frame["timestamp"], where, np.float64)
    if "title" in names:
        titles = frame["title"].astype("object").where(frame["title"].notna(), "")
        clean["title"] = titles.map(str).to_numpy(dtype=object)
    latest = _latest(clean, where, frame.index)
    _check_domains(latest["domain"].value_counts(), where)
    return latest, {"repeated": len(clean) - len(latest)}


def _text(column: pd.Series, where: str) -> np.ndarray:
    values = column.astype("object").where(column.notna(), "").map(str).str.strip()
    _refuse(column, where, values == "", "is empty")
    _refuse(column, where, values.str.contains("\0", regex=False), "holds a NUL character")
    return values.to_numpy(dtype=object)


def _number(column: pd.Series, where: str, dtype: type) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, and is refused
        values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan).astype(dtype)
    _refuse(column, where, ~np.isfinite(values) | column.isna(), "is not a finite number")
    return values


def _refuse(column: pd.Series, where: str, bad: pd.Series, fault: str) -> None:
    """Raise `UserError` with the place of the first bad cell, if there is one."""
    rows, unit = np.flatnonzero(bad), column.index.name
    if len(rows):
        cell = f"{unit} {column.index[rows[0]]}, column '{column.name}': {column.iloc[rows[0]]!r}"
        raise UserError(f"{where}, {cell} {fault}; {len(rows)} such {unit}(s). Mend or remove them.")


def _latest(clean: pd.DataFrame, where: str, places: pd.Index) -> pd.DataFrame:
    """R20: of several ratings of one item by one user the latest; without timestamps they must be equal."""
    if "timestamp" in clean.columns:
        order = clean["timestamp"].to_numpy().argsort(kind="stable")
        return clean.iloc[order].drop_duplicates(KEY, keep="last").sort_index().reset_index(drop=True)
    different = clean.drop_duplicates([*KEY, "rating"])
    clashes = different[different.duplicated(KEY, keep=False)]
    if len(clashes):
        row = clashes.iloc[0]
        rows = places[clashes.index[(clashes[KEY] == row[KEY]).all(axis=1)]]
        raise UserError(
            f"{where}, {places.name}s {', '.join(map(str, rows[:5]))}: user '{row.user}' rated item "
            f"'{row['item']}' of domain '{row.domain}' differently more than once, and no column 'timestamp' "
            f"says which is the latest. Add it, or keep one line each."
        )
    return clean.drop_duplicates(KEY, keep="last").reset_index(drop=True)


def _check_domains(sizes: pd.Series, where: str) -> None:
    if len(sizes) > MAX_DOMAINS:
        fault = f"{len(sizes)} domains; at most {MAX_DOMAINS} are supported"
        raise UserError(f"{where}: {fault}. Is 'domain' the right column?")
    small = sizes[sizes < MIN_RATINGS]
    if len(small):
        raise UserError(
            f"{where}: domain '{small.index[0]}' has {small.iloc[0]} ratings; a 50/10/40 split needs "
            f"{MIN_RATINGS}. Remove or merge the small domain(s): {', '.join(map(str, small.index[:10]))}."
        )
