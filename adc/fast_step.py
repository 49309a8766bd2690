"""The step of `train.plain_step`, written for speed: the same losses, norms and gradients at twice the rate.

* Scores of a batch's triples, and what their gradient does, are products with one sparse matrix (row of z,
  item): gathering and scattering the vectors of every pair costs ten times as much as the arithmetic.
* Backpropagation is cut at z: each w_k L_k is differentiated to z alone, its gradient at W follows as one
  product with the hidden layer, and what is below sees the sum over the domains in one backward pass.
* Most users are in one domain and have one vector p times over (R6): A_1's p blocks are summed first."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn import functional as F

from adc.balancer import BalancerState
from adc.losses import agreement
from adc.model import ADC
from adc.sampling import Batch

warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
OVERHEAD = 40  # rows of a product that cost as much as writing, measuring and adding one more gradient at W


def fast_step(trainer: Any, users: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, BalancerState]:
    """One step of a `train.Trainer` by `users` [B]: L_k and λ's part [2, p] (NaN: absent), the state."""
    c, model = trainer.config, trainer.model
    rows = model.rows_of(users)
    vectors = model.user.detach().index_select(0, rows).requires_grad_()  # [R, d]
    hidden, square = trainer.hidden_layer(model, users, vectors)  # [B, width], |u_con|² summed []
    z = model.decouple(hidden.detach()).detach()  # [B, p, d]
    losses, terms, item_gradients = _ranking_terms(trainer, batch, z)
    of_agreement, on_u = _add_agreement(trainer, terms, users, z, vectors)  # on_u: does not pass through z
    losses = torch.stack([losses.cpu() + of_agreement, of_agreement])  # [2, p]
    norms = _norms(trainer, terms, hidden)
    scale = (sum(term.scale for term in terms.values()) or 1) / max(len(terms), 1)
    _descend(trainer, terms, hidden, vectors, on_u, scale * c.embedding_l2 * square / len(users))
    if c.train_users:
        trainer.user_optimizer.step(rows, vectors.grad)
    if c.train_items:
        trainer.item_optimizer.step(*item_gradients)
    absent = torch.tensor([k not in terms for k in range(model.p)])
    losses = losses.nan_to_num(nan=torch.inf, posinf=torch.inf).masked_fill(absent, torch.nan)
    return losses, trainer.balancer.step(losses[0], norms)


