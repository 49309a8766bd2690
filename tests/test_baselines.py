"""The rivals as methods: complete entries of the registry, the same numbers again; BPR beside cornac's."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
import torch
from small import random_split

from adc.early_stopping import train_epochs
from adc.errors import UserError
from adc.evaluation import evaluate, popularity
from adc.sampling import user_batches
from adc.split import TRAIN, split_ratings
from companion import data, registry
from companion.rivals import bpr

RIVALS = registry.names("hurdle", "rival", "variant")
WRONG = [
    ("itemknn", "neighbours", 0), ("itemknn", "shrinkage", -1.0), ("ease", "l2", 0.0),
    ("ease", "most_items", 0), ("clfm", "objective", "stars"), ("clfm", "step", 0.0), ("clfm", "shared", 1.5),
    ("clfm", "sweeps", 0), ("cdcf", "objective", "stars"), ("sconet", "embedding", 12),
    ("popularity", "dim", 3), ("adc_residual", "gamma", -1.0),
]  # fmt: skip


@pytest.mark.parametrize("name", RIVALS)
def test_an_entry_is_whole(name):
    entry = registry.method(name)
    settings = {field.name: field.type for field in fields(entry.Settings)}
    assert entry.name == name and entry.label and "$$" in entry.equation
    assert {"epochs", "patience", *entry.search_space, *entry.fixed} <= set(settings)
    sources = [inspect.getsource(part) for part in entry.objective]
    assert sources and sum(map(str.count, sources, ["\n"] * len(sources))) < 110


@pytest.mark.parametrize("method, name, value", WRONG)
def test_settings_out_of_range_are_refused(method, name, value):
    with pytest.raises(UserError, match=name):
        registry.configure(method, **{name: value})


def test_what_needs_one_pass_is_one_run_whatever_epochs_say():
    assert registry.configure("popularity", epochs=9) == registry.configure("popularity")
    assert registry.configure("bpr", epochs=9) != registry.configure("bpr")


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "adc_residual"])
def test_the_same_configuration_gives_the_same_and_a_model_scores_as_its_learner(name):
    split = random_split(seed=8)
    config, users = registry.configure(name, seed=3), np.arange(len(split.ratings.users))
    one, two = (registry.learner(config, split) for _ in range(2))
    first, second = one.epoch(), two.epoch()
    assert [row.get("loss") for row in first] == [row.get("loss") for row in second]
    for k in range(split.ratings.p):
        scores = registry.method(name).scorer(split, k, two.arrays(k))(users)
        assert torch.equal(one.score(k)(users), two.score(k)(users))
        assert torch.equal(one.score(k)(users), scores)
    assert train_epochs(one, split, 1, 1, show=False).notes["diverged"] is False


def test_popularity_ranks_by_training_counts_alone():
    split = random_split()
    item = split.of(2, TRAIN)[1]
    scores = registry.learner(registry.configure("popularity"), split).score(2)(np.arange(2)).numpy()
    assert (scores == np.bincount(item, minlength=len(split.ratings.items[2]))).all()


@pytest.mark.parametrize("name", ["bpr", "bpr_merged"])
def test_a_step_of_bpr_descends_by_the_gradient_of_its_equation(name, monkeypatch):
    split = random_split(users=12, items=9)
    learner = registry.learner(registry.configure(name, dim=4, embedding_l2=0.1, negatives=2), split)
    user, item = learner.user.clone().requires_grad_(), learner.item.clone().requires_grad_()
    steps = []
    for optimizer in learner.optimizers:
        monkeypatch.setattr(optimizer, "step", lambda rows, gradient: steps.append((rows, gradient)))
    users, batch = next(user_batches(learner.triples, learner.users, 99, np.random.default_rng(0)))
    losses, total, count = learner.step(users, batch), 0, sum(len(row) for row, _, _ in batch)
    for k, (row, positive, negative) in enumerate(batch):
        u = user[learner.row[k, users[row]]]
        rows = np.column_stack([positive, negative]) + learner.first[k]
        v = item[torch.from_numpy(rows)]  # [T, 1 + c, d+1]
        x = (v[..., :-1] * u[:, None]).sum(-1) + v[..., -1]
        share = 1 / (len(row) if name == "bpr" else count)
        loss = -torch.nn.functional.logsigmoid(x[:, :1] - x[:, 1:]).sum() / 2 * share
        assert name != "bpr" or float(losses[k]) == pytest.approx(float(loss.detach()), rel=1e-5)
        total = total + loss + 0.1 * (u.square().sum() + v.square().sum()) * share
    total.backward()
    for table, step in zip((user, item), steps, strict=True):
        assert torch.allclose(torch.zeros_like(table).index_add(0, *step), table.grad, atol=1e-6)


@pytest.mark.slow
def test_bpr_does_as_well_as_cornacs_on_the_same_split():
    cornac = pytest.importorskip("cornac")
    torch.set_num_threads(1)
    split = split_ratings(data.load("movielens").only(["Crime"]), 0)
    learner = bpr.BPR(registry.configure("bpr"), split)
    for _ in range(60):
        learner.epoch()
    user, item, _ = split.of(0, TRAIN)
    triples = [(str(u), str(i), 1.0) for u, i in zip(user, item)]
    rates = {"learning_rate": 0.05, "lambda_reg": 0.05}
    theirs = cornac.models.BPR(k=100, max_iter=100, seed=0, num_threads=1, **rates)
    theirs.fit(cornac.data.Dataset.from_uir(triples))
    popular = torch.from_numpy(popularity(split, 0))
    scores = learner.score(0), cornac_score(theirs, split), lambda users: popular.repeat(len(users), 1)
    ours, reference, hurdle = (evaluate(split, 0, score)["ndcg@10"].mean() for score in scores)
    assert ours > 0.95 * reference > 0.9 * hurdle


def cornac_score(model, split):
    """Scores of a fitted cornac BPR in our codes; whatever it did not meet gets the lowest score."""
    u = np.zeros((len(split.ratings.users), model.k), dtype=np.float32)
    v = np.zeros((len(split.ratings.items[0]), model.k), dtype=np.float32)
    b = np.full(len(v), model.i_biases.min(), dtype=np.float32)
    for name, row in model.uid_map.items():
        u[int(name)] = model.u_factors[row]
    for name, row in model.iid_map.items():
        v[int(name)], b[int(name)] = model.i_factors[row], model.i_biases[row]
    return lambda users: torch.from_numpy(u[users] @ v.T + b)
