"""Random loss weighting (Lin et al., TMLR 2022): what a balancer has to beat."""

import torch

from adc.balancer import BalancerState, Successor


class RandomWeights(Successor):
    """w = p softmax(x), x ~ N(0, 1) drawn anew at every step."""

    label = "random weights"

    def __post_init__(self) -> None:
        super().__post_init__()
        # of the run's seed, which PyTorch was given; + 1: not the numbers that its network began with
        self._generator = torch.Generator().manual_seed(torch.initial_seed() + 1)

    def _move(self, state: BalancerState) -> None:
        self.weights = self.p * torch.softmax(torch.randn(self.p, generator=self._generator), 0)
