"""Nothing is altered without a word: ids, ratings and times as files have them; remarks on what is odd."""

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from tables import FOUR, ROWS, parquet, refused, text, written

from companion import data


def test_whole_floats_become_whole_numbers(tmp_path):
    users = pa.array([float(row[1][1:]) for row in ROWS])
    ratings = data.prepare(str(written(tmp_path, "floats.parquet", parquet(user=users))))
    assert set(ratings.users) == {str(user) for user in range(12)}
    assert "Column user: whole numbers written as floats" in " ".join(data.remarks(ratings))
    rows = [[row[0], f"{row[1][1:]}.0", *row[2:]] for row in [*ROWS, ["films", "u01", "i9", "3"]]]
    text_ = data.prepare(str(written(tmp_path, "text.csv", text(rows, FOUR))))
    assert {"1.0", "01.0"} <= {*text_.users}, "1.0 and 01.0 are not to become one"


@pytest.mark.parametrize(("kind", "words"), [
    (pa.float32(), "is a float of 16,777,216 or"), (pa.float16(), "'item': holds halffloat. Write it as"),
])  # fmt: skip
def test_ids_as_short_floats_are_refused_where_they_become_the_same(tmp_path, home, kind, words):
    cells = pa.array(2.0**24 + pd.RangeIndex(len(ROWS)).to_numpy()).cast(kind)
    refused(written(tmp_path, "short.parquet", parquet(item=cells)), home, words)


BAD_CELLS = {  # of a sound column a cell is this -> words
    ("timestamp", "2018-07-07", "NULL"): "line 92, column 'timestamp': 'NULL' is neither",
    ("timestamp", "2018-07-07 10:00:00", "0"): "line 92, column 'timestamp': '0' is neither",
    ("timestamp", "7/27/2018", "0000-00-00 00:00:00"): "line 92, column 'timestamp': '0000-00-00",
    ("timestamp", "1300000000", "1300000000000"): "'timestamp': 1300000000000.0 is in another unit",
    ("timestamp", "1300000000", "NULL"): "line 92, column 'timestamp': 'NULL' is neither",
    ("timestamp", "1300000000", ""): "is empty; 1 such in all. Mend or remove them; `--columns timestamp=`",
    ("item", "7", "1e+05"): "'1e+05' looks like a number that a spreadsheet shortened, or R",
    ("item", "i1", "9.78014E+12"): "'9.78014E+12' looks like a number that a spreadsheet shortened",
    ("item", "i1", "\u200b"): "is empty",
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CELLS)
def test_the_bad_cell_of_a_column_is_blamed_and_no_other(tmp_path, home, case):
    role, good, bad = case
    rows = [[*row, good] if role == "timestamp" else [*row, "1"] for row in ROWS]
    rows.append(["films", "u0", bad if role == "item" else "new", "3", bad if role == "timestamp" else "1"])
    refused(written(tmp_path, "bad.csv", text(rows)), home, BAD_CELLS[case])


ODD_CELLS = [  # role, how its cells are written, what is said, an id among them
    ("user", lambda u, k: f'"=""{u}"""' if k < 7 else u, 'blanks or ="…" around 7 ids', "u3"),
    ("user", lambda u, k: f"\ufeff{u}\u200b" if k < 7 else u, "blanks around 7 ids", "u3"),
    ("user", lambda u, k: f" {u} " if k < 7 else u, "blanks around 7 ids", "u3"),
    ("user", lambda u, k: "NULL" if u == "u3" else u, "'NULL' stands in 8 rows", "NULL"),
    ("user", lambda u, k: f"{u[1:]}.0", "whole numbers written as floats", "3"),
    ("user", lambda u, k: f"9007199254740993{u[1:]}.0", "whole numbers written", "90071992547409933"),
    ("user", lambda u, k: f"{int(u[1:]) - 1}.0", "whole numbers written as floats", "-1"),
    ("user", lambda u, k: f"{u[1:]},00", "whole numbers written as floats", "3"),
    ("user", lambda u, k: u if k < 45 else u.upper(), "24 ids differ only in case or zeros: 'U0'", "U3"),
    ("user", lambda u, k: "Total" if k > 88 else u, "'Total' stands in 1 rows as an id", "u3"),
    ("rating", lambda s, k: "1.230" if k % 2 else f"98{s}", "1.230 was taken for 1230", None),
    ("rating", lambda s, k: "83.333" if k % 2 else f"10{s}", "… a thousand?", None),
    ("rating", lambda s, k: f"{s}.234,50", "3.234,50 was taken for 3234.50", None),
    ("rating", lambda s, k: f'"{s},234.50"', "3,234.50 was taken for 3234.50", None),
    ("rating", lambda s, k: f"{s}/5", "3/5 was taken for 3", None),
    ("rating", lambda s, k: f"{s} €", "3 € was taken for 3", None),
    ("rating", lambda s, k: "1000" if k > 88 else s, "1.1% of the ratings are 1000, away", None),
    ("rating", lambda s, k: "1", "each item that a user rated is relevant (R24)", None),
    ("rating", lambda s, k: "4.0", "each item that a user rated is relevant (R24)", None),
    ("rating", lambda s, k: f"0,12{s}", "decimals are written with a comma", None),
]  # fmt: skip


