"""Scores and gradients by sparse products against gathering and autograd."""

import numpy as np
import pytest
import torch

from adc.loss import agreement, bpr, pull, push
from adc.pairs import Pairs


@pytest.fixture(params=[12, 2])
def batch(request):
    """z [6, 5] (row 2 has no triple), a table of 40 items [40, 5], and 11 triples of one positive and three negatives, of
    many items or of two, so that there are more pairs than places in the matrix."""
    torch.manual_seed(0)
    z, table = (torch.randn(size, 5, dtype=torch.float64, requires_grad=True) for size in (6, 40))
    row = torch.tensor([0, 0, 1, 1, 1, 3, 3, 4, 5, 5, 5])
    return z, table, row, torch.randint(request.param, (11, 4)) * 3  # items repeat, also within a row


def test_scores_and_gradients(batch):
    z, table, row, item = batch
    pairs = Pairs(row, item, len(z), len(table))
    assert pairs.touched.tolist() == sorted(set(item.flatten().tolist()))
    v = table.detach()[pairs.touched]
    x, expected = pairs.scores(z.detach(), v), (z[row][:, None] * table[item]).sum(-1)
    assert torch.allclose(x, expected)
    weight = torch.randn_like(x)
    (weight * expected).sum().backward()
    assert torch.allclose(pairs.at_rows(weight, v), z.grad)
    assert torch.allclose(pairs.at_items(weight, z.detach()), table.grad[pairs.touched])
    assert table.grad.abs().sum(1).nonzero()[:, 0].tolist() == pairs.touched.tolist()
    count = np.bincount(item.flatten(), np.repeat(np.arange(11), 4), minlength=40)
    assert pairs.looked_up(torch.arange(11.0)).tolist() == count[pairs.touched].tolist()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_eq_1_of_several_domains_at_once(reduction):
    torch.manual_seed(1)
    x, size = torch.randn(9, 4, dtype=torch.float64, requires_grad=True), [4, 0, 5]
    losses, gradient = push(x.detach(), size, reduction)
    expected = [bpr(some[:, 0], some[:, 1:], reduction) for some in (x[:4], x[4:])]
    assert losses.isnan().tolist() == [False, True, False]
    assert losses[[0, 2]].tolist() == pytest.approx([loss.item() for loss in expected])
    sum(expected).backward()
    assert torch.allclose(gradient, x.grad)


@pytest.mark.parametrize("own", [False, True])
def test_the_pull_is_the_gradient_of_the_agreement(own):
    torch.manual_seed(2)
    z, others = torch.randn(7, 3, 4, dtype=torch.float64, requires_grad=True), torch.rand(7, 3) < 0.6 if own else None
    for domain in range(3):
        (expected,) = torch.autograd.grad(agreement(z, domain, others), z)
        value, gradient = pull(z.detach(), domain, others)
        assert value.item() == pytest.approx(agreement(z, domain, others).item())
        assert torch.allclose(gradient, expected)
