"""Own tables: every kind of bad input is refused with its cause and leaves the data folder as it was."""

import errno
import gzip
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import HEADER, home, refused, sound, written  # noqa: F401

from adc import data
from adc.data import table
from adc.errors import UserError

# own tables


def parquet(folder):
    pd.read_csv(written(folder, "as.csv", sound())).to_parquet(folder / "mine.parquet")
    return folder / "mine.parquet"


@pytest.mark.parametrize("name", ["mine.csv", "mine.tsv", "MINE.CSV", "mine.csv.gz", "mine.tsv.gz", "mine.parquet"])
def test_every_kind_of_table_gives_the_same_ratings(tmp_path, name):
    text = sound().replace(",", "\t") if ".tsv" in name else sound()
    if name == "mine.parquet":
        path = parquet(tmp_path)
    else:
        path = written(tmp_path, name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    expected = data.prepare(str(written(tmp_path, "plain.csv", sound())))
    ratings = data.prepare(str(path))
    assert ratings.name.startswith("mine-")
    pd.testing.assert_frame_equal(ratings.frame(), expected.frame())


def test_ids_are_text_as_written(tmp_path):
    extra = 'books,007,"a, ""b""",4\nbooks,7,Ünï用户,2\nbooks,NA,null,3\n'
    ratings = data.prepare(str(written(tmp_path, "ids.csv", "\ufeff" + sound() + extra)))
    assert {"007", "7", "NA"} <= set(ratings.users)
    assert {'a, "b"', "Ünï用户", "null"} <= set(ratings.items[ratings.index("books")])


def test_lines_are_counted_as_an_editor_does(tmp_path, home):
    text = f"{HEADER}\nfilms,u,\"two\nlines\",3\n\nfilms,u,i2,three\n"
    refused(written(tmp_path, "gaps.csv", text), home, "gaps.csv, line 6, column 'rating': 'three'")


BAD = {
    "zero.csv": (b"", ["0 bytes"]),
    "blank.csv": (b"\n\n", ["holds no text"]),
    "header.csv": (HEADER.encode(), ["only a header"]),
    "zero.csv.gz": (b"", ["0 bytes"]),
    "hollow.csv.gz": (gzip.compress(b""), ["holds no text"]),
    "plain.csv.gz": (sound().encode(), ["not a sound gzip file"]),
    "short.csv.gz": (gzip.compress(sound().encode())[:-20], ["truncated"]),
    "flipped.csv.gz": (gzip.compress(sound().encode())[:-8] + b"\0" * 8, ["not a sound gzip file"]),
    "latin1.csv": (sound().encode() + b"books,Andr\xe9,i,3\n", ["line 92", "(0xe9) is not UTF-8", "iconv"]),
    "utf16.csv": (sound().encode("utf-16"), ["line 1", "byte 0", "not UTF-8"]),
    "ragged.csv": ((sound() + "books,u,i\n").encode(), ["line 92", "3 columns", "names 4"]),
    "wide.csv": ((sound() + "books,u,i,3,4\n").encode(), ["line 92", "5 columns"]),
    "quote.csv": ((sound() + 'books,"u,i,3\nbooks,v,i,3\n').encode(), ["line 92", "double quote"]),
    "column.csv": (sound().replace("rating\n", "stars\n").encode(), ["no column 'rating'", "user, item, stars"]),
    "semicolon.csv": (sound().replace(",", ";").encode(), ["no column 'domain', 'user'", "user;item;rating"]),
    "word.csv": ((sound() + "books,u,i,good\n").encode(), ["line 92, column 'rating'", "'good'"]),
    "inf.csv": ((sound() + "books,u,i,inf\n").encode(), ["line 92, column 'rating'", "'inf'"]),
    "nan.csv": ((sound() + "books,u,i,NaN\n").encode(), ["line 92, column 'rating'", "'NaN'"]),
    "nouser.csv": ((sound() + "books,,i,3\n").encode(), ["line 92, column 'user'", "empty"]),
    "twice.csv": ((sound() + "books,u,i,3\nbooks,u,i,4\n").encode(), ["lines 92, 93", "'u'", "'timestamp'"]),
    "small.csv": ((sound() + "songs,u,i,3\n").encode(), ["domain 'songs' has 1 ratings"]),
    "many.csv": ((HEADER + "".join(f"d{i},u,i,3\n" for i in range(51))).encode(), ["51 domains", "at most 50"]),
    "torn.parquet": (b"PAR1 and no more", ["not a sound Parquet file"]),
    "mine.xlsx": (b"PK", ["unknown kind of file", ".csv.gz"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table_is_refused_and_leaves_nothing(tmp_path, home, name):
    content, words = BAD[name]
    refused(written(tmp_path, name, content), home, name, *words)


def test_truncated_parquet_is_refused_and_leaves_nothing(tmp_path, home):
    path = parquet(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    refused(path, home, "mine.parquet", "not a sound Parquet file")


@pytest.mark.parametrize(
    ("column", "cells", "told"),
    [
        ("user", pa.array([b"ann"] * 90), "column 'user': holds binary. Write it as text or as numbers"),
        ("item", pa.array([["i"]] * 90), "column 'item': holds list"),
        ("rating", pa.array([True] * 90), "column 'rating': holds bool"),
        ("rating", pa.array([10**9] * 90, pa.timestamp("s")), "column 'rating': holds timestamp"),
        ("title", pa.Array.from_buffers(pa.string(), 90, pa.array([b"\xff\xfe"] * 90).buffers()), "not a sound Parquet file"),
    ],
)
def test_a_parquet_column_of_another_kind_is_refused(tmp_path, home, column, cells, told):
    frame = pd.read_csv(written(tmp_path, "as.csv", sound()), dtype=str)
    assert len(frame) == 90
    columns = {name: pa.array(frame[name]) for name in frame} | {column: cells}
    pq.write_table(pa.table(columns), tmp_path / "odd.parquet")
    refused(tmp_path / "odd.parquet", home, "odd.parquet", told)


def test_missing_file_and_folder_are_refused(tmp_path, home):
    refused(tmp_path / "gone.csv", home, "gone.csv", "no such file")
    refused("gone.csv", home, os.path.join(os.getcwd(), "gone.csv"))
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv", home, "is a folder")


def test_unreadable_file_is_refused(tmp_path, home, monkeypatch):
    def denied(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    path = written(tmp_path, "mine.csv", sound())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", denied)
        with pytest.raises(UserError, match="cannot be read .Permission denied"):
            data.prepare(str(path))


def test_domain_without_a_user_to_evaluate_is_refused_by_name(tmp_path, home):
    flat = "".join(f"songs,u{i},i{i % 3},5\n" for i in range(40))
    path = written(tmp_path, "flat.csv", sound() + flat)
    refused(path, home, "flat.csv", "nobody can be evaluated in domain 'songs'", "Remove the domain")


def test_one_domain_is_allowed_with_a_remark(tmp_path, capsys):
    assert data.prepare(str(written(tmp_path, "one.csv", sound(domains=["films"])))).p == 1
    assert "one domain only, 'films'" in capsys.readouterr().out


@given(st.binary(max_size=300), st.sampled_from(table.ENDINGS))
def test_no_bytes_whatever_raise_anything_but_a_user_error(tmp_path_factory, content, ending):
    path = written(tmp_path_factory.mktemp("any"), f"any{ending}", content)
    try:
        table.read(path)
    except UserError as error:
        assert "any" in str(error)
