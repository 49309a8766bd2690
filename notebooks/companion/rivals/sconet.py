"""SCoNet [19]: a tower a domain, joined by sparse cross-connection matrices; p towers, not the authors' two.

A target pair (u, i) enters its tower t as [u; v_i], and every other tower q as [u; the mean of the vectors of
u's training items in q], zero if she has none. All towers work on the same user, whose vector they share.
What the authors leave open or do otherwise:

* They pair the target's item with one item of the source. The mean in its place needs no draw when ranking,
  so that what is trained is what predicts; for users with one rating in q, as most are in Table I, it is the
  same.
* With p = 2 and `symmetric` this is their network: the other towers receive from the target's, too. By
  default they receive only from one another. Their activations then depend on the user alone, which ranks a
  domain of 24,159 items about four times as fast (six towers). On MovieLens' validation ratings both are
  level (NDCG@10 .1966 and .1964 with `symmetric`, mean of three seeds, tuned settings).
* Their code drops the cross terms at prediction, though it trained with them: `crossed_prediction` off.
* The loss, binary cross entropy of positives and sampled negatives (R17), is a mean a domain, their sum
  unweighted. It is descended by Adam, as theirs, but on batches of users; gradients are not clipped at 10.
* Each tower has one logit in place of a softmax over two, which is the same. Weights start by He's rule, not
  at N(0, 0.01²), and so that no tower is dead: the authors' logs have runs that end with all scores the same.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from adc.early_stopping import Arrays, Score
from adc.errors import UserError
from adc.optim import RowAdam
from adc.sampling import Batch
from adc.split import TRAIN, Split
from companion.method import Method
from companion.rivals.base import Descent
from companion.rivals.towers import Head, Targets, Towers

USERS = 8192  # so many are prepared for ranking at once


@dataclass(frozen=True)
class Settings:
    """SCoNet's parameters; as the other methods' where they have them."""

    embedding: int = 32  # e; towers are 2e, e, e/2, e/4 wide
    negatives: int = 5  # R17
    learning_rate: float = 5e-3
    sparsity: float = 1e-4  # λ, L1 on all H
    embedding_l2: float = 0.0  # μ, L2 on the vectors of each pair, as BPR has it; the authors have none
    init_noise: float = 0.01  # standard deviation of the vectors' random start
    symmetric: bool = False  # the other towers receive from the target's too
    crossed_prediction: bool = True
    batch_users: int = 64
    epochs: int = 100  # R18
    patience: int = 15

    def __post_init__(self) -> None:
        if self.embedding < 8 or self.embedding % 8:
            raise UserError(f"Parameter embedding={self.embedding} must be a multiple of 8.")


class SCoNet(Descent):
    """User vectors, item vectors of all domains in one table, and the towers."""

    stream = 5
    model: list[Arrays] | None = None  # the arrays of every domain, until the next step

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        self.mean_weights = mean_weights(split)  # [p·n, items of all domains]
        sizes = len(split.ratings.users), *map(len, split.ratings.items)
        vectors = [torch.randn(size, config["embedding"]) * config["init_noise"] for size in sizes]
        self.user, self.item = vectors[0], torch.cat(vectors[1:])
        self.towers = Towers(split.ratings.p, config["embedding"], config["negatives"])
        self.row_optimizers = [RowAdam(table, config["learning_rate"]) for table in (self.user, self.item)]
        self.optimizer = torch.optim.Adam(self.towers.parameters(), lr=config["learning_rate"], fused=True)

    def step(self, users: np.ndarray, batch: Batch) -> torch.Tensor:
        """One step of descent on a batch; the loss of every domain [p], penalties left out."""
        self.model = None
        self.optimizer.zero_grad()
        losses, at_rows = self.gradients(users, batch)
        self.optimizer.step()
        for optimizer, step in zip(self.row_optimizers, at_rows):
            optimizer.step(*step)
        return losses

    def gradients(self, users: np.ndarray, batch: Batch) -> tuple[torch.Tensor, list[tuple]]:
        """Leave a batch's gradients in the towers. Returns the loss of every domain [p], NaN without pairs;
        of the tables of users and items the rows looked up, each once, with the gradients there."""
        rows, size = [row for row, _, _ in batch], np.array([len(row) for row, _, _ in batch])
        pairs = [np.column_stack(pair) + first for (_, *pair), first in zip(batch, self.first)]
        to_means = self.rows_of_means(users)
        looked_up = np.concatenate([to_means.indices, *map(np.ravel, pairs)])
        touched, place = np.unique(looked_up, return_inverse=True)
        entries = (to_means.data, place[: to_means.nnz], to_means.indptr)
        to_means = sparse.csr_array(entries, (to_means.shape[0], len(touched)))
        ends = to_means.nnz + np.cumsum([0, *(pair.size for pair in pairs)])
        places = [place[a:b].reshape(pair.shape) for a, b, pair in zip(ends, ends[1:], pairs)]
        rows_of = torch.from_numpy(users), torch.from_numpy(touched)
        user, item = (table[index].requires_grad_() for table, index in zip((self.user, self.item), rows_of))
        means = torch.from_numpy(to_means @ item.detach().numpy()).unflatten(0, (len(rows), -1))
        targets, means = Targets(self.towers, self.config["symmetric"]), means.requires_grad_()  # [p, B, e]
        losses = cross_entropy(targets, user, item, means, rows, places)
        share = np.divide(1, size, where=size > 0, out=np.zeros(len(size)))  # of a look-up in its mean
        by_user = np.bincount(np.concatenate(rows), np.repeat(share, size), len(users))
        of_means = np.repeat(np.repeat(share, len(users)), np.diff(to_means.indptr))
        of_pairs = np.repeat(share, np.diff(ends))
        by_item = np.bincount(place, np.concatenate([of_means, of_pairs]), len(touched))
        weighted = (by_user, user), (by_item, item)
        squares = sum(torch.from_numpy(weight).float() @ x.square().sum(1) for weight, x in weighted)
        penalties = self.config["sparsity"] * self.towers.penalty() + self.config["embedding_l2"] * squares
        (losses.sum() + penalties).backward()
        at_item = item.grad + torch.from_numpy(to_means.T @ means.grad.flatten(0, 1).numpy())
        at_rows = list(zip(rows_of, (user.grad, at_item)))
        return losses.detach().masked_fill(torch.from_numpy(size == 0), torch.nan), at_rows

    def rows_of_means(self, users: np.ndarray) -> sparse.csr_array:
        """The rows of `mean_weights` that make users' means in every domain [p·B, items of all domains]."""
        domains, n = np.arange(self.split.ratings.p), len(self.user)
        return self.mean_weights[(domains[:, None] * n + users).ravel()]

    def arrays(self, domain: int) -> Arrays:
        """The first hidden layer's part of users [n, k·e] and of items [m_k, k·e], `shift` [n, e/2], the
        `Head`; k = p where `symmetric`, else 1. Cold users are scored like others."""
        self.model = self.model or self.all_arrays()
        return self.model[domain]

    @torch.no_grad()
    def all_arrays(self) -> list[Arrays]:
        """The arrays of every domain."""
        targets = Targets(self.towers, self.config["symmetric"], self.config["crossed_prediction"])
        parts, model = [], []
        for users in np.array_split(np.arange(len(self.user)), -(-len(self.user) // USERS)):
            means = torch.from_numpy(self.rows_of_means(users) @ self.item.numpy())
            parts.append(targets.of_users(self.user[users], means.unflatten(0, (-1, len(users)))))
        hidden, shift = (torch.cat(part, 1) for part in zip(*parts))  # [p, n, k·e], [p, n, e/2]
        for k, (first, end) in enumerate(pairwise(self.first)):
            item = (targets.by_item[k] @ self.item[first:end].T).T
            tensors = {"user": hidden[k], "shift": shift[k], "item": item, **targets.head.of(k)._asdict()}
            model.append({name: tensor.numpy().copy() for name, tensor in tensors.items()})
        return model

    @staticmethod
    def scorer(split: Split, domain: int, arrays: Arrays) -> Score:
        """Logits."""
        tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
        user, shift, item = (tensors.pop(name) for name in ("user", "shift", "item"))
        head, item = Head(**tensors), item.T.contiguous()
        return lambda users: head.rank(user[users], shift[users], item)


def cross_entropy(targets: Targets, user: torch.Tensor, item: torch.Tensor, means: torch.Tensor, rows: list,
                  places: list) -> torch.Tensor:  # fmt: skip
    """Mean binary cross entropy of every domain's positives and their negatives [p], 0 without any.
    user [B, e], item [I, e], means [p, B, e]; rows [T_k]: the user of each positive; places [T_k, 1 + c]: it
    and its negatives among the items. All domains go through at once, padded to the length of the longest."""
    size = torch.tensor([len(row) for row in rows])
    B, p = len(user), range(len(rows))
    row = pad_sequence([torch.from_numpy(rows[k] + k * B) for k in p], True)  # [p, T]
    place = pad_sequence([torch.from_numpy(place) for place in places], True)  # [p, T, 1 + c]
    of_users = targets.of_users(user, means)
    hidden, shift = (F.embedding(row, part.flatten(0, 1))[:, :, None] for part in of_users)
    of_items = targets.of_items(F.embedding(place, item).flatten(1, 2)).unflatten(1, place.shape[1:])
    shift = shift.expand(-1, -1, place.shape[2], -1)
    logits = targets.head.logits((hidden + of_items).flatten(1, 2), shift.flatten(1, 2)).view(place.shape)
    truth = torch.zeros_like(logits)
    truth[:, :, 0] = 1
    present = torch.arange(row.shape[1]) < size[:, None]
    losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(2) * present
    return losses.sum(1) / size.clamp(min=1)


def mean_weights(split: Split) -> sparse.csr_array:
    """What makes of item vectors the mean of every user's training items in every domain, zero without any:
    [p·n, items of all domains], domain after domain."""
    blocks, n = [], len(split.ratings.users)
    for k, items in enumerate(split.ratings.items):
        user, item, _ = split.of(k, TRAIN)
        share = 1 / np.bincount(user, minlength=n)[user]
        blocks.append(sparse.csr_array((share.astype(np.float32), (user, item)), (n, len(items))))
    return sparse.csr_array(sparse.block_diag(blocks, format="csr"))


METHOD = Method(
    name="sconet", label="SCoNet", kind="rival", version=2, Settings=Settings, learner=SCoNet,
    search_space={"embedding": ("choice", [16, 32, 64]), "learning_rate": ("log", 5e-4, 1e-2),
                  "sparsity": ("log", 1e-7, 1e-2), "embedding_l2": ("log", 1e-5, 1e-1)},
    color="#000000", marker="d", linestyle=(0, (2, 1)), objective=(cross_entropy, Targets), equation=r"""
$$\mathbf a_t^{l+1} = \operatorname{ReLU}\Big( W_t^l \mathbf a_t^l + \mathbf b_t^l
+ \sum_{q \neq t} H_{tq}^l \mathbf a_q^l \Big), \qquad H_{tq}^l = H_{qt}^l$$

$$\min \sum_k \frac{1}{|T_k|} \sum_{(u, i, J) \in T_k} \frac{1}{1 + |J|} \Big[ -\ln \sigma(\hat x_{ui})
- \sum_{j \in J} \ln \sigma(-\hat x_{uj}) \Big]
+ \lambda \sum_{l, t \lt q} \lvert H_{tq}^l \rvert + \mu\, \Omega$$

$\hat x$: the target tower's logit; $\Omega$: mean squares of the vectors looked up, as in BPR.
""",
)  # fmt: skip
