"""The archive of raw reviews: read as a stream, distrusted, and the user key decided by counting."""

import gzip
import json
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from archives import CONTENT, GOOD, entry, everything, home, packed, place, review  # noqa: F401

from adc.data import amazon
from adc.data.schema import check, encode
from adc.data.table1 import TABLE_I
from adc.errors import UserError

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "blitzer_raw"


# --- archives that are damaged or hostile


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b""), gzip.compress(b"no tar" * 500), GOOD[:-4], GOOD[: len(GOOD) // 2], GOOD[:1]],
    ids=["0 bytes", "no gzip", "empty gzip", "no tar", "checksum cut", "half", "1 byte"],
)
def test_a_damaged_archive_is_named_with_the_cure_and_nothing_is_written(home, content):
    archive = place(content)
    before = everything(home)
    with pytest.raises(UserError) as error:
        amazon.ratings()
    assert str(archive) in str(error.value) and "Delete it" in str(error.value)
    assert everything(home) == before


def test_a_flipped_byte_is_noticed(tmp_path):
    good = packed({name: CONTENT[name] * 60 for name in amazon.MEMBERS})  # more than is read at a time
    for position in range(10, len(good), len(good) // 30):
        archive = tmp_path / "flipped.tar.gz"
        archive.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(UserError, match="damaged|holds no file"):
            amazon.read(archive)


def test_climbing_absolute_and_special_members_are_skipped(tmp_path):
    evil = review("Eve", "B00evil666")
    first = [
        (entry("../../sorted_data/dvd/all.review", len(evil)), evil),
        (entry("/sorted_data/dvd/all.review", len(evil)), evil),
        (entry("sorted_data/../sorted_data/dvd/all.review", len(evil)), evil),
        (entry("pipe", kind=tarfile.FIFOTYPE), b""),
        (entry("disk", kind=tarfile.BLKTYPE), b""),
        (entry("console", kind=tarfile.CHRTYPE), b""),
        (entry("climb", kind=tarfile.SYMTYPE, target="../../.."), b""),
    ]
    archive = tmp_path / "in" / "hostile.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(packed(CONTENT, first=first))
    before = everything(tmp_path)
    records, tallies = amazon.read(archive)
    assert "Eve" not in set(records["reviewer"])
    assert {domain: tally.kept for domain, tally in tallies.items()} == dict.fromkeys(TABLE_I, 12)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "sorted_data/music/all.review"])
def test_an_expected_name_that_is_no_regular_file_is_not_followed(tmp_path, kind, target):
    name = "sorted_data/dvd/all.review"
    rest = {key: data for key, data in CONTENT.items() if key != name}
    (tmp_path / "link.tar.gz").write_bytes(packed(rest, extra=[(entry(name, kind=kind, target=target), b"")]))
    with pytest.raises(UserError, match="holds no file with usable reviews at sorted_data/dvd/all.review"):
        amazon.read(tmp_path / "link.tar.gz")


def test_names_may_begin_with_a_dot(tmp_path):
    (tmp_path / "dot.tar.gz").write_bytes(packed({f"./{name}": data for name, data in CONTENT.items()}))
    assert len(amazon.read(tmp_path / "dot.tar.gz")[0]) == 6 * 12


def test_a_file_without_a_usable_review_is_named(tmp_path):
    (tmp_path / "poor.tar.gz").write_bytes(packed(CONTENT | {"sorted_data/dvd/all.review": review("Ann", "B1", "?")}))
    with pytest.raises(UserError, match="no file with usable reviews at sorted_data/dvd/all.review"):
        amazon.read(tmp_path / "poor.tar.gz")


def test_the_same_file_twice_is_refused(tmp_path):
    again = CONTENT["sorted_data/dvd/all.review"]
    second = entry("sorted_data/dvd/all.review", len(again))
    (tmp_path / "twice.tar.gz").write_bytes(packed(CONTENT, extra=[(second, again)]))
    with pytest.raises(UserError, match="'dvd' twice"):
        amazon.read(tmp_path / "twice.tar.gz")


