"""MetaBalance (He et al., WWW 2022): gradients of like magnitude, tensor by tensor."""

import torch

from adc.balancer import OtherRule

BETA = 0.9  # of the moving norms
RELAX = 0.7  # how far a gradient goes towards the common magnitude: 0 not at all, 1 all the way


class MetaBalance(OtherRule):
    """At each shared tensor g_k becomes RELAX g_k m/m_k + (1 - RELAX) g_k; m_k is g_k's moving norm.

    The published m is the moving norm of the one target's gradient; here, as all domains are targets (R21),
    the mean of the m_k. Moving norms start at zero as published, each divided by its weight so far. A domain
    without a gradient keeps its moving norm (R16)."""

    label = "MetaBalance"
    needs = "gradients"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._moving: list[torch.Tensor] = []  # of each tensor: moving norms and their weight [2, p]

    def combine(self, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
        if not self._moving:
            self._moving = [gradient.new_zeros(2, self.p) for gradient in gradients]
        return [self._balanced(*pair) for pair in zip(gradients, self._moving, strict=True)]

    def _balanced(self, gradient: torch.Tensor, moving: torch.Tensor) -> torch.Tensor:
        norms = gradient.reshape(self.p, -1).norm(dim=1)
        present = norms > 0
        new = torch.stack([norms, torch.ones_like(norms)])
        moving.copy_(torch.where(present, BETA * moving + (1 - BETA) * new, moving))
        m = moving[0] / moving[1]  # NaN for a domain without data so far
        factor = torch.where(present, RELAX * m.nanmean() / m + 1 - RELAX, 0.0)
        return torch.tensordot(factor, gradient, 1)
