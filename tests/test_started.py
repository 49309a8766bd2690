"""Starts are made once for all runs that share them, and only for those."""

import numpy as np
import pandas as pd
import pytest
from small import random_ratings

from adc import mf, paths, started
from adc.split import split


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def made(monkeypatch):
    calls, original = [], mf.factorize
    monkeypatch.setattr(mf, "factorize", lambda *given, **options: calls.append(given[1]) or original(*given, **options))
    return calls


def files(name="tiny"):
    return sorted((paths.processed(name) / "mf").glob("*"))


@pytest.mark.parametrize("kind", ["als", "als_literal"])
def test_what_is_read_is_what_was_made(kind, made):
    parts = split(random_ratings(), 0)
    plain, first, again = mf.starts(parts, kind, 4), started.starts(parts, kind, 4), started.starts(parts, kind, 4)
    assert len(made) == 2 * parts.ratings.p
    for one, other, third in zip(plain, first, again, strict=True):
        for start in (other, third):
            assert np.array_equal(one.user, start.user) and np.array_equal(one.item, start.item)
            assert (one.user.dtype, one.regulariser) == (start.user.dtype, start.regulariser)
            pd.testing.assert_frame_equal(one.curve, start.curve)


def test_whatever_a_start_hangs_on_makes_another(made, monkeypatch):
    ratings = random_ratings()
    parts, usual = split(ratings, 0), ("als", 4)
    started.starts(parts, *usual)
    others = [
        (parts, "als_literal", 4), (parts, "als", 5), (split(ratings, 1), *usual),
        (split(ratings.only(ratings.domains[:2]), 0), *usual), (split(random_ratings(seed=1), 0), *usual),
    ]  # fmt: skip
    for number, other in enumerate(others, start=2):
        started.starts(*other)
        assert len(files(ratings.name)) == number
    monkeypatch.setattr(started.runs, "code_fingerprint", lambda modules: "edited")
    started.starts(parts, *usual)
    assert len(files(ratings.name)) == len(others) + 2


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"no archive"])
def test_a_damaged_file_is_made_anew(damage, made):
    parts = split(random_ratings(), 0)
    first = started.starts(parts, "als", 4)
    (file,) = files(parts.ratings.name)
    file.write_bytes(damage(file.read_bytes()))
    again = started.starts(parts, "als", 4)
    assert all(np.array_equal(a.user, b.user) for a, b in zip(first, again, strict=True)) and len(made) == 2 * parts.ratings.p
    started.starts(parts, "als", 4)
    assert len(made) == 2 * parts.ratings.p and files(parts.ratings.name) == [file]


def test_the_random_start_is_not_kept():
    parts = split(random_ratings(), 0)
    assert not started.starts(parts, "random", 4)[0].user.any() and not files(parts.ratings.name)
