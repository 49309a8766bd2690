"""The synthetic twin: exact counts, the stated long tails and stars, and a taste that carries over as far as asked."""

import hashlib
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.data import twin
from adc.data.table1 import TABLE_I
from adc.errors import UserError

PAIRS = list(itertools.combinations(TABLE_I, 2))


@pytest.fixture(scope="module")
def whole():
    return twin.ratings()


@pytest.fixture(scope="module")
def planted():
    """What is inside at a tenth of the size, by transfer."""
    return {transfer: twin._generate(3, 0.1, transfer) for transfer in (0.0, 0.5, 1.0)}


def counts(frame: pd.DataFrame) -> dict[str, tuple[int, int, int]]:
    found = frame.groupby("domain", sort=False).agg(u=("user", "nunique"), i=("item", "nunique"), r=("rating", "size"))
    return {name: tuple(map(int, row)) for name, row in zip(found.index, found.to_numpy(), strict=True)}


def scaled(scale: float) -> dict[str, tuple[int, int, int]]:
    return {name: tuple(round(scale * count) for count in row) for name, row in TABLE_I.items()}


def gini(values) -> float:
    values = np.sort(values)
    return float((2 * np.arange(1, len(values) + 1) - len(values) - 1) @ values / (len(values) * values.sum()))


def test_whole_twin_has_exactly_the_counts_of_table_1(whole):
    assert counts(whole[0]) == TABLE_I and list(counts(whole[0])) == list(TABLE_I)


def test_nobody_rates_an_item_twice(whole):
    assert not whole[0].duplicated(["domain", "user", "item"]).any()


def test_table_has_the_schema_columns_and_whole_stars(whole):
    frame = whole[0]
    assert list(frame.columns) == ["domain", "user", "item", "rating"] and not frame.isna().any().any()
    assert set(frame["rating"]) == {1, 2, 3, 4, 5}
    assert frame["user"].drop_duplicates().str.fullmatch(r"u\d{6}").all()
    items = frame[["domain", "item"]].drop_duplicates()
    assert (items["item"].str.rsplit("-", n=1).str[0] == items["domain"]).all()


def test_stars_have_the_stated_histogram_in_every_domain(whole):
    for _, stars in whole[0].groupby("domain")["rating"]:
        share = stars.value_counts(normalize=True).sort_index()
        np.testing.assert_allclose(share, twin.STARS, atol=1.5 / len(stars))


def test_activity_has_a_long_tail(whole):
    activity = whole[0].groupby(["domain", "user"]).size()
    once = (activity == 1).groupby("domain").mean()
    assert once["electronics"] > 0.766 and once["kitchen"] > 0.768 and once["toys"] > 0.675  # Table I leaves no choice
    assert (once < 0.9).all() and (activity.groupby("domain").max() > 10).all()
    assert all(0.4 < gini(activity[domain]) < 0.6 for domain in ("dvd", "music", "video"))


def test_popularity_has_a_long_tail(whole):
    popularity = whole[0].groupby(["domain", "item"]).size()
    for domain in TABLE_I:
        assert 0.45 < gini(popularity[domain]) < 0.75
        assert popularity[domain].max() > 20 * popularity[domain].mean() and (popularity[domain] == 1).mean() > 0.15


def test_ids_tell_nothing_of_popularity_or_activity(whole):
    for column in ("user", "item"):
        sizes = whole[0][whole[0]["domain"] == "music"].groupby(column).size()  # in the order of the ids
        assert abs(np.corrcoef(np.arange(len(sizes)), sizes.rank())[0, 1]) < 4 / np.sqrt(len(sizes))


def test_overlap_is_partial_differs_between_pairs_and_is_reported_as_it_is(whole):
    frame, report = whole
    once = frame[["user", "domain"]].drop_duplicates()
    member = pd.crosstab(once["user"], once["domain"])[list(TABLE_I)]
    shared = member.T @ member
    assert report["users"] == len(member)
    assert report["shared_users"] == {a: {b: shared.loc[a, b] for b in TABLE_I} for a in TABLE_I}
    assert report["share_of_users_in_several_domains"] == pytest.approx((member.sum(axis=1) > 1).mean())
    assert 0.20 < report["share_of_users_in_several_domains"] < 0.35
    share = shared / np.diag(shared)  # of the column's users
    assert share.loc["kitchen", "electronics"] > 2 * share.loc["kitchen", "video"]
    assert all(shared.loc[a, b] > 100 for a, b in PAIRS)


