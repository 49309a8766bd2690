"""The network of Fig. 1: concatenated user vectors, h shared ReLU layers, and W that splits into z^(k)."""

import numpy as np
import torch
from torch import nn

IDENTITY_NOISE = 0.01  # |N x| / |x| of the noise N on layers that start as the identity (R10)


class ADC(nn.Module):
    """p domains, n users, m_k items, d dimensions.

    rows [n, p]: the row of each user's vector in each domain, -1 where she has no training rating there.
    user_vectors [rows, d] and item_vectors (p arrays [m_k, d]): the start; the items of all domains share one
    table, in which domain k's begin at `first[k]`. hidden_layers: h (R8), each `width` wide (0: p·d, R7).
    missing_vector (R6): where a user is not, the mean of her "current" vectors, or of those of the start."""

    def __init__(self, rows: np.ndarray, user_vectors: np.ndarray, item_vectors: list[np.ndarray],
                 hidden_layers: int, width: int = 0, missing_vector: str = "current"):  # fmt: skip
        super().__init__()
        self.p, self.d, self.current = rows.shape[1], user_vectors.shape[1], missing_vector == "current"
        width = width or self.p * self.d
        self.register_buffer("rows", torch.from_numpy(rows.astype(np.int64)))
        self.first = np.cumsum([0, *map(len, item_vectors)])
        self.user = nn.Parameter(torch.tensor(user_vectors))  # u of all domains
        self.item = nn.Parameter(torch.tensor(np.concatenate(item_vectors)))  # v of all domains
        inputs = ([self.p * self.d] + [width] * hidden_layers)[: hidden_layers + 1]  # of A_1, …, A_h and W
        self.A = nn.ModuleList(nn.Linear(size, width) for size in inputs[:-1])  # §III-B(2)
        self.W = nn.Linear(inputs[-1], self.p * self.d)  # §III-B(3)
        for layer in self.A:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.xavier_normal_(self.W.weight)
        if not self.current:
            mean = mean_vector(*self.own_vectors(torch.arange(len(rows))))  # [n, 1, d]
            self.register_buffer("initial_mean", mean.detach())

    def forward(self, users: torch.Tensor) -> torch.Tensor:
        """Users [B] -> z [B, p, d]."""
        return self.decouple(self.hidden(users)[0])

    def hidden(self, users: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The last hidden layer [B, width] of users [B], and their u_con [B, p·d]."""
        u_con = self.concatenate(users)
        return self.trunk(u_con), u_con

    def concatenate(self, users: torch.Tensor, vectors: torch.Tensor | None = None) -> torch.Tensor:
        """u_con of users [B] -> [B, p·d]; a domain without a user gets the mean of her own vectors (R6).
        `vectors` [R, d] may stand for those of the table at `rows_of(users)`."""
        own, present = self.own_vectors(users, vectors)
        mean = mean_vector(own, present) if self.current else self.initial_mean[users]
        return torch.where(present, own, mean).flatten(1)

    def own_vectors(self, users: torch.Tensor, vectors: torch.Tensor | None = None) -> tuple:
        """u^(k) of users [B, p, d], zero where a user is not in a domain, and where she is [B, p, 1]."""
        present = self.rows[users] >= 0  # [B, p]
        own = self.user.new_zeros(*present.shape, self.d)
        own[present] = self.user[self.rows_of(users)] if vectors is None else vectors
        return own, present[:, :, None]

    def rows_of(self, users: torch.Tensor) -> torch.Tensor:
        """Rows of the table of users' vectors that users [B] have, each once [R]."""
        rows = self.rows[users]
        return rows[rows >= 0]

    def trunk(self, u_con: torch.Tensor) -> torch.Tensor:
        """The h shared hidden layers: u_con [B, p·d] -> [B, width]."""
        hidden = u_con
        for layer in self.A:
            hidden = torch.relu(layer(hidden))
        return hidden

    def decouple(self, hidden: torch.Tensor) -> torch.Tensor:
        """z^(k) of every domain, linear (R9): [B, width] -> [B, p, d]."""
        return self.W(hidden).unflatten(1, (self.p, self.d))

    def decouple_one(self, hidden: torch.Tensor, domain: int) -> torch.Tensor:
        """z^(k) of one domain alone: [B, width] -> [B, d]."""
        block = slice(domain * self.d, (domain + 1) * self.d)
        return nn.functional.linear(hidden, self.W.weight[block], self.W.bias[block])

    def items(self, domain: int) -> torch.Tensor:
        """v^(k) of one domain [m_k, d], a view of the table."""
        return self.item[self.first[domain] : self.first[domain + 1]]

    @torch.no_grad()
    def deepen(self, shallow: "ADC", identity: bool = True) -> None:
        """Take over a trained one-layer model: its vectors, first layer and W (§III-C, R10).
        Layers between start at identity plus noise: hardly another function. Else their start is random."""
        self.user.copy_(shallow.user), self.item.copy_(shallow.item)
        self.A[0].load_state_dict(shallow.A[0].state_dict())
        self.W.load_state_dict(shallow.W.state_dict())
        for layer in self.A[1:] if identity else ():
            noise = torch.randn(layer.weight.shape).to(layer.weight)  # a GPU would draw other numbers
            nn.init.eye_(layer.weight).add_(noise, alpha=IDENTITY_NOISE / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)


def mean_vector(own: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Mean over the domains that users are in: own [B, p, d], present [B, p, 1] -> [B, 1, d]."""
    return own.sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
