"""The trainer: its plain step against Eqs. 1 to 5 written out in loops, and what it starts from."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from small import random_split

import adc.train
from adc.config import Config
from adc.errors import UserError
from adc.mf_init import initial_vectors
from adc.sampling import user_batches
from adc.train import Trainer, domain_losses

QUICK = dict(dim=6, epochs=3, batch_users=16, negatives=3, pretraining_epochs=1, device="cpu")


def build(split=None, **settings):
    return Trainer(Config(**QUICK | {"pretraining": "none"} | settings), split or random_split())


def batches(trainer, size=12):
    return list(user_batches(trainer.triples, trainer.users, size, np.random.default_rng(0)))


class Paper:
    """§III written from the paper, one user, domain and triple at a time; every gradient by autograd.

    The readings are the defaults: λ's term on z (R1) over all q (R4), each user once (R5), means (R14), |∇_W|
    (R15), weights by a step of Adam, at least 1e-4, with sum p (R12), log p as the initial loss (R13)."""

    def __init__(self, trainer):
        self.c, self.p, self.d = trainer.config, trainer.p, trainer.config.dim
        model = copy.deepcopy(trainer.model).double()
        self.rows, self.first = model.rows.tolist(), model.first
        self.user, self.item, self.W, self.b = model.user, model.item, model.W.weight, model.W.bias
        self.layers = [(layer.weight, layer.bias) for layer in model.A]
        self.w = torch.ones(self.p, dtype=torch.float64, requires_grad=True)
        self.adam = torch.optim.Adam([self.w], lr=0.025)

    def u_con(self, user):
        """Her vectors; in a domain that she is not in, the mean of those she has (§III-B(1))."""
        vectors = {k: self.user[row] for k, row in enumerate(self.rows[user]) if row >= 0}
        mean = sum(vectors.values()) / len(vectors)
        return torch.cat([vectors.get(k, mean) for k in range(self.p)])

    def z(self, user):
        hidden = self.u_con(user)
        for weight, bias in self.layers:
            hidden = (weight @ hidden + bias).clamp(min=0)
        return (self.W @ hidden + self.b).split(self.d)

    def loss(self, k, users, row, positive, negative):
        """Eq. 2: Eq. 1 of domain k, and λ times how far its users' z^(q) are from their z^(k)."""
        z, terms, apart = {r: self.z(users[r]) for r in set(row.tolist())}, [], []
        for r, i, others in zip(row.tolist(), positive, negative):
            for j in others:
                v_i, v_j = self.item[self.first[k] + i], self.item[self.first[k] + j]
                terms.append(-torch.log(torch.sigmoid(z[r][k] @ v_i - z[r][k] @ v_j)))
        for of_user in z.values():
            apart.append(sum(((of_user[q] - of_user[k]) ** 2).sum() for q in range(self.p) if q != k))
        return sum(terms) / len(terms) + self.c.agreement_weight * sum(apart) / len(apart)

    def penalty(self, users, batch):
        """The squares of u_con, a mean over users, and of the items looked up, a mean over triples."""
        total = sum((self.u_con(user) ** 2).sum() for user in users) / len(users)
        for k, (row, positive, negative) in enumerate(batch):
            for i in [*positive, *negative.flatten()]:
                total = total + (self.item[self.first[k] + i] ** 2).sum() / len(row)
        return self.c.embedding_l2 * total

    def step(self, users, batch):
        losses = [self.loss(k, users, *triples) for k, triples in enumerate(batch)]
        weighted = [w_k * L_k for w_k, L_k in zip(self.w, losses)]
        G = [torch.autograd.grad(loss, self.W, create_graph=True)[0].norm() for loss in weighted]
        learned = [L_k.detach() / np.log(self.p) for L_k in losses]
        r = [each / (sum(learned) / self.p) for each in learned]
        mean = sum(G).detach() / self.p
        targets = [mean * r_k**self.c.gamma for r_k in r]  # Eq. 4
        L_grad = sum((G_k - target).abs() for G_k, target in zip(G, targets))  # Eq. 5
        (at_w,) = torch.autograd.grad(L_grad, self.w, retain_graph=True)
        parameters = [self.user, self.item, self.W, self.b, *(p for layer in self.layers for p in layer)]
        L_cross = sum(w_k * L_k for w_k, L_k in zip(self.w.tolist(), losses))  # Eq. 3
        gradients = torch.autograd.grad(L_cross + self.penalty(users, batch), parameters)
        with torch.no_grad():
            for number, (parameter, gradient) in enumerate(zip(parameters, gradients)):
                parameter -= (self.c.embedding_lr if number < 2 else self.c.learning_rate) * gradient
            self.w.grad = at_w
            self.adam.step()
            self.w.clamp_(min=1e-4).mul_(self.p / self.w.sum())
        return torch.stack(losses), torch.stack(G), torch.stack(targets)


