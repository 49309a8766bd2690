"""Who is ranked against what (R24-R27, R36), on tiny synthetic ratings."""

import numpy as np
import pandas as pd
import pytest
import torch
from small import parts_of, random_parts

from adc import evaluate as module
from adc.evaluate import GROUPS, PROTOCOLS, evaluate, groups, popularity, summarise
from adc.metrics import CUTOFFS
from adc.relevance import relevant
from adc.split import TEST, TRAIN, VALID, Split

METRICS = [f"{metric}@{n}" for metric in ("recall", "ndcg") for n in CUTOFFS]


@pytest.fixture(scope="module")
def parts() -> Split:
    """Users of all three groups, and more than 99 items that a user has never rated."""
    return random_parts(domains=2, users=150, items=140, share=0.03, member=0.6)


def table_of(parts, domain=0, seed=0):
    """Random scores [n, m] without ties."""
    n, m = len(parts.ratings.users), len(parts.ratings.items[domain])
    return torch.from_numpy(np.random.default_rng(seed).permutation(n * m).reshape(n, m).astype(np.float64))


def scorer(table):
    return lambda users: table[torch.from_numpy(np.asarray(users))]


def candidates(monkeypatch, parts, protocol, part=TEST, scores=None, domain=0):
    """The candidate items of every evaluated user, as `evaluate` handed them to `ranks`: {user: set of items}."""
    seen, real = [], module.ranks

    def spy(scores, mask, row, item, rng):
        assert mask is None
        seen.append(scores > -np.inf)
        return real(scores, mask, row, item, rng)

    with monkeypatch.context() as patched:
        patched.setattr(module, "ranks", spy)
        found = evaluate(parts, domain, scorer(table_of(parts) if scores is None else scores), part, (protocol,))
    masks = np.concatenate(seen)
    return {user: set(np.flatnonzero(mask).tolist()) for user, mask in zip(found["user"], masks, strict=True)}


def rated(parts, user, *which, domain=0):
    users, items, _ = parts.of(domain, *which)
    return set(items[users == user].tolist())


def test_full_ranking_leaves_out_training_and_validation_items_and_no_other(monkeypatch, parts):
    m = len(parts.ratings.items[0])
    for user, items in candidates(monkeypatch, parts, "full").items():
        assert items == set(range(m)) - rated(parts, user, TRAIN, VALID)
        assert items >= rated(parts, user, TEST)


def test_sampled_ranking_takes_test_items_and_99_that_were_never_rated(monkeypatch, parts):
    lists = candidates(monkeypatch, parts, "sampled")
    for user, items in lists.items():
        tested, ever = rated(parts, user, TEST), rated(parts, user)
        assert items >= tested and len(items - tested) == 99 and not (items - tested) & ever
    drawn = np.bincount([item for items in lists.values() for item in items], minlength=len(parts.ratings.items[0]))
    assert (drawn > 0).all()  # every item is somebody's rival


def test_sampled_ranking_takes_all_unrated_items_where_there_are_fewer_than_99(monkeypatch):
    few = random_parts(items=30)
    for user, items in candidates(monkeypatch, few, "sampled").items():
        unrated = set(range(len(few.ratings.items[0]))) - rated(few, user)
        assert items == rated(few, user, TEST) | unrated


def test_sampled_lists_are_the_same_for_every_method_and_others_for_another_seed(monkeypatch, parts):
    first = candidates(monkeypatch, parts, "sampled", scores=table_of(parts, seed=1))
    second = candidates(monkeypatch, parts, "sampled", scores=-table_of(parts, seed=2))
    assert first == second
    other = Split(parts.ratings, parts.seed + 1, parts.part)
    assert candidates(monkeypatch, other, "sampled") != first


def test_rated_ranking_takes_test_items_only(monkeypatch, parts):
    lists = candidates(monkeypatch, parts, "rated")
    assert lists and all(items == rated(parts, user, TEST) for user, items in lists.items())


