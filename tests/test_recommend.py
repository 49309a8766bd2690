"""A stored run in use: what is recommended, to whom, by which rule; and what is said when it cannot be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adc import baselines, data, recommend, runs, train
from adc.errors import UserError
from adc.split import TEST, TRAIN, VALID

FAST = {"epochs": 2, "patience": 2}
METHODS = {"adc": {}, "static": {"balancer": "static"}, **{name: {"method": name} for name in baselines.METHODS}}


def table() -> pd.DataFrame:
    """Two domains, films the larger; users a… in both, f… in films only, b… in books only; titles in films."""
    rng = np.random.default_rng(0)
    rows = []
    for kind, count, domains in (("a", 14, ("films", "books")), ("f", 16, ("films",)), ("b", 14, ("books",))):
        for number in range(count):
            for domain in domains:
                for item in rng.permutation(15)[:8]:
                    title = f"Film no. {item}" if domain == "films" else ""
                    rows.append((domain, f"{kind}{number}", f"{item:02}", rng.integers(1, 6), title))
    return pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "title"])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Every method trained on the table."""
    place = tmp_path_factory.mktemp("recommend")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(place))
        table().to_csv(place / "mine.csv", index=False)
        dataset = data.prepare(str(place / "mine.csv")).name
        for given in METHODS.values():
            if "method" in given:
                own = FAST if "dim" in baselines.parameters(given["method"]) or given["method"] in ("clfm", "sconet") else {}
                baselines.run(baselines.configuration(dataset=dataset, **given, **own), show=False)
            else:
                train.run(train.configuration(dataset=dataset, dim=4, hidden_layers=1, **FAST, **given), show=False)
        yield place


@pytest.fixture(autouse=True)
def there(home, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(home))


def picked(method: str) -> recommend.Recommender:
    return recommend.pick(recommend.Path(recommend.paths.home()) / "mine.csv", method)


def warm(model, k: int) -> str:
    return model.users[model._group[k] == 0][0]


each = pytest.mark.parametrize("method", METHODS)


@each
def test_no_rated_item_is_recommended_and_scores_fall(method):
    model = picked(method)
    for user in (model.users[0], model.users[-1]):
        found = model.top(user, "films", n=99)
        rated = model.rated(user)
        mine = set(rated.loc[rated["domain"] == "films", "item"])
        assert list(found.columns) == recommend.COLUMNS and set(found["rule"]) <= set(recommend.RULES)
        assert len(found) == 15 - len(mine) and not mine & set(found["item"])
        assert found["score"].is_monotonic_decreasing and list(found["rank"]) == list(range(1, len(found) + 1))


@each
def test_the_scores_are_those_that_the_run_was_tested_with(method):
    """The stored per-user NDCG@10 follows from `top` with the test items among the candidates."""
    model = picked(method)
    tested = model.run.users
    tested = tested[(tested["protocol"] == "full") & (tested["target"] == "films") & (tested["relevant"] == 1)]
    assert len(tested)
    seen = 0
    for row in tested.itertuples():
        rated = model.rated(row.user)
        rated = rated[rated["domain"] == "films"]
        hit = rated.loc[(rated["part"] == "test") & (rated["rating"] > rated["rating"].mean() + 1e-6), "item"].item()
        ranked = model.top(row.user, "films", n=99, test_items=True).set_index("item")
        if (ranked["score"] == ranked.loc[hit, "score"]).sum() == 1:  # a tie may fall either way
            rank, seen = ranked.loc[hit, "rank"], seen + 1
            assert tested.loc[row.Index, "ndcg@10"] == pytest.approx(1 / np.log2(rank + 1) if rank <= 10 else 0)
    assert seen or method in ("popularity", "itemknn")


@each
def test_a_batch_is_its_users_one_below_the_other(method):
    model = picked(method)
    users = list(model.users[[3, 0, 30]])
    together = model.batch(users, "books", n=3)
    pd.testing.assert_frame_equal(together, pd.concat([model.top(user, "books", 3) for user in users], ignore_index=True))
    assert model.batch([], "books").empty and list(model.batch([], "books").columns) == recommend.COLUMNS


