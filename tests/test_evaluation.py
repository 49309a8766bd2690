"""Who is ranked against what (R24–R27, R36), on tiny synthetic ratings."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from small import random_split, split_from_rows

from adc import evaluation
from adc.evaluation import GROUPS, PROTOCOLS, RankingTask, evaluate, groups, popularity, summarise
from adc.metrics import CUTOFFS
from adc.relevance import relevant
from adc.split import TEST, TRAIN, VALID, Split

METRICS = [f"{metric}@{n}" for metric in ("recall", "ndcg") for n in CUTOFFS]


@pytest.fixture(scope="module")
def split() -> Split:
    """Users of all three groups, and more than 99 items that a user has never rated."""
    return random_split(domains=2, users=150, items=140, share=0.03, member=0.6)


def random_scores(split, domain=0, seed=0):
    """[n, m] without ties."""
    n, m = len(split.ratings.users), len(split.ratings.items[domain])
    return torch.from_numpy(np.random.default_rng(seed).permutation(n * m).reshape(n, m).astype(np.float64))


def scorer(scores):
    return lambda users: scores[torch.from_numpy(np.asarray(users))]


def relevant_scores(split):
    """1 for relevant test items of domain 0, else 0 [n, m]."""
    users, items, _ = split.of(0)
    mask = relevant(split, 0) & (split.part[split.ratings.domain == 0] == TEST)
    scores = torch.zeros(len(split.ratings.users), len(split.ratings.items[0]))
    scores[users[mask], items[mask].astype(np.int64)] = 1
    return scores


def candidates(monkeypatch, split, protocol, part=TEST, scores=None):
    """The candidates of every evaluated user, as `evaluate` handed them to `ranks`: {user: set of items}."""
    masks, ranks = [], evaluation.ranks
    scores = random_scores(split) if scores is None else scores
    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "ranks", lambda s, *rest: masks.append(s > -np.inf) or ranks(s, *rest))
        table = evaluate(split, 0, scorer(scores), part, (protocol,))
    assert len(table)
    items = [set(np.flatnonzero(mask).tolist()) for mask in np.concatenate(masks)]
    return dict(zip(table["user"], items, strict=True))


def rated(split, user, *parts):
    users, items, _ = split.of(0, *parts)
    return set(items[users == user].tolist())


def test_full_ranking_leaves_out_earlier_items_and_no_other(monkeypatch, split):
    everything = set(range(len(split.ratings.items[0])))
    for part, earlier in ((TEST, (TRAIN, VALID)), (VALID, (TRAIN,))):
        for user, items in candidates(monkeypatch, split, "full", part).items():
            assert items == everything - rated(split, user, *earlier) >= rated(split, user, part)


@pytest.mark.parametrize("protocol", ["full", "sampled"])
def test_a_score_of_minus_infinity_leaves_an_item_among_the_candidates(monkeypatch, split, protocol):
    infinite = torch.full_like(random_scores(split), -torch.inf)
    usual = candidates(monkeypatch, split, protocol)
    assert candidates(monkeypatch, split, protocol, scores=infinite) == usual


def test_sampled_ranking_takes_test_items_and_99_that_were_never_rated(monkeypatch, split):
    lists = candidates(monkeypatch, split, "sampled")
    for user, items in lists.items():
        test, ever = rated(split, user, TEST), rated(split, user)
        assert items >= test and len(items - test) == 99 and not (items - test) & ever
    assert set.union(*lists.values()) == set(range(len(split.ratings.items[0])))  # each is somebody's rival
    few = random_split(items=30)
    for user, items in candidates(monkeypatch, few, "sampled").items():  # all, where there are fewer than 99
        assert items == rated(few, user, TEST) | set(range(len(few.ratings.items[0]))) - rated(few, user)


def test_sampled_lists_are_the_same_for_every_method_and_others_for_another_seed(monkeypatch, split):
    first = candidates(monkeypatch, split, "sampled", scores=random_scores(split, seed=1))
    assert first == candidates(monkeypatch, split, "sampled", scores=-random_scores(split, seed=2))
    assert first != candidates(monkeypatch, Split(split.ratings, split.seed + 1, split.part), "sampled")


def test_rated_ranking_takes_test_items_only(monkeypatch, split):
    lists = candidates(monkeypatch, split, "rated")
    assert all(items == rated(split, user, TEST) for user, items in lists.items())


@pytest.mark.parametrize("rule", ["above", "at_least", "all_domains"])
def test_validation_looks_at_no_test_rating(split, rule):
    keep, score = split.part != TEST, scorer(random_scores(split))
    columns = {name: getattr(split.ratings, name)[keep] for name in ("domain", "user", "item", "rating")}
    blind = Split(replace(split.ratings, **columns), split.seed, split.part[keep])
    here, there = (evaluate(each, 0, score, VALID, rule=rule) for each in (split, blind))
    assert len(here) > 5
    pd.testing.assert_frame_equal(here, there)


def test_metrics_agree_with_a_plain_loop(split):
    scores, group, hits = random_scores(split), groups(split, 0), relevant_scores(split).numpy() > 0
    table, compared = evaluate(split, 0, scorer(scores)).set_index("user"), 0
    for user in np.flatnonzero(hits.any(1) & (group < 2)):  # the others are scored by popularity: ties
        hers = set(np.flatnonzero(hits[user]).tolist())
        ranked = set(range(hits.shape[1])) - rated(split, user, TRAIN, VALID)
        order = sorted(ranked, key=lambda i: -scores[user, i].item())
        for n in CUTOFFS:
            gain = sum(1 / np.log2(j + 2) for j, item in enumerate(order[:n]) if item in hers)
            ideal = sum(1 / np.log2(j + 2) for j in range(min(n, len(hers))))
            assert table.loc[user, f"recall@{n}"] == len(hers & set(order[:n])) / len(hers)
            assert table.loc[user, f"ndcg@{n}"] == pytest.approx(gain / ideal)
        assert table.loc[user, "relevant"] == len(hers)
        compared += 1
    assert compared > 10


def test_knowing_the_relevant_items_is_worth_1(split):
    warm = evaluate(split, 0, scorer(relevant_scores(split)), TEST, PROTOCOLS).query("group != 'cold'")
    assert set(warm["protocol"]) == set(PROTOCOLS)
    assert (warm["ndcg@5"] > 1 - 1e-12).all() and (warm["recall@20"] == 1).all()


def test_users_without_a_relevant_item_are_left_out():
    rows = [("a", "ann", f"i{i}", 3.0, TRAIN) for i in range(3)]
    rows += [("a", "ann", "i3", 5.0, TEST), ("a", "ann", "i4", 1.0, TEST)]
    rows += [("a", "bob", "i0", 3.0, TRAIN), ("a", "bob", "i4", 2.0, TEST)]  # below his mean
    rows += [("a", "cyd", "i0", 1.0, TRAIN), ("a", "cyd", "i4", 5.0, VALID)]  # relevant, in another part
    rows += [("a", "dan", "i4", 5.0, TEST)]  # one rating is not above its own mean
    tiny = split_from_rows(rows)
    table = evaluate(tiny, 0, lambda users: torch.tensor([[0.0, 0, 0, 1, 2]]).repeat(len(users), 1))
    assert tiny.ratings.users[table["user"]].tolist() == ["ann"] and table["relevant"].tolist() == [1]
    assert table["ndcg@5"].tolist() == pytest.approx([0.6309298])  # i4, which she rated low, comes first
    nobody = split_from_rows([("a", "ann", "i0", 3.0, TRAIN), ("a", "ann", "i1", 2.0, TEST)])
    table = evaluate(nobody, 0, lambda users: torch.zeros(len(users), 2), TEST, PROTOCOLS)
    assert len(table) == 0 and set(METRICS) <= set(table.columns)


def test_groups_and_popularity_by_hand():
    rows = [("a", "ann", "i0", 3.0, TRAIN), ("b", "bob", "i0", 3.0, TRAIN), ("a", "bob", "i1", 3.0, TEST)]
    rows += [("a", "cyd", "i0", 3.0, VALID), ("b", "cyd", "i0", 3.0, TEST), ("b", "dan", "i0", 3.0, TRAIN)]
    tiny = split_from_rows(rows)
    assert [GROUPS[g] for g in groups(tiny, 0)] == ["warm", "cold_target", "cold", "cold_target"]
    assert [GROUPS[g] for g in groups(tiny, 1)] == ["cold_target", "warm", "cold", "warm"]
    assert popularity(tiny, 0).tolist() == [1, 0] and popularity(tiny, 1).tolist() == [2]


def test_users_with_no_training_rating_anywhere_get_popularity_whatever_the_method_says(split):
    popular = torch.from_numpy(popularity(split, 0))
    table = evaluate(split, 0, scorer(random_scores(split).float()), TEST, PROTOCOLS)
    by_popularity = evaluate(split, 0, lambda users: popular.repeat(len(users), 1), TEST, PROTOCOLS)
    cold = (table["group"] == "cold").to_numpy()
    assert 0 < cold.sum() < len(cold) and set(table["group"]) == set(GROUPS)
    pd.testing.assert_frame_equal(table[cold], by_popularity[cold])
    assert (table.loc[~cold, METRICS].to_numpy() != by_popularity.loc[~cold, METRICS].to_numpy()).any()


def test_neither_chunks_nor_the_other_protocols_change_a_value(monkeypatch, split):
    def warm(*protocols):  # the others have ties
        table = evaluate(split, 0, scorer(random_scores(split)), TEST, protocols)
        return table[table["group"] != "cold"]

    whole, alone = warm(*PROTOCOLS), pd.concat([warm(protocol) for protocol in PROTOCOLS])
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), whole.reset_index(drop=True))
    monkeypatch.setattr(evaluation, "CHUNK", 7)
    assert len(whole) > 30
    pd.testing.assert_frame_equal(warm(*PROTOCOLS), whole)


def test_a_sample_of_users_is_ranked_as_among_all(split):
    score, cold = scorer(random_scores(split)), set(np.flatnonzero(groups(split, 0) == 2))  # of ties
    task = lambda most, split=split: RankingTask(split, 0, VALID, "at_least", most)
    whole, sample = task(None), task(10)
    ranks = [dict(zip(zip(t.users[t.user], t.item), t.ranks(score)["full"])) for t in (whole, sample)]
    assert len(sample.users) == 10 < len(whole.users) and len(ranks[1]) == sample.count.sum()
    assert all(pair[0] in cold or ranks[0][pair] == rank for pair, rank in ranks[1].items())
    assert whole.count[np.isin(whole.users, sample.users)].tolist() == sample.count.tolist()
    other = task(10, Split(split.ratings, split.seed + 1, split.part))
    assert task(10).users.tolist() == sample.users.tolist() != other.users.tolist()
    assert task(10**6).users.tolist() == whole.users.tolist()


def test_of_many_users_a_sample_is_tested_the_same_for_every_method(split, monkeypatch):
    monkeypatch.setattr(evaluation, "MAX_TEST_USERS", 12)
    tables = [evaluate(split, 0, scorer(random_scores(split, seed=seed))) for seed in (0, 1)]
    assert len(tables[0]) == 12 and tables[0]["user"].tolist() == tables[1]["user"].tolist()
    monkeypatch.undo()
    assert len(evaluate(split, 0, scorer(random_scores(split)))) > 12


def test_a_task_is_made_once_for_a_split_and_scores_that_are_nan_stop_it(split, monkeypatch):
    tasks, original = [], RankingTask
    monkeypatch.setattr(evaluation, "RankingTask", lambda *call: tasks.append(call[1:4]) or original(*call))
    evaluation.ranking_task.cache_clear()
    other, scores = Split(split.ratings, split.seed, split.part), random_scores(split)
    first, *tables = [evaluate(each, 0, scorer(scores), TEST, PROTOCOLS) for each in (split, split, other)]
    assert tasks == [(0, TEST, "above")] * 2
    for table in tables:
        pd.testing.assert_frame_equal(table, first)
    evaluate(split, 0, scorer(scores), VALID, rule="at_least")
    evaluate(split, 1, scorer(random_scores(split, 1)))
    assert tasks[2:] == [(0, VALID, "at_least"), (1, TEST, "above")]
    scores[int(first.query("group == 'warm'")["user"].iloc[0]), 0] = torch.nan
    with pytest.raises(FloatingPointError, match="d0"):
        evaluate(split, 0, scorer(scores))


def test_summary_is_the_mean_over_users_and_over_each_group(split):
    table = evaluate(split, 0, scorer(random_scores(split)), TEST, PROTOCOLS)
    table = table[table["group"] != "cold_target"]
    values = pd.DataFrame(summarise(table, "d0"))
    assert (values["target"] == "d0").sum() == len(PROTOCOLS) * (1 + len(GROUPS)) * len(METRICS)
    for entry in values.itertuples():
        users = table[table["protocol"] == entry.protocol]
        users = users if entry.group == "all" else users[users["group"] == entry.group]
        assert entry.users == len(users)
        if entry.group == "cold_target":
            assert np.isnan(entry.value)
        else:
            assert entry.value == pytest.approx(users[f"{entry.metric}@{entry.n}"].mean())


@pytest.mark.parametrize("threads", [1, 2])
def test_products_are_those_of_all_users_with_all_items(threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    user, item = torch.randn(5, 3), torch.randn(7, 4)[:, :-1]  # not contiguous
    expected = (user[:, None] * item).sum(-1)
    assert torch.allclose(evaluation.products(user, item), expected, atol=1e-5)
