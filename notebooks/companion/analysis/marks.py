"""Where a dataset lies on the map of `maps`, by its ratings alone: how unequal domains are, how far tastes go

Taste shows in what is chosen. Items are cut at random into two halves in every domain. Two halves of one
domain then agree as two domains would whose users have the same taste in both; halves of two domains agree as
far as taste carries over. The ratio of the two is near 0 where nothing carries over and near 1 where all
does, however sparse the ratings are: both lack the same. It is no transfer yet: `calibration` on twins of
known transfer turns the one into the other.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy import stats

from adc.ratings import Ratings, encode
from companion import data
from companion.data import twin
from companion.data.table1 import TABLE_I

CUTS = 4  # into halves, averaged
GROUPS = 10  # of users, left out in turn
LEVEL = 0.05
# An item that has a share s of the domain's ratings weighs s^-1/2 in how alike two users are. Equal weights
# see little but the most popular items, 1 / s little but the rarest; between them the ratio varied least.
WEIGHT = -0.25
COLUMNS = ["label", "asymmetry", "taste", "low", "high", "transfer", "transfer_low", "transfer_high"]
Halves = list[sp.csr_array]  # of a domain's items, each [users, items]


def asymmetry(ratings: Ratings) -> float:
    """Standard deviation of the logarithms of the domains' numbers of ratings, over Table I's."""
    sizes = np.bincount(ratings.domain, minlength=ratings.p)
    return float(np.log(sizes).std() / np.log([count for _, _, count in TABLE_I.values()]).std())


def taste_transfer(ratings: Ratings, seed: int = 0) -> tuple[float, float, float]:
    """Similarity of tastes between domains over that within them, and its 95 % interval: jackknife over
    users, in GROUPS groups. NaN with one domain only, or hardly anybody with two ratings or in two
    domains."""
    rng = np.random.default_rng(seed)
    cuts = [[_halves(ratings, k, rng) for k in range(ratings.p)] for _ in range(CUTS)]
    group = np.random.default_rng(seed).permutation(len(ratings.users)) % GROUPS
    value = _ratio(cuts, group >= 0)
    without = np.array([_ratio(cuts, group != left_out) for left_out in range(GROUPS)])
    half = stats.t.ppf(1 - LEVEL / 2, GROUPS - 1) * np.sqrt((GROUPS - 1) * without.var())
    return value, value - half, value + half


def calibration(scale: float, transfers: Sequence[float], seeds: Sequence[int]) -> pd.DataFrame:
    """`transfer, seed, taste` of synthetic twins."""
    rows = []
    for transfer, seed in itertools.product(transfers, seeds):
        frame, _ = twin.ratings(seed, scale, transfer)
        value, *_ = taste_transfer(encode(frame, "twin", list(TABLE_I)))
        rows.append({"transfer": transfer, "seed": seed, "taste": value})
    return pd.DataFrame(rows)


def transfer(taste: float, curve: pd.DataFrame, side: int = 0) -> float:
    """The transfer at which twins have the same `taste`, between those of the `calibration`; from 0 to 1, NaN
    stays.

    side 1 or -1: by the upper or lower end of the interval of the twins' mean, for the ends of a dataset's
    interval.
    """
    twins = curve.groupby("transfer")["taste"]
    level = twins.mean() + side * stats.norm.ppf(1 - LEVEL / 2) * twins.sem().fillna(0)
    return float(np.interp(taste, np.maximum.accumulate(level), level.index))


def places(datasets: Sequence[str], curve: pd.DataFrame) -> pd.DataFrame:
    """Prepared datasets on the map, a row each, with the columns of COLUMNS.

    low and high: 95 % interval of taste; that of transfer allows for the calibration's uncertainty too.
    """
    rows = {}
    for dataset in datasets:
        ratings = data.load(dataset)
        taste, low, high = taste_transfer(ratings)
        ends = [transfer(value, curve, side) for value, side in ((taste, 0), (low, 1), (high, -1))]
        rows[dataset] = [data.label(dataset), asymmetry(ratings), taste, low, high, *ends]
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)


def _halves(ratings: Ratings, domain: int, rng: np.random.Generator) -> Halves:
    """Two matrices [users, items], one a half of a domain's items: a user's choices, weighted."""
    rows = ratings.domain == domain
    user, item = ratings.user[rows], ratings.item[rows]
    shape = (len(ratings.users), len(ratings.items[domain]))
    side = rng.permutation(shape[1]) % 2
    halves = []
    for half in (side[item] == 0, side[item] == 1):
        of_user = np.bincount(user[half], minlength=shape[0])[user[half]]
        of_item = np.bincount(item[half], minlength=shape[1])[item[half]]
        value = (of_item / half.sum()) ** WEIGHT / of_user
        halves.append(sp.csr_array((value, (user[half], item[half])), shape=shape))
    return halves


def _ratio(cuts: list[list[Halves]], users: np.ndarray) -> float:
    """Similarity of halves of two domains over that of halves of one; weighted by pairs of users."""
    between = within = 0.0
    for cut in cuts:
        own = [_dependence(x, y, users)[0] for x, y in cut]
        for a, b in itertools.combinations(range(len(cut)), 2):
            pairs = [_dependence(x, y, users) for x, y in zip(cut[a], cut[b], strict=True)]
            between += sum(value * n**2 for value, n in pairs)
            within += sum(n**2 for _, n in pairs) * (own[a] + own[b]) / 2
    return between / within if within > 0 else np.nan


def _dependence(x: sp.csr_array, y: sp.csr_array, users: np.ndarray) -> tuple[float, int]:
    """How far users who are alike in x [users, items] are alike in y: unbiased HSIC with linear kernels (Song
    et al. 2012), 0 on average where x and y are independent; and the number of users with ratings in both."""
    both = np.flatnonzero((np.diff(x.indptr) > 0) & (np.diff(y.indptr) > 0) & users)
    x, y, n = x[both], y[both], len(both)
    if n < 4:
        return 0.0, 0
    xx, yy = (part.multiply(part).sum(axis=1) for part in (x, y))  # a user is not compared with herself
    kx, ky = x @ x.sum(axis=0) - xx, y @ y.sum(axis=0) - yy
    product = (x.T @ y).power(2).sum() - xx @ yy
    value = product + kx.sum() * ky.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (kx @ ky)
    return float(value / (n * (n - 3))), n
