"""ADC's epoch against its floor, its balancer against static weights, and where an epoch's time goes."""

from statistics import median

import numpy as np
import torch

from adc import data, mf, sample, train
from adc.settings import Settings
from adc.split import Split, split
from bench import parts
from bench.clock import Shares, alternate, now

LAYERS = 3  # h; W is one more
BATCH, DIM = 1024, 100  # users a step, d


def measure(scale: float, rounds: int) -> dict:
    """Seconds of an epoch by balancer and of its floor; of a step with the balancer and without; triples an epoch."""
    ratings = split(data.load(data.dataset_id("twin", scale=scale)), 0)
    static, gradnorm = trainer(ratings, "static"), trainer(ratings, "gradnorm")
    floor = Floor(min(BATCH, len(static.users)), ratings.ratings.p * DIM)
    epochs = alternate({"floor": floor, "static": static.epoch, "gradnorm": gradnorm.epoch}, rounds)
    batches = len(static.users) / floor.batch
    gflops = floor.flops / epochs["floor"] / 1e9
    epochs["floor"] *= batches / floor.SETS
    return {
        "users": len(static.users), "ratings": len(ratings.ratings.rating), "gflops": gflops, "epochs": epochs,
        "triples": sum(len(each.user) * each.negatives for each in static.triples),
        "steps": steps(static, gradnorm, rounds), "shares": shares(ratings, rounds),
    }  # fmt: skip


def trainer(ratings: Split, balancer: str) -> train.Trainer:
    settings = Settings(balancer=balancer, hidden_layers=LAYERS, dim=DIM, batch_users=BATCH, pretraining="none", device="cpu")
    return train.Trainer(settings, ratings, mf.starts(ratings, "random", DIM))


class Floor:
    """The products of the dense layers alone, forward and both ways back, for SETS batches of users."""

    SETS = 8

    def __init__(self, batch: int, width: int):
        self.batch = batch
        self.x, self.g = torch.randn(2, LAYERS + 1, batch, width)
        self.w, self.into_w = torch.randn(2, LAYERS + 1, width, width)
        self.into_x = torch.empty(batch, width)
        self.flops = self.SETS * (LAYERS + 1) * 3 * 2 * batch * width**2

    def __call__(self) -> None:
        for _ in range(self.SETS):
            for x, g, w, into_w in zip(self.x, self.g, self.w, self.into_w):
                torch.mm(x, w.T, out=self.into_x)
                torch.mm(g, w, out=self.into_x)
                torch.mm(g.T, x, out=into_w)


def steps(static: train.Trainer, gradnorm: train.Trainer, rounds: int) -> dict[str, float]:
    """Median seconds of a step on the same batches: static weights without any norm, and gradnorm."""
    assert hasattr(static, "_norms"), "the name of what computes the norms has changed"
    static._norms = lambda *_: torch.zeros(static.p)
    took, rng = {static: [], gradnorm: []}, np.random.default_rng(0)
    for _ in range(-(-rounds // 2)):
        for users, batch in sample.epoch(static.triples, static.users, BATCH, rng):
            for each in (static, gradnorm) if len(took[static]) % 2 else (gradnorm, static):
                began = now()
                each.balancer.step(*each.step(users, batch))
                took[each].append(now() - began)
    return {"static": median(took[static]), "gradnorm": median(took[gradnorm])}


def shares(ratings: Split, rounds: int) -> dict:
    """Seconds of an epoch with gradnorm by part."""
    ours = trainer(ratings, "gradnorm")
    ours.epoch()
    places = {
        "drawing triples": [(train, "epoch")],
        "inputs": [(ours.model, "concatenate"), (ours.model, "looked_up")],
        "layers forward": [(ours.model, "hidden"), (ours.model, "decouple")],
        "BPR": [(ours, "_rank")],
        "agreement": [(ours, "_agree")],
        "norms, balancer": [(ours, "_norms"), (ours.balancer, "step")],
        "layers backward": [(ours, "_descend")],
        "Adam, network": [(ours.optimizer, "step")],
        "Adam, vectors": [(ours.user_optimizer, "step"), (ours.item_optimizer, "step")],
    }
    watched = Shares()
    for name, spots in places.items():
        for owner, attribute in spots:
            watched.watch(name, owner, attribute)
    for _ in range(rounds):
        ours.epoch()
    took = watched.done()
    return {"seconds": {name: took.get(name, 0.0) / rounds for name in [*places, "rest"]}, "missing": watched.missing}


if __name__ == "__main__":
    parts.answer(measure)
