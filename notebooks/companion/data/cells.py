"""From the distinct cells of a column to ids, numbers and times: a column of millions has few of them."""

import datetime
import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

FLOATS = (float, np.floating, Decimal)
LARGEST = {np.float32: 2**24}  # from here on a float of a type no longer tells whole numbers apart
NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*")  # whatever its signs mean
STYLE = r"[+-]?(\d+|[1-9]\d{0,2}([%s]\d{3})+)?([%s]\d*)?"  # with a sign of thousands and one of decimals
LOOSE = re.compile("|".join(("(?<=\\d)[ '’\u00a0\u202f](?=\\d{3}(?!\\d))", "^[$€£¥] ?",
                             r" ?([%$€£¥]|stars?|out of .*|/ ?(5|10|100))$")))  # fmt: skip
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p")
DAYS = "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%m %d %Y", "%b %d %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y"
LAYOUTS = ["ISO8601", "%b %d %H:%M:%S %z %Y", "%b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S %z",
           *(day + clock for day in DAYS for clock in CLOCKS)]  # fmt: skip
AMERICAN = [day + clock for day in ("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y") for clock in CLOCKS]
EUROPEAN = [day.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m") for day in AMERICAN]
EXTRAS = (r"\s*\b(utc|gmt)\b|^[a-z]+,? +(?=[a-z]|\d+ [a-z])|(?<=\d)(st|nd|rd|th)\b|,(?= )"
          r"|(?<=\b[a-z]{3})[a-z]*\.?(?= )")  # fmt: skip
YEAR_10000 = 253_402_300_800  # in seconds: 9999-12-31 is a date that stands for none
UNITS = {1e17: ("nanoseconds", 1e9), 1e14: ("microseconds", 1e6), 1e11: ("milliseconds", 1e3)}


def ids(values: Sequence) -> tuple[list[str], dict[int, str], bool]:
    """Text of each id as it is written, without blanks around it; what is wrong with some, by position; and
    whether whole numbers were written as floats."""
    if {*map(type, values)} == {str} and all(values):
        joined = "".join(values)  # most columns have nothing that is to be looked at one by one
        if joined.isascii() and joined.isprintable() and {" ", "+", "="}.isdisjoint(joined):
            return [*values], {}, False
    pairs = [_id(value) for value in values]
    faults = {place: fault for place, (_, fault) in enumerate(pairs) if fault}
    return [text for text, _ in pairs], faults, any(isinstance(value, FLOATS) for value in values)


def _id(value: object) -> tuple[str, str]:
    """Text of an id, and what is wrong with it."""
    if isinstance(value, FLOATS) and value == value:
        if abs(value) == float("inf") or int(value) != value:
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
    if "+" in text and re.fullmatch(r"[+-]?\d([.,]\d+)?[eE]\+\d{2,}", text):
        fault = "looks like a number that a spreadsheet shortened, or R or pandas"
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
    """Float64, NaN where a cell is none; and a remark on how numbers are written, where that is not plain."""
    cells = [value.strip().replace("−", "-") if isinstance(value, str) else value for value in values]
    texts = {place: cell for place, cell in enumerate(cells) if isinstance(cell, str)}
    if len({cell.rpartition("/")[2] for cell in texts.values() if "/" in cell}) < 2:  # 3/5 beside 7/10
        texts = {place: LOOSE.sub("", cell) for place, cell in texts.items()}
    texts = {place: text for place, text in texts.items() if NUMBER.fullmatch(text)}
    looks = {signs: re.compile(STYLE % (*signs,)) for signs in (",.", ".,")}  # a column has one decimal sign
    fit = [signs for signs, look in looks.items() if all(map(look.fullmatch, texts.values()))]
    joined = " ".join(texts.values()) + " "
    used, tens = {*joined} & {",", "."}, re.search("[.,]..0 ", joined)
    longest = max((len(text.strip("+-")) for text in texts.values() if used.isdisjoint(text)), default=0)
    if len(fit) > 1 and used:  # 1.230 is a thousand if all numbers without a point are below, and one is 100
        fit = [signs for signs in fit if {signs[0]} == used and longest == 3 and tens]
    thousands, decimal = fit[0] if len(fit) == 1 else " ."
    words = []
    if decimal == "," and "," in used:
        words.append("decimals are written with a comma, as in 2,5.")
    if not fit and used and longest == 3:
        words.append(f"is one of {joined[:40]}… a thousand? Write 1234 or 1.234.")
    for place, text in texts.items():
        bare = text.replace(thousands, "").replace(decimal, ".")
        if len(bare) < len(cells[place]) and len(words) < 2:
            words.append(f"{cells[place]} was taken for {bare}.")
        cells[place] = bare
    numeric = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce")
    return numeric.to_numpy(np.float64, na_value=np.nan), " ".join(words)


def times(values: Sequence) -> tuple[np.ndarray, str]:
    """Seconds since 1970, NaN where a cell is no time; and a fault in words, where the column is doubtful.
    Values are dates, numbers or their texts: all of a column are in one layout."""
    if any(isinstance(value, datetime.date) for value in values):
        return _seconds(pd.to_datetime(pd.Series(list(values)), utc=True, errors="coerce")), ""
    numeric, _ = numbers(values)
    texts = pd.Series([str(value or "").strip() for value in values], dtype=object)
    if 2 * np.isfinite(numeric).sum() > (texts != "").sum():  # else a bad 0 would blame the dates
        return numeric, ""
    seconds = _by_layout(texts, ["ISO8601"])
    if seconds is None:
        texts = texts.str.replace(EXTRAS, "", regex=True, case=False)  # it reads a date as well
        american, european = _by_layout(texts, AMERICAN), _by_layout(texts, EUROPEAN)
        if american is not None or european is not None:
            return _day_and_month(american, european)
        seconds = _by_layout(texts, LAYOUTS)
    return (numeric if seconds is None else seconds), ""


def _by_layout(texts: pd.Series, layouts: list[str]) -> np.ndarray | None:
    """Seconds by the first layout that some of the first texts have."""
    sample = texts[texts != ""].iloc[:100]
    for layout in layouts:
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
    """Times in seconds, and in words what they were ("" for seconds, None where no unit fits all but 0)."""
    sizes = np.abs(values)
    least, most = sizes.min(where=values != 0, initial=np.inf), sizes.max(initial=0)
    if 0 < most < 1e8 or 1e13 <= most < 1e14:  # such as 20180704
        return values, "numbers of this size are no time since 1970; only their order counts"
    for bound, (unit, factor) in UNITS.items():
        if most >= max(bound, YEAR_10000):
            words = f"{unit} since 1970 were turned into seconds"
            return (values / factor, words) if least >= bound else (values, None)
    return values, ""
