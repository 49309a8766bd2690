"""Uncertainty weighting (Kendall, Gal and Cipolla, CVPR 2018): a loss by the inverse of its variance."""

import torch

from adc.balancer import LEARNING_RATE, BalancerState, OtherRule, bounded


class Uncertainty(OtherRule):
    """w_k = exp(-s_k), where a step of Adam on Σ exp(-s_k) L_k + s_k moves s: at rest w_k = 1/L_k.

    The published halves of both terms are left out: Adam does not see them, and w starts at 1."""

    label = "uncertainty"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._log_variance = torch.zeros(self.p)  # s
        self._optimizer = torch.optim.Adam([self._log_variance], lr=LEARNING_RATE)

    def _move(self, state: BalancerState) -> None:
        self._log_variance.grad = 1 - self.weights * bounded(self._losses)
        self._optimizer.step()
        self.weights = torch.exp(-self._log_variance)
