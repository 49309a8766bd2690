"""CLFM: its objective never grows, only S_0 is shared, and what it factorises it finds again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import block_ratings, random_split, split_from_rows, training_pairs

from adc.evaluation import evaluate, groups, popularity
from adc.split import TEST, TRAIN, VALID, split_ratings
from companion import registry
from companion.rivals import clfm
from companion.rivals.clfm import CLFM


def learner(split, epochs=0, **options):
    model = CLFM(registry.configure("clfm", **options), split)
    for _ in range(epochs):
        model.epoch()
    return model


def objective(model):
    return sum(domain.squared_error(model.pattern(k)) for k, domain in enumerate(model.domains))


@st.composite
def models(draw):
    """CLFM after its first epoch, on random ratings from nearly none to nearly all."""
    share, shared = draw(st.sampled_from([0.1, 0.3, 0.8])), draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    split = random_split(draw(st.integers(0, 10_000)), users=15, items=12, share=share)
    small, step = st.integers(1, 5), draw(st.sampled_from([0.1, 0.5, 1.0]))
    sizes = {"user_clusters": draw(small), "item_clusters": draw(small), "step": step, "negatives": 2}
    return learner(split, 1, objective=draw(st.sampled_from(clfm.OBJECTIVES)), shared=shared, **sizes)


@settings(max_examples=60, deadline=None)
@given(models())
def test_the_objective_never_grows_in_a_sweep_nor_in_an_update_of_memberships(model):
    domain, errors = model.domains[0], [objective(model)]
    for _ in range(10):
        model.sweep()
        errors.append(objective(model))
    B, of_domain = model.pattern(0), [domain.squared_error(model.pattern(0))]
    for _ in range(5):
        domain.U = domain.updated(domain.X, domain.U, domain.V @ B.T)
        of_domain.append(domain.squared_error(B))
        domain.V = domain.updated(domain.transposed, domain.V, domain.U @ B)
        of_domain.append(domain.squared_error(B))
    for course in (errors, of_domain):  # a small model may fit exactly: what is left is rounding
        assert (np.diff(course) <= 1e-9 * errors[0] + 1e-20).all()


def test_the_objective_is_the_sum_over_known_entries_only():
    split = random_split(seed=1)
    model = learner(split, objective="ratings", user_clusters=3, item_clusters=4)
    for k, domain in enumerate(model.domains):
        user, item, rating = split.of(k, TRAIN)
        whole = domain.U @ model.pattern(k) @ domain.V.T
        expected = ((rating - whole[np.searchsorted(domain.users, user), item]) ** 2).sum()
        assert domain.squared_error(model.pattern(k)) == pytest.approx(expected)


def test_factors_stay_nonnegative_and_the_originals_rows_sum_to_one():
    model = learner(random_split(seed=2), 5, objective="ratings", user_clusters=4, item_clusters=4)
    for k, domain in enumerate(model.domains):
        assert (domain.U >= 0).all() and (domain.V >= 0).all() and (model.pattern(k) >= 0).all()
        np.testing.assert_allclose(domain.U.sum(1), 1)
        np.testing.assert_allclose(domain.V.sum(1), 1)


@pytest.mark.parametrize("shared, moves", [(0.0, False), (0.5, True)])
def test_domains_learn_from_each_other_through_the_shared_pattern_alone(shared, moves):
    """The second domain's stars are changed; the first domain's users stay the same."""
    split = random_split(seed=3, domains=2)
    rating = np.where(split.ratings.domain == 1, 6 - split.ratings.rating, split.ratings.rating)
    changed = replace(split, ratings=replace(split.ratings, rating=rating))
    one, two = (learner(parts, 3, objective="ratings", shared=shared) for parts in (split, changed))
    assert (one.domains[0].U != two.domains[0].U).any() == moves


def test_top_n_knows_ones_and_as_many_zeros_as_were_drawn_never_a_training_item():
    split = random_split(seed=4)
    model = learner(split, 1, negatives=5)
    for k, domain in enumerate(model.domains):
        row, item = domain.X.nonzero()
        assert {(domain.users[u], i) for u, i in zip(row, item)} <= training_pairs(split, k)
        positives = len(domain.triples.user)
        assert domain.X.sum() == positives and (domain.X.data <= 1).all()
        assert positives < domain.X.nnz <= 6 * positives
    before = domain.X.nnz, domain.X.indices
    model.epoch()
    assert before[0] != domain.X.nnz or (before[1] != domain.X.indices).any()  # drawn anew (R17)


@pytest.mark.parametrize("kind", clfm.OBJECTIVES)
def test_users_without_target_training_ratings_get_the_mean_row(kind):
    split = random_split(seed=5)
    model, cold = learner(split, 1, objective=kind), np.flatnonzero(groups(split, 0) > 0)
    domain, B, rows = model.domains[0], model.pattern(0), model.arrays(0)["user"]
    np.testing.assert_allclose(rows[cold], np.tile(domain.U.mean(0) @ B, (len(cold), 1)), rtol=1e-5)
    np.testing.assert_allclose(rows[domain.users], domain.U @ B, rtol=1e-5)


def test_items_without_training_ratings_get_the_mean_row_in_the_original():
    rows = [("a", f"u{u}", f"i{i}", float(1 + (u + i) % 5), TRAIN) for u in range(6) for i in range(4)]
    split = split_from_rows([*rows, ("a", "u0", "i9", 5.0, TEST)])
    item = learner(split, 1, objective="ratings").arrays(0)["item"]
    np.testing.assert_allclose(item[4], item[:4].mean(0), rtol=1e-5)


def test_stars_made_by_clusters_are_found_again():
    """Two kinds of users and of items, and a star for each pair of kinds: held-out stars are predicted."""
    pattern, rng = np.array([[5.0, 1.0], [2.0, 4.0]]), np.random.default_rng(0)
    rows = [
        (name, f"u{u:02d}", f"i{i:02d}", pattern[u % 2, i % 2], TRAIN if rng.random() < 0.4 else TEST)
        for name in "ab" for u in range(40) for i in range(30)
    ]  # fmt: skip
    split = split_from_rows(rows)
    model = learner(split, 100, objective="ratings", user_clusters=4, item_clusters=4)
    for k in range(2):
        user, item, star = split.of(k, TEST)
        guess = model.score(k)(np.arange(40)).numpy()[user, item]
        assert np.sqrt(np.mean((guess - star) ** 2)) < 0.3 * star.std()


def test_top_n_finds_blocks():
    split = split_ratings(block_ratings(), 0)
    model = learner(split, 30, user_clusters=8, item_clusters=8)
    popular = torch.from_numpy(popularity(split, 0))
    scores = model.score(0), lambda users: popular.repeat(len(users), 1)
    ours, most = (evaluate(split, 0, score)["ndcg@10"].mean() for score in scores)
    assert ours > 2 * most


def test_validation_errors_are_those_of_held_out_stars_beside_the_mean_rating():
    split = split_from_rows([("a", 0, 0, 4.0, TRAIN), ("a", 1, 0, 2.0, TRAIN), ("a", 0, 1, 5.0, VALID)])
    arrays = {"user": np.array([[2.0], [1.0]]), "item": np.array([[1.0], [1.0]])}
    assert clfm.validation_errors(split, 0, arrays) == (3.0, 2.0)
