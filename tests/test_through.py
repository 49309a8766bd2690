"""Norms and gradient at W, a product a domain or one for all, against the plain sums."""

import pytest
import torch

from adc.through import Term, apart, gradient_at_W, gradient_at_z, product_norm

WEIGHTS = [0.4, -1.1, 1.5]  # the literal balancer may leave one negative


@pytest.fixture
def batch():
    """Three domains' terms of 11 users, the hidden layer [11, 5] and W [6, 5]."""
    torch.manual_seed(0)
    users = [torch.tensor(some) for some in ([0, 2, 3, 9], [2], [1, 2, 4, 5, 6, 7, 8, 10])]
    terms = [Term(some, torch.randn(len(some), 3, 2, dtype=torch.float64)) for some in users]
    return terms, *(torch.randn(size, 5, dtype=torch.float64) for size in (11, 6))


@pytest.mark.parametrize("several", [True, False])
def test_norms_and_gradients(batch, several):
    terms, hidden, W = batch
    at_W = [term.at_z.flatten(1).T @ hidden[term.users] for term in terms]
    at_z = torch.zeros(11, 6, dtype=torch.float64)
    for term, weight in zip(terms, WEIGHTS):
        at_z[term.users] += weight * term.at_z.flatten(1)
    norms = [term.norm(hidden, several) for term in terms]
    assert [norm.item() for norm in norms] == pytest.approx([each.norm().item() for each in at_W])
    assert torch.allclose(gradient_at_z(terms, WEIGHTS, 11, W), at_z)
    assert torch.allclose(gradient_at_W(terms, WEIGHTS, at_z, hidden), sum(weight * each for weight, each in zip(WEIGHTS, at_W)))


def test_nothing_to_descend_by(batch):
    at_z = gradient_at_z([], [], 11, batch[2])
    assert at_z.shape == (11, 6) and not at_z.any() and not gradient_at_W([], [], at_z, batch[1]).any()


@pytest.mark.parametrize("rows", [3, 40])
def test_the_norm_of_a_product_with_few_rows_and_with_many(rows):
    torch.manual_seed(1)
    a, b = torch.randn(rows, 12, dtype=torch.float64), torch.randn(rows, 16, dtype=torch.float64)
    assert product_norm(a, b).item() == pytest.approx((a.T @ b).norm().item())


def test_products_come_apart_where_most_users_are_in_one_domain_and_the_batch_is_large():
    terms = lambda *sizes: [Term(torch.zeros(size), torch.empty(0)) for size in sizes]
    assert apart(terms(500, 350, 100, 100, 100, 100), 1024, (600, 600))
    assert not apart(terms(*[60] * 6), 64, (600, 600))
    assert not apart(terms(30, 20, 10, 5, 5, 5), 64, (600, 600))
