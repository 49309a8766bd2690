"""The balancer (Eqs. 4-5) against autograd's double backward, and every weight's move worked by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.balancer import FLOOR, RATE, Balancer, gradient_norms
from adc.balancers import BALANCERS, make
from adc.errors import UserError

MOVING = ["gradnorm", "gradnorm_softmax", "gradnorm_closed", "gradnorm_literal"]
PAPERS = [*MOVING, "static"]  # the successors are in test_balancers
NORMALISED = ["gradnorm", "gradnorm_softmax", "gradnorm_closed"]


class Problem:
    """A small network with one loss a domain: the same W feeds all of them."""

    def __init__(self, p=3, seed=0):
        generator = torch.Generator().manual_seed(seed)
        draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)
        self.A, self.W = (torch.nn.Parameter(draw(*shape)) for shape in ((5, 4), (4, 2)))
        self.inputs, self.wanted = draw(7, 5), draw(p, 7, 2)
        self.scale = torch.logspace(-0.5, 0.5, p, dtype=torch.float64)

    def losses(self):
        z = torch.relu(self.inputs @ self.A) @ self.W
        return [scale * (z - wanted).square().mean() for scale, wanted in zip(self.scale, self.wanted)]


def double_backward(problem, weights, gamma):
    """dL_grad/dw_k by autograd through |grad_W w_k L_k|, the target detached (Eq. 5)."""
    w = weights.double().clone().requires_grad_()
    losses = problem.losses()
    norms = torch.stack(
        [torch.autograd.grad(w_k * loss, problem.W, create_graph=True)[0].norm() for w_k, loss in zip(w, losses)]
    )
    ratio = torch.stack(losses).detach() / math.log(len(losses))
    target = (norms.mean() * (ratio / ratio.mean()) ** gamma).detach()
    return torch.autograd.grad((norms - target).abs().sum(), w)[0]


class FirstStep(torch.optim.SGD):
    """Stands in for Adam, so that the gradient itself can be read off a move."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr=1.0)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weights", [[1.0, 1.0, 1.0], [0.2, 1.1, 1.7], [2.5, 0.1, 0.4]])
def test_the_gradient_of_the_weights_is_that_of_a_double_backward(monkeypatch, gamma, weights):
    monkeypatch.setattr(torch.optim, "Adam", FirstStep)
    problem, weights = Problem(), torch.tensor(weights)
    moving = make("gradnorm_literal", 3, gamma)
    moving.weights = weights.clone()
    moving._free.copy_(weights)
    losses = problem.losses()
    moving.step(torch.stack(losses).float(), gradient_norms(losses, problem.W).float())
    expected = double_backward(problem, weights, gamma)
    assert (expected != 0).all()
    assert (weights - moving.weights).tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_the_gradient_holds_for_a_weight_that_turned_negative(monkeypatch):
    monkeypatch.setattr(torch.optim, "Adam", FirstStep)
    problem, weights = Problem(), torch.tensor([-0.7, 1.5, 2.2])  # only the literal reading gets there
    moving = make("gradnorm_literal", 3, 1.0)
    moving.weights = weights.clone()
    moving._free.copy_(weights)
    losses = problem.losses()
    moving.step(torch.stack(losses).float(), gradient_norms(losses, problem.W).float())
    expected = double_backward(problem, weights, 1.0)
    assert (weights - moving.weights).tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_the_softmax_gradient_is_that_of_autograd(monkeypatch):
    monkeypatch.setattr(torch.optim, "Adam", FirstStep)
    problem, start = Problem(), torch.tensor([0.3, -0.5, 0.1])
    moving = make("gradnorm_softmax", 3, 2.0)
    moving._free.copy_(start)
    moving.weights = 3 * torch.softmax(start, 0)
    losses = problem.losses()
    norms = gradient_norms(losses, problem.W).float()
    seen = moving.step(torch.stack(losses).float(), norms)
    s = start.clone().requires_grad_()
    (3 * torch.softmax(s, 0) * norms - seen.targets).abs().sum().backward()
    assert (start - moving._free).tolist() == pytest.approx(s.grad.tolist(), rel=1e-4, abs=1e-6)


def test_gradient_norms_by_hand():
    W = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    losses = [3 * W[0, 0] + 4 * W[1, 1], (W**2).sum() / 2]
    assert gradient_norms(losses, W).tolist() == pytest.approx([5.0, math.sqrt(30)])
    assert W.grad is None
    sum(losses).backward()  # the graph is still there
    assert W.grad.tolist() == [[4.0, 2.0], [3.0, 8.0]]


