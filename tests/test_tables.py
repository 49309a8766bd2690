"""Own tables: every kind of bad input is refused with its cause and leaves the data folder as it was."""

import errno
import gzip
import io
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import BARE, FOUR, HEADER, ROWS, parquet, refused, sound, text, written

from adc.errors import UserError
from companion import data
from companion.data import table


def zipped(text):
    return gzip.compress(text.encode())


FLAT = "".join(f"{domain},u{i},i{i % 3},{i % 5}\n" for i in range(40) for domain in ("songs", "plays"))
BAD = {
    "zero.csv": ("", ["0 bytes"]),
    "blank.csv": ("\n\n", ["holds no text"]),
    "header.csv": (HEADER, ["only a header"]),
    "zero.csv.gz": ("", ["0 bytes"]),
    "hollow.csv.gz": (zipped(""), ["0 bytes"]),
    "short.csv.gz": (zipped(sound())[:-20], ["truncated"]),
    "flipped.csv.gz": (zipped(sound())[:-8] + b"\0" * 8, ["not a sound gzip"]),
    "latin1.csv": (sound().encode() + b"books,Andr\xe9,i,3\n", ["line 92", "(0xe9) is not UTF-8", "iconv"]),
    "utf16.csv": (sound().encode("utf-16")[:-1], ["not sound utf-16-le text", "UTF-8"]),
    "ragged.csv": (sound() + "books,u,i\n", ["line 92", "3 columns", "names 4"]),
    "wide.csv": (sound() + "books,u,i,3,4\n", ["line 92", "5 columns"]),
    "quote.csv": (sound() + 'books,"u,i,3\nbooks,v,i,3\n', ["line 92", "double quote"]),
    "column.csv": (sound().replace("rating\n", "mark\n"), ["no column 'rating'", "`--columns rating=mark`"]),
    "colon.csv": (
        sound().replace(",", "-"),
        ["is one column cut at", "';', tab, '|', '::'", "domain-user-item-rating", "`--separator '~'`"],
    ),
    "word.csv": (sound() + "books,u,i,good\n", ["line 92, column 'rating'", "'good'"]),
    # lines are counted as an editor does
    "gaps.csv": (f'{HEADER}\nfilms,u,"two\nlines",3\n\nfilms,u,i2,three\n', ["line 6, column 'rating'"]),
    "stray.csv": (f'{HEADER}a,"u,i,3\na,v,i,4\na,w,i,5\na",i,5\n', ["line 2: a double quote", "'a,v,i,4'"]),
    "stray.tsv": (
        'user\titem\trating\ttext\nu\ti\t3\t"a\nv\tj\t5\tof 12"\n',
        ["has 2 ratings", "Double quotes were"],
    ),
    "nouser.csv": (sound() + "books,,i,3\n", ["line 92, column 'user'", "empty"]),
    "twice.csv": (sound() + "books,u,i,3\nbooks,u,i,4\n", ["lines 92, 93", "'u'", "'timestamp'"]),
    "marks.csv": (
        "domain,user,item,rating\n" + "books,u,i,★★\nbooks,v,i,★\n",
        ["'★★' is not a finite number", "Ratings are numbers", "(★★★ as 3)"],
    ),
    "thousands.csv": (
        sound() + 'books,u,i,"1,234"\nbooks,v,i,"987"\nbooks,w,i,"2,511"\n',
        ["a thousand? Write 1234 or 1.234"],
    ),
    "alike.csv": (
        HEADER + "".join(f"books,u{k},i{k % 7},{10**8 + k}\n" for k in range(99)),
        ["all ratings lie between 100000000 and", "Subtract"],
    ),
    "doubles.csv": (
        text([(k, f"{9007199254740994 if u == 'u10' else u[1:]}.0", i, r) for k, u, i, r in ROWS], FOUR),
        ["float of 9,007,199,254,740,992 or more"],
    ),
    "scales.csv": (
        text([[*row[:3], f"3/{5 + 5 * (k % 2)}"] for k, row in enumerate(ROWS)], FOUR),
        ["column 'rating': '3/5' is not"],
    ),
    "footer.csv": (
        sound() + "(90 rows affected)\n",
        ["line 92", "Is '(90 rows affected)' a line of the table"],
    ),
    "spark.csv": (
        "domain,user,item,rating,title\n" + 'books,u,i,3,"He said \\"no, no\\", twice"\n',
        ["line 2", 'not doubled ("", not \\")'],
    ),
    "flat.csv": (sound() + FLAT, ["nobody can be evaluated in domain 'plays', 'songs'", "Remove the domain"]),
    "torn.parquet": ("PAR1 and no more", ["not a sound Parquet file"]),
    "cut.parquet": (parquet()[:-30], ["not a sound Parquet file"]),
    "name.parquet": (parquet().replace(b"user", b"\xc6ser"), ["not a sound Parquet file"]),
    "mine.zip": ("PK\3\4", ["not a sound gzip, xz or zip file"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table_is_refused_and_leaves_nothing(tmp_path, home, name):
    content, words = BAD[name]
    refused(written(tmp_path, name, content), home, name, *words)


NO_UTF8 = pa.Array.from_buffers(pa.string(), 90, pa.array([b"\xff\xfe"] * 90).buffers())


@pytest.mark.parametrize(("column", "cells", "words"), [
    ("user", pa.array([b"ann"] * 90), "column 'user': holds binary. Write it as text or as numbers"),
    ("item", pa.array([["i"]] * 90), "column 'item': holds list"),
    ("rating", pa.array([True] * 90), "column 'rating': holds bool"),
    ("rating", pa.array([10**9] * 90, pa.timestamp("s")), "column 'rating': holds timestamp"),
    ("title", NO_UTF8, "not a sound Parquet file"),
])  # fmt: skip
def test_a_parquet_column_of_another_kind_is_refused(tmp_path, home, column, cells, words):
    refused(written(tmp_path, "mine.parquet", parquet(**{column: cells})), home, "mine.parquet", words)


@pytest.mark.parametrize("domain", ["films", None])
def test_files_of_two_kinds_are_one_dataset(tmp_path, domain):
    frame = pd.read_csv(io.StringIO(sound(domains=("films",))))
    frame = frame if domain else frame.drop(columns="domain")  # then it is the file's name
    frame.to_parquet(tmp_path / "films.parquet")
    books = written(tmp_path, "first.csv", sound(domains=("books",)))
    ratings = data.load(data.prepare([str(books), str(tmp_path / "films.parquet")]).name)
    assert sorted(ratings.domains) == ["books", "films"] and len(ratings.rating) == 2 * len(frame)


def test_one_value_is_one_as_text_and_as_a_number(tmp_path):
    rows = [[row[0], row[1][1:], row[2], f"{row[3]}.0"] for row in ROWS]
    texts = [written(tmp_path, f"{domain}.csv", text([row for row in rows if row[0] == domain], FOUR))
             for domain in ("films", "books")]  # fmt: skip
    users = pa.array([int(row[1]) for row in rows if row[0] == "films"])
    frame = pd.DataFrame(rows, columns=FOUR.split(",")).query("domain == 'films'").astype({"rating": float})
    frame.assign(user=users).to_parquet(tmp_path / "films.parquet")
    mixed = data.prepare([str(texts[1]), str(tmp_path / "films.parquet")], write=False)
    pd.testing.assert_frame_equal(mixed.frame(), data.prepare([*map(str, texts)], write=False).frame())


@pytest.mark.parametrize("mark", ["--", "---", "#", "//"])
def test_ids_that_begin_as_comments_do_are_ids(tmp_path, mark):
    bare = [(mark + row[0] if k < 9 else row[0], *row[1:]) for k, row in enumerate(BARE)]
    users = data.prepare(str(written(tmp_path, "yelp.csv", text(bare, ""))), write=False).frame()["user"]
    assert sorted(users) == sorted(row[0] for row in bare)


def test_of_a_folder_nothing_is_left_out_unsaid(tmp_path, home):
    frame = pd.read_csv(io.StringIO(sound()))
    for number, name in enumerate(("a.parquet", "_b.parquet", "C.PARQUET", "_SUCCESS", "_metadata")):
        folder = tmp_path / "ratings"
        folder.mkdir(exist_ok=True)
        written(folder, name, b"") if number > 2 else frame.iloc[number::3].to_parquet(folder / name)
    assert len(data.prepare(str(folder), write=False).rating) == len(frame)
    bare = frame.drop(columns="domain").drop_duplicates(["user", "item"])
    for number in range(2):
        (tmp_path / "flat").mkdir(exist_ok=True)
        bare.iloc[number::2].to_parquet(tmp_path / "flat" / f"{number}.parquet")
    assert "all of its 2 files are the domain 'flat'" in " ".join(data.preview(str(tmp_path / "flat")))
    written(folder, "rest.csv", sound())
    refused(folder, home, "holds rest.csv beside Parquet files")
    for name in ("metadata", "data"):
        (folder / name).mkdir()
    refused(folder, home, "is an Iceberg table")


def test_missing_unreadable_file_pipe_and_folder_are_refused(tmp_path, home, monkeypatch):
    os.mkfifo(tmp_path / "pipe.csv")
    refused(tmp_path / "pipe.csv", home, "is a pipe or a device")
    refused(tmp_path / "gone.csv", home, "gone.csv", "no such file")
    refused(f"./{'long' * 80}.csv", home, "no such file")
    refused("~nobody/mine.csv", home, "no such file")
    refused("gone.csv", home, os.path.join(os.getcwd(), "gone.csv"))
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv", home, "is a folder without Parquet files")

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    path = written(tmp_path, "mine.csv", sound())
    with monkeypatch.context() as patch, pytest.raises(UserError, match="cannot be read .Permission denied"):
        patch.setattr(Path, "open", denied)
        data.prepare(str(path))


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(table.ENDINGS))
def test_no_bytes_whatever_raise_anything_but_a_user_error(tmp_path_factory, content, ending):
    path = written(tmp_path_factory.mktemp("any"), f"any{ending}", content)
    try:
        table.read(table.Files((path,)))
    except UserError as error:
        assert "any" in str(error)
