"""Seconds before the first epoch: the MF start of all domains, the twin, and the Amazon archive's parser."""

import io
import random
import tarfile
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from adc import data, mf
from adc.data import amazon, twin
from adc.split import TRAIN, split
from bench import parts
from bench.clock import seconds

DIM = 100
REVIEWS = 15_000  # a domain, of 1.06 kB each in the mean, as 4,000 real ones have
WORDS = [f"{a}{b}" for a in ("tea", "read", "film", "play", "cook", "sound") for b in ("", "s", "er", "ing", "ed")]


def measure(scale: float, rounds: int) -> dict:
    """Seconds of the start (and of scipy's svds, as many vectors), of the twin; MB/s of the parser (and of unpacking alone)."""
    ratings = split(data.load(data.dataset_id("twin", scale=scale)), 0)
    return {
        "start": seconds(lambda: mf.starts(ratings, "als", DIM)),
        "svds": seconds(lambda: spectral(ratings)),
        "twin": median(seconds(lambda: twin.ratings(scale=scale)) for _ in range(rounds)),
    } | reading(max(100, round(REVIEWS * min(1, scale))), rounds)


def spectral(ratings) -> None:
    for k in range(ratings.ratings.p):
        user, item, rating = ratings.of(k, TRAIN)
        shape = len(ratings.ratings.users), len(ratings.ratings.items[k])
        matrix = sp.csr_matrix((rating - rating.mean(), (user, item)), shape)
        svds(matrix.astype(np.float32), k=min(DIM, min(matrix.shape) - 1))


def reading(reviews: int, rounds: int) -> dict:
    """MB of reviews a second, unpacked, from a synthetic archive of the form of the Multi-Domain Sentiment Dataset."""
    with tempfile.TemporaryDirectory() as place:
        archive = Path(place) / amazon.ARCHIVE
        size = write(archive, reviews)
        took = median(seconds(lambda: amazon.read(archive)) for _ in range(rounds))
        unpacked = median(seconds(lambda: unpack(archive)) for _ in range(rounds))
    return {"parser": size / 1e6 / took, "unpacking": size / 1e6 / unpacked, "archive": size / 1e6}


def write(archive: Path, reviews: int) -> int:
    """Write an archive; returns the bytes of its reviews."""
    rng, total = random.Random(0), 0
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for name, domain in amazon.MEMBERS.items():
            content = "".join(review(rng, domain, n) for n in range(reviews)).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            total += len(content)
            tar.addfile(member, io.BytesIO(content))
    return total


def review(rng: random.Random, domain: str, number: int) -> str:
    user, item = f"Reader {rng.randrange(9000)}", f"B000{domain[:3]}{rng.randrange(5000)}"
    fields = {
        "unique_id": f"{item}:a_headline_of_some_length:{user.lower().replace(' ', '_')}", "asin": item,
        "product_name": f"Number {number} & more: {domain}", "helpful": "3 of 4", "rating": f"{rng.randint(1, 5)}.0",
        "title": "A headline of some length", "date": f"May {rng.randint(1, 28)}, {rng.randint(1999, 2006)}",
        "reviewer": user, "reviewer_location": "Ayr, Scotland", "review_text": " ".join(rng.choices(WORDS, k=100)),
    }  # fmt: skip
    return "<review>\n" + "".join(f"<{tag}>\n{value}\n</{tag}>\n" for tag, value in fields.items()) + "</review>\n"


def unpack(archive: Path) -> None:
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            file = tar.extractfile(member)
            while file.read(4 << 20):
                pass


if __name__ == "__main__":
    parts.answer(measure)
