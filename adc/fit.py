"""From a learner to a run: epochs, early stopping per target on validation (R18, R21), one look at the test set."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from adc import runs
from adc.evaluate import PROTOCOLS, Questions, Score, evaluate, groups, popularity, questions, summarise
from adc.metrics import ndcg
from adc.split import TEST, VALID, Split

WINDOW = 5  # epochs whose mean validation NDCG@10 counts: one epoch's is noise where a domain has 50 users to validate on
RELEVANT = "at_least"  # R24's ≥ for validation only: the strict rule leaves a tenth of the users, too few to choose by
MOST = 4000  # users a domain whose validation is looked at each epoch: of Table I's domains only dvd and music have more
Arrays = dict[str, np.ndarray]
Scorer = Callable[[Split, int, Arrays], Score]  # from a domain and its stored arrays to what scores it


class Learner(Protocol):
    """What `fit` needs of a method that learns by epochs."""

    def epoch(self) -> list[dict]:
        """Train for one epoch; rows for the history, one a domain (`loss`, …; empty where there is none)."""

    def score(self, domain: int) -> Score:
        """A function from users [B] to scores [B, m_k] by the parameters as they are now."""

    def arrays(self, domain: int) -> Arrays | Callable[[], Arrays]:
        """What its `Scorer` needs for one domain, detached, or a function that makes it later from parameters as they
        are now; for `factor_score`: `user` [n, d] and `item` [m_k, d]."""


def factor_score(parts: Split, domain: int, arrays: Arrays) -> Score:
    """Scores user·item from stored arrays; `cold` users of `arrays`, if named, get the domain's popularity (R36)."""
    user, item = arrays["user"], arrays["item"].T  # [n, d], [d, m_k]
    cold = groups(parts, domain) > 0 if "cold" in arrays else None
    popular = popularity(parts, domain)

    def score(users: np.ndarray) -> torch.Tensor:
        with np.errstate(all="ignore"):  # whoever asks finds what is no number
            scores = user[users] @ item  # [B, m_k], by NumPy: see `Questions`
        if cold is not None:
            scores[cold[users]] = popular
        return torch.from_numpy(scores)

    return score


class Keeper:
    """Keeps, for every target, the arrays of the epoch with the best mean validation NDCG@10 of the last WINDOW."""

    def __init__(self, targets: int, patience: int):
        self.best, self.epoch = [-math.inf] * targets, [0] * targets
        self.kept: list[Any] = [None] * targets
        self.recent, self.patience = [deque(maxlen=WINDOW) for _ in range(targets)], patience

    def see(self, epoch: int, target: int, value: float, learner: Learner) -> None:
        """Note a validation value; the arrays are copied only when it is the best so far."""
        self.recent[target].append(value)
        mean = float(np.mean(self.recent[target]))
        if self.kept[target] is None or mean > self.best[target]:
            self.best[target], self.epoch[target], self.kept[target] = mean, epoch, learner.arrays(target)

    def done(self, epoch: int) -> bool:
        """Whether no target has improved for `patience` epochs."""
        return epoch - max(self.epoch) >= self.patience


def fit(learner: Learner, parts: Split, config: dict, scorer: Scorer = factor_score, show: bool = True) -> runs.Run:
    """Train `learner` to its end, test each target's best epoch by `scorer`, and store the run of `config`.

    `config` gives epochs and patience. A loss or score that is not finite ends training; what was best before
    is tested and the run is marked as diverged (R34).
    """
    keeper, history, notes = learn(learner, parts, config, show)
    if notes["diverged"]:  # in its first epoch: what the parameters had become, within bounds that can be multiplied
        kept = [arrays or made(learner.arrays(k)) for k, arrays in enumerate(keeper.kept)]
        keeper.kept = [{name: np.nan_to_num(a).clip(-1e15, 1e15) for name, a in arrays.items()} for arrays in kept]
    scores = [scorer(parts, k, arrays) for k, arrays in enumerate(keeper.kept)]
    names = parts.ratings.domains
    model = {f"{name}.{names[k]}": a for k, arrays in enumerate(keeper.kept) for name, a in arrays.items()}
    return finish(parts, config, scores, notes, history, model)


def learn(learner: Learner, parts: Split, config: dict, show: bool = True) -> tuple[Keeper, pd.DataFrame, dict]:
    """The part of `fit` that sees no test rating: what was kept, the history, and notes on how it went."""
    domains, began = parts.ratings.domains, time.perf_counter()
    asked = [questions(parts, k, VALID, RELEVANT, MOST) for k in range(len(domains))]
    keeper, history, diverged = Keeper(len(domains), config["patience"]), [], False
    bar = tqdm(range(1, config["epochs"] + 1), desc=f"{config['method']} {config['variant']}", unit="epoch", disable=not show)
    for epoch in bar:
        rows = learner.epoch()
        diverged = not _seen(epoch, rows, asked, learner, keeper)
        history += [{"epoch": epoch, "domain": domains[k], **row} for k, row in enumerate(rows)]
        bar.set_postfix(validation=f"{np.mean([row.get('validation', math.nan) for row in rows]):.4f}")
        if diverged or keeper.done(epoch):
            break
    keeper.kept = [arrays and made(arrays) for arrays in keeper.kept]
    notes = {"diverged": diverged, "epochs": epoch, "best_epoch": dict(zip(domains, keeper.epoch)),
             "validation": dict(zip(domains, keeper.best)), "train_seconds": round(time.perf_counter() - began, 2)}
    return keeper, pd.DataFrame(history), notes


def _seen(epoch: int, rows: list[dict], asked: list[Questions], learner: Learner, keeper: Keeper) -> bool:
    """Validate an epoch and keep what is best so far; False where a loss or a score is not a finite number."""
    if not all(math.isfinite(row.get("loss", 0.0)) for row in rows):
        return False
    try:
        for k, row in enumerate(rows):
            row["validation"] = validate(asked[k], learner.score(k))
            keeper.see(epoch, k, row["validation"], learner)
    except FloatingPointError:
        return False
    return True


def validate(asked: Questions, score: Score) -> float:
    """NDCG@10 of one domain, every item ranked; 0 where nobody can be asked."""
    if not len(asked.users):
        return 0.0
    return float(ndcg(asked.ranks(score)["full"], asked.user, asked.count, 10).mean())


def made(arrays: Arrays | Callable[[], Arrays]) -> Arrays:
    """The arrays, made now if the learner has put it off."""
    return arrays() if callable(arrays) else arrays


def finish(parts: Split, config: dict, scores: list[Score], notes: dict, history: pd.DataFrame, model: Arrays) -> runs.Run:
    """The one look at the test set: every target under every protocol; then the run is stored."""
    users, values = [], []
    for k, target in enumerate(parts.ratings.domains):
        table = evaluate(parts, k, scores[k], TEST, PROTOCOLS)
        values += summarise(table, target)
        users.append(table.assign(target=target, user=parts.ratings.users[table["user"]]))
    return runs.save(config, {"values": values, **notes}, pd.concat(users, ignore_index=True), history, model)
