"""ADC's epoch against its floor, its fast step against the plain one, its balancer against equal weights."""

from statistics import median

import numpy as np
import torch

from adc import fast_step
from adc.config import Config
from adc.mf_init import initial_vectors
from adc.sampling import user_batches
from adc.split import Split
from adc.train import Trainer
from bench import processes
from bench.clock import alternate, seconds
from bench.music import split_twin

LAYERS = 3  # h; W is one more
BATCH, DIM = 1024, 100  # users a step, d


def measure(scale: float, rounds: int) -> dict:
    """Seconds of an epoch by balancer, with the plain step, and of its floor; of a step with the balancer and
    without; triples an epoch."""
    split = split_twin(scale)
    static, gradnorm = trainer(split, "static"), trainer(split, "gradnorm")
    floor = Floor(min(BATCH, len(static.users)), split.ratings.p * DIM)
    epochs = alternate({"floor": floor, "static": static.epoch, "gradnorm": gradnorm.epoch}, rounds)
    gflops = floor.flops / epochs["floor"] / 1e9
    epochs["floor"] *= len(static.users) / floor.batch / floor.REPEATS
    epochs["plain"] = seconds(trainer(split, "gradnorm", step="plain").epoch)
    triples = sum(len(of_domain.user) * of_domain.negatives for of_domain in static.triples)
    return {"gflops": gflops, "epochs": epochs, "triples": triples, "steps": steps(static, gradnorm, rounds)}


def trainer(split: Split, balancer: str, **settings) -> Trainer:
    """ADC of h = LAYERS on the processor, not pretrained, from a random start."""
    usual = {
        "hidden_layers": LAYERS, "dim": DIM, "batch_users": BATCH, "pretraining": "none", "device": "cpu",
    }  # fmt: skip
    vectors = initial_vectors(split, "random", DIM)
    return Trainer(Config(balancer=balancer, **usual | settings), split, vectors)


class Floor:
    """The products of the dense layers alone, forward and both ways back, for REPEATS batches of users."""

    REPEATS = 8

    def __init__(self, batch: int, width: int):
        self.batch = batch
        self.x, self.g = torch.randn(2, LAYERS + 1, batch, width)
        self.w, self.at_w = torch.randn(2, LAYERS + 1, width, width)
        self.at_x = torch.empty(batch, width)
        self.flops = self.REPEATS * (LAYERS + 1) * 3 * 2 * batch * width**2

    def __call__(self) -> None:
        for _ in range(self.REPEATS):
            for x, g, w, at_w in zip(self.x, self.g, self.w, self.at_w):
                torch.mm(x, w.T, out=self.at_x)
                torch.mm(g, w, out=self.at_x)
                torch.mm(g.T, x, out=at_w)


def steps(static: Trainer, gradnorm: Trainer, rounds: int) -> dict[str, float]:
    """Median seconds of a step on the same batches: with equal weights and no norms, and with GradNorm."""
    norms = fast_step._norms
    no_norms = torch.zeros(static.p)
    fast_step._norms = lambda trainer, *rest: no_norms if trainer is static else norms(trainer, *rest)
    times, rng = {static: [], gradnorm: []}, np.random.default_rng(0)
    for _ in range(-(-rounds // 2)):
        for users, batch in user_batches(static.triples, static.users, BATCH, rng):
            for each in (static, gradnorm) if len(times[static]) % 2 else (gradnorm, static):
                times[each].append(seconds(lambda each=each: each.step(users, batch)))
    fast_step._norms = norms
    return {"static": median(times[static]), "gradnorm": median(times[gradnorm])}


if __name__ == "__main__":
    processes.answer(measure)
