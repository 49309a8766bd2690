"""Reads the pseudo-XML of the Multi-Domain Sentiment Dataset's `.review` files (R37), as a stream.

A record is a line `<review>`, fields of the form `<tag>`, value, `</tag>` on lines of their own, and a line
`</review>`. It is not XML: there is no root, `&` stands bare, and the texts hold anything.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO, NamedTuple

MAX_RECORD = 1 << 20  # bytes; the longest of 4,000 real records has 6,431
MAX_FIELD = 1000  # characters; the longest real field but the text has 187

_OPEN = b"\n<review>"
_CLOSE = b"\n</review>"
_UNCLOSED = "no </review> after it"
_TAGS = "unique_id|asin|product_name|rating|date|reviewer|reviewer_location"
# value lines are those up to its closing or the next field's opening; possessive, so that no malformed field costs memory
_FIELD = re.compile(rf"\n<({_TAGS})>\n((?:(?!<(?:{_TAGS})>\n|</\1>(?:\n|\Z)).*\n)*+)</\1>(?=\n|\Z)")
# A control character stands for a lost one: as 0xFF it is no UTF-8 and decodes to U+FFFD, as the other lost ones do.
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
    """What a file held: `seen == kept + sum(bad.values())` once it is read; the `undated` are among the kept."""

    seen: int = 0
    kept: int = 0
    undated: int = 0
    bad: Counter = field(default_factory=Counter)


def parse(file: BinaryIO, tally: Tally, chunk: int = 4 << 20) -> Iterator[Record]:
    """Yield the usable records of `file` in order, and count by reason in `tally` what is not usable.

    The outcome does not depend on `chunk` (bytes a read); memory stays within a few times the larger of `chunk` and
    MAX_RECORD, whatever the file holds.
    """
    for piece, closed, cut in _pieces(file, chunk):
        if len(piece) > MAX_RECORD:
            others = max(0, cut + piece.count(_OPEN) - 1)
            tally.seen += 1 + others
            tally.bad[f"longer than {MAX_RECORD} bytes"] += 1
            if others:
                tally.bad[_UNCLOSED] += others
            continue
        stray, *bodies = piece.split(_OPEN)
        if stray.strip():
            tally.seen += 1
            tally.bad["no <review> before it"] += 1
        tally.seen += len(bodies)
        unclosed = bodies[:-1] if closed else bodies
        if unclosed:
            tally.bad[_UNCLOSED] += len(unclosed)
        for body in bodies[len(unclosed) :]:
            record = _record(body)
            if isinstance(record, str):
                tally.bad[record] += 1
            else:
                tally.kept += 1
                tally.undated += record.timestamp == 0
                yield record


def _pieces(file: BinaryIO, chunk: int) -> Iterator[tuple[bytes, bool, int]]:
    """What stands before each `</review>` (True), then what stands after the last one (False); and how many openings were cut
    away from what is too long.
    """
    cut, rest = 0, b"\n"  # so that an opening on the very first line has a line break before it, too
    while block := file.read(chunk):
        *pieces, rest = (rest + block).split(_CLOSE)
        for piece in pieces:
            yield piece, True, cut
            cut = 0
        if len(rest) > MAX_RECORD + len(_CLOSE):
            # its length is all that still matters, and its end, where a closing or an opening may have begun
            cut += rest[:-1].count(_OPEN)
            rest = bytes(MAX_RECORD + 1) + rest[1 - len(_CLOSE) :]
    yield rest, False, cut


def _record(body: bytes) -> Record | str:
    """The record between `<review>` and `</review>`, or the reason why it cannot be used."""
    head = body.partition(b"\n<review_text>")[0]
    if b"\r" in head:
        head = _LINE_END.sub(b"", head)
    found = _fields(head.translate(_LOST).decode("utf-8", "replace"))
    asin, stars = found.get("asin"), found.get("rating")
    if not asin:
        return "no asin"
    if not stars:
        return "no rating"
    if max(map(len, found.values())) > MAX_FIELD:
        return f"a field longer than {MAX_FIELD} characters"
    try:
        rating = float(stars)
    except ValueError:
        return "a rating that is no number"
    if not 1 <= rating <= 5:
        return "a rating outside 1 to 5"
    text = [found.get(tag, "") for tag in ("unique_id", "product_name", "date", "reviewer", "reviewer_location")]
    return Record(text[0], asin, text[1], rating, _seconds(text[2]), text[3], text[4])


def _fields(head: str) -> dict[str, str]:
    """The first value of every closed field by tag; one cut short by the next field's opening is left out."""
    found: dict[str, str] = {}
    for tag, lines in _FIELD.findall("\n" + head):
        text = lines.replace("\n", " ").strip()
        if tag not in found and (tag != "unique_id" or text.strip("0123456789")):
            found[tag] = text
    return found


@lru_cache(maxsize=10_000)
def _seconds(text: str) -> int:
    """`May 4, 2005` in seconds since 1970, else 0. Not by strptime, whose month names change with the locale."""
    try:
        month, day, year = text.replace(",", " ").split()
        midnight = datetime(int(year), _MONTHS.index(month) + 1, int(day), tzinfo=UTC)
    except (ValueError, OverflowError):
        return 0
    return int(midnight.timestamp())
