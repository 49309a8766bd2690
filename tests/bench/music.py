"""What is ranked in the benchmark: the twin's largest domain, music, by vectors that follow popularity."""

from pathlib import Path

import numpy as np

from adc.evaluation import RankingTask, popularity
from adc.split import TEST, TRAIN, VALID, Split, split_ratings
from bench import processes
from companion import data

DIM = 100


def split_twin(scale: float) -> Split:
    """The synthetic twin of Table I, made if it is not there yet, split by seed 0."""
    return split_ratings(data.load(data.dataset_id("twin", scale=scale)), 0)


def prepare(scale: float, folder: str = "") -> dict:
    """Make the twin, and with `folder` write music there as the peers read it (RecBole's atomic files)."""
    split = split_twin(scale)
    if folder:
        export(split, Path(folder))
    return {"ratings": len(split.ratings.rating)}


def music_task(split: Split) -> RankingTask:
    """Users and relevant items of music; by ≥, which leaves more to rank than the strict rule (R24)."""
    return RankingTask(split, split.ratings.index("music"), TEST, "at_least")


def vectors(split: Split) -> dict[str, np.ndarray]:
    """User [n, DIM] and item [m, DIM] vectors: popularity, and noise that makes ties rare."""
    rng, domain = np.random.default_rng(0), split.ratings.index("music")
    popular = popularity(split, domain)
    user = rng.normal(0, 0.1, (len(split.ratings.users), DIM)).astype(np.float32)
    item = rng.normal(0, 0.1, (len(popular), DIM)).astype(np.float32)
    warm = np.bincount(split.ratings.user[split.part == TRAIN], minlength=len(user)) > 0
    user[~warm], user[:, 0], item[:, 0] = 0, 1, popular
    return {"user": user, "item": item}


def export(split: Split, folder: Path) -> None:
    """music.<part>.inter, its test the relevant items; `vectors.npz`; the whole of dvd and of music."""
    domain, task = split.ratings.index("music"), music_task(split)
    for name in ("dvd", "music"):  # CoNet takes items of one name for the same item
        users, items = split.of(split.ratings.index(name))[:2]
        write(folder.parent / name / f"{name}.inter", users, [f"{name}-{item}" for item in items])
    parts = {"train": split.of(domain, TRAIN)[:2], "valid": split.of(domain, VALID)[:2]}
    parts["test"] = task.users[task.user], task.item
    for name, (users, items) in parts.items():
        write(folder / f"music.{name}.inter", users, items)
    np.savez(folder / "vectors.npz", **vectors(split))


def write(file: Path, users, items) -> None:
    """One of RecBole's atomic files."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{user}\t{item}" for user, item in zip(users, items)]
    file.write_text("\n".join(["user_id:token\titem_id:token", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    processes.answer(prepare)
