"""ADC on a GPU against ADC on the processor. Skipped without a GPU: then nothing of this has been tried."""

import numpy as np
import pytest
import torch
from small import random_parts

from adc import mf, train
from adc.balancers import BALANCERS
from adc.settings import Settings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here")


def both(**settings) -> list[train.Trainer]:
    """The same trainer on the processor and on the GPU."""
    parts, common = random_parts(), {"dim": 8, "hidden_layers": 2, "batch_users": 16, "pretraining_epochs": 1} | settings
    return [train.Trainer(Settings(**common, device=device), parts, mf.starts(parts, "random", 8)) for device in ("cpu", "cuda")]


def close(ours: train.Trainer, theirs: train.Trainer, tolerance: float) -> None:
    for name, tensor in ours.model.state_dict().items():
        torch.testing.assert_close(theirs.model.state_dict()[name].cpu(), tensor, rtol=tolerance, atol=tolerance, msg=name)


def test_both_start_alike():
    close(*both(pretraining="none"), 0)


@pytest.mark.parametrize("changes", [{"balancer": name} for name in BALANCERS] + [
    {"agreement_on": "u"}, {"agreement_with": "own"}, {"norm_layer": "last_hidden"}, {"missing": "start"},
    {"optimizer": "sgd", "learning_rate": 0.02}, {"initial_losses": "first_epoch"}, {"pretraining": "random"}, {"width": 4},
], ids=lambda changes: " ".join(map(str, changes.values())))  # fmt: skip
def test_both_learn_alike(changes):
    on_cpu, on_gpu = both(**{"agreement": 0.5} | changes)
    for _ in range(2):
        rows = [made.epoch() for made in (on_cpu, on_gpu)]
        for ours, theirs in zip(*rows, strict=True):
            assert theirs == pytest.approx(ours, rel=1e-3, abs=1e-4, nan_ok=True)
    close(on_cpu, on_gpu, 1e-3)
    for k in range(on_cpu.p):
        users = on_cpu.users[:20]
        torch.testing.assert_close(on_gpu.score(k)(users).cpu(), on_cpu.score(k)(users), rtol=1e-2, atol=1e-3)
        kept = [made.arrays(k)() for made in (on_cpu, on_gpu)]
        np.testing.assert_allclose(kept[1]["user"], kept[0]["user"], rtol=1e-2, atol=1e-3)
