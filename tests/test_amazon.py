"""The archive of raw reviews: read as a stream, distrusted, and the user key decided by counting."""

import gzip
import json
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from archives import DVD, GOOD, SMALL, entry, packed, place, review
from tables import snapshot

from adc.errors import UserError
from adc.ratings import encode
from companion.data import amazon
from companion.data.schema import check
from companion.data.table1 import TABLE_I

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "blitzer_raw"
REST = {name: data for name, data in SMALL.items() if name != DVD}


def refused(content: bytes, message: str) -> None:
    """The archive is refused by its name, with the cure, and nothing is written."""
    archive = place(content)
    before = snapshot(archive.parents[3])
    with pytest.raises(UserError, match=message) as error:
        amazon.ratings()
    assert str(archive) in str(error.value) and "Delete it" in str(error.value)
    assert snapshot(archive.parents[3]) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b""), gzip.compress(b"no tar" * 500), GOOD[:-4], GOOD[:9999], GOOD[:1]],
    ids=["0 bytes", "no gzip", "empty gzip", "no tar", "checksum cut", "cut", "1 byte"],
)
def test_a_damaged_archive_is_refused(content):
    refused(content, "is damaged")


def test_a_flipped_byte_is_noticed(tmp_path):
    good = packed({name: data * 60 for name, data in SMALL.items()})  # more than is read at a time
    archive = tmp_path / "flipped.tar.gz"
    for position in range(10, len(good), len(good) // 30):
        archive.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(UserError, match="damaged"):
            amazon.read(archive)


EVIL = review("Eve", "B00evil666")
SKIPPED = [
    (entry("../../sorted_data/dvd/all.review", len(EVIL)), EVIL),
    (entry("/sorted_data/dvd/all.review", len(EVIL)), EVIL),
    (entry("sorted_data/../sorted_data/dvd/all.review", len(EVIL)), EVIL),
    (entry("pipe", kind=tarfile.FIFOTYPE), b""),
    (entry("disk", kind=tarfile.BLKTYPE), b""),
    (entry("console", kind=tarfile.CHRTYPE), b""),
    (entry("climb", kind=tarfile.SYMTYPE, target="../../.."), b""),
]


@pytest.mark.parametrize("dot", ["", "./"])
def test_climbing_absolute_and_special_members_are_skipped(tmp_path, dot):
    archive = tmp_path / "in" / "hostile.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(packed({dot + name: data for name, data in SMALL.items()}, first=SKIPPED))
    before = snapshot(tmp_path)
    records, tallies = amazon.read(archive)
    assert "Eve" not in set(records["reviewer"])
    assert {domain: tally.usable for domain, tally in tallies.items()} == dict.fromkeys(TABLE_I, 12)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "FIFOTYPE", "CHRTYPE", "DIRTYPE"])
@pytest.mark.parametrize("target", ["/etc/passwd", "sorted_data/music/all.review"])
def test_an_expected_name_that_is_no_regular_file_is_not_followed(kind, target):
    member = entry(DVD, kind=getattr(tarfile, kind), target=target)
    refused(packed(REST, extra=[(member, b"")]), f"holds no file with usable reviews at {DVD}")


def sparse(name: str, **fields) -> tarfile.TarInfo:
    return entry(name, len(SMALL[DVD]), **{f"GNU.sparse.{field}": value for field, value in fields.items()})


HOLES = sparse(DVD, major="0", minor="1", map=f"0,{len(SMALL[DVD])}", size=str(len(SMALL[DVD])))


def longname(size: int, data: bytes, times: int) -> bytes:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, size
    return gzip.compress(entry("first").tobuf() + (header.tobuf() + data) * times, 1)


