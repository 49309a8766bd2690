"""The parser of pseudo-XML reviews: nothing is lost, nothing is believed."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.data import reviews
from adc.data.reviews import Tally, parse

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "blitzer_raw"
FIELDS = {
    "unique_id": "B000AAAAAA:good,_really:ann_lee",
    "asin": "B000AAAAAA",
    "product_name": "Cups & Saucers",
    "product_type": "kitchen & housewares",
    "helpful": "",
    "rating": "4.0",
    "title": "Good, really",
    "date": "May 4, 2005",
    "reviewer": "Ann Lee",
    "reviewer_location": "Ayr, UK",
    "review_text": "Strong & cheap\n\n<b>5 < 6</b>\n",
}


def review(without: str = "", **changes: str) -> bytes:
    fields = {name: value for name, value in (FIELDS | changes).items() if name != without}
    lines = "".join(f"<{name}>\n{value}\n</{name}>\n" for name, value in fields.items())
    return f"<review>\n{lines}</review>\n".encode()


def read(content: bytes, chunk: int = 1 << 16) -> tuple[list, Tally]:
    tally = Tally()
    return list(parse(io.BytesIO(content), tally, chunk)), tally


def only_reason(content: bytes) -> str:
    """The one reason for the one bad record that stands between two good ones."""
    records, tally = read(review() + content + review())
    assert (len(records), tally.seen, tally.kept) == (2, 3, 2)
    ((reason, times),) = tally.bad.items()
    assert times == 1
    return reason


def test_a_record_is_read_as_written():
    (record,), tally = read(review())
    assert record[:4] == ("B000AAAAAA:good,_really:ann_lee", "B000AAAAAA", "Cups & Saucers", 4.0)
    assert record[4:] == (1115164800, "Ann Lee", "Ayr, UK")
    assert (tally.seen, tally.kept, tally.undated, tally.bad) == (1, 1, 0, {})


@pytest.mark.parametrize("first", ["12", ""])
def test_of_two_unique_ids_the_number_is_ignored_in_either_order(first):
    text = FIELDS["unique_id"]
    for pair in ((first, text), (text, first)):
        two = "\n</unique_id>\n<unique_id>\n".join(pair)
        (record,), _ = read(review(unique_id=two))
        assert record.unique_id == text


def test_of_another_field_given_twice_the_first_counts():
    (record,), _ = read(review(rating="4.0\n</rating>\n<rating>\n1.0"))
    assert record.rating == 4.0


def test_a_lone_number_is_no_unique_id():
    (record,), _ = read(review(unique_id="12"))
    assert record.unique_id == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (review(without="asin"), "no asin"),
        (review(asin="  "), "no asin"),
        (review(without="rating"), "no rating"),
        (review(rating=""), "no rating"),
        (review(rating="five"), "a rating that is no number"),
        (review(rating="nan"), "a rating outside 1 to 5"),
        (review(rating="inf"), "a rating outside 1 to 5"),
        (review(rating="0.0"), "a rating outside 1 to 5"),
        (review(reviewer="x" * 1001), "a field longer than 1000 characters"),
        (review().replace(b"</review>\n", b""), "no </review> after it"),
        (review().replace(b"<review>\n", b""), "no <review> before it"),
        (review().replace(b"</asin>\n", b""), "no asin"),
        (b"<review>\n</review>\n", "no asin"),
        (review(review_text="long " * 300_000), "longer than 1048576 bytes"),
    ],
)
def test_a_bad_record_is_counted_by_its_reason_and_its_neighbours_are_kept(content, reason):
    assert only_reason(content) == reason


@pytest.mark.parametrize("field", [name for name in FIELDS if name not in ("asin", "rating")])
def test_a_missing_or_empty_field_that_is_not_needed_does_no_harm(field):
    for content in (review(without=field), review(**{field: ""})):
        records, tally = read(content)
        assert len(records) == 1 and not tally.bad


def test_a_truncated_last_record_is_counted():
    whole = review() + review()
    for end in range(len(review()) + len("<review>"), len(whole) - len("</review>\n")):
        records, tally = read(whole[:end])
        assert (len(records), tally.seen, tally.bad) == (1, 2, {"no </review> after it": 1}), end


def test_dates_that_cannot_be_read_are_zero_and_counted():
    dates = ["", "May 2005", "May 40, 2005", "Mai 4, 2005", "May 4, 99999", "May 4, " + "9" * 30, "2005-05-04"]
    records, tally = read(b"".join(review(date=date) for date in dates))
    assert [record.timestamp for record in records] == [0] * len(dates)
    assert (tally.kept, tally.undated) == (len(dates), len(dates))


def test_lost_characters_become_the_replacement_character():
    latin = review(reviewer="Ren@").replace(b"@", b"\xe9")
    records, _ = read(review(reviewer="Ren\x1a") + latin + review(reviewer="A\tB\0"))
    assert [record.reviewer for record in records] == ["Ren\ufffd", "Ren\ufffd", "A\tB\ufffd"]


def test_a_carriage_return_within_a_line_is_a_lost_character():
    (record,), _ = read(review(asin="B0\r0", reviewer="Ann\r"))
    assert (record.item, record.reviewer) == ("B0\ufffd0", "Ann")


def test_windows_line_ends_are_read_alike():
    assert read(review().replace(b"\n", b"\r\n"))[0] == read(review())[0]


def test_tags_inside_the_text_change_nothing():
    (record,), _ = read(review(review_text="<asin>\nB999\n</asin>\n<rating>\n1.0\n</rating>"))
    assert (record.item, record.rating) == ("B000AAAAAA", 4.0)


def test_nothing_at_all_is_no_record():
    for content in (b"", b"\n \n"):
        assert read(content) == ([], Tally())


class Endless(io.RawIOBase):
    """A record that does not end while anybody waits for it."""

    left = 64

    def read(self, size):
        self.left -= 1
        return b"<review>\n<asin>\n".ljust(size, b"x") if self.left > 0 else b""


def test_a_record_that_never_ends_is_cut_and_counted(monkeypatch):
    monkeypatch.setattr(reviews, "MAX_RECORD", 1000)
    held = []
    split = reviews._pieces

    def watched(file, chunk):
        for piece, *about in split(file, chunk):
            held.append(len(piece))
            yield piece, *about

    monkeypatch.setattr(reviews, "_pieces", watched)
    tally = Tally()
    assert not list(parse(Endless(), tally, 500))
    assert (tally.seen, tally.bad) == (1, {"longer than 1000 bytes": 1})
    assert max(held) < 3000  # of 31,500 read


@pytest.mark.parametrize("chunk", [7, 100, 1 << 16])
def test_of_many_records_without_an_end_each_is_counted(monkeypatch, chunk):
    monkeypatch.setattr(reviews, "MAX_RECORD", 1000)
    records, tally = read(review().replace(b"</review>\n", b"") * 10 + review(), chunk)
    assert not records and tally.seen == 11
    assert tally.bad == {"longer than 1000 bytes": 1, "no </review> after it": 10}


@pytest.mark.parametrize("length", range(985, 1020))
def test_the_cut_does_not_depend_on_how_the_file_is_read(monkeypatch, length):
    monkeypatch.setattr(reviews, "MAX_RECORD", 1000)
    content = b"<review>\n".ljust(length, b"x") + b"\n</review>\n" + review()
    outcomes = [read(content, chunk) for chunk in (1, 7, 100, 999, 1 << 16)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert outcomes[0][1].seen == 2 and outcomes[0][1].kept == 1


TWO_IDS = review(unique_id="7\n</unique_id>\n<unique_id>\na:b:c")
SAMPLE = review() + TWO_IDS + review(rating="x") + review(reviewer="", date="") + review(asin="")
TAGS = [b"<review>", b"</review>", b"\n<review>\n", b"\n</review>\n", b"<asin>\n", b"\n</rating>", b"\n", b"\0"]
INSERTED = st.one_of(st.sampled_from(TAGS), st.binary(max_size=8))
EDIT = st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 60), INSERTED)


@settings(deadline=None, max_examples=300)
@given(edits=st.lists(EDIT, max_size=6), chunk=st.integers(1, 300))
def test_every_record_seen_is_kept_or_counted_whatever_the_bytes(edits, chunk):
    content = SAMPLE
    for start, removed, inserted in edits:
        content = content[:start] + inserted + content[start + removed :]
    records, tally = read(content, chunk)
    assert tally.seen == tally.kept + sum(tally.bad.values())
    assert tally.kept == len(records)
    assert tally.seen >= content.count(b"\n<review>")  # every opening on a line of its own is accounted for
    assert all(record.item and 1 <= record.rating <= 5 for record in records)
    assert (records, tally) == read(content)


@given(st.lists(st.sampled_from(["good", "bad", "unclosed"]), max_size=30))
def test_exactly_as_many_records_are_seen_as_were_written(kinds):
    kind = {"good": review(), "bad": review(rating="?"), "unclosed": review().replace(b"</review>\n", b"")}
    records, tally = read(b"".join(kind[name] for name in kinds), 500)
    assert tally.seen == len(kinds) and len(records) == kinds.count("good")
    assert tally.bad["a rating that is no number"] == kinds.count("bad")
    assert tally.bad["no </review> after it"] == kinds.count("unclosed")


@pytest.mark.skipif(not REAL.is_dir(), reason="the 4,000 real records are not here")
def test_real_records():
    for path in sorted(REAL.glob("*/*.review")):
        with open(path, "rb") as file:
            tally = Tally()
            records = list(parse(file, tally))
        assert (tally.seen, tally.kept, tally.bad) == (1000, 1000, {})
        assert tally.undated <= 1
        assert {record.rating for record in records} <= {1.0, 2.0, 4.0, 5.0}
        assert all(len(record.item) == 10 and record.title for record in records)
        assert all(record.unique_id.startswith(record.item + ":") for record in records)
        assert all(0 < record.timestamp < 1.2e9 for record in records if record.timestamp)
