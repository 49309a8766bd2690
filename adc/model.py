"""The network of Fig. 1: concatenated user vectors, h shared ReLU layers, and W that splits the result into z^(k)."""

import numpy as np
import torch
from torch import nn

NOISE = 0.01  # spectral size of what is added to the identity layers


class ADC(nn.Module):
    """p domains, n users, m_k items, d dimensions.

    `rows` [n, p] holds the row of each user's vector in each domain, -1 where she has no training rating there.
    User and item vectors start from `user_start` [rows, d] and `item_start` (p arrays [m_k, d]), the items of all
    domains in one table; domain k's begin at `first[k]`. Hidden layers are `width` wide (0: p·d, R7). With `current`,
    missing vectors follow the present ones (R6); else they stay.
    """

    def __init__(self, rows: np.ndarray, user_start: np.ndarray, item_start: list[np.ndarray], hidden_layers: int,
                 width: int = 0, current: bool = True):
        super().__init__()
        self.p, self.d, self.current = rows.shape[1], user_start.shape[1], current
        width = width or self.p * self.d
        self.register_buffer("rows", torch.from_numpy(rows.astype(np.int64)))
        self.first = np.cumsum([0, *map(len, item_start)])
        self.user, self.item = (nn.Parameter(torch.tensor(start)) for start in (user_start, np.concatenate(item_start)))
        inputs = [self.p * self.d] + [width] * (hidden_layers - 1)
        self.A = nn.ModuleList(nn.Linear(size, width) for size in inputs)  # §III-B(2), R8
        self.W = nn.Linear(width, self.p * self.d)  # §III-B(3)
        for layer in self.A:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.xavier_normal_(self.W.weight)
        if not current:
            with torch.no_grad():
                rows = self.rows[self.rows >= 0]
                self.register_buffer("fixed", self._mean(*self._place(self.user[rows], self.rows >= 0)))  # [n, 1, d]

    def items(self, domain: int) -> torch.Tensor:
        """v^(k) of one domain, detached: a view [m_k, d]."""
        return self.item.detach()[self.first[domain] : self.first[domain + 1]]

    def concatenate(self, users: torch.Tensor, vectors: torch.Tensor | None = None) -> torch.Tensor:
        """u_con of some users [B] -> [B, p·d]: a missing domain gets the mean of the user's own vectors (R6).

        `vectors` [R, d] may stand for those of the table, in the order of `looked_up`.
        """
        present = self.rows[users] >= 0  # [B, p]
        own, present = self._place(self._vectors(users) if vectors is None else vectors, present)
        return torch.where(present, own, self._mean(own, present) if self.current else self.fixed[users]).flatten(1)

    def looked_up(self, users: torch.Tensor) -> torch.Tensor:
        """Rows of the user table that some users [B] have, each once [R]."""
        rows = self.rows[users]
        return rows[rows >= 0]

    def _vectors(self, users: torch.Tensor) -> torch.Tensor:
        return self.user.index_select(0, self.looked_up(users))  # [R, d]; several times as fast as brackets

    def _place(self, vectors: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        own = vectors.new_zeros(*present.shape, self.d)
        own[present] = vectors
        return own, present[:, :, None]  # [B, p, d], [B, p, 1]

    @staticmethod
    def _mean(own: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return own.sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)  # [B, 1, d]

    def trunk(self, inputs: torch.Tensor) -> torch.Tensor:
        """The h shared hidden layers: u_con [B, p·d] -> [B, width]."""
        return self._above(self.A[0](inputs))

    def _above(self, first: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu_(first)
        for layer in self.A[1:]:
            hidden = torch.relu_(layer(hidden))
        return hidden

    def hidden(self, users: torch.Tensor, vectors: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """`trunk` of `concatenate` [B, width], and |u_con|^2 summed over the users [].

        Most users are in one domain, and have one vector p times over (R6). Instead of writing that out, the sum of
        A_1's p blocks is multiplied by the one vector: a p-th of the arithmetic.
        """
        vectors = self._vectors(users) if vectors is None else vectors
        count = (self.rows[users] >= 0).sum(1)  # [B]
        alone = (count == 1) & self.current
        if not alone.any():
            inputs = self.concatenate(users, vectors)
            return self.trunk(inputs), inputs.square().sum()
        once, more = ((mask.repeat_interleave(count)).nonzero()[:, 0] for mask in (alone, ~alone))  # rows of vectors
        once, inputs = vectors.index_select(0, once), self.concatenate(users[~alone], vectors.index_select(0, more))
        blocks = self.A[0].weight.unflatten(1, (self.p, self.d)).sum(1)  # [width, d]
        first = vectors.new_empty(len(users), len(blocks))
        first.index_copy_(0, (~alone).nonzero()[:, 0], self.A[0](inputs))
        first.index_copy_(0, alone.nonzero()[:, 0], nn.functional.linear(once, blocks, self.A[0].bias))
        return self._above(first), inputs.square().sum() + self.p * once.square().sum()

    def decouple(self, hidden: torch.Tensor) -> torch.Tensor:
        """z_u^(k) of every domain, linear (R9): [B, width] -> [B, p, d]."""
        return self.W(hidden).unflatten(1, (self.p, self.d))

    def one_of(self, hidden: torch.Tensor, domain: int) -> torch.Tensor:
        """z_u^(k) of one domain alone: [B, width] -> [B, d]."""
        block = slice(domain * self.d, (domain + 1) * self.d)
        return nn.functional.linear(hidden, self.W.weight[block], self.W.bias[block])

    def forward(self, users: torch.Tensor) -> torch.Tensor:
        """Users [B] -> z [B, p, d]."""
        return self.decouple(self.hidden(users)[0])

    @torch.no_grad()
    def deepen(self, shallow: "ADC", identity: bool = True) -> None:
        """Take over a trained one-layer model: its vectors, first layer and W (§III-C, R10).

        The layers between start at identity plus noise, which on ReLU outputs leaves the function almost as it was;
        without `identity` they stay as they were drawn.
        """
        self.user.copy_(shallow.user), self.item.copy_(shallow.item)
        self.A[0].load_state_dict(shallow.A[0].state_dict())
        self.W.load_state_dict(shallow.W.state_dict())
        for layer in self.A[1:] if identity else ():
            noise = torch.randn(layer.weight.shape).to(layer.weight)  # a GPU would draw others
            nn.init.eye_(layer.weight).add_(noise, alpha=NOISE / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)


class Passed:
    """Users who went through the hidden layers, each once however many domains ask for her; good until parameters move."""

    def __init__(self, model: ADC):
        self.model, self.count = model, 0
        self.row = torch.full((len(model.rows),), -1, device=model.rows.device)  # of a user in `hidden` [n]
        self.hidden = model.W.weight.new_empty(len(model.rows), model.W.in_features)  # [n, width], filled from the top

    @torch.no_grad()
    def z(self, users: np.ndarray, domain: int) -> torch.Tensor:
        """z_u^(k) of different users [B] -> [B, d]."""
        place = torch.from_numpy(users.astype(np.int64)).to(self.row.device)
        new = place[self.row[place] < 0]
        if len(new):
            before, self.count = self.count, self.count + len(new)
            self.row[new] = torch.arange(before, self.count, device=new.device)
            self.hidden[before : self.count] = self.model.hidden(new)[0]
        return self.model.one_of(self.hidden.index_select(0, self.row[place]), domain)
