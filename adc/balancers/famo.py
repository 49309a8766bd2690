"""FAMO (Liu et al., NeurIPS 2023): the logarithms of all losses shall fall alike."""

import torch

from adc.balancer import LEARNING_RATE, OtherRule, bounded

DECAY = 0.01  # of the logits, as published


class FAMO(OtherRule):
    """w_k ∝ z_k / L_k, z = softmax of logits: a descent on Σ z_k log L_k. The sum is p; published: 1.

    After every step Adam moves the logits down the gradient of Σ z_k (log L_k before - log L_k after), so
    that weight goes to the losses that fell least. The L_k under z_k is that of the batch before, as weights
    are used before their batch's is known. A domain absent from a batch keeps its last fall (R16)."""

    label = "FAMO"
    needs = "after"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._logits = torch.zeros(self.p)
        self._optimizer = torch.optim.Adam([self._logits], lr=LEARNING_RATE, weight_decay=DECAY)
        self._after = torch.full((self.p,), torch.nan)  # L_k once the parameters had moved [p]

    def after(self, losses: torch.Tensor) -> None:
        self._after = torch.where(losses.isnan(), self._after, bounded(losses.detach()))
        before = bounded(self._losses)
        fall = before.log() - self._after.log()
        if fall.isnan().any():
            return
        share = torch.softmax(self._logits, 0)
        self._logits.grad = share * (fall - (share * fall).sum())
        self._optimizer.step()
        ratio = torch.softmax(self._logits, 0) / before
        self.weights = self.p * ratio / ratio.sum()
