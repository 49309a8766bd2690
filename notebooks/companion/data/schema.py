"""The check of every source's table: `domain, user, item, rating` (+ `timestamp`, `title`)."""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from adc.errors import UserError
from adc.ratings import REQUIRED
from companion.data import cells, columns

MAX_DOMAINS = 50
MIN_RATINGS = 10  # below this a 50/10/40 split of a domain leaves a part empty
GAPS = (*"null nan none \\n n/a #n/a na - ? (null) <na> . #null! missing".split(),)  # an empty cell
NO_IDS = {*GAPS, *"unknown anonymous #name? #value! #ref! total sum average".split()}
KEY = ["domain", "user", "item"]
Locate = Callable[[list[int], str], str]  # rows, counted from 0, and a role -> their place in words


def check(
    frame: pd.DataFrame, where: str, locate: Locate | None = None, not_a_rating: Sequence[float] = ()
) -> tuple[pd.DataFrame, dict[str, int], list[str]]:
    """The ratings as typed columns (ids categorical), the number of those dropped by reason (R20), remarks.

    `where` names the source in messages and `locate` the places of rows; without that they are counted from
    1. Rows whose rating is in `not_a_rating` are left out. Raises `UserError` at the first defect."""
    names = list(map(str, frame.columns))
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UserError(
            f"{where}: no column {', '.join(map(repr, missing))}. Found: {', '.join(names) or 'nothing'}. "
            f"Expected are {', '.join(REQUIRED)} (timestamp and title are optional)."
        )
    if frame.empty:
        raise UserError(f"{where}: holds no ratings, only a header. Expected one line a rating.")
    locate = locate or partial(_place, where)
    remarks: list[str] = []
    clean = {name: _ids(frame[name], locate, remarks) for name in KEY}
    clean["rating"] = _ratings(frame["rating"], locate, remarks, np.inf in not_a_rating)
    if "timestamp" in names:
        clean["timestamp"] = _times(frame["timestamp"], locate, remarks)
    if "title" in names and (titles := _titles(frame["title"], clean, remarks)) is not None:
        clean["title"] = titles
    table, dropped = pd.DataFrame(clean), {}
    for value in sorted({*map(_shown, not_a_rating)}):
        table, dropped[f"rating {value} is not a rating"] = _without(table, value, locate, remarks)
    latest = _latest(table, locate, remarks)
    dropped["repeated"] = len(table) - len(latest)
    _check_domains(latest["domain"].value_counts(), where)
    return latest.reset_index(drop=True), dropped, [*remarks, *_far_values(latest["rating"].to_numpy())]


def _place(where: str, rows: list[int], role: str = "") -> str:
    words = f"{where}, row{'s' * (len(rows) > 1)} {', '.join(str(row + 1) for row in rows)}"
    return f"{words}, column '{role}'" if role else words


def _coded(column: pd.Series) -> tuple[np.ndarray, list]:
    """Codes of a column, -1 where it is empty, and its distinct values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.categories
        values = [*values.to_numpy()] if values.dtype == "float32" else values.tolist()  # it tells how long
        return column.cat.codes.to_numpy(), values
    codes, values = pd.factorize(column, use_na_sentinel=True)
    return codes, list(values)


def _refuse(column: pd.Series, rows: np.ndarray, locate: Locate, fault: str, cure: str = "") -> None:
    """Raise `UserError` with the place of the first of the bad rows, if there is one."""
    if len(rows):
        value = column.iloc[rows[0]]
        value = "" if pd.isna(value) else value.item() if isinstance(value, np.generic) else value
        shown = f"{value!r} {fault}" if value != "" else "is empty"
        place = locate([int(rows[0])], column.name)
        raise UserError(f"{place}: {shown}; {len(rows)} such in all. Mend or remove them{cure}.")


def _rows_of(codes: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Rows with a bad value or none; bad [values] bool."""
    return np.flatnonzero(np.append(bad, True)[codes])


