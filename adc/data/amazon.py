"""The paper's data (R37): six domains of the Multi-Domain Sentiment Dataset, from its archive of raw reviews."""

import gzip
import hashlib
import re
import tarfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import requests
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError as BrokenStream

from adc import files, paths
from adc.data.reviews import Record, Tally, parse
from adc.data.table1 import TABLE_I
from adc.errors import UserError

LABEL = "Amazon, Multi-Domain Sentiment Dataset"  # in titles
ARCHIVE = "unprocessed.tar.gz"
URLS = tuple(f"{scheme}://www.cs.jhu.edu/~mdredze/datasets/sentiment/{ARCHIVE}" for scheme in ("https", "http"))
_FOLDERS = {"kitchen": "kitchen_&_housewares", "toys": "toys_&_games"}  # the others are named as their domains are
MEMBERS = {f"sorted_data/{_FOLDERS.get(domain, domain)}/all.review": domain for domain in TABLE_I}
TRIES = 3  # connections in a row that bring nothing new before a place is given up
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """What the archive may hold before it is taken for a bomb; several times what the real one needs."""

    member: int = 4 << 30  # bytes
    total: int = 32 << 30  # bytes
    members: int = 10_000
    headers: int = 1 << 17  # bytes between two members' contents; tarfile keeps them all, and recurses into them


