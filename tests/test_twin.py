"""The synthetic twin: exact counts, the stated tails and stars, a taste that carries over as far as set."""

import hashlib
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.errors import UserError
from companion.data import twin
from companion.data.table1 import TABLE_I

PAIRS = list(itertools.combinations(TABLE_I, 2))


@pytest.fixture(scope="module")
def whole():
    return twin.ratings()


@pytest.fixture(scope="module")
def planted():
    """What is inside at a tenth of the size, by transfer."""
    return {transfer: twin._generate(3, 0.1, transfer) for transfer in (0.0, 0.5, 1.0)}


def counts(frame: pd.DataFrame) -> dict[str, tuple[int, int, int]]:
    groups = frame.groupby("domain", sort=False)
    table = groups.agg(u=("user", "nunique"), i=("item", "nunique"), r=("rating", "size"))
    return {name: tuple(row) for name, row in zip(table.index, table.to_numpy().tolist(), strict=True)}


def scaled(scale: float) -> dict[str, tuple[int, int, int]]:
    sizes = np.rint(scale * np.array(list(TABLE_I.values()))).astype(int)
    return dict(zip(TABLE_I, map(tuple, sizes.tolist())))


def gini(values) -> float:
    values = np.sort(values)
    n = len(values)
    return float((2 * np.arange(1, n + 1) - n - 1) @ values / (n * values.sum()))


def test_the_whole_twin_has_exactly_the_counts_of_table_1_and_the_columns_of_the_schema(whole):
    frame = whole[0]
    assert counts(frame) == TABLE_I and list(counts(frame)) == list(TABLE_I)
    assert list(frame.columns) == ["domain", "user", "item", "rating"] and not frame.isna().any().any()
    assert not frame.duplicated(["domain", "user", "item"]).any()
    assert set(frame["rating"]) == {1, 2, 3, 4, 5}
    assert frame["user"].drop_duplicates().str.fullmatch(r"u\d{6}").all()
    items = frame[["domain", "item"]].drop_duplicates()
    assert (items["item"].str.rsplit("-", n=1).str[0] == items["domain"]).all()


def test_stars_have_the_stated_histogram_in_every_domain(whole):
    for _, stars in whole[0].groupby("domain")["rating"]:
        share = stars.value_counts(normalize=True).sort_index()
        np.testing.assert_allclose(share, twin.STARS, atol=1.5 / len(stars))


def test_activity_and_popularity_have_long_tails(whole):
    activity = whole[0].groupby(["domain", "user"]).size()
    once = (activity == 1).groupby("domain").mean()
    assert once["electronics"] > 0.766 and once["kitchen"] > 0.768 and once["toys"] > 0.675  # Table I's doing
    assert (once < 0.9).all() and (activity.groupby("domain").max() > 10).all()
    assert all(0.4 < gini(activity[domain]) < 0.6 for domain in ("dvd", "music", "video"))
    popularity = whole[0].groupby(["domain", "item"]).size()
    for domain in TABLE_I:
        sizes = popularity[domain]
        assert 0.45 < gini(sizes) < 0.75 and sizes.max() > 20 * sizes.mean() and (sizes == 1).mean() > 0.15


@pytest.mark.parametrize("column", ["user", "item"])
def test_ids_tell_nothing_of_popularity_or_activity(whole, column):
    sizes = whole[0][whole[0]["domain"] == "music"].groupby(column).size()  # in the order of the ids
    assert abs(np.corrcoef(np.arange(len(sizes)), sizes.rank())[0, 1]) < 4 / np.sqrt(len(sizes))


