"""The trainer: one step against plain autograd, reproducible runs, and that it learns. Synthetic ratings only."""

import copy
import json

import numpy as np
import pytest
import torch
from small import block_ratings, random_parts, random_ratings

from adc import data, mf, train
from adc.balancers import BALANCERS
from adc.errors import UserError
from adc.evaluate import Questions
from adc.loss import agreement, bpr
from adc.optim import RowAdam
from adc.sample import epoch
from adc.settings import Settings, configuration
from adc.split import VALID, split
from adc.train import Trainer

QUICK = dict(dim=6, epochs=3, batch_users=16, negatives=3, pretraining_epochs=1, device="cpu")
WEIGHTS = torch.tensor([0.4, 1.1, 1.5])


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Runs go to a folder of their own, and every dataset is the same 3 tiny synthetic domains."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    return tmp_path


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


def values(run):
    """What two runs of one configuration must share to the last bit."""
    metrics = {name: value for name, value in run.metrics.items() if "seconds" not in name}
    return (
        json.dumps(metrics),
        run.history.to_csv(),
        run.users.to_csv(),
        {name: a.tobytes() for name, a in run.model.items()},
    )


def test_the_same_configuration_gives_the_same_run_to_the_last_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())

    def made_in(place, **settings):
        monkeypatch.setenv("ADC_HOME", str(tmp_path / place))
        torch.rand(3), np.random.rand(3)  # what was drawn before must not matter
        return values(train.run(configuration(**QUICK | settings), show=False))

    first = made_in("one", seed=1)
    assert first == made_in("two", seed=1)
    assert first[0] != made_in("three", seed=2)[0]


def test_a_stored_run_is_returned_and_not_trained_again(tiny, monkeypatch):
    config = configuration(**QUICK)
    first = train.run(config, show=False)
    monkeypatch.setattr(train, "Trainer", None)
    again = train.run(configuration(**QUICK), show=False)
    assert again.folder == first.folder and values(again) == values(first)
    assert train.run(configuration(**QUICK | {"device": "auto"}), show=False).folder == first.folder
    with pytest.raises(TypeError):
        train.run(configuration(**QUICK | {"gamma": 1.0}), show=False)


def test_a_run_holds_what_the_contract_says(tiny):
    run = train.run(configuration(**QUICK), show=False)
    assert run.folder.parent == tiny / "data" / "runs" / "movielens" and run.folder.name.startswith("adc-")
    history = run.history
    assert {"epoch", "domain", "loss", "weight", "norm", "target", "rate", "validation"} <= set(history.columns)
    assert len(history) == 3 * run.metrics["epochs"] and history.notna().all(axis=None)
    assert {entry["target"] for entry in run.metrics["values"]} == {"d0", "d1", "d2"}
    assert not run.metrics["diverged"] and set(run.metrics["best_epoch"]) == {"d0", "d1", "d2"}
    n, m = len(random_ratings().users), len(random_ratings().items[0])
    assert run.model["user.d0"].shape == (n, 6) and run.model["item.d0"].shape == (m, 6)
    assert set(run.users["user"]) <= set(random_ratings().users)


@pytest.mark.parametrize("balancer", ["gradnorm", "static"])
def test_one_domain_alone_can_be_trained(tiny, balancer):
    run = train.run(configuration(**QUICK, domains="d1", balancer=balancer), show=False)
    assert (run.history["weight"] == 1).all() and set(run.history["domain"]) == {"d1"}
    assert not run.metrics["diverged"]


def test_some_domains_can_be_chosen_and_an_unknown_one_is_refused(tiny):
    run = train.run(configuration(**QUICK, domains="d2, d0"), show=False)
    assert set(run.history["domain"]) == {"d0", "d2"} and run.history["weight"].iloc[:2].sum() == pytest.approx(2)
    with pytest.raises(UserError, match="Unknown domain 'd7'.*d0, d1, d2"):
        train.run(configuration(**QUICK, domains="d0,d7"), show=False)


@pytest.mark.parametrize("batch_users", [16, 1000])  # several steps an epoch, or one that leaves its loss finite
@pytest.mark.parametrize("pretraining", ["none", "identity"])
@pytest.mark.parametrize("rate", [1e3, 1e6])
def test_a_diverging_run_is_stored_as_diverged(tiny, rate, pretraining, batch_users):
    fast = {"optimizer": "sgd", "learning_rate": rate, "vector_rate": rate, "agreement": 1.0}
    settings = QUICK | {"epochs": 40, "pretraining": pretraining, "batch_users": batch_users} | fast
    run = train.run(configuration(**settings), show=False)
    assert run.metrics["diverged"] is True
    assert run.metrics["epochs"] < 40 and (run.history["epoch"] == run.metrics["epochs"]).sum() == 3
    found = [entry["value"] for entry in run.metrics["values"] if entry["value"] is not None]
    assert found and np.isfinite(found).all()


@pytest.mark.parametrize("balancer", ["gradnorm", "static"])
def test_adc_learns(tmp_path, monkeypatch, balancer):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: block_ratings())
    settings = dict(
        dim=16,
        epochs=25,
        hidden_layers=2,
        learning_rate=3e-3,
        vector_rate=1e-2,
        agreement=0.01,
        batch_users=32,
        device="cpu",
    )
    run = train.run(configuration(balancer=balancer, gamma=1.0, **settings), show=False)
    untrained = trainer(split(block_ratings(), 0), dim=16, pretraining="none")
    wanted = {"protocol": "full", "metric": "ndcg", "n": 10, "group": "all"}
    found = {entry["target"]: entry["value"] for entry in run.metrics["values"] if wanted.items() <= entry.items()}
    for k, target in enumerate(("d0", "d1")):
        chance = train.fit.validate(Questions(untrained.parts, k, VALID), untrained.score(k))
        assert found[target] > 0.3 > 2 * chance, (found, chance)
        assert run.metrics["validation"][target] > 0.3
    losses = run.history.groupby("epoch")["loss"].mean()
    assert losses.iloc[-1] < 0.6 * losses.iloc[0]


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU"):
        train.pick_device("cuda")
    assert train.pick_device("auto").type == train.pick_device("cpu").type == "cpu"