def test_validation_leaves_out_training_items_and_no_other(monkeypatch, parts):
    m = len(parts.ratings.items[0])
    lists = candidates(monkeypatch, parts, "full", VALID)
    assert lists and all(items == set(range(m)) - rated(parts, user, TRAIN) for user, items in lists.items())


@pytest.mark.parametrize("rule", ["above", "at_least", "all_domains"])
def test_validation_looks_at_no_test_rating(parts, rule):
    kept, data = parts.part != TEST, parts.ratings
    blind = type(data)(
        data.name,
        data.domains,
        data.users,
        data.items,
        *(a[kept] for a in (data.domain, data.user, data.item, data.rating)),
    )
    score = scorer(table_of(parts))
    here, there = (evaluate(p, 0, score, VALID, rule=rule) for p in (parts, Split(blind, parts.seed, parts.part[kept])))
    assert len(here) > 5
    pd.testing.assert_frame_equal(here, there)


def test_metrics_agree_with_a_plain_loop(parts):
    table, data = table_of(parts), parts.ratings
    found = evaluate(parts, 0, scorer(table)).set_index("user")
    member, popular = groups(parts, 0), popularity(parts, 0)
    mask = relevant(parts, 0) & (parts.part[data.domain == 0] == TEST)
    users, items, _ = parts.of(0)
    compared = 0
    for user in np.unique(users[mask]):
        if member[user] == 2:
            continue  # scored by popularity: ties
        hits = set(items[mask & (users == user)].tolist())
        order = sorted(
            set(range(len(popular))) - rated(parts, user, TRAIN, VALID), key=lambda i: -table[user, i].item()
        )
        for n in CUTOFFS:
            gained = sum(1 / np.log2(j + 2) for j, item in enumerate(order[:n]) if item in hits)
            ideal = sum(1 / np.log2(j + 2) for j in range(min(n, len(hits))))
            assert found.loc[user, f"recall@{n}"] == len(hits & set(order[:n])) / len(hits)
            assert found.loc[user, f"ndcg@{n}"] == pytest.approx(gained / ideal)
        assert found.loc[user, "relevant"] == len(hits)
        compared += 1
    assert compared > 10


def test_knowing_the_relevant_items_is_worth_1_in_every_protocol(parts):
    data = parts.ratings
    table = torch.zeros(len(data.users), len(data.items[0]))
    mask = relevant(parts, 0) & (parts.part[data.domain == 0] == TEST)
    users, items, _ = parts.of(0)
    table[users[mask], items[mask].astype(np.int64)] = 1
    found = evaluate(parts, 0, scorer(table), TEST, PROTOCOLS)
    warm = found[found["group"] != "cold"]
    assert (
        set(warm["protocol"]) == set(PROTOCOLS)
        and (warm["ndcg@5"] > 1 - 1e-12).all()
        and (warm["recall@20"] == 1).all()
    )


@pytest.mark.parametrize("part", [TEST, VALID])
def test_nothing_is_gained_by_scoring_training_items_high(parts, part):
    table = table_of(parts)
    seen = (TRAIN, VALID) if part == TEST else (TRAIN,)
    user, item, _ = parts.of(0, *seen)
    knowing = table.clone()
    knowing[user, item.astype(np.int64)] += 1e9
    plain, oracle = (evaluate(parts, 0, scorer(t), part, PROTOCOLS) for t in (table, knowing))
    pd.testing.assert_frame_equal(plain, oracle)


