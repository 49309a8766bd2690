"""Dynamic weight average (Liu, Johns and Davison, CVPR 2019): more weight where the loss falls least."""

import torch

from adc.balancer import BalancerState, OtherRule, bounded

TEMPERATURE = 2.0


class DWA(OtherRule):
    """w = p softmax((L(t-1)/L(t-2)) / TEMPERATURE) in epoch t, L an epoch's mean loss over steps with data.

    The weights are 1 for two epochs, and until all domains had data. A domain without keeps its last mean."""

    label = "DWA"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._losses_of_epoch: list[torch.Tensor] = []  # losses [p] of the steps of this epoch
        self._last = torch.full((self.p,), torch.nan)  # mean losses of the epoch before

    def step(self, losses: torch.Tensor, norms: torch.Tensor) -> BalancerState:
        self._losses_of_epoch.append(losses.detach())
        return super().step(losses, norms)

    def end_epoch(self) -> None:
        mean = bounded(torch.stack(self._losses_of_epoch).nanmean(0))
        mean = torch.where(mean.isnan(), self._last, mean)
        ratio = mean / self._last
        if not ratio.isnan().any():
            self.weights = self.p * torch.softmax(ratio / TEMPERATURE, 0)
        self._last, self._losses_of_epoch = mean, []