@pytest.mark.parametrize("step", ["plain", "fast"])
@pytest.mark.parametrize("gamma", [0.0, 1.5])
def test_steps_are_those_of_the_papers_equations(gamma, step):
    descent = {"optimizer": "sgd", "learning_rate": 0.05, "embedding_lr": 0.1, "embedding_l2": 0.05}
    start = {"init": "random", "init_noise": 0.3, "hidden_layers": 2, "agreement_weight": 0.7}
    trainer = build(step=step, gamma=gamma, **start, **descent)
    paper = Paper(trainer)
    for users, batch in batches(trainer)[:3] * 2:
        losses, state = trainer.step(users, batch)
        values = losses[0], state.norms, state.targets
        for ours, theirs in zip(values, paper.step(users, batch), strict=True):
            assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-3)
    assert trainer.balancer.weights.tolist() == pytest.approx(paper.w.tolist(), abs=1e-5)
    assert (paper.w - 1).abs().max() > 0.05
    model, theirs = trainer.model, (paper.user, paper.item, paper.W)
    for parameter, expected in zip((model.user, model.item, model.W.weight), theirs):
        assert torch.allclose(parameter.double(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("step", ["plain", "fast"])
def test_a_balancer_may_look_at_the_losses_after_the_step(step):
    trainer, after = build(balancer="famo", step=step), []
    trainer.balancer.after = after.append
    users, batch = batches(trainer)[0]
    before, _ = trainer.step(users, batch)
    losses, *_ = domain_losses(trainer, torch.from_numpy(users), batch)
    expected = [losses[k].item() for k in range(3)]
    assert after[0].tolist() == pytest.approx(expected, rel=1e-5) and before.tolist() != after[0].tolist()


@pytest.mark.parametrize("step", ["plain", "fast"])
def test_an_absent_domain_weighs_nothing_and_a_loss_that_is_nan_is_not_taken_for_one(step):
    trainer = build(optimizer="sgd", learning_rate=0.1, step=step)
    users, batch = batches(trainer)[0]
    batch[1] = tuple(array[:0] for array in batch[1])
    before = trainer.model.items(1).detach().clone()
    losses, state = trainer.step(users, batch)
    assert losses[0].isnan().tolist() == state.norms.isnan().tolist() == [False, True, False]
    assert torch.equal(trainer.model.items(1), before)
    assert all(parameter.isfinite().all() for parameter in trainer.model.parameters())
    with torch.no_grad():
        trainer.model.items(0).fill_(torch.nan)
    losses = trainer.step(users, batch)[0][0]
    assert losses[0].isinf() and losses[1].isnan() and losses[2].isfinite()


def test_vectors_start_from_the_factorization():
    trainer = build(init_noise=0.0)
    member, p = trainer.split.membership(), trainer.p
    u_con = trainer.model.concatenate(torch.arange(len(member))).detach().unflatten(1, (p, -1)).numpy()
    for k, vectors in enumerate(initial_vectors(trainer.split, trainer.config.init, trainer.config.dim)):
        assert np.array_equal(u_con[member[:, k], k], vectors.user[member[:, k]])
        assert np.array_equal(trainer.model.items(k).detach().numpy(), vectors.item)


@pytest.mark.parametrize("step", ["plain", "fast"])
@pytest.mark.parametrize("table", ["user", "item"])
def test_vectors_can_be_frozen(table, step):
    trainer = build(agreement_on="u", embedding_l2=0.1, step=step, **{f"train_{table}s": False})
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.epoch()
    for name, value in trainer.model.named_parameters():
        assert torch.equal(value, before[name]) == name.startswith(table), name


@pytest.mark.parametrize("pretraining", ["identity", "random"])
def test_pretraining_hands_over_what_one_layer_learned_and_training_goes_on_from_it(pretraining):
    trainer, fresh = (build(pretraining=how, hidden_layers=3) for how in (pretraining, "none"))
    assert not torch.equal(trainer.model.user, fresh.model.user)
    assert len(trainer.model.A) == 3 and trainer.balancer.weights.tolist() == [1, 1, 1]
    middle = trainer.model.A[1].weight.detach()
    assert ((middle - torch.eye(len(middle))).norm() < 0.1) == (pretraining == "identity")
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.epoch()
    assert not any(torch.equal(value, before[name]) for name, value in trainer.model.named_parameters())


def test_initial_losses_may_be_those_of_the_first_epoch():
    trainer = build(initial_losses="first_epoch")
    first = trainer.epoch()
    assert [row["weight"] for row in first] == [1, 1, 1]
    assert trainer.balancer.initial.tolist() == pytest.approx([row["loss"] for row in first])
    trainer.epoch()
    assert trainer.balancer.weights.tolist() != [1, 1, 1]


def test_the_history_is_what_the_balancer_worked_with():
    trainer = build(balancer="gradnorm_closed", gamma=0.0, batch_users=1000)
    first, second = pd.DataFrame(trainer.epoch()), pd.DataFrame(trainer.epoch())
    assert (first["weight"] == 1).all() and np.allclose(first["target"], first["norm"].mean(), rtol=1e-5)
    assert np.allclose(first["rate"], first["loss"] / first["loss"].mean(), rtol=1e-5)
    assert np.allclose(second["weight"], 3 / first["norm"] / (1 / first["norm"]).sum(), rtol=1e-4)


def test_scores_follow_the_parameters_and_compute_each_user_once():
    passes = []

    class Counting(Trainer):
        @staticmethod
        def hidden_layer(model, users, vectors=None):
            passes.extend(users.tolist())
            return Trainer.hidden_layer(model, users, vectors)

    trainer = Counting(Config(**QUICK), random_split())
    scores = [trainer.score(k) for k in range(trainer.p)]
    for _ in range(2):
        passes.clear()
        for k, score in enumerate(scores):
            for users in (trainer.users[:9], trainer.users[4:20]):
                z = trainer.model(torch.from_numpy(users)).detach()
                assert torch.allclose(score(users), z[:, k] @ trainer.model.items(k).detach().T, atol=1e-5)
        assert sorted(passes) == trainer.users[:20].tolist()  # once each, for all domains
        trainer.step(*batches(trainer)[0])  # and anew after it


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU"):
        adc.train.pick_device("cuda")
    assert adc.train.pick_device("auto").type == adc.train.pick_device("cpu").type == "cpu"


def test_a_sum_is_the_mean_times_its_terms_with_its_penalties_in_proportion():
    """R14 ★: else λ and L2 would be hundreds of times too small beside Eq. 1's sum."""
    parts = {}
    for reduction in ("mean", "sum", "sum_literal"):
        trainer = build(reduction=reduction, agreement_weight=0.3)
        users, batch = batches(trainer)[0]
        parts[reduction] = domain_losses(trainer, torch.from_numpy(users), batch)
    terms = {k: negative.size for k, (_, _, negative) in enumerate(batch)}
    (mean, alike, l2), (total, of_total, l2_of_total), (literal, of_literal, _) = parts.values()
    for k, count in terms.items():
        assert total[k].item() == pytest.approx(count * mean[k].item(), rel=1e-5)
        assert of_total[k].item() == pytest.approx(count * alike[k].item(), rel=1e-5)
        assert of_literal[k].item() == alike[k].item()
        ranking = count * (mean[k] - alike[k]).item()
        assert literal[k].item() == pytest.approx(ranking + alike[k].item(), rel=1e-5)
    assert l2 < l2_of_total < max(terms.values()) * l2


def test_weights_that_are_constant_stay_and_are_checked():
    trainer = build(balancer="static", constant_weights="1.9,0.1,1")
    (row, *_) = trainer.epoch()
    assert row["weight"] == pytest.approx(1.9)
    assert trainer.balancer.weights.tolist() == pytest.approx([1.9, 0.1, 1])
    for settings, words in (({"balancer": "static"}, "give 3"), ({"gamma": 1.0}, "static alone")):
        with pytest.raises(UserError, match=words):
            build(constant_weights="1,1" if "balancer" in settings else "1,1,1", **settings)
    with pytest.raises(UserError, match="not numbers"):
        build(balancer="static", constant_weights="1;1;1")
    with pytest.raises(UserError, match="give 3"):
        build(balancer="static", constant_weights="nan,1,1")


def test_the_history_has_the_agreement_apart_and_nothing_of_it_without_lambda():
    (row, *_), (without, *_) = build(agreement_weight=5.0).epoch(), build(agreement_weight=0.0).epoch()
    assert 0 < row["agreement"] < row["loss"] and without["agreement"] == 0


def test_a_network_without_hidden_layers_is_linear_in_its_input():
    trainer = build(hidden_layers=0, missing_vector="current")
    model, users = trainer.model, torch.arange(4)
    before = model(users)
    with torch.no_grad():
        model.W.bias.zero_()
        z = model(users)
        model.user.mul_(2)
    assert torch.allclose(model(users), 2 * z, atol=1e-5) and not torch.allclose(before, 2 * z)
    with pytest.raises(UserError, match="needs a hidden layer"):
        build(hidden_layers=0, norm_layer="last_hidden")