def ratings(archive: Path | None = None) -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating, timestamp, title` of all reviews that name a user, and a report.

    Without `archive` the one in `data/raw/amazon/` is read, downloaded if it is not there. timestamp is in seconds,
    0 where the date cannot be read. The user key is the candidate nearest to Table I (R37); repeated ratings are
    still there (R20 is the checker's). The report can be written as JSON: `sha256`, `domains` (records seen, kept,
    undated, bad by reason), `user_key`, `keys` (the rows of `key_comparison`), `dropped` (reasons, all domains).
    Raises `UserError` when the archive cannot be had, is damaged, or is not what was recorded.
    """
    own = archive is None
    archive = download() if archive is None else Path(archive)
    digest = checked(archive)
    records, tallies = read(archive)
    if own:
        _record_hash(archive, digest)
    table = key_comparison(records)
    key = table["total"].idxmin()[0]
    frame = records.assign(user=users(records, key))
    named = frame["user"] != ""
    dropped = sum((tally.bad for tally in tallies.values()), Counter())
    report = {
        "sha256": digest,
        "domains": {domain: vars(tally) | {"bad": dict(tally.bad)} for domain, tally in tallies.items()},
        "user_key": key,
        "keys": table.reset_index().to_dict("records"),
        "dropped": dict(dropped) | {f"no user ({key})": int((~named).sum())},
    }
    columns = ["domain", "user", "item", "rating", "timestamp", "title"]
    return frame.loc[named, columns].reset_index(drop=True), report


# --- the user key


def users(records: pd.DataFrame, key: str) -> list[str]:
    """The user of every record under one of KEYS; empty where the record names none."""
    columns = (records[name].tolist() for name in ("unique_id", "reviewer", "location"))
    return [KEYS[key](*row) for row in zip(*columns)]


def _from_id(unique_id: str, reviewer: str, location: str) -> str:
    """The third part of asin:headline:reviewer. Headlines and names may hold colons of their own."""
    expected = reviewer.lower().replace(" ", "_")
    return expected if unique_id.endswith(":" + expected) else unique_id.rpartition(":")[2]


def _with_location(user: str, location: str) -> str:
    return f"{user} | {location}" if user and location else user


KEYS = {
    "reviewer": lambda unique_id, reviewer, location: reviewer,
    "reviewer + location": lambda unique_id, reviewer, location: _with_location(reviewer, location),
    "unique_id": _from_id,
    "unique_id + location": lambda *row: _with_location(_from_id(*row), row[2]),
}


def key_comparison(records: pd.DataFrame) -> pd.DataFrame:
    """Table I under every candidate key, indexed by (key, domain), beside the paper's counts.

    no_user: records without a user; users, items, ratings: counts after R20; table_*: the paper's; deviation: sum
    of the three relative deviations; total: its sum over the key's domains, by which the key is chosen.
    """
    rows = []
    for key in KEYS:
        keyed = records.assign(user=users(records, key))
        named = keyed[keyed["user"] != ""].drop_duplicates(["domain", "user", "item"])
        for domain, paper in TABLE_I.items():
            part = named[named["domain"] == domain]
            ours = part["user"].nunique(), part["item"].nunique(), len(part)
            deviation = sum(abs(a - b) / b for a, b in zip(ours, paper))
            without = int((keyed["user"][keyed["domain"] == domain] == "").sum())
            rows.append((key, domain, without, *ours, *paper, deviation))
    names = ["users", "items", "ratings"]
    columns = ["key", "domain", "no_user", *names, *(f"table_{name}" for name in names), "deviation"]
    table = pd.DataFrame(rows, columns=columns).set_index(["key", "domain"])
    return table.assign(total=table.groupby("key")["deviation"].transform("sum"))


# --- reading


def read(archive: Path, limits: Limits = Limits()) -> tuple[pd.DataFrame, dict[str, Tally]]:
    """All usable records (the fields of `Record`, and `domain`) and what each domain's file held.

    The archive is read as a stream, nothing is unpacked to disk, and nothing but the six regular files of MEMBERS
    is looked into. Raises `UserError` for a damaged archive, one that passes `limits`, or one without all six files.
    """
    tallies: dict[str, Tally] = {}
    frames = []
    try:
        for domain, file in _members(archive, limits):
            if domain in tallies:
                raise UserError(f"{archive} holds the reviews of '{domain}' twice. {_cure(archive)}")
            tallies[domain] = Tally()
            frames.append(pd.DataFrame(parse(file, tallies[domain]), columns=Record._fields).assign(domain=domain))
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:  # tarfile's, of a word for a number
        raise UserError(f"{archive} is damaged or is no .tar.gz archive ({error}). {_cure(archive)}") from error
    missing = [name for name, domain in MEMBERS.items() if domain not in tallies or not tallies[domain].kept]
    if missing:
        raise UserError(f"{archive} holds no file with usable reviews at {', '.join(missing)}. {_cure(archive)}")
    return pd.concat(frames, ignore_index=True), {domain: tallies[domain] for domain in TABLE_I}


class _Counted:
    """The unpacked bytes of the archive, no more than `allowed` of them."""

    def __init__(self, file: gzip.GzipFile, archive: Path, allowed: int):
        self.file, self.archive, self.allowed, self.count = file, archive, allowed, 0

    def read(self, size: int) -> bytes:
        block = self.file.read(size)
        self.count += len(block)
        if self.count > self.allowed:
            raise _bomb(self.archive, f"more than {self.allowed:,} bytes where fewer belong")
        return block


def _members(archive: Path, limits: Limits) -> Iterator[tuple[str, BinaryIO]]:
    """Domain and content of every expected regular file, in the archive's order."""
    size = archive.stat().st_size
    with open(archive, "rb") as packed, tqdm.wrapattr(packed, "read", size, desc="reading reviews") as watched:
        stream = _Counted(gzip.GzipFile(fileobj=watched), archive, limits.headers)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK) as tar:  # type: ignore[call-overload]  # of a file it only reads
            for n, member in enumerate(tar, 1):
                if n > limits.members or member.size > limits.member:
                    raise _bomb(archive, f"more than {limits.members:,} members or one over {limits.member:,} bytes")
                stream.allowed = min(limits.total, member.offset_data + member.size + limits.headers)
                domain = MEMBERS.get(member.name.removeprefix("./"))
                if domain and member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
                    yield domain, tar.extractfile(member)
        stream.allowed = limits.total
        while stream.read(_BLOCK):  # to the end, where the checksum of the packed data stands
            pass


def _bomb(archive: Path, what: str) -> UserError:
    return UserError(f"{archive} unpacks to {what}: the real one does not. {_cure(archive)}")


def _cure(archive: Path) -> str:
    return (
        f"Delete it, and {archive.name}.sha256 if that lies beside it, and run again to download it anew; or put "
        f"a good copy there by hand."
    )


# --- getting it


def checked(archive: Path) -> str:
    """SHA-256 of the archive. Raises `UserError` if it is not there or not what was recorded when it was first had."""
    if not archive.is_file():
        raise UserError(f"There is no file {archive}. Name the place of {ARCHIVE}, or leave it out to download it.")
    with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    record = _hash_file(archive)
    if record.exists() and record.read_text(encoding="utf-8").split()[:1] != [digest]:
        raise UserError(
            f"{archive} has changed: its SHA-256 is {digest}, but {record.name} beside it records another. If you put "
            f"another archive there on purpose, delete {record.name}. Otherwise delete both files and run again to "
            f"download it anew."
        )
    return digest


def _hash_file(archive: Path) -> Path:
    return archive.with_name(archive.name + ".sha256")


def _record_hash(archive: Path, digest: str) -> None:
    if not _hash_file(archive).exists():
        with files.aside(_hash_file(archive)) as partial:
            partial.write_text(f"{digest}  {archive.name}\n", encoding="utf-8")


def download(urls: tuple[str, ...] = URLS, timeout: tuple[float, float] = (10, 60), pause: float = 2) -> Path:
    """Path of the archive in `data/raw/amazon/`; fetched from the first of `urls` that has it, unless it is there.

    timeout: seconds to connect and seconds without a byte. A dropped connection is taken up where it broke, if the
    server can, after `pause` seconds. The SHA-256 of a download is recorded beside it. Raises `UserError` with every
    place and its reason when none delivers; nothing is left behind then.
    """
    archive = paths.raw("amazon") / ARCHIVE
    if archive.exists():
        return archive
    with files.aside(archive) as partial:
        reasons = []
        for url in urls:
            try:
                _fetch(url, partial, timeout, pause)
                break
            except (requests.RequestException, BrokenStream) as error:
                reasons.append(f"{url}: {str(error)[:300]}")
                partial.unlink(missing_ok=True)
        else:
            raise UserError(
                f"Could not download {ARCHIVE} (1.5 GB) from any place. {'; '.join(reasons)}. Check the connection and "
                f"run again, or fetch it by any other means and put it at {archive}: it is then used as it is."
            )
    _record_hash(archive, checked(archive))
    return archive


def _fetch(url: str, partial: Path, timeout: tuple[float, float], pause: float) -> None:
    """Fetch all of `url` into `partial`, trying again as long as that brings something new."""
    most, idle = 0, 0
    while True:
        try:
            _receive(url, partial, timeout)
            break
        except (requests.ConnectionError, requests.Timeout, BrokenStream):
            size = partial.stat().st_size if partial.exists() else 0
            idle = 0 if size > most else idle + 1
            most = max(most, size)
            if most == 0 or idle == TRIES:
                raise
            time.sleep(pause)
    with open(partial, "rb") as file:
        if file.read(2) != b"\x1f\x8b":
            raise requests.RequestException("what it sent is no gzip file")


def _receive(url: str, partial: Path, timeout: tuple[float, float]) -> None:
    """One connection: append what `partial` lacks, or start it anew where the server sends the whole."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        answer.raise_for_status()
        start, total = _extent(answer, have)
        bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=ARCHIVE)
        with open(partial, "ab") as file, bar:
            file.truncate(start)
            # not iter_content: it would unpack what a server labels Content-Encoding: gzip
            for block in answer.raw.stream(_BLOCK, decode_content=False):
                file.write(block)
                bar.update(len(block))
    size = partial.stat().st_size
    if total is not None and size != total:
        raise requests.ConnectionError(f"the connection ended after {size:,} of {total:,} bytes")


def _extent(answer: requests.Response, have: int) -> tuple[int, int | None]:
    """Where in the file the answer starts, and the size of the whole file if the server tells."""
    if answer.status_code != 206:
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    extent = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    if not extent or int(extent[1]) != have:
        raise requests.RequestException(f"asked to go on from byte {have:,}, it sent another part")
    return have, int(extent[2])
