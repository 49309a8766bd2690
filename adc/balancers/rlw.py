"""Random loss weighting (Lin et al., TMLR 2022): what a balancer has to beat."""

import torch

from adc.balancer import Step, Successor


class RandomWeights(Successor):
    """w = p softmax(x), x ~ N(0, 1) drawn anew at every step; the draws are the same in every run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._generator = torch.Generator().manual_seed(0)

    def _move(self, seen: Step) -> None:
        self.weights = self.p * torch.softmax(torch.randn(self.p, generator=self._generator), 0)
