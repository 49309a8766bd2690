"""The paper's data (R37): six domains of the Multi-Domain Sentiment Dataset, from its archive of reviews."""

import dataclasses
import gzip
import re
import tarfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import requests
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError as BrokenStream

from adc.errors import UserError
from companion import files, paths
from companion.data.reviews import Record, Tally, parse
from companion.data.table1 import TABLE_I

LABEL = "Amazon, Multi-Domain Sentiment Dataset"
DESCRIPTION = "the paper's; data/raw/amazon/unprocessed.tar.gz, downloaded if it is not there"
DOWNLOAD = True
DOMAINS = tuple(TABLE_I)
ARCHIVE = "unprocessed.tar.gz"
URLS = tuple(f"{http}://www.cs.jhu.edu/~mdredze/datasets/sentiment/{ARCHIVE}" for http in ("https", "http"))
KEYS = ("reviewer", "reviewer + location", "unique_id", "unique_id + location")  # candidates for a user (R37)
_FOLDERS = {"kitchen": "kitchen_&_housewares", "toys": "toys_&_games"}  # the others are named as domains
MEMBERS = {f"sorted_data/{_FOLDERS.get(domain, domain)}/all.review": domain for domain in TABLE_I}
TRIES = 3  # connections in a row that bring nothing new before a server is given up
_BLOCK = 1 << 16  # bytes
# What the archive may hold before it is taken for a bomb; several times what the real one needs.
MAX_MEMBER, MAX_TOTAL = 4 << 30, 32 << 30  # bytes
MAX_MEMBERS = 10_000
MAX_HEADERS = 1 << 17  # bytes between two members' contents: tarfile keeps them all