def test_users_without_a_relevant_item_are_left_out():
    rows = [("a", "ann", f"i{i}", 3.0, TRAIN) for i in range(3)]
    rows += [("a", "ann", "i3", 5.0, TEST), ("a", "ann", "i4", 1.0, TEST)]
    rows += [("a", "bob", "i0", 3.0, TRAIN), ("a", "bob", "i4", 2.0, TEST)]  # below his mean
    rows += [("a", "cyd", "i0", 1.0, TRAIN), ("a", "cyd", "i4", 5.0, VALID)]  # relevant, but not in the test set
    rows += [("a", "dan", "i4", 5.0, TEST)]  # one rating is not above its own mean
    tiny = parts_of(rows)
    found = evaluate(tiny, 0, lambda users: torch.tensor([[0.0, 0, 0, 1, 2]]).repeat(len(users), 1))
    assert tiny.ratings.users[found["user"]].tolist() == ["ann"] and found["relevant"].tolist() == [1]
    assert found["ndcg@5"].tolist() == pytest.approx([0.6309298])  # i4, which she rated low, comes first


def test_nobody_to_evaluate_gives_an_empty_table():
    tiny = parts_of([("a", "ann", "i0", 3.0, TRAIN), ("a", "ann", "i1", 3.0, TEST)])
    found = evaluate(tiny, 0, lambda users: torch.zeros(len(users), 2), TEST, PROTOCOLS)
    assert len(found) == 0 and set(METRICS) <= set(found.columns)


def test_groups_by_hand():
    rows = [("a", "ann", "i0", 3.0, TRAIN), ("b", "bob", "i0", 3.0, TRAIN), ("a", "bob", "i1", 3.0, TEST)]
    rows += [("a", "cyd", "i0", 3.0, VALID), ("b", "cyd", "i0", 3.0, TEST)]
    tiny = parts_of(rows)
    assert [GROUPS[g] for g in groups(tiny, 0)] == ["warm", "cold_target", "cold"]
    assert [GROUPS[g] for g in groups(tiny, 1)] == ["cold_target", "warm", "cold"]


def test_popularity_counts_training_ratings():
    rows = [("a", u, "i1", 3.0, TRAIN) for u in ("ann", "bob")] + [
        ("a", "ann", "i0", 3.0, TEST),
        ("b", "ann", "i2", 1.0, TRAIN),
    ]
    assert popularity(parts_of(rows), 0).tolist() == [0, 2]


def test_users_with_no_training_rating_anywhere_get_popularity_whatever_the_method_says(parts):
    popular = torch.from_numpy(popularity(parts, 0))
    found = evaluate(parts, 0, scorer(table_of(parts).float()), TEST, PROTOCOLS)
    by_popularity = evaluate(parts, 0, lambda users: popular.repeat(len(users), 1), TEST, PROTOCOLS)
    cold = (found["group"] == "cold").to_numpy()
    assert 0 < cold.sum() < len(cold) and set(found["group"]) == set(GROUPS)
    pd.testing.assert_frame_equal(found[cold], by_popularity[cold])
    assert (found.loc[~cold, METRICS].to_numpy() != by_popularity.loc[~cold, METRICS].to_numpy()).any()


def test_chunks_change_nothing(monkeypatch, parts):
    score = scorer(table_of(parts))
    whole = evaluate(parts, 0, score, TEST, PROTOCOLS)
    monkeypatch.setattr(module, "CHUNK", 7)
    chunks = evaluate(parts, 0, score, TEST, PROTOCOLS)
    assert len(whole) > 30
    warm = (whole["group"] != "cold").to_numpy()  # the scores of cold users have ties
    pd.testing.assert_frame_equal(whole[warm], chunks[warm])


def test_a_protocol_gives_the_same_alone_and_among_others(parts):
    score = scorer(table_of(parts))
    together = evaluate(parts, 0, score, TEST, PROTOCOLS)
    warm = together[together["group"] != "cold"]
    for protocol in PROTOCOLS:
        alone = evaluate(parts, 0, score, TEST, (protocol,))
        expected = warm[warm["protocol"] == protocol].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone[alone["group"] != "cold"].reset_index(drop=True), expected)


