"""An epoch of ADC on a GPU beside one on the same machine's processor (`./run_all.sh bench --only gpu`)."""

import sys

import torch

from bench import processes
from bench.clock import alternate
from bench.music import split_twin
from bench.training import trainer

BATCHES = (256, 1024, 4096)  # users a step


def measure(scale: float, rounds: int) -> dict:
    """Seconds of an epoch by "<balancer>, <users a step>", on the GPU (`cuda`) and the processor (`cpu`)."""
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no GPU here")
    split, epochs = split_twin(scale), {}
    for batch in BATCHES:
        for balancer in ("static", "gradnorm"):
            works = {}
            for device in ("cuda", "cpu"):
                each = trainer(split, balancer, batch_users=batch, device=device)
                works[device] = lambda each=each: finish_epoch(each)
            epochs[f"{balancer}, {batch} users a step"] = alternate(works, rounds)
    return {"epochs": epochs, "gpu": torch.cuda.get_device_name()}


def finish_epoch(each) -> None:
    """An epoch to its end: the GPU may still be at work when `epoch` returns."""
    each.epoch()
    torch.cuda.synchronize()


if __name__ == "__main__":
    processes.answer(measure)