def test_overlap_is_partial_differs_between_pairs_and_is_reported_as_it_is(whole):
    frame, report = whole
    once = frame[["user", "domain"]].drop_duplicates()
    member = pd.crosstab(once["user"], once["domain"])[list(TABLE_I)]
    shared = member.T @ member
    assert report["users"] == len(member)
    assert report["shared_users"] == {a: shared.loc[a, list(TABLE_I)].to_dict() for a in TABLE_I}
    assert report["share_of_users_in_several_domains"] == pytest.approx((member.sum(axis=1) > 1).mean())
    assert 0.20 < report["share_of_users_in_several_domains"] < 0.35
    share = shared / np.diag(shared)  # of the column's users
    assert share.loc["kitchen", "electronics"] > 2 * share.loc["kitchen", "video"]
    assert all(shared.loc[a, b] > 100 for a, b in PAIRS)
    per_domain = frame.groupby(["user", "domain"]).size()  # active users are in more domains
    activity, domains = per_domain.groupby("user").mean(), per_domain.groupby("user").size()
    assert activity[domains > 1].mean() > 1.2 * activity[domains == 1].mean()


def test_transfer_changes_who_rates_what_and_nothing_else():
    low, high = (twin.ratings(1, 0.05, transfer)[0] for transfer in (0.0, 1.0))
    for key in (["domain", "user"], ["domain", "item"]):
        pd.testing.assert_series_equal(low.groupby(key).size(), high.groupby(key).size())
    assert len(low.merge(high, on=["domain", "user", "item"])) < 0.5 * len(low)


@pytest.mark.parametrize(("arguments", "checksum"), [
    ((0, 0.02, 0.5), "13efc500d093bd5abc215404ce5d52cddfe6c1fcb121dc5921fe9e913f6eb539"),
    ((1, 0.003, 0.0), "2aa6b6a99a36f6beb78e5779ad5daf0511fe9bc95532668aa0ea929ef14f3a0b"),
])  # fmt: skip
def test_the_twin_of_some_arguments_is_the_same_in_every_version(arguments, checksum):
    table = twin.ratings(*arguments)[0].to_csv(index=False)
    assert hashlib.sha256(table.encode()).hexdigest() == checksum


def test_asymmetry_spreads_the_logarithms_of_the_sizes_in_proportion():
    assert all(twin.sizes(scale) == scaled(scale) for scale in (0.003, 0.02, 0.5, 1.0, 7.0))
    means = np.exp(np.log(list(TABLE_I.values())).mean(axis=0))
    assert set(twin.sizes(1.0, 0.0).values()) == {tuple(np.round(means).astype(int))}
    table_1, half = (np.log(list(twin.sizes(10.0, a).values())) for a in (1.0, 0.5))
    np.testing.assert_allclose(half.std(axis=0), 0.5 * table_1.std(axis=0), rtol=1e-3)
    np.testing.assert_allclose(half.mean(axis=0), table_1.mean(axis=0), rtol=1e-4)
    sizes = np.array(list(twin.sizes(1.0, 2.0).values()))  # even so every user has enough ratings
    assert sizes[:, 0].max() > 40 * sizes[:, 0].min()
    assert (sizes[:, 2] >= np.floor(twin.LEAST * sizes[:, 0])).all() and (sizes[:, 2] > sizes[:, 1]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63), st.floats(0.003, 0.01), st.floats(0, 1), st.floats(0, 2))
def test_small_twins_are_exact_for_every_seed_scale_transfer_and_asymmetry(seed, scale, transfer, asymmetry):
    frame, _ = twin.ratings(seed, scale, transfer, asymmetry)
    assert counts(frame) == twin.sizes(scale, asymmetry)
    assert not frame.duplicated(["domain", "user", "item"]).any() and frame["rating"].between(1, 5).all()


@pytest.mark.parametrize(("name", "values", "cure"), [
    ("transfer", [1.01, -0.1, float("nan"), "0.5"], "Give a number from 0 to 1."),
    ("asymmetry", [2.1, "1"], "Give a number from 0 to 2."),
    ("scale", [0, -1, 10.1, float("inf")], "Give a number from 0.003 to 10."),
    ("seed", [-1, 0.5], "Give a whole number from 0 on."),
])  # fmt: skip
def test_arguments_out_of_range_name_the_cure(name, values, cure):
    for value in values:
        with pytest.raises(UserError) as error:
            twin.ratings(**{name: value})
        assert str(error.value) == f"twin: {name} is {value!r}. {cure}"