# Worked by hand: p = 3, w = 1. Norms 6, 2, 1: their mean, the target of all at gamma = 0, is 3, so domain 0 is too
# large and loses, 1 and 2 gain. Losses 1, 2, 3: r = 1/2, 1, 3/2. With equal norms 2 the targets at gamma = 2 are
# 1/2, 2, 9/2: domain 0 learns fast and loses, 1 stays, 2 learns slowly and gains. At gamma = 2 the norms 6, 2, 1 have
# the targets 3/4, 3, 27/4.
@pytest.mark.parametrize(
    ("gamma", "losses", "norms", "targets", "moves"),
    [
        (0.0, [1.0, 2.0, 3.0], [6.0, 2.0, 1.0], [3.0, 3.0, 3.0], [-1, +1, +1]),
        (2.0, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [0.5, 2.0, 4.5], [-1, 0, +1]),
        (2.0, [1.0, 2.0, 3.0], [6.0, 2.0, 1.0], [0.75, 3.0, 6.75], [-1, +1, +1]),
        (1.0, [2.0, 2.0, 2.0], [1.0, 1.0, 4.0], [2.0, 2.0, 2.0], [+1, +1, -1]),
    ],
)
def test_every_weights_move_by_hand(gamma, losses, norms, targets, moves):
    moving = make("gradnorm_literal", 3, gamma)
    seen = moving.step(torch.tensor(losses), torch.tensor(norms))
    assert seen.targets.tolist() == pytest.approx(targets)
    assert seen.norms.tolist() == norms and seen.weights.tolist() == [1, 1, 1]
    assert moving.weights.tolist() == pytest.approx([1 + RATE * move for move in moves], abs=1e-6)  # Adam's first step
    for name in NORMALISED:  # the sum is kept, so compare two domains at a time
        moving = make(name, 3, gamma)
        moving.step(torch.tensor(losses), torch.tensor(norms))
        w = moving.weights
        assert all(w[a] < w[b] for a in range(3) for b in range(3) if moves[a] < moves[b]), name


def test_rates_by_hand():
    moving = make("static", 3, 1.0)
    assert moving.step(torch.tensor([1.0, 2.0, 3.0]), torch.ones(3)).rates.tolist() == pytest.approx([0.5, 1, 1.5])
    moving.initial = torch.tensor([1.0, 1.0, 3.0])  # R13, an L_k(0) of its own for every domain
    assert moving.rates().tolist() == pytest.approx([0.75, 1.5, 0.75])


vectors = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6)


@settings(deadline=None, max_examples=60)
@given(vectors, vectors, st.sampled_from([0.0, 0.5, 1.0, 2.5]), st.sampled_from(NORMALISED))
def test_weights_sum_to_p_and_stay_positive(losses, norms, gamma, name):
    p = min(len(losses), len(norms))
    moving = make(name, p, gamma)
    for _ in range(60):
        moving.step(torch.tensor(losses[:p]), torch.tensor(norms[:p]))
        assert moving.weights.sum().item() == pytest.approx(p, rel=1e-5)
        assert (moving.weights > 0).all()


def test_no_weight_falls_below_the_floor():
    moving = make("gradnorm", 3, 0.0)
    for _ in range(300):
        moving.step(torch.ones(3), torch.tensor([1e4, 1.0, 1.0]))
        assert moving.weights.min() > 0.9 * FLOOR  # renormalising takes a little off the floor
    assert moving.weights[0] < 0.05


def test_the_literal_reading_keeps_no_sum():
    moving = make("gradnorm_literal", 3, 2.0)
    for _ in range(10):
        moving.step(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([6.0, 2.0, 1.0]))
    assert abs(moving.weights.sum().item() - 3) > 0.1


def test_static_never_moves():
    still = make("static", 3, 2.0)
    for scale in range(1, 20):
        seen = still.step(torch.tensor([1.0, 2.0, 3.0]) * scale, torch.tensor([9.0, 1.0, 0.1]))
        assert seen.weights.tolist() == still.weights.tolist() == [1, 1, 1]


def test_the_closed_form_meets_every_target_at_once():
    for gamma in (0.0, 1.0):  # at other gammas the targets' mean is not the norms' mean
        closed, losses, norms = (
            make("gradnorm_closed", 3, gamma),
            torch.tensor([1.0, 2.0, 3.0]),
            torch.tensor([6.0, 2.0, 1.0]),
        )
        closed.step(losses, norms)
        seen = closed.step(losses, norms)
        assert seen.norms.tolist() == pytest.approx(seen.targets.tolist(), rel=1e-5)
    closed = make("gradnorm_closed", 3, 2.0)
    closed.step(losses, norms)
    assert (closed.weights / closed.weights[0]).tolist() == pytest.approx([1, (1 / 2) / (0.25 / 6), 2.25 / (0.25 / 6)])


def test_a_norm_of_zero_leaves_the_closed_form_finite():
    closed = make("gradnorm_closed", 3, 1.0)
    closed.step(torch.ones(3), torch.tensor([0.0, 1.0, 1.0]))
    assert closed.weights.isfinite().all() and closed.weights.sum().item() == pytest.approx(3)