def test_active_users_are_in_more_domains(whole):
    per_domain = whole[0].groupby(["user", "domain"]).size()
    activity, domains = per_domain.groupby("user").mean(), per_domain.groupby("user").size()
    assert activity[domains > 1].mean() > 1.2 * activity[domains == 1].mean()


def test_report_is_json_and_says_that_all_is_synthetic():
    _, report = twin.ratings(np.int64(4), 0.01, np.float64(0.25))
    assert json.loads(json.dumps(report)) == report
    assert report["synthetic"] is True and (report["seed"], report["scale"], report["transfer"]) == (4, 0.01, 0.25)


def test_same_arguments_give_the_same_table_and_another_seed_another():
    first = twin.ratings(1, 0.02, 0.5)
    again = twin.ratings(1, 0.02, 0.5)
    pd.testing.assert_frame_equal(first[0], again[0], check_exact=True)
    assert first[1] == again[1]
    assert not first[0].equals(twin.ratings(2, 0.02, 0.5)[0])


def test_transfer_changes_who_rates_what_and_nothing_else():
    low, high = (twin.ratings(1, 0.05, transfer)[0] for transfer in (0.0, 1.0))
    for column in ("user", "item"):
        pd.testing.assert_series_equal(low.groupby(["domain", column]).size(), high.groupby(["domain", column]).size())
    assert len(low.merge(high, on=["domain", "user", "item"])) < 0.5 * len(low)


@pytest.mark.parametrize("scale", [0.01, 3])
def test_scale_gives_rounded_counts(monkeypatch, scale):
    monkeypatch.setattr(twin, "ROUNDS", 2)  # exchanges cost the time at scale 3, and no exchange changes a count
    for name, domain in twin._generate(0, scale, 0.5).items():
        pair = domain.user * 10**6 + domain.item
        assert tuple(len(np.unique(x)) for x in (domain.user, domain.item, pair)) == scaled(scale)[name]
        assert len(pair) == len(domain.stars) == scaled(scale)[name][2]


@pytest.mark.parametrize(
    ("arguments", "checksum"),
    [
        ((0, 0.02, 0.5), "13efc500d093bd5abc215404ce5d52cddfe6c1fcb121dc5921fe9e913f6eb539"),
        ((1, 0.003, 0.0), "2aa6b6a99a36f6beb78e5779ad5daf0511fe9bc95532668aa0ea929ef14f3a0b"),
    ],
)
def test_asymmetry_1_is_table_1_and_the_twin_that_was_before_there_was_a_choice(arguments, checksum):
    assert all(twin.sizes(scale) == scaled(scale) for scale in (0.003, 0.02, 0.5, 1.0, 7.0))
    table = twin.ratings(*arguments)[0].to_csv(index=False)
    assert hashlib.sha256(table.encode()).hexdigest() == checksum


def test_at_asymmetry_0_all_domains_are_alike_and_as_large_as_table_1_is_in_the_geometric_mean():
    means = np.exp(np.log(list(TABLE_I.values())).mean(axis=0))
    assert set(twin.sizes(1.0, 0.0).values()) == {tuple(np.round(means).astype(int))}


def test_the_logarithms_of_the_sizes_spread_in_proportion_to_asymmetry():
    usual, spread = (np.log(list(twin.sizes(10.0, a).values())) for a in (1.0, 0.5))
    np.testing.assert_allclose(spread.std(axis=0), 0.5 * usual.std(axis=0), rtol=1e-3)
    np.testing.assert_allclose(spread.mean(axis=0), usual.mean(axis=0), rtol=1e-4)


def test_where_domains_are_very_unequal_every_user_still_has_enough_ratings():
    sizes = np.array(list(twin.sizes(1.0, 2.0).values()))
    assert sizes[:, 0].max() > 40 * sizes[:, 0].min()
    assert (sizes[:, 2] >= np.floor(twin.LEAST * sizes[:, 0])).all() and (sizes[:, 2] > sizes[:, 1]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63), st.floats(twin.SCALES[0], 0.01), st.floats(0, 1), st.floats(*twin.ASYMMETRIES))
