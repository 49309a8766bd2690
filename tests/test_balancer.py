"""The balancer (Eqs. 4 and 5) against autograd's double backward, and every weight's move worked by hand."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.balancer import FLOOR, LEARNING_RATE, Balancer, gradient_norms
from adc.balancers import BALANCERS, make
from adc.errors import UserError
from companion.registry import with_balancer

NORMALISED = ["gradnorm", "gradnorm_softmax", "gradnorm_closed"]
MOVING = [*NORMALISED, "gradnorm_literal"]
PAPERS = [*MOVING, "static"]  # the successors are in test_balancers
LOSSES, NORMS = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([6.0, 2.0, 1.0])


def small_network():
    """Two layers' parameters A and W, and a loss for each of three domains, into all of which W feeds."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)
    A, W = (torch.nn.Parameter(draw(*shape)) for shape in ((5, 4), (4, 2)))
    z = torch.relu(draw(7, 5) @ A) @ W
    return A, W, [scale * (z - draw(7, 2)).square().mean() for scale in (0.3, 1.0, 3.0)]


@pytest.fixture
def plain_descent(monkeypatch):
    """Descent at rate 1 stands in for Adam, so that a move is the gradient itself."""
    monkeypatch.setattr(torch.optim, "Adam", lambda parameters, lr: torch.optim.SGD(parameters, lr=1.0))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("weights", [[1, 1, 1], [0.2, 1.1, 1.7], [2.5, 0.1, 0.4], [-0.7, 1.5, 2.2]])
def test_gradient_of_the_weights_is_that_of_a_double_backward(plain_descent, gamma, weights):
    """Autograd through |∇_W w_k L_k|, the target detached; only the literal reading lets one be negative."""
    _, W, losses = small_network()
    balancer, w = make("gradnorm_literal", 3, gamma), torch.tensor(weights).double().requires_grad_()
    balancer.weights = w.detach().float()
    balancer._parameter.copy_(balancer.weights)
    balancer.step(torch.stack(losses).float(), gradient_norms(losses, W).float())
    gradients = [torch.autograd.grad(w_k * L_k, W, create_graph=True)[0] for w_k, L_k in zip(w, losses)]
    norms = torch.stack([gradient.norm() for gradient in gradients])
    ratio = torch.stack(losses).detach() / math.log(3)
    target = norms.mean().detach() * (ratio / ratio.mean()) ** gamma  # Eq. 4
    (expected,) = torch.autograd.grad((norms - target).abs().sum(), w)  # Eq. 5
    assert (expected != 0).all()
    assert (w.detach() - balancer.weights).tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_softmax_gradient_is_that_of_autograd(plain_descent):
    s = torch.tensor([0.3, -0.5, 0.1], requires_grad=True)
    balancer = make("gradnorm_softmax", 3, 2.0)
    balancer._parameter.copy_(s.detach())
    balancer.weights = 3 * torch.softmax(s.detach(), 0)
    state = balancer.step(LOSSES, NORMS)
    (3 * torch.softmax(s, 0) * NORMS - state.targets).abs().sum().backward()
    assert (s.detach() - balancer._parameter).tolist() == pytest.approx(s.grad.tolist(), rel=1e-4, abs=1e-6)


def test_gradient_norms_by_hand():
    W = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    losses = [3 * W[0, 0] + 4 * W[1, 1], (W**2).sum() / 2]
    assert gradient_norms(losses, W).tolist() == pytest.approx([5.0, math.sqrt(30)])
    assert W.grad is None
    sum(losses).backward()  # the graph is still there
    assert W.grad.tolist() == [[4.0, 2.0], [3.0, 8.0]]


