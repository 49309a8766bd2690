"""The network of Fig. 1: concatenated user vectors, h shared ReLU layers, and W that splits the result into z^(k)."""

import numpy as np
import torch
from torch import nn

NOISE = 0.01  # spectral size of what is added to the identity layers


class ADC(nn.Module):
    """p domains, n users, m_k items, d dimensions.

    `rows` [n, p] holds the row of each user's vector in each domain, -1 where she has no training rating there.
    User and item vectors start from `user_start` [rows, d] and `item_start` (p arrays [m_k, d]). Hidden layers are
    `width` wide (0: p·d, R7). With `current`, missing vectors follow the present ones (R6); else they stay.
    """

    def __init__(self, rows: np.ndarray, user_start: np.ndarray, item_start: list[np.ndarray], hidden_layers: int,
                 width: int = 0, current: bool = True):
        super().__init__()
        self.p, self.d, self.current = rows.shape[1], user_start.shape[1], current
        width = width or self.p * self.d
        self.register_buffer("rows", torch.from_numpy(rows.astype(np.int64)))
        self.user = _table(user_start)
        self.item = nn.ModuleList(_table(start) for start in item_start)
        inputs = [self.p * self.d] + [width] * (hidden_layers - 1)
        self.A = nn.ModuleList(nn.Linear(size, width) for size in inputs)  # §III-B(2), R8
        self.W = nn.Linear(width, self.p * self.d)  # §III-B(3)
        for layer in self.A:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.xavier_normal_(self.W.weight)
        if not current:
            with torch.no_grad():
                self.register_buffer("fixed", self._mean(*self._present(torch.arange(len(rows)))))  # [n, 1, d]

    def _present(self, users: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.rows[users]  # [B, p]
        present = rows >= 0
        vectors = self.user.weight.new_zeros(*rows.shape, self.d)
        vectors[present] = self.user(rows[present])  # only these: Adam moves every vector that is looked up
        return vectors, present[:, :, None]  # [B, p, d], [B, p, 1]

    @staticmethod
    def _mean(vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return vectors.sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)  # [B, 1, d]

    def concatenate(self, users: torch.Tensor) -> torch.Tensor:
        """u_con of some users [B] -> [B, p·d]: a missing domain gets the mean of the user's own vectors (R6)."""
        vectors, present = self._present(users)
        mean = self._mean(vectors, present) if self.current else self.fixed[users]
        return torch.where(present, vectors, mean).flatten(1)

    def trunk(self, inputs: torch.Tensor) -> torch.Tensor:
        """The h shared hidden layers: u_con [B, p·d] -> [B, width]."""
        hidden = inputs
        for layer in self.A:
            hidden = torch.relu(layer(hidden))
        return hidden

    def decouple(self, hidden: torch.Tensor) -> torch.Tensor:
        """z_u^(k) of every domain, linear (R9): [B, width] -> [B, p, d]."""
        return self.W(hidden).unflatten(1, (self.p, self.d))

    def forward(self, users: torch.Tensor) -> torch.Tensor:
        """Users [B] -> z [B, p, d]."""
        return self.decouple(self.trunk(self.concatenate(users)))

    @torch.no_grad()
    def deepen(self, shallow: "ADC", identity: bool = True) -> None:
        """Take over a trained one-layer model: its vectors, first layer and W (§III-C, R10).

        The layers between start at identity plus noise, which on ReLU outputs leaves the function almost as it was;
        without `identity` they stay as they were drawn.
        """
        for mine, theirs in ((self.user, shallow.user), (self.item, shallow.item), (self.A[0], shallow.A[0]), (self.W, shallow.W)):
            mine.load_state_dict(theirs.state_dict())
        for layer in self.A[1:] if identity else ():
            nn.init.eye_(layer.weight).add_(torch.randn_like(layer.weight), alpha=NOISE / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)


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


def _table(start: np.ndarray) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.from_numpy(start.copy()), freeze=False, sparse=True)
