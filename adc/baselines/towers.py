"""The network of SCoNet: p towers of ReLU layers joined by cross-connection matrices H, and a fast ranking.

e is the width of user and item vectors. A tower's layers are 2e (user beside item), e, e/2 and e/4 wide, then one
logit. H_qr = H_rq joins towers q and r on the way into the layers e and e/2, as in the authors' code.
"""

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

CHUNK = 2048  # items ranked at once: their hidden layer stays in the processor's cache


class Head(NamedTuple):
    """From the first hidden layer to the logit of one target; k towers reach it with what depends on its items."""

    second: torch.Tensor  # [e/2, k·e]
    third: torch.Tensor  # [e/4, e/2]
    third_bias: torch.Tensor  # [e/4]
    output: torch.Tensor  # [e/4]
    output_bias: torch.Tensor  # []

    def logits(self, hidden: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """Logits [...] of pairs: first layer before its ReLU [..., k·e], what users add to the second [..., e/2]."""
        hidden = torch.relu(F.linear(torch.relu(hidden), self.second) + shift)
        return F.linear(torch.relu(F.linear(hidden, self.third, self.third_bias)), self.output) + self.output_bias

    def rank(self, user: torch.Tensor, shift: torch.Tensor, chunks: list[torch.Tensor]) -> torch.Tensor:
        """`logits` of every user [B, k·e] plus every item [k·e, m], these in chunks of CHUNK: scores [B, m].

        relu(u + v) = max(v, -u) + u, so the first layer is one sweep over the items, and u moves on into `shift`.
        """
        shift, limit = (shift + F.linear(user, self.second))[:, :, None], -user[:, :, None]
        scores = torch.empty(len(user), sum(chunk.shape[1] for chunk in chunks))
        for row, out in enumerate(scores):
            for part, chunk in zip(out.split(CHUNK), chunks, strict=True):
                hidden = torch.addmm(shift[row], self.second, torch.maximum(chunk, limit[row])).relu_()
                hidden = torch.addmm(self.third_bias[:, None], self.third, hidden).relu_()
                torch.add(self.output @ hidden, self.output_bias, out=part)
        return scores


class Towers(nn.Module):
    """All parameters but the vectors: layers W, b of p towers, and an H for every two towers in each of two layers."""

    def __init__(self, p: int, e: int, negatives: int):
        super().__init__()
        sizes = [(e, 2 * e), (e // 2, e), (e // 4, e // 2), (1, e // 4)]
        W = [torch.randn(p, *size) * (2 / size[1]) ** 0.5 for size in sizes]  # He's rule
        b = [torch.zeros(p, size[0]) for size in sizes]
        # In a narrow tower the last ReLUs may all be dead, or all lower the logit: then the best items tie at the
        # highest there is. Hence pairs of opposite ReLUs, positive weights, and the positives' share as its start.
        W[2][:, 1::2] = -W[2][:, ::2]
        W[3].abs_(), b[3].fill_(-math.log(negatives))
        self.W, self.b = nn.ParameterList(W), nn.ParameterList(b)
        self.H = nn.ParameterList(torch.randn(p * (p - 1) // 2, *size) * 0.01 for size in sizes[:2])
        one, other = torch.triu_indices(p, p, 1)
        self.index = torch.diag(torch.arange(p))  # [p, p] into a layer's W and, after them, its H
        self.index[one, other] = self.index[other, one] = p + torch.arange(len(one))

    def joined(self) -> tuple[torch.Tensor, ...]:
        """Layers [p receiving, p sending, out, in] of widths e and e/2: W on the diagonal, H beside it."""
        return tuple(torch.cat([W, H])[self.index] for W, H in zip(self.W, self.H))

    def penalty(self) -> torch.Tensor:
        """Sum of |H| over all entries; a shared matrix counts once."""
        return sum(H.abs().sum() for H in self.H)


class Target:
    """The network as domain t sees it: what a user gives, what an item gives, and the head that joins them.

    `joined` is `towers.joined()`. Where `symmetric`, the other towers receive from tower t too. Without `crossed`, it
    is as if every H were 0. `moving` are the k towers whose first hidden layer depends on the target's item.
    """

    def __init__(self, towers: Towers, joined: tuple[torch.Tensor, ...], t: int, symmetric: bool, crossed: bool):
        self.first, self.second = joined[0], joined[1][t]  # [p, p, e, 2e], [p, e/2, e]
        self.bias, self.second_bias = towers.b[0], towers.b[1][t]
        self.moving = slice(None) if symmetric and crossed else slice(t, t + 1)
        self.user, self.item = self.first[self.moving, t].chunk(2, -1)  # [k, e, e] both: tower t's input
        second = self.second[self.moving].transpose(0, 1).flatten(1)
        self.head = Head(second, towers.W[2][t], towers.b[2][t], towers.W[3][t, 0], towers.b[3][t, 0])
        others = torch.arange(len(self.bias)) != t
        self.senders = others & crossed  # [p]: whose input other towers receive
        self.still = self.senders & (not symmetric)  # [p]: whose first hidden layer is the same for all items

    def of_user(self, user: torch.Tensor, means: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """First layer before its ReLU [B, k·e] and `shift` [B, e/2], from users [B, e] and their means [p, B, e]."""
        inputs = torch.cat([user.expand_as(means), means], -1) * self.senders[:, None, None]
        hidden = torch.einsum("rsoi,sbi->rbo", self.first, inputs) + self.bias[:, None]  # [p, B, e]
        moved = hidden[self.moving] + torch.einsum("koi,bi->kbo", self.user, user)
        still = torch.relu(hidden) * self.still[:, None, None]
        shift = torch.einsum("roi,rbi->bo", self.second, still) + self.second_bias
        return moved.transpose(0, 1).flatten(1), shift

    def of_item(self, item: torch.Tensor) -> torch.Tensor:
        """What items of the target [I, e] give to the first hidden layer [I, k·e]."""
        return F.linear(item, self.item.flatten(0, 1))


def mean(row: torch.Tensor, vectors: torch.Tensor, rows: int) -> torch.Tensor:
    """Mean of the vectors [K, e] that fall on each row: [rows, e], zero where none does."""
    count = torch.bincount(row, minlength=rows).clamp(min=1)
    return vectors.new_zeros(rows, vectors.shape[1]).index_add(0, row, vectors) / count[:, None]
