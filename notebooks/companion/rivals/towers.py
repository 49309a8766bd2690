"""The network of SCoNet: p towers of ReLU layers joined by cross-connection matrices H, and a fast ranking.

e is the width of user and item vectors. A tower's layers are 2e (user beside item), e, e/2 and e/4 wide, then
one logit. H_qr = H_rq joins towers q and r on the way into the layers e and e/2, as in the authors' code."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import nn

ITEMS, USERS = 1024, 16  # ranked at once, so that their hidden layers stay in the processor's cache


class Head(NamedTuple):
    """From the first hidden layer to the logits of p targets, or without the p in front of one.
    k towers reach a target with what depends on its items."""

    second: torch.Tensor  # [p, e/2, k·e]
    third: torch.Tensor  # [p, e/4, e/2]
    third_bias: torch.Tensor  # [p, e/4]
    output: torch.Tensor  # [p, e/4]
    output_bias: torch.Tensor  # [p]

    def logits(self, hidden: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """Logits [p, N]; first layer before its ReLU [p, N, k·e], users' part of the second [p, N, e/2]."""
        hidden = torch.relu(torch.relu(hidden) @ self.second.mT + shift)
        hidden = torch.relu(torch.baddbmm(self.third_bias[:, None], hidden, self.third.mT))
        return (hidden @ self.output[:, :, None])[:, :, 0] + self.output_bias[:, None]

    def of(self, target: int) -> "Head":
        """The head of one target."""
        return Head(*(part[target].contiguous() for part in self))

    def rank(self, user: torch.Tensor, shift: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        """One target's `logits` of every user [B, k·e] with every item [k·e, m]: scores [B, m].
        relu(x + c) = max(x, -c) + c: what is the same for all items of a user, c, is left out of x and moves
        on to the c of the next layer, so that a layer is one product and one comparison. Each thread has
        users of its own: two that share such small products wait for each other."""
        layers, c = (self.second, self.third, self.output[None]), [user]
        for layer, bias in zip(layers, (shift, self.third_bias, self.output_bias)):
            c.append(c[-1] @ layer.T + bias)
        scores, threads = torch.empty(len(user), item.shape[1]), torch.get_num_threads()

        @torch.no_grad()  # which each thread has for itself
        def fill(rows: slice) -> None:
            limits = [-part[rows].T[:, :, None] for part in c[:-1]]  # [width, B, 1] each
            buffers = [torch.empty(width * USERS * ITEMS) for width in (len(item), *map(len, layers))]
            for out, x in zip(scores[rows].split(ITEMS, 1), item[:, None].split(ITEMS, 2)):
                for layer, limit, before, after in zip(layers, limits, buffers, buffers[1:]):
                    before = before[: len(x) * out.numel()].view(len(x), *out.shape)
                    torch.maximum(x, limit, out=before)
                    after = after[: len(layer) * out.numel()].view(len(layer), out.numel())
                    x = torch.mm(layer, before.flatten(1), out=after).view(len(layer), *out.shape)
                torch.add(x[0], c[-1][rows], out=out)

        try:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(fill, (slice(start, start + USERS) for start in range(0, len(user), USERS))))
        finally:
            torch.set_num_threads(threads)
        return scores


class Towers(nn.Module):
    """All parameters but the vectors: layers W, b of p towers; in two layers an H for every two towers."""

    def __init__(self, p: int, e: int, negatives: int):
        super().__init__()
        sizes = [(e, 2 * e), (e // 2, e), (e // 4, e // 2), (1, e // 4)]
        W = [torch.randn(p, *size) * (2 / size[1]) ** 0.5 for size in sizes]  # He's rule
        b = [torch.zeros(p, size[0]) for size in sizes]
        # In a narrow tower the last ReLUs may all be dead, or all lower the logit: then the best items tie.
        # Hence pairs of opposite ReLUs, positive weights, and a start at the positives' share.
        W[2][:, 1::2] = -W[2][:, ::2]
        W[3].abs_(), b[3].fill_(-math.log(negatives))
        self.W, self.b = nn.ParameterList(W), nn.ParameterList(b)
        self.H = nn.ParameterList(torch.randn(p * (p - 1) // 2, *size) * 0.01 for size in sizes[:2])
        one, other = torch.triu_indices(p, p, 1)
        self.index = torch.diag(torch.arange(p))  # [p, p] into a layer's W and, after them, its H
        self.index[one, other] = self.index[other, one] = p + torch.arange(len(one))

    def joined(self, crossed: bool = True) -> tuple[torch.Tensor, ...]:
        """Layers [p receiving, p sending, out, in] of widths e and e/2: W on the diagonal, else H (0 unless
        `crossed`)."""
        return tuple(torch.cat([W, H * crossed])[self.index] for W, H in zip(self.W, self.H))

    def penalty(self) -> torch.Tensor:
        """Sum of |H| over all entries; a shared matrix counts once."""
        return sum(H.abs().sum() for H in self.H)


class Targets:
    """The network as every target domain sees it: by users, by items, and the `Head` that joins them.
    What an item gives enters the target's own tower t, and where `symmetric` the others (k = p, else 1),
    which receive from tower t too. Without `crossed` it is as if every H were 0."""

    def __init__(self, towers: Towers, symmetric: bool, crossed: bool = True):
        first, second = towers.joined(crossed)  # [p, p, e, 2e], [p, p, e/2, e]
        self.bias, self.second_bias, self.symmetric = towers.b[0], towers.b[1], symmetric
        self.by_user, self.by_mean = first.transpose(0, 1).chunk(2, -1)  # [p sending, p receiving, e, e]
        own = torch.arange(len(first))
        self.by_item = self.by_mean.flatten(1, 2) if symmetric else self.by_mean[own, own]  # [p, k·e, e]
        self.still = second.transpose(1, 2).flatten(2)  # [p, e/2, p·e]
        moving = self.still if symmetric else second[own, own]  # [p, e/2, k·e]
        self.head = Head(moving, towers.W[2], towers.b[2], towers.W[3][:, 0], towers.b[3][:, 0])

    def of_users(self, user: torch.Tensor, means: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For every target, first layer before its ReLU [p, B, k·e] and `shift`, users' part of the second
        [p, B, e/2]; from users [B, e] and their means [p, B, e]."""
        others = 1 - torch.eye(len(self.bias))  # [p, p sending]
        by_user = torch.einsum("sroi,bi->sbro", self.by_user, user)
        by_mean = torch.einsum("sroi,sbi->sbro", self.by_mean, means)
        from_means, from_user = (torch.einsum("ts,sbro->tbro", others, sent) for sent in (by_mean, by_user))
        hidden = from_means + by_user.sum(0) + self.bias  # [p, B, p, e]
        if self.symmetric:
            return hidden.flatten(2), self.second_bias[:, None].expand(-1, len(user), -1)
        others = others[:, None, :, None]
        still = torch.relu(from_means + from_user + self.bias) * others
        shift = torch.baddbmm(self.second_bias[:, None], still.flatten(2), self.still.mT)
        return (hidden * (1 - others)).sum(2), shift

    def of_items(self, item: torch.Tensor) -> torch.Tensor:
        """What items of each target [p, N, e] give to the first hidden layer [p, N, k·e]."""
        return item @ self.by_item.mT
