"""The network of Fig. 1: concatenated user vectors, h shared ReLU layers, and W that splits the result into z^(k)."""

import numpy as np
import torch
from torch import nn


class ADC(nn.Module):
    """p domains, n users, m_k items, d dimensions.

    `rows` [n, p] holds the row of each user's vector in each domain, -1 where she has no training rating there.
    User and item vectors start from `user_start` [rows, d] and `item_start` (p arrays [m_k, d]).
    """

    def __init__(self, rows: np.ndarray, user_start: np.ndarray, item_start: list[np.ndarray], hidden_layers: int, dropout: float = 0.0):
        super().__init__()
        self.p, d = rows.shape[1], user_start.shape[1]
        width = self.p * d  # R7
        self.register_buffer("rows", torch.from_numpy(rows.astype(np.int64)))
        self.user = nn.Embedding.from_pretrained(torch.from_numpy(user_start), freeze=False, sparse=True)
        self.item = nn.ModuleList(
            nn.Embedding.from_pretrained(torch.from_numpy(v), freeze=False, sparse=True) for v in item_start
        )
        self.A = nn.ModuleList(nn.Linear(width, width) for _ in range(hidden_layers))  # §III-B(2), R8
        self.dropout = nn.Dropout(dropout)
        self.W = nn.Linear(width, width)  # §III-B(3)

    def concatenate(self, users: torch.Tensor) -> torch.Tensor:
        """u_con of some users [B] -> [B, p·d]: a missing domain gets the mean of the user's own vectors (R6)."""
        rows = self.rows[users]  # [B, p]
        present = (rows >= 0)[:, :, None]  # [B, p, 1]
        vectors = self.user(rows.clamp(min=0)) * present  # [B, p, d]
        mean = vectors.sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)  # [B, 1, d]
        return torch.where(present, vectors, mean).flatten(1)

    def trunk(self, users: torch.Tensor) -> torch.Tensor:
        """Last shared hidden layer of some users [B] -> [B, p·d]."""
        hidden = self.concatenate(users)
        for layer in self.A:
            hidden = torch.relu(layer(hidden))
        return self.dropout(hidden)

    def decouple(self, hidden: torch.Tensor) -> torch.Tensor:
        """z_u^(k) of every domain: [B, p·d] -> [B, p, d], linear (R9)."""
        return self.W(hidden).unflatten(1, (self.p, -1))

    def forward(self, users: torch.Tensor) -> torch.Tensor:
        return self.decouple(self.trunk(users))

    @torch.no_grad()
    def deepen(self, shallow: "ADC", noise: float = 0.01) -> None:
        """Take over a trained one-layer model (§III-C, R10): its vectors, first layer and W; the layers between
        start at identity plus noise, which on ReLU outputs leaves the function almost as it was."""
        for mine, theirs in ((self.user, shallow.user), (self.A[0], shallow.A[0]), (self.W, shallow.W), *zip(self.item, shallow.item)):
            mine.load_state_dict(theirs.state_dict())
        for layer in self.A[1:]:
            nn.init.eye_(layer.weight).add_(torch.randn_like(layer.weight) * noise / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)
