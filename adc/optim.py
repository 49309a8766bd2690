"""Descent on the rows of a table that a batch looked up; the others, and their moments, stay as they are."""

import torch


class RowAdam:
    """Adam whose moments move only where there is a gradient (what PyTorch calls SparseAdam, without sparse tensors)."""

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(self, table: torch.Tensor, rate: float):
        self.table, self.rate, self.steps = table, rate, 0
        self.first, self.second = torch.zeros_like(table.data), torch.zeros_like(table.data)

    @torch.no_grad()
    def step(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step with the gradient [R, d] of different rows [R]."""
        self.steps += 1
        a, b = self.BETAS
        first = self.first[rows].lerp_(gradient, 1 - a)
        second = self.second[rows].mul_(b).addcmul_(gradient, gradient, value=1 - b)
        self.first.index_copy_(0, rows, first), self.second.index_copy_(0, rows, second)
        rate = self.rate * (1 - b**self.steps) ** 0.5 / (1 - a**self.steps)
        self.table.index_add_(0, rows, first.div_(second.sqrt_().add_(self.EPSILON)), alpha=-rate)


class RowSGD:
    """Plain gradient descent on the rows given (R11 ★)."""

    def __init__(self, table: torch.Tensor, rate: float):
        self.table, self.rate = table, rate

    @torch.no_grad()
    def step(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step with the gradient [R, d] of different rows [R]."""
        self.table.index_add_(0, rows, gradient, alpha=-self.rate)
