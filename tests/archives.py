"""Archives in the form of the Multi-Domain Sentiment Dataset, made by hand: sound ones, and what spoils them."""

import io
import random
import tarfile
from pathlib import Path

import pytest

from adc import paths
from adc.data import amazon


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def review(user: str, item: str, stars: str = "4.0", location: str = "Ayr", date: str = "May 4, 2005") -> bytes:
    fields = {
        "unique_id": f"{item}:fine:{user.lower().replace(' ', '_')}", "asin": item, "product_name": "Tea",
        "rating": stars, "date": date, "reviewer": user, "reviewer_location": location, "review_text": "Fine & good",
    }
    return b"<review>\n" + "".join(f"<{k}>\n{v}\n</{k}>\n" for k, v in fields.items()).encode() + b"</review>\n"


CONTENT = {
    name: b"".join(review(f"User {n}", f"B00{domain[:3]}{n % 4}") for n in range(12))
    for name, domain in amazon.MEMBERS.items()
} | {"sorted_data/books/all.review": random.Random(0).randbytes(400_000)}  # hardly packs: several blocks to send


def entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, kind, target
    return member


def packed(content: dict[str, bytes], extra=(), first=()) -> bytes:
    """A .tar.gz with `content` as regular files, and hand-made members before and after them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for member, data in first:
            tar.addfile(member, io.BytesIO(data))
        for name, data in content.items():
            tar.addfile(entry(name, len(data)), io.BytesIO(data))
        for member, data in extra:
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


GOOD = packed(CONTENT)


def place(content: bytes) -> Path:
    archive = paths.raw("amazon") / amazon.ARCHIVE
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(content)
    return archive


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
