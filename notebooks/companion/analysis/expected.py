"""What an order of the items that is the same for everybody scores, expected over the items that are drawn.

The protocols of R27 are one scale: a user's test items are ranked among `negatives` items that she never
rated, from none (rated items alone) to all of them. Each has an exact expectation: nothing need be drawn."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import gammaln

from adc.evaluation import SAMPLED
from adc.metrics import Array
from adc.relevance import RULES, relevant
from adc.split import TEST, Split

TOP = 10
GAIN = 1 / np.log2(np.arange(2, TOP + 2))  # of a relevant item by its rank
IDEAL = np.concatenate([[0], GAIN.cumsum()])
ALL = 10**9  # negatives: every item that she has not rated
LISTS = {"rated": 0, "sampled": SAMPLED, "full": ALL}  # protocol of `adc.evaluate` -> negatives


@dataclass(frozen=True, eq=False)
class TestItems:
    """The test ratings [t] of one domain: user, the place of their user among those tested; tested, unrated
    [users]: her test items, and the items that she never rated; own, others [t]: how many of either an order
    of the items has above this one; relevant: by rule of R24, which are relevant [t]."""

    __test__ = False  # pytest takes it for a test by its name

    user: Array
    tested: Array
    unrated: Array
    own: Array
    others: Array
    relevant: dict[str, Array]

    def share(self, rule: str) -> float:
        """Users with a relevant test item, of the users with a test item."""
        return len(np.unique(self.user[self.relevant[rule]])) / len(self.tested)

    def scores(self, order: str, rule: str, negatives: int) -> tuple[float, float]:
        """Expected NDCG@10 and recall@10, mean over the users with a relevant item. order: "given", or
        "worst", "random" or "perfect" for these relevant items."""
        mask = self.relevant[rule]
        user = self.user[mask]
        count = np.bincount(user, minlength=len(self.tested))
        if order == "given":
            gain, hit = (values[mask] for values in self._expected(negatives))
        elif order == "random":
            candidates = self.tested + np.minimum(negatives, self.unrated)
            first = np.minimum(candidates, TOP)
            gain, hit = (IDEAL[first] / candidates)[user], (first / candidates)[user]
        else:
            rank = 1 + pd.Series(user).groupby(user).cumcount().to_numpy()
            if order == "worst":
                rank += (self.tested - count + np.minimum(negatives, self.unrated))[user]
            hit = (rank <= TOP).astype(float)
            gain = hit * GAIN[np.minimum(rank, TOP) - 1]
        tested = count > 0
        sums = (np.bincount(user, values, len(count))[tested] for values in (gain, hit))
        ideal = IDEAL[np.minimum(count[tested], TOP)], count[tested]
        return tuple(float((total / most).mean()) for total, most in zip(sums, ideal))

    @lru_cache(maxsize=256)  # noqa: B019
    def _expected(self, negatives: int) -> tuple[Array, Array]:
        """Of every test item, the gain and the chance to be among the first TOP [t]. Its rank is 1 + own + H;
        H, of the drawn negatives those above it, is hypergeometric."""
        own, others, unrated = self.own[:, None], self.others[:, None], self.unrated[self.user, None]
        drawn, higher = np.minimum(negatives, unrated), np.arange(TOP) - own  # [t, 1], [t, TOP]
        log = log_choose(others, higher) + log_choose(unrated - others, drawn - higher)
        chance = np.exp(log - log_choose(unrated, drawn))
        return chance @ GAIN, chance.sum(axis=1)


def items(split: Split, domain: int, score: Array) -> TestItems:
    """The test ratings of a domain, in the order of scores [m]; equal ones are put in order at random, the
    same for every user, by the split's seed."""
    who, item, _ = split.of(domain)
    test = split.part[split.ratings.domain == domain] == TEST
    place = np.empty(len(score), dtype=np.int64)
    ties = np.random.default_rng([split.seed, domain]).random(len(score))
    place[np.lexsort((ties, -score))] = np.arange(len(score))
    order = np.lexsort((place[item], who))
    who, test, place = who[order], test[order], place[item[order]]
    first = np.searchsorted(who, who)  # of the user's ratings
    tests = np.cumsum(test) - test
    users, user = np.unique(who[test], return_inverse=True)
    return TestItems(
        user=user,
        tested=np.bincount(user),
        unrated=len(score) - np.bincount(who)[users],
        own=(tests - tests[first])[test],
        others=(place - (np.arange(len(who)) - first))[test],
        relevant={rule: relevant(split, domain, rule)[order][test] for rule in RULES},
    )


def log_choose(n: Array, k: Array) -> Array:
    """Logarithm of n over k; -inf where there is no such choice."""
    possible = (k >= 0) & (k <= n)
    n, k = np.where(possible, n, 0), np.where(possible, k, 0)
    table = gammaln(np.arange(1, n.max() + 2))
    return np.where(possible, table[n] - table[k] - table[n - k], -np.inf)
