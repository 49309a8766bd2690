"""CDCF (Loni et al. 2014): for every target domain a factorization machine of order 2 that knows the other domains.

An example's features x are the user, the target item (both one-hot) and the user's training ratings in every other
domain j, each as r / |s_j(u)|, s_j(u) being the items she rated there in training. The machine predicts

    y(x) = w_0 + sum_f w_f x_f + sum_{f<g} v_f·v_g x_f x_g

Target ratings never are features. What of it differs between one user's items is w_i + v_i·q_u, with
q_u = sum of x_f v_f over her context, that is every feature but the item. Users whom the target's training does not
know have no user feature, so their context is their ratings elsewhere.

`objective` "bpr" learns to rank with the loss and the negatives of BPR (Eq. 1, R17); "ratings" is the original, which
regresses the stars of the training ratings, and ranks by the stars it predicts.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn.functional import embedding_bag

from adc import fit
from adc.errors import UserError
from adc.loss import bpr, scores
from adc.rows import Rows
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

CODE = ("adc.fit", "adc.loss", "adc.rows", "adc.sample")
OBJECTIVES = ("bpr", "ratings")
SPACE = {
    "dim": ("choice", [8, 16, 32, 64, 100]),
    "learning_rate": ("log", 3e-4, 3e-2),
    "penalty": ("log", 1e-3, 1.0),
    "start_noise": ("log", 3e-3, 0.3),
}


@dataclass(frozen=True)
class Settings:
    """CDCF's parameters; as BPR's where both have them."""

    objective: str = "bpr"
    dim: int = 32  # of v
    negatives: int = 5  # R17; "ratings" has none
    learning_rate: float = 6e-3
    penalty: float = 3e-2  # L2 on x_f v_f and x_f w_f of each triple's features; predicted stars are best at 0.5
    start_noise: float = 0.03  # standard deviation of the random start
    batch_users: int = 256
    epochs: int = 100  # R18
    patience: int = 15

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UserError(f"Parameter objective={self.objective!r} is unknown. Known: {', '.join(OBJECTIVES)}.")


def contexts(parts: Split, domain: int) -> sp.csr_matrix:
    """Every user's features for one target domain [n, F]: first the target's training users, one-hot, then
    r / |s_j(u)| of her training ratings of the items of every other domain j, in the order of the domains."""
    n = len(parts.ratings.users)
    trained = np.unique(parts.of(domain, TRAIN)[0])
    blocks = [sp.csr_matrix((np.ones(len(trained)), (trained, np.arange(len(trained)))), shape=(n, len(trained)))]
    for k, items in enumerate(parts.ratings.items):
        if k != domain:
            user, item, rating = parts.of(k, TRAIN)
            value = rating / np.bincount(user, minlength=n)[user]
            blocks.append(sp.csr_matrix((value, (user, item)), shape=(n, len(items))))
    return sp.hstack(blocks, format="csr", dtype=np.float32)


class Machine:
    """The factorization machine of one target domain: (v_f, w_f) of its context's features and of its items."""

    def __init__(self, parts: Split, domain: int, dim: int, noise: float):
        user, item, rating = parts.of(domain, TRAIN)
        self.context = contexts(parts, domain)  # [n, F]
        self.mean = float(rating.mean())  # w_0; the weights w can shift it
        shape = (len(parts.ratings.users), len(parts.ratings.items[domain]))
        self.rating = sp.csr_matrix((rating, (user, item)), shape=shape)
        self.feature, self.item = (_table(size, dim, noise) for size in (self.context.shape[1], shape[1]))
        unseen = np.bincount(self.context[np.unique(user)].indices, minlength=self.context.shape[1]) == 0
        self.feature.weight.data[torch.from_numpy(unseen)] = 0  # features of cold users alone would stay noise

    def look_up(self, users: np.ndarray) -> tuple[Rows, torch.Tensor, torch.Tensor]:
        """Rows of some users' features; sum of x_f (v_f, w_f) [B, d+1] and of x_f^2 (v_f^2, w_f^2) [B, d+1]."""
        context = self.context[users]
        index, start = (torch.from_numpy(a.astype(np.int64)) for a in (context.indices, context.indptr[:-1]))
        rows, x = Rows(self.feature, index), torch.from_numpy(context.data)
        total = embedding_bag(*rows.places, rows.vectors, start, mode="sum", per_sample_weights=x)
        squares = embedding_bag(*rows.places, rows.vectors.square(), start, mode="sum", per_sample_weights=x.square())
        return rows, total, squares

    def same(self, total: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
        """What y(x) holds of a user whatever the item [B], from what `look_up` gives."""
        pairs = (total[:, :-1].square() - squares[:, :-1]).sum(1) / 2  # sum_{f<g} by Rendle's identity
        return self.mean + total[:, -1] + pairs


def _table(size: int, dim: int, noise: float) -> nn.Embedding:
    start = torch.cat([torch.randn(size, dim) * noise, torch.zeros(size, 1)], 1)
    return nn.Embedding.from_pretrained(start, freeze=False, sparse=True)


class CDCF:
    """The machines of all targets, trained side by side; the `fit.Learner` of CDCF."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts, self.ranking = config, parts, config["objective"] == "bpr"
        self.rng = np.random.default_rng([config["seed"], 5])
        torch.manual_seed(config["seed"])
        negatives, p = config["negatives"] if self.ranking else 0, parts.ratings.p
        self.triples = [Triples(parts, k, negatives, True, self.rng) for k in range(p)]
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self.machines = [Machine(parts, k, config["dim"], config["start_noise"]) for k in range(p)]
        tables = [table.weight for machine in self.machines for table in (machine.feature, machine.item)]
        self.optimizer = torch.optim.SparseAdam(tables, lr=config["learning_rate"])

    def epoch(self) -> list[dict]:
        """One pass over all training ratings; the mean loss of every domain."""
        losses = [[] for _ in self.triples]
        for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng):
            self.optimizer.zero_grad(set_to_none=True)
            for k, (row, positive, negative) in enumerate(batch):
                if len(row):
                    losses[k].append(self._learn(self.machines[k], users[row], positive, negative))
            self.optimizer.step()
        return [{"loss": float(np.mean(seen))} for seen in losses]

    def _learn(self, machine: Machine, user: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
        users, row = np.unique(user, return_inverse=True)
        row = torch.from_numpy(row)
        features, total, squares = machine.look_up(users)
        items = Rows(machine.item, torch.from_numpy(positive), torch.from_numpy(negative))
        q = torch.cat([total[:, :-1], total.new_ones(len(users), 1)], 1)  # against an item's (v_i, w_i)
        liked, other = scores(q, items.vectors, row, *items.places)
        if self.ranking:
            loss = bpr(liked, other)
        else:
            rating = torch.from_numpy(machine.rating[user, positive].A1)
            loss = (liked + machine.same(total, squares)[row] - rating).square().mean()
        penalty = self.config["penalty"] * (squares.sum(1)[row].sum() + items.squares()) / len(row)
        (loss + penalty).backward()
        features.hand_over()
        items.hand_over()
        return float(loss.detach())

    def predict(self, domain: int, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """y(x) of pairs of user [T] and item [T], terms that are the same for all items of a user included [T]."""
        machine = self.machines[domain]
        with torch.no_grad():
            _, total, squares = machine.look_up(user)
            vectors = machine.item.weight[torch.from_numpy(item.astype(np.int64))]
            y = machine.same(total, squares) + (total[:, :-1] * vectors[:, :-1]).sum(1) + vectors[:, -1]
        return y.numpy()

    def score(self, domain: int) -> fit.Score:
        """y(x) but for what is the same for all items of a user, by the parameters as they are now."""
        return fit.factor_score(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """(q_u, 1) of every user of the union [n, d+1] and (v_i, w_i) of every item [m_k, d+1]."""
        machine = self.machines[domain]
        feature, item = (table.weight.detach().numpy() for table in (machine.feature, machine.item))
        user = np.pad(machine.context @ feature[:, :-1], ((0, 0), (0, 1)), constant_values=1)
        return {"user": user, "item": item.copy()}


learner = CDCF
