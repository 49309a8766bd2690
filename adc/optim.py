"""Descent on the rows of a table that a batch uses; the other rows, and their moments, stay as they are."""

import torch


class RowAdam:
    """Adam on a table [rows, d] whose moments move only where there is a gradient (PyTorch's SparseAdam)."""

    BETAS, EPSILON = (0.9, 0.999), 1e-8
    PIECE = 1024  # rows at once, so that what a piece is worked on with stays in the processor's cache

    def __init__(self, table: torch.Tensor, learning_rate: float):
        self.table, self.learning_rate, self.steps = table, learning_rate, 0
        self.first, self.second = torch.zeros_like(table.data), torch.zeros_like(table.data)

    @torch.no_grad()
    def step(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step with the gradient [R, d] of different rows [R]."""
        self.steps += 1
        a, b = self.BETAS
        rate = self.learning_rate * (1 - b**self.steps) ** 0.5 / (1 - a**self.steps)
        for row, g in zip(rows.split(self.PIECE), gradient.split(self.PIECE)):
            first = self.first.index_select(0, row).lerp_(g, 1 - a)
            second = self.second.index_select(0, row).mul_(b).addcmul_(g, g, value=1 - b)
            self.first.index_copy_(0, row, first), self.second.index_copy_(0, row, second)
            self.table.index_add_(0, row, first.div_(second.sqrt_().add_(self.EPSILON)), alpha=-rate)


class RowSGD:
    """Plain gradient descent on the rows of a batch (R11 ★)."""

    def __init__(self, table: torch.Tensor, learning_rate: float):
        self.table, self.learning_rate = table, learning_rate

    @torch.no_grad()
    def step(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """One step with the gradient [R, d] of different rows [R]."""
        self.table.index_add_(0, rows, gradient, alpha=-self.learning_rate)
