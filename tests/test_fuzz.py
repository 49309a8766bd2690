"""The parsers against spoiled files: a sentence for the reader or ratings, no crash, no hang, nothing lost unsaid.

`./run_all.sh test -m fuzz` takes 100,000 files; a few hundred of the same are always tried.
"""

import gzip
import io
import random

import fuzz
import numpy as np
import pytest

from adc.data import amazon, reviews, schema, table
from adc.errors import UserError

SHARES = {"reviews": 0.8, "tables": 0.1, "parquet": 0.05, "archives": 0.05}  # the first are a thirtieth of the work each


def check_reviews(number: int, _) -> None:
    rng = random.Random(f"reviews {number}")
    content, sound = fuzz.reviews(rng, REAL)
    most, tally = rng.choice((reviews.MAX_RECORD, reviews.MAX_RECORD, 400)), reviews.Tally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reviews, "MAX_RECORD", most)
        records = list(reviews.parse(io.BytesIO(content), tally, rng.choice((7, 100, 1 << 16))))
    assert tally.kept == len(records) and tally.seen == tally.kept + sum(tally.bad.values())
    assert tally.seen == fuzz.count_reviews(content, most)
    assert all(1 <= record.rating <= 5 for record in records)
    assert all(record.item.encode() in content for record in records if "\ufffd" not in record.item and " " not in record.item)
    kept = iter((record.item, record.rating, record.reviewer) for record in records)
    assert most == 400 or all(row in kept for row in sound)  # in this order


def check_tables(number: int, place) -> None:
    content, ending, rows = fuzz.text_table(random.Random(f"tables {number}"))
    clean, dropped = _checked(place / f"fuzz{ending}", content, rows)
    if clean is not None:
        text = (gzip.decompress(content) if ending.endswith(".gz") else content).decode("utf-8-sig")
        assert len(clean) + dropped == fuzz.count_lines(text, "\t" if ".tsv" in ending else ",")


def check_parquet(number: int, place) -> None:
    content, rows = fuzz.parquet_table(random.Random(f"parquet {number}"))
    _checked(place / "fuzz.parquet", content, rows)


def _checked(file, content: bytes, rows: list[dict] | None):
    """The ratings of a file and how many were merged; None where it is refused, which a sound one must not be."""
    file.write_bytes(content)
    try:
        clean, dropped = schema.check(table.read(file), str(file))
    except UserError as error:
        assert rows is None and str(error).startswith(str(file)), error
        return None, 0
    assert np.isfinite(clean["rating"]).all() and (clean[["domain", "user", "item"]] != "").all(axis=None)
    if rows is not None:
        wanted = [(row["domain"].strip(), row["user"].strip(), row["item"].strip(), np.float32(row["rating"])) for row in rows]
        assert [*clean[["domain", "user", "item", "rating"]].itertuples(index=False, name=None)] == wanted
    return clean, dropped["repeated"]


def check_archives(number: int, place) -> None:
    file = place / "fuzz.tar.gz"
    file.write_bytes(fuzz.archive(random.Random(f"archives {number}")))
    try:
        records, tallies = amazon.read(file)
    except UserError as error:
        assert str(file) in str(error)
    else:
        assert len(records) == sum(tally.kept for tally in tallies.values())
        assert all(tally.seen == tally.kept + sum(tally.bad.values()) for tally in tallies.values())


REAL = fuzz.real_reviews()
CHECKS = {"reviews": check_reviews, "tables": check_tables, "parquet": check_parquet, "archives": check_archives}


@pytest.mark.parametrize("what", CHECKS)
def test_a_few_spoiled_files(what, tmp_path):
    for number in range(int(600 * SHARES[what])):
        CHECKS[what](number, tmp_path)


@pytest.mark.fuzz
@pytest.mark.parametrize("what", CHECKS)
def test_many_spoiled_files(what, tmp_path):
    for number in range(int(100_000 * SHARES[what])):
        CHECKS[what](number, tmp_path)
