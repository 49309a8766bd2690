"""ADC on a GPU against ADC on the processor. Skipped without a GPU: then nothing of this has been tried."""

import numpy as np
import pytest
import torch
from small import random_split

from adc.balancers import BALANCERS
from adc.config import Config
from adc.train import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here")


def both(**settings) -> list[Trainer]:
    """The same trainer on the processor and on the GPU."""
    small = {"dim": 8, "hidden_layers": 2, "batch_users": 16, "pretraining_epochs": 1, "init": "random"}
    return [Trainer(Config(**small | settings, device=device), random_split()) for device in ("cpu", "cuda")]


def close(ours: Trainer, theirs: Trainer, tolerance: float) -> None:
    state, options = theirs.model.state_dict(), {"rtol": tolerance, "atol": tolerance}
    for name, tensor in ours.model.state_dict().items():
        torch.testing.assert_close(state[name].cpu(), tensor, **options, msg=name)


def test_both_start_alike():
    close(*both(pretraining="none"), 0)


@pytest.mark.parametrize("settings", [*({"balancer": name} for name in BALANCERS),
    {"agreement_on": "u"}, {"agreement_with": "own"}, {"norm_layer": "last_hidden"}, {"width": 4},
    {"missing_vector": "initial"}, {"optimizer": "sgd", "learning_rate": 0.02}, {"pretraining": "random"},
    {"initial_losses": "first_epoch"}, {"step": "plain"}, {"step": "plain", "balancer": "pcgrad"},
], ids=str)  # fmt: skip
def test_both_learn_alike(settings):
    on_cpu, on_gpu = both(**{"agreement_weight": 0.5, "learning_rate": 3e-4, "embedding_lr": 1e-3} | settings)
    for _ in range(2):
        for ours, theirs in zip(on_cpu.epoch(), on_gpu.epoch(), strict=True):
            assert theirs == pytest.approx(ours, rel=1e-3, abs=1e-4, nan_ok=True)
    close(on_cpu, on_gpu, 1e-3)
    for k in range(on_cpu.p):
        users = on_cpu.users[:20]
        torch.testing.assert_close(on_gpu.score(k)(users).cpu(), on_cpu.score(k)(users), rtol=1e-2, atol=1e-3)
        vectors = [trainer.arrays(k)()["user"] for trainer in (on_cpu, on_gpu)]
        np.testing.assert_allclose(vectors[1], vectors[0], rtol=1e-2, atol=1e-3)
