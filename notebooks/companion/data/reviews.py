"""Reads the pseudo-XML of the Multi-Domain Sentiment Dataset's `.review` files (R37), as a stream.

A record is a line `<review>`, fields of the form `<tag>`, value, `</tag>` on lines of their own, and a line
`</review>`. It is not XML: there is no root, `&` stands bare, and the texts hold anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO, NamedTuple

MAX_RECORD = 1 << 20  # bytes; the longest of 4,000 real records has 6,431
MAX_FIELD = 1000  # characters; the longest real field but the text has 187

_OPEN, _CLOSE = b"\n<review>", b"\n</review>"
_TAGS = "unique_id|asin|product_name|rating|date|reviewer|reviewer_location"
# A value ends at its closing or at the next field's opening; possessive, so that no malformed field costs
# memory.
_FIELD = re.compile(rf"\n<({_TAGS})>\n((?:(?!<(?:{_TAGS})>\n|</\1>(?:\n|\Z)).*\n)*+)</\1>(?=\n|\Z)")
# A control character stands for a lost one: as 0xFF it is no UTF-8 and decodes to U+FFFD, as others do.
_LOST = bytes.maketrans(bytes(c for c in range(32) if c not in b"\t\n") + b"\x7f", b"\xff" * 31)
_LINE_END = re.compile(rb"\r+(?=\n|\Z)")  # of which nothing but the break belongs to the text
_MONTHS = "January February March April May June July August September October November December".split()


class Record(NamedTuple):
    """One usable review; every text but `item` may be empty."""

    unique_id: str  # asin:headline:reviewer; of two, the one that is more than a number
    item: str  # asin
    title: str  # of the product
    rating: float  # 1 to 5 stars
    timestamp: int  # seconds since 1970 at midnight UTC, 0 where the date cannot be read
    reviewer: str
    location: str


@dataclass
class Tally:
    """Records of a file, by outcome: `records == usable + sum(unusable.values())` once it is read."""

    records: int = 0
    usable: int = 0
    undated: int = 0  # of the usable
    unusable: dict[str, int] = field(default_factory=dict)  # by reason

    def reject(self, reason: str, times: int = 1) -> None:
        """Count records that cannot be used."""
        if times > 0:
            self.records += times
            self.unusable[reason] = self.unusable.get(reason, 0) + times


def parse(file: BinaryIO, tally: Tally, chunk: int = 4 << 20) -> Iterator[Record]:
    """Yield the usable records of `file` in order, and count by reason in `tally` what is not usable.

    The outcome does not depend on `chunk` (bytes a read); memory stays within a few times the larger of
    `chunk` and MAX_RECORD, whatever the file holds."""
    for piece, closed in _pieces(file, chunk):
        if len(piece) > MAX_RECORD:
            tally.reject(f"longer than {MAX_RECORD} bytes")
            continue
        stray, *bodies = piece.split(_OPEN)
        if stray.strip():
            tally.reject("no <review> before it")
        body = bodies.pop() if closed and bodies else None
        tally.reject("no </review> after it", len(bodies))
        record = _record(body) if body is not None else None
        if isinstance(record, str):
            tally.reject(record)
        elif record:
            tally.records += 1
            tally.usable += 1
            tally.undated += record.timestamp == 0
            yield record


def _pieces(file: BinaryIO, chunk: int) -> Iterator[tuple[bytes, bool]]:
    """What stands before each `</review>` (True), then what stands after the last one (False). Of a
    piece that is too long only the length is kept."""
    rest = b"\n"  # a line break, as before every other opening
    while block := file.read(chunk):
        *pieces, rest = (rest + block).split(_CLOSE)
        yield from ((piece, True) for piece in pieces)
        if len(rest) > MAX_RECORD + len(_CLOSE):
            rest = bytes(MAX_RECORD + 1) + rest[1 - len(_CLOSE) :]  # the end: a tag may have begun there
    yield rest, False


def _record(body: bytes) -> Record | str:
    """The record between `<review>` and `</review>`, or the reason why it cannot be used."""
    head = body.partition(b"\n<review_text>")[0]
    if b"\r" in head:
        head = _LINE_END.sub(b"", head)
    values = _fields(head.translate(_LOST).decode("utf-8", "replace"))
    item, stars = values.get("asin"), values.get("rating")
    if not item:
        return "no asin"
    if not stars:
        return "no rating"
    if max(map(len, values.values())) > MAX_FIELD:
        return f"a field longer than {MAX_FIELD} characters"
    try:
        rating = float(stars)
    except ValueError:
        return "a rating that is no number"
    if not 1 <= rating <= 5:
        return "a rating outside 1 to 5"
    tags = ("unique_id", "product_name", "date", "reviewer", "reviewer_location")
    unique_id, title, date, reviewer, location = (values.get(tag, "") for tag in tags)
    return Record(unique_id, item, title, rating, _seconds(date), reviewer, location)


def _fields(head: str) -> dict[str, str]:
    """The first value of every closed field by tag; one cut short by the next field's opening is left out."""
    values: dict[str, str] = {}
    for tag, lines in _FIELD.findall("\n" + head):
        text = lines.replace("\n", " ").strip()
        if tag not in values and (tag != "unique_id" or text.strip("0123456789")):
            values[tag] = text
    return values


@lru_cache(maxsize=10_000)
def _seconds(text: str) -> int:
    """`May 4, 2005` in seconds since 1970, else 0. Not by strptime, whose months depend on the locale."""
    try:
        month, day, year = text.replace(",", " ").split()
        midnight = datetime(int(year), _MONTHS.index(month) + 1, int(day), tzinfo=UTC)
    except (ValueError, OverflowError):
        return 0
    return int(midnight.timestamp())
