"""Files for the parsers, sound and spoiled, each by its number; their content counted without the parsers."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import tarfile
import zipfile
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from archives import SMALL, packed

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "blitzer_raw"
ODD = [
    "NA", "null", "007", "1e3", "a,b", 'say "x"', "two\nlines", "tab\there", "Ünï用户", "x" * 300, "<b>", "'",
    "-", "0", "١٢", "🎬", "a\u2028b",
]  # fmt: skip
NUMBERS = ["3", "4.5", " 2 ", "1e0", "+5", "-1", ".5", "1" * 30]
ALIASES = {  # names that columns have
    "domain": ["domain", "Category", "genre"], "user": ["user", "userId", "reviewerID"],
    "item": ["item", "asin", "movie_id"], "rating": ["rating", "stars", "overall"],
}  # fmt: skip
KINDS = (",", "\t", ",", "\t", ";", "|", "::", "json", "array")
SPOILT = [
    "", "five", "nan", "inf", "1e999", "9" * 5000, "0x5", "True", "1_000", "4,5", "1j", "3\0", "\0", "１２",
    "--1", "1e", "None",
]  # fmt: skip
JUNK = [b"", b"\0", b"\xff", b"\r", b"\n", b"\r\n", b'"', b'""', b",", b"\t", b";", b"\xef\xbb\xbf", b"\xe9"]
JUNK += [b"\x1a", b"9" * 400, b"-", b"'"]
TAGS = [
    "<review>", "</review>", "\n<review>", "\n</review>", "\n<review>\n", "\n</review>\n", "<asin>",
    "</asin>\n", "\n<rating>\n9\n", "</rating>", "\n<unique_id>\n7\n</unique_id>", "<revi", "ew>",
    "\n<review_text>\n", "&amp;",
]  # fmt: skip
MARKUP = [tag.encode() for tag in TAGS] + JUNK


def spoiled(content: bytes, rng: random.Random, pieces: list[bytes], most: int = 6) -> bytes:
    """Some bytes exchanged, left out, doubled or put in, or the end cut off."""
    for _ in range(rng.randint(1, most)):
        at, size = rng.randint(0, len(content)), rng.choice((0, 1, 1, 2, 5, 40))
        put = (rng.choice(pieces), rng.randbytes(rng.randint(0, 4)), content[at : at + size] * 2)
        content = content[:at] + rng.choice(put) + content[at + size :]
    return content[: rng.randint(0, len(content))] if rng.random() < 0.1 else content


def reviews(rng: random.Random, real: list[bytes]) -> tuple[bytes, list[tuple]]:
    """A file of reviews, and (item, stars, reviewer) of those that nothing was done to, in their order."""
    parts, sound = [], []
    for _ in range(rng.randint(0, 6)):
        item, stars = rng.choice(ODD[:4] + ["B000AAAAAA"]), float(rng.randint(1, 5))
        user, text = rng.choice([*ODD[:6], "", "Ann Lee"]), rng.choice(ODD)
        fields = {"unique_id": f"{item}:x:{user}", "asin": item, "rating": stars, "date": "May 4, 2005"}
        fields |= {"reviewer": user, "review_text": text}
        body = "".join(f"<{name}>\n{value}\n</{name}>\n" for name, value in fields.items()).encode()
        if rng.random() < 0.4:
            pieces = [b"", b"\0", b"\xff", b"<asin>", b"</rating>", b"9" * 2000]
            body = spoiled(body, rng, pieces).replace(b"review>", b"") + b"\n"
        elif real and rng.random() < 0.3:
            body = rng.choice(real) + b"\n"
        else:
            sound.append((item, stars, user))
        parts.append(b"<review>\n" + body + b"</review>\n")
    content = b"".join(parts).replace(b"\n", rng.choice((b"\n", b"\n", b"\n", b"\r\n")))
    return (content, sound) if rng.random() < 0.5 else (spoiled(content, rng, MARKUP), [])


def real_reviews() -> list[bytes]:
    """What stands in some real records, where they are here."""
    bodies = []
    for file in sorted(REAL.glob("*/*.review")):
        records = file.read_bytes().split(b"<review>\n")[1:101]
        bodies += [record.split(b"</review>")[0].strip(b"\n") for record in records]
    return bodies


def count_reviews(content: bytes, most: int) -> int:
    """Records in a file, read line by line: openings, and texts outside any record; what ends after more than
    `most` bytes is one, whatever it holds."""
    visits, opened, text, size = 0, 0, False, 0
    for line in [*content.split(b"\n"), b"</review>"]:
        size += 1 + len(line)
        if line.startswith(b"</review>"):
            line = line.removeprefix(b"</review>")
            whole = size - len(line) - len(b"\n</review>")
            visits += opened + text if whole <= most else 1
            opened, text, size = 0, False, len(line)
        elif line.startswith(b"<review>"):
            opened += 1
        text |= not opened and bool(line.strip())
    return visits


def archive(rng: random.Random) -> bytes:
    """An archive, spoiled below or above its packing."""
    content = dict(SMALL)
    if rng.random() < 0.3:
        name = rng.choice([*content])
        content[name] = spoiled(content[name], rng, MARKUP)
    tar = gzip.decompress(packed(content))
    if rng.random() < 0.6:
        headers = [at for at in range(0, len(tar), 512) if tar[at + 257 : at + 262] == b"ustar"]
        at = rng.choice(headers) + rng.randint(0, 511)
        put = (b"9", b"\0", b"x", b"g", b"L", b"S", b"-", rng.randbytes(3), b"777777777777")
        tar = tar[:at] + rng.choice(put) + tar[at + 1 :]
    if rng.random() < 0.3:
        tar = _pax(rng) + tar
    file = gzip.compress(tar, 1)
    return spoiled(file, rng, JUNK, 2) if rng.random() < 0.2 else file


def _pax(rng: random.Random) -> bytes:
    """A member with extended headers that may contradict it."""
    sparse = [f"GNU.sparse.{name}" for name in ("map", "size", "realsize", "major", "minor", "numblocks")]
    keys = [*sparse, "size", "path", "hdrcharset", "mtime"]
    values = ["", "1", "0", "-5", "x", "1,2,3", "9" * 30, "ü", "BINARY"]
    member = tarfile.TarInfo("sorted_data/x")
    member.pax_headers = {rng.choice(keys): rng.choice(values) for _ in range(rng.randint(1, 3))}
    return member.tobuf(tarfile.PAX_FORMAT)


def ratings(rng: random.Random) -> list[dict]:
    """Sound rows in one to three domains."""
    domains = rng.sample(["films", "Bücher, alt", "müsli", "NA"], rng.randint(1, 3))
    rows = {}
    for domain in domains:
        for _ in range(rng.randint(12, 25)):
            user = rng.choice(ODD) + str(rng.randint(0, 3))
            rows[domain, user, rng.choice(ODD)] = rng.choice(NUMBERS)
    return [{"domain": d, "user": u, "item": i, "rating": r} for (d, u, i), r in rows.items()]


def table(rng: random.Random) -> tuple[bytes, list[dict] | None, str]:
    """A table in one of the forms that people have, packed or not; its rows where it is sound, None where
    anything was spoiled; its separator, or json or array."""
    rows, sound, kind = ratings(rng), rng.random() < 0.4, rng.choice(KINDS)
    roles = rng.sample([*rows[0]], 4) + rng.choice(([], [], ["timestamp"], ["title"], ["title", "other"]))
    for row in rows:
        row |= {"timestamp": str(rng.randint(0, 2**31)), "title": rng.choice([*ODD, ""]), "other": ""}
    if kind == "::":  # has no quotes
        bare = lambda cell: " ".join(cell.replace('"', "").replace("::", "").split())
        rows = [{role: bare(cell) for role, cell in row.items()} for row in rows]
        rows = list({itemgetter("domain", "user", "item")(row): row for row in rows}.values())
    cells = [[rng.choice(ALIASES.get(role, [role])) for role in roles]]
    cells += map(list, map(itemgetter(*roles), rows))
    if not sound and rng.random() < 0.5:
        row = rng.choice(cells)
        row[rng.randrange(len(row))] = rng.choice(SPOILT)
    if not sound and rng.random() < 0.2:
        rng.choice(cells).append("more") if rng.random() < 0.5 else rng.choice(cells).pop()
    encodings = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"]
    encodings += [] if sound else ["utf-7", "cp037"]
    content = written(rng, cells, kind).encode(rng.choice(encodings), "replace")
    if not sound and rng.random() < 0.7:
        content = spoiled(content, rng, JUNK)
    content = rng.choice((bytes, bytes, bytes, bz2.compress, lzma.compress, gzip.compress, zipped))(content)
    if not sound and rng.random() < 0.2:
        content = spoiled(content, rng, JUNK, 2)
    return content, rows if sound else None, kind


def written(rng: random.Random, cells: list[list[str]], kind: str) -> str:
    """Cells as text, the first row as names."""
    if kind in ("json", "array"):
        ascii_only = rng.random() < 0.5
        lines = [json.dumps(dict(zip(cells[0], row)), ensure_ascii=ascii_only) for row in cells[1:]]
        return "\n".join(lines) if kind == "json" else f"[{', '.join(lines)}]"
    if kind == "::":
        return "".join("::".join(line) + "\n" for line in cells)
    out, ends = io.StringIO(newline=""), rng.choice(("\n", "\r\n", "\r"))
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    quoting = csv.QUOTE_ALL if ends == "\r" else quoting  # the writer quotes no \n where lines end in \r
    csv.writer(out, delimiter=kind, lineterminator=ends, quoting=quoting).writerows(cells)
    return rng.choice(("", f"sep={kind}{ends}" if kind in ";|" else "")) + out.getvalue()


def zipped(content: bytes) -> bytes:
    """A zip archive of one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratings.csv", content)
    return out.getvalue()


