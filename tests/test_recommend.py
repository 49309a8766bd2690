"""A stored run in use: what is recommended, to whom, by which rule; and what is said when it cannot be."""

import numpy as np
import pandas as pd
import pytest
from recommending import FAST, METHODS, dataset, home, train  # noqa: F401

from adc.errors import UserError
from adc.split import TEST, VALID
from companion import registry, runs
from companion.use import recommend


@pytest.fixture(scope="module", autouse=True)
def trained(dataset):
    """Every method on the table."""
    for method in METHODS:
        train(method, dataset)


def pick(method: str, dataset=None, **which) -> recommend.Recommender:
    """The best run of a method, as it was tested."""
    dataset = dataset or recommend.paths.home() / "mine.csv"
    return recommend.load(recommend.candidates(dataset, method, **which)["folder"][0])


def warm_user(model, k: int) -> str:
    return model.users[model._group[k] == 0][0]


each = pytest.mark.parametrize("method", METHODS)


@each
def test_no_rated_item_is_recommended_and_scores_fall(method):
    model = pick(method)
    for user in (model.users[0], model.users[-1]):
        top = model.top(user, "films", n=99)
        rated = model.rated(user)
        items = set(rated.loc[rated["domain"] == "films", "item"])
        assert list(top.columns) == recommend.COLUMNS and set(top["rule"]) <= set(recommend.RULES)
        assert len(top) == 15 - len(items) and not items & set(top["item"])
        assert top["score"].is_monotonic_decreasing and list(top["rank"]) == list(range(1, len(top) + 1))


@each
def test_the_scores_are_those_that_the_run_was_tested_with(method):
    """The stored per-user NDCG@10 follows from `top` with the test items among the candidates."""
    model = pick(method)
    tested = model.run.users.query("protocol == 'full' and target == 'films' and relevant == 1")
    assert len(tested)
    compared = 0
    for row in tested.itertuples():
        rated = model.rated(row.user).query("domain == 'films'")
        relevant = (rated["part"] == "test") & (rated["rating"] > rated["rating"].mean() + 1e-6)
        top = model.top(row.user, "films", n=99, test_items=True).set_index("item")
        hit = rated.loc[relevant, "item"].item()
        if (top["score"] == top.loc[hit, "score"]).sum() == 1:  # a tie may fall either way
            rank, compared = top.loc[hit, "rank"], compared + 1
            ndcg = 1 / np.log2(rank + 1) if rank <= 10 else 0
            assert tested.loc[row.Index, "ndcg@10"] == pytest.approx(ndcg)
    assert compared or method in ("popularity", "itemknn")


@each
def test_a_batch_is_its_users_one_below_the_other(method):
    model = pick(method)
    users = list(model.users[[3, 0, 30]])
    batch = model.batch(users, "books", n=3)
    tops = [model.top(user, "books", 3) for user in users]
    pd.testing.assert_frame_equal(batch, pd.concat(tops, ignore_index=True))
    assert model.batch([], "books").empty and list(model.batch([], "books").columns) == recommend.COLUMNS


def test_the_rule_says_from_where_a_user_is_known():
    rules = {"clfm": "mean user", "random": "random"}
    merged = ("itemknn_merged", "ease_merged", "bpr_merged")
    rules |= dict.fromkeys(("adc", "static", *merged, "cdcf", "sconet"), "elsewhere")
    rules |= dict.fromkeys(("bpr", "itemknn", "ease", "popularity"), "popularity")
    assert set(rules) == set(METHODS)
    for method, rule in rules.items():
        model = pick(method)
        assert set(model.top("f0", "books")["rule"]) == {rule} == {model.rules("books")["f0"]}
        assert list(model.rules("books").index) == list(model.users)
    assert pick("adc").rules("films")[warm_user(pick("adc"), 0)] == "own"


def test_popularity_where_that_is_the_rule():
    popular = pick("popularity").top("f0", "books", n=99)
    for method in ("bpr", "itemknn", "ease"):
        assert list(pick(method).top("f0", "books", n=99)["item"]) == list(popular["item"])
    assert list(pick("adc").top("f0", "books", n=99)["item"]) != list(popular["item"])


