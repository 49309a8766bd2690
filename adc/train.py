"""ADC trained (§III): the plain step of Eqs. 1 to 5, epochs, and `fit` from a split to a trained model."""

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from adc import balancers
from adc.balancer import BalancerState, gradient_norms
from adc.config import Config
from adc.early_stopping import Arrays, Trained, train_epochs
from adc.errors import UserError
from adc.evaluation import Score, products
from adc.fast_step import fast_step, hidden_layer
from adc.losses import agreement, bpr
from adc.mf_init import MFVectors, initial_vectors
from adc.model import ADC
from adc.optim import RowAdam, RowSGD
from adc.ratings import Source
from adc.sampling import Batch, Triples, user_batches
from adc.split import Split, split_ratings

HISTORY = ("loss", "agreement", "weight", "norm", "target", "rate")  # L_k, λ's part of it, w_k, …


def domain_losses(trainer: "Trainer", users: torch.Tensor, batch: Batch) -> tuple[dict, dict, torch.Tensor]:
    """L_k (Eq. 2) and λ's part of it, by domain with triples in the batch; and the L2 term beside Eq. 3."""
    c, model = trainer.config, trainer.model
    hidden, u_con = model.hidden(users)  # [B, width], [B, p·d]
    z = model.decouple(hidden)  # [B, p, d]
    losses, of_agreement, scale, l2 = {}, {}, {}, 0 * u_con.sum()
    for k, (row, positive, negative) in enumerate(batch):  # [T], [T], [T, c]
        if len(row):
            row, v = torch.from_numpy(row), model.items(k)
            x_positive = (z[row, k] * v[positive]).sum(-1)  # u·v_i+ [T]
            x_negative = (z[row, k, None] * v[negative]).sum(-1)  # u·v_i- [T, c]
            in_batch = row.unique()  # each user once (R5)
            alike = z if c.agreement_on == "z" else u_con.view_as(z)  # R1
            others = None if c.agreement_with == "all" else trainer.member[users[in_batch]]  # R4
            scale[k] = x_negative.numel() if c.reduction == "sum" else 1  # as Eq. 1's sum over a mean (R14)
            of_agreement[k] = scale[k] * c.agreement_weight * agreement(alike[in_batch], k, others)
            losses[k] = bpr(x_positive, x_negative, c.reduction) + of_agreement[k]  # Eqs. 1 and 2
            l2 = l2 + scale[k] * (v[positive].square().sum() + v[negative].square().sum()) / len(row)
    l2 = l2 + (sum(scale.values()) or 1) / max(len(scale), 1) * u_con.square().sum() / len(users)
    return losses, of_agreement, l2


def plain_step(trainer: "Trainer", users: torch.Tensor, batch: Batch) -> tuple:
    """One step of §III by `users` [B]: Eqs. 1 to 3 move the network, Eqs. 4 and 5 the weights.
    Returns L_k and λ's part of it [2, p] (NaN: no triples in the batch), and the balancer's state."""
    c, model, balancer = trainer.config, trainer.model, trainer.balancer
    losses, of_agreement, l2 = domain_losses(trainer, users, batch)  # Eqs. 1 and 2
    layer = model.W.weight if c.norm_layer == "W" else model.A[-1].weight  # R15
    norms = dict(zip(losses, gradient_norms(list(losses.values()), layer)))  # |∇_W L_k|
    L_cross = sum((float(balancer.weights[k]) * L_k for k, L_k in losses.items()), 0 * l2)  # Eq. 3
    model.zero_grad()
    if balancer.needs == "gradients":
        combined_backward(trainer, losses)  # rules that change gradients rather than weights
        torch.autograd.backward(L_cross, inputs=[model.item], retain_graph=True)
        (c.embedding_l2 * l2).backward()
    else:
        (L_cross + c.embedding_l2 * l2).backward()
    trainer.descend(users, batch)
    values = {k: L_k.detach().nan_to_num(nan=math.inf, posinf=math.inf) for k, L_k in losses.items()}
    L = torch.stack([trainer.per_domain(values), trainer.per_domain(of_agreement).detach()])  # [2, p]
    return L, balancer.step(L[0], trainer.per_domain(norms))  # Eqs. 4 and 5