@pytest.mark.parametrize("limits", [{"member": 300_000}, {"total": 300_000}, {"members": 6}], ids=str)
def test_a_bomb_is_refused(tmp_path, limits):
    (tmp_path / "bomb.tar.gz").write_bytes(GOOD)
    with pytest.raises(UserError, match="unpacks to more than"):
        amazon.read(tmp_path / "bomb.tar.gz", amazon.Limits(**limits))
    amazon.read(tmp_path / "bomb.tar.gz", amazon.Limits(member=500_000, total=600_000, members=7))


def test_what_follows_the_last_member_counts_towards_the_limit(tmp_path):
    (tmp_path / "tail.tar.gz").write_bytes(GOOD + gzip.compress(bytes(5_000_000)))
    with pytest.raises(UserError, match="unpacks to more than"):
        amazon.read(tmp_path / "tail.tar.gz", amazon.Limits(total=2_000_000))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    content = entry("first").tobuf() + header.tobuf() + bytes(64 << 20)
    (tmp_path / "header.tar.gz").write_bytes(gzip.compress(content, 1))
    with pytest.raises(UserError, match=r"unpacks to more than 131,\d+ bytes"):
        amazon.read(tmp_path / "header.tar.gz")


def test_a_long_chain_of_headers_is_refused(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2
    content = entry("first").tobuf() + (header.tobuf() + b"a".ljust(512, b"\0")) * 3000
    (tmp_path / "chain.tar.gz").write_bytes(gzip.compress(content))
    with pytest.raises(UserError, match=r"unpacks to more than 131,\d+ bytes"):
        amazon.read(tmp_path / "chain.tar.gz")


@pytest.mark.parametrize("name", ["size", "map", "realsize"])
def test_a_word_for_a_number_in_a_header_is_damage(tmp_path, name):
    member = entry("odd")
    member.pax_headers = {f"GNU.sparse.{name}": "many"}
    (tmp_path / "words.tar.gz").write_bytes(packed(CONTENT, first=[(member, b"")]))
    with pytest.raises(UserError, match="words.tar.gz is damaged.*Delete it"):
        amazon.read(tmp_path / "words.tar.gz")


def test_a_sparse_member_is_not_read(tmp_path):
    name = "sorted_data/dvd/all.review"
    size = len(CONTENT[name])
    holes = entry(name, size)
    sparse = {"major": "0", "minor": "1", "map": f"0,{size}", "size": str(size)}
    holes.pax_headers = {f"GNU.sparse.{field}": value for field, value in sparse.items()}
    rest = {key: data for key, data in CONTENT.items() if key != name}
    (tmp_path / "holes.tar.gz").write_bytes(packed(rest, extra=[(holes, CONTENT[name])]))
    with pytest.raises(UserError, match="holds no file"):
        amazon.read(tmp_path / "holes.tar.gz")


# --- ratings and the user key


def test_ratings_fit_the_schema_and_the_report_is_json(home):
    content = dict(CONTENT)
    content["sorted_data/dvd/all.review"] += (
        review("", "B00x") + review("Zoë", "B00x", "?") + review("Ann", "B00x", "2.0", date="") + b"<review>\n<asin>"
    )
    place(packed(content))
    frame, report = amazon.ratings()
    assert list(frame.columns) == ["domain", "user", "item", "rating", "timestamp", "title"]
    assert json.loads(json.dumps(report)) == report
    dvd = report["domains"]["dvd"]
    assert (dvd["seen"], dvd["kept"], dvd["undated"]) == (16, 14, 1)
    assert dvd["bad"] == {"a rating that is no number": 1, "no </review> after it": 1}
    assert report["dropped"] == dvd["bad"] | {f"no user ({report['user_key']})": 1}
    assert sum(domain["seen"] for domain in report["domains"].values()) == len(frame) + sum(report["dropped"].values())
    ratings = encode(check(frame, "amazon")[0], "amazon", list(TABLE_I))
    assert ratings.domains == list(TABLE_I) and len(ratings.rating) == 6 * 12 + 1
    assert set(ratings.titles.values()) == {"Tea"}


def records(rows: list[tuple]) -> pd.DataFrame:
    """Rows of (domain, item, unique_id, reviewer, location)."""
    return pd.DataFrame(rows, columns=["domain", "item", "unique_id", "reviewer", "location"])


def test_every_key_names_the_user_it_says():
    frame = records(
        [
            ("dvd", "B1", "B1:wow: great:ann_lee", "Ann Lee", "Ayr"),
            ("dvd", "B1", "B1:wow:j._\"http://x.com\"", 'J. "http://x.com"', ""),
            ("dvd", "B1", "B1:wow:", "", "Ayr"),
            ("dvd", "B1", "", "Ann Lee", ""),
        ]
    )
    link = 'J. "http://x.com"'
    assert amazon.users(frame, "reviewer") == ["Ann Lee", link, "", "Ann Lee"]
    assert amazon.users(frame, "reviewer + location") == ["Ann Lee | Ayr", link, "", "Ann Lee"]
    assert amazon.users(frame, "unique_id") == ["ann_lee", 'j._"http://x.com"', "", ""]
    assert amazon.users(frame, "unique_id + location") == ["ann_lee | Ayr", 'j._"http://x.com"', "", ""]


def test_the_comparison_counts_after_removing_repeats():
    frame = records(
        [
            ("toys", "B1", "B1:x:ann", "Ann", "Ayr"),
            ("toys", "B1", "B1:y:ann", "ann", "Ayr"),  # another reviewer, the same user by unique_id
            ("toys", "B1", "B1:x:ann", "Ann", "Rye"),
            ("toys", "B2", "B2:x:bob", "Bob", ""),
            ("toys", "B3", "B3:x:", "", ""),
        ]
    )
    table = amazon.key_comparison(frame)
    counts = table.xs("toys", level="domain")[["no_user", "users", "items", "ratings"]]
    assert counts.loc["reviewer"].tolist() == [1, 3, 2, 3]
    assert counts.loc["reviewer + location"].tolist() == [1, 4, 2, 4]
    assert counts.loc["unique_id"].tolist() == [1, 2, 2, 2]
    row = table.loc[("unique_id", "toys")]
    assert row[["table_users", "table_items", "table_ratings"]].tolist() == [9924, 3451, 13147]
    assert row["deviation"] == pytest.approx((9924 - 2) / 9924 + (3451 - 2) / 3451 + (13147 - 2) / 13147)
    assert row["total"] == pytest.approx(table.loc["unique_id", "deviation"].sum())


def test_the_key_nearest_to_table_1_is_chosen(monkeypatch, home):
    """Three reviewers of one name who live in three places; which key wins hangs on the counts asked for."""
    reviews = b"".join(review("Ann", f"B{n}", location=f"Town {n % 3}") for n in range(12))
    place(packed(dict.fromkeys(amazon.MEMBERS, reviews)))
    for users, key in ((1, "reviewer"), (3, "reviewer + location")):
        monkeypatch.setattr(amazon, "TABLE_I", dict.fromkeys(TABLE_I, (users, 12, 12)))
        frame, report = amazon.ratings()
        assert report["user_key"] == key and frame["user"].nunique() == users
        assert min(report["keys"], key=lambda row: row["total"])["total"] == 0


@pytest.mark.skipif(not REAL.is_dir(), reason="the 4,000 real records are not here")
def test_keys_of_real_records():
    content = {name: CONTENT[name] for name in amazon.MEMBERS}
    for name, domain in amazon.MEMBERS.items():
        if domain in ("electronics", "kitchen"):
            content[name] = b"".join(path.read_bytes() for path in sorted((REAL / domain).glob("*.review")))
    place(packed(content))
    frame, report = amazon.ratings()
    assert report["domains"]["electronics"]["kept"] == report["domains"]["kitchen"]["kept"] == 2000
    by_key = pd.DataFrame(report["keys"]).set_index(["key", "domain"])
    for domain in ("electronics", "kitchen"):
        users = [by_key.loc[(key, domain), "users"] for key in ("unique_id", "reviewer", "reviewer + location")]
        assert 1500 < users[0] <= users[1] <= users[2] <= 2000
    check(frame, "amazon")
