"""PCGrad, which mends gradients, not weights: against a double loop over whole gradients, and by hand."""

import numpy as np
import pytest
import torch

from adc.balancers import make


def naive_pcgrad(gradients, generator):
    """The published double loop over whole gradients: the orders are drawn as the balancer draws them."""
    flat = torch.cat([gradient.reshape(len(gradient), -1) for gradient in gradients], 1).double().numpy()
    total = np.zeros(flat.shape[1])
    for k, own in enumerate(flat):
        own = own.copy()
        for j in torch.randperm(len(flat), generator=generator).tolist():
            if j != k and own @ flat[j] < 0:
                own -= own @ flat[j] / (flat[j] @ flat[j]) * flat[j]
        total += own
    return total


@pytest.mark.parametrize("p", [1, 2, 6])
@pytest.mark.parametrize("shapes", [[(4, 3), (5,), (2, 2, 2)], [(), (1,)]])
def test_pcgrad_agrees_with_a_double_loop(p, shapes):
    generator, orders = torch.Generator().manual_seed(3), torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    balancer, conflicts = make("pcgrad", p, 0.0), 0
    for step in range(20):
        gradients = [torch.randn(p, *shape, generator=generator) for shape in shapes]
        if p > 2 and step % 3 == 0:
            for gradient in gradients:
                gradient[1] = 0  # absent
        combined = torch.cat([tensor.flatten() for tensor in balancer.combine(gradients)])
        expected = naive_pcgrad(gradients, orders)
        assert np.allclose(combined.numpy(), expected, rtol=1e-4, atol=1e-4)
        plain = torch.cat([gradient.sum(0).flatten() for gradient in gradients]).numpy()
        conflicts += not np.allclose(expected, plain, atol=1e-3)
    assert (conflicts > 0) == (p > 1)


def test_pcgrad_by_hand():
    along = lambda *rows: make("pcgrad", len(rows), 0.0).combine([torch.tensor(rows)])[0].tolist()
    assert along([1.0, 0.0], [1.0, 1.0]) == [2, 1]  # no conflict: the sum
    # g_0·g_1 = -1: (1, 0) loses -1/2 (-1, 1), (-1, 1) loses -1 (1, 0)
    assert along([1.0, 0.0], [-1.0, 1.0]) == pytest.approx([0.5, 1.5])
    assert along([1.0, 0.0], [-2.0, 0.0]) == pytest.approx([0, 0])
    assert along([1e10, 0.0], [-1e-25, 0.0]) == pytest.approx([1e10, 0])  # its square is 0 in float32
