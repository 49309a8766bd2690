"""The network of Fig. 1: its input (R6), its sizes (R7, R8), and what pretraining hands on (R10)."""

import numpy as np
import pytest
import torch

from adc.model import ADC

ROWS = np.array([[0, 2, 4], [1, -1, -1], [-1, 3, 5], [-1, -1, -1]])  # 4 users, 3 domains, 6 vectors
D = 4


def build(hidden_layers=2, width=0, current=True, seed=0):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    start = lambda size: rng.normal(size=(size, D)).astype(np.float32)
    return ADC(ROWS, start(6), [start(m) for m in (7, 8, 9)], hidden_layers, width, current)


@pytest.mark.parametrize("current", [True, False])
def test_the_input_is_the_vectors_of_the_users_domains_and_their_mean_elsewhere(current):
    model = build(current=current)
    v = model.user.detach()
    found = model.concatenate(torch.arange(4)).unflatten(1, (3, D))
    expected = [[v[0], v[2], v[4]], [v[1]] * 3, [(v[3] + v[5]) / 2, v[3], v[5]], [torch.zeros(D)] * 3]
    assert torch.allclose(found, torch.stack([torch.stack(row) for row in expected]))


@pytest.mark.parametrize("users", [[0, 1, 2, 3], [1, 1], [2, 0], [3], [1, 3, 2, 1]], ids=str)  # 1 has one vector
@pytest.mark.parametrize("current", [True, False])
def test_what_repeats_need_not_be_written_out(users, current):
    """`hidden` against `trunk` of `concatenate`: values, and gradients of a function of both results."""
    users, found = torch.tensor(users), []
    for spared in (True, False):
        model = build(current=current).double()
        if spared:
            hidden, square = model.hidden(users)
        else:
            inputs = model.concatenate(users)
            hidden, square = model.trunk(inputs), inputs.square().sum()
        ((hidden**2).sum() + 3 * square).backward()
        found.append([hidden, square, *(each.grad for each in (model.user, *model.A.parameters()) if each.grad is not None)])
    assert all(torch.allclose(one, other) for one, other in zip(*found, strict=True))


def test_the_mean_follows_the_vectors_or_stays_as_it_was_at_the_start():
    for current in (True, False):
        model = build(current=current)
        before = model.concatenate(torch.tensor([2])).detach().unflatten(1, (3, D))[0]
        with torch.no_grad():
            model.user[3] += 2.0
        after = model.concatenate(torch.tensor([2])).detach().unflatten(1, (3, D))[0]
        assert torch.allclose(after[1], before[1] + 2)
        assert torch.allclose(after[0], before[0] + (1 if current else 0))


def test_gradient_flows_through_the_mean_only_where_it_is_recomputed():
    for current, expected in ((True, 0.5), (False, 0.0)):
        model = build(current=current)
        model.concatenate(torch.tensor([2])).unflatten(1, (3, D))[:, 0].sum().backward()  # what stands for domain 0
        grad = torch.zeros(6, D) if model.user.grad is None else model.user.grad
        assert torch.allclose(grad[[3, 5]], torch.full((2, D), expected))
        assert (grad[[0, 1, 2, 4]] == 0).all()


def test_only_vectors_of_the_users_given_are_touched():
    model = build()
    model(torch.tensor([1, 2])).sum().backward()
    assert model.user.grad.abs().sum(1).nonzero()[:, 0].tolist() == [1, 3, 5] == sorted(model.looked_up(torch.tensor([1, 2])))


@pytest.mark.parametrize("hidden_layers", [1, 2, 3, 4])
@pytest.mark.parametrize(("width", "wide"), [(0, 12), (8, 8), (20, 20)])
def test_sizes(hidden_layers, width, wide):
    model = build(hidden_layers, width)
    shapes = [tuple(layer.weight.shape) for layer in model.A]
    assert shapes == [(wide, 12)] + [(wide, wide)] * (hidden_layers - 1)
    assert tuple(model.W.weight.shape) == (12, wide)
    z = model(torch.tensor([3, 0]))
    assert z.shape == (2, 3, D) and z.isfinite().all()


def test_layers_are_relu_and_z_is_linear():
    model = build(2)
    u = model.concatenate(torch.arange(4)).detach().numpy()
    for layer in model.A:
        u = np.maximum(u @ layer.weight.detach().numpy().T + layer.bias.detach().numpy(), 0)
    z = u @ model.W.weight.detach().numpy().T + model.W.bias.detach().numpy()
    assert model(torch.arange(4)).detach().numpy() == pytest.approx(z.reshape(4, 3, D), abs=1e-5)
    assert (z < 0).any()


def test_the_starting_vectors_are_copied():
    start = np.ones((6, D), dtype=np.float32)
    model = ADC(ROWS, start, [start] * 3, 1)
    with torch.no_grad():
        model.user.zero_()
    assert (start == 1).all() and (model.items(0) == 1).all()


@pytest.mark.parametrize("hidden_layers", [2, 4])
@pytest.mark.parametrize("width", [0, 8])
def test_a_deepened_network_computes_almost_what_the_shallow_one_did(hidden_layers, width):
    shallow, users = build(1, width, seed=1), torch.arange(3)
    z = shallow(users).detach()

    def distance(**options):
        deep = build(hidden_layers, width, seed=2)
        before = ((deep(users) - z).norm() / z.norm()).item()
        deep.deepen(shallow, **options)
        return before, ((deep(users) - z).norm() / z.norm()).item()

    before, after = distance()
    assert before > 0.5 and 0 < after < 0.1
    _, random = distance(identity=False)
    assert random > 0.5


def test_a_deepened_network_takes_over_everything_trained_and_shares_nothing():
    shallow, deep = build(1, seed=1), build(3, seed=2)
    deep.deepen(shallow)
    pairs = [(deep.user, shallow.user), (deep.A[0].weight, shallow.A[0].weight), (deep.W.weight, shallow.W.weight), (deep.item, shallow.item)]
    for mine, theirs in pairs:
        assert torch.equal(mine, theirs)
        assert mine.data_ptr() != theirs.data_ptr()