def test_the_rule_says_from_where_a_user_is_known():
    expected = {"adc": "elsewhere", "static": "elsewhere", "bpr_merged": "elsewhere", "cdcf": "elsewhere", "sconet": "elsewhere",
                "bpr": "popularity", "itemknn": "popularity", "ease": "popularity", "popularity": "popularity", "clfm": "mean user",
                "random": "random"}  # fmt: skip
    for method, rule in expected.items():
        model = picked(method)
        assert model.rule("f0", "books") == rule and set(model.top("f0", "books")["rule"]) == {rule}
        assert model.rules("books")["f0"] == rule and len(model.rules("books")) == len(model.users)
    assert picked("adc").rule(warm(picked("adc"), 0), "films") == "own"


def test_popularity_where_that_is_the_rule():
    popular = picked("popularity").top("f0", "books", n=99)
    for method in ("bpr", "itemknn", "ease"):
        pd.testing.assert_frame_equal(picked(method).top("f0", "books", n=99)[["item", "rank"]], popular[["item", "rank"]])
    assert list(picked("adc").top("f0", "books", n=99)["item"]) != list(popular["item"])


def test_a_user_without_any_training_rating_gets_popularity_from_every_method(monkeypatch):
    for method in METHODS:
        model = picked(method)
        model.parts.part[model.ratings.user == 0] = TEST
        other = recommend.Recommender.__new__(recommend.Recommender)
        other.__dict__ |= model.__dict__ | {"_group": [np.where(np.arange(len(group)) == 0, 2, group) for group in model._group]}
        assert other.rule(model.users[0], "films") == "popularity"
        scores = other._scores(np.array([0]), 0)[0]
        assert np.array_equal(scores, model._popular[0])


def test_titles_are_shown_where_they_are_known():
    model = picked("bpr")
    films, books = (model.top(model.users[0], domain, 2) for domain in ("films", "books"))
    assert list(films["title"]) == [f"Film no. {int(item)}" for item in films["item"]]
    assert list(books["title"]) == list(books["item"])


# Somebody new


@pytest.mark.parametrize("method", ["itemknn", "ease"])
def test_a_linear_method_scores_somebody_new_as_a_user_with_the_same_ratings(method):
    model, user = picked(method), warm(picked(method), 0)
    rated = model.rated(user)
    hers = rated[(rated["domain"] == "films") & (rated["part"] == "train")]
    found = model.new(hers, "films", n=99)
    assert set(found["rule"]) == {"own ratings"} and not set(hers["item"]) & set(found["item"])
    known = model.scores(user, "films")
    assert found.set_index("item")["score"].to_numpy() == pytest.approx(known[found["item"]].to_numpy(), rel=1e-5)


@pytest.mark.parametrize("method", ["adc", "static", "bpr", "bpr_merged", "clfm", "cdcf"])
def test_a_vector_for_somebody_new_is_the_weighted_mean_of_her_neighbours(method):
    model = picked(method)
    hers = [{"domain": "books", "item": "03"}, {"domain": "books", "item": "04"}]
    found = model.new(hers, "films", n=99)
    assert set(found["rule"]) == {"neighbours"} and len(found) == 15
    total, weight = np.zeros(model.arrays[0]["user"].shape[1]), 0.0
    for row, user in enumerate(model.users):  # a plain loop, as the rule says
        rated = model.rated(user)
        rated = rated[rated["part"] == "train"]
        if (rated["domain"] == "films").any():
            shared = rated[(rated["domain"] == "books") & rated["item"].isin(["03", "04"])]
            cosine = len(shared) / np.sqrt(2 * len(rated))
            total, weight = total + cosine * model.arrays[0]["user"][row], weight + cosine
    scores = pd.Series(model.arrays[0]["item"] @ (total / weight), model.ratings.items[0])
    assert found["score"].to_numpy() == pytest.approx(scores[found["item"]].to_numpy(), rel=1e-4, abs=1e-6)


def test_somebody_like_nobody_gets_popularity():
    model = picked("adc")
    rows = model.ratings
    model.parts.part[(rows.domain == 1) & (rows.item == 3)] = VALID  # now nobody trained on this item
    assert set(model.new([{"domain": "books", "item": rows.items[1][3]}], "films")["rule"]) == {"popularity"}


