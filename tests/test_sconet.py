"""SCoNet: its logits and gradients by their definition, Adam's steps, ranking, and that it learns."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import block_ratings, random_split, split_from_rows
from torch import nn
from torch.nn import functional as F

from adc.evaluation import evaluate
from adc.sampling import user_batches
from adc.split import TEST, TRAIN, split_ratings
from companion import registry
from companion.rivals.sconet import SCoNet


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Even a tiny split is ranked in several."""
    for name, size in (("towers.ITEMS", 3), ("towers.USERS", 2), ("sconet.USERS", 5)):
        monkeypatch.setattr(f"companion.rivals.{name}", size)


def learner(split, epochs=0, **options):
    sconet = SCoNet(registry.configure("sconet", **({"embedding": 16, "init_noise": 0.5} | options)), split)
    for _ in range(epochs):
        sconet.epoch()
    return sconet


def strong(sconet):
    """The same learner with cross matrices that matter, and biases that keep its few ReLUs alive."""
    for H in sconet.towers.H:
        nn.init.normal_(H, std=0.3)
    for b in sconet.towers.b:
        nn.init.uniform_(b, 0, 1)
    return sconet


def items_of(sconet, domain):
    return sconet.item[sconet.first[domain] : sconet.first[domain + 1]]


def training_items(sconet, domain, user):
    users, items, _ = sconet.split.of(domain, TRAIN)
    return items[users == user].astype(np.int64)


def naive(sconet, t, user, item, crossed=True):
    """The logit of one pair, tower by tower from the definition."""
    p, symmetric, net = sconet.split.ratings.p, sconet.config["symmetric"], sconet.towers
    pairs = [(q, r) for q in range(p) for r in range(q + 1, p)]
    vectors = [items_of(sconet, q)[training_items(sconet, q, user)] for q in range(p)]
    vectors[t] = items_of(sconet, t)[[item]]
    a = [torch.cat([sconet.user[user], of_q.sum(0) / max(1, len(of_q))]) for of_q in vectors]
    for layer in (0, 1):
        new = []
        for q in range(p):
            z = net.W[layer][q] @ a[q] + net.b[layer][q]
            for r in range(p) if crossed else ():
                if r != q and (r != t or symmetric):
                    z = z + net.H[layer][pairs.index((min(q, r), max(q, r)))] @ a[r]
            new.append(torch.relu(z))
        a = new
    hidden = torch.relu(net.W[2][t] @ a[t] + net.b[2][t])
    return net.W[3][t, 0] @ hidden + net.b[3][t, 0]


@settings(max_examples=10, deadline=None)
@given(p=st.integers(1, 4), symmetric=st.booleans(), crossed=st.booleans(), seed=st.integers(0, 99))
def test_fast_ranking_equals_the_network_pair_by_pair(p, symmetric, crossed, seed):
    split = random_split(seed, domains=p, users=12, items=7)
    sconet = strong(learner(split, 1, symmetric=symmetric, crossed_prediction=crossed))
    rng = np.random.default_rng(seed)
    t, users = int(rng.integers(p)), rng.permutation(len(split.ratings.users))[:4]
    pairs = [(user, item) for user in users for item in range(len(split.ratings.items[t]))]
    expected = [float(naive(sconet, t, *pair, crossed).detach()) for pair in pairs]
    np.testing.assert_allclose(sconet.score(t)(users).numpy().ravel(), expected, rtol=1e-4, atol=1e-5)


