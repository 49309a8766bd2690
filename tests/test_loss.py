"""Eqs. 1 and 2 against literal loops, and their gradients."""

import math

import pytest
import torch

from adc.loss import agreement, bpr, scores


@pytest.fixture
def triples():
    """z [4, 5], v [7, 5], and of six triples the row, the positive and three negatives each."""
    torch.manual_seed(0)
    z, v = (torch.randn(size, 5, dtype=torch.float64, requires_grad=True) for size in (4, 7))
    return z, v, torch.tensor([0, 0, 1, 3, 3, 3]), torch.tensor([0, 6, 2, 2, 1, 0]), torch.randint(7, (6, 3))


def eq1(z, v, row, positive, negative):
    """Eq. 1 as printed, a term a triple."""
    terms = []
    for t in range(len(row)):
        for j in negative[t]:
            x = sum((z[row[t], i] * (v[positive[t], i] - v[j, i])).item() for i in range(z.shape[1]))
            terms.append(-math.log(1 / (1 + math.exp(-x))))
    return terms


def test_bpr_is_eq_1(triples):
    terms = eq1(*triples)
    assert len(terms) == 18
    assert bpr(*scores(*triples), "sum").item() == pytest.approx(sum(terms), rel=1e-12)
    assert bpr(*scores(*triples), "mean").item() == pytest.approx(sum(terms) / 18, rel=1e-12)
    assert bpr(*scores(*triples)).item() == bpr(*scores(*triples), "mean").item()  # R14


def test_bpr_at_chance_is_log_2():
    assert bpr(torch.zeros(5), torch.zeros(5, 2)).item() == pytest.approx(math.log(2))


def test_bpr_stays_finite_however_wrong_the_order():
    assert bpr(torch.tensor([-1e4]), torch.tensor([[1e4]])).item() == pytest.approx(2e4)
    assert bpr(torch.tensor([1e4]), torch.tensor([[-1e4]])).item() == 0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_of_bpr(triples, reduction):
    z, v, *rest = triples
    assert torch.autograd.gradcheck(lambda z, v: bpr(*scores(z, v, *rest), reduction), (z, v))


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