def test_a_sample_of_users_is_asked_what_it_would_be_asked_among_all(parts):
    score, data = scorer(table_of(parts)), parts.ratings
    everyone, some, again = (module.Questions(parts, 0, VALID, "at_least", most) for most in (None, 10, 10))
    assert len(some.users) == 10 < len(everyone.users) and some.users.tolist() == again.users.tolist()
    places = np.searchsorted(everyone.users, some.users)
    assert (everyone.users[places] == some.users).all() and (everyone.count[places] == some.count).all()
    rank = dict(zip(zip(everyone.users[everyone.user], everyone.item), everyone.ranks(score)["full"]))
    cold = set(np.flatnonzero(groups(parts, 0) == 2))  # scored by popularity: ties
    pairs = list(zip(some.users[some.user], some.item, some.ranks(score)["full"]))
    assert len(pairs) == some.count.sum() and all(user in cold or rank[user, item] == r for user, item, r in pairs)
    other = module.Questions(Split(data, parts.seed + 1, parts.part), 0, VALID, "at_least", 10)
    assert other.users.tolist() != some.users.tolist()
    assert module.Questions(parts, 0, VALID, "at_least", 10**6).users.tolist() == everyone.users.tolist()


def test_what_is_asked_is_made_once_for_a_split_and_anew_for_another(parts, monkeypatch):
    made, original = [], module.Questions
    monkeypatch.setattr(module, "Questions", lambda *given: made.append(given[1:]) or original(*given))
    module.questions.cache_clear()
    other, score = Split(parts.ratings, parts.seed, parts.part), scorer(table_of(parts))
    first, again, anew = (evaluate(which, 0, score, TEST, PROTOCOLS) for which in (parts, parts, other))
    assert made == [(0, TEST, "above", None)] * 2
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first, anew)
    evaluate(parts, 0, score, VALID, rule="at_least"), evaluate(parts, 1, scorer(table_of(parts, 1)), TEST)
    assert made[2:] == [(0, VALID, "at_least", None), (1, TEST, "above", None)]


def test_scores_that_are_nan_stop_the_evaluation(parts):
    table = table_of(parts)
    warm = int(evaluate(parts, 0, scorer(table)).query("group == 'warm'")["user"].iloc[0])
    table[warm, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="d0"):
        evaluate(parts, 0, scorer(table))


def test_one_item_is_relevant_to_two_users_without_mixing_them():
    rows = [("a", u, "i0", 1.0, TRAIN) for u in ("ann", "bob")] + [("a", u, "i3", 5.0, TEST) for u in ("ann", "bob")]
    rows += [("a", "cyd", f"i{i}", 3.0, TRAIN) for i in range(5)]
    scores = torch.tensor([[0.0, 1, 2, 9, 3], [9.0, 5, 6, 1, 7], [0.0] * 5])
    found = evaluate(parts_of(rows), 0, scorer(scores))
    assert found["ndcg@5"].tolist() == pytest.approx([1, 1 / np.log2(5)])  # first of four; last of four


def test_summary_is_the_mean_over_users_and_over_each_group(parts):
    found = evaluate(parts, 0, scorer(table_of(parts)), TEST, PROTOCOLS)
    found = found[found["group"] != "cold_target"]
    values = pd.DataFrame(summarise(found, "d0"))
    assert len(values) == len(PROTOCOLS) * (1 + len(GROUPS)) * len(METRICS) and (values["target"] == "d0").all()
    for entry in values.itertuples():
        some = found[found["protocol"] == entry.protocol]
        some = some if entry.group == "all" else some[some["group"] == entry.group]
        assert entry.users == len(some)
        if entry.group == "cold_target":
            assert np.isnan(entry.value)
        else:
            assert entry.value == pytest.approx(some[f"{entry.metric}@{entry.n}"].mean())


@pytest.mark.parametrize("threads", [1, 2])
def test_products_are_those_of_all_users_with_all_items(threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    user, item = torch.randn(5, 3), torch.randn(7, 4)[:, :-1]  # not contiguous
    wanted = [[float(sum(a * b for a, b in zip(u, v))) for v in item] for u in user]
    assert torch.allclose(module.products(user, item), torch.tensor(wanted), atol=1e-5)
