"""BPR [28] on each domain by itself: ADC's loss and sampler (Eq. 1) without the network, x_ui = u_u·v_i + b_i.

The item bias b_i belongs to BPR as it is published in code (MyMediaLite, cornac); without it sparse domains fall far
below popularity. It is kept as the last column of the item vectors, against a constant 1 of every user.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from adc import fit
from adc.loss import bpr, scores
from adc.rows import Rows
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

SPACE = {"learning_rate": ("log", 1e-3, 1e-2), "penalty": ("log", 5e-4, 3e-2), "start_noise": ("log", 0.01, 0.15)}
CODE = ("adc.fit", "adc.loss", "adc.rows", "adc.sample")


@dataclass(frozen=True)
class Settings:
    """BPR's parameters; as ADC's where both have them."""

    dim: int = 100  # d
    negatives: int = 5  # R17
    learning_rate: float = 3e-3
    penalty: float = 1e-2  # L2 on the vectors of each triple
    start_noise: float = 0.03  # standard deviation of the random start
    batch_users: int = 64
    epochs: int = 100  # R18
    patience: int = 15


class BPR:
    """User and item vectors of every domain; the `fit.Learner` of BPR."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts
        self.rng = np.random.default_rng([config["seed"], 4])
        torch.manual_seed(config["seed"])
        self.triples = [Triples(parts, k, config["negatives"], True, self.rng) for k in range(parts.ratings.p)]
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self._start()
        tables = [table.weight for table in (*self.user, *self.item)]
        self.optimizer = torch.optim.SparseAdam(tables, lr=config["learning_rate"])

    def _start(self) -> None:
        ratings = self.parts.ratings
        self.row = np.zeros((ratings.p, len(ratings.users)), dtype=np.int64)  # of a user's vector [p, n]
        self.user, self.item = [], []
        for k, items in enumerate(ratings.items):
            trained = np.unique(self.parts.of(k, TRAIN)[0])
            self.row[k, trained] = np.arange(len(trained))
            self.user.append(self._table(len(trained)))
            self.item.append(self._table(len(items), bias=True))

    def _table(self, size: int, bias: bool = False) -> nn.Embedding:
        start = torch.randn(size, self.config["dim"]) * self.config["start_noise"]
        if bias:
            start = torch.cat([start, torch.zeros(size, 1)], 1)
        return nn.Embedding.from_pretrained(start, freeze=False, sparse=True)

    def epoch(self) -> list[dict]:
        """One pass over all triples; the mean loss of every domain."""
        losses = [[] for _ in self.item]
        for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng):
            self.optimizer.zero_grad(set_to_none=True)
            for k, (row, positive, negative) in enumerate(self._batches(batch)):
                if len(row):
                    losses[k].append(self._learn(k, users[row], positive, negative))
            self.optimizer.step()
        return [{"loss": float(np.mean(seen))} for seen in losses]

    def _batches(self, batch: list) -> list:
        """What is learned together: a domain's triples."""
        return batch

    def _learn(self, k: int, user: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
        positive, negative = torch.from_numpy(positive), torch.from_numpy(negative)
        u, v = Rows(self.user[k], torch.from_numpy(self.row[k, user])), Rows(self.item[k], positive, negative)
        constant = torch.cat([u.vectors, u.vectors.new_ones(len(u.vectors), 1)], 1)  # [B, d+1]
        loss = bpr(*scores(constant, v.vectors, *u.places, *v.places))
        (loss + self.config["penalty"] * (u.squares() + v.squares()) / len(positive)).backward()
        u.hand_over(), v.hand_over()
        return float(loss.detach())

    def score(self, domain: int) -> fit.Score:
        """u·v by the parameters as they are now; users without training ratings here get popularity (R36)."""
        return fit.factor_score(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """(u, 1) of every user [n, d+1], (v, b) of every item [m_k, d+1], and the mark that target-cold users have no u."""
        user, item = (table[domain].weight.detach().numpy() for table in (self.user, self.item))
        user = np.pad(user[self.row[domain]], ((0, 0), (0, 1)), constant_values=1)
        return {"user": user, "item": item.copy(), "cold": np.array(True)}


learner = BPR
