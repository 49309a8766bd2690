"""The split of §IV-B (R19): half, a tenth, the rest; disjoint; a function of ratings and seed alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.ratings import encode
from adc.split import TEST, TRAIN, VALID, split_ratings


def make_ratings(users=7, **sizes):
    places = [(domain, i) for domain, size in sizes.items() for i in range(size)]
    rows = [(domain, f"u{i % users}", f"i{i // users}", 1.0 + i % 5) for domain, i in places]
    return encode(pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]), "made")


random_sizes = st.dictionaries(st.sampled_from(["toys", "dvd", "music"]), st.integers(10, 300), min_size=1)


@settings(deadline=None)
@given(random_sizes, st.integers(0, 2**31))
def test_parts_are_disjoint_cover_everything_and_have_the_stated_sizes(sizes, seed):
    ratings = make_ratings(**sizes)
    split = split_ratings(ratings, seed)
    for k, domain in enumerate(ratings.domains):
        n, pairs = sizes[domain], [set(zip(*split.of(k, part)[:2])) for part in (TRAIN, VALID, TEST)]
        train, valid = round(0.5 * n), round(0.1 * n)
        assert [len(of_part) for of_part in pairs] == [train, valid, n - train - valid]
        assert len(split.of(k)[0]) == len(set.union(*pairs)) == n


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    ratings = make_ratings(toys=200, dvd=300)
    assert (split_ratings(ratings, 3).part == split_ratings(ratings, 3).part).all()
    assert (split_ratings(ratings, 3).part != split_ratings(ratings, 4).part).any()


def test_leaving_a_domain_out_does_not_move_the_others():
    ratings = make_ratings(toys=200, dvd=300, music=250)
    whole, fewer = split_ratings(ratings, 0), split_ratings(ratings.only(["toys", "music"]), 0)
    for name in ("toys", "music"):
        parts = [split.part[split.ratings.domain == split.ratings.index(name)] for split in (whole, fewer)]
        assert (parts[0] == parts[1]).all()


def test_domains_whose_names_begin_alike_are_shuffled_on_their_own():
    ratings = make_ratings(category_1=200, category_2=200)
    part = split_ratings(ratings, 0).part
    assert (part[ratings.domain == 0] != part[ratings.domain == 1]).any()


def test_ratings_users_and_membership_of_parts():
    ratings = make_ratings(toys=50, dvd=12)
    split = split_ratings(ratings, 0)
    assert len(split.of(0)[0]) == 50 and len(split.of(1, TRAIN, VALID)[0]) == 7
    user, item, rating = split.of(1, TEST)
    rows = (ratings.domain == 1) & (split.part == TEST)
    assert (user == ratings.user[rows]).all() and (item == ratings.item[rows]).all()
    assert (rating == ratings.rating[rows]).all()
    users, member = np.arange(len(ratings.users)), split.membership()
    for k in range(2):
        assert (member[:, k] == np.isin(users, split.of(k, TRAIN)[0])).all()
    assert split.training_users().tolist() == users[member.any(1)].tolist()


def test_a_rating_that_stands_twice_is_noticed():
    ratings = make_ratings(toys=50)
    ratings.item[:] = 0
    with pytest.raises(AssertionError, match="twice"):
        split_ratings(ratings)