@pytest.mark.parametrize("transfer", [0.0, 0.5, 1.0])
def test_share_of_taste_common_to_two_domains_is_transfer(planted, transfer):
    for a, b in PAIRS:
        first, second = planted[transfer][a], planted[transfer][b]
        _, i, j = np.intersect1d(first.person, second.person, return_indices=True)
        x, y = first.liking[i].ravel(), second.liking[j].ravel()
        assert (x * y).mean() == pytest.approx(transfer, abs=5 * np.sqrt(2 / len(x)))


def genres_and_stars(domain) -> tuple[np.ndarray, np.ndarray]:
    """Share of every genre in a user's ratings [n, GENRES] and her mean stars [n], less their means."""
    share = np.zeros((len(domain.person), twin.GENRES))
    np.add.at(share, (domain.user, domain.genre[domain.item]), 1)
    share /= share.sum(axis=1, keepdims=True)
    stars = np.bincount(domain.user, domain.stars) / np.bincount(domain.user)
    return share - share.mean(axis=0), stars - stars.mean()


def agreement(domains: dict) -> tuple[float, float, int]:
    """Over all users of two domains: correlation of the genres chosen there, and of the mean stars; n."""
    genres, stars = [], []
    for a, b in PAIRS:
        _, i, j = np.intersect1d(domains[a].person, domains[b].person, return_indices=True)
        (genre_a, stars_a), (genre_b, stars_b) = genres_and_stars(domains[a]), genres_and_stars(domains[b])
        genres.append(np.stack([genre_a[i].ravel(), genre_b[j].ravel()]))
        stars.append(np.stack([stars_a[i], stars_b[j]]))
    genres, stars = np.concatenate(genres, axis=1), np.concatenate(stars, axis=1)
    return np.corrcoef(genres)[0, 1], np.corrcoef(stars)[0, 1], stars.shape[1]


def test_choices_and_stars_agree_the_more_the_more_is_transferred(planted):
    (no_genre, no_star, n), (half, half_star, _), (full, full_star, _) = map(agreement, planted.values())
    assert abs(no_genre) < 4 / np.sqrt(n * (twin.GENRES - 1)) and abs(no_star) < 4 / np.sqrt(n)
    assert 0.08 < half < full / 2 and full > 0.4
    assert 0.05 < half_star < full_star / 1.5 and full_star > 0.2


@pytest.mark.parametrize("transfer", [0.0, 1.0])
def test_choices_and_stars_follow_taste(planted, transfer):
    for domain in planted[transfer].values():
        genre = domain.genre[domain.item]
        liked = domain.liking[domain.user, genre]
        favourite = domain.liking.argmax(axis=1)[domain.user] == genre
        assert liked.mean() > 1.2 and 0.5 < favourite.mean() < 0.7
        assert 0.25 < np.corrcoef(liked, domain.stars)[0, 1] < 0.5


def test_exchanges_reach_the_stated_distribution(monkeypatch):
    monkeypatch.setattr(twin, "ROUNDS", 20)
    rng = np.random.default_rng(0)
    utility, genre, users = rng.standard_normal((3, 3)), np.arange(3), np.arange(3)
    times = dict.fromkeys(itertools.permutations(range(3)), 0)
    weight = np.exp([utility[users, list(order)].sum() for order in times])
    for _ in range(1000):
        item = rng.permutation(3)
        twin._exchange(rng, users, item, utility, genre)
        times[tuple(item.tolist())] += 1
    np.testing.assert_allclose([n / 1000 for n in times.values()], weight / weight.sum(), atol=0.05)
