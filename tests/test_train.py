"""The trainer: one step against plain autograd, and what it starts from. Synthetic ratings only."""

import copy

import numpy as np
import pytest
import torch
from small import random_parts

from adc import mf, train
from adc.balancers import BALANCERS
from adc.loss import agreement, bpr
from adc.optim import RowAdam
from adc.sample import epoch
from adc.settings import Settings
from adc.train import Trainer

QUICK = dict(dim=6, epochs=3, batch_users=16, negatives=3, pretraining_epochs=1, device="cpu")
WEIGHTS = torch.tensor([0.4, 1.1, 1.5])


def trainer(parts=None, **settings):
    parts = parts or random_parts()
    made = Settings(**QUICK | settings)
    return Trainer(made, parts, mf.starts(parts, made.start, made.dim))


def first_batch(made):
    """Twelve users with all their triples of the three domains; not everyone is in every domain."""
    users, batch = next(epoch(made.triples, made.users, 12, np.random.default_rng(0)))
    assert all(0 < len(np.unique(row)) < len(users) for row, _, _ in batch)
    return users, batch


def plain(made, users, batch):
    """L_k [p] of Eq. 2 and the L2 penalty, by one ordinary graph through everything."""
    model, s = made.model, made.s
    inputs = model.concatenate(torch.from_numpy(users))
    z, losses = model.decouple(model.trunk(inputs)), []
    penalty = s.penalty * inputs.square().sum() / len(users)
    for k, (row, positive, negative) in enumerate(batch):
        some = np.unique(row)
        better, worse = (model.item[torch.from_numpy(item + model.first[k])] for item in (positive, negative))
        vectors = z if s.agreement_on == "z" else inputs.unflatten(1, (made.p, -1))
        others = torch.from_numpy(train.membership(made.parts)[users[some]]) if s.agreement_with == "own" else None
        x = (z[row, k] * better).sum(-1), (worse @ z[row, k, :, None])[..., 0]  # [T], [T, c]
        losses.append(bpr(*x, s.reduction) + s.agreement * agreement(vectors[some], k, others))
        penalty = penalty + s.penalty * (better.square().sum() + worse.square().sum()) / len(row)
    return losses, penalty


CASES = [
    {"agreement": 0.0},
    {"agreement": 0.7},
    {"agreement": 0.7, "agreement_on": "u"},
    {"agreement": 0.7, "agreement_with": "own"},
    {"agreement": 0.7, "agreement_on": "u", "agreement_with": "own"},
    {"agreement": 0.7, "reduction": "sum", "hidden_layers": 1},
    {"agreement": 0.7, "penalty": 0.3, "missing": "start"},
]


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_one_step_is_gradient_descent_on_the_weighted_sum_of_losses(settings):
    made = trainer(pretraining="none", optimizer="sgd", learning_rate=0.1, vector_rate=0.2, **settings)
    made.model.double()
    made.balancer.weights = WEIGHTS.clone()
    users, batch = first_batch(made)
    other = copy.copy(made)
    other.model = copy.deepcopy(made.model)
    losses, penalty = plain(other, users, batch)
    norms = [torch.autograd.grad(loss, other.model.W.weight, retain_graph=True)[0].norm() for loss in losses]
    (sum(w * loss for w, loss in zip(WEIGHTS.double(), losses)) + penalty).backward()

    seen_losses, seen_norms = made.step(users, batch)

    assert seen_losses.tolist() == pytest.approx([loss.item() for loss in losses], rel=1e-5)
    assert seen_norms.tolist() == pytest.approx([norm.item() for norm in norms], rel=1e-5)
    for (name, mine), theirs in zip(made.model.named_parameters(), other.model.parameters(), strict=True):
        grad = theirs.grad
        assert grad.abs().max() > 0, name
        rate = 0.2 if name.startswith(("user", "item")) else 0.1
        assert torch.allclose(mine, theirs - rate * grad, rtol=1e-6, atol=1e-12), name


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("norm_layer", ["W", "last_hidden"])
def test_fifty_steps_are_those_of_plain_autograd(monkeypatch, several, norm_layer):
    """Network, vectors and w_k, by Adam and GradNorm; `several`: how the norms at W are had."""
    monkeypatch.setattr(train, "apart", lambda *_: several)
    made, other = (trainer(pretraining="none", agreement=0.7, norm_layer=norm_layer, learning_rate=1e-3) for _ in range(2))
    for each in (made, other):
        each.model.double()
    tables = ("user", "item")
    for name in tables:
        setattr(made, f"{name}_optimizer", RowAdam(getattr(made.model, name), made.s.vector_rate))
    model, rate = other.model, made.s.vector_rate
    by_row = torch.optim.SparseAdam([getattr(model, name) for name in tables], lr=rate)
    network = torch.optim.AdamW([*model.A.parameters(), *model.W.parameters()], lr=1e-3, weight_decay=0)
    layer, rng = model.W.weight if norm_layer == "W" else model.A[-1].weight, np.random.default_rng(5)
    steps = (step for _ in range(50) for step in epoch(made.triples, made.users, 20, rng))
    for (users, batch), _ in zip(steps, range(50)):
        losses, penalty = plain(other, users, batch)
        norms = torch.stack([torch.autograd.grad(loss, layer, retain_graph=True)[0].norm() for loss in losses])
        model.zero_grad()
        (sum(w * loss for w, loss in zip(other.balancer.weights.double(), losses)) + penalty).backward()
        touched = [model.looked_up(torch.from_numpy(users)), torch.from_numpy(np.unique(np.concatenate(
            [np.unique(item) + model.first[k] for k, (_, *pair) in enumerate(batch) for item in pair])))]  # fmt: skip
        for name, rows in zip(tables, touched):
            table = getattr(model, name)
            table.grad = torch.sparse_coo_tensor(rows[None], table.grad[rows], table.shape)
        by_row.step(), network.step()
        other.balancer.step(torch.stack(losses).detach().float(), norms.float())
        made.balancer.step(*(seen.float() for seen in made.step(users, batch)))
    assert torch.allclose(made.balancer.weights, other.balancer.weights, rtol=1e-5)
    assert (made.balancer.weights - 1).abs().max() > 0.05
    for (name, mine), theirs in zip(made.model.named_parameters(), model.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-5, atol=1e-7), name


