"""Training that notebook 10 can show epoch by epoch; nothing of it is stored."""

import copy
from collections.abc import Iterator

import numpy as np
import pandas as pd

from adc.early_stopping import MAX_VALIDATION_USERS, VALIDATION_RULE, validate
from adc.errors import UserError
from adc.evaluation import ranking_task
from adc.model import ADC
from adc.split import VALID, Split
from companion import registry
from companion.runs import Run


def epochs(config: dict, split: Split) -> Iterator[pd.DataFrame]:
    """Train by a configuration and yield the history so far after every epoch, as a run's is. UserError: a
    loss or a score is not finite (R34)."""
    domains, history = split.ratings.domains, []
    limits = (VALID, VALIDATION_RULE, MAX_VALIDATION_USERS)
    tasks = [ranking_task(split, k, *limits) for k in range(len(domains))]
    trainer = registry.learner(config, split)
    for epoch in range(1, config["epochs"] + 1):
        rows = trainer.epoch()
        try:
            scores = [validate(task, trainer.score(k)) for k, task in enumerate(tasks)]
        except FloatingPointError as error:
            raise UserError(f"Diverged in epoch {epoch}: a score is not finite (R34).") from error
        for domain, row, score in zip(domains, rows, scores, strict=True):
            history.append({"epoch": epoch, "domain": domain, **row, "validation": score})
        yield pd.DataFrame(history)


def retrain(run: Run, split: Split) -> Iterator[tuple[list[ADC | None], float]]:
    """The networks behind a stored run of ADC, which holds what they gave (z and v) but not themselves.
    Trains by its configuration once more, up to the best epoch of every target, and yields after each epoch
    the networks so far, one a target, and the largest difference of their z from the stored: 0 where the
    machine computes as it did then."""
    domains, best = split.ratings.domains, [*run.metrics["best_epoch"].values()]
    if min(best) < 1:
        raise UserError(f"{run.folder.name} diverged at once: it has no network. Choose another run.")
    trainer = registry.learner(run.config | {"device": "cpu"}, split)
    networks, gap, stored = [None] * len(domains), 0.0, run.model
    for epoch in range(1, max(best) + 1):
        trainer.epoch()
        for k in np.flatnonzero(np.array(best) == epoch):
            networks[k] = copy.deepcopy(trainer.model)
            z = trainer.arrays(k)()["user"]
            gap = max(gap, float(np.abs(z - stored[f"user.{domains[k]}"]).max()))
        yield networks, gap
