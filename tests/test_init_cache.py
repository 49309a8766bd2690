"""Starts are computed once for all runs that share them, and only for those."""

import numpy as np
import pandas as pd
import pytest
from small import random_ratings, random_split
from threadpoolctl import threadpool_limits

from adc import mf_init
from adc.split import split_ratings
from companion import init_cache, paths
from companion.init_cache import initial_vectors


def load(*arguments):
    """As another process would: from disk, not from memory."""
    initial_vectors.cache_clear()
    return initial_vectors(*arguments)


def files():
    return sorted((paths.processed("tiny") / "mf").glob("*"))


@pytest.mark.parametrize("init", ["als", "als_literal"])
def test_what_is_read_is_what_was_computed(init, monkeypatch):
    split = random_split()
    expected, first = mf_init.initial_vectors(split, init, 4), load(split, init, 4)
    monkeypatch.setattr(mf_init, "factorize", None)  # nothing is computed again
    for vectors in (first, load(split, init, 4)):
        for ours, theirs in zip(vectors, expected, strict=True):
            assert np.array_equal(ours.user, theirs.user) and np.array_equal(ours.item, theirs.item)
            assert (ours.user.dtype, ours.regulariser) == (theirs.user.dtype, theirs.regulariser)
            pd.testing.assert_frame_equal(ours.curve, theirs.curve)


def test_whatever_a_start_depends_on_makes_another(monkeypatch):
    ratings, split = random_ratings(), random_split()
    fewer = split_ratings(ratings.only(ratings.domains[:2]), 0)
    others = [(split, "als_literal", 4), (split, "als", 5)]
    others += [(other, "als", 4) for other in (fewer, random_split(seed=1), split_ratings(ratings, 1))]
    for number, arguments in enumerate([(split, "als", 4), *others], start=1):
        load(*arguments), load(*arguments)
        assert len(files()) == number
    monkeypatch.setattr(init_cache, "VERSION", init_cache.VERSION + 1)
    load(split, "als", 4)
    assert len(files()) == len(others) + 2
    load(split, "random", 4)  # zeros: nothing to store
    assert len(files()) == len(others) + 2


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"text"])
def test_a_damaged_file_is_computed_anew(damage, monkeypatch):
    split = random_split()
    first = load(split, "als", 4)
    (file,) = files()
    file.write_bytes(damage(file.read_bytes()))
    again = load(split, "als", 4)
    assert all(np.array_equal(a.user, b.user) for a, b in zip(first, again, strict=True))
    monkeypatch.setattr(mf_init, "factorize", None)
    assert len(load(split, "als", 4)) == split.ratings.p and files() == [file]


def test_a_start_has_the_same_bits_on_any_number_of_threads():
    split, users = random_split(domains=1, users=300, items=200, share=0.6, member=1.0), []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            users.append(load(split, "als_literal", 64)[0].user)
        files()[0].unlink()
    assert np.array_equal(users[0], users[1]) and np.array_equal(users[0], users[2])
