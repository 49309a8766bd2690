"""Descent by rows against PyTorch's optimisers."""

import pytest
import torch

from adc.optim import RowAdam, RowSGD


@pytest.mark.parametrize(("ours", "theirs"), [(RowAdam, torch.optim.SparseAdam), (RowSGD, torch.optim.SGD)])
def test_rows_move_as_by_pytorchs_optimiser_and_the_others_stay(ours, theirs):
    torch.manual_seed(0)
    table = torch.randn(9, 4)
    other = torch.nn.Parameter(table.clone())
    here, there = ours(table, 0.1), theirs([other], lr=0.1)
    for step in range(7):
        rows = torch.randperm(9)[: 3 + step % 3].sort().values
        gradient, before = torch.randn(len(rows), 4), table.clone()
        here.step(rows, gradient)
        other.grad = torch.sparse_coo_tensor(rows[None], gradient, table.shape)
        there.step()
        assert torch.allclose(table, other, atol=1e-6)
        untouched = torch.ones(9, dtype=torch.bool).index_fill(0, rows, False)
        assert torch.equal(table[untouched], before[untouched])
