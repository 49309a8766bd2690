"""The paper's split (§IV-B, R19): 50 % training, 10 % validation, the rest test, by domain and seed."""

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adc.ratings import Ratings, Source

TRAIN, VALID, TEST = PARTS = (0, 1, 2)
FRACTIONS = (0.5, 0.1)  # of training and validation


@dataclass(frozen=True, eq=False)  # equal to itself alone: `ranking_task` remembers what it made of one
class Split:
    """Ratings and the part each belongs to. A pure function of (ratings, seed)."""

    ratings: Ratings
    seed: int
    part: np.ndarray  # [ratings] int8: TRAIN, VALID or TEST

    @cached_property
    def _rows(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.ratings.domain == k) for k in range(self.ratings.p)]

    def of(self, domain: int, *parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(user, item, rating)` of one domain's ratings in some parts, or without any named in all."""
        rows = self._rows[domain]
        if parts:
            rows = rows[np.isin(self.part[rows], parts)]
        return self.ratings.user[rows], self.ratings.item[rows], self.ratings.rating[rows]

    def membership(self) -> np.ndarray:
        """Which users have a training rating in which domain [n, p] bool."""
        member = np.zeros((len(self.ratings.users), self.ratings.p), dtype=bool)
        training = self.part == TRAIN
        member[self.ratings.user[training], self.ratings.domain[training]] = True
        return member

    def training_users(self) -> np.ndarray:
        """Users with a training rating in any domain, ascending, int64."""
        return np.unique(self.ratings.user[self.part == TRAIN]).astype(np.int64)


def split_ratings(ratings: Source, seed: int = 0) -> Split:
    """Split every domain at random by R19; the parts are disjoint and cover every rating once.
    ratings: `Ratings`, or what `Ratings.of` makes them from: a data frame, or the path of a file."""
    ratings = Ratings.of(ratings)
    pair = ratings.user.astype(np.int64) * (ratings.item.max() + 1) + ratings.item
    assert np.diff(np.sort(pair * ratings.p + ratings.domain)).all(), "a rating stands there twice"
    part = np.full(len(ratings.rating), TEST, dtype=np.int8)
    for k, name in enumerate(ratings.domains):
        # a stream of its own for every domain: leaving one out (Sets 1-3) does not move the others' ratings
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        rows = rng.permutation(np.flatnonzero(ratings.domain == k))
        train, valid = (round(len(rows) * fraction) for fraction in FRACTIONS)
        part[rows[:train]] = TRAIN
        part[rows[train : train + valid]] = VALID
    return Split(ratings, seed, part)
