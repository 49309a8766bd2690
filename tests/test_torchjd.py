"""Balancers beside TorchJD's aggregators: where they must agree, and the table of docs/balancer.md."""

import re

import pytest
import torch
from conftest import ROOT

from adc.balancer import gradient_norms
from adc.balancers import make

aggregation = pytest.importorskip("torchjd.aggregation")


def weights(name: str, gradients: torch.Tensor) -> torch.Tensor:
    """What one of TorchJD's weightings gives the rows of gradients [p, d]: [p]."""
    return getattr(aggregation, f"{name}Weighting")()(gradients @ gradients.T)


def gradnorm(gradients: torch.Tensor) -> torch.Tensor:
    """The weights [p] that GradNorm ends with at γ = 0 for losses that are linear in one shared layer."""
    balancer = make("gradnorm", len(gradients), 0.0)
    layer = torch.ones(gradients.shape[1], requires_grad=True)
    for _ in range(400):
        losses = gradients @ layer
        balancer.step(losses.abs(), gradient_norms(losses, layer))
    return balancer.weights


@pytest.mark.parametrize("shapes", [[(8,)], [(4, 3), (5,), (2, 2, 2)], [(), (1,)]], ids=str)
@pytest.mark.parametrize("p", [1, 2, 3, 6])
def test_pcgrad_is_torchjds_in_the_same_order(p, shapes):
    """Of several tensors too, and where a domain is absent."""
    differences = 0
    for seed in range(10):
        torch.manual_seed(seed)
        balancer, gradients = make("pcgrad", p, 0.0), [torch.randn(p, *shape) for shape in shapes]
        for gradient in gradients:
            gradient[: seed % 3 == 0 and p > 2] = 0
        ours = torch.cat([tensor.flatten() for tensor in balancer.combine(gradients)])
        torch.manual_seed(seed + 1)  # where the balancer's own generator begins
        flat = torch.cat([gradient.reshape(p, -1) for gradient in gradients], 1)
        theirs = aggregation.PCGrad()(flat)
        assert torch.allclose(ours, theirs, atol=1e-5)
        differences += not torch.allclose(theirs, flat.sum(0), atol=1e-3)
    assert (differences > 0) == (p > 1)  # conflicts to solve


def test_of_two_losses_upgrad_is_half_of_pcgrad():
    for seed in range(10):
        gradients = torch.randn(2, 5, generator=torch.Generator().manual_seed(seed))
        (ours,) = make("pcgrad", 2, 0.0).combine([gradients])
        assert torch.allclose(ours / 2, aggregation.UPGrad()(gradients), atol=1e-3)


def test_of_orthogonal_gradients_gradnorms_weights_are_imtl_gs():
    gradients = torch.diag(torch.tensor([1.0, 2.0, 5.0]))
    assert torch.allclose(gradnorm(gradients), 3 * weights("IMTLG", gradients), atol=0.05)


def test_the_table_of_the_page_is_right():
    gradients = torch.tensor([[2.0, 0.0], [-1.0, 1.0]])
    result = {"GradNorm": gradnorm(gradients)}
    for row, name in (("PCGrad", "PCGrad"), ("UPGrad", "UPGrad"), ("IMTL-G", "IMTLG"), ("MGDA", "MGDA")):
        result[row] = weights(name, gradients)
    page = (ROOT / "docs/balancer.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*) \| (\d\.\d+) \| (\d\.\d+) \|$", page, re.M)
    assert len(rows) == 4
    for name, value in result.items():
        (printed,) = [numbers for names, *numbers in rows if name in names]
        expected = (2 * value / value.sum()).tolist()
        assert [float(number) for number in printed] == pytest.approx(expected, abs=0.01)
