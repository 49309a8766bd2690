"""Files as people have them, more of them: what stood for a rating and is none, and lines that are told."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import BARE, FOUR, ROWS, by_arrow, refused, text, written

from companion import data
from companion.data import columns

RECORDS = [dict(zip(FOUR.split(","), [*row[:3], int(row[3])])) for row in ROWS]
BY_USER = [[row[1], row[0], row[2]] for row in BARE]  # item, user, rating
NUMBERS = [[row[0][1:], row[1][1:], row[2]] for row in BARE]
ODD = [[f"B00000000{row[1][1:]}", "#oc-R1" if k in (0, 7) else f"A123456789{row[0].upper()}", *row[2:]]
       for k, row in enumerate(BARE)]  # fmt: skip
MARKET = f"%%MatrixMarket matrix coordinate integer general\n%\n12 5 45\n{text(NUMBERS, '', ' ')}"
HEADERLESS = "There is no header; the columns are taken for user, item, rating, timestamp"
READ = {  # name -> content, how many ratings, what is told
    "errors.json": (json.dumps({"errors": [], "ratings": RECORDS}), 90, "Not used: errors."),
    "users.json": (json.dumps({"users": [{"user": 1}], "ratings": RECORDS}, indent=1), 90, "Not used: users"),
    "marked.json": ("\ufeff" + json.dumps({"ratings": RECORDS}), 90, ""),
    "u.data": (text(BARE, "", "\t"), 45, HEADERLESS), "ratings.dat": (text(BARE, "", "::"), 45, HEADERLESS),
    "Books.csv": (text(BARE, ""), 45, HEADERLESS), "blanks.txt": (text(BARE, "", " "), 45, HEADERLESS),
    "three.csv": (text([row[:3] for row in BARE], ""), 45, "taken for user, item, rating (if"),
    "m.mtx": (MARKET, 45, "no header"),
    "hash.txt": (text(BY_USER, "# item,user,rating", " "), 45, ""),
    "percent.txt": (text(BY_USER, "%item,user,rating", "  "), 45, ""),
    "some.txt": (text(BY_USER, "# asin,user,overall", " "), 45, "item is 'asin'"),
    "twice.txt": (text(BY_USER, "## Columns: item,user,rating", " "), 45, ""),
    "slashes.tsv": (text(BY_USER, "// item,user,rating", "\t"), 45, ""),
    "prose.csv": (f"# each user rated an item\n{text(BARE, '')}", 45, "What stands above the table was left"),
    "Amazon.csv": (text(ODD, ""), 45, "taken for item, user, rating, timestamp"),
    "Books.csv.zst": (by_arrow(text(BARE, ""), "zstd"), 45, "is the domain 'Books'"),
    "Books.tsv.lz4": (by_arrow(text(BARE, ""), "lz4"), 45, "is the domain 'Books'"),
    "Books.tab": (text(BARE, "", "\t"), 45, "is the domain 'Books'"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_all_ratings_are_read_and_nothing_else(tmp_path, name):
    content, count, words = READ[name]
    ratings = data.prepare(str(written(tmp_path, name, content)))
    assert len(ratings.rating) == count and ratings.rating.max() <= 5
    assert words in " ".join(data.remarks(ratings))
    assert {user[:1] for user in ratings.users} <= {*"uA#1234567890"}
    if name != "Amazon.csv":
        rows = {
            (row.user.strip("u"), row.item.strip("i")): row.rating for row in ratings.frame().itertuples()
        }
        assert rows == {(user, item): float(rating) for user, item, rating in NUMBERS}
    assert ratings.p == 2 or ratings.domains == [columns.stem(Path(name))]


LISTS = json.dumps({"count": 90, "train": RECORDS[:40], "it's": RECORDS[40:]})
WIDE = pd.DataFrame(np.arange(84).reshape(12, 7) % 5 + 1.0).where(lambda frame: frame > 1)
WIDE.columns, WIDE.index = [f"0{k}" for k in range(7)], [f"00{k}" for k in range(12)]
MATRIX = int(WIDE.notna().sum().sum())
PAIRS = [[row[1], row[2]] for row in ROWS[:45]]
EXPORT = [[f"tt{k}", str(k % 9), f"2018-01-0{1 + k % 9}", f"A Film {k}", "7.1"] for k in range(90)]
MADE = {  # name -> content and how many ratings the file has that the line makes
    "lists.json": (LISTS, 90),
    "named.csv": (WIDE.to_csv(index_label="user"), MATRIX), "bare.csv": (WIDE.to_csv(), MATRIX),
    "numbers.csv": (WIDE.set_axis(range(7), axis=1).to_csv(), MATRIX),
    "gaps.tsv": (WIDE.to_csv(sep="\t", na_rep="NA"), MATRIX),
    "ids.csv": (WIDE.set_axis(range(101, 108), axis=1).to_csv(sep=";"), MATRIX),
    "jester.csv": (WIDE.to_csv(header=False, index=False), MATRIX),
    "users.csv": (WIDE.set_axis([f"u{k}" for k in range(12)]).to_csv(header=False), MATRIX),
    "comma.csv": (text(PAIRS, "user,item"), 45), "tab.tsv": (text(PAIRS, "user,item", "\t"), 45),
    "dos.csv": (text(PAIRS, "user,item", end="\r\n"), 45), "blanks.txt": (text(PAIRS, "user,item", "  "), 45),
    "first.csv": (text(PAIRS, ""), 45), "old_mac.csv": (text(PAIRS, "", end="\r"), 45),
    "utf16.csv": (text(PAIRS, "user,item").encode("utf-16"), 45),
    "sep.csv": (f"sep=;\n{text(PAIRS, '', ';')}", 45),
    "more.csv": (text([[*row, "seen"] for row in PAIRS], "user,item,event", "::"), 45),
    "pattern.mtx": (re.sub(r"(?m)^(\d+ \d+) \d$", r"\1", MARKET.replace("integer", "pattern")), 45),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_the_line_that_is_told_makes_a_file_that_is_read(tmp_path, home, name):
    content, count = MADE[name]
    path, new = written(tmp_path, name, content), tmp_path / f"new.{name.rpartition('.')[2]}"
    line = re.search(r"`\./run_all\.sh python (.*?)`", refused(path, home))[1]
    words = [word.replace("FILE", str(path)).replace("NEW", str(new)) for word in shlex.split(line)]
    subprocess.run([sys.executable, "-W", "error::FutureWarning", *words], check=True)
    ratings = data.prepare(str(new), write=False)
    assert len(ratings.rating) == count
    if count == MATRIX:
        assert 1 < ratings.rating.min() and ratings.rating.max() == 5 and len(ratings.items[0]) == 7
        assert name == "jester.csv" or {*ratings.users} <= {*WIDE.index, *(f"u{k}" for k in range(12))}


ASKED = {  # name -> content, words that are told, the option in them, how many ratings it finds
    "pandas.csv": (text(NUMBERS, "0,1,2"), "If the first line is a rating", "user=0,item=1,rating=2", 45),
    "index.csv": (text([[str(k), *row] for k, row in enumerate(NUMBERS)], "index,0,1,2"), "index, 0",
                  "user=0,item=1,rating=2", 45),
    "one_name.csv": (text(NUMBERS, "user,0,1"), "Found: user, 0, 1", "item=0,rating=1", 45),
    "seen.tsv": (text([["u1", "2009-05-04T23:08:57Z", "a", f"b{k}"] for k in range(20)], ""), "ones", "", 0),
    "places.csv": (text([[row[0], "2010-10-19", "30.235909116", row[1]] for row in BARE], ""), "ones", "", 0),
    "export.csv": (text(EXPORT, "Const,Your Rating,Date Rated,Title,Mean"), "Found: Const, Your R", "", 0),
    "half.csv": (text([*ODD[:20], *([*row[:1], "R1", *row[2:]] for row in ODD[:20])], ""), "may be the user",
                 "user=2,item=1,rating=3,timestamp=4", 25),
    "long.csv": (text(ROWS, f"domain,{'who is it ' * 7},item,rating"), "no column 'user'", "user=2", 90),
    "ids.jsonl": ("".join(json.dumps(dict(zip(("at", "who", "what", "how"), ["2018-01-02", *row]))) + "\n"
                          for row in BARE), "Found: at", "user=who,item=what,rating=how", 45),
    "dump.sql": ("-- of 2018\nINSERT INTO `r` VALUES ('u1','i1',5);\n" * 9, "is SQL", "", 0),
    "review.csv": (text([[*row, '"a\ninsert into b"'] for row in ROWS], "domain,who,item,rating,it"), "Found",
                   "user=who", 90),
    "bare.xml": ('<row user="u1" item="i1" rating="5"/>\n' * 9, "is XML", "", 0),
    "r.arff": ("% of 2018\n@RELATION r\n@ATTRIBUTE user string\n@DATA\n1,2,3\n", "is ARFF", "", 0),
    "r.yaml": ("- user: u1\n  item: i1\n  rating: 5\n" * 9, "is YAML", "", 0),
    "tuples.txt": ("('u1', 'i1', 5)\n" * 9, "is code", "", 0),
    "one.jsonl": ('{"user": 1, "item": 2}\n' * 9, "of ones named rating where the file is made.", "", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_what_is_offered_fits_the_cells_and_works(tmp_path, home, name):
    content, words, option, count = ASKED[name]
    path = written(tmp_path, name, content)
    message = refused(path, home, words)
    told = re.search(r"`--columns ([^`]*)`", message)
    assert (shlex.split(told[1])[0] if told else "") == option or not option
    assert option or not told or "rating=" not in told[1]
    if option:
        assert len(data.prepare(str(path), reading={"columns": option}, write=False).rating) == count


def test_a_number_that_is_a_name_counts_no_columns(tmp_path, home):
    path = written(tmp_path, "pandas.csv", text(NUMBERS, ",0,1"))
    refused(path, home, "no column '2' (--columns item=2)", reading={"columns": "user=1,item=2,rating=3"})


def test_what_was_given_stands_in_what_is_told(tmp_path, home):
    path = written(tmp_path, "mine.csv", text(BARE, "who,what,mark,at"))
    refused(path, home, "`--columns item=what,user=who,rating=mark`", reading={"columns": "item=what"})


def test_a_name_without_its_endings():
    assert [columns.stem(Path(name)) for name in ("a.b.csv.zst", "u.data", "x.mtx.gz")] == ["a.b", "u", "x"]


@pytest.mark.parametrize("key", [b"\xff", rb"\udcff"])
def test_a_key_of_json_that_is_no_unicode_is_a_column_as_any(tmp_path, key):
    line = b'{"domain": "%s", "user": "%s", "item": "%s", "rating": %s, "' + key + b'": 1}\n'
    content = b"".join(line % tuple(cell.encode() for cell in row) for row in ROWS)
    ratings = data.prepare(str(written(tmp_path, "keys.jsonl", content)), write=False)
    assert len(ratings.rating) == len(ROWS)