def test_domains_gradients_taken_apart_add_up_to_the_gradient_of_the_sum(monkeypatch):
    """A balancer that asks for them and combines them by plain addition changes nothing."""
    apart, whole = (trainer(pretraining="none", agreement=0.7, balancer="static") for _ in range(2))
    monkeypatch.setattr(apart.balancer, "needs", "gradients", raising=False)
    users, batch = first_batch(whole)
    batch[1] = tuple(array[:0] for array in batch[1])
    for made in (apart, whole):
        made.step(users, batch)
    for mine, theirs in zip(apart.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", BALANCERS)
def test_every_balancer_trains(name):
    made = trainer(balancer=name)
    rows = [made.epoch() for _ in range(3)]
    assert all(np.isfinite(row["loss"]) and np.isfinite(row["weight"]) for epoch in rows for row in epoch)
    moved = any(row["weight"] != 1 for epoch in rows for row in epoch)
    assert moved == (name not in ("static", "metabalance", "pcgrad"))


def test_losses_after_a_step_are_those_of_the_parameters_as_they_are():
    made = trainer(pretraining="none", agreement=0.7)
    users, batch = first_batch(made)
    made.step(users, batch)
    losses, _ = plain(made, users, batch)
    assert made._losses(users, batch).tolist() == pytest.approx([loss.item() for loss in losses], rel=1e-5)


@pytest.mark.parametrize("hidden_layers", [1, 3])
def test_norms_at_the_last_hidden_layer(hidden_layers):
    made = trainer(pretraining="none", norm_layer="last_hidden", agreement=0.7, hidden_layers=hidden_layers)
    made.balancer.weights = torch.tensor([-0.4, 1.1, 1.5])  # the literal balancer may leave one negative
    users, batch = first_batch(made)
    losses, _ = plain(made, users, batch)
    norms = [torch.autograd.grad(loss, made.model.A[-1].weight, retain_graph=True)[0].norm().item() for loss in losses]
    assert made.step(users, batch)[1].tolist() == pytest.approx(norms, rel=1e-4)


def test_a_domain_without_triples_in_a_batch_is_absent_and_weighs_nothing():
    made = trainer(pretraining="none", optimizer="sgd", learning_rate=0.1)
    users, batch = first_batch(made)
    batch[1] = tuple(array[:0] for array in batch[1])
    before = made.model.items(1).clone()
    losses, norms = made.step(users, batch)
    assert losses.isnan().tolist() == norms.isnan().tolist() == [False, True, False]
    assert torch.equal(made.model.items(1), before)
    assert all(parameter.isfinite().all() for parameter in made.model.parameters())


def test_a_batch_without_any_triple_moves_nothing_but_by_the_penalty():
    made = trainer(pretraining="none", penalty=0.0)
    users, batch = first_batch(made)
    losses, norms = made.step(users, [tuple(array[:0] for array in domain) for domain in batch])
    assert losses.isnan().all() and norms.isnan().all()
    assert all(parameter.isfinite().all() for parameter in made.model.parameters())


def test_a_loss_that_is_nan_is_not_taken_for_an_absent_domain():
    made = trainer(pretraining="none")
    with torch.no_grad():
        made.model.items(1).fill_(torch.nan)
    losses, _ = made.step(*first_batch(made))
    assert losses.isinf().tolist() == [False, True, False]


def test_vectors_start_from_the_factorization():
    made = trainer(pretraining="none", start_noise=0.0)
    member = train.membership(made.parts)
    inputs = made.model.concatenate(torch.arange(len(member))).detach().unflatten(1, (3, -1)).numpy()
    for k, start in enumerate(mf.starts(made.parts, made.s.start, made.s.dim)):
        assert np.array_equal(inputs[member[:, k], k], start.user[member[:, k]])
        assert np.array_equal(made.model.items(k).numpy(), start.item)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_vectors_of_users_outside_the_batch_stay_where_they_are(optimizer):
    made = trainer(pretraining="none", optimizer=optimizer)
    batches = list(epoch(made.triples, made.users, len(made.users) // 2, np.random.default_rng(0)))
    made.step(*batches[0])
    before = made.model.user.detach().clone()
    made.step(*batches[1])
    moved = (made.model.user != before).any(1).numpy()
    rows = made.model.rows.numpy()
    mine = np.unique(rows[batches[1][0]])
    assert set(np.flatnonzero(moved)) <= set(mine[mine >= 0].tolist()) and moved.any()


@pytest.mark.parametrize(("settings", "still"), [({"train_users": False}, "user"), ({"train_items": False}, "item")])
def test_vectors_can_be_frozen(settings, still):
    made = trainer(pretraining="none", agreement_on="u", penalty=0.1, **settings)
    before = copy.deepcopy(made.model.state_dict())
    made.epoch()
    for name, value in made.model.named_parameters():
        assert torch.equal(value, before[name]) == name.startswith(still), name


@pytest.mark.parametrize("pretraining", ["identity", "random"])
def test_pretraining_hands_over_what_one_layer_learned_and_training_goes_on_from_it(pretraining):
    made, fresh = (trainer(pretraining=kind, hidden_layers=3) for kind in (pretraining, "none"))
    assert not torch.equal(made.model.user, fresh.model.user)
    assert len(made.model.A) == 3 and made.balancer.weights.tolist() == [1, 1, 1]
    middle = made.model.A[1].weight.detach()
    assert ((middle - torch.eye(len(middle))).norm() < 0.1) == (pretraining == "identity")
    before = copy.deepcopy(made.model.state_dict())
    made.epoch()
    assert not any(torch.equal(value, before[name]) for name, value in made.model.named_parameters())


def test_initial_losses_may_be_those_of_the_first_epoch():
    made = trainer(initial_losses="first_epoch", pretraining="none")
    first = made.epoch()
    assert [row["weight"] for row in first] == [1, 1, 1]
    assert made.balancer.initial.tolist() == pytest.approx([row["loss"] for row in first])
    made.epoch()
    assert made.balancer.weights.tolist() != [1, 1, 1]


def test_history_tells_what_the_balancer_saw():
    made = trainer(pretraining="none", balancer="gradnorm_closed", gamma=0.0, batch_users=1000)
    first, second = made.epoch(), made.epoch()
    for k in range(3):
        assert first[k]["weight"] == 1
        assert first[k]["target"] == pytest.approx(np.mean([row["norm"] for row in first]), rel=1e-5)  # gamma = 0
        assert first[k]["rate"] == pytest.approx(first[k]["loss"] / np.mean([row["loss"] for row in first]), rel=1e-5)
    weights = np.array([1 / row["norm"] for row in first])
    assert [row["weight"] for row in second] == pytest.approx(3 * weights / weights.sum(), rel=1e-4)


def test_scores_are_those_of_the_parameters_as_they_are_however_often_a_user_is_asked_for(monkeypatch):
    made, passed = trainer(), []
    hidden = made.model.hidden
    monkeypatch.setattr(made.model, "hidden", lambda users, *rest: passed.extend(users.tolist()) or hidden(users, *rest))
    scores = [made.score(k) for k in range(made.p)]
    for _ in range(2):
        passed.clear()
        for k, score in enumerate(scores):
            for users in (made.users[:9], made.users[4:20]):
                z = made.model.decouple(made.model.trunk(made.model.concatenate(torch.from_numpy(users))))
                assert torch.allclose(score(users), z[:, k] @ made.model.items(k).T, atol=1e-5)
        assert sorted(passed) == made.users[:20].tolist()  # once each, for all domains
        made.step(*first_batch(made))  # and anew after it
