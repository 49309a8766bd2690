"""Random loss weighting (Lin et al., TMLR 2022): what a balancer has to beat."""

import torch

from adc.balancer import BalancerState, OtherRule


class RandomWeights(OtherRule):
    """w = p softmax(x), x ~ N(0, 1) drawn anew at every step."""

    label = "random weights"

    def _move(self, state: BalancerState) -> None:
        self.weights = self.p * torch.softmax(torch.randn(self.p, generator=self._generator), 0)
