"""BPR [28] on each domain by itself: ADC's loss and sampler (Eq. 1) without the network, x_ui = u_u·v_i + b_i.

The item bias b_i belongs to BPR as it is published in code (MyMediaLite, cornac); without it sparse domains fall far
below popularity. It is kept as the last column of the item vectors, against a constant 1 of every user.
"""

import numpy as np
import torch
from torch import nn

from adc import fit, runs
from adc.loss import bpr
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

USES = ("dim", "negatives", "learning_rate", "penalty", "start_noise", "batch_users", "epochs", "patience")


def run(config: dict, parts: Split, show: bool = True) -> runs.Run:
    """Train all domains, which share nothing, side by side; each keeps its own best epoch."""
    return fit.fit(BPR(config, parts), parts, config, show)


class BPR:
    """User and item vectors of every domain; the `fit.Learner` of BPR."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts
        self.rng = np.random.default_rng([config["seed"], 4])
        torch.manual_seed(config["seed"])
        self.triples = [Triples(parts, k, config["negatives"], True, self.rng) for k in range(parts.ratings.p)]
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self.row = np.zeros((parts.ratings.p, len(parts.ratings.users)), dtype=np.int64)  # of a user's vector [p, n]
        self.user, self.item = [], []
        for k, items in enumerate(parts.ratings.items):
            trained = np.unique(parts.of(k, TRAIN)[0])
            self.row[k, trained] = np.arange(len(trained))
            self.user.append(self._table(len(trained)))
            self.item.append(self._table(len(items), bias=True))
        tables = [table.weight for table in (*self.user, *self.item)]
        self.optimizer = torch.optim.SparseAdam(tables, lr=config["learning_rate"])

    def _table(self, size: int, bias: bool = False) -> nn.Embedding:
        start = torch.randn(size, self.config["dim"]) * self.config["start_noise"]
        if bias:
            start = torch.cat([start, torch.zeros(size, 1)], 1)
        return nn.Embedding.from_pretrained(start, freeze=False, sparse=True)

    def epoch(self) -> list[dict]:
        """One pass over all triples; the mean loss of every domain."""
        losses = [[] for _ in self.triples]
        for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng):
            self.optimizer.zero_grad(set_to_none=True)
            for k, (row, positive, negative) in enumerate(batch):
                if len(row):
                    losses[k].append(self._learn(k, users[row], positive, negative))
            self.optimizer.step()
        return [{"loss": float(np.mean(seen))} for seen in losses]

    def _learn(self, k: int, user: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
        u = self.user[k](torch.from_numpy(self.row[k, user]))  # [T, d]
        better, worse = (self.item[k](torch.from_numpy(item)) for item in (positive, negative))  # [T, d+1], [T, c, d+1]
        loss = bpr(torch.cat([u, torch.ones(len(u), 1)], 1), better, worse)
        size = sum(vectors.square().sum() / len(u) for vectors in (u, better, worse))
        (loss + self.config["penalty"] * size).backward()
        return float(loss.detach())

    def score(self, domain: int) -> fit.Score:
        """u·v by the parameters as they are now; users without training ratings here get popularity (R36)."""
        return fit.factor_score(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """(u, 1) of every user [n, d+1], (v, b) of every item [m_k, d+1], and the mark that target-cold users have no u."""
        user, item = (table[domain].weight.detach().numpy() for table in (self.user, self.item))
        user = np.pad(user[self.row[domain]], ((0, 0), (0, 1)), constant_values=1)
        return {"user": user, "item": item.copy(), "cold": np.array(True)}
