"""Training that can be watched and stopped: live, again as a stored run was trained, or to make a run (notebook 10)."""

import copy
import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch

from adc import baselines, fit, mf, runs, started, train
from adc.errors import UserError
from adc.model import ADC
from adc.split import VALID, Split

Tell = Callable[[int], None]  # called with the number of passes done, many times in each; may raise Stopped


class Stopped(Exception):
    """Raised by whoever is told, to end a training; nothing is stored."""


class Watched(train.Trainer):
    """ADC's trainer, which tells how far it is before every step and after every pass, pretraining's among them."""

    passes = 0

    def __init__(self, config: dict, parts: Split, starts: list[mf.Start], tell: Tell):
        self.tell = tell
        super().__init__(train.settings_of(config), parts, starts)

    def _pass(self) -> list[dict]:
        rows = super()._pass()
        self.passes += 1
        self.tell(self.passes)
        return rows

    def step(self, users: np.ndarray, batch: list) -> tuple[torch.Tensor, torch.Tensor]:
        self.tell(self.passes)
        return super().step(users, batch)


class Told:
    """Any other learner, which tells before every epoch."""

    def __init__(self, learner: fit.Learner, tell: Tell):
        self.learner, self.tell, self.passes = learner, tell, 0
        self.score, self.arrays = learner.score, learner.arrays

    def epoch(self) -> list[dict]:
        """As the learner's."""
        self.tell(self.passes)
        self.passes += 1
        return self.learner.epoch()


def passes(config: dict, epochs: int = 0) -> int:
    """How many passes over the users a configuration takes at most, or up to an epoch."""
    pretrained = config.get("pretraining", "none") != "none" and config["hidden_layers"] > 1
    return (epochs or config["epochs"]) + (config["pretraining_epochs"] if pretrained else 0)


def run(config: dict, tell: Tell) -> runs.Run:
    """As `train.run` or `baselines.run`, watched: the same run in the same folder."""
    found = runs.find(config)
    if found is not None:
        return found
    if "balancer" in config:
        parts, starts = train.prepare(config)
        return fit.fit(Watched(config, parts, starts, tell), parts, config, show=False)
    parts, scorer = baselines.prepared(config), getattr(baselines.METHODS[config["method"]], "scorer", fit.factor_score)
    return fit.fit(Told(baselines.learner(config, parts), tell), parts, config, scorer, show=False)


def live(config: dict, parts: Split, tell: Tell) -> Iterator[pd.DataFrame]:
    """Train by a configuration and yield the history so far after every epoch, as a run's is; stores nothing.

    A loss or score that is not finite ends it, as in `fit.fit`.
    """
    domains, history = parts.ratings.domains, []
    asked = [fit.questions(parts, k, VALID, fit.RELEVANT, fit.MOST) for k in range(len(domains))]
    trainer = Watched(config, parts, started.starts(parts, config["start"], config["dim"]), tell)
    for epoch in range(1, config["epochs"] + 1):
        rows = [{"epoch": epoch, "domain": domains[k], **row, "validation": math.nan} for k, row in enumerate(trainer.epoch())]
        finite = all(math.isfinite(row["loss"]) for row in rows)
        try:
            for k, row in enumerate(rows if finite else []):
                row["validation"] = fit.validate(asked[k], trainer.score(k))
        except FloatingPointError:
            finite = False
        history += rows
        yield pd.DataFrame(history)
        if not finite:
            return


def again(done: runs.Run, parts: Split, tell: Tell) -> tuple[list[ADC], float]:
    """The networks behind a stored run of ADC, which holds what they gave (z and v) but not themselves.

    Trains by its configuration once more, on the CPU, up to the epoch that each target kept: one network a target. Also
    returns the largest difference of the new z from the stored: 0 where the machine computes as it did then.
    """
    config, domains = done.config | {"device": "cpu"}, parts.ratings.domains
    kept = [done.metrics["best_epoch"][domain] for domain in domains]
    if min(kept) < 1:
        raise UserError(f"{done.folder.name} diverged in its first epoch: there is no network to ask. Choose another run.")
    trainer, models = Watched(config, parts, started.starts(parts, config["start"], config["dim"]), tell), {}
    for epoch in range(1, max(kept) + 1):
        trainer.epoch()
        if epoch in kept:
            models[epoch] = copy.deepcopy(trainer.model)
    found, stored = [models[epoch] for epoch in kept], done.model
    gaps = [np.abs(train.factors(model, k)["user"] - stored[f"user.{domains[k]}"]).max() for k, model in enumerate(found)]
    return found, float(max(gaps))