def combined_backward(trainer: "Trainer", losses: dict[int, torch.Tensor]) -> None:
    """Leave in the shared tensors what `Balancer.combine` makes of the gradients of every w_k L_k."""
    model, balancer = trainer.model, trainer.balancer
    tensors = [model.W.weight, model.W.bias, *model.A.parameters(), model.user]
    by_domain = [[torch.zeros_like(tensor) for tensor in tensors] for _ in range(model.p)]
    for k, L_k in losses.items():
        by_domain[k] = list(torch.autograd.grad(float(balancer.weights[k]) * L_k, tensors, retain_graph=True))
    gradients = balancer.combine([torch.stack(of_tensor) for of_tensor in zip(*by_domain)])
    for tensor, gradient in zip(tensors, gradients):
        tensor.grad = gradient


class Trainer:
    """Network, optimisers and balancer of one training of ADC; a `Learner`.

    `vectors`: the start of every domain, made here where none is given (§III-B(1))."""

    network: Any = ADC
    hidden_layer = staticmethod(hidden_layer)  # of the fast step and of evaluation

    def __init__(self, config: Config, split: Split, vectors: list[MFVectors] | None = None):
        self.config, self.split, self.p = config, split, split.ratings.p
        self.device = pick_device(config.device)
        torch.manual_seed(config.seed)
        self.rng = np.random.default_rng([config.seed, 3])
        self.users = split.training_users()
        self._cache: tuple | None = None  # whose hidden layers are known, and these; until the next step
        self._snapshot: ADC | None = None  # of the model, for the domains whose best epoch this is
        options = (config.negatives, config.resample_negatives, self.rng, config.observed)
        self.triples = [Triples(split, k, *options) for k in range(self.p)]
        self.member = torch.from_numpy(split.membership()).to(self.device)  # [n, p]
        balancer = balancers.make(config.balancer, self.p, config.gamma, config.constant_weights)
        start = self._start(vectors or initial_vectors(split, config.init, config.dim))
        self._build(start, config.hidden_layers)
        if config.pretraining != "none" and config.hidden_layers > 1:
            self._pretrain(start)
        self.balancer = balancer
        self._first_epoch = config.initial_losses == "first_epoch"

    def _start(self, vectors: list[MFVectors]) -> tuple:
        """Rows [n, p], user vectors [rows, d] of each domain's training users, item vectors p x [m_k, d]."""
        member = self.member.cpu().numpy()
        rows = np.full(member.shape, -1)
        rows[member] = np.arange(member.sum())
        users = np.stack([of_domain.user for of_domain in vectors], 1)[member]  # [rows, d]
        start, noise = [users, *(of_domain.item for of_domain in vectors)], self.config.init_noise
        users, *items = [(a + self.rng.normal(0, noise, a.shape)).astype(np.float32) for a in start]
        return rows, users, items

    def _pretrain(self, start: tuple) -> None:
        """One hidden layer first, with equal weights; then all of them start from it (§III-C, R10)."""
        deep = self.model
        self._build(start, 1)
        self.balancer = balancers.make("static", self.p, 0.0)
        for _ in range(self.config.pretraining_epochs):
            self._pass()
        deep.deepen(self.model, identity=self.config.pretraining == "identity")
        self._build(start, self.config.hidden_layers)
        self.model.load_state_dict(deep.state_dict())

    def _build(self, start: tuple, hidden_layers: int) -> None:
        c = self.config
        self.model = self.network(*start, hidden_layers, c.width, c.missing_vector).to(self.device)
        layers = [*self.model.A, self.model.W]
        weights = {"params": [layer.weight for layer in layers], "weight_decay": c.weight_decay}
        biases = {"params": [layer.bias for layer in layers], "weight_decay": 0.0}
        dense, by_row = (torch.optim.AdamW, RowAdam) if c.optimizer == "adam" else (torch.optim.SGD, RowSGD)
        self.optimizer = dense([weights, biases], lr=c.learning_rate, fused=True)
        self.user_optimizer = by_row(self.model.user, c.embedding_lr)
        self.item_optimizer = by_row(self.model.item, c.embedding_lr)

    def epoch(self) -> list[dict]:
        """One pass over the users; for each domain the means over its steps of HISTORY."""
        if not self._first_epoch:
            return self._pass()
        self._first_epoch, balancer = False, self.balancer  # R13 ★: L_k(0), the mean loss at equal weights
        self.balancer = balancers.make("static", self.p, 0.0)
        rows = self._pass()
        self.balancer, balancer.initial = balancer, torch.tensor([row["loss"] for row in rows])
        return rows

    def _pass(self) -> list[dict]:
        self._snapshot, steps = None, []  # of each step its HISTORY [6, p]
        for users, batch in user_batches(self.triples, self.users, self.config.batch_users, self.rng):
            losses, state = self.step(users, batch)
            steps.append(torch.stack([*losses, state.weights, state.norms, state.targets, state.rates]))
        self.balancer.end_epoch()
        means = [values.nanmean(0).tolist() for values in torch.stack(steps, 1)]  # over the steps [6][p]
        return [dict(zip(HISTORY, of_domain)) for of_domain in zip(*means)]

    def step(self, users: np.ndarray, batch: Batch) -> tuple[torch.Tensor, BalancerState]:
        """One step, fast or plain as `config.step` says: L_k and λ's part [2, p]; the balancer's state."""
        self._cache, step = None, fast_step if self.config.step == "fast" else plain_step
        of_batch = torch.from_numpy(users).to(self.device)
        losses, state = step(self, of_batch, batch)
        if self.balancer.needs == "after":
            with torch.no_grad():
                after, *_ = domain_losses(self, of_batch, batch)
            self.balancer.after(self.per_domain(after))
        return losses, state

    def descend(self, users: torch.Tensor, batch: Batch) -> None:
        """Move the network, and the rows of the vectors that the batch uses, by the gradients in them."""
        self.optimizer.step()
        rows = self.model.rows_of(users)
        items = [np.column_stack(pair).ravel() + self.model.first[k] for k, (_, *pair) in enumerate(batch)]
        touched = torch.from_numpy(np.unique(np.concatenate(items))).to(self.device)
        if self.config.train_users:
            self.user_optimizer.step(rows, self.model.user.grad[rows])
        if self.config.train_items and len(touched):
            self.item_optimizer.step(touched, self.model.item.grad[touched])

    def per_domain(self, values: dict[int, torch.Tensor]) -> torch.Tensor:
        """Values by domain as one tensor [p], NaN where a domain has none."""
        return torch.stack([values.get(k, torch.tensor(math.nan)).cpu() for k in range(self.p)])

    def score(self, domain: int) -> Score:
        """z_u^(k)·v_i by the parameters as they are when it is called: users [B] -> [B, m_k]."""
        return partial(self._scores, domain)

    @torch.no_grad()
    def _scores(self, domain: int, users: np.ndarray) -> torch.Tensor:
        hidden = self._hidden(torch.from_numpy(users.astype(np.int64)).to(self.device))
        return products(self.model.decouple_one(hidden, domain), self.model.items(domain))

    def _hidden(self, users: torch.Tensor) -> torch.Tensor:
        """The last hidden layer of users [B, width], computed once for all domains until parameters move."""
        if self._cache is None:
            known, W = torch.zeros(len(self.member), dtype=torch.bool, device=self.device), self.model.W
            self._cache = known, W.weight.new_empty(len(known), W.in_features)  # [n], [n, width]
        known, hidden = self._cache
        new = users[~known[users]]
        if len(new):
            known[new], hidden[new] = True, self.hidden_layer(self.model, new)[0]
        return hidden.index_select(0, users)

    def arrays(self, domain: int) -> Callable[[], Arrays]:
        """z^(k) of every user [n, d] and v^(k) [m_k, d]; made later, from a copy that the domains share."""
        self._snapshot = self._snapshot or copy.deepcopy(self.model)
        return partial(factors, self._snapshot, domain, self.hidden_layer)


@torch.no_grad()
def factors(model: ADC, domain: int, hidden: Callable) -> Arrays:
    """z^(k) of every user [n, d] and v^(k) [m_k, d]."""
    chunks = torch.arange(len(model.rows), device=model.rows.device).split(4096)
    z = torch.cat([model.decouple_one(hidden(model, users)[0], domain) for users in chunks])
    return {"user": z.cpu().numpy(), "item": model.items(domain).cpu().numpy().copy()}


def fit(data: Split | Source, config: Config | None = None, show: bool = True) -> Trained:
    """Train ADC; each domain keeps the epoch that is best on its own validation (R18, R21).
    data: a split, or ratings, a data frame or a path (`Ratings.of`), to be split by the config's seed."""
    config = config or Config()
    split = data if isinstance(data, Split) else split_ratings(data, config.seed)
    title = f"ADC h={config.hidden_layers} γ={config.gamma:g}"
    return train_epochs(Trainer(config, split), split, config.epochs, config.patience, title, show)


def pick_device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one; asking for one that is not there is a `UserError`."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda, but PyTorch sees no GPU here. Use device=auto or device=cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
