"""The variant with an item bias: its scores, its start, and one step against plain autograd. Synthetic ratings only."""

import numpy as np
import pytest
import torch
from small import random_parts, random_ratings

from adc import bias, data, mf
from adc.evaluate import popularity
from adc.fit import factor_score
from adc.loss import bpr
from adc.sample import epoch

QUICK = dict(dim=6, epochs=2, batch_users=16, negatives=3, pretraining="none", hidden_layers=1, device="cpu", agreement=0.0, penalty=0.0)


def made(**settings):
    parts = random_parts()
    config = bias.configuration(**QUICK | settings)
    return bias.learner(config, parts, mf.starts(parts, config["start"], config["dim"]))


def test_without_vectors_it_starts_from_popularity():
    learner = made(start="random", start_noise=0.0)
    for k in range(3):
        popular = popularity(learner.parts, k)
        scores = learner.score(k)(np.arange(5))
        assert torch.allclose(scores[0] - scores[0].mean(), torch.from_numpy(np.log1p(popular) - np.log1p(popular).mean()), atol=1e-5)


def test_one_step_is_gradient_descent_on_scores_with_a_bias():
    learner = made(optimizer="sgd", learning_rate=0.0, vector_rate=0.5, balancer="static", start_noise=0.1)
    users, batch = next(epoch(learner.triples, learner.users, 12, np.random.default_rng(0)))
    model, table = learner.model, learner.model.item.detach().clone().requires_grad_()
    z = model(torch.from_numpy(users)).detach()
    total = 0.0
    for k, (row, positive, negative) in enumerate(batch):
        better, worse = (table[torch.from_numpy(item + model.first[k])] for item in (positive, negative))
        x = (z[row, k] * better[:, :-1]).sum(-1) + better[:, -1], (worse[:, :, :-1] * z[row, k][:, None]).sum(-1) + worse[:, :, -1]
        total = total + bpr(*x)
    total.backward()
    losses, norms = learner.step(users, batch)
    assert losses.sum().item() == pytest.approx(total.item(), rel=1e-5) and norms.isfinite().all()
    assert torch.allclose(model.item, table - 0.5 * table.grad, atol=1e-5)


def test_its_runs_bear_its_own_name_and_score_again_from_what_is_stored(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    run = bias.run(bias.configuration(**QUICK), show=False)
    assert run.folder.name.startswith("adc_bias-") and bias.run(run.config).folder == run.folder
    learner = made()
    arrays = learner.arrays(1)()
    again = factor_score(learner.parts, 1, arrays)(np.arange(7))
    assert torch.allclose(again, learner.score(1)(np.arange(7)), atol=1e-5)
