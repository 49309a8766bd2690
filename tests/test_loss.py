"""Eqs. 1 and 2 against literal loops, and their gradients."""

import math

import pytest
import torch

from adc.loss import agreement, bpr


@pytest.fixture
def triples():
    """Users [6, 4], positives [6, 4], three negatives each [6, 3, 4]."""
    torch.manual_seed(0)
    return tuple(torch.randn(*shape, 4, dtype=torch.float64, requires_grad=True) for shape in ((6,), (6,), (6, 3)))


def eq1(user, positive, negative):
    """Eq. 1 as printed, a term a triple."""
    user, positive, negative, terms = user.detach(), positive.detach(), negative.detach(), []
    for t in range(len(user)):
        for c in range(negative.shape[1]):
            x = sum(float(user[t, i] * (positive[t, i] - negative[t, c, i])) for i in range(user.shape[1]))
            terms.append(-math.log(1 / (1 + math.exp(-x))))
    return terms


def test_bpr_is_eq_1(triples):
    terms = eq1(*triples)
    assert len(terms) == 18
    assert bpr(*triples, "sum").item() == pytest.approx(sum(terms), rel=1e-12)
    assert bpr(*triples, "mean").item() == pytest.approx(sum(terms) / 18, rel=1e-12)
    assert bpr(*triples).item() == bpr(*triples, "mean").item()  # R14


def test_bpr_at_chance_is_log_2():
    assert bpr(torch.zeros(5, 3), torch.zeros(5, 3), torch.zeros(5, 2, 3)).item() == pytest.approx(math.log(2))


def test_bpr_stays_finite_however_wrong_the_order():
    user, positive, negative = torch.ones(1, 1), torch.full((1, 1), -1e4), torch.full((1, 1, 1), 1e4)
    assert bpr(user, positive, negative).item() == pytest.approx(2e4)
    assert bpr(user, -positive, -negative).item() == 0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_of_bpr(triples, reduction):
    assert torch.autograd.gradcheck(lambda *a: bpr(*a, reduction), triples)


def eq2(z, k, member=None):
    """The last term of Eq. 2, a square at a time, summed over q != k; the mean over users (R5)."""
    z, total = z.detach(), 0.0
    for u in range(len(z)):
        for q in range(z.shape[1]):
            if q != k and (member is None or member[u, q]):
                total += sum(float(z[u, q, i] - z[u, k, i]) ** 2 for i in range(z.shape[2]))
    return total / len(z)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_agreement_is_the_last_term_of_eq_2(k):
    torch.manual_seed(0)
    z = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    member = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    assert agreement(z, k).item() == pytest.approx(eq2(z, k), rel=1e-12)
    assert agreement(z, k, member).item() == pytest.approx(eq2(z, k, member), rel=1e-12)
    assert agreement(z, k, member).item() < agreement(z, k).item()
    assert torch.autograd.gradcheck(lambda z: agreement(z, k), z)
    assert torch.autograd.gradcheck(lambda z: agreement(z, k, member), z)


def test_vectors_that_agree_cost_nothing():
    z = torch.randn(4, 1, 3).repeat(1, 5, 1)
    assert agreement(z, 2).item() == 0
    assert agreement(torch.randn(4, 1, 3), 0).item() == 0  # one domain: there is no other
