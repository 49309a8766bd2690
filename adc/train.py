"""ADC trained (§III): one first-order step of L_cross (Eq. 3) with the balancer's (Eqs. 4–5), epochs, and the run."""

import copy
import math
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch

from adc import balancers, data, fit, mf, runs, started
from adc.errors import UserError
from adc.evaluate import products
from adc.loss import agreement, pull, push
from adc.model import ADC, Passed
from adc.optim import RowAdam, RowSGD
from adc.pairs import Pairs
from adc.sample import Triples, epoch
from adc.settings import Settings, configuration, named
from adc.split import TRAIN, Split, split
from adc.through import Term, apart, gradient_at_W, gradient_at_z

__all__ = ["Settings", "Trainer", "configuration", "run"]


def run(config: dict, show: bool = True, prepared: tuple[Split, list[mf.Start]] | None = None) -> runs.Run:
    """Train by a `configuration`, or return the stored run if it was trained before.

    `prepared`: what `prepare` gives for it, where several runs share it.
    """
    found = runs.find(config)
    if found is not None:
        return found
    parts, starts = prepared or prepare(config)
    return fit.fit(Trainer(settings_of(config), parts, starts), parts, config, show=show)


def prepare(config: dict) -> tuple[Split, list[mf.Start]]:
    """The split ratings that a configuration means, and the MF start of every domain."""
    parts = split(data.load(config["dataset"]).only(named(config["domains"])), config["seed"])
    return parts, started.starts(parts, config["start"], config["dim"])


def learner(config: dict, parts: Split) -> "Trainer":
    """The trainer of a `configuration`, pretrained (R10)."""
    return Trainer(settings_of(config), parts, started.starts(parts, config["start"], config["dim"]))


def settings_of(config: dict) -> Settings:
    """The settings in a `configuration`, which holds more than them."""
    return Settings(**{f.name: config[f.name] for f in fields(Settings)})


