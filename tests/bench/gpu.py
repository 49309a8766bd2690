"""`./run_all.sh bench gpu`: an epoch of ADC on a GPU beside one on the same machine's processor, for docs/cluster.md."""

import argparse
import platform

import torch
from tqdm.auto import tqdm

from adc import data, mf, train
from adc.settings import Settings
from adc.split import Split, split
from bench.clock import alternate
from bench.rows import Row, markdown
from bench.training import DIM, LAYERS


def main(words: list[str]) -> int:
    """Print the table; without a GPU say so."""
    parser = argparse.ArgumentParser(prog="./run_all.sh bench gpu", allow_abbrev=False)
    parser.add_argument("--scale", type=float, default=1.0, help="of the synthetic twin; 1 is Table I")
    parser.add_argument("--batches", type=lambda word: list(map(int, word.split(","))), default=[256, 1024, 4096], help="users a step")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    asked = parser.parse_args(words)
    if not torch.cuda.is_available():
        print("PyTorch sees no GPU here, so there is nothing to measure.")
        return 1
    parts = split(data.prepare("twin", scale=asked.scale), 0)
    names = f"{torch.cuda.get_device_name()}; {platform.machine()}, {torch.get_num_threads()} threads; torch {torch.__version__}"
    print(f"{names}; {data.label(parts.ratings.name)}, {len(parts.ratings.rating):,} ratings", flush=True)
    rows = []
    for batch in tqdm(asked.batches, unit="size"):
        rows += epochs(parts, batch, asked.rounds)
    print(markdown(rows))
    return 0


def epochs(parts: Split, batch: int, rounds: int) -> list[Row]:
    """Seconds of an epoch with equal weights and with the paper's balancer, on the GPU beside the processor."""
    found = []
    for balancer in ("static", "gradnorm"):
        made = {device: trainer(parts, balancer, batch, device) for device in ("cuda", "cpu")}
        took = alternate({device: lambda each=each: epoch(each) for device, each in made.items()}, rounds)
        found.append(Row(f"epoch, {balancer}, batches of {batch} users", "s", took["cuda"], took["cpu"], "processor"))
    return found


def trainer(parts: Split, balancer: str, batch: int, device: str) -> train.Trainer:
    settings = Settings(balancer=balancer, hidden_layers=LAYERS, dim=DIM, batch_users=batch, pretraining="none", device=device)
    return train.Trainer(settings, parts, mf.starts(parts, "random", DIM))


def epoch(made: train.Trainer) -> None:
    """To its end: what a GPU was told may not be done yet."""
    made.epoch()
    torch.cuda.synchronize()
