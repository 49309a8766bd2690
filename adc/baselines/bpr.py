"""BPR [28] on each domain by itself: ADC's loss and sampler (Eq. 1) without the network, x_ui = u_u·v_i + b_i. It descends
as ADC does, by Adam on the rows of a batch of users, whose loss is a mean per domain, in place of its authors' SGD triple by triple.

The item bias b_i belongs to BPR as it is published in code (MyMediaLite, cornac); without it sparse domains fall far
below popularity. It is kept as the last column of the item vectors, against a constant 1 of every user.
"""

from dataclasses import dataclass

import numpy as np
import torch

from adc import fit
from adc.loss import push
from adc.optim import RowAdam
from adc.pairs import Pairs
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

SPACE = {"learning_rate": ("log", 1e-3, 1e-2), "penalty": ("log", 5e-4, 3e-2), "start_noise": ("log", 0.01, 0.15)}
CODE = ("adc.fit", "adc.loss", "adc.optim", "adc.pairs", "adc.sample")


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
        self.row = self._rows()  # of a user's vector for each domain [p, n]
        self.first = np.cumsum([0, *map(len, parts.ratings.items)])  # row of each domain's first item
        noise, d = config["start_noise"], config["dim"]
        self.user = torch.randn(self.row.max() + 1, d) * noise
        self.item = torch.cat([torch.randn(self.first[-1], d) * noise, torch.zeros(self.first[-1], 1)], 1)
        self.optimizers = [RowAdam(table, config["learning_rate"]) for table in (self.user, self.item)]

    def _rows(self) -> np.ndarray:
        """A vector for every user and domain where she has a training rating."""
        rows, begin = np.zeros((self.parts.ratings.p, len(self.parts.ratings.users)), dtype=np.int64), 0
        for k, row in enumerate(rows):
            trained = np.unique(self.parts.of(k, TRAIN)[0])
            row[trained] = np.arange(begin, begin := begin + len(trained))
        return rows

    def _together(self, size: list[int]) -> list[int]:
        """Numbers of triples whose mean loss is one term of the sum: each domain's."""
        return size

    def epoch(self) -> list[dict]:
        """One pass over all triples; the mean loss of every domain."""
        seen = [self._step(users, batch) for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng)]
        return [{"loss": loss} for loss in torch.stack(seen).nanmean(0).tolist()]

    def _step(self, users: np.ndarray, batch: list) -> torch.Tensor:
        row = np.concatenate([self.row[k, users[row]] for k, (row, _, _) in enumerate(batch)])  # [T]
        item = np.concatenate([np.column_stack(pair) + first for (_, *pair), first in zip(batch, self.first)])  # [T, 1 + c]
        size = self._together([len(row) for row, _, _ in batch])
        rows, place = np.unique(row, return_inverse=True)
        order = np.argsort(place, kind="stable")
        rows, place, item = (torch.from_numpy(a) for a in (rows, place[order], item[order]))
        pairs = Pairs(place, item, len(rows), len(self.item))
        u, v = self.user[rows], self.item[pairs.touched]
        constant = torch.cat([u, u.new_ones(len(u), 1)], 1)  # [R, d+1]
        losses, at_x = push(pairs.scores(constant, v), size)
        size = torch.tensor(size)
        share, twice = (1 / size).repeat_interleave(size), 2 * self.config["penalty"]  # L2 on the vectors of each triple
        at_u = pairs.at_rows(at_x, v)[:, :-1] + twice * torch.bincount(place, share)[:, None].float() * u
        at_v = pairs.at_items(at_x, constant) + twice * pairs.looked_up(share)[:, None].float() * v
        for optimizer, step in zip(self.optimizers, ((rows, at_u), (pairs.touched, at_v))):
            optimizer.step(*step)
        return losses

    def score(self, domain: int) -> fit.Score:
        """u·v by the parameters as they are now; users without training ratings here get popularity (R36)."""
        return fit.factor_score(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """(u, 1) of every user [n, d+1], (v, b) of every item [m_k, d+1], and the mark that target-cold users have no u."""
        user = np.pad(self.user.numpy()[self.row[domain]], ((0, 0), (0, 1)), constant_values=1)
        item = self.item.numpy()[self.first[domain] : self.first[domain + 1]].copy()
        return {"user": user, "item": item, "cold": np.array(True)}


learner = BPR
