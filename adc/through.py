"""What each domain's loss asks of the network: its gradient at z, and its norm at W with as few products as there can be."""

from dataclasses import dataclass

import torch

SWEEPS = 40  # rows of a product that cost as much as writing, measuring and adding one more gradient at W does


@dataclass
class Term:
    """L_k of a batch, on its way down."""

    users: torch.Tensor  # [B_k] the places in the batch of its users
    at_z: torch.Tensor  # [B_k, p, d] dL_k/dz
    at_W: torch.Tensor | None = None  # [p·d, width] dL_k/dW, if it was computed for the norm

    def norm(self, hidden: torch.Tensor, apart: bool) -> torch.Tensor:
        """|dL_k/dW| from the hidden layer [B, width]; `apart` keeps dL_k/dW for `gradient_at_W`."""
        at_z, hidden = self.at_z.flatten(1), hidden.index_select(0, self.users)
        if not apart:
            return product_norm(at_z, hidden)
        self.at_W = at_z.T @ hidden
        return self.at_W.norm()


def gradient_at_z(terms: list[Term], weights: list[float], batch: int, W: torch.Tensor) -> torch.Tensor:
    """d(sum w_k L_k)/dz [B, p·d]."""
    total = W.new_zeros(batch, len(W))
    for term, weight in zip(terms, weights):
        total.index_add_(0, term.users, term.at_z.flatten(1), alpha=weight)
    return total


def gradient_at_W(terms: list[Term], weights: list[float], at_z: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """d(sum w_k L_k)/dW [p·d, width]: from what the norms have left, else from that at z [B, p·d]."""
    if any(term.at_W is None for term in terms):
        return at_z.T @ hidden
    total = hidden.new_zeros(at_z.shape[1], hidden.shape[1])
    for term, weight in zip(terms, weights):
        total.add_(term.at_W, alpha=weight)
    return total


def apart(terms: list[Term], batch: int, shape: tuple[int, int]) -> bool:
    """Whether norms and gradient at W [shape] cost least as one product a domain, summed afterwards: where most users
    are in one domain. Where most are in several, one product for the sum and Gram matrices for the norms cost less.
    """
    rows, gram = [len(term.users) for term in terms], sum(shape) / (shape[0] * shape[1])
    return sum(b + SWEEPS for b in rows) < batch + sum(min(b, b * b * gram) for b in rows)


def product_norm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of a^T b [B, m], [B, n]; with few rows from the Gram matrices, |a^T b|^2 = sum(a a^T * b b^T)."""
    if len(a) > min(a.shape[1], b.shape[1]) // 2:
        return (a.T @ b).norm()
    return ((a @ a.T) * (b @ b.T)).sum().clamp(min=0).sqrt()
