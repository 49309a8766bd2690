"""BPR [28] on each domain by itself, and merged: Eq. 1 and ADC's sampler, no network, x_ui = u_u·v_i + b_i.

It descends as ADC does, by Adam on the vectors of a batch of users, whose loss is a mean per domain; its
authors take triple by triple, by SGD. The item bias b_i, the last column of the item vectors, belongs to BPR
as it is published in code (MyMediaLite, cornac); without it sparse domains fall far below popularity."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from adc.early_stopping import Arrays
from adc.fast_step import Pairs, bpr_gradient
from adc.optim import RowAdam
from adc.sampling import Batch
from adc.split import Split
from companion.method import Method
from companion.rivals.base import Descent


@dataclass(frozen=True)
class Settings:
    """BPR's parameters; as ADC's where both have them."""

    dim: int = 100  # d
    negatives: int = 5  # per positive (R17)
    learning_rate: float = 3e-3
    embedding_l2: float = 1e-2  # λ, L2 on the vectors of each triple
    init_noise: float = 0.03  # standard deviation of the random start
    batch_users: int = 64
    epochs: int = 100  # R18
    patience: int = 15


@dataclass(frozen=True)
class MergedSettings(Settings):
    """BPR's parameters."""

    learning_rate: float = 1e-2


class BPR(Descent):
    """User and item vectors of every domain."""

    stream = 4

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        self.row = self.user_rows()
        noise, d = config["init_noise"], config["dim"]
        self.user = torch.randn(self.row.max() + 1, d) * noise
        self.item = torch.cat([torch.randn(self.first[-1], d) * noise, torch.zeros(self.first[-1], 1)], 1)
        self.optimizers = [RowAdam(table, config["learning_rate"]) for table in (self.user, self.item)]

    def user_rows(self) -> np.ndarray:
        """The row of each user's vector in each domain [p, n], one wherever she has a training rating."""
        member = self.split.membership().T
        rows = np.zeros(member.shape, dtype=np.int64)
        rows[member] = np.arange(member.sum())
        return rows

    def mean_over(self, size: list[int]) -> list[int]:
        """From each domain's number of triples, how many triples share a mean: each domain's."""
        return size

    def step(self, users: np.ndarray, batch: Batch) -> torch.Tensor:
        """One step of descent on a batch; the loss of every domain [p], NaN for one without triples."""
        row = np.concatenate([self.row[k, users[row]] for k, (row, _, _) in enumerate(batch)])  # [T]
        items = [np.column_stack(pair) + first for (_, *pair), first in zip(batch, self.first)]
        size = self.mean_over([len(row) for row, _, _ in batch])
        rows, place = np.unique(row, return_inverse=True)
        order = np.argsort(place, kind="stable")
        rows, place, item = (torch.from_numpy(a) for a in (rows, place[order], np.concatenate(items)[order]))
        pairs = Pairs(place, item, len(rows), len(self.item))
        u, v = self.user[rows], self.item[pairs.touched]
        u_1 = torch.cat([u, u.new_ones(len(u), 1)], 1)  # [R, d+1]
        losses, at_x = bpr_gradient(pairs.scores(u_1, v), size)
        size = torch.tensor(size)
        share = (1 / size).repeat_interleave(size)  # of a triple in its mean
        l2 = 2 * self.config["embedding_l2"]
        at_u = pairs.at_rows(at_x, v)[:, :-1] + l2 * torch.bincount(place, share)[:, None].float() * u
        at_v = pairs.at_items(at_x, u_1) + l2 * pairs.counts(share)[:, None].float() * v
        for optimizer, step in zip(self.optimizers, ((rows, at_u), (pairs.touched, at_v))):
            optimizer.step(*step)
        return losses

    def arrays(self, domain: int) -> Arrays:
        """(u, 1) of users [n, d+1], (v, b) of items [m_k, d+1]; `cold`: cold users get popularity (R36)."""
        user = np.pad(self.user.numpy()[self.row[domain]], ((0, 0), (0, 1)), constant_values=1)
        item = self.item.numpy()[self.first[domain] : self.first[domain + 1]].copy()
        return {"user": user, "item": item, "cold": np.array(True)}


class MergedBPR(BPR):
    """BPR whose only domain are all domains together: they share one vector of every user.
    Negatives are items of the positive's own domain. A user without training ratings in the target has a
    vector all the same, if she has one elsewhere."""

    def user_rows(self) -> np.ndarray:
        """One row for every user with a training rating, the same in all domains [p, n]."""
        row = np.zeros(len(self.split.ratings.users), dtype=np.int64)
        row[self.users] = np.arange(len(self.users))
        return np.tile(row, (self.split.ratings.p, 1))

    def mean_over(self, size: list[int]) -> list[int]:
        """The triples of all domains share one mean."""
        return [sum(size)]

    def epoch(self) -> list[dict]:
        """One pass over all triples; their mean loss stands for every domain."""
        (row,) = super().epoch()
        return [dict(row) for _ in self.split.ratings.domains]

    def arrays(self, domain: int) -> Arrays:
        """(u, 1) of every user [n, d+1], the same in all domains, and (v, b) of items [m_k, d+1]."""
        return {name: array for name, array in super().arrays(domain).items() if name != "cold"}


METHOD = Method(
    name="bpr", label="BPR", kind="rival", version=2, Settings=Settings, learner=BPR,
    color="#009E73", marker="^", linestyle="-.",
    search_space={"learning_rate": ("log", 5e-4, 3e-2), "embedding_l2": ("log", 5e-4, 0.3),
                  "init_noise": ("log", 3e-3, 0.5), "batch_users": ("choice", [64, 256])},
    objective=(bpr_gradient, BPR), equation=r"""
$$\min \sum_k \frac{1}{|T_k|} \sum_{(u, i, J) \in T_k} \Big[ \frac{1}{|J|} \sum_{j \in J}
-\ln \sigma(\hat x_{ui} - \hat x_{uj}) + \lambda \Big( \lVert \mathbf u^{(k)}_u \rVert^2
+ \sum_{j \in J \cup \{i\}} \lVert \mathbf v_j \rVert^2 + b_j^2 \Big) \Big], \qquad
\hat x_{ui} = \mathbf u^{(k)\top}_u \mathbf v_i + b_i$$

$T_k$: the training ratings of domain $k$, $u$'s of item $i$, each with random items $J$ she has not rated.
""",
)  # fmt: skip
MERGED = replace(
    METHOD, name="bpr_merged", label="BPR (merged)", Settings=MergedSettings, learner=MergedBPR,
    kind="hurdle", color="#004D3A", marker="<", linestyle=(0, (3, 1, 1, 1)),
    objective=(MergedBPR,), equation=r"""
$$\min \frac{1}{|T|} \sum_{(u, i, J) \in T} \Big[ \frac{1}{|J|} \sum_{j \in J}
-\ln \sigma(\hat x_{ui} - \hat x_{uj}) + \lambda \Big( \lVert \mathbf u_u \rVert^2
+ \sum_{j \in J \cup \{i\}} \lVert \mathbf v_j \rVert^2 + b_j^2 \Big) \Big], \qquad
T = \bigcup_k T_k, \quad \hat x_{ui} = \mathbf u_u^\top \mathbf v_i + b_i$$

As BPR's, but $\mathbf u_u$ is the same vector in all domains.
""",
)  # fmt: skip
