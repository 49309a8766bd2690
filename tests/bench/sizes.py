"""What a whole run needs, and how an epoch's time and memory grow with the ratings."""

import resource
import shutil
import sys

from adc import data, mf, paths, train
from adc.split import split
from bench import parts, training
from bench.clock import alternate, seconds


def measure(scale: float, rounds: int, whole: bool = False) -> dict:
    """Peak memory in MB before anything is loaded and at the end, of one whole run of two epochs with its validation
    and test, or else of training alone; then with the seconds of an epoch and of the MF start as well."""
    began, dataset = peak(), data.dataset_id("twin", scale=scale)
    if whole:
        shutil.rmtree(paths.runs(dataset), ignore_errors=True)
        config = train.configuration(dataset=dataset, epochs=2, pretraining_epochs=1, batch_users=training.BATCH, device="cpu")
        return {"seconds": seconds(lambda: train.run(config, show=False)), "peak": peak(), "before": began}
    ratings = split(data.load(dataset), 0)
    epoch = alternate({"epoch": training.trainer(ratings, "gradnorm").epoch}, rounds)["epoch"]
    found = {"ratings": len(ratings.ratings.rating), "epoch": epoch, "peak": peak(), "before": began}
    return found | {"start": seconds(lambda: mf.starts(ratings, "als", training.DIM))}


def peak() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    parts.answer(measure)
