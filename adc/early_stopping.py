"""Training by epochs until validation no longer improves; each target keeps its best epoch (R18, R21)."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from adc.evaluation import RankingTask, Score, evaluate, groups, popularity, ranking_task, summarise
from adc.metrics import ndcg
from adc.split import TEST, VALID, Split

WINDOW, LEAST_EPOCHS = 5, 30  # a mean of five is no noise; validation may fall for ten before it rises
VALIDATION_RULE = "at_least"  # R24's ≥: the strict rule leaves too few users to choose by (R18)
MAX_VALIDATION_USERS = 4000  # of a domain, each epoch; of Table I's domains only dvd and music have more
Arrays = dict[str, np.ndarray]
Scorer = Callable[[Split, int, Arrays], Score]  # from a domain and a model's arrays to what scores users


class Learner(Protocol):
    """What `train_epochs` needs of a method."""

    def epoch(self) -> list[dict]:
        """Train for one epoch; a row of the history for each domain (`loss`, …; empty without learning)."""

    def score(self, domain: int) -> Score:
        """A function from users [B] to scores [B, m_k] by the parameters as they are now."""

    def arrays(self, domain: int) -> Arrays | Callable[[], Arrays]:
        """Copies of what its `Scorer` needs for one domain, or a function that returns them as they are at
        this call; for `factor_score`: `user` [n, d] and `item` [m_k, d]."""


def factor_score(split: Split, domain: int, arrays: Arrays) -> Score:
    """Scores user·item from arrays; with an array `cold`, users cold in the domain get popularity (R36)."""
    user, item = arrays["user"], arrays["item"].T  # [n, d], [d, m_k]
    cold = groups(split, domain) > 0 if "cold" in arrays else None
    popular = popularity(split, domain)

    def score(users: np.ndarray) -> torch.Tensor:
        with np.errstate(all="ignore"):  # a score that is no number is found where it is ranked
            scores = user[users] @ item  # [B, m_k]
        if cold is not None:
            scores[cold[users]] = popular
        return torch.from_numpy(scores)

    return score


class EarlyStopping:
    """Keeps each target's model of the best validation NDCG@10, mean of WINDOW epochs; of 0, the latest."""

    def __init__(self, targets: int, patience: int):
        self.best, self.epoch = [-math.inf] * targets, [0] * targets
        self.arrays: list[Any] = [None] * targets
        self.recent, self.patience = [deque(maxlen=WINDOW) for _ in range(targets)], patience

    def update(self, epoch: int, target: int, value: float, learner: Learner) -> None:
        """Take in a validation value; the model is copied when it is the best so far, or none was above 0."""
        self.recent[target].append(value)
        mean = float(np.mean(self.recent[target]))
        if self.best[target] <= 0 or mean > self.best[target]:
            self.best[target], self.epoch[target], self.arrays[target] = mean, epoch, learner.arrays(target)

    def done(self, epoch: int) -> bool:
        """Whether no target has improved for `patience` epochs, after LEAST_EPOCHS."""
        best = max((own for own, value in zip(self.epoch, self.best) if value > 0), default=0)
        return epoch >= LEAST_EPOCHS and epoch - best >= self.patience


@dataclass(frozen=True)
class Trained:
    """A trained model: the best epoch of every domain, the history, and notes on how training went."""

    split: Split = field(repr=False)
    arrays: list[Arrays] = field(repr=False)  # one a domain
    history: pd.DataFrame  # a row an (epoch, domain): loss L_k, weight w_k, norm G_k, target, rate r_k, …
    notes: dict  # diverged, epochs, best_epoch and validation by domain, train_ and processor_seconds
    scorer: Scorer = factor_score

    def score(self, domain: int) -> Score:
        """The function from users [B] to scores [B, m_k] of one domain."""
        return self.scorer(self.split, domain, self.arrays[domain])

    def evaluate(self, protocols: tuple[str, ...] = ("full",)) -> pd.DataFrame:
        """Mean test metrics, a row a (target, protocol, metric, n, group): the one look at the test set."""
        rows = []
        for k, target in enumerate(self.split.ratings.domains):
            rows += summarise(evaluate(self.split, k, self.score(k), TEST, protocols), target)
        return pd.DataFrame(rows)


def train_epochs(learner: Learner, split: Split, epochs: int, patience: int, title: str = "",
                 show: bool = True, scorer: Scorer = factor_score,
                 hopeless: Callable[[int, float], bool] = lambda epoch, best: False) -> Trained:  # fmt: skip
    """Train to the end without a look at a test rating. What is not finite ends it: diverged (R34), with the
    best before. So does `hopeless`, of an epoch and the mean of the domains' best validation: a search's."""
    domains, start = split.ratings.domains, (time.perf_counter(), time.process_time())
    validation = (VALID, VALIDATION_RULE, MAX_VALIDATION_USERS)
    tasks = [ranking_task(split, k, *validation) for k in range(len(domains))]
    stopping, history, diverged = EarlyStopping(len(domains), patience), [], False
    bar = tqdm(range(1, epochs + 1), desc=title, unit="epoch", disable=not show)
    for epoch in bar:
        rows = learner.epoch()
        diverged = not _validate_epoch(epoch, rows, tasks, learner, stopping)
        history += [{"epoch": epoch, "domain": domains[k], **row} for k, row in enumerate(rows)]
        bar.set_postfix(validation=f"{np.mean([row.get('validation', math.nan) for row in rows]):.4f}")
        if diverged or stopping.done(epoch) or hopeless(epoch, float(np.mean(stopping.best))):
            break
    notes = {"diverged": diverged, "epochs": epoch, "best_epoch": dict(zip(domains, stopping.epoch))}
    notes["validation"] = dict(zip(domains, stopping.best))
    best_or_now = [of_k or learner.arrays(k) for k, of_k in enumerate(stopping.arrays)]
    arrays = [of_k() if callable(of_k) else of_k for of_k in best_or_now]
    if diverged:  # products of such numbers must stay finite
        arrays = [{name: np.nan_to_num(a).clip(-1e15, 1e15) for name, a in of_k.items()} for of_k in arrays]
    notes["train_seconds"] = round(time.perf_counter() - start[0], 2)
    notes["processor_seconds"] = round(time.process_time() - start[1], 2)
    return Trained(split, arrays, pd.DataFrame(history), notes, scorer)


def validate(task: RankingTask, score: Score) -> float:
    """NDCG@10 of one domain, every item ranked; 0 where nobody can be validated on."""
    values = ndcg(task.ranks(score)["full"], task.user, task.count, 10)
    return float(values.mean()) if len(values) else 0.0


def _validate_epoch(epoch: int, rows: list, tasks: list, learner: Learner, stopping: EarlyStopping) -> bool:
    """Validate an epoch, adding `validation` to its rows; False where a loss or a score is not finite."""
    if not all(math.isfinite(row.get("loss", 0.0)) for row in rows):
        return False
    try:
        for k, row in enumerate(rows):
            row["validation"] = validate(tasks[k], learner.score(k))
            stopping.update(epoch, k, row["validation"], learner)
    except FloatingPointError:
        return False
    return True