@pytest.mark.parametrize("name", MOVING)
def test_at_gamma_0_gradient_norms_become_equal(name):
    """Three targets in the plane pull at x by scales 1, 3 and 9. With equal norms their pulls cancel at angles of
    120 degrees: x comes to rest at the Fermat point of the triangle, whatever the scales. Unbalanced it does not."""
    corners = torch.tensor([[0.0, 0.0], [4.0, 0.0], [1.0, 3.0]], dtype=torch.float64)
    scales = torch.tensor([1.0, 3.0, 9.0], dtype=torch.float64)

    def settle(name):
        x, moving, spread, path = (
            torch.tensor([2.0, 2.0], dtype=torch.float64, requires_grad=True),
            make(name, 3, 0.0),
            [],
            [],
        )
        for _ in range(900):
            losses = [scale / 2 * (x - corner).square().sum() for scale, corner in zip(scales, corners)]
            norms = gradient_norms(losses, x)
            (pull,) = torch.autograd.grad(sum(w * loss for w, loss in zip(moving.weights.double(), losses)), x)
            with torch.no_grad():
                x -= 0.02 * pull
            G = moving.step(torch.stack(losses).detach().float(), norms.float()).norms
            spread.append((G.max() / G.min()).item())
            path.append(x.detach().clone())
        return torch.stack(path[-300:]).mean(0), sum(spread[-300:]) / 300

    def angles(x):
        arms = torch.nn.functional.normalize(corners - x, dim=1)
        return [math.degrees(math.acos(float(arms[a] @ arms[b]))) for a, b in ((0, 1), (1, 2), (2, 0))]

    place, spread = settle(name)
    assert angles(place) == pytest.approx([120] * 3, abs=4)
    assert spread < 1.3
    assert max(angles(settle("static")[0])) > 140


@pytest.mark.parametrize("name", list(BALANCERS))
def test_nothing_of_l_grad_reaches_the_network(name):
    problem, moving = Problem(), make(name, 3, 2.0)
    for _ in range(3):
        losses = problem.losses()
        (problem.A.grad, problem.W.grad) = (None, None)
        sum(losses).backward(retain_graph=True)
        before = [parameter.grad.clone() for parameter in (problem.A, problem.W)]
        values = [parameter.detach().clone() for parameter in (problem.A, problem.W)]
        norms = torch.stack([torch.autograd.grad(loss, problem.W, create_graph=True)[0].norm() for loss in losses])
        seen = moving.step(torch.stack(losses).float(), norms.float())  # both carry a graph
        for parameter, grad, value in zip((problem.A, problem.W), before, values):
            assert torch.equal(parameter.grad, grad) and torch.equal(parameter, value)
        for found in (moving.weights, seen.weights, seen.norms, seen.targets, seen.rates):
            assert not found.requires_grad


@pytest.mark.parametrize("name", list(BALANCERS))
def test_an_absent_domain_keeps_what_it_last_had(name):
    losses, norms, gap = (
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([5.0, 2.0, 1.0]),
        torch.tensor([math.nan, 0.0, 0.0]),
    )
    with_gap, without = make(name, 3, 1.5), make(name, 3, 1.5)
    for moving in (with_gap, without):
        moving.step(losses, norms)
    changed = torch.tensor([1.0, 4.0, 0.5])
    with_gap.step(changed + gap, norms + gap)
    without.step(changed, norms)
    assert torch.equal(with_gap.weights, without.weights)


@pytest.mark.parametrize("name", PAPERS)
def test_nothing_moves_before_every_domain_was_seen(name):
    moving, nan = make(name, 3, 1.0), math.nan
    moving.step(torch.tensor([1.0, nan, 3.0]), torch.tensor([5.0, nan, 1.0]))
    assert moving.weights.tolist() == [1, 1, 1]
    moving.step(torch.tensor([nan, 2.0, nan]), torch.tensor([nan, 2.0, nan]))
    assert (moving.weights.tolist() == [1, 1, 1]) == (name == "static")


@pytest.mark.parametrize("name", PAPERS)
def test_a_common_initial_loss_cancels(name):
    def path(initial):
        moving, generator = make(name, 3, 2.0), torch.Generator().manual_seed(0)
        moving.initial = initial
        return torch.stack(
            [(moving.step(*torch.rand(2, 3, generator=generator) + 0.1), moving.weights)[1] for _ in range(50)]
        )

    usual = path(None)  # log p (R13)
    for constant in (1.0, math.log(2), 100.0):
        assert torch.allclose(path(torch.full((3,), constant)), usual, atol=1e-5)
    if name != "static":
        assert not torch.allclose(path(torch.tensor([1.0, 2.0, 4.0])), usual, atol=1e-2)


@pytest.mark.parametrize("name", PAPERS)
def test_a_single_domain_stays_at_1(name):
    alone = make(name, 1, 2.0)
    for loss, norm in ((0.7, 3.0), (0.5, 0.01), (0.1, 100.0)):
        seen = alone.step(torch.tensor([loss]), torch.tensor([norm]))
        assert seen.rates.tolist() == [1] and seen.targets.tolist() == seen.norms.tolist()
        assert alone.weights.tolist() == [1]


def test_an_unknown_balancer_is_refused():
    with pytest.raises(UserError, match="Unknown balancer 'gradnorn'. Known: gradnorm, "):
        make("gradnorn", 3, 2.0)
    assert isinstance(make("static", 3, 2.0), Balancer)
