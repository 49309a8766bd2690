"""What a whole run needs, and how an epoch's time and memory grow with the ratings."""

import resource
import shutil
import sys

from adc.mf_init import initial_vectors
from bench import music, processes, training
from bench.clock import alternate, seconds
from companion import data, paths, registry


def measure(scale: float, rounds: int, whole: bool = False) -> dict:
    """Peak memory in MB before the ratings are read and at the end: of a whole run of two epochs with its
    validation and test; or of training alone, with the seconds of an epoch and of the MF start."""
    before = peak()
    if whole:
        dataset = data.dataset_id("twin", scale=scale)
        shutil.rmtree(paths.runs(dataset), ignore_errors=True)
        settings = {"epochs": 2, "pretraining_epochs": 1, "batch_users": training.BATCH, "device": "cpu"}
        config = registry.configure("adc", dataset, **settings)
        time = seconds(lambda: registry.train(config, show=False))
        return {"seconds": time, "peak": peak(), "before": before}
    split = music.split_twin(scale)
    epoch = alternate({"epoch": training.trainer(split, "gradnorm").epoch}, rounds)["epoch"]
    result = {"ratings": len(split.ratings.rating), "epoch": epoch, "peak": peak(), "before": before}
    return result | {"start": seconds(lambda: initial_vectors(split, "als", training.DIM))}


def peak() -> float:
    """The most memory this process has held, in MB."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    processes.answer(measure)
