"""Adaptive loss weights (§III-C, Eqs. 4–5) for any positive losses that share a layer.

A balancer takes, at every step, the losses L_k and the norms g_k = |∇_W L_k| of the *unweighted* losses. As
|∇_W w_k L_k| = w_k g_k and Eq. 5's target counts as a constant, ∂L_grad/∂w_k = sign(w_k g_k - target_k) g_k:
no second derivative is needed, and nothing of L_grad can reach the network. (Where the literal reading lets a
weight turn negative, |w_k| takes its place in the norm, and the sign turns with it.)

    >>> balancer, layer = GradNorm(p=2, gamma=0.0), torch.nn.Linear(3, 3)
    >>> loss = layer(torch.eye(3)).square().mean()
    >>> losses = torch.stack([loss, 10 * loss])  # the same task twice, once on ten times the scale
    >>> for _ in range(200):  # beside the optimizer of whatever makes the losses: docs/balancer.md
    ...     state = balancer.step(losses, gradient_norms(losses, layer.weight))  # Eqs. 4 and 5
    >>> print(*(f"{weight:.1f}" for weight in balancer.weights))
    1.8 0.2"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

FLOOR = 1e-4  # smallest weight a gradient step may leave (R12)
LEARNING_RATE = 0.025  # of the weights, GradNorm's own


def gradient_norms(losses: Sequence[torch.Tensor], layer: torch.Tensor) -> torch.Tensor:
    """g_k, the L2 norm of each loss's gradient at `layer` [p]; the graph stays usable."""
    gradients = [torch.autograd.grad(loss, layer, retain_graph=True)[0] for loss in losses]
    return torch.stack([gradient.norm() for gradient in gradients]) if gradients else layer.new_empty(0)


@dataclass
class BalancerState:
    """What a balancer worked with in one step, each [p]; weights before they moved."""

    weights: torch.Tensor  # w_k
    norms: torch.Tensor  # G_k = w_k g_k
    targets: torch.Tensor  # Ĝ · r_k^γ, Ĝ the mean of G_k (Eq. 4)
    rates: torch.Tensor  # r_k


@dataclass
class Balancer:
    """Weights w_k that stay at 1 (`static`): base of the others, and what they are compared with (R33)."""

    p: int
    gamma: float = 0.0  # γ
    initial: torch.Tensor | None = None  # L_k(0) [p]; None: log p for all (R13), which cancels in r_k
    weights: torch.Tensor = field(init=False)  # w_k [p]
    needs: ClassVar[str] = ""  # what else a step must call: "gradients" `combine`, "after" `after`

    def __post_init__(self) -> None:
        self.weights = torch.ones(self.p)
        self._losses, self._norms = torch.full((2, self.p), math.nan)

    def step(self, losses: torch.Tensor, norms: torch.Tensor) -> BalancerState:
        """Move the weights by the losses L_k ≥ 0 and unweighted norms g_k [p], both on the CPU. NaN: a domain
        without data in this batch keeps its last values (R16). Nothing moves before all had data once."""
        if (losses < 0).any():
            raise ValueError(f"A negative loss has no learning rate: {losses.tolist()}.")
        self._losses = torch.where(losses.isnan(), self._losses, losses.detach())
        self._norms = torch.where(norms.isnan(), self._norms, norms.detach())
        rates = self.rates()
        scaled = self.weights.abs() * self._norms  # G_k
        state = BalancerState(self.weights.clone(), scaled, scaled.mean() * rates**self.gamma, rates)  # Eq. 4
        if not state.targets.isnan().any():
            self._move(state)
        return state

    def rates(self) -> torch.Tensor:
        """Relative inverse learning rates r_k = L̃_k / mean of all L̃, L̃_k = L_k / L_k(0) [p]."""
        initial = self.initial if self.initial is not None else torch.full((self.p,), math.log(self.p) or 1.0)
        ratio = self._losses / initial
        return ratio / ratio.mean()

    def combine(self, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
        """The gradients to descend by, [*shape] each, from those of every w_k L_k at each shared tensor, [p,
        *shape] each with zeros for a domain without data in this batch: their sums."""
        return [gradient.sum(0) for gradient in gradients]

    def after(self, losses: torch.Tensor) -> None:
        """Take note of the losses L_k [p] of the same batch after the step; NaN as in `step`."""

    def end_epoch(self) -> None:
        """Take note that a pass over the users is over."""

    def _move(self, state: BalancerState) -> None:
        pass


class GradNorm(Balancer):
    """The paper's: a step of Adam on the L1 loss of Eq. 5; then w_k ≥ FLOOR and the sum back to p (R12)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._parameter = self._start()  # what Adam moves: w, or what w is made from
        self._optimizer = torch.optim.Adam([self._parameter], lr=LEARNING_RATE)

    def _start(self) -> torch.Tensor:
        return torch.ones(self.p)

    def _gradient(self, state: BalancerState) -> torch.Tensor:
        """∂L_grad/∂w_k of Eq. 5 [p]."""
        return torch.sign((state.norms - state.targets) * self.weights) * self._norms

    def _move(self, state: BalancerState) -> None:
        self._parameter.grad = self._gradient(state)
        self._optimizer.step()
        self._constrain()
        self.weights = self._parameter.clone()

    def _constrain(self) -> None:
        self._parameter.clamp_(min=FLOOR)
        self._parameter.mul_(self.p / self._parameter.sum())


class GradNormLiteral(GradNorm):
    """Eq. 5 as printed (R12 ★): neither a floor nor a fixed sum; weights may drift or turn negative."""

    def _constrain(self) -> None:
        pass


class GradNormSoftmax(GradNorm):
    """w = p softmax(s), the step taken on s (R12 ★): positive and summing to p by construction."""

    def _start(self) -> torch.Tensor:
        return torch.zeros(self.p)

    def _move(self, state: BalancerState) -> None:
        share = self.weights / self.p
        gradient = self._gradient(state)
        self._parameter.grad = self.weights * (gradient - (share * gradient).sum())
        self._optimizer.step()
        self.weights = self.p * torch.softmax(self._parameter, 0)


class GradNormClosed(Balancer):
    """The weights at which every norm meets its target at once (R12 ★): w_k proportional to r_k^γ / g_k."""

    def _move(self, state: BalancerState) -> None:
        ideal = state.rates**self.gamma / self._norms.clamp(min=1e-12)
        self.weights = self.p * ideal / ideal.sum()


class OtherRule(Balancer):
    """Base of other published rules (`adc.balancers`), without γ; they report the mean norm as target."""

    label: ClassVar[str] = ""  # in tables and figures

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gamma = 0.0
        # what is random: of the run's seed, which PyTorch has; + 1: not the numbers its network began with
        self._generator = torch.Generator().manual_seed(torch.initial_seed() + 1)


def bounded(losses: torch.Tensor) -> torch.Tensor:
    """Losses within 1e-8 and 1e8, where their logarithms, ratios and squares are finite; NaN stays."""
    return losses.clamp(1e-8, 1e8)