def test_small_twins_are_exact_for_every_seed_scale_transfer_and_asymmetry(seed, scale, transfer, asymmetry):
    frame, report = twin.ratings(seed, scale, transfer, asymmetry)
    assert counts(frame) == twin.sizes(scale, asymmetry) and report["asymmetry"] == asymmetry
    assert not frame.duplicated(["domain", "user", "item"]).any() and frame["rating"].between(1, 5).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"transfer": 1.01}, "transfer is 1.01. Give a number from 0 to 1"),
        ({"transfer": -0.1}, "transfer is -0.1"),
        ({"transfer": float("nan")}, "transfer is nan"),
        ({"transfer": "0.5"}, "transfer is '0.5'"),
        ({"asymmetry": 2.1}, "asymmetry is 2.1. Give a number from 0 to 2"),
        ({"asymmetry": "1"}, "asymmetry is '1'"),
        ({"scale": 0}, "scale is 0. Give a number from 0.003 to 10"),
        ({"scale": -1}, "scale is -1"),
        ({"scale": 10.1}, "scale is 10.1"),
        ({"scale": float("inf")}, "scale is inf"),
        ({"seed": -1}, "seed is -1. Give a whole number from 0 on"),
        ({"seed": 0.5}, "seed is 0.5"),
    ],
)
def test_arguments_out_of_range_name_the_cure(arguments, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        twin.ratings(**arguments)


@pytest.mark.parametrize("transfer", [0.0, 0.5, 1.0])
def test_share_of_taste_common_to_two_domains_is_transfer(planted, transfer):
    for a, b in PAIRS:
        first, second = planted[transfer][a], planted[transfer][b]
        _, i, j = np.intersect1d(first.person, second.person, return_indices=True)
        x, y = first.liking[i].ravel(), second.liking[j].ravel()
        assert (x * y).mean() == pytest.approx(transfer, abs=5 * np.sqrt(2 / len(x)))


def choices_and_stars_agree(domains: dict) -> tuple[float, float, int]:
    """Over all users of two domains: correlation of the genres chosen there, and of the mean stars given there; n."""
    genres, stars = [], []
    for a, b in PAIRS:
        sides = []
        for domain in (domains[a], domains[b]):
            n = len(domain.person)
            share = np.zeros((n, twin.GENRES))
            np.add.at(share, (domain.user, domain.genre[domain.item]), 1)
            share /= share.sum(axis=1, keepdims=True)
            mean = np.bincount(domain.user, domain.stars) / np.bincount(domain.user)
            sides.append((domain.person, share - share.mean(axis=0), mean - mean.mean()))
        _, i, j = np.intersect1d(sides[0][0], sides[1][0], return_indices=True)
        genres.append((sides[0][1][i].ravel(), sides[1][1][j].ravel()))
        stars.append((sides[0][2][i], sides[1][2][j]))
    genre, star = (np.corrcoef(*map(np.concatenate, zip(*found, strict=True)))[0, 1] for found in (genres, stars))
    return genre, star, sum(len(x) for x, _ in stars)


def test_at_transfer_0_other_domains_tell_nothing_of_choices_or_stars(planted):
    genre, star, n = choices_and_stars_agree(planted[0.0])
    assert abs(genre) < 4 / np.sqrt(n * (twin.GENRES - 1)) and abs(star) < 4 / np.sqrt(n)


def test_choices_and_stars_agree_more_the_more_is_transferred(planted):
    half, half_star, _ = choices_and_stars_agree(planted[0.5])
    all_, all_star, _ = choices_and_stars_agree(planted[1.0])
    assert 0.08 < half < all_ / 2 and all_ > 0.4
    assert 0.05 < half_star < all_star / 1.5 and all_star > 0.2


@pytest.mark.parametrize("transfer", [0.0, 1.0])
def test_choices_and_stars_follow_taste(planted, transfer):
    for domain in planted[transfer].values():
        liked = domain.liking[domain.user, domain.genre[domain.item]]
        favourite = domain.liking.argmax(axis=1)[domain.user] == domain.genre[domain.item]
        assert liked.mean() > 1.2 and 0.5 < favourite.mean() < 0.7
        assert 0.25 < np.corrcoef(liked, domain.stars)[0, 1] < 0.5


def test_exchanges_reach_the_stated_distribution(monkeypatch):
    monkeypatch.setattr(twin, "ROUNDS", 20)
    rng = np.random.default_rng(0)
    utility, genre, users = rng.standard_normal((3, 3)), np.arange(3), np.arange(3)
    orders = list(itertools.permutations(range(3)))
    weight = np.exp([utility[users, list(order)].sum() for order in orders])
    seen = dict.fromkeys(orders, 0)
    for _ in range(1000):
        item = rng.permutation(3)
        twin._exchange(rng, users, item, utility, genre)
        seen[tuple(item.tolist())] += 1
    np.testing.assert_allclose([n / 1000 for n in seen.values()], weight / weight.sum(), atol=0.05)
