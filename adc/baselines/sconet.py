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
  It is descended by Adam, as theirs, but on batches of users, and without their code's clip of gradients at 10.
* Each tower has one logit in place of a softmax over two, which is the same. Weights start by He's rule, not at
  N(0, 0.01²), and so that no tower is dead: the authors' logs have runs that end with all scores the same.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from adc import fit
from adc.baselines.towers import Head, Targets, Towers
from adc.errors import UserError
from adc.optim import RowAdam
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

CODE = ("adc.fit", "adc.optim", "adc.sample", "adc.baselines.towers")
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
    """User vectors, item vectors of all domains in one table, and the towers; the `fit.Learner` of SCoNet."""

    _copy: "SCoNet | None" = None

    def __init__(self, config: dict, parts: Split):
        self.config, self.parts = config, parts
        self.rng = np.random.default_rng([config["seed"], 5])
        torch.manual_seed(config["seed"])
        domains = range(parts.ratings.p)
        self.triples = [Triples(parts, k, config["negatives"], True, self.rng) for k in domains]
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self.first = np.cumsum([0, *map(len, parts.ratings.items)])  # row of each domain's first item
        self.rated = rated(parts)  # [p·n, items of all domains]
        sizes = len(parts.ratings.users), *map(len, parts.ratings.items)
        vectors = [torch.randn(size, config["embedding"]) * config["start_noise"] for size in sizes]
        self.user, self.item = vectors[0], torch.cat(vectors[1:])
        self.towers = Towers(len(domains), config["embedding"], config["negatives"])
        self.row_optimizers = [RowAdam(table, config["learning_rate"]) for table in (self.user, self.item)]
        self.optimizer = torch.optim.Adam(self.towers.parameters(), lr=config["learning_rate"], fused=True)

    def epoch(self) -> list[dict]:
        """One pass over all pairs; the mean loss of every domain, penalties left out."""
        seen, self._copy = [], None  # the copy is of the vectors and towers, for the domains that keep this epoch
        for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng):
            self.optimizer.zero_grad()
            losses, at_rows = self._learn(users, batch)
            self.optimizer.step()
            for optimizer, step in zip(self.row_optimizers, at_rows):
                optimizer.step(*step)
            seen.append(losses)
        return [{"loss": loss} for loss in torch.stack(seen).nanmean(0).tolist()]

    def _learn(self, users: np.ndarray, batch: list) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
        """Leave the towers' gradients of one batch. Returns the loss of every domain [p], NaN where the batch has no pair;
        and of the users' and the items' table the rows looked up, each once, with the gradients there.
        """
        rows, size = [row for row, _, _ in batch], np.array([len(row) for row, _, _ in batch])
        pairs = [np.column_stack(pair) + first for (_, *pair), first in zip(batch, self.first)]  # p x [T_k, 1 + c]
        known = self._ratings(users)
        touched, place = np.unique(np.concatenate([known.indices, *map(np.ravel, pairs)]), return_inverse=True)
        known = sparse.csr_array((known.data, place[: known.nnz], known.indptr), (known.shape[0], len(touched)))
        ends = known.nnz + np.cumsum([0, *(pair.size for pair in pairs)])
        places = [place[a:b].reshape(pair.shape) for a, b, pair in zip(ends, ends[1:], pairs)]
        rows_of = torch.from_numpy(users), torch.from_numpy(touched)
        user, item = (table[some].requires_grad_() for table, some in zip((self.user, self.item), rows_of))
        means = torch.from_numpy(known @ item.detach().numpy()).unflatten(0, (len(rows), -1)).requires_grad_()
        losses = self._losses(user, item, means, rows, places)
        share = np.divide(1, size, where=size > 0, out=np.zeros(len(size)))  # of one look-up in its domain's mean
        by_user = np.bincount(np.concatenate(rows), np.repeat(share, size), len(users))
        shares = np.repeat(np.repeat(share, len(users)), np.diff(known.indptr)), np.repeat(share, np.diff(ends))
        by_item = np.bincount(place, np.concatenate(shares), len(touched))
        squares = [torch.from_numpy(by).float() @ x.square().sum(1) for by, x in ((by_user, user), (by_item, item))]
        penalties = self.config["sparsity"] * self.towers.penalty() + self.config["penalty"] * sum(squares)
        (losses.sum() + penalties).backward()
        at_item = item.grad + torch.from_numpy(known.T @ means.grad.flatten(0, 1).numpy())
        return losses.detach().masked_fill(torch.from_numpy(size == 0), torch.nan), list(zip(rows_of, (user.grad, at_item)))

    def _losses(self, user: torch.Tensor, item: torch.Tensor, means: torch.Tensor, rows: list, places: list) -> torch.Tensor:
        """Mean binary cross entropy of every domain's positives and their negatives [p], 0 without any.

        `rows` [T_k]: the user of each positive; `places` [T_k, 1 + c]: it and its negatives among the items. All domains
        go through the network at once, filled up to the length of the longest.
        """
        targets, B = Targets(self.towers, self.config["symmetric"]), len(user)
        size = torch.tensor([len(row) for row in rows])
        row = pad_sequence([torch.from_numpy(row + k * B) for k, row in enumerate(rows)], batch_first=True)  # [p, T]
        place = pad_sequence([torch.from_numpy(some) for some in places], batch_first=True)  # [p, T, 1 + c]
        hidden, shift = (F.embedding(row, part.flatten(0, 1))[:, :, None] for part in targets.of_users(user, means))
        of_items = targets.of_items(F.embedding(place, item).flatten(1, 2)).unflatten(1, place.shape[1:])
        shift = shift.expand(-1, -1, place.shape[2], -1)
        logits = targets.head.logits((hidden + of_items).flatten(1, 2), shift.flatten(1, 2)).view(place.shape)
        truth = torch.zeros_like(logits)
        truth[:, :, 0] = 1
        there = torch.arange(row.shape[1]) < size[:, None]
        losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(2) * there
        return losses.sum(1) / size.clamp(min=1)

    def _ratings(self, users: np.ndarray) -> sparse.csr_array:
        """The rows of `rated` that make users' means in every domain [p·B, items of all domains]."""
        domains, n = np.arange(self.parts.ratings.p), len(self.user)
        return self.rated[(domains[:, None] * n + users).ravel()]

    def score(self, domain: int) -> fit.Score:
        """Logits by the parameters as they are now; users without training ratings here are scored as the others."""
        with torch.no_grad():
            targets = self._targets()
            head, item = targets.head.of(domain), self._items(targets, domain)

        @torch.no_grad()
        def score(users: np.ndarray) -> torch.Tensor:
            return head.rank(*self._of_users(targets, domain, users), item)

        return score

    def arrays(self, domain: int) -> Callable[[], fit.Arrays]:
        """The first hidden layer's parts of users [n, k·e] and items [m_k, k·e], `shift` [n, e/2], and the `Head`; made
        later, from a copy of vectors and towers. k = p where `symmetric`, else 1.
        """
        if self._copy is None:
            self._copy = copy.copy(self)
            vary = {name: copy.deepcopy(getattr(self, name)) for name in ("user", "item", "towers")}
            vars(self._copy).update(vary)
        return partial(self._copy._arrays, domain)

    @torch.no_grad()
    def _arrays(self, domain: int) -> fit.Arrays:
        targets, every = self._targets(), np.array_split(np.arange(len(self.user)), -(-len(self.user) // USERS))
        user, shift = (torch.cat(parts) for parts in zip(*(self._of_users(targets, domain, some) for some in every)))
        tensors = {"user": user, "shift": shift, "item": self._items(targets, domain).T, **targets.head.of(domain)._asdict()}
        return {name: tensor.numpy().copy() for name, tensor in tensors.items()}

    def _targets(self) -> Targets:
        return Targets(self.towers, self.config["symmetric"], self.config["crossed_prediction"])

    def _items(self, targets: Targets, domain: int) -> torch.Tensor:
        """What the domain's items give to the first hidden layer [k·e, m_k]."""
        return targets.by_item[domain] @ self.item[self.first[domain] : self.first[domain + 1]].T

    def _of_users(self, targets: Targets, domain: int, users: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """First hidden layer's part [B, k·e] and `shift` [B, e/2] of some users."""
        means = torch.from_numpy(self._ratings(users) @ self.item.numpy()).unflatten(0, (-1, len(users)))
        hidden, shift = targets.of_users(self.user[users], means, slice(domain, domain + 1))
        return hidden[0], shift[0]


learner = SCoNet


def scorer(parts: Split, domain: int, arrays: fit.Arrays) -> fit.Score:
    """Logits from stored arrays, users and items in the codes of `parts`."""
    tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
    user, shift, item = (tensors.pop(name) for name in ("user", "shift", "item"))
    head, item = Head(**tensors), item.T.contiguous()
    return lambda users: head.rank(user[users], shift[users], item)


def rated(parts: Split) -> sparse.csr_array:
    """What makes of item vectors the mean of every user's training items in every domain, zero if she has none:
    [p·n, items of all domains], domain after domain."""
    blocks, n = [], len(parts.ratings.users)
    for k, items in enumerate(parts.ratings.items):
        user, item, _ = parts.of(k, TRAIN)
        share = 1 / np.bincount(user, minlength=n)[user]
        blocks.append(sparse.csr_array((share.astype(np.float32), (user, item)), (n, len(items))))
    return sparse.csr_array(sparse.block_diag(blocks, format="csr"))
