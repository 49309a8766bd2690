"""Descent on the rows of a table that a batch looked up; the others, and their moments, stay as they are."""

import torch


class RowAdam:
    """Adam whose moments move only where there is a gradient (what PyTorch calls SparseAdam, without sparse tensors)."""

    BETAS, EPSILON = (0.9, 0.999), 1e-8
    PIECE = 1024  # rows; what a piece is worked on with stays in the processor's cache

    def __init__(self, table: torch.Tensor, rate: float):
        self.table, self.rate, self.steps = table, rate, 0
        self.first, self.second = torch.zeros_like(table.data), torch.zeros_like(table.data)

    @torch.no_grad()
    def step(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step with the gradient [R, d] of different rows [R]."""
        self.steps += 1
        a, b = self.BETAS
        rate = self.rate * (1 - b**self.steps) ** 0.5 / (1 - a**self.steps)
        for some, g in zip(rows.split(self.PIECE), gradient.split(self.PIECE)):
            first = self.first.index_select(0, some).lerp_(g, 1 - a)
            second = self.second.index_select(0, some).mul_(b).addcmul_(g, g, value=1 - b)
            self.first.index_copy_(0, some, first), self.second.index_copy_(0, some, second)
            self.table.index_add_(0, some, first.div_(second.sqrt_().add_(self.EPSILON)), alpha=-rate)


class RowSGD:
    """Plain gradient descent on the rows given (R11 ★)."""

    def __init__(self, table: torch.Tensor, rate: float):
        self.table, self.rate = table, rate

    @torch.no_grad()
    def step(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step with the gradient [R, d] of different rows [R]."""
        self.table.index_add_(0, rows, gradient, alpha=-self.rate)
