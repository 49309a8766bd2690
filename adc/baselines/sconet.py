"""SCoNet [19]: a tower a domain, joined by sparse cross-connection matrices; p towers in place of the authors' two.

A target pair (u, i) enters its tower t as [u; v_i], and every other tower q as [u; the mean of the vectors of u's
training items in q], zero if she has none. All towers work on the same user, whose vector they share. In both layers
that are crossed, a_t <- ReLU(W_t a_t + b_t + sum over q != t of H_tq a_q). What the authors leave open or do otherwise:

* They pair the target's item with one item of the source. The mean in its place needs no draw when ranking, so that
  what is trained is what predicts; for users with one rating in q, as most are in Table I, it is the same thing.
* With p = 2 and `symmetric` this is their network: the other towers receive from the target's, too. By default they
  receive only from one another. Their activations then depend on the user alone, which ranks a domain of 24,159 items
  about four times as fast (six towers); on validation the one pair of trials made was level. Both are exact.
* Their code drops the cross terms at prediction, though it trained with them: `crossed_prediction` off.
* The loss is binary cross entropy of positives and sampled negatives (R17): a mean a domain, their sum unweighted.
* Each tower has one logit in place of a softmax over two, which is the same. Weights start by He's rule, not at
  N(0, 0.01²), and so that no tower is dead: the authors' logs have runs that end with all scores the same.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn import functional as F

from adc import fit
from adc.baselines.towers import CHUNK, Head, Target, Towers, mean
from adc.errors import UserError
from adc.rows import Rows
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

CODE = ("adc.fit", "adc.rows", "adc.sample", "adc.baselines.towers")
SPACE = {
    "embedding": ("choice", [16, 32, 64]),
    "learning_rate": ("log", 5e-4, 1e-2),
    "sparsity": ("log", 1e-7, 1e-2),
    "penalty": ("log", 1e-5, 1e-1),
}
USERS = 8192  # whose part is worked out at once


@dataclass(frozen=True)
class Settings:
    """SCoNet's parameters; as the other methods' where they have them."""

    embedding: int = 32  # e; towers are 2e, e, e/2, e/4 wide
    negatives: int = 5  # R17
    learning_rate: float = 5e-3
    sparsity: float = 1e-4  # lambda of the L1 penalty on all H
    penalty: float = 0.0  # L2 on the vectors of each pair, as BPR has it; the authors have none
    start_noise: float = 0.01  # standard deviation of the vectors' random start
    symmetric: bool = False  # the other towers receive from the target's too
    crossed_prediction: bool = True
    batch_users: int = 64
    epochs: int = 100  # R18
    patience: int = 15

    def __post_init__(self) -> None:
        if self.embedding < 8 or self.embedding % 8:
            raise UserError(f"Parameter embedding={self.embedding} must be a multiple of 8: it is halved three times.")


class SCoNet:
    """User vectors, item vectors of every domain, and the towers; the `fit.Learner` of SCoNet."""

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts
        self.rng = np.random.default_rng([config["seed"], 5])
        torch.manual_seed(config["seed"])
        domains = range(parts.ratings.p)
        self.triples = [Triples(parts, k, config["negatives"], True, self.rng) for k in domains]
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self.rated = [_rated(parts, k) for k in domains]
        self.user = self._table(len(parts.ratings.users))
        self.item = [self._table(len(items)) for items in parts.ratings.items]
        self.towers = Towers(len(domains), config["embedding"], config["negatives"])
        tables, rate = [table.weight for table in (self.user, *self.item)], config["learning_rate"]
        self.optimizers = torch.optim.SparseAdam(tables, lr=rate), torch.optim.Adam(self.towers.parameters(), lr=rate)

    def _table(self, size: int) -> nn.Embedding:
        start = torch.randn(size, self.config["embedding"]) * self.config["start_noise"]
        return nn.Embedding.from_pretrained(start, freeze=False, sparse=True)

    def epoch(self) -> list[dict]:
        """One pass over all pairs; the mean loss of every domain, penalties left out."""
        losses = [[] for _ in self.triples]
        for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng):
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            for seen, loss in zip(losses, self._learn(users, batch), strict=True):
                seen += loss
            for optimizer in self.optimizers:
                optimizer.step()
        return [{"loss": float(np.mean(seen))} for seen in losses]

    def _learn(self, users: np.ndarray, batch: list) -> list[list[float]]:
        """Leave the gradients of one batch; the loss of every domain, none where the batch has no pair."""
        u = Rows(self.user, torch.from_numpy(users))
        user, items, means = u.vectors[u.places[0]], [], []
        for k, (_, positive, negative) in enumerate(batch):
            row, own = _ratings(self.rated[k], users)
            v = Rows(self.item[k], own, torch.from_numpy(np.concatenate([positive[:, None], negative], 1)))
            items.append(v)
            means.append(mean(row, v.vectors[v.places[0]], len(users)))
        means, joined = torch.stack(means), self.towers.joined()
        total, losses = self.config["sparsity"] * self.towers.penalty(), [[] for _ in batch]
        for t, (row, _, _) in enumerate(batch):
            if len(row):
                row = torch.from_numpy(row)
                target = Target(self.towers, joined, t, self.config["symmetric"], crossed=True)
                loss = _loss(target, row, user, means, items[t])
                losses[t].append(float(loss.detach()))
                squares = user.square().sum(1)[row].mean() + items[t].squares() / len(row)
                total = total + loss + self.config["penalty"] * squares
        total.backward()
        for rows in (u, *items):
            rows.hand_over()
        return losses

    def score(self, domain: int) -> fit.Score:
        """Logits by the parameters as they are now; users without training ratings here are scored as the others."""
        return scorer(self.parts, domain, self.arrays(domain))

    @torch.no_grad()
    def arrays(self, domain: int) -> fit.Arrays:
        """The first hidden layer's parts of users [n, k·e] and items [m_k, k·e], `shift` [n, e/2], and the `Head`.

        k = p where `symmetric`, else 1.
        """
        symmetric, crossed = self.config["symmetric"], self.config["crossed_prediction"]
        target = Target(self.towers, self.towers.joined(), domain, symmetric, crossed)
        chunks = torch.arange(len(self.user.weight)).split(USERS)
        user, shift = zip(*(target.of_user(self.user.weight[users], self._means(users.numpy())) for users in chunks))
        item = target.of_item(self.item[domain].weight)
        tensors = {"user": torch.cat(user), "shift": torch.cat(shift), "item": item, **target.head._asdict()}
        return {name: tensor.numpy().copy() for name, tensor in tensors.items()}

    def _means(self, users: np.ndarray) -> torch.Tensor:
        """Mean vector of each user's training items in every domain [p, B, e], as the parameters are now."""
        pairs = (_ratings(rated, users) for rated in self.rated)
        return torch.stack([mean(row, table.weight[own], len(users)) for table, (row, own) in zip(self.item, pairs)])