# By hand: p = 3, w = 1. Norms 6, 2, 1: their mean, the target of all at γ = 0, is 3; domain 0 is too large
# and loses, 1 and 2 gain. Losses 1, 2, 3: r = 1/2, 1, 3/2. With equal norms 2 the targets at γ = 2 are 1/2,
# 2, 9/2: domain 0 learns fast and loses, 1 stays, 2 learns slowly and gains.
@pytest.mark.parametrize(("gamma", "losses", "norms", "targets", "moves"), [
    (0.0, [1.0, 2.0, 3.0], [6.0, 2.0, 1.0], [3.0, 3.0, 3.0], [-1, +1, +1]),
    (2.0, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [0.5, 2.0, 4.5], [-1, 0, +1]),
    (2.0, [1.0, 2.0, 3.0], [6.0, 2.0, 1.0], [0.75, 3.0, 6.75], [-1, +1, +1]),
    (1.0, [2.0, 2.0, 2.0], [1.0, 1.0, 4.0], [2.0, 2.0, 2.0], [+1, +1, -1]),
])  # fmt: skip
def test_every_move_of_the_weights_by_hand(gamma, losses, norms, targets, moves):
    balancer = make("gradnorm_literal", 3, gamma)
    state = balancer.step(torch.tensor(losses), torch.tensor(norms))
    assert state.rates.tolist() == pytest.approx([loss / 2 for loss in losses])
    assert state.targets.tolist() == pytest.approx(targets)
    assert state.norms.tolist() == norms and state.weights.tolist() == [1, 1, 1]
    first = [1 + LEARNING_RATE * move for move in moves]  # Adam's first step is its rate, against the sign
    assert balancer.weights.tolist() == pytest.approx(first, abs=1e-6)
    for name in NORMALISED:  # the sum is p, so compare two domains at a time
        balancer = make(name, 3, gamma)
        balancer.step(torch.tensor(losses), torch.tensor(norms))
        w = balancer.weights
        assert all(w[a] < w[b] for a, b in product(range(3), range(3)) if moves[a] < moves[b]), name


vectors = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6)


@settings(deadline=None, max_examples=60)
@given(vectors, vectors, st.sampled_from([0.0, 0.5, 1.0, 2.5]), st.sampled_from(NORMALISED))
def test_weights_sum_to_p_and_stay_positive(losses, norms, gamma, name):
    p = min(len(losses), len(norms))
    balancer = make(name, p, gamma)
    for _ in range(60):
        balancer.step(torch.tensor(losses[:p]), torch.tensor(norms[:p]))
        assert balancer.weights.sum().item() == pytest.approx(p, rel=1e-5)
        assert (balancer.weights > 0).all()


@pytest.mark.parametrize(("name", "norm"), [("gradnorm", 1e4), ("gradnorm_closed", 0.0)])
def test_extreme_norms_leave_weights_above_the_floor_and_finite(name, norm):
    balancer = make(name, 3, 0.0)
    for _ in range(300):
        balancer.step(torch.ones(3), torch.tensor([norm, 1.0, 1.0]))
        assert balancer.weights.isfinite().all() and balancer.weights.sum().item() == pytest.approx(3)
        assert name == "gradnorm_closed" or balancer.weights.min() > 0.9 * FLOOR  # before it is rescaled
    assert (balancer.weights[0] < 0.05) == (norm > 1)


@pytest.mark.parametrize(("name", "gamma"), [*product(MOVING, (0.0, 1.0)), ("gradnorm_closed", 2.0)])
def test_fixed_point_is_the_closed_form(name, gamma):
    """With losses and norms that stay, w_k is proportional to r_k^γ / g_k: every norm meets its target."""
    balancer, weights = make(name, 3, gamma), []
    for _ in range(1500):
        state = balancer.step(LOSSES, NORMS)
        weights.append(state.weights)
    weights = torch.stack(weights[-500:]).mean(0)  # Adam's steps swing about it
    expected = (LOSSES / 2) ** gamma / NORMS
    assert (weights / weights.sum()).tolist() == pytest.approx((expected / expected.sum()).tolist(), abs=0.02)
    if name == "gradnorm_closed" and gamma < 2:  # else the mean of the targets is not that of the norms
        assert state.norms.tolist() == pytest.approx(state.targets.tolist(), rel=1e-5)
    if name == "gradnorm_literal":
        assert abs(weights.sum().item() - 3) > 0.1  # nothing holds the sum