def pick_device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one; asking for one that is not there is a `UserError`."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda was asked for, but PyTorch sees no GPU here. Use device=auto or device=cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class Trainer:
    """Network, optimisers and balancer of one run; the `fit.Learner` of ADC. `starts`: one MF start a domain."""

    network: type[ADC] = ADC

    def __init__(self, settings: Settings, parts: Split, starts: list[mf.Start]):
        self.s, self.parts, self.p = settings, parts, parts.ratings.p
        self.device = pick_device(settings.device)
        torch.manual_seed(settings.seed)
        self.rng = np.random.default_rng([settings.seed, 3])
        self.users = np.unique(parts.ratings.user[parts.part == TRAIN]).astype(np.int64)
        self._passed: Passed | None = None  # who went through the network since the last step
        self._copy: ADC | None = None  # of the model, for those of its domains that keep this epoch
        self.triples = [Triples(parts, k, settings.negatives, settings.redraw, self.rng, settings.observed) for k in range(self.p)]
        self._member = torch.from_numpy(membership(parts)).to(self.device)  # [n, p]
        vectors = self._starting_vectors(starts)
        self._build(vectors, settings.hidden_layers)
        if settings.pretraining != "none" and settings.hidden_layers > 1:
            self._pretrain(vectors)
        self.balancer = balancers.make(settings.balancer, self.p, settings.gamma)
        self._first_epoch = settings.initial_losses == "first_epoch"

    def _starting_vectors(self, starts: list[mf.Start]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Rows [n, p], user vectors [rows, d] of the users a domain was trained on, item vectors p x [m_k, d]."""
        member = self._member.cpu().numpy()
        rows = np.full(member.shape, -1)
        rows[member] = np.arange(member.sum())
        user, domain = np.nonzero(member)
        noisy = lambda a: (a + self.rng.normal(0, self.s.start_noise, a.shape)).astype(np.float32)
        stacked = np.stack([start.user for start in starts])  # [p, n, d]
        return rows, noisy(stacked[domain, user]), [noisy(start.item) for start in starts]

    def _pretrain(self, vectors: tuple[Any, Any, Any]) -> None:
        """One hidden layer first, with equal weights; then `hidden_layers` of them start from it (§III-C, R10)."""
        deep = self.model
        self._build(vectors, 1)
        self.balancer = balancers.make("static", self.p, 0.0)
        for _ in range(self.s.pretraining_epochs):
            self._pass()
        deep.deepen(self.model, identity=self.s.pretraining == "identity")
        self._build(vectors, self.s.hidden_layers)
        self.model.load_state_dict(deep.state_dict())

    def _build(self, vectors: tuple[Any, Any, Any], hidden_layers: int) -> None:
        s = self.s
        self.model = self.network(*vectors, hidden_layers, s.width, s.missing == "current").to(self.device)
        layers = [*self.model.A, self.model.W]
        network = [
            {"params": [layer.weight for layer in layers], "weight_decay": s.weight_decay},
            {"params": [layer.bias for layer in layers], "weight_decay": 0.0},
        ]
        dense, by_row = (torch.optim.AdamW, RowAdam) if s.optimizer == "adam" else (torch.optim.SGD, RowSGD)
        self.optimizer = dense(network, lr=s.learning_rate, fused=True)
        self.user_optimizer, self.item_optimizer = (by_row(t, s.vector_rate) for t in (self.model.user, self.model.item))

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
        self._copy = None
        seen = {name: [] for name in ("loss", "weight", "norm", "target", "rate")}
        for users, batch in epoch(self.triples, self.users, self.s.batch_users, self.rng):
            losses, norms = self.step(users, batch)
            before = self.balancer.step(losses, norms)
            if self.balancer.needs == "after":
                self.balancer.after(self._losses(users, batch))
            for name, value in zip(seen, (losses, before.weights, before.norms, before.targets, before.rates)):
                seen[name].append(value)
        self.balancer.end_epoch()
        means = {name: torch.stack(values).nanmean(0).tolist() for name, values in seen.items()}  # [p] each
        return [{name: values[k] for name, values in means.items()} for k in range(self.p)]

    def step(self, users: np.ndarray, batch: list) -> tuple[torch.Tensor, torch.Tensor]:
        """One descent step on L_cross = sum w_k L_k; returns L_k and g_k = |grad_W L_k|, each [p] (NaN: absent).

        Backpropagation is cut at z: each w_k L_k is differentiated to z alone, its gradient at W follows as one
        product with the hidden layer, and what is below sees the sum over the domains in one backward pass.
        """
        model, users, self._passed = self.model, torch.from_numpy(users).to(self.device), None
        rows = model.looked_up(users)
        vectors = model.user.detach().index_select(0, rows).requires_grad_()  # [R, d]
        hidden, square = model.hidden(users, vectors)  # [B, width], []
        z = model.decouple(hidden.detach()).detach()  # [B, p, d]
        losses, terms, at_items = self._rank(batch, z)
        beside = [self.s.penalty * square / len(users)]  # what does not pass through z
        self._agree(losses, terms, users, z, vectors, beside)
        norms = self._norms(terms, hidden)
        self._descend(terms, hidden, beside, vectors)
        if self.s.train_users:
            self.user_optimizer.step(rows, vectors.grad)
        if self.s.train_items:
            self.item_optimizer.step(*at_items)
        absent = torch.tensor([k not in terms for k in range(self.p)])
        return losses.nan_to_num(nan=math.inf, posinf=math.inf).cpu().masked_fill(absent, math.nan), norms

    def _rank(self, batch: list, z: torch.Tensor) -> tuple[torch.Tensor, dict, tuple]:
        """Eq. 1 of every domain [p]; the terms, by domain with triples; the items looked up [I] and the gradient of the
        weighted losses and the penalty there [I, d].
        """
        model, size, (B, p, d) = self.model, [len(row) for row, _, _ in batch], z.shape
        place = np.concatenate([row + k * B for k, (row, _, _) in enumerate(batch)])  # [T]
        item = np.concatenate([np.column_stack(pair) + model.first[k] for k, (_, *pair) in enumerate(batch)])  # [T, 1 + c]
        pairs = Pairs(torch.from_numpy(place).to(z.device), torch.from_numpy(item).to(z.device), p * B, len(model.item))
        v, z = model.item.detach().index_select(0, pairs.touched), z.transpose(0, 1).reshape(p * B, d)
        losses, at_x = push(pairs.scores(z, v), size, self.s.reduction)
        at_z, terms = pairs.at_rows(at_x, v).view(p, B, d), {}
        for k, (row, _, _) in enumerate(batch):
            if len(row):
                some = torch.from_numpy(row[np.flatnonzero(np.diff(row, prepend=-1))]).to(z.device)
                terms[k] = Term(some, z.new_zeros(len(some), p, d))
                terms[k].at_z[:, k] = at_z[k].index_select(0, some)
        w, size = self.balancer.weights.to(z), torch.tensor(size, device=z.device)
        gradient = pairs.at_items(at_x * w.repeat_interleave(size)[:, None], z)
        share = pairs.looked_up((1 / size).repeat_interleave(size))  # of a domain's triples, as BPR counts L2
        gradient.addcmul_(v, share[:, None].to(v), value=2 * self.s.penalty)
        return losses, terms, (pairs.touched, gradient)

    def _agree(
        self, losses: torch.Tensor, terms: dict, users: torch.Tensor, z: torch.Tensor, vectors: torch.Tensor | None,
        beside: list,
    ) -> None:  # fmt: skip
        """Add lambda times Eq. 2's last term to the losses [p], and its gradient to the terms' at z, or (R1 ★: of u in
        the place of z) itself to `beside`.
        """
        on_u = self.s.agreement_on == "u"
        alike = self.model.concatenate(users, vectors).view_as(z) if on_u else z
        for k, term in terms.items():
            of_users = alike.index_select(0, term.users)  # [B_k, p, d]
            others = None if self.s.agreement_with == "all" else self._member[users[term.users]]  # R4 ★ [B_k, p]
            if on_u:
                value = agreement(of_users, k, others)
                beside.append(float(self.balancer.weights[k]) * self.s.agreement * value)
            else:
                value, gradient = pull(of_users, k, others)
                term.at_z.add_(gradient, alpha=self.s.agreement)
            losses[k] += self.s.agreement * value.detach()

    def _norms(self, terms: dict, hidden: torch.Tensor) -> torch.Tensor:
        """Norms of the domains' gradients at W, or at the last hidden layer (R15 ★) [p]; NaN without triples."""
        norms, layer, W = torch.full((self.p,), math.nan), self.model.A[-1].weight, self.model.W.weight.detach()
        several = apart(list(terms.values()), len(hidden), W.shape)
        for k, term in terms.items():
            if self.s.norm_layer == "W":
                norms[k] = term.norm(hidden.detach(), several)
            else:
                below = gradient_at_z([term], [1.0], len(hidden), W) @ W
                norms[k] = torch.autograd.grad(hidden, layer, below, retain_graph=True)[0].norm()
        return norms

    def _descend(self, terms: dict, hidden: torch.Tensor, beside: list, vectors: torch.Tensor) -> None:
        """Move the network by the domains' weighted gradients at z; the gradient of the vectors is left in them."""
        tensors = [self.model.W.weight, self.model.W.bias, *self.model.A.parameters(), vectors]
        if self.balancer.needs == "gradients":
            none = [torch.zeros_like(tensor) for tensor in tensors]
            each = [self._through({k: terms[k]}, hidden, tensors) if k in terms else none for k in range(self.p)]
            gradients = self.balancer.combine([torch.stack(of_tensor) for of_tensor in zip(*each)])
        else:
            gradients = self._through(terms, hidden, tensors)
        for tensor, gradient in zip(tensors, gradients):
            tensor.grad = gradient
        torch.autograd.backward(beside)
        self.optimizer.step()

    def _through(self, terms: dict, hidden: torch.Tensor, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        """The gradient of the weighted sum of some terms at W, its bias, and all below."""
        every, W = self.balancer.weights.tolist(), self.model.W.weight.detach()
        some, weights = list(terms.values()), [every[k] for k in terms]
        at_z = gradient_at_z(some, weights, len(hidden), W)
        at_W = gradient_at_W(some, weights, at_z, hidden.detach())
        return [at_W, at_z.sum(0), *torch.autograd.grad(hidden, tensors[2:], at_z @ W, retain_graph=True)]

    @torch.no_grad()
    def _losses(self, users: np.ndarray, batch: list) -> torch.Tensor:
        """L_k of a batch as the parameters are now [p] (NaN: absent)."""
        users = torch.from_numpy(users).to(self.device)
        z = self.model(users)
        losses, terms, _ = self._rank(batch, z)
        self._agree(losses, terms, users, z, None, [])
        return losses.cpu()

    def score(self, domain: int) -> fit.Score:
        """z_u^(k)·v_i by the parameters as they are when it is called: users [B] -> [B, m_k]."""

        def products_of(users: np.ndarray) -> torch.Tensor:
            self._passed = self._passed or Passed(self.model)
            return products(self._passed.z(users, domain), self.model.items(domain))

        return products_of

    def arrays(self, domain: int) -> Callable[[], fit.Arrays]:
        """z^(k) of every user [n, d] and v^(k) [m_k, d]; made later, from a copy of the model that the domains share."""
        if self._copy is None:
            self._copy = copy.deepcopy(self.model)
        return partial(factors, self._copy, domain)


@torch.no_grad()
def factors(model: ADC, domain: int) -> fit.Arrays:
    """z^(k) of every user [n, d] and v^(k) [m_k, d]."""
    every = torch.arange(len(model.rows), device=model.rows.device).split(4096)
    z = torch.cat([model.one_of(model.hidden(some)[0], domain) for some in every])
    return {"user": z.cpu().numpy(), "item": model.items(domain).cpu().numpy().copy()}


def membership(parts: Split) -> np.ndarray:
    """Which users have a training rating in which domain [n, p] bool."""
    member = np.zeros((len(parts.ratings.users), parts.ratings.p), dtype=bool)
    training = parts.part == TRAIN
    member[parts.ratings.user[training], parts.ratings.domain[training]] = True
    return member
