"""From the distinct cells of a column to ids, numbers and times: a column of millions has few of them."""

import datetime
import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

FLOATS = (float, np.floating, Decimal)
LARGEST = {np.float32: 2**24}  # from here on a float of a type no longer tells whole numbers apart
POINT, HUNDREDS = re.compile(r"[1-9]\d{0,2}\.\d{3}"), re.compile(r"[1-9]\d{2,}")
COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")
# by how times look; of the first two the order of day and month is decided by the column
SLASHES = ("%m/%d/%Y", "%d/%m/%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %I:%M:%S %p")
LAYOUTS = ["%Y/%m/%d", "%d.%m.%Y", "%m %d, %Y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%d-%b-%Y"]
FIXED = ["%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z"]
YEAR_10000 = 253_402_300_800  # in seconds: 9999-12-31 is a date that stands for none
UNITS = {1e17: ("nanoseconds", 1e9), 1e14: ("microseconds", 1e6), 1e11: ("milliseconds", 1e3)}


def ids(values: Sequence) -> tuple[list[str], dict[int, str], bool]:
    """Text of each id as it is written, without blanks around it; what is wrong with some, by position; and
    whether whole numbers were written as floats."""
    pairs = [_id(value) for value in values]
    faults = {place: fault for place, (_, fault) in enumerate(pairs) if fault}
    return [text for text, _ in pairs], faults, any(isinstance(value, FLOATS) for value in values)


def _id(value: object) -> tuple[str, str]:
    """Text of an id, and what is wrong with it."""
    if isinstance(value, FLOATS) and value == value:
        if value % 1 or abs(value) == float("inf"):
            return str(value), "is no whole number, as an id must be. Write ids as text or as whole numbers"
        largest = LARGEST.get(type(value), 2**53)
        if not isinstance(value, Decimal) and abs(value) >= largest:
            fault = f"is a float of {largest:,} or more, where ids that differ become the same"
            return str(value), f"{fault}. Write them as text or as integers (int64) where the file is made"
        return str(int(value)), ""
    text = "" if value is None or value != value else str(value).strip().strip("\ufeff\u200b").strip()
    if text.startswith('="') and text.endswith('"'):  # so Excel keeps 0012 a text
        text = text[2:-1].strip()
    if not text:
        return text, "is empty"
    if "E+" in text and re.fullmatch(r"[+-]?\d([.,]\d+)?E\+\d{2,}", text):
        fault = "looks like a number that a spreadsheet shortened"
        return text, f"{fault}. Give the column the text format before saving"
    if "\0" in text:
        return text, "holds a NUL character"
    return text, "" if _is_unicode(text) else "holds half a character, which is no Unicode"


def _is_unicode(text: str) -> bool:
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def titles(values: Sequence) -> list[str]:
    """Text of titles; empty where there is none. A film may be called 1900, so whole floats are no floats."""
    texts = [_id(value)[0] if isinstance(value, FLOATS) else str(value or "") for value in values]
    return [text if _is_unicode(text) else text.encode("utf-8", "replace").decode() for text in texts]


def numbers(values: Sequence) -> tuple[np.ndarray, str]:
    """Float64, NaN where a cell is none; and a remark on decimals with a comma or thousands with a point."""
    numeric = pd.to_numeric(pd.Series([*values], dtype=object), errors="coerce")
    numeric = numeric.to_numpy(np.float64, na_value=np.nan, copy=True)
    bad = {place: str(values[place]) for place in np.flatnonzero(np.isnan(numeric))}
    commas = {place: cell for place, cell in bad.items() if COMMA.fullmatch(cell)}
    # 1,000 may be a thousand; 2,50 is none. A column has one decimal sign
    thousands = all(re.fullmatch(r"\s*[+-]?[1-9]\d*,\d{3}\s*", cell) for cell in commas.values())
    points = [str(value).strip() for value in values if "." in str(value)]
    if not (thousands or points):
        numeric[[*commas]] = [float(cell.replace(",", ".")) for cell in commas.values()]
        return numeric, "decimals are written with a comma, as in 2,5."
    others = [str(value).strip() for value in values if "." not in str(value)]
    if points and others and all(map(POINT.fullmatch, points)) and all(map(HUNDREDS.fullmatch, others)):
        return (
            numeric,
            f"{points[0]} beside {others[0]} may be a thousand; if so, write it without the point.",
        )
    return numeric, ""


def times(values: Sequence) -> tuple[np.ndarray, str]:
    """Seconds since 1970, NaN where a cell is no time; and a fault in words, where the column is doubtful.
    Values are dates, numbers or their texts: all of a column are in one layout."""
    if any(isinstance(value, datetime.date) for value in values):
        return _seconds(pd.to_datetime(pd.Series(list(values)), utc=True, errors="coerce")), ""
    numeric, _ = numbers(values)
    texts = pd.Series([str(value or "").strip() for value in values], dtype=object)
    if 2 * np.isfinite(numeric).sum() > (texts != "").sum():  # else a bad 0 would blame the dates
        return numeric, ""
    sample = texts[texts != ""].iloc[:100]
    iso = pd.to_datetime(sample, format="ISO8601", utc=True, errors="coerce")
    if len(sample) and iso.notna().mean() > 0.2:
        return _seconds(pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")), ""
    american, european = (_by_layout(texts, sample, [layout]) for layout in SLASHES)
    if american is not None or european is not None:
        return _day_and_month(american, european)
    seconds = _by_layout(texts, sample, LAYOUTS)
    return (numeric if seconds is None else seconds), ""


def _by_layout(texts: pd.Series, sample: pd.Series, layouts: list[str]) -> np.ndarray | None:
    """Seconds by the first layout, with or without a clock, that the sample or most of it has."""
    every = [layout + clock for layout in layouts for clock in CLOCKS]
    for layout in every if layouts[0] in SLASHES else [*FIXED, *every]:
        if pd.to_datetime(sample, format=layout, utc=True, errors="coerce").notna().mean() > 0.2:
            return _seconds(pd.to_datetime(texts, format=layout, utc=True, errors="coerce"))
    return None


def _day_and_month(american, european) -> tuple[np.ndarray, str]:
    """Seconds by the order that all cells fit; where both fit, nobody can know."""
    gaps = lambda seconds: np.isnan(seconds).sum()
    best, *other = sorted((seconds for seconds in (american, european) if seconds is not None), key=gaps)
    doubtful = other and gaps(other[0]) == 0 and not np.array_equal(best, other[0])
    return best, "may be month/day or day/month. Write dates as 2018-07-04" if doubtful else ""


def _seconds(dates: pd.Series) -> np.ndarray:
    dates = dates.dt.tz_localize(None).astype("datetime64[us]")
    return np.where(dates.isna(), np.nan, dates.to_numpy().astype(np.int64) / 1e6)


def in_seconds(values: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Times in seconds, and the unit they were in ("" for seconds, None where no one fits all but 0)."""
    sizes = np.abs(values)
    least, most = sizes.min(where=values != 0, initial=np.inf), sizes.max(initial=0)
    for bound, (unit, factor) in UNITS.items():
        if most >= max(bound, YEAR_10000):
            return (values / factor, unit) if least >= bound else (values, None)
    return values, ""
