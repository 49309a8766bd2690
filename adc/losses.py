"""The losses of §III-A: BPR of one domain (Eq. 1) and the agreement of a user's vectors (Eq. 2)."""

import torch
from torch.nn import functional as F


def bpr(positive: torch.Tensor, negative: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Eq. 1, -log σ(x_ui+ - x_ui-) over all triples (u, i+, i-) of a domain.
    positive [T]: scores x_ui+; negative [T, c]: scores x_ui-; reduction: "mean", or else the sum (R14)."""
    losses = F.softplus(negative - positive[:, None])  # -log σ(x) = softplus(-x); [T, c]
    return losses.mean() if reduction == "mean" else losses.sum()


def agreement(z: torch.Tensor, domain: int, others: torch.Tensor | None = None) -> torch.Tensor:
    """Eq. 2's Σ_{q≠k} |z^(q) - z^(k)|² of z [B, p, d], mean over users (R5); `others` [B, p]: q (R4 ★)."""
    distance = ((z - z[:, domain : domain + 1]) ** 2).sum(-1)  # [B, p]; 0 at q = k
    if others is not None:
        distance = distance * others
    return distance.sum(1).mean()
