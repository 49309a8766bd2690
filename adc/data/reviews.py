"""Reads the pseudo-XML of the Multi-Domain Sentiment Dataset's `.review` files (R37), as a stream.

A record is a line `<review>`, fields of the form `<tag>`, value, `</tag>` on lines of their own, and a line
`</review>`. It is not XML: there is no root, `&` stands bare, and the texts hold anything.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import BinaryIO, NamedTuple

MAX_RECORD = 1 << 20  # bytes; the longest of 4,000 real records has 6,431
MAX_FIELD = 1000  # bytes; the longest real field but the text has 187

_CLOSE = b"\n</review>"
_OPEN = b"\n<review>"
_TAGS = ("unique_id", "asin", "product_name", "rating", "date", "reviewer", "reviewer_location")
_STARTS = {f"<{tag}>".encode(): tag for tag in _TAGS}
_ENDS = {tag: f"</{tag}>".encode() for tag in _TAGS}
# A control character stands for a lost one: as 0xFF it is no UTF-8 and decodes to U+FFFD, like other lost characters.
_LOST = bytes.maketrans(bytes(c for c in range(32) if c not in b"\t\n\r") + b"\x7f", b"\xff" * 30)
_MONTHS = "January February March April May June July August September October November December".split()


class Record(NamedTuple):
    """One usable review. `user` and `location` may be empty."""

    unique_id: str  # asin:headline:reviewer, of several the first that is more than a number
    item: str  # asin
    title: str  # of the product
    rating: float  # 1 to 5 stars
    timestamp: int  # seconds since 1970, midnight UTC; 0 where the date cannot be read
    reviewer: str
    location: str


@dataclass
class Tally:
    """What one file held: `seen == kept + sum(bad.values())`; `undated` are among the kept."""

    seen: int = 0
    kept: int = 0
    undated: int = 0
    bad: Counter = field(default_factory=Counter)


def parse(file: BinaryIO, tally: Tally, chunk: int = 4 << 20) -> Iterator[Record]:
    """Yield the usable records of `file` in order; whatever is not usable is counted by reason in `tally`.

    Memory stays within a few `chunk` bytes (at least MAX_RECORD) whatever the file holds; the outcome does not
    depend on `chunk`.
    """
    for piece, closed in _pieces(file, chunk):
        if len(piece) > MAX_RECORD:
            _count(tally, "longer than 1 MiB")
            continue
        stray, *bodies = piece.split(_OPEN)
        if stray.strip():
            _count(tally, "no <review> before it")
        for n, body in enumerate(bodies, 1):
            if not closed or n < len(bodies):
                _count(tally, "no </review> after it")
                continue
            found = _record(body)
            if isinstance(found, Record):
                tally.seen += 1
                tally.kept += 1
                tally.undated += found.timestamp == 0
                yield found
            else:
                _count(tally, found)


def _count(tally: Tally, reason: str) -> None:
    tally.seen += 1
    tally.bad[reason] += 1


def _pieces(file: BinaryIO, chunk: int) -> Iterator[tuple[bytes, bool]]:
    """Yield what stands before each `</review>`, and what stands after the last one (False: it was not closed)."""
    rest = b"\n"  # so that an opening on the first line, too, has a line break before it
    while block := file.read(chunk):
        *pieces, rest = (rest + block).split(_CLOSE)
        for piece in pieces:
            yield piece, True
        if len(rest) > MAX_RECORD + len(_CLOSE):
            # enough to show that it is too long, and the end, in which a closing may have begun
            rest = rest[: MAX_RECORD + 1] + rest[1 - len(_CLOSE) :]
    yield rest, False


def _record(body: bytes) -> Record | str:
    """One record's fields, or the reason why it cannot be used."""
    found = _fields(body.partition(b"\n<review_text>")[0])
    if any(len(value) > MAX_FIELD for values in found.values() for value in values):
        return f"a field longer than {MAX_FIELD} bytes"
    first = {tag: values[0].translate(_LOST).decode("utf-8", "replace").strip() for tag, values in found.items()}
    if not first.get("asin"):
        return "no asin"
    if not first.get("rating"):
        return "no rating"
    try:
        rating = float(first["rating"])
    except ValueError:
        return "a rating that is no number"
    if not 1 <= rating <= 5:
        return "a rating outside 1 to 5"
    named = [value for value in found.get("unique_id", ()) if not value.strip().isdigit()]
    return Record(
        named[0].translate(_LOST).decode("utf-8", "replace").strip() if named else "",
        first["asin"], first.get("product_name", ""), rating, _seconds(first.get("date", "")),
        first.get("reviewer", ""), first.get("reviewer_location", ""),
    )


def _fields(head: bytes) -> dict[str, list[bytes]]:
    """The values of every closed field by tag; a field that is cut short by another's opening is left out."""
    found: dict[str, list[bytes]] = {}
    tag, value = "", []
    for line in head.split(b"\n"):
        line = line.rstrip(b"\r")
        if line in _STARTS:
            tag, value = _STARTS[line], []
        elif tag and line == _ENDS[tag]:
            found.setdefault(tag, []).append(b" ".join(value))
            tag = ""
        elif tag:
            value.append(line)
    return found


@lru_cache(maxsize=10_000)
def _seconds(text: str) -> int:
    """`May 4, 2005` as seconds since 1970, or 0. By hand, for strptime's month names change with the locale."""
    try:
        month, day, year = text.replace(",", " ").split()
        day = datetime(int(year), _MONTHS.index(month) + 1, int(day), tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return 0
    return int(day.timestamp())
