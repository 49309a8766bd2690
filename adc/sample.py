"""Training triples (§III-A): every training rating with freshly drawn negatives, in batches of users (R16, R17)."""

from collections.abc import Iterator

import numpy as np

from adc.relevance import TOLERANCE
from adc.split import TRAIN, Split


class Triples:
    """The positives of one domain, and uniform draws of items their users have not rated in training.

    Positives are all training ratings, or (`observed` "above_mean", R23 ★) those not below their user's mean of them.
    A user who rated every item of the domain has no negative and is left out.
    """

    def __init__(
        self, parts: Split, domain: int, negatives: int, redraw: bool, rng: np.random.Generator, observed: str = "all"
    ):
        user, item, rating = parts.of(domain, TRAIN)
        n, self.m, self.negatives = len(parts.ratings.users), len(parts.ratings.items[domain]), negatives
        count = np.bincount(user, minlength=n)
        self.rated = np.sort(user.astype(np.int64) * self.m + item)
        self._low = (16 << len(self.rated).bit_length()) - 1  # of a key's bits so many that few others share them
        self._filter = np.zeros(self._low + 1, dtype=bool)
        self._filter[self.rated & self._low] = True
        kept = count[user] < self.m
        if observed == "above_mean":  # ≥: most users have one rating, which no rating of hers lies below
            kept &= rating >= (np.bincount(user, rating, n) / np.maximum(count, 1))[user] - TOLERANCE
        self.user, self.item = user[kept].astype(np.int64), item[kept].astype(np.int64)  # [T]
        self._once = None if redraw else self._draw(rng)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Negatives of every positive [T, c]: new ones, or always the first where `redraw` is off (R17 ★)."""
        return self._draw(rng) if self._once is None else self._once

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        first = (self.user * self.m)[:, None]  # key of a user's item 0
        drawn = rng.integers(self.m, size=(len(self.user), self.negatives))
        again = self._known((first + drawn).ravel())
        while len(again):
            drawn.flat[again] = rng.integers(self.m, size=len(again))
            again = again[self._known(first[again // self.negatives, 0] + drawn.flat[again])]
        return drawn

    def _known(self, key: np.ndarray) -> np.ndarray:
        """Where keys are those of training ratings; those that the filter lets through are searched for."""
        maybe = np.flatnonzero(self._filter[key & self._low])
        place = np.searchsorted(self.rated, key[maybe]).clip(max=len(self.rated) - 1)
        return maybe[self.rated[place] == key[maybe]]


def epoch(domains: list[Triples], users: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, list]]:
    """One pass over `users` in random order, in batches of `size` with all their triples of every domain (R16).

    Yields `(users [B], per domain (row [T] of the batch, positive [T], negative [T, c]))`.
    """
    order = rng.permutation(users)
    place = np.empty(users.max() + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    sorted_domains = []
    for triples in domains:
        where = place[triples.user]
        by_place = np.argsort(where, kind="stable")
        sorted_domains.append((where[by_place], triples.item[by_place], triples.draw(rng)[by_place]))
    for start in range(0, len(order), size):
        batch = []
        for where, positive, negative in sorted_domains:
            a, b = np.searchsorted(where, (start, start + size))
            batch.append((where[a:b] - start, positive[a:b], negative[a:b]))
        yield order[start : start + size], batch
