"""CDCF (Loni et al. 2014): for every target domain a factorization machine of order 2 that knows the other domains.

An example's features x are the user, the target item (both one-hot) and the user's training ratings in every other
domain j, each as r / |s_j(u)|, s_j(u) being the items she rated there in training. The machine predicts

    y(x) = w_0 + sum_f w_f x_f + sum_{f<g} v_f·v_g x_f x_g

Target ratings never are features. What of it differs between one user's items is w_i + v_i·q_u, with
q_u = sum of x_f v_f over her context, that is every feature but the item. Users whom the target's training does not
know have no user feature, so their context is their ratings elsewhere.

`objective` "bpr" learns to rank with the loss and the negatives of BPR (Eq. 1, R17); "ratings" is the original's, which
regresses the stars of the training ratings, and ranks by the stars it predicts. Both descend by Adam, with an L2 penalty,
in place of the authors' MCMC or SGD.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from adc import fit
from adc.errors import UserError
from adc.loss import push
from adc.optim import RowAdam
from adc.pairs import Pairs
from adc.sample import Triples, epoch
from adc.split import TRAIN, Split

CODE = ("adc.fit", "adc.loss", "adc.optim", "adc.pairs", "adc.sample")
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
        self.feature[torch.from_numpy(unseen)] = 0  # features of cold users alone would stay noise

    def sums(self, context: sp.csr_matrix, feature: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Of users' contexts [B, F]: sum of x_f (v_f, w_f) [B, d+1] and of x_f^2 (v_f^2, w_f^2) [B, d+1]."""
        return torch.from_numpy(context @ feature), torch.from_numpy(context.power(2) @ feature**2)

    def same(self, total: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
        """What y(x) holds of a user whatever the item [B], from what `sums` gives."""
        pairs = (total[:, :-1].square() - squares[:, :-1]).sum(1) / 2  # sum_{f<g} by Rendle's identity
        return self.mean + total[:, -1] + pairs


def _table(size: int, dim: int, noise: float) -> torch.Tensor:
    return torch.cat([torch.randn(size, dim) * noise, torch.zeros(size, 1)], 1)


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
        rate = config["learning_rate"]
        self.optimizers = [[RowAdam(table, rate) for table in (machine.feature, machine.item)] for machine in self.machines]

    def epoch(self) -> list[dict]:
        """One pass over all training ratings; the mean loss of every domain."""
        losses = [[] for _ in self.triples]
        for users, batch in epoch(self.triples, self.users, self.config["batch_users"], self.rng):
            for k, (row, positive, negative) in enumerate(batch):
                if len(row):
                    loss, *steps = self._learn(self.machines[k], users[row], np.column_stack([positive, negative]))
                    losses[k].append(loss)
                    for optimizer, step in zip(self.optimizers[k], steps):
                        optimizer.step(*step)
        return [{"loss": float(np.mean(seen))} for seen in losses]

    def _learn(self, machine: Machine, user: np.ndarray, item: np.ndarray) -> tuple:
        """Loss of a domain's triples, user [T] and item [T, 1 + c]; for features and for items, the rows looked up, each
        once, and the gradient there. Written out, by sparse products: autograd would take several times as long."""
        users, row = np.unique(user, return_inverse=True)
        order = np.argsort(row, kind="stable")
        user, item, row = user[order], item[order], torch.from_numpy(row[order])
        known = machine.context[users]
        touched, place = np.unique(known.indices, return_inverse=True)
        context = sp.csr_matrix((known.data, place, known.indptr), (len(users), len(touched)))
        touched = torch.from_numpy(touched).long()
        feature, pairs = machine.feature[touched].numpy(), Pairs(row, torch.from_numpy(item), len(users), len(machine.item))
        total, squares = machine.sums(context, feature)
        v = machine.item[pairs.touched]
        q = torch.cat([total[:, :-1], total.new_ones(len(users), 1)], 1)  # against an item's (v_i, w_i)
        x, share = pairs.scores(q, v), self.config["penalty"] / len(row)
        at_squares = share * torch.bincount(row).float()[:, None].repeat(1, total.shape[1])
        if self.ranking:
            loss, at_x = push(x, [len(row)])
            at_total = pairs.at_rows(at_x, v)
            at_total[:, -1] = 0  # what is the same for all items of a user
        else:
            rating = torch.from_numpy(machine.rating[user, item[:, 0]].A1)
            error = x[:, 0] + machine.same(total, squares)[row] - rating
            loss, at_x = error.square().mean(), (2 / len(row) * error)[:, None]
            at_same = torch.bincount(row, at_x[:, 0])[:, None].float()
            at_total = pairs.at_rows(at_x, v)
            at_total = torch.cat([at_total[:, :-1] + at_same * total[:, :-1], at_same], 1)
            at_squares[:, :-1] -= at_same / 2
        at_feature = context.T @ at_total.numpy() + 2 * feature * (context.power(2).T @ at_squares.numpy())
        at_item = pairs.at_items(at_x, q) + 2 * share * pairs.looked_up(torch.ones(len(row)))[:, None].float() * v
        return float(loss), (touched, torch.from_numpy(at_feature)), (pairs.touched, at_item)

    def predict(self, domain: int, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """y(x) of pairs of user [T] and item [T], terms that are the same for all items of a user included [T]."""
        machine = self.machines[domain]
        total, squares = machine.sums(machine.context[user], machine.feature.numpy())
        vectors = machine.item[torch.from_numpy(item.astype(np.int64))]
        return (machine.same(total, squares) + (total[:, :-1] * vectors[:, :-1]).sum(1) + vectors[:, -1]).numpy()

    def score(self, domain: int) -> fit.Score:
        """y(x) but for what is the same for all items of a user, by the parameters as they are now."""
        return fit.factor_score(self.parts, domain, self.arrays(domain))

    def arrays(self, domain: int) -> fit.Arrays:
        """(q_u, 1) of every user of the union [n, d+1] and (v_i, w_i) of every item [m_k, d+1]."""
        machine = self.machines[domain]
        user = np.pad(machine.context @ machine.feature[:, :-1].numpy(), ((0, 0), (0, 1)), constant_values=1)
        return {"user": user, "item": machine.item.numpy().copy()}


learner = CDCF