@pytest.mark.parametrize("name", PAPERS)
def test_at_gamma_0_gradient_norms_become_equal(name):
    """Three targets in the plane pull at x by scales 1, 3, 9. With equal norms their pulls cancel at angles
    of 120 degrees: x rests at the Fermat point of the triangle. Without balancing it does not."""
    corners = torch.tensor([[0.0, 0.0], [4.0, 0.0], [1.0, 3.0]], dtype=torch.float64)
    x = torch.tensor([2.0, 2.0], dtype=torch.float64, requires_grad=True)
    balancer, spread, path = make(name, 3, 0.0), [], []
    for _ in range(900):
        losses = [scale / 2 * (x - corner).square().sum() for scale, corner in zip((1, 3, 9), corners)]
        norms, weights = gradient_norms(losses, x), balancer.weights.double()
        (pull,) = torch.autograd.grad(weights @ torch.stack(losses), x)
        with torch.no_grad():
            x -= 0.02 * pull
        G = balancer.step(torch.stack(losses).detach().float(), norms.float()).norms
        spread.append((G.max() / G.min()).item())
        path.append(x.detach().clone())
    arms = torch.nn.functional.normalize(corners - torch.stack(path[-300:]).mean(0), dim=1)
    angles = [math.degrees(math.acos(float(arms[a] @ arms[b]))) for a, b in ((0, 1), (1, 2), (2, 0))]
    if name == "static":
        assert max(angles) > 140
    else:
        assert angles == pytest.approx([120] * 3, abs=4) and sum(spread[-300:]) / 300 < 1.3


@pytest.mark.parametrize("name", list(BALANCERS))
def test_nothing_of_l_grad_reaches_the_network(name):
    A, W, losses = small_network()
    balancer = make(name, 3, 2.0)
    sum(losses).backward(retain_graph=True)
    before = [(parameter.grad.clone(), parameter.detach().clone()) for parameter in (A, W)]
    norms = [torch.autograd.grad(loss, W, create_graph=True)[0].norm() for loss in losses]
    for _ in range(3):
        state = balancer.step(torch.stack(losses).float(), torch.stack(norms).float())  # both carry a graph
        balancer.after(torch.stack(losses).float())
        balancer.end_epoch()
        for parameter, (gradient, value) in zip((A, W), before):
            assert torch.equal(parameter.grad, gradient) and torch.equal(parameter, value)
        for tensor in (balancer.weights, state.weights, state.norms, state.targets, state.rates):
            assert not tensor.requires_grad


@pytest.mark.parametrize("name", PAPERS)
def test_absent_domains_keep_their_last_loss_and_norm_and_nothing_moves_before_all_had_data(name):
    balancer, without, nan = make(name, 3, 1.5), make(name, 3, 1.5), math.nan
    balancer.step(torch.tensor([1.0, nan, 3.0]), torch.tensor([6.0, nan, 1.0]))
    assert balancer.weights.tolist() == [1, 1, 1]
    balancer.step(torch.tensor([nan, 2.0, nan]), torch.tensor([nan, 2.0, nan]))
    without.step(LOSSES, NORMS)
    assert torch.equal(balancer.weights, without.weights)
    assert (balancer.weights.tolist() == [1, 1, 1]) == (name == "static")


@pytest.mark.parametrize("name", PAPERS)
def test_common_initial_loss_cancels(name):
    def path(initial):
        balancer, generator, weights = make(name, 3, 2.0), torch.Generator().manual_seed(0), []
        balancer.initial = initial
        for _ in range(50):
            balancer.step(*torch.rand(2, 3, generator=generator) + 0.1)
            weights.append(balancer.weights)
        return torch.stack(weights)

    usual = path(None)  # log p (R13)
    for constant in (1.0, math.log(2), 100.0):
        assert torch.allclose(path(torch.full((3,), constant)), usual, atol=1e-5)
    if name != "static":
        assert not torch.allclose(path(torch.tensor([1.0, 2.0, 4.0])), usual, atol=1e-2)


def test_balancers_by_name():
    with pytest.raises(UserError, match="Unknown balancer 'gradnorn'.*gradnorm, "):
        make("gradnorn", 3, 2.0)
    assert type(make("static", 3, 2.0)) is Balancer
    methods = {name: with_balancer(name) for name in PAPERS}
    assert methods == dict.fromkeys(MOVING, "adc") | {"static": "static"}


def test_a_negative_loss_is_refused():
    with pytest.raises(ValueError, match="A negative loss has no learning rate"):
        make("gradnorm", 2, 1.5).step(torch.tensor([-1.0, 3.0]), torch.ones(2))
