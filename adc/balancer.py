"""Adaptive loss weights (§III-C, Eqs. 4–5). Works on any losses and any shared layer; knows nothing of recommenders.

A balancer is told, at every step, the losses L_k and the norms g_k = |grad_W L_k| of the *unweighted* losses. As
|grad_W w_k L_k| = w_k g_k and Eq. 5's target counts as a constant, dL_grad/dw_k = sign(w_k g_k - target_k) g_k:
no second derivative is needed, and nothing of L_grad can reach the network. (Where the literal reading lets a weight
turn negative, |w_k| takes its place in the norm, and the sign turns with it.)
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import torch

FLOOR = 1e-4  # smallest weight a gradient step may leave (R12)
RATE = 0.025


def gradient_norms(losses: list[torch.Tensor], layer: torch.Tensor) -> torch.Tensor:
    """g_k, the L2 norm of each loss's gradient at `layer` [p]; the graph stays usable."""
    gradients = (torch.autograd.grad(loss, layer, retain_graph=True)[0] for loss in losses)
    return torch.stack([gradient.norm() for gradient in gradients])


@dataclass
class Step:
    """What one step saw and did, each [p]: for the history, all before the weights moved."""

    weights: torch.Tensor  # w_k
    norms: torch.Tensor  # G_k = w_k g_k
    targets: torch.Tensor  # mean G · r_k^gamma
    rates: torch.Tensor  # r_k


@dataclass
class Balancer:
    """Weights w_k that stay at 1 (`static`): the base of the others, and what they are compared with (R33)."""

    p: int
    gamma: float = 0.0
    initial: torch.Tensor | None = None  # L_k(0) [p]; None: log p for every domain (R13), which cancels in r_k
    weights: torch.Tensor = field(init=False)  # w_k [p]
    needs: ClassVar[str] = ""  # what is called besides `step` and `end_epoch`: "gradients" `combine`, "after" `after`

    def __post_init__(self) -> None:
        self.weights = torch.ones(self.p)
        self._losses = torch.full((self.p,), math.nan)
        self._norms = torch.full((self.p,), math.nan)

    def step(self, losses: torch.Tensor, norms: torch.Tensor) -> Step:
        """Move the weights by the losses L_k [p] and unweighted norms g_k [p]; NaN marks a domain without data in
        this batch, which keeps what it last had (R16). Nothing moves before every domain was seen once.
        """
        self._losses = torch.where(losses.isnan(), self._losses, losses.detach())
        self._norms = torch.where(norms.isnan(), self._norms, norms.detach())
        rates = self.rates()
        scaled = self.weights.abs() * self._norms  # G_k
        seen = Step(self.weights.clone(), scaled, scaled.mean() * rates**self.gamma, rates)  # targets: Eq. 4
        if not seen.targets.isnan().any():
            self._move(seen)
        return seen

    def rates(self) -> torch.Tensor:
        """Relative inverse learning rates r_k = (L_k/L_k(0)) / mean of the same over the domains [p]."""
        first = self.initial if self.initial is not None else torch.full((self.p,), math.log(self.p) or 1.0)
        ratio = self._losses / first
        return ratio / ratio.mean()

    def combine(self, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
        """From the gradients of every w_k L_k at each shared tensor, [p, *shape] each and a row of zeros for a domain
        without data in this batch, the gradient to descend by, [*shape] each: their sum.
        """
        return [gradient.sum(0) for gradient in gradients]

    def after(self, losses: torch.Tensor) -> None:
        """Take note of the losses L_k [p] of the same batch after the step; NaN as in `step`."""

    def end_epoch(self) -> None:
        """Take note that a pass over the users is over."""

    def _move(self, seen: Step) -> None:
        pass


class GradNorm(Balancer):
    """The paper's: a step of Adam on the L1 loss of Eq. 5; then w_k >= FLOOR and the sum back to p (R12)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._free = torch.zeros(self.p) if isinstance(self, GradNormSoftmax) else torch.ones(self.p)
        self._optimizer = torch.optim.Adam([self._free], lr=RATE)

    def _gradient(self, seen: Step) -> torch.Tensor:
        return torch.sign((seen.norms - seen.targets) * self.weights) * self._norms  # dL_grad/dw_k

    def _move(self, seen: Step) -> None:
        self._free.grad = self._gradient(seen)
        self._optimizer.step()
        self._constrain()
        self.weights = self._free.clone()

    def _constrain(self) -> None:
        self._free.clamp_(min=FLOOR)
        self._free.mul_(self.p / self._free.sum())


class GradNormLiteral(GradNorm):
    """Eq. 5 as printed (R12 ★): neither a floor nor a fixed sum; weights may drift or turn negative."""

    def _constrain(self) -> None:
        pass


class GradNormSoftmax(GradNorm):
    """w = p softmax(s), the step taken on s (R12 ★): positive and summing to p by construction."""

    def _move(self, seen: Step) -> None:
        share = self.weights / self.p
        gradient = self._gradient(seen)
        self._free.grad = self.weights * (gradient - (share * gradient).sum())
        self._optimizer.step()
        self.weights = self.p * torch.softmax(self._free, 0)


class GradNormClosed(Balancer):
    """The weights at which every norm meets its target at once (R12 ★): w_k proportional to r_k^gamma / g_k."""

    def _move(self, seen: Step) -> None:
        ideal = seen.rates**self.gamma / self._norms.clamp(min=1e-12)
        self.weights = self.p * ideal / ideal.sum()


class Successor(Balancer):
    """Base of the rules published since (`adc.balancers`), which know no gamma: the target they report is the mean
    norm, GradNorm's at gamma = 0, and none of them heeds it.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gamma = 0.0


def bounded(losses: torch.Tensor) -> torch.Tensor:
    """Losses within 1e-8 and 1e8, where their logarithms, ratios and squares are finite; NaN stays."""
    return losses.clamp(1e-8, 1e8)
