"""The paper's split (§IV-B, R19): 50 % train, 10 % validation, the rest test, per domain and seed."""

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adc.data.schema import Ratings

TRAIN, VALID, TEST = 0, 1, 2
FRACTIONS = (0.5, 0.1)


@dataclass(frozen=True, eq=False)  # equal to itself alone: `evaluate.questions` keeps what it made of one
class Split:
    """Ratings and the part each belongs to. A pure function of (ratings, seed)."""

    ratings: Ratings
    seed: int
    part: np.ndarray  # [ratings] int8: TRAIN, VALID or TEST

    @cached_property
    def _rows(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.ratings.domain == k) for k in range(self.ratings.p)]

    def of(self, domain: int, *parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(user, item, rating)` of one domain's ratings in the given parts (all of them when none is given)."""
        rows = self._rows[domain]
        if parts:
            rows = rows[np.logical_or.reduce([self.part[rows] == part for part in parts])]
        return self.ratings.user[rows], self.ratings.item[rows], self.ratings.rating[rows]


def split(ratings: Ratings, seed: int) -> Split:
    """Split every domain at random by R19; the parts are disjoint and cover every rating once."""
    part = np.full(len(ratings.rating), TEST, dtype=np.int8)
    for k in range(ratings.p):
        rows = np.flatnonzero(ratings.domain == k)
        # a stream of its own for every domain: leaving a domain out (Sets 1-3) does not move the others' ratings
        name = zlib.crc32(ratings.domains[k].encode())
        rows = np.random.default_rng([seed, name]).permutation(rows)
        train, valid = (round(len(rows) * f) for f in FRACTIONS)
        part[rows[:train]] = TRAIN
        part[rows[train : train + valid]] = VALID
    assert_disjoint(Split(ratings, seed, part))
    return Split(ratings, seed, part)


def assert_disjoint(parts: Split) -> None:
    """Raise AssertionError if a (user, item) of a domain stands in two parts, or twice in one."""
    ratings = parts.ratings
    key = (ratings.user.astype(np.int64) * (ratings.item.max() + 1) + ratings.item) * ratings.p + ratings.domain
    assert len(np.unique(key)) == len(key), "a (domain, user, item) stands in the ratings twice"
    assert np.isin(parts.part, (TRAIN, VALID, TEST)).all()