@pytest.mark.parametrize(("role", "change", "words", "user"), ODD_CELLS)
def test_odd_cells_are_read_and_said(tmp_path, role, change, words, user):
    place = FOUR.split(",").index(role)
    rows = [[*row[:place], change(row[place], k), *row[place + 1 :]] for k, row in enumerate(ROWS)]
    ratings = data.prepare(str(written(tmp_path, "odd.csv", text(rows, FOUR, ";"))))
    assert words in " ".join(data.remarks(ratings))
    assert len(ratings.users) in (12, 13, 24) and (user is None or user in ratings.users)


@pytest.mark.parametrize(("column", "value", "words"), [
    ("item", 2.0**53, "9,007,199,254,740,992 or more, where ids that differ become the same"),
    ("user", 1.5, "is no whole number"),
    ("rating", None, "row 1, column 'rating': is empty; 1 such"),
    ("user", float("nan"), "row 1, column 'user': is empty"),
])  # fmt: skip
def test_floats_that_are_no_ids_and_gaps_are_refused(tmp_path, home, column, value, words):
    texts = pa.array([None, *(f"{k}.0" for k in range(1, len(ROWS)))])
    refused(written(tmp_path, "text.parquet", parquet(item=texts)), home, "row 1, column 'item': is empty")
    cells = pa.array([value, *map(float, range(1, len(ROWS)))], pa.float64())
    refused(written(tmp_path, "odd.parquet", parquet(**{column: cells})), home, words)


TIMES = {
    "2018-07-07 22:09:11": 1531001351.0, "2018-07-07": 1530921600.0, "2018-07-07T22:09:11Z": 1531001351.0,
    "Sat Jul 07 15:09:11 -0700 2018": 1531001351.0, "7/27/2018": 1532649600.0, "27/7/2018": 1532649600.0,
    "07 07, 2018": 1530921600.0, "July 7, 2018": 1530921600.0, "07-Jul-2018": 1530921600.0,
    "2018-07-07 22:09:11 UTC": 1531001351.0, "27-07-2018": 1532649600.0, "7/27/18 22:09": 1532729340.0,
    "Sat, 07 Jul 2018 22:09:11 GMT": 1531001351.0, "Sat Jul  7 22:09:11 UTC 2018": 1531001351.0,
    "Saturday, July 7th, 2018": 1530921600.0, "27.07.18": 1532649600.0, "07-JUL-18": 1530921600.0,
    "7/27/2018 10:09:11 PM": 1532729351.0, "1531001351000": 1531001351.0, "1531001351": 1531001351.0,
}  # fmt: skip


@pytest.mark.parametrize("cell", TIMES)
def test_times_are_seconds_since_1970_however_they_are_written(tmp_path, cell):
    rows = [[*row, f'"{cell}"'] for row in ROWS]
    ratings = data.prepare(str(written(tmp_path, "mine.csv", text(rows))))
    stored = pd.read_parquet(data.paths.processed(ratings.name) / "ratings.parquet")
    assert stored["timestamp"].unique().tolist() == [TIMES[cell]]


def test_empty_ratings_may_be_left_out(tmp_path):
    rows = [[*row[:3], ("", "NA", "3")[k % 3]] for k, row in enumerate(ROWS)]
    path = str(written(tmp_path, "gaps.csv", text(rows, FOUR)))
    ratings = data.prepare(path, reading={"not_a_rating": "empty"})
    assert data.manifest(ratings.name)["dropped"]["rating empty is not a rating"] == 60


def test_ids_of_parquet_may_be_long_decimals_or_floats_in_text(tmp_path):
    users = pa.array([Decimal(10**30 + int(row[1][1:])) for row in ROWS], pa.decimal256(40))
    items = pa.array([f"{row[2][1:]}.0" for row in ROWS])
    ratings = data.prepare(
        str(written(tmp_path, "odd.parquet", parquet(user=users, item=items))), write=False
    )
    assert str(10**30 + 3) in ratings.users and "3" in ratings.items[0]


def test_dates_of_parquet_are_seconds_too(tmp_path):
    for kind in (pa.date32(), pa.timestamp("ms"), pa.timestamp("ns", "UTC")):
        cells = pa.array([pd.Timestamp("2018-07-07")] * len(ROWS)).cast(kind)
        ratings = data.prepare(str(written(tmp_path, f"{kind.id}.parquet", parquet(timestamp=cells))))
        stored = pd.read_parquet(data.paths.processed(ratings.name) / "ratings.parquet")
        assert stored["timestamp"].unique().tolist() == [1530921600.0]


@pytest.mark.parametrize("odd", ["0", "-1", "99"])
def test_a_value_far_from_the_others_is_remarked(tmp_path, odd):
    rows = [[*row[:3], odd if k % 5 == 0 else row[3]] for k, row in enumerate(ROWS)]
    path = str(written(tmp_path, "far.csv", text(rows, FOUR)))
    assert f"20.0% of the ratings are {odd}, away" in " ".join(data.preview(path))
    assert not any("away" in remark for remark in data.preview(path, {"not_a_rating": odd}))