def count_lines(text: str, delimiter: str) -> int:
    """Records of a table below its header, by characters: a line break between quotes ends none, and only
    a quote that begins a value, or that doubles one which seemed to end it, opens them."""
    count, quoted, opens, empty = 0, False, True, True
    for char in text + "\n":
        if quoted:
            quoted = char != '"'
            opens = not quoted
        elif char in "\r\n":
            count, opens, empty = count + (not empty), True, True
        else:
            quoted, empty = char == '"' and opens, False
            opens = char == delimiter
    return count - 1


def parquet_table(rng: random.Random) -> tuple[bytes, list[dict] | None]:
    """The same in Parquet, with columns of many types; rows where all are sound."""
    rows = ratings(rng)
    table = pa.Table.from_pylist(rows)
    columns = {name: table[name] for name in rows[0]}
    columns["rating"] = pa.array([float(row["rating"]) for row in rows])
    sound = rng.random() < 0.4
    if not sound:
        name, n = rng.choice([*columns, "timestamp", "title"]), len(rows)
        no_utf8 = pa.Array.from_buffers(pa.string(), n, pa.array([b"\xff\xfe"] * n).buffers())
        kinds = [
            (1, pa.int64()), (None, pa.null()), ([1], None), ({"a": 1}, None), (b"\xff\0", None),
            (True, None), (2**63, pa.uint64()), (10**9, pa.timestamp("s")), (10**14, pa.timestamp("s")),
            (1, pa.date32()), (1, pa.duration("s")), (1, pa.decimal128(20, 2)), (1.5, pa.float16()),
            (1, pa.time64("us")), ({"x": [b"1"]}, None), ("a", pa.dictionary(pa.int32(), pa.string())),
        ]  # fmt: skip
        arrays = [pa.array([value] * n, kind) for value, kind in kinds]
        holes = [pa.array([None, *["1"] * (n - 1)]), pa.array([None, *[1] * (n - 1)])]
        columns[name] = rng.choice([no_utf8, pa.array(range(-5, n - 5)), *holes, *arrays])
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression=rng.choice(("snappy", "none", "zstd")))
    content = out.getvalue()
    if not sound and rng.random() < 0.5:
        content = spoiled(content, rng, JUNK, 2)
    return content, rows if sound else None
