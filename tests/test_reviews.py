"""The parser of pseudo-XML reviews: nothing is lost, nothing is believed."""

import io
from pathlib import Path

import pytest

from companion.data import reviews
from companion.data.reviews import Tally, parse

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "blitzer_raw"
FIELDS = {
    "unique_id": "B000AAAAAA:good,_really:ann_lee", "asin": "B000AAAAAA", "product_name": "Cups & Saucers",
    "product_type": "kitchen & housewares", "helpful": "", "rating": "4.0", "title": "Good, really",
    "date": "May 4, 2005", "reviewer": "Ann Lee", "reviewer_location": "Ayr, UK",
    "review_text": "Strong & cheap\n\n<b>5 < 6</b>\n",
}  # fmt: skip


def review(without: str = "", **changes: str) -> bytes:
    fields = {name: value for name, value in (FIELDS | changes).items() if name != without}
    lines = "".join(f"<{name}>\n{value}\n</{name}>\n" for name, value in fields.items())
    return f"<review>\n{lines}</review>\n".encode()


SECOND_ID = "\n</unique_id>\n<unique_id>\n"
OPEN = review().replace(b"</review>\n", b"")  # without its end


def read(content: bytes, chunk: int = 1 << 16) -> tuple[list, Tally]:
    tally = Tally()
    return list(parse(io.BytesIO(content), tally, chunk)), tally


@pytest.fixture
def small_records(monkeypatch):
    monkeypatch.setattr(reviews, "MAX_RECORD", 1000)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_record_is_read_as_written(line_end):
    (record,), tally = read(review().replace(b"\n", line_end))
    assert record[:4] == ("B000AAAAAA:good,_really:ann_lee", "B000AAAAAA", "Cups & Saucers", 4.0)
    assert record[4:] == (1115164800, "Ann Lee", "Ayr, UK")
    assert (tally.records, tally.usable, tally.undated, tally.unusable) == (1, 1, 0, {})


@pytest.mark.parametrize(("changes", "field", "value"), [
    # of two ids the number is ignored, in either order; of another field the first counts
    *(({"unique_id": text}, "unique_id", "a:b") for text in ("12" + SECOND_ID + "a:b", SECOND_ID + "a:b")),
    *(({"unique_id": text}, "unique_id", "a:b") for text in ("a:b" + SECOND_ID + "12", "a:b" + SECOND_ID)),
    ({"unique_id": "12"}, "unique_id", ""), ({"rating": "4.0\n</rating>\n<rating>\n1.0"}, "rating", 4.0),
    # tags inside the text change nothing
    ({"review_text": "<asin>\nB999\n</asin>\n<rating>\n1.0\n</rating>"}, "item", "B000AAAAAA"),
    # lost characters become the replacement character
    ({"reviewer": "Ren\x1a"}, "reviewer", "Ren\ufffd"), ({"reviewer": "A\tB\0"}, "reviewer", "A\tB\ufffd"),
    ({"asin": "B0\r0"}, "item", "B0\ufffd0"), ({"reviewer": "Ann\r"}, "reviewer", "Ann"),
])  # fmt: skip
def test_an_odd_field_is_read(changes, field, value):
    (record,), _ = read(review(**changes))
    assert getattr(record, field) == value


def test_a_character_that_is_no_utf_8_becomes_the_replacement_character():
    (record,), _ = read(review(reviewer="Ren@").replace(b"@", b"\xe9"))
    assert record.reviewer == "Ren\ufffd"


@pytest.mark.parametrize(("content", "reason"), [
    (review(without="asin"), "no asin"), (review(asin="  "), "no asin"),
    (review(without="rating"), "no rating"), (review(rating=""), "no rating"),
    (review(rating="five"), "a rating that is no number"),
    (review(rating="nan"), "a rating outside 1 to 5"), (review(rating="inf"), "a rating outside 1 to 5"),
    (review(rating="0.0"), "a rating outside 1 to 5"),
    (review(reviewer="x" * 1001), "a field longer than 1000 characters"),
    (OPEN, "no </review> after it"),
    (review().replace(b"<review>\n", b""), "no <review> before it"),
    (review().replace(b"</asin>\n", b""), "no asin"), (b"<review>\n</review>\n", "no asin"),
    (review(review_text="long " * 300_000), "longer than 1048576 bytes"),
])  # fmt: skip
def test_a_bad_record_is_counted_by_its_reason_and_its_neighbours_are_read(content, reason):
    records, tally = read(review() + content + review())
    assert (len(records), tally.records, tally.usable, tally.unusable) == (2, 3, 2, {reason: 1})


@pytest.mark.parametrize("field", [name for name in FIELDS if name not in ("asin", "rating")])
def test_a_missing_or_empty_field_that_is_not_needed_does_no_harm(field):
    for content in (review(without=field), review(**{field: ""})):
        records, tally = read(content)
        assert len(records) == 1 and not tally.unusable


def test_a_truncated_last_record_is_counted():
    whole = review() + review()
    for end in range(len(review()) + len("<review>"), len(whole) - len("</review>\n")):
        records, tally = read(whole[:end])
        assert (len(records), tally.records, tally.unusable) == (1, 2, {"no </review> after it": 1}), end


def test_dates_that_cannot_be_read_are_zero_and_counted():
    dates = ["", "May 2005", "May 40, 2005", "Mai 4, 2005", "May 4, 99999", "May 4, " + "9" * 30, "2005-5-4"]
    records, tally = read(b"".join(review(date=date) for date in dates))
    assert [record.timestamp for record in records] == [0] * len(dates)
    assert (tally.usable, tally.undated) == (len(dates), len(dates))


class Endless(io.RawIOBase):
    """A record that does not end while anybody waits for it."""

    left = 64

    def read(self, size):
        self.left -= 1
        return b"<review>\n<asin>\n".ljust(size, b"x") if self.left > 0 else b""


def test_a_record_that_never_ends_is_cut_and_counted(small_records):
    tally = Tally()
    assert not list(parse(Endless(), tally, 500))
    assert (tally.records, tally.unusable) == (1, {"longer than 1000 bytes": 1})
    assert max(len(piece) for piece, _ in reviews._pieces(Endless(), 500)) < 3000  # of 31,500 read


@pytest.mark.parametrize("length", range(985, 1020))
def test_the_cut_does_not_depend_on_how_the_file_is_read(small_records, length):
    content = b"<review>\n".ljust(length, b"x") + b"\n</review>\n" + review()
    outcomes = [read(content, chunk) for chunk in (1, 7, 100, 999, 1 << 16)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert outcomes[0][1].records == 2 and outcomes[0][1].usable == 1


@pytest.mark.skipif(not REAL.is_dir(), reason="the 4,000 real records are not here")
def test_real_records():
    for path in sorted(REAL.glob("*/*.review")):
        records, tally = read(path.read_bytes())
        assert (tally.records, tally.usable, tally.unusable) == (1000, 1000, {})
        assert tally.undated <= 1
        assert {record.rating for record in records} <= {1.0, 2.0, 4.0, 5.0}
        assert all(len(record.item) == 10 and record.title for record in records)
        assert all(record.unique_id.startswith(record.item + ":") for record in records)
        assert all(0 < record.timestamp < 1.2e9 for record in records if record.timestamp)
