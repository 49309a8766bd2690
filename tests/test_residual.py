"""ADC on top of BPR: it starts as BPR, and moves as autograd says. Synthetic ratings only."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small import random_parts, random_ratings

from adc import baselines, data, fit, residual
from adc.errors import UserError
from adc.loss import agreement, bpr
from adc.sample import epoch

QUICK = dict(dim=6, epochs=2, patience=2, batch_users=16, negatives=3, hidden_layers=2, device="cpu")
BPR = {"learning_rate": 0.01, "batch_users": 16}


def made(**settings):
    return residual.learner(residual.configuration(bpr=BPR, **QUICK | settings), random_parts())


def test_it_starts_as_bpr_and_who_is_new_in_a_domain_as_the_mean_of_those_who_are_not():
    learner, parts = made(), random_parts()
    config = residual.configuration(bpr=BPR, **QUICK)["bpr"]
    keeper, _, _ = fit.learn(baselines.learner(config, parts), parts, config, show=False)
    absent = 0
    for k, kept in enumerate(keeper.kept):
        users = learner.users
        here = learner._member[users, k].numpy()
        scores, of_bpr = learner.score(k)(users).numpy(), kept["user"][users] @ kept["item"].T
        assert np.allclose(scores[here], of_bpr[here], atol=1e-5)
        mean = kept["user"][learner._member[:, k].numpy()].mean(0) @ kept["item"].T
        assert np.allclose(scores[~here], mean, atol=1e-5)
        absent += (~here).sum()
    assert absent


def test_one_step_is_the_gradient_descent_of_autograd():
    learner = made(optimizer="sgd", learning_rate=0.3, vector_rate=0.5, balancer="static", penalty=0.0, agreement=0.7)
    with torch.no_grad():
        learner.model.W.weight.add_(torch.randn(learner.model.W.weight.shape) * 0.1)  # so that the network matters
    users, batch = next(epoch(learner.triples, learner.users, 12, np.random.default_rng(0)))
    model, z = learner.model, learner.model(torch.from_numpy(users))
    total = 0.0
    for k, (row, *pair) in enumerate(batch):
        better, worse = (model.item[torch.from_numpy(item + model.first[k])] for item in pair)
        x = (z[row, k] * better).sum(-1), (z[row, k][:, None] * worse).sum(-1)
        total = total + bpr(*x) + 0.7 * agreement(z[np.unique(row)], k)
    tables = {"user": (model.user, 0.5), "item": (model.item, 0.5), "W": (model.W.weight, 0.3), "A": (model.A[0].weight, 0.3)}
    gradients = torch.autograd.grad(total, [table for table, _ in tables.values()])
    wanted = {name: table - rate * g for (name, (table, rate)), g in zip(tables.items(), gradients)}
    losses, norms = learner.step(users, batch)
    assert losses.sum().item() == pytest.approx(total.item(), rel=1e-5) and norms.isfinite().all()
    for name, (table, _) in tables.items():
        assert torch.allclose(table, wanted[name], atol=1e-5), name


def test_its_runs_bear_its_own_name_and_score_again_from_what_is_stored(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    run = residual.run(residual.configuration(bpr=BPR, **QUICK), show=False)
    assert run.folder.name.startswith("adc_residual-") and residual.run(run.config).folder == run.folder
    learner = made()
    again = fit.factor_score(learner.parts, 1, learner.arrays(1)())(np.arange(7))
    assert torch.allclose(again, learner.score(1)(np.arange(7)), atol=1e-5)


def test_it_is_the_formula_that_is_told_and_all_of_it_is_trained():
    learner = made(learning_rate=1e-2)
    model, width, users = learner.model, learner.model.A[-1].out_features, torch.from_numpy(learner.users)

    def told():  # z = W0·u + W·A_h(u_con) + b
        hidden = model.hidden(users)[0]
        u, A = hidden[:, width:], model.trunk(model.concatenate(users))
        return u @ model.W.weight[:, width:].T + A @ model.W.weight[:, :width].T + model.W.bias

    W0 = model.W.weight[:, width:]
    assert torch.equal(W0, torch.eye(len(W0))) and not model.W.weight[:, :width].any() and not model.W.bias.any()
    learner.epoch()
    assert torch.allclose(model(users).flatten(1), told(), atol=1e-5)
    across = model.W.weight[: model.d, width + model.d : width + 2 * model.d]  # of W0, from the second domain to the first
    assert across.abs().min() > 0 and model.W.weight[:, :width].any() and model.W.bias.all()
    notebook = (Path(__file__).parents[1] / "notebooks" / "17_on_top.ipynb").read_text(encoding="utf-8")
    assert "z = W0·u + W·A_h(u_con) + b" in residual.__doc__ and "$$z = W_0\\\\,[u] + W\\\\,A_h(u_{con}) + b$$" in notebook


def test_bpr_that_diverges_at_once_is_told():
    config = residual.configuration(bpr=BPR | {"learning_rate": 1e38}, **QUICK)
    with pytest.raises(UserError, match=r"BPR, on which adc_residual stands, diverged in its first epoch on split 0 .* below 1e\+38"):
        residual.learner(config, random_parts())
