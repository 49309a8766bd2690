"""The losses of §III-A: BPR of one domain (Eq. 1) and the agreement of a user's vectors (Eq. 2)."""

import torch
from torch.nn import functional as F


def bpr(positive: torch.Tensor, negative: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Eq. 1: -log sigma(x_ui+ - x_ui-) over all triples; `reduction` "mean" (R14) or "sum".

    Scores of the positives [T] and of c negatives each [T, c].
    """
    losses = F.softplus(negative - positive[:, None])  # -log sigma(x) = softplus(-x); [T, c]
    return losses.mean() if reduction == "mean" else losses.sum()


def scores(z: torch.Tensor, v: torch.Tensor, row: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> tuple:
    """x_ui of triples [T] and [T, c]: rows of z [B, d] against rows of v [I, d], which triples share.

    One product of all with all: batches are small, and gathering both vectors of every pair costs far more.
    """
    x, size = (z @ v.T).flatten(), len(v)  # [B·I]
    return x[row * size + positive], x[row[:, None] * size + negative]


def agreement(z: torch.Tensor, domain: int, others: torch.Tensor | None = None) -> torch.Tensor:
    """Eq. 2's last term, sum over q != k of |z^(q) - z^(k)|^2, as a mean over the users given (R5).

    z [B, p, d]. `others` [B, p] bool limits q to the domains a user is in (R4 ★).
    """
    gap = ((z - z[:, domain : domain + 1]) ** 2).sum(-1)  # [B, p]; 0 at q = k
    if others is not None:
        gap = gap * others
    return gap.sum(1).mean()


def push(x: torch.Tensor, size: list[int], reduction: str = "mean") -> tuple[torch.Tensor, torch.Tensor]:
    """`bpr` of several domains at once [p] and the gradient of each at its scores [T, 1 + c], written out.

    x: a positive's score and its c negatives', `size[k]` rows of domain k after one another; without a row NaN.
    """
    gap = x[:, 1:] - x[:, :1]  # [T, c]
    count = torch.tensor(size, device=x.device)
    scale = 1 / (count * gap.shape[1]) if reduction == "mean" else 0 / count + 1
    losses = torch.stack([terms.sum() for terms in F.softplus(gap).split(size)]) * scale
    wrong = torch.sigmoid(gap) * scale.repeat_interleave(count)[:, None].to(x)  # [T, c]
    return losses, torch.cat([-wrong.sum(1, keepdim=True), wrong], 1)


def pull(z: torch.Tensor, domain: int, others: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """`agreement` and its gradient at z [B, p, d], written out: autograd would take four times as long."""
    gap = z - z[:, domain : domain + 1]  # [B, p, d]
    if others is not None:
        gap *= others[:, :, None]
    value = gap.square().sum() / len(z)
    gap[:, domain] = -gap.sum(1)
    return value, gap * (2 / len(z))
