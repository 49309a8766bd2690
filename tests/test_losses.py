"""Eqs. 1 and 2 against literal loops."""

import math

import pytest
import torch
from small import random_tensor

from adc.losses import agreement, bpr


def test_bpr_is_eq_1_of_the_scores_a_term_a_triple():
    positive, negative = random_tensor(6), random_tensor(6, 3, seed=1)
    difference = (negative - positive[:, None]).flatten().tolist()
    terms = [-math.log(1 / (1 + math.exp(x))) for x in difference]
    assert len(terms) == 18
    assert bpr(positive, negative, "sum").item() == pytest.approx(sum(terms), rel=1e-12)
    assert bpr(positive, negative).item() == pytest.approx(sum(terms) / 18, rel=1e-12)  # R14


@pytest.mark.parametrize(("i", "j", "loss"), [(0, 0, math.log(2)), (-1e4, 1e4, 2e4), (1e4, -1e4, 0)])
def test_bpr_at_chance_is_log_2_and_finite_however_wrong_the_order(i, j, loss):
    assert bpr(torch.full((5,), float(i)), torch.full((5, 2), float(j))).item() == pytest.approx(loss)


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
    z = random_tensor(5, 3, 4)
    member = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    assert agreement(z, k).item() == pytest.approx(eq2(z, k), rel=1e-12)
    assert agreement(z, k, member).item() == pytest.approx(eq2(z, k, member), rel=1e-12)
    assert agreement(z, k, member).item() < agreement(z, k).item()
