"""The rows of an embedding that a batch looks up, for methods that learn vectors without a network."""

import torch
from torch import nn


class Rows:
    """The rows of an embedding that a batch looks up, each once: their vectors, and where each index lies among them."""

    def __init__(self, table: nn.Embedding, *indices: torch.Tensor):
        self.table = table
        flat = torch.cat([index.flatten() for index in indices])
        self.count = torch.bincount(flat, minlength=table.num_embeddings)
        self.touched = self.count.nonzero()[:, 0]  # [I]
        place = torch.zeros_like(self.count)
        place[self.touched] = torch.arange(len(self.touched), device=flat.device)
        self.places = [place[index] for index in indices]
        self.vectors = table.weight.detach()[self.touched].requires_grad_(table.weight.requires_grad)  # [I, d]

    def squares(self) -> torch.Tensor:
        """Sum of squared norms over all look-ups, repeated ones counted as often."""
        return self.count[self.touched].to(self.vectors) @ self.vectors.square().sum(1)

    def hand_over(self) -> None:
        """Give the table the gradient of its touched rows; the others are not swept over."""
        if self.vectors.grad is not None:
            known = {"size": self.table.weight.shape, "is_coalesced": True, "check_invariants": False}
            self.table.weight.grad = torch.sparse_coo_tensor(self.touched[None], self.vectors.grad, **known)