learner = SCoNet


def scorer(parts: Split, domain: int, arrays: fit.Arrays) -> fit.Score:
    """Logits from stored arrays, users and items in the codes of `parts`."""
    tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
    user, shift = tensors.pop("user"), tensors.pop("shift")
    chunks = [chunk.T.contiguous() for chunk in tensors.pop("item").split(CHUNK)]
    head = Head(**tensors)
    return lambda users: head.rank(user[users], shift[users], chunks)


def _loss(target: Target, row: torch.Tensor, user: torch.Tensor, means: torch.Tensor, items: Rows) -> torch.Tensor:
    """Mean binary cross entropy of positives and their negatives; `row` [T] is the user of each positive."""
    hidden, shift = (F.embedding(row, part)[:, None] for part in target.of_user(user, means))  # [T, 1, ...]
    hidden = hidden + F.embedding(items.places[1], target.of_item(items.vectors))  # [T, 1 + c, k·e]
    logits = target.head.logits(hidden, shift)  # [T, 1 + c]
    truth = torch.zeros_like(logits)
    truth[:, 0] = 1
    return F.binary_cross_entropy_with_logits(logits, truth)


def _rated(parts: Split, domain: int) -> sparse.csr_array:
    """Who rated what in training [n, m]."""
    user, item, _ = parts.of(domain, TRAIN)
    shape = len(parts.ratings.users), len(parts.ratings.items[domain])
    return sparse.csr_array((np.ones(len(user), dtype=np.float32), (user, item)), shape)


def _ratings(rated: sparse.csr_array, users: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """`(row, item)` of all training ratings of some users; `row` counts within them."""
    some = rated[users]
    row = np.repeat(np.arange(len(users)), np.diff(some.indptr))
    return torch.from_numpy(row), torch.from_numpy(some.indices.astype(np.int64))