@each
def test_a_user_without_any_training_rating_gets_popularity_from_every_method(method):
    model = pick(method)
    model._group = [np.where(np.arange(len(group)) == 0, 2, group) for group in model._group]
    assert model.rules("films").iloc[0] == "popularity"
    assert np.array_equal(model._scores(np.array([0]), 0)[0], model._popularity[0])


def test_titles_are_shown_where_they_are_known():
    model = pick("bpr")
    films, books = (model.top(model.users[0], domain, 2) for domain in ("films", "books"))
    assert list(films["title"]) == [f"Film no. {int(item)}" for item in films["item"]]
    assert list(books["title"]) == list(books["item"])


@pytest.mark.parametrize("method", recommend.fold_in.LINEAR)
def test_a_linear_method_scores_somebody_new_as_a_user_with_the_same_ratings(method):
    model = pick(method)
    user = warm_user(model, 0)
    hers = model.rated(user).query("part == 'train'")
    top = model.new(hers, "films", n=99)
    films = set(hers.loc[hers["domain"] == "films", "item"])
    assert set(top["rule"]) == {"own ratings"} and not films & set(top["item"])
    scores = pd.Series(model._scores(np.array([model.row(user)]), 0)[0], model.ratings.items[0])
    assert top["score"].to_numpy() == pytest.approx(scores[top["item"]].to_numpy(), rel=1e-5)


@pytest.mark.parametrize("method", ["adc", "static", "bpr", "bpr_merged", "clfm", "cdcf"])
def test_a_vector_for_somebody_new_is_the_weighted_mean_of_her_neighbours(method):
    model = pick(method)
    top = model.new([{"domain": "books", "item": "03"}, {"domain": "books", "item": "04"}], "films", n=99)
    assert set(top["rule"]) == {"neighbours"} and len(top) == 15
    total, weight = np.zeros(model.arrays[0]["user"].shape[1]), 0.0
    for row, user in enumerate(model.users):  # a plain loop, as the rule says
        rated = model.rated(user).query("part == 'train'")
        if (rated["domain"] == "films").any():
            shared = rated[(rated["domain"] == "books") & rated["item"].isin(["03", "04"])]
            cosine = len(shared) / np.sqrt(2 * len(rated))
            total, weight = total + cosine * model.arrays[0]["user"][row], weight + cosine
    scores = pd.Series(model.arrays[0]["item"] @ (total / weight), model.ratings.items[0])
    assert top["score"].to_numpy() == pytest.approx(scores[top["item"]].to_numpy(), rel=1e-4, abs=1e-6)


def test_somebody_like_nobody_gets_popularity(monkeypatch):
    model = pick("adc")
    ratings, part = model.ratings, model.split.part.copy()
    part[(ratings.domain == 1) & (ratings.item == 3)] = VALID  # now nobody trained on this item
    monkeypatch.setitem(model.split.__dict__, "part", part)
    new = model.new([{"domain": "books", "item": ratings.items[1][3]}], "films")
    assert set(new["rule"]) == {"popularity"}


@pytest.mark.parametrize("method", ["random", "sconet"])
def test_a_method_without_a_rule_for_somebody_new_says_so(method):
    with pytest.raises(UserError, match=f"'{method}' has no rule for somebody who is not in"):
        pick(method).new([{"domain": "films", "item": "03"}], "films")


