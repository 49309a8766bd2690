"""ADC trained (§III): one first-order step of L_cross (Eq. 3) with the balancer's (Eqs. 4–5), epochs, and the run."""

import math
from dataclasses import fields

import numpy as np
import torch

from adc import balancers, data, fit, mf, runs
from adc.errors import UserError
from adc.loss import agreement, bpr, scores
from adc.model import ADC, Rows
from adc.sample import Triples, epoch
from adc.settings import Settings, configuration, named
from adc.split import TRAIN, Split, split

__all__ = ["Settings", "Trainer", "configuration", "run"]


def run(config: dict, show: bool = True) -> runs.Run:
    """Train by a `configuration`, or return the stored run if it was trained before."""
    found = runs.find(config)
    if found is not None:
        return found
    parts = split(data.load(config["dataset"]).only(named(config["domains"])), config["seed"])
    return fit.fit(learner(config, parts), parts, config, show=show)


def learner(config: dict, parts: Split) -> "Trainer":
    """The trainer of a `configuration`, pretrained (R10)."""
    settings = Settings(**{f.name: config[f.name] for f in fields(Settings)})
    return Trainer(settings, parts, mf.starts(parts, settings.start, settings.dim))


def pick_device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one; asking for one that is not there is a `UserError`."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda was asked for, but PyTorch sees no GPU here. Use device=auto or device=cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class Trainer:
    """Network, optimisers and balancer of one run; the `fit.Learner` of ADC. `starts`: one MF start a domain."""

    def __init__(self, settings: Settings, parts: Split, starts: list[mf.Start]):
        self.s, self.parts, self.p = settings, parts, parts.ratings.p
        self.device = pick_device(settings.device)
        torch.manual_seed(settings.seed)
        self.rng = np.random.default_rng([settings.seed, 3])
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self.triples = [Triples(parts, k, settings.negatives, settings.redraw, self.rng, settings.observed) for k in range(self.p)]
        self._member = membership(parts)  # [n, p]
        vectors = self._starting_vectors(starts)
        self._build(vectors, settings.hidden_layers)
        if settings.pretraining != "none" and settings.hidden_layers > 1:
            self._pretrain(vectors)
        self.balancer = balancers.make(settings.balancer, self.p, settings.gamma)
        self._first_epoch = settings.initial_losses == "first_epoch"

    def _starting_vectors(self, starts: list[mf.Start]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Rows [n, p], user vectors [rows, d] of the users a domain was trained on, item vectors p x [m_k, d]."""
        rows = np.full(self._member.shape, -1)
        rows[self._member] = np.arange(self._member.sum())
        user, domain = np.nonzero(self._member)
        noisy = lambda a: (a + self.rng.normal(0, self.s.start_noise, a.shape)).astype(np.float32)
        stacked = np.stack([start.user for start in starts])  # [p, n, d]
        return rows, noisy(stacked[domain, user]), [noisy(start.item) for start in starts]

    def _pretrain(self, vectors) -> None:
        """One hidden layer first, with equal weights; then `hidden_layers` of them start from it (§III-C, R10)."""
        deep = self.model
        self._build(vectors, 1)
        self.balancer = balancers.make("static", self.p, 0.0)
        for _ in range(self.s.pretraining_epochs):
            self._pass()
        deep.deepen(self.model, identity=self.s.pretraining == "identity")
        self._build(vectors, self.s.hidden_layers)
        self.model.load_state_dict(deep.state_dict())

    def _build(self, vectors, hidden_layers: int) -> None:
        s = self.s
        self.model = ADC(*vectors, hidden_layers, s.width, s.missing == "current").to(self.device)
        self.model.user.requires_grad_(s.train_users)
        self.model.item.requires_grad_(s.train_items)
        layers = [*self.model.A, self.model.W]
        network = [
            {"params": [layer.weight for layer in layers], "weight_decay": s.weight_decay},
            {"params": [layer.bias for layer in layers], "weight_decay": 0.0},
        ]
        tables = [t.weight for t in (self.model.user, *self.model.item) if t.weight.requires_grad]
        dense, sparse = (torch.optim.AdamW, torch.optim.SparseAdam) if s.optimizer == "adam" else [torch.optim.SGD] * 2
        self.optimizers = [dense(network, lr=s.learning_rate, fused=True)] + ([sparse(tables, lr=s.vector_rate)] if tables else [])

    def epoch(self) -> list[dict]:
        """One pass over the users; per domain the means over its steps of L_k, w_k, G_k, its target and r_k."""
        if not self._first_epoch:
            return self._pass()
        self._first_epoch, moving = False, self.balancer  # R13 ★: L_k(0) is the mean loss of an epoch at equal weights
        self.balancer = balancers.make("static", self.p, 0.0)
        rows = self._pass()
        self.balancer, moving.initial = moving, torch.tensor([row["loss"] for row in rows])
        return rows

    def _pass(self) -> list[dict]:
        self.model.train()
        seen = {name: [] for name in ("loss", "weight", "norm", "target", "rate")}
        for users, batch in epoch(self.triples, self.users, self.s.batch_users, self.rng):
            losses, norms = self.step(users, batch)
            before = self.balancer.step(losses, norms)
            for name, value in zip(seen, (losses, before.weights, before.norms, before.targets, before.rates)):
                seen[name].append(value)
        means = {name: torch.stack(values).nanmean(0).tolist() for name, values in seen.items()}  # [p] each
        return [{name: values[k] for name, values in means.items()} for k in range(self.p)]

    def step(self, users: np.ndarray, batch: list) -> tuple[torch.Tensor, torch.Tensor]:
        """One descent step on L_cross = sum w_k L_k; returns L_k and g_k = |grad_W L_k|, each [p] (NaN: absent).

        Backpropagation is cut at z: each w_k L_k is differentiated to z alone, its gradient at W follows as one
        product with the hidden layer, and what is below sees the sum over the domains in one backward pass.
        """
        model, users = self.model, torch.from_numpy(users).to(self.device)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        inputs = model.concatenate(users)  # [B, p·d]
        hidden = model.trunk(inputs)  # [B, width]
        h = hidden.detach()
        z = model.decouple(h).detach()  # [B, p, d]
        at_z = torch.zeros_like(z)
        beside = [self.s.penalty * inputs.square().sum() / len(users)]  # what does not pass through z
        losses, norms = torch.full((self.p,), math.nan), torch.full((self.p,), math.nan)
        for k, (row, positive, negative) in enumerate(batch):
            if not len(row):
                continue
            row, positive, negative = (torch.from_numpy(a).to(self.device) for a in (row, positive, negative))
            some, of_row = torch.unique_consecutive(row, return_inverse=True)  # the batch's users with triples in k [B_k]
            w, z_k = float(self.balancer.weights[k]), z[some].requires_grad_()  # z_k: [B_k, p, d]
            rows = Rows(model.item[k], positive, negative)
            loss = bpr(*scores(z_k[:, k], rows.vectors, of_row, *rows.places), self.s.reduction)
            size = self.s.penalty * rows.squares() / len(row)
            vectors = z_k if self.s.agreement_on == "z" else inputs[some].unflatten(1, (self.p, -1))  # R1
            alike = self.s.agreement * agreement(vectors, k, self._others(users[some]))
            beside += [w * alike] if self.s.agreement_on == "u" else []
            (w * (loss + alike if self.s.agreement_on == "z" else loss) + size).backward()
            rows.hand_over()
            at_z[some] += z_k.grad
            own = z_k.grad.flatten(1)  # [B_k, p·d], of w_k L_k
            losses[k] = (loss + alike).detach().nan_to_num(nan=math.inf, posinf=math.inf)  # NaN means absent
            norms[k] = self._norm(own, hidden, some) / abs(w)
        at_z = at_z.flatten(1)
        model.W.weight.grad, model.W.bias.grad = at_z.T @ h, at_z.sum(0)
        below = at_z @ model.W.weight.detach()  # [B, width]
        beside = [term for term in beside if term.requires_grad]
        torch.autograd.backward([hidden, *beside], [below, *[None] * len(beside)])
        for optimizer in self.optimizers:
            optimizer.step()
        return losses, norms

    def _norm(self, own: torch.Tensor, hidden: torch.Tensor, some: torch.Tensor) -> torch.Tensor:
        """Norm of a domain's gradient at W, or at the last hidden layer (R15 ★), from its gradient at z [B_k, p·d]."""
        if self.s.norm_layer == "W":
            return product_norm(own, hidden.detach()[some])
        below = torch.zeros_like(hidden).index_copy(0, some, own @ self.model.W.weight.detach())
        return torch.autograd.grad(hidden, self.model.A[-1].weight, below, retain_graph=True)[0].norm()

    def _others(self, users: torch.Tensor) -> torch.Tensor | None:
        if self.s.agreement_with == "all":
            return None
        return torch.from_numpy(self._member[users.cpu().numpy()]).to(self.device)  # R4 ★ [B_k, p]

    def score(self, domain: int) -> fit.Score:
        """z_u^(k)·v_i by the parameters as they are now: users [B] -> [B, m_k]."""
        item = self.model.item[domain].weight.detach().T
        return lambda users: self._z(users, domain) @ item

    def arrays(self, domain: int) -> fit.Arrays:
        """z^(k) of every user [n, d] and v^(k) [m_k, d]."""
        every = np.arange(len(self.parts.ratings.users))
        z = torch.cat([self._z(some, domain) for some in np.array_split(every, -(-len(every) // 4096))])
        return {"user": z.cpu().numpy(), "item": self.model.item[domain].weight.detach().cpu().numpy().copy()}

    @torch.no_grad()
    def _z(self, users: np.ndarray, domain: int) -> torch.Tensor:
        self.model.eval()
        return self.model(torch.from_numpy(users.astype(np.int64)).to(self.device))[:, domain]


def product_norm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of a^T b [B, m], [B, n]; with few rows from the Gram matrices, |a^T b|^2 = sum(a a^T * b b^T)."""
    if len(a) > min(a.shape[1], b.shape[1]) // 2:
        return (a.T @ b).norm()
    return ((a @ a.T) * (b @ b.T)).sum().clamp(min=0).sqrt()


def membership(parts: Split) -> np.ndarray:
    """Which users have a training rating in which domain [n, p] bool."""
    member = np.zeros((len(parts.ratings.users), parts.ratings.p), dtype=bool)
    training = parts.part == TRAIN
    member[parts.ratings.user[training], parts.ratings.domain[training]] = True
    return member
