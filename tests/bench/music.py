"""What is ranked in the benchmark: the twin's largest domain, music, by vectors that have it roughly by popularity."""

from pathlib import Path

import numpy as np

from adc import data
from adc.evaluate import Questions, popularity
from adc.split import TEST, TRAIN, VALID, Split, split
from bench import parts

DIM = 100


def prepare(scale: float, folder: str = "") -> dict:
    """Make the twin, and where `folder` is named put music there as the peers read it (RecBole's atomic files)."""
    ratings = split(data.prepare("twin", scale=scale), 0)
    if folder:
        export(ratings, Path(folder))
    return {"ratings": len(ratings.ratings.rating)}


def questions(ratings: Split) -> Questions:
    """Who is asked about what; by ≥, so that there is more to count than by the strict rule (R24)."""
    return Questions(ratings, ratings.ratings.index("music"), TEST, "at_least")


def vectors(ratings: Split) -> dict[str, np.ndarray]:
    """User [n, DIM] and item [m, DIM] vectors: popularity, and noise that makes ties rare; the cold know it alone."""
    rng, domain = np.random.default_rng(0), ratings.ratings.index("music")
    popular = popularity(ratings, domain)
    user = rng.normal(0, 0.1, (len(ratings.ratings.users), DIM)).astype(np.float32)
    item = rng.normal(0, 0.1, (len(popular), DIM)).astype(np.float32)
    known = np.bincount(ratings.ratings.user[ratings.part == TRAIN], minlength=len(user)) > 0
    user[~known], user[:, 0], item[:, 0] = 0, 1, popular
    return {"user": user, "item": item}


def export(ratings: Split, folder: Path) -> None:
    """music.<part>.inter with the relevant items as its test, `vectors.npz`, and the whole of dvd and music."""
    domain, asked = ratings.ratings.index("music"), questions(ratings)
    for name in ("dvd", "music"):  # whole, for CoNet, which splits them itself and takes items of one name for the same item
        users, items = ratings.of(ratings.ratings.index(name))[:2]
        write(folder.parent / name / f"{name}.inter", (users, [f"{name}-{item}" for item in items]))
    held = {"train": ratings.of(domain, TRAIN)[:2], "valid": ratings.of(domain, VALID)[:2]}
    held["test"] = asked.users[asked.user], asked.item
    for name, pairs in held.items():
        write(folder / f"music.{name}.inter", pairs)
    np.savez(folder / "vectors.npz", **vectors(ratings))


def write(file: Path, pairs: tuple[np.ndarray, np.ndarray | list[str]]) -> None:
    """One of RecBole's atomic files."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{user}\t{item}" for user, item in zip(*pairs)]
    file.write_text("\n".join(["user_id:token\titem_id:token", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parts.answer(prepare)
