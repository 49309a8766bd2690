"""Notebook 10's logic: finding users, lists of several methods, telling runs apart, training that is watched."""

import ast
import copy
import math
from dataclasses import replace
from pathlib import Path

import films
import numpy as np
import pandas as pd
import pytest
import torch

from adc import baselines, data, fit, paths, recommend, started, train
from adc.errors import UserError
from adc.explore import cards, drivers, lookup, watch
from adc.split import TEST, TRAIN, split

ADC = Path(lookup.__file__).parents[1]
quiet = lambda passes: None


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(tmp_path_factory.mktemp("home")))
        yield Path(paths.home())


@pytest.fixture(scope="module")
def dataset(home, tmp_path_factory):
    return films.prepared(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def here(dataset):
    for config in films.configurations(dataset):
        watch.run(config, quiet)
    found = lookup.stored(dataset)
    return lookup.opened(lookup.networks(found)[0], found)


def test_only_the_notebooks_controls_know_ipywidgets():
    files = {file.relative_to(ADC).with_suffix("").as_posix().replace("/", "."): file for file in ADC.rglob("*.py")}
    knowing = {name for name, file in files.items() if "ipywidgets" in _imports(file)}
    assert knowing == {"explore.widgets", "explore.task", "explore.live"}
    controls = {f"adc.{name}" for name in knowing}
    assert not [name for name, file in files.items() if name not in knowing and controls & _imports(file)]


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_users_are_found_by_id_beginning_and_domains(here):
    parts, users = here.adc.parts, here.adc.users
    assert users[lookup.search(parts, "u7")].tolist() == ["u7"]
    assert set(users[lookup.search(parts, "u4")]) == {"u4"}  # itself, though u40 begins so too
    beginning = lookup.search(parts, "u")
    assert len(beginning) == 50 and (np.diff(lookup.counts(parts)[beginning].sum(1)) <= 0).all()
    both = users[lookup.search(parts, "active in drama AND sci & fi")]
    assert "u0" not in both and "u1" in both
    known = lookup.counts(parts)
    least = known[:, [parts.ratings.index(name) for name in ("Drama", "Sci & Fi")]].min(1)
    assert set(both) == set(users[least >= lookup.ACTIVE]) and least[lookup.search(parts, "Drama, Sci & Fi")[0]] == least.max()
    assert set(users[lookup.search(parts, "")]) == set(users[known.sum(1) > 0])


@pytest.mark.parametrize("query, told", [("active in Dramo", "Did you mean 'drama'"), ("zz", "neither"), ("active in", "neither")])
def test_a_query_that_means_nothing_says_what_would(here, query, told):
    with pytest.raises(UserError, match=told):
        lookup.search(here.adc.parts, query)


def test_nobody_active_enough_is_said(here):
    parts = here.adc.parts
    with pytest.raises(UserError, match="Name fewer domains"):
        lookup.search(replace(parts, part=np.where(parts.ratings.domain == 0, 2, parts.part)), f"active in {parts.ratings.domains[0]}")


def test_the_suggestion_is_a_query_that_finds_somebody(here):
    for domains in (here.adc.domains, here.adc.domains[:2], here.adc.domains[:1]):
        parts = split(here.adc.ratings.only(domains), 0)
        assert lookup.suggestion(parts).endswith(domains[-1]) and len(lookup.search(parts, lookup.suggestion(parts)))
    sparse = replace(parts, part=np.full_like(parts.part, TEST))
    sparse.part[:3] = TRAIN  # nobody has five
    assert lookup.suggestion(sparse) == "" and 1 <= len(lookup.search(sparse, "")) <= 3


def test_a_query_of_the_readers_own_comes_first_where_it_finds_somebody(here):
    parts = here.adc.parts
    assert lookup.first(parts, "u7") == ("u7", "") and lookup.first(parts, "") == (lookup.suggestion(parts), "")
    query, told = lookup.first(parts, "active in Westerns")
    assert query == lookup.suggestion(parts) and "'Westerns' is neither" in told


def test_lists_are_the_recommenders_and_mark_her_test_ratings(here):
    domain, user = "Drama", "u5"
    lists = lookup.lists(here, user, domain)
    assert list(lists) == ["ADC", "BPR", "popularity"]
    rated = here.adc.rated(user)
    test = rated[(rated["domain"] == domain) & (rated["part"] == "test")].set_index("title")["rating"]
    before = set(rated.loc[(rated["domain"] == domain) & (rated["part"] != "test"), "title"])
    for one, model in zip(lists.values(), here.models.values(), strict=True):
        assert one["title"].tolist() == model.top(user, domain, test_items=True)["title"].tolist()
        assert not before & set(one["title"])
        for row in one.itertuples():
            assert row.later == test.get(row.title) or (np.isnan(row.later) and row.title not in test)
    popular = np.bincount(here.adc.parts.of(here.adc.ratings.index(domain), TRAIN)[1])
    assert f"<{domain}> " in lists["popularity"]["title"][0] and popular.max() > 0


def test_the_ndcg_shown_is_the_stored_one(here):
    table = here.adc.run.users
    row = table[(table["protocol"] == "full") & (table["target"] == "Drama")].iloc[0]
    assert lookup.measured(here.adc.run, row["user"], "Drama") == row["ndcg@10"]
    assert np.isnan(lookup.measured(here.adc.run, "nobody", "Drama"))


def test_rivals_are_of_the_same_split(here, dataset):
    other = watch.run(baselines.configuration(dataset=dataset, seed=1, method="popularity"), quiet)
    found = [run for run in lookup.stored(dataset) if run.config["method"] == "adc"] + [other]
    alone = lookup.opened(found[0], found)
    assert alone.rivals == {"bpr": None, "popularity": None}
    assert [(c["method"], c["seed"]) for c in lookup.missing(dataset, alone)] == [("bpr", 0), ("popularity", 0)]
    assert lookup.lists(alone, "u5", "Drama")["BPR"] is None
    assert "no run on this split" in cards.lists(lookup.lists(alone, "u5", "Drama"), {})
    assert [config["method"] for config in lookup.missing(dataset, None)] == ["adc", "bpr", "popularity"]
    assert lookup.missing(dataset, here) == []


def test_runs_are_told_apart_by_what_they_have_in_common(here, dataset):
    other = watch.run(train.configuration(dataset=dataset, hidden_layers=1, gamma=1.0, **films.TINY), quiet)
    table = lookup.differences([here.adc.run, other, here.rivals["bpr"].run])
    assert table.loc["gamma"].tolist() == ["2.0", "1.0", "–"] and {"method", "hidden_layers"} <= set(table.index)
    assert "dim" not in table.index and "negatives" not in table.index  # the same for all
    learned, tested = lookup.curves([here.adc.run, other], "Drama")
    mine = learned[learned["run"] == lookup.name(here.adc.run)]
    history = here.adc.run.history
    assert mine["value"].tolist() == history.loc[history["domain"] == "Drama", "validation"].tolist()
    values = other.values()
    expected = values.query("target == 'Drama' and protocol == 'full' and metric == 'ndcg' and n == 10 and group == 'all'")["value"]
    assert tested.query("n == 10")["value"].iloc[1] == expected.iloc[0]


# watched training


def test_a_watched_run_is_the_run(dataset, tmp_path, monkeypatch):
    config = films.configurations(dataset)[0] | {"seed": 3}
    seen, histories = [], []
    ratings = data.load(dataset)
    monkeypatch.setattr(data, "load", lambda name: ratings)
    for place, make in (("a", lambda: watch.run(config, seen.append)), ("b", lambda: train.run(config, show=False))):
        monkeypatch.setenv("ADC_HOME", str(tmp_path / place))
        run = make()
        histories.append(run.history)
    pd.testing.assert_frame_equal(*histories)
    assert seen == sorted(seen) and seen[-1] == watch.passes(config) == 3


def test_a_stopped_training_stores_nothing(dataset, home):
    def stop(passes):
        if passes:
            raise watch.Stopped

    before = sorted(paths.runs(dataset).iterdir())
    for config in films.configurations(dataset)[:2]:
        with pytest.raises(watch.Stopped):
            watch.run(config | {"seed": 5}, stop)
    assert sorted(paths.runs(dataset).iterdir()) == before


def test_the_live_training_is_fits_without_its_end(here):
    run = here.adc.run
    *first, last = watch.live(run.config, here.adc.parts, quiet)
    assert len(first) == 1 and first[0]["epoch"].max() == 1
    pd.testing.assert_frame_equal(last, run.history)


def test_the_live_training_validates_on_as_many_users_as_fit(here, monkeypatch):
    monkeypatch.setattr(fit, "MOST", 3)
    config, parts = here.adc.run.config | {"epochs": 1}, here.adc.parts
    starts = started.starts(parts, config["start"], config["dim"])
    _, history, _ = fit.learn(train.Trainer(train.settings_of(config), parts, starts), parts, config, show=False)
    (live,) = watch.live(config, parts, quiet)
    assert list(live["validation"]) == list(history["validation"]) != list(here.adc.run.history["validation"][: len(live)])


def test_a_score_that_is_no_number_ends_the_live_training(here, monkeypatch):
    score = train.Trainer.score
    spoilt = lambda self, k: lambda users: score(self, k)(users) * (math.nan if k else 1)
    monkeypatch.setattr(train.Trainer, "score", spoilt)
    (history,) = watch.live(here.adc.run.config, here.adc.parts, quiet)
    assert np.isfinite(history["validation"][0]) and np.isnan(history["validation"][1:]).all()


def test_the_networks_come_back_as_they_were(here):
    models, gap = watch.again(here.adc.run, here.adc.parts, quiet)
    assert gap == 0
    moved = replace(here.adc.run, metrics=here.adc.run.metrics | {"best_epoch": dict.fromkeys(here.adc.domains, 1)})
    if set(here.adc.run.metrics["best_epoch"].values()) != {1}:
        assert watch.again(moved, here.adc.parts, quiet)[1] > 0
    with pytest.raises(UserError, match="diverged in its first epoch"):
        watch.again(replace(moved, metrics=moved.metrics | {"best_epoch": dict.fromkeys(here.adc.domains, 0)}), here.adc.parts, quiet)


# which domains drove a list


@pytest.fixture(scope="module")
def networks(here):
    return watch.again(here.adc.run, here.adc.parts, quiet)[0]


def test_a_domain_left_out_is_replaced_by_the_mean_of_the_others(here, networks):
    model, user = networks[0], here.adc.row("u5")
    own = model.user.detach()[model.rows[user]]  # [p, d]: she is in all three
    z = drivers.z_without(model, user, [1])
    for row, vectors in enumerate((own, np.stack([own[0], (own[0] + own[2]) / 2, own[2]]))):
        inputs = np.asarray(vectors, dtype=np.float32).reshape(1, -1)
        expected = model.decouple(model.trunk(model.user.new_tensor(inputs)))[0]
        np.testing.assert_allclose(z[row].numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_with_missing_fixed_at_the_start_the_start_takes_its_place(here):
    config = here.adc.run.config | {"missing": "start"}
    *_, model = [trainer.model for trainer in [train.learner(config, here.adc.parts)]]
    user = here.adc.row("u5")
    inputs = model.user.detach()[model.rows[user]].clone()
    inputs[2] = model.fixed[user, 0]
    expected = model.decouple(model.trunk(inputs.reshape(1, -1)))[0]
    np.testing.assert_allclose(drivers.z_without(model, user, [2])[1].numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_influence_is_counted_as_by_hand(here, networks):
    domain, user = here.adc.ratings.index("Comedy"), here.adc.row("u1")  # who is not in it
    found = drivers.influence(networks[domain], here.adc.parts, user, domain, n=5)
    assert set(found.ranks.columns) == {"Drama", "Sci & Fi"}
    assert found.ranks.index.tolist() == here.adc.top("u1", "Comedy", 5, test_items=True)["title"].tolist()
    out = here.adc.domains.index("Drama")
    item = networks[domain].items(domain).numpy()
    free = drivers.candidates(here.adc.parts, user, domain)
    whole, without = (item @ z[domain].numpy() for z in drivers.z_without(networks[domain], user, [out]))
    first = sorted(np.flatnonzero(free), key=lambda i: -whole[i])[:5]
    ranks = [1 + sum(without[j] > without[i] for j in np.flatnonzero(free)) for i in first]
    assert found.ranks["Drama"].tolist() == ranks and found.summary.loc["Drama", "stay"] == sum(rank <= 5 for rank in ranks)
    above = lambda x: np.mean([x[i] - x[free].mean() for i in first])
    assert found.summary.loc["Drama", "pull"] == pytest.approx((above(whole) - above(without)) / whole[free].std(), rel=1e-4)
    assert any(name in drivers.words(found) for name in found.ranks.columns)


def test_of_a_single_domain_nothing_would_be_left(here, networks):
    found = drivers.influence(networks[0], here.adc.parts, here.adc.row("u0"), 0)
    assert found.summary.empty and "fewer than two" in drivers.words(found) and "fewer than two" in cards.influence(found)


@pytest.mark.parametrize("left", [0, 1, 30])
def test_where_there_is_no_order_no_domain_drives_it(here, networks, monkeypatch, left):
    model = copy.deepcopy(networks[0])
    with torch.no_grad():
        model.item.zero_()  # of 30 items all have the same score
    monkeypatch.setattr(drivers, "candidates", lambda parts, user, domain: np.arange(30) < left)
    found = drivers.influence(model, here.adc.parts, here.adc.row("u5"), 0)
    assert found.ranks.empty and found.summary.empty
    assert "fewer than two items are left" in drivers.words(found) and "fewer than two items are left" in cards.influence(found)


# cards


def test_cards_show_text_as_text(here):
    shown = cards.ratings(here.adc.rated("u5"), here.adc.domains) + cards.lists(lookup.lists(here, "u5", "Drama"), {"ADC": 0.5})
    assert "&lt;Drama&gt; " in shown and "<Drama>" not in shown and "Sci &amp; Fi" in shown
    assert "NDCG@10 0.500" in shown and "★" in shown
    assert "no ratings: her vector here is the mean" in cards.ratings(here.adc.rated("u1"), here.adc.domains)
    assert "scored by: elsewhere" in cards.lists(lookup.lists(here, "u1", "Comedy"), {})
    assert set(recommend.RULES) >= {"own", "elsewhere"}