class Pairs:
    """The pairs (row, item) of T triples, a positive and its c negatives each, over the items they touch.

    row [T], ascending: which of the `rows` of z; item [T, 1 + c]: which of the `items` of a table."""

    def __init__(self, row: torch.Tensor, item: torch.Tensor, rows: int, items: int):
        touched = torch.zeros(items, dtype=torch.bool, device=item.device)
        touched[item.flatten()] = True
        self.touched = touched.nonzero()[:, 0]  # [I], each once
        place = torch.empty(items, dtype=torch.int64, device=item.device)
        place[self.touched] = torch.arange(len(self.touched), device=item.device)
        self._column = place[item].flatten()  # [T (1 + c)]
        self._first = F.pad(torch.bincount(row, minlength=rows).cumsum(0), (1, 0)) * item.shape[1]
        self._pairs, self._size = item.shape, (rows, len(self.touched))

    def _matrix(self, values: torch.Tensor) -> torch.Tensor:
        arrays = (self._first, self._column, values.flatten())
        return torch.sparse_csr_tensor(*arrays, self._size, check_invariants=False)

    def scores(self, z: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """x = z·v of every pair [T, 1 + c], without a graph: z [rows, d], v of the items touched [I, d]."""
        if len(self._column) > self._size[0] * self._size[1]:  # PyTorch refuses more entries than places
            row = torch.arange(self._size[0], device=z.device).repeat_interleave(self._first.diff())
            return (z @ v.T)[row, self._column].view(self._pairs)
        blank = self._matrix(z.new_zeros(len(self._column)))
        return torch.sparse.sampled_addmm(blank, z, v.T, beta=0.0).values().view(self._pairs)

    def at_rows(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """From the gradient at the scores [T, 1 + c] to that at z [rows, d]."""
        return self._matrix(x) @ v

    def at_items(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """From the gradient at the scores [T, 1 + c] to that at v [I, d]."""
        if z.is_cuda:
            return self._matrix(x).t() @ z
        arrays = (x.flatten().numpy(), self._column.numpy(), self._first.numpy())
        return torch.from_numpy(sp.csr_matrix(arrays, self._size).T @ z.numpy())  # a fifth of PyTorch's time

    def counts(self, weight: torch.Tensor) -> torch.Tensor:
        """How often each of `touched` is in a pair [I], the pairs of a triple counted with its weight [T]."""
        return torch.bincount(self._column, weight.repeat_interleave(self._pairs[1]), self._size[1])


def bpr_gradient(x: torch.Tensor, size: list[int], reduction: str = "mean") -> tuple:
    """`losses.bpr` of several domains at once [p] (NaN: no rows), and its gradient at the scores [T, 1 + c].
    x: a positive's score and its c negatives', `size[k]` rows of domain k after one another."""
    difference = x[:, 1:] - x[:, :1]  # [T, c]
    count = torch.tensor(size, device=x.device)
    scale = 1 / (count * difference.shape[1]) if reduction == "mean" else 0 / count + 1
    losses = torch.stack([terms.sum() for terms in F.softplus(difference).split(size)]) * scale
    wrong = torch.sigmoid(difference) * scale.repeat_interleave(count)[:, None].to(x)  # [T, c]
    return losses, torch.cat([-wrong.sum(1, keepdim=True), wrong], 1)


def agreement_gradient(z: torch.Tensor, domain: int, others: torch.Tensor | None = None) -> tuple:
    """`losses.agreement` and its gradient at z [B, p, d]: autograd would take four times as long."""
    difference = z - z[:, domain : domain + 1]  # [B, p, d]
    if others is not None:
        difference *= others[:, :, None]
    value = difference.square().sum() / len(z)
    difference[:, domain] = -difference.sum(1)
    return value, difference * (2 / len(z))


@dataclass
class Term:
    """L_k of a batch, differentiated as far as z."""

    users: torch.Tensor  # [B_k] the places in the batch of its users
    at_z: torch.Tensor  # [B_k, p, d] ∂L_k/∂z
    scale: int = 1  # of λ and L2 beside Eq. 1
    at_W: torch.Tensor | None = None  # [p·d, width] ∂L_k/∂W, if it was computed for the norm

    def norm(self, hidden: torch.Tensor, separate: bool) -> torch.Tensor:
        """|∂L_k/∂W| from the hidden layer [B, width]; `separate` keeps ∂L_k/∂W for `gradient_at_W`."""
        at_z, hidden = self.at_z.flatten(1), hidden.index_select(0, self.users)
        if not separate:
            return product_norm(at_z, hidden)
        self.at_W = at_z.T @ hidden
        return self.at_W.norm()


def gradient_at_z(terms: list[Term], weights: list[float], batch: int, W: torch.Tensor) -> torch.Tensor:
    """∂(Σ w_k L_k)/∂z [B, p·d]."""
    total = W.new_zeros(batch, len(W))
    for term, weight in zip(terms, weights):
        total.index_add_(0, term.users, term.at_z.flatten(1), alpha=weight)
    return total


def gradient_at_W(terms: list, weights: list, at_z: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """∂(Σ w_k L_k)/∂W [p·d, width]: from what the norms have computed, else from that at z [B, p·d]."""
    if any(term.at_W is None for term in terms):
        return at_z.T @ hidden
    total = hidden.new_zeros(at_z.shape[1], hidden.shape[1])
    for term, weight in zip(terms, weights):
        total.add_(term.at_W, alpha=weight)
    return total


def separate_products(terms: list[Term], batch: int, shape: tuple[int, int]) -> bool:
    """Whether norms and gradient at W [shape] cost least as one product a domain, summed afterwards, as where
    most users are in one domain; else one product for the sum and Gram matrices for the norms cost less."""
    rows, gram = [len(term.users) for term in terms], sum(shape) / (shape[0] * shape[1])
    return sum(b + OVERHEAD for b in rows) < batch + sum(min(b, b * b * gram) for b in rows)


def product_norm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of aᵀb [B, m], [B, n]; with few rows from the Gram matrices, |aᵀb|² = Σ (aaᵀ ∘ bbᵀ)."""
    if len(a) > min(a.shape[1], b.shape[1]) // 2:
        return (a.T @ b).norm()
    return ((a @ a.T) * (b @ b.T)).sum().clamp(min=0).sqrt()


def hidden_layer(model: ADC, users: torch.Tensor, vectors: torch.Tensor | None = None) -> tuple:
    """`model.hidden` of users [B, width], and |u_con|² summed over them [].
    `vectors` [R, d] may stand for those of the user table, one user's domains after the other's."""
    vectors = model.user.index_select(0, model.rows_of(users)) if vectors is None else vectors
    count = (model.rows[users] >= 0).sum(1)  # [B]
    single = (count == 1) & model.current & (len(model.A) > 0)
    if not single.any():
        u_con = model.concatenate(users, vectors)
        return model.trunk(u_con), u_con.square().sum()
    of_single, of_others = (mask.repeat_interleave(count).nonzero()[:, 0] for mask in (single, ~single))
    one_vector = vectors.index_select(0, of_single)  # [B_1, d]
    u_con = model.concatenate(users[~single], vectors.index_select(0, of_others))
    blocks = model.A[0].weight.unflatten(1, (model.p, model.d)).sum(1)  # [width, d]
    hidden = vectors.new_empty(len(users), len(blocks))
    hidden.index_copy_(0, (~single).nonzero()[:, 0], model.A[0](u_con))
    hidden.index_copy_(0, single.nonzero()[:, 0], F.linear(one_vector, blocks, model.A[0].bias))
    for layer in model.A[1:]:
        hidden = layer(torch.relu_(hidden))
    return torch.relu_(hidden), u_con.square().sum() + model.p * one_vector.square().sum()


def _ranking_terms(trainer: Any, batch: Batch, z: torch.Tensor) -> tuple:
    """Eq. 1 of every domain [p]; terms by domain; items touched [I] and the full gradient there [I, d]."""
    c, model, (B, p, d) = trainer.config, trainer.model, z.shape
    size = [len(row) for row, _, _ in batch]
    place = torch.from_numpy(np.concatenate([row + k * B for k, (row, _, _) in enumerate(batch)]))  # [T]
    item = [np.column_stack(pair) + model.first[k] for k, (_, *pair) in enumerate(batch)]
    item = torch.from_numpy(np.concatenate(item))  # [T, 1 + c]
    pairs = Pairs(place.to(z.device), item.to(z.device), p * B, len(model.item))
    v, z = model.item.detach().index_select(0, pairs.touched), z.transpose(0, 1).reshape(p * B, d)
    losses, at_x = bpr_gradient(pairs.scores(z, v), size, c.reduction)
    at_z, terms = pairs.at_rows(at_x, v).view(p, B, d), {}
    for k, (row, _, _) in enumerate(batch):
        if len(row):
            users = torch.from_numpy(row[np.flatnonzero(np.diff(row, prepend=-1))]).to(z.device)
            scale = len(row) * c.negatives if c.reduction == "sum" else 1  # as `domain_losses`
            terms[k] = Term(users, z.new_zeros(len(users), p, d), scale)
            terms[k].at_z[:, k] = at_z[k].index_select(0, users)
    w, count = trainer.balancer.weights.to(z), torch.tensor(size, device=z.device)
    gradient = pairs.at_items(at_x * w.repeat_interleave(count)[:, None], z)
    scale = torch.tensor([terms[k].scale if k in terms else 0 for k in range(p)], device=z.device)
    share = pairs.counts((scale / count).repeat_interleave(count))  # as `domain_losses` counts L2
    gradient.addcmul_(v, share[:, None].to(v), value=2 * c.embedding_l2)
    return losses, terms, (pairs.touched, gradient)


def _add_agreement(trainer: Any, terms: dict[int, Term], users: torch.Tensor, z: torch.Tensor,
                   vectors: torch.Tensor) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:  # fmt: skip
    """λ times Eq. 2's last term [p], whose gradient is added to the terms' at z; with u in place of z (R1 ★)
    also the term itself, weighted, by domain."""
    c, model, values, weighted = trainer.config, trainer.model, torch.zeros(trainer.p), {}
    member = trainer.member[users]  # [B, p]
    alike = z if c.agreement_on == "z" else model.concatenate(users, vectors).view_as(z)
    for k, term in terms.items():
        of_users = alike.index_select(0, term.users)  # [B_k, p, d]
        others = None if c.agreement_with == "all" else member[term.users]  # R4 ★ [B_k, p]
        if c.agreement_on == "u":
            value = agreement(of_users, k, others)
            weighted[k] = float(trainer.balancer.weights[k]) * term.scale * c.agreement_weight * value
        else:
            value, gradient = agreement_gradient(of_users, k, others)
            term.at_z.add_(gradient, alpha=term.scale * c.agreement_weight)
        values[k] = term.scale * c.agreement_weight * value.detach()
    return values, weighted


def _norms(trainer: Any, terms: dict[int, Term], hidden: torch.Tensor) -> torch.Tensor:
    """Norms of the domains' gradients at W, or at the last hidden layer (R15 ★) [p]; NaN without triples."""
    model = trainer.model
    norms, W = torch.full((model.p,), torch.nan), model.W.weight.detach()
    separate = separate_products(list(terms.values()), len(hidden), W.shape)
    for k, term in terms.items():
        if trainer.config.norm_layer == "W":
            norms[k] = term.norm(hidden.detach(), separate)
        else:
            below = gradient_at_z([term], [1.0], len(hidden), W) @ W
            norms[k] = torch.autograd.grad(hidden, model.A[-1].weight, below, retain_graph=True)[0].norm()
    return norms


def _descend(trainer: Any, terms: dict[int, Term], hidden: torch.Tensor, vectors: torch.Tensor,
             on_u: dict[int, torch.Tensor], l2: torch.Tensor) -> None:  # fmt: skip
    """Move the network by the domains' weighted gradients, leaving that of the vectors in them."""
    model, balancer = trainer.model, trainer.balancer
    tensors = [model.W.weight, model.W.bias, *model.A.parameters(), vectors]
    if balancer.needs == "gradients":
        none = [torch.zeros_like(tensor) for tensor in tensors]
        by_domain = {k: _gradients(trainer, {k: term}, hidden, tensors) for k, term in terms.items()}
        for k, loss in on_u.items():
            by_domain[k][-1] = by_domain[k][-1] + torch.autograd.grad(loss, vectors, retain_graph=True)[0]
        rows = [by_domain.get(k, none) for k in range(model.p)]
        gradients = balancer.combine([torch.stack(of_tensor) for of_tensor in zip(*rows)])
    else:
        gradients = _gradients(trainer, terms, hidden, tensors)
    for tensor, gradient in zip(tensors, gradients):
        tensor.grad = gradient
    torch.autograd.backward([l2, *(on_u.values() if balancer.needs != "gradients" else ())])
    trainer.optimizer.step()


def _gradients(trainer: Any, terms: dict[int, Term], hidden: torch.Tensor, tensors: list) -> list:
    """The gradient of Σ w_k L_k over some domains at W, its bias, and all below."""
    weights, W = trainer.balancer.weights.tolist(), trainer.model.W.weight.detach()
    of_domains, weights = list(terms.values()), [weights[k] for k in terms]
    at_z = gradient_at_z(of_domains, weights, len(hidden), W)
    at_W = gradient_at_W(of_domains, weights, at_z, hidden.detach())
    return [at_W, at_z.sum(0), *torch.autograd.grad(hidden, tensors[2:], at_z @ W, retain_graph=True)]
