"""PCGrad (Yu et al., NeurIPS 2020): what contradicts another domain is projected out of a gradient."""

import torch

from adc.balancer import OtherRule


class PCGrad(OtherRule):
    """The sum of the g_k, each without its part against every g_j that it opposes, in random order.

    A gradient is that at all shared tensors together. All projections are combinations of the g_k, so that
    their inner products are all that is needed: one product of matrices a tensor, whatever the order."""

    label = "PCGrad"
    needs = "gradients"

    def combine(self, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
        rows = [gradient.reshape(self.p, -1) for gradient in gradients]
        inner = torch.stack([row @ row.T for row in rows]).sum(0).tolist()
        projected = [self._projected(k, inner) for k in range(self.p)]
        factors = [sum(column) for column in zip(*projected)]
        return [torch.tensordot(gradient.new_tensor(factors), gradient, 1) for gradient in gradients]

    def _projected(self, k: int, inner: list[list[float]]) -> list[float]:
        """g_k projected, as factors of all the g_j [p]."""
        factors = [float(j == k) for j in range(self.p)]
        for j in torch.randperm(self.p, generator=self._generator).tolist():
            along = sum(factor * of_j for factor, of_j in zip(factors, inner[j]))
            if j != k and along < 0 < inner[j][j]:
                factors[j] -= along / inner[j][j]
        return factors
