"""The parsers against spoiled files: a sentence for the reader or ratings, no crash, no hang, no silent loss.

`./run_all.sh test -m fuzz` takes 100,000 files; a few hundred of the same are always tried.
"""

import io
import random

import fuzz
import numpy as np
import pytest

from adc.errors import UserError
from companion.data import amazon, reviews, schema, table
from companion.data.unpacking import unpacked

REAL = fuzz.real_reviews()
COLUMNS = ["domain", "user", "item", "rating"]


def check_reviews(number: int, _) -> None:
    rng = random.Random(f"reviews {number}")
    content, sound = fuzz.reviews(rng, REAL)
    most, tally, again = rng.choice((reviews.MAX_RECORD, 1 << 20, 400)), reviews.Tally(), reviews.Tally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reviews, "MAX_RECORD", most)
        records = list(reviews.parse(io.BytesIO(content), tally, rng.choice((7, 100, 1 << 16))))
        assert records == list(reviews.parse(io.BytesIO(content), again)) and tally == again  # in one chunk
    assert tally.usable == len(records) and tally.records == tally.usable + sum(tally.unusable.values())
    assert tally.records == fuzz.count_reviews(content, most)
    assert all(1 <= record.rating <= 5 for record in records)
    whole = [record.item for record in records if "\ufffd" not in record.item and " " not in record.item]
    assert all(item.encode() in content for item in whole)
    rows = iter((record.item, record.rating, record.reviewer) for record in records)
    assert most == 400 or all(row in rows for row in sound)  # in this order


def check_table(number: int, folder) -> None:
    content, rows, kind = fuzz.table(random.Random(f"tables {number}"))
    clean, dropped, what = checked(folder / "fuzz.csv", content, rows)
    if clean is not None and what.kind == "text" and kind in (",", "\t"):
        with unpacked(folder / "fuzz.csv") as stream:
            text = stream.read().decode(what.encoding, "surrogateescape").lstrip("\ufeff")
        records = fuzz.count_lines(text, what.separator) + (not what.header)
        assert len(clean) + dropped == records


def check_parquet(number: int, folder) -> None:
    content, rows = fuzz.parquet_table(random.Random(f"parquet {number}"))
    checked(folder / "fuzz.parquet", content, rows)


def checked(file, content: bytes, rows: list[dict] | None):
    """The ratings of a file, how many were merged, and how it was read; None where it is refused, as no sound
    one must be."""
    file.write_bytes(content)
    try:
        raw = table.read(table.Files((file,)))
        clean, dropped, _ = schema.check(raw.frame, str(file), raw.locate)
    except UserError as error:
        assert rows is None and str(error).startswith(str(file)), error
        return None, 0, None
    assert np.isfinite(clean["rating"]).all()
    assert not any("" in column.cat.categories for _, column in clean[COLUMNS[:3]].items())
    if rows is not None:
        for row, cells in zip(rows, clean[COLUMNS].itertuples(index=False), strict=True):
            assert list(cells[:3]) == [row[name].strip() for name in schema.KEY]
            assert cells[3] == np.float32(row["rating"])
    return clean, dropped["repeated"], raw.parts[0].what


def check_archive(number: int, folder) -> None:
    file = folder / "fuzz.tar.gz"
    file.write_bytes(fuzz.archive(random.Random(f"archives {number}")))
    try:
        records, tallies = amazon.read(file)
    except UserError as error:
        assert str(file) in str(error)
    else:
        assert len(records) == sum(tally.usable for tally in tallies.values())
        assert all(tally.records == tally.usable + sum(tally.unusable.values()) for tally in tallies.values())


CHECKS = {check_reviews: 0.75, check_table: 0.15, check_parquet: 0.05, check_archive: 0.05}  # shares


@pytest.mark.parametrize("check", CHECKS)
def test_a_few_spoiled_files(check, tmp_path):
    for number in range(int(600 * CHECKS[check])):
        check(number, tmp_path)


@pytest.mark.fuzz
@pytest.mark.parametrize("check", CHECKS)
def test_many_spoiled_files(check, tmp_path):
    for number in range(int(100_000 * CHECKS[check])):
        check(number, tmp_path)
