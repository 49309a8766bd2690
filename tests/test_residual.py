"""ADC on top of BPR: it starts as BPR, and moves as autograd says. Synthetic ratings only."""

import numpy as np
import pytest
import torch
from small import random_ratings, random_split

from adc.early_stopping import factor_score, train_epochs
from adc.errors import UserError
from adc.losses import agreement, bpr
from adc.sampling import user_batches
from companion import data, registry

QUICK = {"dim": 6, "epochs": 2, "patience": 2, "negatives": 3}
BELOW = {"batch_users": 16, "learning_rate": 0.01}
SIZES = QUICK | {"batch_users": 16, "hidden_layers": 2, "device": "cpu"}
SIZES |= {f"bpr_{name}": value for name, value in BELOW.items()}


def learner(**settings):
    return registry.learner(registry.configure("adc_residual", **SIZES | settings), random_split())


@pytest.mark.parametrize("step", ["fast", "plain"])
def test_it_starts_as_bpr_and_who_is_new_in_a_domain_as_the_mean_of_those_who_are_not(step):
    model, split, absent = learner(step=step), random_split(), 0
    config = registry.configure("bpr", **QUICK | BELOW)
    below = train_epochs(registry.learner(config, split), split, 2, 2, show=False)
    for k, arrays in enumerate(below.arrays):
        member, users = model.member[:, k].numpy(), model.users
        here = member[users]
        scores, of_bpr = model.score(k)(users).numpy(), arrays["user"][users] @ arrays["item"].T
        assert np.allclose(scores[here], of_bpr[here], atol=1e-5)
        assert np.allclose(scores[~here], arrays["user"][member].mean(0) @ arrays["item"].T, atol=1e-5)
        absent += (~here).sum()
    assert absent


@pytest.mark.parametrize("step", ["fast", "plain"])
def test_one_step_is_the_gradient_descent_of_autograd(step):
    rates = {"optimizer": "sgd", "learning_rate": 0.3, "embedding_lr": 0.5, "embedding_l2": 0.0}
    trainer = learner(balancer="static", agreement_weight=0.7, step=step, **rates)
    model = trainer.model
    with torch.no_grad():
        model.W.weight.add_(torch.randn(model.W.weight.shape) * 0.1)  # so that the network matters
    users, batch = next(user_batches(trainer.triples, trainer.users, 12, np.random.default_rng(0)))
    z, total = model(torch.from_numpy(users)), 0.0
    for k, (row, *pair) in enumerate(batch):
        better, worse = (model.items(k)[torch.from_numpy(item)] for item in pair)
        x = (z[row, k] * better).sum(-1), (z[row, k][:, None] * worse).sum(-1)
        total = total + bpr(*x) + 0.7 * agreement(z[np.unique(row)], k)
    tables = [(model.user, 0.5), (model.item, 0.5), (model.W.weight, 0.3), (model.A[0].weight, 0.3)]
    gradients = torch.autograd.grad(total, [table for table, _ in tables])
    expected = [table - rate * gradient for (table, rate), gradient in zip(tables, gradients)]
    losses, state = trainer.step(users, batch)
    assert losses[0].sum().item() == pytest.approx(total.item(), rel=1e-5) and state.norms.isfinite().all()
    for (table, _), moved in zip(tables, expected):
        assert torch.allclose(table, moved, atol=1e-5)


def test_its_runs_bear_its_own_name_and_score_again_from_what_is_stored(monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    config = registry.configure("adc_residual", "residual", **SIZES)
    run = registry.train(config, show=False)
    assert run.folder.name.startswith("adc_residual-") and registry.train(config).folder == run.folder
    model, users = learner(), np.arange(7)
    again = factor_score(model.split, 1, model.arrays(1)())(users)
    assert torch.allclose(again, model.score(1)(users), atol=1e-5)


def test_it_is_the_formula_and_all_of_it_is_trained():
    trainer = learner(learning_rate=1e-2)
    model, users = trainer.model, torch.from_numpy(trainer.users)
    width = model.A[-1].out_features
    W, W0 = model.W.weight[:, :width], model.W.weight[:, width:]
    assert torch.equal(W0, torch.eye(len(W0))) and not W.any() and not model.W.bias.any()
    trainer.epoch()
    u, A = model.hidden(users)[0][:, width:], model.trunk(model.concatenate(users))
    z = u @ W0.T + A @ W.T + model.W.bias  # z = W0·u + W·A_h(u_con) + b
    assert torch.allclose(model(users).flatten(1), z, atol=1e-5)
    across = W0[: model.d, model.d : 2 * model.d]  # from the second domain to the first
    assert across.abs().min() > 0 and W.any() and model.W.bias.all()


def test_its_start_is_bprs_whatever_is_said():
    config = registry.configure("adc_residual", init="als", pretraining="identity")
    assert (config["init"], config["pretraining"], config["init_noise"]) == ("random", "none", 0.0)


def test_bpr_that_diverges_at_once_is_named():
    with pytest.raises(UserError, match=r"diverged in its first epoch .*bpr_learning_rate below 1e\+38"):
        learner(bpr_learning_rate=1e38)
