"""CDCF (Loni et al. 2014): for every target a factorization machine of order 2 that knows the other domains.

An example's features x are the user, the target item (both one-hot) and the user's training ratings in every
other domain j, each as r / |s_j(u)|, s_j(u) being the items she rated there in training; target ratings never
are. What of y(x) differs between one user's items is w_i + v_i·q_u, with q_u = Σ x_f v_f over her context,
that is every feature but the item. A user without training ratings in the target has no user feature, only
her ratings elsewhere.

`objective` "bpr" learns to rank with the loss and the negatives of BPR (Eq. 1, R17); "ratings", the
original's, regresses the stars of the training ratings and ranks by the stars it predicts. Both descend by
Adam with an L2 penalty, in place of the authors' MCMC or SGD."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from adc.early_stopping import Arrays
from adc.errors import UserError
from adc.fast_step import Pairs, bpr_gradient
from adc.mf_init import unit
from adc.optim import RowAdam
from adc.sampling import Batch
from adc.split import TRAIN, Split
from companion.method import Method
from companion.rivals.base import Descent

OBJECTIVES = ("bpr", "ratings")
Step = tuple[torch.Tensor, torch.Tensor]  # rows of a table, each once, and the gradient there


@dataclass(frozen=True)
class Settings:
    """CDCF's parameters; as BPR's where both have them."""

    objective: str = "bpr"
    dim: int = 32  # of v
    negatives: int = 5  # R17; "ratings" has none
    learning_rate: float = 6e-3
    embedding_l2: float = 3e-2  # λ, L2 on each triple's x_f v_f and x_f w_f; predicted stars are best at 0.5
    init_noise: float = 0.03  # standard deviation of the random start
    batch_users: int = 256
    epochs: int = 100  # R18
    patience: int = 15

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UserError(f"Parameter objective={self.objective!r} is unknown. Known: bpr, ratings.")


class Machine:
    """The factorization machine of one target: (v_f, w_f) of contexts' features, (v_i, w_i) of items."""

    def __init__(self, split: Split, domain: int, config: dict):
        user, item, rating = split.of(domain, TRAIN)
        self.context = contexts(split, domain)  # [n, F]
        rating = rating / unit(rating)
        self.mean = float(rating.mean())  # w_0; the weights w can shift it
        shape = len(split.ratings.users), len(split.ratings.items[domain])
        self.rating = sp.csr_matrix((rating, (user, item)), shape=shape)
        sizes, d, noise = (self.context.shape[1], shape[1]), config["dim"], config["init_noise"]
        tables = [torch.cat([torch.randn(size, d) * noise, torch.zeros(size, 1)], 1) for size in sizes]
        self.feature, self.item = tables
        absent = np.bincount(self.context[np.unique(user)].indices, minlength=sizes[0]) == 0
        self.feature[torch.from_numpy(absent)] = 0  # features of cold users alone would stay noise
        self.ranking, self.l2 = config["objective"] == "bpr", config["embedding_l2"]
        self.optimizers = [RowAdam(table, config["learning_rate"]) for table in tables]

    def gradients(self, user: np.ndarray, item: np.ndarray) -> tuple[torch.Tensor, Step, Step]:
        """Loss of triples, user [T], item [T, 1 + c]; its gradient at the features and the items looked up.
        Written out, by sparse products: autograd would take several times as long."""
        users, row = np.unique(user, return_inverse=True)
        order = np.argsort(row, kind="stable")
        user, item, row = user[order], item[order], torch.from_numpy(row[order])
        context = self.context[users]
        touched, place = np.unique(context.indices, return_inverse=True)
        context = sp.csr_matrix((context.data, place, context.indptr), (len(users), len(touched)))
        touched = torch.from_numpy(touched).long()
        feature = self.feature[touched].numpy()
        pairs = Pairs(row, torch.from_numpy(item), len(users), len(self.item))
        total, squares = self.sums(context, feature)
        v = self.item[pairs.touched]
        q = torch.cat([total[:, :-1], total.new_ones(len(users), 1)], 1)  # against an item's (v_i, w_i)
        x, share = pairs.scores(q, v), self.l2 / len(row)
        at_squares = share * torch.bincount(row).float()[:, None].repeat(1, total.shape[1])
        if self.ranking:
            loss, at_x = bpr_gradient(x, [len(row)])
            at_total = pairs.at_rows(at_x, v)
            at_total[:, -1] = 0  # what is the same for all items of a user
        else:
            rating = torch.from_numpy(self.rating[user, item[:, 0]].A1)
            error = x[:, 0] + self.same_for_all_items(total, squares)[row] - rating
            loss, at_x = error.square().mean(), (2 / len(row) * error)[:, None]
            at_same = torch.bincount(row, at_x[:, 0])[:, None].float()
            at_total = pairs.at_rows(at_x, v)
            at_total = torch.cat([at_total[:, :-1] + at_same * total[:, :-1], at_same], 1)
            at_squares[:, :-1] -= at_same / 2
        at_feature = context.T @ at_total.numpy() + 2 * feature * (context.power(2).T @ at_squares.numpy())
        counts = pairs.counts(torch.ones(len(row)))[:, None].float()
        at_item = pairs.at_items(at_x, q) + 2 * share * counts * v
        return loss.squeeze(), (touched, torch.from_numpy(at_feature)), (pairs.touched, at_item)

    def sums(self, context: sp.csr_matrix, feature: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Of users' contexts [B, F]: Σ x_f (v_f, w_f) [B, d+1] and Σ x_f² (v_f², w_f²) [B, d+1]."""
        return torch.from_numpy(context @ feature), torch.from_numpy(context.power(2) @ feature**2)

    def same_for_all_items(self, total: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
        """The terms of y(x) that are the same for all items of a user [B], from her `sums`."""
        pairs = (total[:, :-1].square() - squares[:, :-1]).sum(1) / 2  # Σ_{f<g} by Rendle's identity
        return self.mean + total[:, -1] + pairs


class CDCF(Descent):
    """The machines of all targets, trained side by side."""

    stream = 5

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        self.machines = [Machine(split, k, config) for k in range(split.ratings.p)]

    def step(self, users: np.ndarray, batch: Batch) -> torch.Tensor:
        """One step of every machine with triples in the batch; their losses [p], NaN for the others."""
        losses = torch.full((len(batch),), torch.nan)
        for k, (row, positive, negative) in enumerate(batch):
            if len(row):
                machine = self.machines[k]
                losses[k], *steps = machine.gradients(users[row], np.column_stack([positive, negative]))
                for optimizer, step in zip(machine.optimizers, steps):
                    optimizer.step(*step)
        return losses

    def arrays(self, domain: int) -> Arrays:
        """(q_u, 1) of every user of the union [n, d+1] and (v_i, w_i) of every item [m_k, d+1]."""
        machine = self.machines[domain]
        q = machine.context @ machine.feature[:, :-1].numpy()
        return {"user": np.pad(q, ((0, 0), (0, 1)), constant_values=1), "item": machine.item.numpy().copy()}


def contexts(split: Split, domain: int) -> sp.csr_matrix:
    """Every user's features for one target domain [n, F]: first the target's training users, one-hot, then
    r / |s_j(u)| of her training ratings of the items of every other domain j, in the order of the domains."""
    n, users = len(split.ratings.users), np.unique(split.of(domain, TRAIN)[0])
    blocks = [sp.csr_matrix((np.ones(len(users)), (users, np.arange(len(users)))), shape=(n, len(users)))]
    for k, items in enumerate(split.ratings.items):
        if k != domain:
            user, item, rating = split.of(k, TRAIN)
            value = rating / unit(rating) / np.bincount(user, minlength=n)[user]
            blocks.append(sp.csr_matrix((value, (user, item)), shape=(n, len(items))))
    return sp.hstack(blocks, format="csr", dtype=np.float32)


METHOD = Method(
    name="cdcf", label="CDCF", kind="rival", version=2, Settings=Settings, learner=CDCF,
    color="#56B4E9", marker="h",
    search_space={"dim": ("choice", [8, 16, 32, 64, 100]), "learning_rate": ("log", 3e-4, 3e-2),
                  "embedding_l2": ("log", 1e-3, 1.0), "init_noise": ("log", 3e-3, 0.3)},
    linestyle=(0, (4, 4)), objective=(contexts, Machine), equation=r"""
$$y(x) = w_0 + \sum_f w_f x_f + \sum_{f \lt g} \mathbf v_f^\top \mathbf v_g\, x_f x_g, \qquad
x = \big( u,\ i,\ r_{uq} / \lvert s_j(u) \rvert \text{ for } q \in s_j(u), j \text{ other domains} \big)$$

$s_j(u)$: $u$'s training items of domain $j$. For every target, the mean over its training ratings of
$-\ln \sigma(y(x_{ui}) - y(x_{uj}))$ with random items $j$ (`objective` "bpr") or of $(y(x_{ui}) - r_{ui})^2$
("ratings"), plus $\lambda \sum_f x_f^2 (\lVert \mathbf v_f \rVert^2 + w_f^2)$ over their features.
""",
)  # fmt: skip
