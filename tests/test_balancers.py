"""The successors of the paper's balancer: each rule against numbers by hand or a second formulation.

PCGrad against TorchJD's: test_torchjd."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.balancers import BALANCERS, OTHER_RULES, make

SUM_TO_P = [name for name in OTHER_RULES if name != "uncertainty"]
NAN = math.nan


def one_step(balancer, losses, after=None, end=True):
    """One epoch of one step; `after`: the losses once the parameters moved."""
    losses = torch.tensor(losses)
    state = balancer.step(losses, torch.where(losses.isnan(), NAN, 1.0))
    if balancer.needs == "after":
        balancer.after(torch.tensor(after) if after else losses)
    if end:
        balancer.end_epoch()
    return state


def test_all_have_a_label():
    assert len({BALANCERS[name].label for name in OTHER_RULES} - {""}) == len(OTHER_RULES)


@pytest.mark.parametrize("name", OTHER_RULES)
def test_weights_start_at_1_and_gamma_means_nothing(name):
    one, other = make(name, 3, 0.0), make(name, 3, 2.5)
    assert one.weights.tolist() == [1, 1, 1]
    for losses, after in (([1.0, 2.0, 3.0], [0.5, 1.9, 2.9]), ([0.5, 1.5, 3.0], None), ([0.1, 2.0, 0], None)):
        first, second = one_step(one, losses, after), one_step(other, losses, after)
        assert torch.equal(one.weights, other.weights) and torch.equal(first.targets, second.targets)
        assert first.targets.tolist() == pytest.approx([first.norms.mean().item()] * 3)


def test_uncertainty_takes_adams_step_on_the_published_objective():
    balancer, s = make("uncertainty", 3, 0.0), torch.zeros(3, requires_grad=True)
    adam = torch.optim.Adam([s], lr=0.025)
    for losses in ([0.5, 1.0, 4.0], [0.7, 0.8, 3.0], [0.2, 1.2, 0.1]):
        one_step(balancer, losses)
        adam.zero_grad()
        (torch.tensor(losses) / (2 * s.exp()) + s / 2).sum().backward()
        adam.step()
        assert balancer.weights.tolist() == pytest.approx(torch.exp(-s).tolist(), rel=1e-5)


def test_dwa_over_five_epochs_by_hand():
    balancer = make("dwa", 2, 0.0)
    at = lambda a, b: pytest.approx([2 / (1 + math.exp((b - a) / 2)), 2 / (1 + math.exp((a - b) / 2))])
    epochs = [[[3.0, 1.0], [1.0, 3.0]], [[1.0, 2.0]], [[0.5, 4.0], [0.5, NAN]], [[NAN, 1.0]], [[0.25, 1.0]]]
    # means (2, 2), (1, 2), (1/2, 4), (-, 1), (1/4, 1): the absent one keeps 1/2
    for steps, after in zip(epochs, [[1, 1], at(0.5, 1), at(0.5, 2), at(1, 0.25), at(0.5, 1)]):
        before = balancer.weights.clone()
        for losses in steps:
            one_step(balancer, losses, end=False)
            assert torch.equal(balancer.weights, before)  # only an epoch's end moves them
        balancer.end_epoch()
        assert balancer.weights.tolist() == after


def test_random_weights_are_the_softmax_of_normal_draws_and_the_same_again():
    torch.manual_seed(0)
    one, other = make("rlw", 3, 0.0), make("rlw", 3, 0.0)
    torch.manual_seed(1)
    first = torch.stack([(one_step(one, [1.0, 2.0, 3.0]), one.weights)[1] for _ in range(2000)])
    torch.manual_seed(2)  # neither reads nor moves the common generator
    second = torch.stack([(one_step(other, [3.0, 2.0, 1.0]), other.weights)[1] for _ in range(2000)])
    assert torch.equal(first, second)
    logits = first.log() - first.log().mean(1, keepdim=True)  # of three draws less their mean: variance 2/3
    assert logits.mean(0).abs().max() < 0.06 and logits.var(0).tolist() == pytest.approx([2 / 3] * 3, rel=0.1)
    assert first.mean(0).tolist() == pytest.approx([1, 1, 1], abs=0.06)
    torch.manual_seed(0)
    following = torch.rand(1)
    torch.manual_seed(0)
    one_step(one, [1.0, 1.0, 1.0])
    assert torch.equal(torch.rand(1), following)


def test_metabalance_agrees_with_the_published_order_of_events():
    """A loop over tensors and domains with plain moving norms from zero; all domains always present."""
    generator, balancer = torch.Generator().manual_seed(0), make("metabalance", 3, 0.0)
    norms = np.zeros((2, 3))
    for _ in range(10):
        gradients = [torch.randn(3, *shape, generator=generator) for shape in ((4, 2), (5,))]
        combined = balancer.combine(gradients)
        for t, gradient in enumerate(gradients):
            rows = gradient.double().numpy()
            for k in range(3):
                norms[t, k] = 0.9 * norms[t, k] + 0.1 * np.sqrt((rows[k] ** 2).sum())
            expected = sum(0.7 * rows[k] * norms[t].mean() / norms[t, k] + 0.3 * rows[k] for k in range(3))
            assert np.allclose(combined[t].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_metabalance_keeps_the_moving_norm_of_an_absent_domain():
    balancer = make("metabalance", 3, 0.0)
    zero, one = torch.zeros(2), torch.ones(2)
    combine = lambda *rows: balancer.combine([torch.stack(rows)])[0]
    assert torch.allclose(combine(one, zero, zero), one)  # alone there: its own norm is the mean
    for _ in range(20):
        combine(one, 3 * one, zero)
    assert torch.allclose(combine(one, zero, zero), (0.7 * 2 + 0.3) * one)  # the mean of 1 and 3 over 1
    assert torch.allclose(combine(one, 3 * one, 5 * one), (0.7 * 3 * 3 + 0.3 * 9) * one)  # 5 counts in full
    assert torch.equal(combine(zero, zero, zero), zero)


@pytest.mark.parametrize("name", ["static", "uncertainty", "metabalance", "pcgrad"])
def test_gradients_keep_their_shapes_and_one_domain_its_own(name):
    gradients = [torch.randn(1, *shape) for shape in ((4, 3), (5,), ())]
    for gradient, tensor in zip(gradients, make(name, 1, 0.0).combine(gradients), strict=True):
        assert torch.allclose(tensor, gradient[0])
    assert make(name, 3, 0.0).combine([torch.zeros(3, 4)])[0].tolist() == [0] * 4


def test_famos_weights_and_logits_are_those_of_autograd():
    """The published two steps: descent on c Σ z_k log L_k, and the logits by the fall of log-losses."""
    balancer, logits = make("famo", 3, 0.0), torch.zeros(3, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.025, weight_decay=0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        before = (torch.rand(3, generator=generator) + 0.1).requires_grad_()
        after = before.detach() * (0.5 + 0.6 * torch.rand(3, generator=generator))
        one_step(balancer, before.tolist(), after.tolist())
        adam.zero_grad()
        (torch.softmax(logits, 0) * (before.log() - after.log()).detach()).sum().backward()
        adam.step()
        z = torch.softmax(logits, 0).detach()
        c = 1 / (z / before.detach()).sum()
        (pull,) = torch.autograd.grad(c * (z * before.log()).sum(), before)  # sums to 1
        assert balancer.weights.tolist() == pytest.approx((3 * pull).tolist(), rel=1e-4)


def test_pcgrad_by_hand():
    along = lambda *rows: make("pcgrad", len(rows), 0.0).combine([torch.tensor(rows)])[0].tolist()
    # g_0·g_1 = -1: (1, 0) loses -1/2 (-1, 1), (-1, 1) loses -1 (1, 0)
    assert along([1.0, 0.0], [-1.0, 1.0]) == pytest.approx([0.5, 1.5])
    assert along([1e10, 0.0], [-1e-25, 0.0]) == pytest.approx([1e10, 0])  # its square is 0 in float32


@pytest.mark.parametrize("name", ["rlw", "pcgrad"])
def test_what_is_drawn_follows_the_runs_seed(name):
    gradients = [torch.tensor([[1.0, 0.0, 0.2], [-1.0, 1.0, 0.0], [-1.0, -1.0, 0.3]])]

    def draws(seed: int) -> list[float]:
        torch.manual_seed(seed)
        balancer, values = make(name, 3, 0.0), []
        for _ in range(12):
            one_step(balancer, [1.0, 2.0, 3.0])
            values += [*balancer.weights.tolist(), *balancer.combine(gradients)[0].tolist()]
        return values

    assert draws(1) == draws(1) != draws(2)


@pytest.mark.parametrize("name", OTHER_RULES)
def test_an_absent_domain_keeps_its_last_values(name):
    with_gap, without = make(name, 3, 0.0), make(name, 3, 0.0)
    for losses, after in (([1.0, 2.0, 3.0], [0.5, 1.9, 2.9]), ([1.0, 1.5, 3.0], [0.5, 1.2, 2.0])):
        one_step(with_gap, losses, after), one_step(without, losses, after)
    one_step(with_gap, [NAN, 1.0, 2.0], [NAN, 0.5, 1.9])
    one_step(without, [1.0, 1.0, 2.0], [0.5, 0.5, 1.9])
    assert torch.equal(with_gap.weights, without.weights) and with_gap.weights.isfinite().all()


@pytest.mark.parametrize("name", OTHER_RULES)
def test_nothing_moves_before_every_domain_had_data(name):
    balancer = make(name, 2, 0.0)
    for losses in ([1.0, NAN], [0.5, NAN]):
        one_step(balancer, losses, [0.1, NAN])
        assert balancer.weights.tolist() == [1, 1]


@pytest.mark.parametrize("name", OTHER_RULES)
def test_a_single_domain(name):
    balancer = make(name, 1, 0.0)
    for loss in (0.7, 0.5, 0.1):
        state = one_step(balancer, [loss], [loss / 2])
        assert state.rates.tolist() == [1]
        assert state.norms.tolist() == state.targets.tolist() == state.weights.tolist()
        if name in SUM_TO_P:
            assert balancer.weights.tolist() == [1]


extreme = st.sampled_from([0.0, 1e-30, 0.3, 1.0, 1e6, 1e30, math.inf])


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(OTHER_RULES), st.lists(st.tuples(*[extreme] * 4), min_size=1, max_size=4))
def test_weights_stay_finite_whatever_the_losses(name, losses):
    balancer = make(name, 2, 0.0)
    for a, b, c, d in losses * 5:
        one_step(balancer, [a, b], [c, d])
        assert balancer.weights.isfinite().all() and (balancer.weights >= 0).all()
        if name in SUM_TO_P:
            assert balancer.weights.sum().item() == pytest.approx(2, rel=1e-5)
