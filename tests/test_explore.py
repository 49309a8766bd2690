"""Notebook 10's logic: finding users, lists of several methods, telling runs apart, what drove a list."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from films import TINY, dataset, home  # noqa: F401

from adc.errors import UserError
from adc.split import TRAIN
from adc.train import Trainer
from companion import paths, registry
from companion.escape import markdown
from companion.use.explore import influence, lookup, tables, training


@pytest.fixture(scope="module")
def models(dataset):
    """ADC, BPR and popularity on one split."""
    stored = lookup.stored(dataset)
    return lookup.load_models(lookup.adc_runs(stored)[0], stored)


@pytest.fixture(scope="module")
def adc(models):
    return models["ADC"]


def test_users_are_found_by_id_beginning_and_domains(adc):
    split, users, counts = adc.split, adc.users, lookup.training_counts(adc.split)
    assert users[lookup.search(split, "u7")].tolist() == ["u7"]
    assert set(users[lookup.search(split, "u4")]) == {"u4"}  # itself, though u40 begins so too
    beginning = lookup.search(split, "u")
    assert len(beginning) == 50 and (np.diff(counts[beginning].sum(1)) <= 0).all()
    both = users[lookup.search(split, "active in drama AND sci & fi")]
    assert "u0" not in both and "u1" in both
    least = counts[:, [split.ratings.index(name) for name in ("Drama", "Sci & Fi")]].min(1)
    assert set(both) == set(users[least >= lookup.ACTIVE])
    assert least[lookup.search(split, "Drama, Sci & Fi")[0]] == least.max()
    assert set(users[lookup.search(split, "")]) == set(users[counts.sum(1) > 0])


@pytest.mark.parametrize(
    "query, words", [("active in Dramo", "Did you mean 'drama'"), ("zz", "neither"), ("active in", "neither")]
)
def test_a_query_that_means_nothing_says_what_would(adc, query, words):
    with pytest.raises(UserError, match=words):
        lookup.search(adc.split, query)


def test_nobody_active_enough_is_said(adc):
    part = np.where(adc.ratings.domain == 0, 2, adc.split.part)
    with pytest.raises(UserError, match="Name fewer domains"):
        lookup.search(replace(adc.split, part=part), f"active in {adc.domains[0]}")


def test_users_to_choose_from_say_where_they_rated(adc):
    ((text, user),) = lookup.user_options(adc.split, lookup.search(adc.split, "u0"))
    count = lookup.training_counts(adc.split)[adc.row("u0")].sum()
    assert user == "u0" and text == f"u0:  Drama {count}"


def test_lists_are_the_recommenders_and_mark_her_test_ratings(models, adc):
    domain, user = "Drama", "u5"
    lists = lookup.lists(models, user, domain)
    assert list(lists) == ["ADC", "BPR", "popularity"]
    rated = adc.rated(user).query("domain == @domain").set_index("title")
    test, before = rated.query("part == 'test'")["rating"], set(rated.query("part != 'test'").index)
    for table, model in zip(lists.values(), models.values(), strict=True):
        assert list(table["title"]) == list(model.top(user, domain, test_items=True)["title"])
        assert not before & set(table["title"])
        for row in table.itertuples():
            assert row.stars == test.get(row.title) or (np.isnan(row.stars) and row.title not in test)


def test_the_ndcg_shown_is_the_stored_one(adc):
    row = adc.run.users.query("protocol == 'full' and target == 'Drama'").iloc[0]
    assert lookup.user_ndcg(adc.run, row["user"], "Drama") == row["ndcg@10"]
    assert np.isnan(lookup.user_ndcg(adc.run, "nobody", "Drama"))


def test_rivals_are_of_the_same_split(adc, dataset):
    other = registry.train(registry.configure("popularity", dataset, seed=1), show=False)
    alone = lookup.load_models(adc.run, [adc.run, other])
    assert alone["BPR"] is None and alone["popularity"] is None


def test_runs_are_told_apart_by_what_they_have_in_common(models, adc, dataset):
    config = registry.configure("adc", dataset, hidden_layers=1, gamma=1.0, **TINY)
    other = registry.train(config, show=False)
    table = lookup.differences([adc.run, other, models["BPR"].run])
    assert table.loc["gamma"].tolist() == ["2.0", "1.0", "–"]
    assert {"method", "hidden_layers"} <= set(table.index)
    assert "dim" not in table.index and "negatives" not in table.index  # the same for all
    validation, test = lookup.learning_curves([adc.run, other], "Drama")
    history = adc.run.history.query("domain == 'Drama'")
    of_adc = validation[validation["run"] == lookup.run_name(adc.run)]
    assert list(of_adc["value"]) == list(history["validation"])
    values = other.values().query("target == 'Drama' and protocol == 'full' and metric == 'ndcg' and n == 10")
    expected = values.set_index("group").loc["all", "value"]
    assert test[test["run"] == lookup.run_name(other)].set_index("n").loc[10, "value"] == expected


def test_the_live_training_is_that_of_a_run_and_stores_nothing(adc, dataset):
    before = sorted(paths.runs(dataset).iterdir())
    *first, last = training.epochs(adc.run.config, adc.split)
    assert len(first) == 1 and first[0]["epoch"].max() == 1
    pd.testing.assert_frame_equal(last, adc.run.history)
    assert sorted(paths.runs(dataset).iterdir()) == before


def test_a_score_that_is_no_number_ends_the_live_training(adc, monkeypatch):
    score = Trainer.score
    spoilt = lambda self, k: lambda users: score(self, k)(users) * (np.nan if k else 1)
    monkeypatch.setattr(Trainer, "score", spoilt)
    with pytest.raises(UserError, match="Diverged in epoch 1"):
        list(training.epochs(adc.run.config, adc.split))


@pytest.fixture(scope="module")
def networks(adc):
    *_, (networks, gap) = training.retrain(adc.run, adc.split)
    assert gap == 0 and len(networks) == 3  # as they were
    return networks


def test_a_run_that_diverged_at_once_has_no_network(adc):
    diverged = adc.run.metrics | {"best_epoch": dict.fromkeys(adc.domains, 0)}
    with pytest.raises(UserError, match="diverged at once"):
        list(training.retrain(replace(adc.run, metrics=diverged), adc.split))


def test_a_domain_left_out_is_replaced_by_the_mean_of_the_others(adc, networks):
    model, user = networks[0], adc.row("u5")
    own = model.user.detach()[model.rows[user]]  # [p, d]: she is in all three
    z = influence.z_without(model, user, [1])
    for row, vectors in enumerate((own, torch.stack([own[0], (own[0] + own[2]) / 2, own[2]]))):
        expected = model.decouple(model.trunk(vectors.reshape(1, -1)))[0]
        np.testing.assert_allclose(z[row].numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_with_missing_vectors_fixed_at_the_start_the_start_takes_its_place(adc):
    model = registry.learner(adc.run.config | {"missing_vector": "initial"}, adc.split).model
    user = adc.row("u5")
    vectors = model.user.detach()[model.rows[user]].clone()
    vectors[2] = model.initial_mean[user, 0]
    expected = model.decouple(model.trunk(vectors.reshape(1, -1)))[0].detach().numpy()
    z = influence.z_without(model, user, [2])[1].numpy()
    np.testing.assert_allclose(z, expected, rtol=1e-5, atol=1e-6)


def test_the_influence_is_counted_as_by_hand(adc, networks):
    domain, user = adc.ratings.index("Comedy"), adc.row("u1")  # who is not in it
    model, out = networks[domain], adc.domains.index("Drama")
    result = influence.influence(model, adc.split, user, domain, n=5)
    assert set(result.ranks.columns) == {"Drama", "Sci & Fi"}
    assert list(result.ranks.index) == list(adc.top("u1", "Comedy", 5, test_items=True)["title"])
    free = influence.candidates(adc.split, user, domain)
    z = influence.z_without(model, user, [out])[:, domain]
    whole, without = (z @ model.items(domain).detach().T).numpy()
    first = sorted(np.flatnonzero(free), key=lambda i: -whole[i])[:5]
    ranks = [1 + (without[free] > without[i]).sum() for i in first]
    assert list(result.ranks["Drama"]) == ranks
    assert result.summary.loc["Drama", "stay"] == sum(rank <= 5 for rank in ranks)
    above = lambda x: np.mean([x[i] - x[free].mean() for i in first])
    pull = (above(whole) - above(without)) / whole[free].std()
    assert result.summary.loc["Drama", "pull"] == pytest.approx(pull, rel=1e-4)
    assert any(markdown(name) in influence.describe(result) for name in result.ranks.columns)
    shown = tables.influence(result).data
    assert len(shown) == 7 and "Comedy, by the whole network" in shown
    assert shown.loc["pull", "Drama"] == f"{pull:+.2f}"


def test_of_a_single_domain_nothing_would_be_left(adc, networks):
    result = influence.influence(networks[0], adc.split, adc.row("u0"), 0)
    assert result.summary.empty and "fewer than two" in influence.describe(result)


@pytest.mark.parametrize("left", [0, 1, 30])
def test_where_there_is_no_order_no_domain_drives_it(adc, networks, monkeypatch, left):
    model = copy.deepcopy(networks[0])
    with torch.no_grad():
        model.item.zero_()  # of 30 items all have the same score
    monkeypatch.setattr(influence, "candidates", lambda split, user, domain: np.arange(30) < left)
    result = influence.influence(model, adc.split, adc.row("u5"), 0)
    assert result.ranks.empty and result.summary.empty and "no order to explain" in influence.describe(result)


def test_tables_show_text_as_text(models, adc):
    lists = lookup.lists(models, "u5", "Drama")
    scores = {"ADC": 0.5, "BPR": np.nan, "popularity": 0.25}
    html = tables.ratings(adc.rated("u5"), adc.domains).to_html() + tables.lists(lists, scores).to_html()
    assert "&lt;Drama&gt; " in html and "<Drama>" not in html and "Sci &amp; Fi" in html
    assert "ADC: NDCG@10 0.500" in html and "BPR: no relevant test item" in html and "★" in html
    absent = tables.ratings(adc.rated("u1"), adc.domains).to_html()
    assert "her vector here is the mean of her others" in absent
    elsewhere = lookup.lists({"ADC": adc}, "u1", "Comedy")
    assert "scored by elsewhere" in tables.lists(elsewhere, {"ADC": 0.5}).to_html()


def test_counts_are_of_the_training_ratings(adc):
    counts = lookup.training_counts(adc.split)
    user, _, _ = adc.split.of(1, TRAIN)
    assert (counts[:, 1] == np.bincount(user, minlength=len(adc.users))).all()
