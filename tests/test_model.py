"""The network of Fig. 1: its input (R6), its sizes (R7, R8), and what pretraining hands on (R10)."""

import numpy as np
import pytest
import torch

from adc.fast_step import hidden_layer
from adc.model import ADC

ROWS = np.array([[0, 2, 4], [1, -1, -1], [-1, 3, 5], [-1, -1, -1]])  # 4 users, 3 domains, 6 vectors
D = 4


def build(hidden_layers=2, width=0, missing_vector="current", seed=0):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    start = lambda size: rng.normal(size=(size, D)).astype(np.float32)
    return ADC(ROWS, start(6), [start(m) for m in (7, 8, 9)], hidden_layers, width, missing_vector)


@pytest.mark.parametrize("missing_vector", ["current", "initial"])
def test_the_input_is_the_vectors_of_a_users_domains_and_their_mean_elsewhere(missing_vector):
    model = build(missing_vector=missing_vector)
    v = model.user.detach()
    u_con = model.concatenate(torch.arange(4)).unflatten(1, (3, D))
    expected = [[v[0], v[2], v[4]], [v[1]] * 3, [(v[3] + v[5]) / 2, v[3], v[5]], [torch.zeros(D)] * 3]
    assert torch.allclose(u_con, torch.stack([torch.stack(row) for row in expected]))


@pytest.mark.parametrize(("missing_vector", "moves"), [("current", 1), ("initial", 0)])
def test_the_mean_follows_the_vectors_or_stays_as_it_was_at_the_start(missing_vector, moves):
    model = build(missing_vector=missing_vector)
    before = model.concatenate(torch.tensor([2])).unflatten(1, (3, D))[0]
    before[0].sum().backward()
    gradient = torch.zeros(6, D)
    gradient[[3, 5]] = moves / 2
    assert torch.equal(model.user.grad, gradient)
    with torch.no_grad():
        model.user[3] += 2.0
    after = model.concatenate(torch.tensor([2])).detach().unflatten(1, (3, D))[0]
    assert torch.allclose(after[1], before[1] + 2) and torch.allclose(after[0], before[0] + moves)


@pytest.mark.parametrize("users", [[0, 1, 2, 3], [1, 1], [2, 0], [3], [1, 3, 2, 1]], ids=str)  # 1 has one
@pytest.mark.parametrize("missing_vector", ["current", "initial"])
def test_the_hidden_layer_of_the_fast_step_is_the_models(users, missing_vector):
    """Values, and gradients of a function of both results: the last layer and |u_con|²."""
    users, results = torch.tensor(users), []
    for fast in (True, False):
        model = build(missing_vector=missing_vector).double()
        hidden, square = hidden_layer(model, users) if fast else model.hidden(users)
        square = square if fast else square.square().sum()
        ((hidden**2).sum() + 3 * square).backward()
        gradients = [parameter.grad for parameter in (model.user, *model.A.parameters())]
        results.append([hidden, square, *(gradient for gradient in gradients if gradient is not None)])
    assert all(torch.allclose(one, other) for one, other in zip(*results, strict=True))


def test_the_starting_vectors_are_copied_and_only_those_of_the_users_asked_for_are_touched():
    start = np.ones((6, D), dtype=np.float32)
    model = ADC(ROWS, start, [start] * 3, 1)
    model(torch.tensor([1, 2])).sum().backward()
    assert model.user.grad.abs().sum(1).nonzero()[:, 0].tolist() == [1, 3, 5]
    with torch.no_grad():
        model.user.zero_()
    assert (start == 1).all() and (model.items(0) == 1).all()


@pytest.mark.parametrize("hidden_layers", [2, 4])
@pytest.mark.parametrize("width", [0, 8])
def test_a_deepened_network_computes_almost_what_the_shallow_one_did(hidden_layers, width):
    shallow, users = build(1, width, seed=1), torch.arange(3)
    z = shallow(users).detach()
    distances = []
    for options in ({}, {"identity": False}):
        deep = build(hidden_layers, width, seed=2)
        distances.append(((deep(users) - z).norm() / z.norm()).item())
        deep.deepen(shallow, **options)
        distances.append(((deep(users) - z).norm() / z.norm()).item())
    before, identity, _, random = distances
    assert before > 0.5 and 0 < identity < 0.1 and random > 0.5


def test_a_deepened_network_takes_over_everything_trained_and_shares_nothing():
    shallow, deep = build(1, seed=1), build(3, seed=2)
    deep.deepen(shallow)
    trained = lambda model: (model.user, model.item, *model.A[0].parameters(), *model.W.parameters())
    for copy, original in zip(trained(deep), trained(shallow)):
        assert torch.equal(copy, original) and copy.data_ptr() != original.data_ptr()