SLIPS = {
    "User 'nobody' has no ratings in dataset": lambda model: model.top("nobody", "films"),
    "Unknown domain 'fims'": lambda model: model.top("a0", "fims"),
    "n = 0: expected": lambda model: model.top("a0", "films", n=0),
    "n = 2.5: expected": lambda model: model.top("a0", "films", n=2.5),
    "table with the columns domain and item": lambda model: model.new([{"item": "03"}], "films"),
    "one row or more": lambda model: model.new([], "films"),
    "has no item 'x'": lambda model: model.new([{"domain": "books", "item": "x"}], "films"),
    "no finished run in": lambda model: recommend.stored_runs("other"),
    "no finished run of 'ease' with seed 7": lambda model: pick("ease", model.ratings.name, seed=7),
    "registry.train(configuration) trains it":
        lambda model: recommend.load(registry.configure("adc", model.ratings.name, seed=9)),
    "is not a run folder": lambda model: recommend.load("nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("words", SLIPS)
def test_slips_are_told_in_one_sentence_or_two(words):
    with pytest.raises(UserError) as error:
        SLIPS[words](pick("bpr"))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_single_rating_needs_no_brackets():
    new = pick("adc").new({"domain": "films", "item": "03"}, "films")
    assert new.equals(pick("adc").new([{"domain": "films", "item": "03"}], "films"))


def test_a_run_is_loaded_by_folder_configuration_run_and_file(dataset):
    config = registry.configure("ease", dataset)
    run = runs.find(config)
    models = [recommend.load(key) for key in (config, run, run.folder, str(run.folder))] + [pick("ease")]
    assert all(model.top("a0", "films").equals(models[0].top("a0", "films")) for model in models)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_are_those_of_a_stable_sort_whatever_is_equal(seed):
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(1, 12)), int(rng.integers(1, 14))
    scores = rng.integers(0, 4, (40, m)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    popular = rng.integers(0, 3, m).astype(np.float32)
    item, value = recommend.best(scores, popular, n)
    expected = np.array([np.lexsort((-popular, -row))[:n] for row in scores])
    assert np.array_equal(item, expected)
    assert np.array_equal(value, np.take_along_axis(scores, expected, 1))


def test_the_best_on_validation_is_picked(dataset):
    for dim in (2, 3):
        registry.train(registry.configure("bpr", dataset, dim=dim, **FAST), show=False)
    table = recommend.stored_runs(dataset)
    assert table["validation"].is_monotonic_decreasing and (table["method"] == "bpr").sum() == 3
    best = table[table["method"] == "bpr"].iloc[0]
    run = pick("bpr", dataset).run
    assert str(run.folder) == best["folder"]
    assert best["validation"] == pytest.approx(np.mean([*run.metrics["validation"].values()]))
    first = recommend.candidates(dataset).iloc[0]
    assert str(pick("", dataset).run.folder) == first["folder"]
    assert first["validation"] == table["validation"].max() and table["rank"].min() == 1


def test_methods_are_compared_on_the_seeds_that_all_have(monkeypatch):
    columns = ["method", "variant", "seed", "domains", "validation", "settings", "folder"]
    rows = [("bpr", "", seed, "", value, "a", f"bpr{seed}") for seed, value in ((0, 0.1), (1, 0.3), (2, 0.9))]
    rows += [("ease", "", seed, "", 0.25, "b", f"ease{seed}") for seed in (0, 1)]
    rows += [("bpr", "", 1, "", 0.8, "c", "lucky"), ("adc", "", 0, "books", 0.99, "d", "other domains")]
    rows += [("adc_residual", "", 0, "", 0.99, "e", "variant")]
    table = pd.DataFrame(rows, columns=columns).assign(kept=True)
    monkeypatch.setattr(recommend, "stored_runs", lambda dataset: table)
    best = recommend.candidates("x")
    assert list(best["folder"]) == ["ease0", "bpr0"]
    assert list(best["validation"]) == [0.25, pytest.approx(0.2)]
    assert list(recommend.candidates("x", seed=1)["folder"]) == ["lucky", "bpr1", "ease1"]
    assert list(recommend.candidates("x", "bpr")["folder"]) == ["bpr0"]  # the other has one seed of three
    assert list(recommend.candidates("x", domains="books")["folder"]) == ["other domains"]
    table["kept"] = ~table["folder"].isin(["ease0", "bpr0", "bpr1"])  # bpr2 is of no common seed
    assert list(recommend.candidates("x")["folder"]) == ["ease1", "bpr2"]


def test_a_run_on_some_domains_knows_only_those(dataset):
    config = registry.configure("popularity", dataset, domains="books")
    model = recommend.load(registry.train(config, show=False))
    picked = pick("popularity", dataset, domains="books")
    assert model.domains == ["books"] and picked.run.folder == model.run.folder
    table = recommend.stored_runs(dataset)
    assert {*table["domains"]} == {"", "books"}
    assert list(table.loc[table["domains"] == "books", "rank"]) == [1]
    with pytest.raises(UserError, match="User 'f0' has no ratings"):
        model.top("f0", "books")
    assert TEST in model.split.part


def test_a_dataset_that_is_not_prepared_here_is_told(dataset, tmp_path, monkeypatch):
    run = runs.find(registry.configure("ease", dataset))
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    registry._split.cache_clear()
    with pytest.raises(UserError, match="is not prepared"):
        recommend.load(run.folder)
