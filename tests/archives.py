"""Archives in the form of the Multi-Domain Sentiment Dataset, made by hand: sound ones and hostile ones."""

import io
import random
import tarfile
from pathlib import Path

from companion import paths
from companion.data import amazon


def review(user: str, item: str, stars="4.0", location="Ayr", date="May 4, 2005") -> bytes:
    fields = {
        "unique_id": f"{item}:fine:{user.lower().replace(' ', '_')}", "asin": item, "product_name": "Tea",
        "rating": stars, "date": date, "reviewer": user, "reviewer_location": location,
        "review_text": "Fine & good",
    }  # fmt: skip
    lines = "".join(f"<{tag}>\n{value}\n</{tag}>\n" for tag, value in fields.items())
    return f"<review>\n{lines}</review>\n".encode()


DVD = "sorted_data/dvd/all.review"
SMALL = {}  # domain by domain, 12 reviews of 12 users and 4 items
for _name, _domain in amazon.MEMBERS.items():
    SMALL[_name] = b"".join(review(f"User {n}", f"B00{_domain[:3]}{n % 4}") for n in range(12))
# and something that hardly packs, so that several blocks are sent
CONTENT = SMALL | {"sorted_data/books/all.review": random.Random(0).randbytes(400_000)}


def entry(name: str, size=0, kind: bytes = tarfile.REGTYPE, target: str = "", **pax: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname, member.pax_headers = size, kind, target, pax
    return member


def packed(content: dict[str, bytes], extra=(), first=()) -> bytes:
    """A .tar.gz with `content` as regular files, and members made by hand (entry, bytes) around them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        files = [(entry(name, len(data)), data) for name, data in content.items()]
        for member, data in [*first, *files, *extra]:
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


GOOD = packed(CONTENT)


def place(content: bytes) -> Path:
    """Put an archive where the source looks for it."""
    archive = paths.raw("amazon") / amazon.ARCHIVE
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(content)
    return archive