@pytest.mark.parametrize("method", ["random", "sconet"])
def test_a_method_without_a_rule_for_somebody_new_says_so(method):
    with pytest.raises(UserError, match=f"'{method}' has no rule for somebody who is not in its training data"):
        picked(method).new([{"domain": "films", "item": "03"}], "films")


# What is told


def test_slips_are_told_in_one_sentence_or_two():
    model = picked("bpr")
    slips = {
        "User 'nobody' has no ratings in dataset": lambda: model.top("nobody", "films"),
        "Unknown domain 'fims'": lambda: model.top("a0", "fims"),
        "n = 0: expected": lambda: model.top("a0", "films", n=0),
        "n = 2.5: expected": lambda: model.top("a0", "films", n=2.5),
        "table with the columns domain and item": lambda: model.new([{"item": "03"}], "films"),
        "one row or more": lambda: model.new([], "films"),
        "Found a dict that is no table; put a single rating into brackets": lambda: model.new({"domain": "films", "item": "03"}, "films"),
        "has no item 'x'": lambda: model.new([{"domain": "books", "item": "x"}], "films"),
        "no finished run of dataset 'other'": lambda: recommend.stored_runs("other"),
        "no finished run of 'ease' with seed 7": lambda: recommend.pick(model.ratings.name, "ease", seed=7),
        "adc.train.run(configuration) trains it": lambda: recommend.load(train.configuration(dataset=model.ratings.name, seed=9)),
        "adc.baselines.run(configuration) trains it": lambda: recommend.load(baselines.configuration(dataset=model.ratings.name, seed=9)),
        "is not a run folder": lambda: recommend.load("nowhere"),
    }
    for words, slip in slips.items():
        with pytest.raises(UserError) as error:
            slip()
        assert words in str(error.value) and "\n" not in str(error.value), error.value


def test_a_run_is_found_by_folder_configuration_run_and_file(home):
    config = baselines.configuration(dataset=data.dataset_id(str(home / "mine.csv")), method="ease")
    run = runs.find(config)
    tops = [recommend.load(of).top("a0", "films") for of in (config, run, run.folder, str(run.folder))] + [picked("ease").top("a0", "films")]
    assert all(top.equals(tops[0]) for top in tops)


def test_the_best_on_validation_is_picked(home, monkeypatch):
    dataset = data.dataset_id(str(home / "mine.csv"))
    more = [baselines.run(baselines.configuration(dataset=dataset, method="bpr", seed=0, **FAST, dim=d), show=False) for d in (2, 3)]
    found = recommend.stored_runs(dataset)
    assert found["validation"].is_monotonic_decreasing
    mine = [run for run in map(runs.load, map(recommend.Path, found["folder"])) if run.config["method"] == "bpr"]
    best = max(mine, key=lambda run: np.mean([*run.metrics["validation"].values()]))
    assert recommend.pick(dataset, "bpr").run.folder == best.folder and len(mine) == 1 + len(more)


def test_a_run_on_some_domains_knows_only_those(home):
    dataset = data.dataset_id(str(home / "mine.csv"))
    config = baselines.configuration(dataset=dataset, domains="books", method="popularity")
    model = recommend.load(baselines.run(config, show=False))
    assert model.domains == ["books"] and recommend.pick(dataset, "popularity", domains="books").run.folder == model.run.folder
    with pytest.raises(UserError, match="User 'f0' has no ratings"):
        model.top("f0", "books")
    assert TRAIN in model.parts.part


def test_a_dataset_that_is_not_prepared_here_is_told(tmp_path, monkeypatch, home):
    run = runs.find(baselines.configuration(dataset=data.dataset_id(str(home / "mine.csv")), method="ease"))
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    with pytest.raises(UserError, match="is not prepared"):
        recommend.load(run.folder)


def test_the_notebook_counts_a_runs_files_and_claims_of_newcomers_no_more_than_the_rules_say():
    text = (Path(__file__).parents[1] / "notebooks" / "16_recommend.ipynb").read_text(encoding="utf-8")
    assert "A run is five files in a folder" in text and len(list(picked("adc").run.folder.iterdir())) == 5
    assert "Nobody here is known from other domains only." in text and "has training ratings in every domain" not in text