def ratings() -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating, timestamp, title` of all reviews that name a user, and a report.

    timestamp: seconds, 0 where the date cannot be read. A user is what the key nearest to Table I says (R37).
    Repeated ratings are still there (R20). The report: `sha256`, `domains` (fields of `Tally`), `user_key`,
    `keys` (rows of `key_comparison`), `dropped` (by reason). Raises `UserError` when the archive cannot be
    had, is damaged, or is not the one whose hash was recorded at its first reading."""
    archive = download()
    hash_file = archive.with_name(archive.name + ".sha256")
    digest = _check_hash(archive, hash_file)
    records, tallies = read(archive)
    if not hash_file.exists():
        with files.atomic(hash_file) as partial:
            partial.write_text(f"{digest}  {archive.name}\n", encoding="utf-8")
    comparison = key_comparison(records)
    key = comparison["total"].idxmin()[0]
    frame = records.assign(user=users(records, key))
    has_user = frame["user"] != ""
    dropped = sum((Counter(tally.unusable) for tally in tallies.values()), Counter())
    report = {
        "sha256": digest,
        "domains": {domain: dataclasses.asdict(tally) for domain, tally in tallies.items()},
        "user_key": key,
        "keys": comparison.reset_index().to_dict("records"),
        "dropped": dict(dropped) | {f"no user ({key})": int((~has_user).sum())},
    }
    columns = ["domain", "user", "item", "rating", "timestamp", "title"]
    return frame.loc[has_user, columns].reset_index(drop=True), report


# --- the user key


def users(records: pd.DataFrame, key: str) -> list[str]:
    """The user of every record under one of KEYS; empty where the record names none."""
    names = records["reviewer"].tolist()
    if key.startswith("unique_id"):
        names = [_from_id(unique_id, name) for unique_id, name in zip(records["unique_id"], names)]
    if not key.endswith("location"):
        return names
    places = records["location"]
    return [f"{name} | {place}" if name and place else name for name, place in zip(names, places)]


def _from_id(unique_id: str, reviewer: str) -> str:
    """The third part of asin:headline:reviewer. Headlines and names may hold colons of their own."""
    name = reviewer.lower().replace(" ", "_")
    return name if unique_id.endswith(":" + name) else unique_id.rpartition(":")[2]


def key_comparison(records: pd.DataFrame) -> pd.DataFrame:
    """Table I's counts under every candidate key, indexed by (key, domain).

    no_user: records without a user; users, items, ratings: counts after R20; deviation: sum of their three
    relative deviations from Table I; total: its sum over the key's domains, by which the key is chosen."""
    rows = []
    for key in KEYS:
        keyed = records.assign(user=users(records, key))
        for domain, paper in TABLE_I.items():
            part = keyed[keyed["domain"] == domain]
            once = part[part["user"] != ""].drop_duplicates(["user", "item"])
            counts = once["user"].nunique(), once["item"].nunique(), len(once)
            deviation = sum(abs(a - b) / b for a, b in zip(counts, paper))
            rows.append((key, domain, int((part["user"] == "").sum()), *counts, deviation))
    columns = ["key", "domain", "no_user", "users", "items", "ratings", "deviation"]
    table = pd.DataFrame(rows, columns=columns).set_index(["key", "domain"])
    return table.assign(total=table.groupby("key")["deviation"].transform("sum"))


# --- reading


def read(archive: Path) -> tuple[pd.DataFrame, dict[str, Tally]]:
    """All usable records (the fields of `Record`, and `domain`) and what each domain's file held.

    Reads the archive as a stream, unpacks nothing to disk, and looks only into the six regular files of
    MEMBERS. Raises `UserError` for an archive that is damaged, passes a limit, or lacks one of the six."""
    tallies: dict[str, Tally] = {}
    frames = []
    try:
        for domain, file in _members(archive):
            if domain in tallies:
                raise tarfile.ReadError(f"it holds the reviews of '{domain}' twice")
            tallies[domain] = Tally()
            frame = pd.DataFrame(parse(file, tallies[domain]), columns=Record._fields)
            frames.append(frame.assign(domain=domain))
        usable = [domain for domain, tally in tallies.items() if tally.usable]
        if missing := [name for name, domain in MEMBERS.items() if domain not in usable]:
            raise tarfile.ReadError(f"it holds no file with usable reviews at {', '.join(missing)}")
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        # ValueError: tarfile's, of a word where a number belongs
        raise UserError(
            f"{archive} is damaged or not what it should be: {error}. Delete it, and {archive.name}.sha256, "
            f"and run again to download it anew, or put a good copy there by hand."
        ) from error
    return pd.concat(frames, ignore_index=True), {domain: tallies[domain] for domain in TABLE_I}


class _CountedStream:
    """The unpacked bytes of the archive, no more than `allowed` of them."""

    def __init__(self, file: gzip.GzipFile):
        self.file, self.allowed, self.count = file, MAX_HEADERS, 0

    def read(self, size: int) -> bytes:
        block = self.file.read(size)
        self.count += len(block)
        if self.count > self.allowed:
            raise tarfile.ReadError(f"it unpacks to more than {self.allowed:,} bytes where fewer belong")
        return block


def _members(archive: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Domain and content of every expected regular file, in the archive's order."""
    size = archive.stat().st_size
    with open(archive, "rb") as file, tqdm.wrapattr(file, "read", size, desc="reading reviews") as packed:
        stream = _CountedStream(gzip.GzipFile(fileobj=packed))
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK) as tar:
            for n, member in enumerate(tar, 1):
                if n > MAX_MEMBERS or member.size > MAX_MEMBER:
                    most = f"{MAX_MEMBERS:,} members or one over {MAX_MEMBER:,} bytes"
                    raise tarfile.ReadError(f"it unpacks to more than {most}")
                stream.allowed = min(MAX_TOTAL, member.offset_data + member.size + MAX_HEADERS)
                domain = MEMBERS.get(member.name.removeprefix("./"))
                if domain and member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
                    yield domain, tar.extractfile(member)
        stream.allowed = MAX_TOTAL
        while stream.read(_BLOCK):  # to the end, where the checksum of the packed data stands
            pass


def _check_hash(archive: Path, record: Path) -> str:
    """SHA-256 of the archive. Raises `UserError` if it is not what was recorded when it was first read."""
    digest = files.digest(archive)
    if record.exists() and record.read_text(encoding="utf-8").split()[:1] != [digest]:
        raise UserError(
            f"{archive} has changed: its SHA-256 is {digest}, {record.name} records another. If you put "
            f"another there on purpose, delete {record.name}. Otherwise delete both files and run again."
        )
    return digest


# --- the download


def download(urls: tuple[str, ...] = URLS, timeout: tuple[float, float] = (10, 60), pause: float = 2) -> Path:
    """Path of the archive in `data/raw/amazon/`; fetched from the first of `urls` that has it, if need be.

    timeout: seconds to connect and seconds without a byte. A broken connection is resumed after `pause`
    seconds. When no URL delivers, raises `UserError` with the reason of each, and leaves nothing behind."""
    archive = paths.raw("amazon") / ARCHIVE
    if archive.exists():
        return archive
    reasons = []
    with files.atomic(archive) as partial:
        for url in urls:
            partial.write_bytes(b"")
            try:
                _fetch(url, partial, timeout, pause)
                return archive
            except (requests.RequestException, BrokenStream) as error:
                reasons.append(f"{url}: {str(error)[:300]}")
        raise UserError(
            f"Could not download {ARCHIVE} (1.5 GB). {'; '.join(reasons)}. Check the connection and run "
            f"again, or fetch it by any other means and put it at {archive}: it is then used as it is."
        )


def _fetch(url: str, partial: Path, timeout: tuple[float, float], pause: float) -> None:
    """Fetch all of `url` into `partial`, trying again as long as that brings something new."""
    most = idle = 0
    while True:
        try:
            _receive(url, partial, timeout)
            break
        except (requests.ConnectionError, requests.Timeout, BrokenStream):
            size = partial.stat().st_size
            most, idle = (size, 0) if size > most else (most, idle + 1)
            if most == 0 or idle == TRIES:
                raise
            time.sleep(pause)
    with open(partial, "rb") as file:
        if file.read(2) != b"\x1f\x8b":
            raise requests.RequestException("what it sent is no gzip file")


def _receive(url: str, partial: Path, timeout: tuple[float, float]) -> None:
    """One connection: append what `partial` lacks, or start it anew where the server sends the whole."""
    size, total = partial.stat().st_size, None
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        answer.raise_for_status()
        if answer.status_code == 206:
            extent = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
            if not extent or int(extent[1]) != size:
                raise requests.RequestException(f"asked to go on from byte {size:,}, it sent another part")
            total = int(extent[2])
        else:
            size, length = 0, answer.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
        bar = tqdm(total=total, initial=size, unit="B", unit_scale=True, desc=ARCHIVE)
        with open(partial, "ab") as file, bar:
            file.truncate(size)
            # not iter_content: it would unpack what a server labels Content-Encoding: gzip
            for block in answer.raw.stream(_BLOCK, decode_content=False):
                bar.update(file.write(block))
            size = file.tell()
    if total is not None and size != total:
        raise requests.ConnectionError(f"the connection ended after {size:,} of {total:,} bytes")