def test_an_epoch_is_pytorchs_adam_by_these_gradients():
    sconet, twin = (learner(random_split(users=30), batch_users=8, embedding_l2=0.1) for _ in range(2))
    rate, towers = sconet.config["learning_rate"], [*twin.towers.parameters()]
    tables = [nn.Parameter(table) for table in (twin.user, twin.item)]  # of the same memory
    optimizers = torch.optim.SparseAdam(tables, lr=rate), torch.optim.Adam(towers, lr=rate)
    sconet.epoch()
    for users, batch in user_batches(twin.triples, twin.users, 8, twin.rng):
        twin.towers.zero_grad()
        _, at_rows = twin.gradients(users, batch)
        for table, (rows, gradient) in zip(tables, at_rows, strict=True):
            table.grad = torch.sparse_coo_tensor(rows[None], gradient, table.shape)
        for optimizer in optimizers:
            optimizer.step()
    assert (sconet.user != learner(random_split(users=30)).user).any()
    for ours, theirs in zip((sconet.user, sconet.item, *sconet.towers.parameters()), (*tables, *towers)):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradients_are_those_of_the_definition(symmetric):
    split = random_split(users=12, items=7)
    sconet = strong(learner(split, symmetric=symmetric, embedding_l2=0.2, sparsity=0.1))
    users, batch = next(user_batches(sconet.triples, sconet.users, 6, np.random.default_rng(0)))
    batch[1] = tuple(part[:0] for part in batch[1])  # a domain without a pair
    losses, at_rows = sconet.gradients(users, batch)
    tables, parameters = (sconet.user, sconet.item), list(sconet.towers.parameters())
    ours = [torch.zeros_like(table).index_add(0, *step) for table, step in zip(tables, at_rows)]
    ours += [parameter.grad.clone() for parameter in parameters]
    sconet.towers.zero_grad()
    sconet.user.requires_grad_(), sconet.item.requires_grad_()
    total = 0.1 * sconet.towers.penalty()
    for k, (row, positive, negative) in enumerate(batch):
        if len(row):
            items = np.column_stack([positive, negative])
            pairs = zip(np.repeat(users[row], items.shape[1]), items.ravel())
            logits = torch.stack([naive(sconet, k, *pair) for pair in pairs]).view(items.shape)
            truth = torch.zeros(logits.shape)
            truth[:, 0] = 1
            loss = F.binary_cross_entropy_with_logits(logits, truth)
            assert float(losses[k]) == pytest.approx(float(loss.detach()), rel=1e-5)
            looked_up = np.concatenate([*(training_items(sconet, k, user) for user in users), items.ravel()])
            squares = items_of(sconet, k)[looked_up].square().sum() + sconet.user[users[row]].square().sum()
            total = total + loss + 0.2 * squares / len(row)
    total.backward()
    assert losses[1].isnan()
    for gradient, parameter in zip(ours, [*tables, *parameters], strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-5)


def test_training_on_does_not_reach_a_stored_model():
    sconet = learner(random_split(), 1)
    arrays = sconet.arrays(0)
    copies = {name: array.copy() for name, array in arrays.items()}
    sconet.epoch()
    assert all((arrays[name] == array).all() and array.dtype == np.float32 for name, array in copies.items())


def test_a_batch_without_pairs_of_a_domain_leaves_its_loss_out():
    rows = [("a", u, i, 5, TRAIN) for u in range(6) for i in range(4) if (u + i) % 2]
    split = split_from_rows([*rows, *(("b", 0, i, 5, TRAIN) for i in range(2)), ("b", 1, 2, 5, TEST)])
    assert all(np.isfinite(row["loss"]) for row in learner(split, batch_users=2).epoch())


def test_the_best_items_of_a_narrow_tower_do_not_tie_at_a_highest_logit():
    split = split_ratings(block_ratings(), 0)
    for seed in range(8):
        sconet = learner(split, 5, embedding=8, learning_rate=1e-2, init_noise=0.01, seed=seed)
        for k in range(split.ratings.p):
            scores = sconet.score(k)(sconet.users)
            assert ((scores == scores.amax(1, keepdim=True)).sum(1) > 1).float().mean() < 0.5


def test_it_learns_what_users_like_from_another_domain():
    """Users rate items of their own block; two of three have no training rating in the target."""
    ratings = block_ratings(users=200)
    split = split_ratings(ratings, 0)
    split.part[(ratings.domain == 0) & (ratings.user % 3 > 0)] = TEST
    means = []
    for epochs in (0, 8):
        sconet = learner(split, epochs, embedding=32, init_noise=0.01, batch_users=16)
        table = evaluate(split, 0, sconet.score(0))
        means.append(table.loc[table["group"] == "cold_target", "ndcg@10"].mean())
    assert means[1] > 2 * means[0]
