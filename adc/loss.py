"""The losses of §III-A: BPR of one domain (Eq. 1) and the agreement of a user's vectors (Eq. 2)."""

import torch
from torch.nn import functional as F


def bpr(user: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Eq. 1: -log sigma(z_u·v_i+ - z_u·v_i-) over all triples; `reduction` "mean" (R14) or "sum".

    user [T, d], positive [T, d], negative [T, c, d] for c negatives a positive.
    """
    better = (user * positive).sum(-1, keepdim=True)  # [T, 1]
    worse = (negative @ user[:, :, None]).squeeze(-1)  # [T, c]
    losses = F.softplus(worse - better)  # -log sigma(x) = softplus(-x)
    return losses.mean() if reduction == "mean" else losses.sum()


def agreement(z: torch.Tensor, domain: int, others: torch.Tensor | None = None) -> torch.Tensor:
    """Eq. 2's last term, sum over q != k of |z^(q) - z^(k)|^2, as a mean over the users given (R5).

    z [B, p, d]. `others` [B, p] bool limits q to the domains a user is in (R4 ★).
    """
    gap = ((z - z[:, domain : domain + 1]) ** 2).sum(-1)  # [B, p]; 0 at q = k
    if others is not None:
        gap = gap * others
    return gap.sum(1).mean()