HOSTILE = {
    "no usable review": (packed(SMALL | {DVD: review("Ann", "B1", "?")}), f"usable reviews at {DVD}"),
    "the same file twice": (packed(SMALL, extra=[(entry(DVD, len(EVIL)), EVIL)]), "'dvd' twice"),
    "a sparse file": (packed(REST, extra=[(HOLES, SMALL[DVD])]), "holds no file"),
    "a header of 64 MB": (longname(64 << 20, bytes(64 << 20), 1), r"unpacks to more than 131,\d+ bytes"),
    "a chain of headers": (longname(2, b"a".ljust(512, b"\0"), 3000), r"unpacks to more than 131,\d+ bytes"),
} | {
    f"a word for {field}": (packed(SMALL, [(sparse("odd", **{field: "many"}), SMALL[DVD])]), "be: (?!it )")
    for field in ("size", "map", "realsize")
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused(name):
    refused(*HOSTILE[name])


@pytest.mark.parametrize(("limit", "value"), [("MEMBER", 300_000), ("TOTAL", 300_000), ("MEMBERS", 6)])
def test_a_bomb_is_refused(monkeypatch, limit, value):
    for name, most in (("MEMBER", 500_000), ("TOTAL", 600_000), ("MEMBERS", 7)):
        monkeypatch.setattr(amazon, f"MAX_{name}", most)
    amazon.read(place(GOOD))
    monkeypatch.setattr(amazon, f"MAX_{limit}", value)
    refused(GOOD, "unpacks to more than")


def test_what_follows_the_last_member_counts_towards_the_limit(monkeypatch):
    monkeypatch.setattr(amazon, "MAX_TOTAL", 2_000_000)
    refused(GOOD + gzip.compress(bytes(5_000_000)), "unpacks to more than")


def test_ratings_fit_the_schema_and_the_report_is_json():
    more = review("", "B00x") + review("Zoë", "B00x", "?") + review("Ann", "B00x", "2.0", date="")
    place(packed(SMALL | {DVD: SMALL[DVD] + more + b"<review>\n<asin>"}))
    frame, report = amazon.ratings()
    assert list(frame.columns) == ["domain", "user", "item", "rating", "timestamp", "title"]
    assert json.loads(json.dumps(report)) == report
    dvd = report["domains"]["dvd"]
    assert (dvd["records"], dvd["usable"], dvd["undated"]) == (16, 14, 1)
    assert dvd["unusable"] == {"a rating that is no number": 1, "no </review> after it": 1}
    assert report["dropped"] == dvd["unusable"] | {f"no user ({report['user_key']})": 1}
    total = sum(domain["records"] for domain in report["domains"].values())
    assert total == len(frame) + sum(report["dropped"].values())
    ratings = encode(check(frame, "amazon")[0], "amazon", list(TABLE_I))
    assert ratings.domains == list(TABLE_I) and len(ratings.rating) == 6 * 12 + 1
    assert set(ratings.titles.values()) == {"Tea"}


RECORD = ["domain", "item", "unique_id", "reviewer", "location"]


def test_every_key_names_the_user_it_says():
    link = 'J. "http://x.com"'
    rows = [("B1:wow: great:ann_lee", "Ann Lee", "Ayr"), ('B1:wow:j._"http://x.com"', link, "")]
    rows += [("B1:wow:", "", "Ayr"), ("", "Ann Lee", "")]
    frame = pd.DataFrame([("dvd", "B1", *row) for row in rows], columns=RECORD)
    assert {key: amazon.users(frame, key) for key in amazon.KEYS} == {
        "reviewer": ["Ann Lee", link, "", "Ann Lee"],
        "reviewer + location": ["Ann Lee | Ayr", link, "", "Ann Lee"],
        "unique_id": ["ann_lee", 'j._"http://x.com"', "", ""],
        "unique_id + location": ["ann_lee | Ayr", 'j._"http://x.com"', "", ""],
    }


def test_the_comparison_counts_after_removing_repeats():
    rows = [("B1", "B1:x:ann", "Ann", "Ayr"), ("B1", "B1:y:ann", "ann", "Ayr")]  # one unique_id
    rows += [("B1", "B1:x:ann", "Ann", "Rye"), ("B2", "B2:x:bob", "Bob", ""), ("B3", "B3:x:", "", "")]
    table = amazon.key_comparison(pd.DataFrame([("toys", *row) for row in rows], columns=RECORD))
    counts = table.xs("toys", level="domain")[["no_user", "users", "items", "ratings"]]
    assert counts.loc["reviewer"].tolist() == [1, 3, 2, 3]
    assert counts.loc["reviewer + location"].tolist() == [1, 4, 2, 4]
    assert counts.loc["unique_id"].tolist() == [1, 2, 2, 2]
    row = table.loc[("unique_id", "toys")]
    assert row["deviation"] == pytest.approx((9924 - 2) / 9924 + (3451 - 2) / 3451 + (13147 - 2) / 13147)
    assert row["total"] == pytest.approx(table.loc["unique_id", "deviation"].sum())


def test_the_key_nearest_to_table_1_is_chosen(monkeypatch):
    """Three reviewers of one name who live in three places; the counts of Table I decide what key wins."""
    reviews = b"".join(review("Ann", f"B{n}", location=f"Town {n % 3}") for n in range(12))
    place(packed(dict.fromkeys(amazon.MEMBERS, reviews)))
    for users, key in ((1, "reviewer"), (3, "reviewer + location")):
        monkeypatch.setattr(amazon, "TABLE_I", dict.fromkeys(TABLE_I, (users, 12, 12)))
        frame, report = amazon.ratings()
        assert report["user_key"] == key and frame["user"].nunique() == users
        assert min(report["keys"], key=lambda row: row["total"])["total"] == 0


@pytest.mark.skipif(not REAL.is_dir(), reason="the 4,000 real records are not here")
def test_keys_of_real_records():
    content = dict(SMALL)
    for name, domain in amazon.MEMBERS.items():
        if domain in ("electronics", "kitchen"):
            content[name] = b"".join(path.read_bytes() for path in sorted((REAL / domain).glob("*.review")))
    place(packed(content))
    frame, report = amazon.ratings()
    assert all(report["domains"][domain]["usable"] == 2000 for domain in ("electronics", "kitchen"))
    by_key = pd.DataFrame(report["keys"]).set_index(["key", "domain"])
    for domain in ("electronics", "kitchen"):
        keys = ("unique_id", "reviewer", "reviewer + location")
        users = [by_key.loc[(key, domain), "users"] for key in keys]
        assert 1500 < users[0] <= users[1] <= users[2] <= 2000
    check(frame, "amazon")
