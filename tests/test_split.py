"""The split of §IV-B (R19): half, a tenth, the rest; disjoint; a function of ratings and seed alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.data.schema import encode
from adc.split import TEST, TRAIN, VALID, Split, assert_disjoint, split


def ratings(sizes, users=7):
    places = [(domain, i) for domain, size in sizes.items() for i in range(size)]
    rows = [(domain, f"u{i % users}", f"i{i // users}", 1.0 + i % 5) for domain, i in places]
    return encode(pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]), "some")


some_sizes = st.dictionaries(st.sampled_from(["toys", "dvd", "music", "video"]), st.integers(10, 300), min_size=1)


@settings(deadline=None)
@given(some_sizes, st.integers(0, 2**31))
def test_parts_are_disjoint_cover_everything_and_have_the_stated_sizes(sizes, seed):
    data = ratings(sizes)
    parts = split(data, seed)
    assert_disjoint(parts)
    for k, domain in enumerate(data.domains):
        n = sizes[domain]
        found = [len(parts.of(k, part)[0]) for part in (TRAIN, VALID, TEST)]
        assert found == [round(0.5 * n), round(0.1 * n), n - round(0.5 * n) - round(0.1 * n)]
        pairs = [set(zip(*parts.of(k, part)[:2])) for part in (TRAIN, VALID, TEST)]
        assert sum(map(len, pairs)) == len(set.union(*pairs)) == n


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    data = ratings({"toys": 200, "dvd": 300})
    assert (split(data, 3).part == split(data, 3).part).all()
    assert (split(data, 3).part != split(data, 4).part).any()


def test_leaving_a_domain_out_does_not_move_the_others():
    data = ratings({"toys": 200, "dvd": 300, "music": 250})
    whole, rest = split(data, 0), split(data.only(["toys", "music"]), 0)
    for name in ("toys", "music"):
        here, there = (parts.part[parts.ratings.domain == parts.ratings.index(name)] for parts in (whole, rest))
        assert (here == there).all()


def test_domains_whose_names_begin_alike_are_shuffled_on_their_own():
    data = ratings({"category-1": 200, "category-2": 200})
    part = split(data, 0).part
    assert (part[data.domain == 0] != part[data.domain == 1]).any()


def test_of_returns_one_domain_and_the_parts_asked_for():
    data = ratings({"toys": 50, "dvd": 30})
    parts = split(data, 0)
    assert len(parts.of(0)[0]) == 50 and len(parts.of(1, TRAIN, VALID)[0]) == 18
    user, item, rating = parts.of(1, TEST)
    rows = (data.domain == 1) & (parts.part == TEST)
    assert (user == data.user[rows]).all() and (item == data.item[rows]).all() and (rating == data.rating[rows]).all()


def test_a_rating_that_stands_twice_is_noticed():
    data = ratings({"toys": 50})
    data.item[:] = 0
    with pytest.raises(AssertionError, match="twice"):
        assert_disjoint(Split(data, 0, np.zeros(50, dtype=np.int8)))
