"""Training triples (§III-A): every training rating with random negatives, in batches of users (R16, R17)."""

from collections.abc import Iterator

import numpy as np

from adc.relevance import slack
from adc.split import TRAIN, Split

Batch = list[tuple[np.ndarray, np.ndarray, np.ndarray]]  # by domain: users' rows [T], i+ [T], i- [T, c]


class Triples:
    """The positives of one domain, and uniform draws of items their users have not rated in training.

    Positives are all training ratings, or (`observed` "above_mean", R23 ★) those not below their user's mean
    of them. A user who rated every item of the domain has no negative and is left out."""

    def __init__(self, split: Split, domain: int, negatives: int, resample: bool, rng: np.random.Generator,
                 observed: str = "all"):  # fmt: skip
        user, item, rating = split.of(domain, TRAIN)
        n, self.m, self.negatives = len(split.ratings.users), len(split.ratings.items[domain]), negatives
        count = np.bincount(user, minlength=n)
        self.training_keys = np.sort(user.astype(np.int64) * self.m + item)
        self._low_bits = (16 << len(self.training_keys).bit_length()) - 1  # few others share them
        self._filter = np.zeros(self._low_bits + 1, dtype=bool)
        self._filter[self.training_keys & self._low_bits] = True
        positive = count[user] < self.m
        if observed == "above_mean":  # ≥: most users have one rating, which is not below its own mean
            mean = np.bincount(user, rating, n) / np.maximum(count, 1)
            positive &= rating >= mean[user] - slack(rating)
        self.user, self.item = user[positive].astype(np.int64), item[positive].astype(np.int64)  # [T]
        self._first_draw = None if resample else self._draw(rng)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Negatives of every positive [T, c]: new ones, or always the first if not resampled (R17 ★)."""
        return self._draw(rng) if self._first_draw is None else self._first_draw

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        first_key = (self.user * self.m)[:, None]  # key of a user's item 0
        drawn = rng.integers(self.m, size=(len(self.user), self.negatives))
        again = self._where_rated((first_key + drawn).ravel())
        while len(again):
            drawn.flat[again] = rng.integers(self.m, size=len(again))
            again = again[self._where_rated(first_key[again // self.negatives, 0] + drawn.flat[again])]
        return drawn

    def _where_rated(self, key: np.ndarray) -> np.ndarray:
        """Where keys are those of training ratings; the filter leaves few to search for."""
        maybe = np.flatnonzero(self._filter[key & self._low_bits])
        place = np.searchsorted(self.training_keys, key[maybe]).clip(max=len(self.training_keys) - 1)
        return maybe[self.training_keys[place] == key[maybe]]


def user_batches(domains: list[Triples], users: np.ndarray, size: int, rng: np.random.Generator) -> Iterator:
    """One pass over `users` in random order, with all their triples (R16): yields `(users [B], Batch)`."""
    order = rng.permutation(users)
    place = np.empty(users.max() + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    ordered = []  # the triples of every domain in the order of the users
    for triples in domains:
        where = place[triples.user]
        by_place = np.argsort(where, kind="stable")
        ordered.append((where[by_place], triples.item[by_place], triples.draw(rng)[by_place]))
    for start in range(0, len(order), size):
        yield order[start : start + size], [chunk(start, size, *triples) for triples in ordered]


def chunk(start: int, size: int, place: np.ndarray, *values: np.ndarray) -> tuple:
    """Rows whose user's place, ascending, lies in [start, start + size), places counted from `start`."""
    a, b = np.searchsorted(place, (start, start + size))
    return place[a:b] - start, *(value[a:b] for value in values)