def _numbers(column: pd.Series, parse: Callable[[list], tuple]) -> tuple[np.ndarray, object]:
    """Numbers, NaN where a cell is none; and what `parse` says beside those of the distinct cells."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan), ""
    codes, distinct = _coded(column)
    values, words = parse(distinct)
    return np.append(values, np.nan)[codes], words


def _ids(column: pd.Series, locate: Locate, remarks: list[str]) -> pd.Categorical:
    """Ids as text, in the order of their text."""
    codes, values = _coded(column)
    texts, faults, whole = cells.ids(values)
    if len(rows := _rows_of(codes, np.isin(np.arange(len(texts)), [*faults]))):
        _refuse(column, rows, locate, faults.get(codes[rows[0]], "is empty"))
    blank = [isinstance(value, str) and value != text for value, text in zip(values, texts)]
    if any(blank):
        count = int(np.append(blank, False)[codes].sum())
        what = 'blanks or ="…"' if any(str(value).strip().startswith('="') for value in values) else "blanks"
        remarks.append(f"Column {column.name}: {what} around {count:,} ids were left out.")
    for place in [place for place, text in enumerate(texts) if text.lower() in NO_IDS]:
        count, what = (codes == place).sum(), f"is that a {column.name}"
        remarks.append(f"Column {column.name}: {texts[place]!r} stands in {count:,} rows as an id: {what}?")
    if whole:
        what = "whole numbers written as floats, such as 1.0, were taken as whole numbers: 1"
        remarks.append(f"Column {column.name}: {what}.")
    names = pd.Index(sorted({*texts}), dtype=object)
    plain = pc.replace_substring_regex(pc.utf8_lower(pa.array(names, pa.string())), r"^0+|[.,]0+$|\s", "")
    if len(twins := names[plain.to_pandas().duplicated(keep=False)]):
        remarks.append(f"Column {column.name}: {len(twins)} ids differ only in case or zeros: {twins[0]!r}.")
    return pd.Categorical.from_codes(names.get_indexer(texts).astype(np.int32)[codes], names)


def _ratings(column: pd.Series, locate: Locate, remarks: list[str], gaps: bool) -> np.ndarray:
    values, words = _numbers(column, cells.numbers)
    with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, and is refused
        values = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(values))
    full = np.array([str(cell).strip().lower() not in ("", *GAPS) for cell in column.iloc[bad]], bool)
    cure = f". {words[:1].upper()}{words[1:]}".rstrip(" .")
    if not full.any():
        cure = "; `--not-a-rating empty` leaves them out"
    elif len(bad) == len(values):
        cure = ". Ratings are numbers: write words and signs as such (★★★ as 3), or name another column"
    _refuse(column, bad[full] if gaps else bad, locate, "is not a finite number", cure)
    finite = values[np.isfinite(values)]
    if len(finite) and 0 < np.ptp(finite) < 2e-6 * np.abs(finite).max():
        fault = f"all ratings lie between {finite.min():.9g} and {finite.max():.9g}, too close for their size"
        raise UserError(f"{locate([0], 'rating')}: {fault}. Are they ratings? Subtract what all share.")
    values[bad] = np.inf  # it stands for "empty" among what is not a rating
    if words:
        remarks.append(f"Column rating: {words}")
    return values


def _times(column: pd.Series, locate: Locate, remarks: list[str]) -> np.ndarray:
    cure = "; `--columns timestamp=` leaves the column out"
    values, doubt = _numbers(column, cells.times)
    if doubt:
        raise UserError(f"{locate([0], 'timestamp')}: {column.iloc[0]!r} {doubt}{cure}.")
    known = "is neither a number, such as seconds since 1970, nor a date as others are (2018-07-04 12:00:00)"
    _refuse(column, np.flatnonzero(~np.isfinite(values)), locate, known, cure)
    values, words = cells.in_seconds(values)
    if words is None:
        size = np.abs(values)
        large = size > np.sqrt(size[size > 0].min() * size.max())
        rows = np.flatnonzero(large if large.mean() < 0.5 else ~large & (size > 0))
        _refuse(column, rows, locate, "is in another unit (seconds, milliseconds, …) than others", cure)
    if words:
        remarks.append(f"Column timestamp: {words}.")
    return values


def _titles(column: pd.Series, clean: dict, remarks: list[str]) -> pd.Categorical | None:
    """Titles as text. None where they differ between the ratings of most items: then they are of reviews."""
    codes, values = _coded(column)
    order, names = pd.factorize(np.array([*cells.titles(values), ""], dtype=object), sort=True)
    titles = order.astype(np.int32)[codes]
    items = len(clean["item"].categories)
    item = clean["domain"].codes.astype(np.int64) * items + clean["item"].codes
    first = np.zeros(len(clean["domain"].categories) * items, np.int32)
    first[item[::-1]] = titles[::-1]
    differs, several = np.zeros(len(first), bool), np.bincount(item, minlength=len(first)) > 1
    differs[item[titles != first[item]]] = True
    if differs.sum() > 0.5 * max(several.sum(), 1):
        why = "differs between the ratings of most items, so it names no items"
        remarks.append(f"The column title {why}; it was left out.")
        return None
    return pd.Categorical.from_codes(titles, pd.Index(names, dtype=object))


def _shown(value: float) -> str:
    """A rating in as few digits as tell it from all others of its type; infinite is an empty cell."""
    return "empty" if value == np.inf else f"{float(str(np.float32(value))):.9g}"


def _without(table: pd.DataFrame, value: str, locate: Locate, remarks: list) -> tuple[pd.DataFrame, int]:
    """The ratings that are another value; the index goes on counting the rows of the source."""
    other = table["rating"].to_numpy() != np.float32(value.replace("empty", "inf"))
    count = int((~other).sum())
    if not count:
        remarks.append(f"No rating is {value}, so --not-a-rating {value} left nothing out.")
    if count == len(table):
        raise UserError(f"{locate([0], 'rating')}: every rating is {value}; --not-a-rating leaves none.")
    return table[other], count


def _far_values(ratings: np.ndarray) -> list[str]:
    """A remark on a lowest or highest rating that is far from the others: often it means "not rated"."""
    counts = pd.Series(ratings).value_counts().sort_index()
    values, counts = counts.index.to_numpy(), counts.to_numpy()
    remarks = []
    for value, count, others in ((values[0], counts[0], values[1:]), (values[-1], counts[-1], values[:-1])):
        if len(others) < 2:
            continue
        gap, span = min(abs(others - value)), others[-1] - others[0]
        likely = count > 0.01 * len(ratings) or value in (99, 999, 9999, -99, -999, -9999) or gap > 10 * span
        far = gap >= max(span, 2) and likely
        below = value in (0, -1) and others[0] >= (1 if len(others) < 4 else value + 1)
        if far or below:
            share, (odd, low, high) = count / len(ratings), map(_shown, (value, others[0], others[-1]))
            remarks.append(
                f"{share:.1%} of the ratings are {odd}, away from the others ({low} to {high}). If that "
                f"means 'not rated', leave them out: `--not-a-rating {odd}`."
            )
    return remarks


def _latest(clean: pd.DataFrame, locate: Locate, remarks: list[str]) -> pd.DataFrame:
    """R20: of several ratings of one item by one user the latest; without timestamps they must be equal.
    Of those that differ at one time, as where days have no clock, the last in the file."""
    key = combined(clean, KEY)
    ordered = np.sort(key)  # faster than looking each up
    if not (ordered[1:] == ordered[:-1]).any():
        return clean
    several = pd.Series(key).duplicated(keep=False).to_numpy()
    rows = clean[several].assign(key=key[several])
    if "timestamp" in clean.columns:
        rows = rows.sort_values("timestamp", kind="stable")
        last = rows[rows["timestamp"] == rows.groupby("key")["timestamp"].transform("max")]
        if count := int((last.groupby("key")["rating"].nunique() > 1).sum()):
            what = "of several that differ at the same time, the last in the file was taken"
            remarks.append(f"Of {count:,} pairs of a user and an item, {what}.")
    else:
        differ = rows.groupby("key")["rating"].transform("nunique") > 1
        if differ.any():
            _refuse_clash(rows[rows["key"] == rows["key"][differ].min()], locate)
    return clean.drop(index=rows.index[rows.duplicated("key", keep="last")])


def combined(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """A number for each combination of ids [rows], in the order of the columns and their categories."""
    most = math.prod(len(table[name].cat.categories) for name in names)
    key = np.zeros(len(table), np.int32 if most < 2**31 else np.int64)  # short numbers sort faster
    for name in names:
        key = key * len(table[name].cat.categories) + table[name].cat.codes.to_numpy()
    return key


def _refuse_clash(rows: pd.DataFrame, locate: Locate) -> None:
    row, places = rows.iloc[0], locate([int(place) for place in rows.index[:5]], "")
    raise UserError(
        f"{places}: user {row.user!r} rated item {row['item']!r} of domain {row.domain!r} differently more "
        f"than once, and no column 'timestamp' says which is the latest. Add it, or keep one line each."
    )


def _check_domains(sizes: pd.Series, where: str) -> None:
    sizes = sizes[sizes > 0]
    cure = "`--columns domain=NAME` takes another column for the domain, `--columns domain=` none"
    if several := [name for name in sizes.index if re.search(r"\w\s*[|;]\s*\w|^\[", name)]:
        cure = f"{several[0]!r} is one domain here: write a line for each that it names. {cure}"
    if len(sizes) > MAX_DOMAINS:
        fault = f"{len(sizes)} domains; at most {MAX_DOMAINS} are supported"
        raise UserError(f"{where}: {fault}. {cure}.")
    small = sizes[sizes < MIN_RATINGS]
    if len(small):
        raise UserError(
            f"{where}: domain {small.index[0]!r} has {small.iloc[0]} ratings; a 50/10/40 split needs "
            f"{MIN_RATINGS}. Remove or merge the small domain(s): {columns.shown(small.index)}. {cure}."
        )
