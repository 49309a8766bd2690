"""SCoNet: crossing, ranking, penalty, and independent towers where nothing is crossed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import block_ratings, parts_of, random_parts
from torch import nn
from torch.nn import functional as F

from adc import baselines, fit
from adc.baselines import sconet, towers
from adc.errors import UserError
from adc.evaluate import evaluate
from adc.split import TEST, TRAIN, VALID, split


@pytest.fixture(autouse=True)
def registered(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setitem(baselines.METHODS, "sconet", sconet)


def learner(parts, epochs=0, **own):
    made = sconet.SCoNet(baselines.configuration(method="sconet", **{"embedding": 16, "start_noise": 0.5} | own), parts)
    for _ in range(epochs):
        made.epoch()
    return made


def strong(made):
    """The same learner with cross matrices that matter, and biases that keep its few ReLUs alive."""
    for H in made.towers.H:
        nn.init.normal_(H, std=0.3)
    for b in made.towers.b:
        nn.init.uniform_(b, 0, 1)
    return made


def own_mean(made, domain, user):
    users, items, _ = made.parts.of(domain, TRAIN)
    own = items[users == user].astype(np.int64)
    return items_of(made, domain)[own].mean(0) if len(own) else torch.zeros(made.config["embedding"])


def items_of(made, domain):
    return made.item[made.first[domain] : made.first[domain + 1]]


def naive(made, t, user, item, crossed=True):
    """The logit of one pair, tower by tower from the definition."""
    p, symmetric = made.parts.ratings.p, made.config["symmetric"]
    matrix = {}
    for layer in (0, 1):
        pairs = [(q, r) for q in range(p) for r in range(q + 1, p)]
        for number, (q, r) in enumerate(pairs):
            matrix[layer, q, r] = matrix[layer, r, q] = made.towers.H[layer][number]
    vectors = [items_of(made, t)[item] if q == t else own_mean(made, q, user) for q in range(p)]
    a = [torch.cat([made.user[user], vector]) for vector in vectors]
    for layer in (0, 1):
        new = []
        for q in range(p):
            z = made.towers.W[layer][q] @ a[q] + made.towers.b[layer][q]
            senders = [r for r in range(p) if r != q and (r != t or symmetric)] if crossed else []
            new.append(torch.relu(z + sum(matrix[layer, q, r] @ a[r] for r in senders)))
        a = new
    hidden = torch.relu(made.towers.W[2][t] @ a[t] + made.towers.b[2][t])
    return made.towers.W[3][t, 0] @ hidden + made.towers.b[3][t, 0]


@settings(max_examples=10, deadline=None)
@given(p=st.integers(1, 4), symmetric=st.booleans(), crossed=st.booleans(), seed=st.integers(0, 99))
def test_fast_ranking_equals_the_network_pair_by_pair(p, symmetric, crossed, seed):
    parts = random_parts(seed, domains=p, users=12, items=7)
    made = strong(learner(parts, 1, symmetric=symmetric, crossed_prediction=crossed))
    rng = np.random.default_rng(seed)
    t, users = int(rng.integers(p)), rng.permutation(len(made.parts.ratings.users))[:4]
    m = len(made.parts.ratings.items[t])
    expected = [[float(naive(made, t, user, item, crossed).detach()) for item in range(m)] for user in users]
    np.testing.assert_allclose(made.score(t)(users).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_ranking_in_several_chunks_is_the_same(monkeypatch):
    made = strong(learner(random_parts()))
    whole = made.score(0)(made.users)
    monkeypatch.setattr(towers, "CHUNK", 7)
    monkeypatch.setattr(towers, "TOGETHER", 3)
    np.testing.assert_allclose(made.score(0)(made.users).numpy(), whole.numpy(), rtol=1e-5, atol=1e-6)


class Independent(nn.Module):
    """Plain towers on a shared user table, written without any crossing."""

    def __init__(self, made):
        super().__init__()
        e = made.config["embedding"]
        sizes = [2 * e, e, e // 2, e // 4, 1]
        self.user = nn.Embedding.from_pretrained(made.user.clone(), freeze=False, sparse=True)
        self.item = nn.ModuleList(
            nn.Embedding.from_pretrained(items_of(made, k).clone(), freeze=False, sparse=True)
            for k in range(made.parts.ratings.p)
        )
        self.towers = nn.ModuleList()
        for k in range(made.parts.ratings.p):
            layers = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
            for number, layer in enumerate(layers):
                layer.weight.data = made.towers.W[number][k].detach().clone()
                layer.bias.data = made.towers.b[number][k].detach().clone()
            between = [part for layer in layers for part in (layer, nn.ReLU())]
            self.towers.append(nn.Sequential(*between[:-1]))

    def forward(self, k, user, item):
        return self.towers[k](torch.cat([self.user(user), self.item[k](item)], -1))[..., 0]


def train_independent(plain, made, epochs):
    config = made.config
    tables = [plain.user.weight, *(table.weight for table in plain.item)]
    optimizers = torch.optim.SparseAdam(tables, lr=config["learning_rate"]), torch.optim.Adam(
        plain.towers.parameters(), lr=config["learning_rate"]
    )
    for _ in range(epochs):
        for users, batch in sconet.epoch(made.triples, made.users, config["batch_users"], made.rng):
            for optimizer in optimizers:
                optimizer.zero_grad()
            total = 0
            for k, (row, positive, negative) in enumerate(batch):
                if len(row):
                    item = torch.from_numpy(np.column_stack([positive, negative]))
                    user = torch.from_numpy(users[row])[:, None].expand_as(item)
                    truth = torch.zeros(item.shape)
                    truth[:, 0] = 1
                    total = total + F.binary_cross_entropy_with_logits(plain(k, user, item), truth)
            total.backward()
            for optimizer in optimizers:
                optimizer.step()


@pytest.mark.parametrize("symmetric", [False, True])
def test_with_zero_cross_matrices_it_trains_and_scores_as_independent_towers(symmetric):
    parts = random_parts(users=30)
    made, twin = (learner(parts, symmetric=symmetric, penalty=0.0) for _ in range(2))
    for H in made.towers.H:
        H.requires_grad_(False).zero_()
    plain = Independent(twin)
    for _ in range(3):
        made.epoch()
    train_independent(plain, twin, 3)
    for k, items in enumerate(parts.ratings.items):
        everything = torch.arange(len(items)).repeat(len(made.users), 1)
        theirs = plain(k, torch.from_numpy(made.users)[:, None].expand_as(everything), everything)
        np.testing.assert_allclose(made.score(k)(made.users).numpy(), theirs.detach().numpy(), rtol=1e-4, atol=1e-6)
    assert (made.user != learner(parts).user).any()  # training did move it


def test_what_is_trained_is_what_predicts():
    made = strong(learner(random_parts()))
    users, batch = next(sconet.epoch(made.triples, made.users, 64, np.random.default_rng(0)))
    losses, _ = made._learn(users, batch)
    for k, (row, positive, negative) in enumerate(batch):
        scores = made.score(k)(users)
        right, wrong = scores[row, positive], scores[row[:, None], negative]
        loss = torch.cat([F.softplus(-right), F.softplus(wrong).flatten()]).mean()
        assert float(losses[k]) == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradients_are_those_of_the_definition(symmetric):
    parts = random_parts(users=12, items=7)
    made = strong(learner(parts, symmetric=symmetric, penalty=0.2, sparsity=0.1))
    users, batch = next(sconet.epoch(made.triples, made.users, 6, np.random.default_rng(0)))
    batch[1] = tuple(part[:0] for part in batch[1])  # a domain without a pair
    losses, at_rows = made._learn(users, batch)
    tables, parameters = (made.user, made.item), list(made.towers.parameters())
    ours = [torch.zeros_like(table).index_add(0, *step) for table, step in zip(tables, at_rows)]
    ours += [parameter.grad.clone() for parameter in parameters]
    made.towers.zero_grad()
    made.user.requires_grad_(), made.item.requires_grad_()
    total = 0.1 * made.towers.penalty()
    for k, (row, positive, negative) in enumerate(batch):
        if len(row):
            items = np.column_stack([positive, negative])
            logits = [[naive(made, k, users[r], item) for item in some] for r, some in zip(row, items)]
            logits = torch.stack([torch.stack(some) for some in logits])
            truth = torch.zeros(logits.shape)
            truth[:, 0] = 1
            loss = F.binary_cross_entropy_with_logits(logits, truth)
            assert float(losses[k]) == pytest.approx(float(loss.detach()), rel=1e-5)
            seen = [item for user in users for item in parts.of(k, TRAIN)[1][parts.of(k, TRAIN)[0] == user]]
            squares = items_of(made, k)[[*seen, *items.ravel()]].square().sum() + made.user[users[row]].square().sum()
            total = total + loss + 0.2 * squares / len(row)
    total.backward()
    assert losses[1].isnan()
    for found, parameter in zip(ours, [*tables, *parameters], strict=True):
        torch.testing.assert_close(found, parameter.grad, rtol=1e-4, atol=1e-5)


def test_cross_terms_can_be_dropped_at_prediction_only():
    parts = random_parts()
    crossed, dropped = (strong(learner(parts, crossed_prediction=value)) for value in (True, False))
    user = crossed.users[:5]
    without = dropped.score(0)(user).numpy()
    assert not np.allclose(crossed.score(0)(user).numpy(), without, atol=1e-3)
    for H in crossed.towers.H:
        nn.init.zeros_(H)
    np.testing.assert_allclose(crossed.score(0)(user).numpy(), without, atol=1e-6)


@pytest.mark.parametrize("symmetric", [False, True])
def test_crossed_activations_belong_to_the_same_user(symmetric):
    made = strong(learner(random_parts(), symmetric=symmetric))
    user = int(made.parts.of(1, TRAIN)[0][0])
    before = made.score(0)(np.array([user]))
    assert len(before.unique()) > 5
    n = len(made.user)
    others = made.rated.copy()
    shuffled, rows = others.tolil(), n + np.setdiff1d(np.arange(n), [user])  # what is known of the others in domain 1
    shuffled[rows] = others[np.random.default_rng(0).permutation(rows)].tolil()
    made.rated = shuffled.tocsr()
    assert (made.rated != others).nnz
    torch.testing.assert_close(made.score(0)(np.array([user])), before, rtol=0, atol=0)
    shuffled[[n + user]] = 0
    made.rated = shuffled.tocsr()
    made.rated.eliminate_zeros()
    assert not torch.allclose(made.score(0)(np.array([user])), before)


def test_what_a_user_rated_in_the_target_is_not_among_her_inputs():
    made = strong(learner(random_parts(), symmetric=True))
    before = made.score(0)(made.users)
    rows, n = np.arange(made.rated.shape[0]), len(made.user)
    rows[:n] = np.roll(rows[:n], 1)
    made.rated = made.rated[rows]
    torch.testing.assert_close(made.score(0)(made.users), before, rtol=0, atol=0)


def test_the_penalty_pulls_every_cross_matrix_by_its_sign_and_nothing_else():
    made = strong(learner(random_parts(), sparsity=0.0))
    users, batch = next(sconet.epoch(made.triples, made.users, 64, np.random.default_rng(0)))
    gradients = []
    for sparsity in (0.0, 0.25):
        made.config["sparsity"] = sparsity
        made.towers.zero_grad()
        made._learn(users, batch)
        gradients.append({name: parameter.grad.clone() for name, parameter in made.towers.named_parameters()})
    for name, parameter in made.towers.named_parameters():
        pull = 0.25 * parameter.detach().sign() if name.startswith("H") else torch.zeros_like(parameter)
        torch.testing.assert_close(gradients[1][name] - gradients[0][name], pull, rtol=1e-4, atol=1e-5)


def test_a_strong_penalty_empties_the_cross_matrices():
    sizes = [float(learner(random_parts(), 8, sparsity=value).towers.penalty().detach()) for value in (0.0, 1.0)]
    assert sizes[1] < 0.2 * sizes[0]


def test_the_same_matrix_joins_two_towers_both_ways():
    first, second = learner(random_parts(domains=4)).towers.joined()
    for layer in (first, second):
        assert torch.equal(layer[1, 3], layer[3, 1])
        assert not torch.equal(layer[1, 3], layer[1, 2])
    assert first.shape == (4, 4, 16, 32) and second.shape == (4, 4, 8, 16)


def test_a_run_is_the_same_twice_and_scores_again_from_its_arrays():
    parts = random_parts()
    one, other = learner(parts, 3), learner(parts, 3)
    for k in range(parts.ratings.p):
        arrays = fit.made(one.arrays(k))
        assert all((arrays[name] == value).all() for name, value in fit.made(other.arrays(k)).items())
        assert all(value.dtype == np.float32 for value in arrays.values())
        torch.testing.assert_close(sconet.scorer(parts, k, arrays)(one.users), one.score(k)(one.users), rtol=1e-5, atol=1e-6)
    later = one.arrays(k)
    one.epoch()
    assert all((arrays[name] == value).all() for name, value in fit.made(later).items())  # training on does not reach them


def test_users_without_ratings_in_the_target_get_scores_of_their_own():
    rows = [("a", u, i, 5, TRAIN) for u in range(6) for i in range(4) if (u + i) % 2]
    rows += [("b", u, i, 5, TRAIN) for u in range(3) for i in range(4) if u != i]
    parts = parts_of([*rows, ("a", 0, 0, 1, VALID), ("b", 0, 0, 1, TEST)])
    scores = learner(parts, 2).score(1)(np.array([3, 4]))
    assert scores.isfinite().all() and not torch.equal(scores[0], scores[1])


def test_a_batch_without_pairs_of_a_domain_leaves_its_loss_out():
    rows = [("a", u, i, 5, TRAIN) for u in range(6) for i in range(4) if (u + i) % 2]
    parts = parts_of([*rows, *(("b", 0, i, 5, TRAIN) for i in range(2)), ("b", 1, 2, 5, TEST)])
    assert all(np.isfinite(row["loss"]) for row in learner(parts, batch_users=2).epoch())


def test_constant_scores_earn_no_more_than_chance():
    """Towers whose ReLUs have all died score every item alike: no reward, because ties are broken at random."""
    parts = split(block_ratings(users=300), 0)
    made = learner(parts)
    for weight in (*made.towers.W, *made.towers.b, *made.towers.H):
        nn.init.zeros_(weight)
    assert len(made.score(0)(made.users).unique()) == 1
    ndcg = evaluate(parts, 0, made.score(0))["ndcg@10"].mean()
    rng = np.random.default_rng(0)
    m = len(parts.ratings.items[0])
    chance = evaluate(parts, 0, lambda users: torch.from_numpy(rng.random((len(users), m), dtype=np.float32)))
    assert ndcg == pytest.approx(chance["ndcg@10"].mean(), abs=0.04)


def test_the_best_items_of_a_narrow_tower_do_not_tie_at_a_highest_logit():
    parts = split(block_ratings(), 0)
    for seed in range(8):
        made = learner(parts, 5, embedding=8, learning_rate=1e-2, start_noise=0.01, seed=seed)
        for k in range(parts.ratings.p):
            scores = made.score(k)(made.users)
            assert ((scores == scores.amax(1, keepdim=True)).sum(1) > 1).float().mean() < 0.5


def test_it_learns_what_users_like_from_another_domain():
    """Users rate items of their own block; two of three have no training rating in the target."""
    ratings = block_ratings(users=200)
    parts = split(ratings, 0)
    parts.part[(ratings.domain == 0) & (ratings.user % 3 > 0)] = TEST
    reached = []
    for epochs in (0, 8):
        table = evaluate(parts, 0, learner(parts, epochs, embedding=32, start_noise=0.01, batch_users=16).score(0))
        reached.append(table.loc[table["group"] == "cold_target", "ndcg@10"].mean())
    assert reached[1] > 2 * reached[0]


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="embedding=12 must be a multiple of 8"):
        sconet.Settings(embedding=12)


def test_a_whole_run_is_stored(monkeypatch):
    monkeypatch.setattr(baselines.data, "load", lambda name: block_ratings())
    run = baselines.run(baselines.configuration(dataset="tiny", method="sconet", embedding=8, epochs=2), show=False)
    assert not run.metrics["diverged"] and "shift.d0" in run.model
