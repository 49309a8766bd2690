"""Files as people have them: what a file is, and its columns, is seen and said, or asked for in words."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tables import BARE, FOUR, ROWS, STAMPED, by_arrow, parquet, refused, text, written

from adc.errors import UserError
from companion import data
from companion.data import table

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
MINE = ("02", "04", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18")
REFUSED = {  # files of the cases that nobody can read without asking
    "bx_ratings.csv": "lines 6, 482: user '270000' rated item",  # it contradicts itself
    "big_float_ids.parquet": "where ids that differ become the same",
    "null_rating.parquet": "row 4, column 'rating': is empty",
}


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name if "DS_Store" in name else f"{name}.csv", content)
    return out.getvalue()


def parquet_of_two_titles():
    table_, out = pq.read_table(io.BytesIO(parquet(title=["a"] * 90, other=["b"] * 90))), io.BytesIO()
    pq.write_table(table_.rename_columns([*FOUR.split(","), "title", "title"]), out)
    return out.getvalue()


def records(**names):
    keys = {name: names.get(name, name) for name in ("domain", "user", "item", "rating")}
    return [dict(zip(keys.values(), [*row[:3], float(row[3])])) for row in ROWS]


PLAIN = text(ROWS, "domain,user,item,rating")
SAME = {  # name -> content; all are the same ratings
    "broken_bar.csv": "sep=¦\n" + text(STAMPED, separator="¦"),
    "semicolon.csv": text(STAMPED, separator=";"), "tab.csv": text(STAMPED, separator="\t"),
    "bar.txt": text(STAMPED, separator="|"), "colons.dat": text(STAMPED, separator="::"), "comma.tsv": PLAIN,
    "sep.csv": "sep=;\r\n" + text(STAMPED, separator=";", end="\r\n"),
    "sep_comma.csv": '"sep=,"\n' + PLAIN,
    "empty_columns.csv": text([[*row, "", ""] for row in STAMPED], "domain,user,item,rating,timestamp,,"),
    "empty_ends.csv": text([[*row, ""] for row in ROWS], "domain,user,item,rating"),
    "row_numbers.csv": text([[str(k), *row] for k, row in enumerate(ROWS)], ",domain,user,item,rating"),
    "two_marks.csv": b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN.encode(),
    "utf16.csv": PLAIN.encode("utf-16"), "utf16be.csv": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "utf16_bare.csv": PLAIN.encode("utf-16-le"), "utf32.csv": PLAIN.encode("utf-32"),
    "gzip.csv": gzip.compress(PLAIN.encode()), "plain.csv.gz": PLAIN,
    "bzip.csv": bz2.compress(PLAIN.encode()), "xz.csv": lzma.compress(PLAIN.encode()),
    "zip.csv": zipped(**{"one": PLAIN, "__MACOSX/one": "", "a/.DS_Store": ""}), "no_ending": PLAIN,
    "parquet.csv": parquet(), "parquet.gz": gzip.compress(parquet()),
    "empty_rows.csv": PLAIN + ",,,\n , ,,\n", "empty_stamped.csv": text(STAMPED) + ",,,,\n" * 3,
    "dos.csv": PLAIN + "  \n\x1a",
    "recbole.inter": text(ROWS, "domain:token,user_id:token,item_id:token,rating:float", "\t"),
    "lines.csv": "".join(json.dumps(row) + "\n" for row in records()),
    "names.jsonl": "".join(json.dumps(row) + "\n\n" for row in records(user="reviewerID", rating="overall")),
    "brackets.csv": text(ROWS, "[domain],[user],[item],[rating]"),
    "nested.json": json.dumps([{**row, "book": {"title": "x", "id": 1, "score": 9}} for row in records()]),
    "guids.csv": text([[*row, "{6F96-1}"] for row in ROWS], f"{FOUR},{{id}}"),
    "array.json": json.dumps(records(), indent=1),
    "python.json": "".join(f"{row}\n" for row in records()),
    "long.csv": text([[*row, "x" * 200_000 * (row is ROWS[0])] for row in ROWS], f"{FOUR},text"),
    "quotes.csv": text([[f'"{cell}"' for cell in row] for row in ROWS], '"domain","user","item","rating"'),
    "stray.tsv": text([[*row, 'a 5" disc'] for row in ROWS], "domain,user,item,rating,note", "\t"),
    "old_mac.csv": PLAIN.replace("\n", "\r"), "Names.csv": text(ROWS, "Category,User-ID,ISBN,Book-Rating"),
    "comments.csv": f"# of 2018, all\n% 90 rows\n{PLAIN}", "titled.csv": f"Ratings of 2018,,,\n,,,\n{PLAIN}",
    "row_names.txt": text([[f'"{k}"', *row] for k, row in enumerate(ROWS, 1)], FOUR, " "),
    "printed.txt": pd.DataFrame(ROWS, columns=FOUR.split(",")).to_string(),
    "aligned.txt": text([[f"{cell:>9}" for cell in row] for row in ROWS], FOUR, " "),
    "quoted_after_blanks.csv": text([[f'"{cell}"' for cell in row] for row in ROWS], FOUR, "; "),
    "caret.csv": text(ROWS, FOUR, "^"), "control_a.txt": text(ROWS, FOUR, "\1"),
    "joined.csv": f"\ufeff{text(ROWS[:50], FOUR)}\ufeff{text(ROWS[50:], FOUR)}",
    "joined_times.tsv": text(STAMPED[:50], separator="\t") + text(STAMPED[50:], separator="\t"),
    "crashed.csv": PLAIN.encode() + b"\0" * 512, "utf32_bare.csv": PLAIN.encode("utf-32-le"),
    "units.csv": text(ROWS, "domain,user,item,rating (1-5)"), "lzma.csv": lzma.compress(PLAIN.encode(), 2),
    "bare_quotes.tsv": text([[*row, '"best" ever', 'an "odd'] for row in ROWS], f"{FOUR},a,b", "\t"),
    "object.json": json.dumps({"count": 90, "ratings": records()}, indent=1),
    "object_line.json": json.dumps({"ratings": records()}),
    **{f"{how}.json": pd.DataFrame(records()).to_json(orient=how)
       for how in ("columns", "index", "split", "table", "records")},
    "ends.csv": "".join(line + "," * (k % 3) + "\n" for k, line in enumerate(PLAIN.splitlines(), 1)),
    "decimals.csv": text([[*row[:3], f"{row[3]},0"] for row in ROWS], FOUR, ";"),
    "u.json": "".join(f"{{u{str(row)[1:]}\n" for row in records()),
}  # fmt: skip


@pytest.mark.parametrize("name", [*SAME, "MINE.CSV", *(f"mine{ending}" for ending in table.ENDINGS)])
def test_what_can_be_read_without_doubt_is_read(tmp_path, name):
    expected = data.prepare(str(written(tmp_path, "expected.csv", PLAIN)), write=False).frame()
    source = str(written(tmp_path, name, SAME.get(name, PLAIN)))
    ratings = data.prepare(source, write=False)
    pd.testing.assert_frame_equal(ratings.frame(), expected)
    assert name in SAME or ratings.name.startswith("mine-")
    fast, slow = (read(source, whole) for whole in (True, False))
    assert fast.astype(object).equals(slow.astype(object)), "Arrow and the csv module read different cells"


def read(source, whole):
    """The cells of a file, by the csv module alone unless `whole`."""
    with pytest.MonkeyPatch.context() as patch:
        if not whole:
            patch.setattr(table.text, "_by_arrow", lambda *_: None)
        frame = table.read(table.Files.of([source])).frame
    return frame.assign(timestamp=frame["timestamp"].astype(float)) if "timestamp" in frame else frame


SECRET = bytearray(zipped(one=PLAIN))
for mark, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # a zip archive that wants a password
    SECRET[SECRET.index(mark) + flag] |= 1

ASKED = {
    "two_titles.parquet": (parquet_of_two_titles(), "the column 'title' stands in the header more than once"),
    "two_titles.csv": (text([[*row, "a", "b"] for row in ROWS], f"{FOUR},title,title"), "'title' stands in"),
    "blank_names.csv": (text(ROWS, "genre,user,Their Work,rating"), "`--columns 'item=Their Work'`"),
    "books.csv": (text(ROWS, "genre,Author,Title,My Rating"), "no column 'user', 'item'"),
    "two_users.csv": (text(STAMPED, "domain,uid,reviewerID,rating,item"), "`--columns user=uid`"),
    "odd_names.csv": (text(ROWS, "shelf,who,what,mark"), "`--columns user=shelf,item=who,rating=mark`"),
    "five.csv": (text([[*row, "1"] for row in STAMPED], ""), "`--columns user=1,item=2,rating=4`"),
    "either.csv": ("a;b,c;d,e;f\n" * 20, "`--separator ','`"),
    "dates.csv": (text([[*row, "03/04/2018"] for row in ROWS]), "day/month. Write dates as 2018-07-04"),
    "spoken.csv": (text([[*row, "last week"] for row in ROWS]), "`--columns timestamp=`"),
    "book.xlsx": (zipped(**{"xl/sheet": ""}), "is an Excel workbook or alike. Save it as CSV"),
    "netflix.txt": ("1:\n7,3,2005-09-06\n", "`--columns item=1,user=2,rating=3`"),
    "matrix.csv": (text([[str(k), *"12345"] for k in range(9)], "who,Alien,Heat,Up,Dune,Jaws"), ".stack()"),
    "jester.csv": (text([["74", *["99", "-4.5"] * 5] for _ in range(9)], ""), ".stack()"),
    "bought.csv": (text([row[1:3] for row in ROWS], "user,item"), "a column of ones: `./run_all.sh"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text"),
    "matrix.mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64, a", "is a file of MATLAB"),
    "gaps.csv": (text([[*row[:3], "NA"] for row in ROWS], FOUR), "`--not-a-rating empty` leaves them out"),
    "two.zip": (zipped(one=PLAIN, two=PLAIN), "a zip archive of 2 files (one.csv, two.csv)"),
    "secret.zip": (bytes(SECRET), "password required for extraction). Unpack it, and name the file"),
    "cut.csv": (by_arrow(PLAIN, "lz4")[:-20], "is not sound (Truncated compressed stream). Copy or"),
    "pointer.csv": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "`git lfs pull`"),
    "wide.csv": (",".join(f"column\u2028{k}" for k in range(3000)) + "\na\n", "column 11, …. Expected"),
    "page.csv": ("\ufeff\n <!DocType html><html></html>", "is a web page"),
    "thousand.csv": (text([[*row[:3], '"1,000"'] for row in ROWS], FOUR), "'1,000' is not"),
    "torn.jsonl": ('{"user": 1, "item": 2, "rating": 3}\n{"user": 1,\n', "line 2: is not sound JSON"),
    "split.json": ('{"columns":["user","item","rating"],"data":[1]}', "Found: columns, data. Exp"),
    "list.jsonl": ('{"user": [1], "item": 2, "rating": 3}\n' * 2, "line 1, column 'user': '[1]' is neither"),
    "gap.csv": (text([*ROWS, [""] * 4, ["a", "u", "i", ""]], f"{FOUR}s"), "line 93, column 'ratings': is"),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_what_is_doubtful_is_asked_for_with_the_line_to_type(tmp_path, home, name):
    content, words = ASKED[name]
    refused(written(tmp_path, name, content), home, name, words)


def test_options_say_how_a_file_is_read_and_make_another_dataset_of_it(tmp_path):
    path = written(tmp_path, "odd.csv", text(ROWS, "shelf,who,what,mark", ";"))
    reading = {"columns": "domain=shelf,user=who,item=what,rating=mark", "separator": ";"}
    ratings = data.prepare(str(path), reading=reading)
    assert data.find(str(path)) == ratings.name
    other = data.prepare(str(path), reading=reading | {"not_a_rating": "5"})
    assert ratings.name != other.name and (other.rating < 5).all()
    facts = data.manifest(other.name)
    dropped = facts["dropped"]["rating 5 is not a rating"]
    assert dropped == (ratings.rating == 5).sum() and dropped + len(other.rating) == len(ROWS)
    assert facts["reading"]["separator"] == ";" and facts["reading"]["columns"]["user"] == "who"
    with pytest.raises(UserError, match="several ways"):
        data.find(str(path))
    by_number = {"columns": "domain=1,user=2,item=3,rating=4", "separator": "Semicolon"}
    pd.testing.assert_frame_equal(data.prepare(str(path), reading=by_number).frame(), ratings.frame())


def test_a_number_of_a_column_is_no_name_in_the_first_line(tmp_path):
    path = str(written(tmp_path, "u.data", text([["1", "2", "3", "4"], *BARE], "", "\t")))
    assert len(data.prepare(path, reading={"columns": "user=1,item=2,rating=3"}).rating) == len(BARE) + 1
    with pytest.raises(UserError, match="'movielens' is a known source"):
        data.prepare(["movielens", path])


@pytest.mark.parametrize(("reading", "words"), [
    ({"columns": "who=user"}, "--columns who=user: 'who=user' is not understood"),
    ({"columns": "user=nobody"}, "no column 'nobody' (--columns user=nobody)"),
    ({"not_a_rating": "none"}, "--not-a-rating none: expected a number"),
    ({"not_a_rating": "nan"}, "--not-a-rating nan: expected a number"),
    ({"not_a_rating": "inf"}, "--not-a-rating inf: expected a number"),
    ({"column": "user=1"}, "unknown column. Known: columns, separator"),
])  # fmt: skip
def test_an_option_that_is_not_understood_is_told(tmp_path, home, reading, words):
    refused(written(tmp_path, "mine.csv", PLAIN), home, words, reading=reading)


def test_files_without_domains_are_one_dataset_with_a_domain_each(tmp_path):
    books = [row[1:] for row in STAMPED if row[0] == "books"]
    rows = {"Books.csv": books, "Music.csv": BARE}
    paths = [str(written(tmp_path, name, text(rows[name], ""))) for name in rows]
    assert not any(map(data.has_domains, paths))
    ratings = data.prepare(paths)
    assert sorted(ratings.domains) == ["Books", "Music"] and len(ratings.rating) == len(ROWS)
    assert (np.diag(data.describe.shared_users(ratings)) == 12).all()
    assert data.dataset_id(paths[::-1]).split("-")[-1] == ratings.name.split("-")[-1]
    bad = written(tmp_path, "Bad.csv", text(books, "") + "u,i,much,1300000000\n")
    with pytest.raises(UserError, match=r"Bad.csv, line 46, column '3': 'much' is not a finite number"):
        data.prepare([paths[0], str(bad)])


@pytest.mark.parametrize(("names", "domains"), [
    (["x/a/r.csv", "y/a/r.csv"], ["x/a/r", "y/a/r"]),
    (["x/r.csv", "x/r.tsv"], ["r.csv", "r.tsv"]),
    (["x/r.csv", "y/r.csv", "y/s.csv"], ["s", "x/r", "y/r"]),
])  # fmt: skip
def test_files_of_one_name_are_told_apart(tmp_path, names, domains):
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(BARE, ""))
    before = data.prepare([*map(str, paths), f"{tmp_path}/{names[0]}"], write=False)
    assert sorted(before.domains) == domains and len(before.rating) == len(names) * len(BARE)
    paths[0].write_text(text(BARE[:-1], ""))
    assert data.dataset_id([*map(str, paths)]) != before.name


def test_a_folder_of_parquet_files_is_one_table_and_its_folders_names_are_text(tmp_path):
    for domain in ("007", "a b"):
        (tmp_path / "all" / f"domain={domain.replace(' ', '%20')}").mkdir(parents=True)
        frame = pd.DataFrame(ROWS[:45], columns=["x", "user", "item", "rating"]).astype({"rating": float})
        frame.drop(columns="x").to_parquet(next((tmp_path / "all").glob(f"*{domain[-1]}")) / "0.parquet")
    ratings = data.prepare(str(tmp_path / "all"))
    assert sorted(ratings.domains) == ["007", "a b"] and len(ratings.rating) == 90


@pytest.mark.parametrize(("extra", "words"), [
    ("_temporary/0", ""), (".hidden/domain=x/0", ""), ("_delta_log/1.checkpoint", "is a Delta table"),
    ("domain=__HIVE_DEFAULT_PARTITION__/0", "column 'domain': is empty; 90 such"),
])  # fmt: skip
def test_a_folders_hidden_files_and_empty_names_are_no_data(tmp_path, home, extra, words):
    for name in ("domain=films/0", extra):
        path = tmp_path / "all" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([row[1:] for row in ROWS], columns=["user", "item", "rating"]).to_parquet(path)
    if words:
        refused(tmp_path / "all", home, words)
    else:
        assert data.prepare(str(tmp_path / "all")).domains == ["films"]


def test_a_file_that_changes_after_planning_is_told(tmp_path, home):
    path = written(tmp_path, "mine.csv", PLAIN)
    planned, reading = data.dataset_id(str(path)), {"files": [str(path)]}
    assert data.prepare(planned, reading=reading, write=False).name == planned
    path.write_text(PLAIN + "books,new,i1,3\n")
    words = "mine.csv has changed since this call began. Give the same command again."
    refused(planned, home, words, reading=reading)


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not at hand")
def test_the_files_of_the_cases():
    files = [file for file in CASES.glob("*/*") if file.parent.name[:2] in MINE]
    for file in [file for file in files if file.suffix not in (".md", ".c", ".py")]:
        words = REFUSED.get(file.name)
        if words is None:
            assert data.prepare(str(file), write=False).p in (1, 2), file
        else:
            with pytest.raises(UserError) as error:
                data.prepare(str(file), write=False)
            assert words in str(error.value)
