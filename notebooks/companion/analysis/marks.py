"""Where a dataset lies on the map of `maps`, by ratings alone: how far tastes go, what is known elsewhere.

Taste shows in what is chosen. Items are cut at random into two halves in every domain. Two halves of one
domain then agree as two domains would whose users have the same taste in both; halves of two domains agree as
far as taste carries over. The ratio of the two is near 0 where nothing carries over and near 1 where all
does, however sparse the ratings are: both lack the same. It is no transfer yet: `calibration` on control
worlds of known transfer turns the one into the other."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy import stats

from adc.ratings import Ratings, encode
from companion import data
from companion.data import control

CUTS = 4  # into halves, averaged
GROUPS = 10  # of users, left out in turn
LEVEL = 0.05
# An item that has a share s of the domain's ratings weighs s^-1/2 in how alike two users are. Equal weights
# see little but the most popular items, 1 / s little but the rarest; between them the ratio varied least.
WEIGHT = -0.25
COLUMNS = ["label", "richness", "own", "taste", "low", "high", "transfer", "transfer_low", "transfer_high"]
Halves = list[sp.csr_array]  # of a domain's items, each [users, items]


def richness(ratings: Ratings) -> tuple[float, float]:
    """Ratings that a user of a domain has in all others, and in the domain itself: means over its users, then
    over the domains. In a control world the first is `richness` for the target, and the second 4.2."""
    count = np.zeros((len(ratings.users), ratings.p))
    np.add.at(count, (ratings.user, ratings.domain), 1)
    own = np.where(count > 0, count, np.nan)  # [n, p], NaN where she is no user of the domain
    elsewhere = count.sum(1, keepdims=True) - own
    return float(np.nanmean(elsewhere, 0).mean()), float(np.nanmean(own, 0).mean())


def taste_transfer(ratings: Ratings) -> tuple[float, float, float]:
    """Similarity of tastes between domains over that within them, and its 95 % interval: jackknife over
    GROUPS groups of users. NaN with one domain, or hardly anybody with two ratings or in two domains."""
    rng = np.random.default_rng(0)
    cuts = [[_halves(ratings, k, rng) for k in range(ratings.p)] for _ in range(CUTS)]
    group = np.random.default_rng(0).permutation(len(ratings.users)) % GROUPS
    value = _ratio(cuts, group >= 0)
    without = np.array([_ratio(cuts, group != left_out) for left_out in range(GROUPS)])
    half = stats.t.ppf(1 - LEVEL / 2, GROUPS - 1) * np.sqrt((GROUPS - 1) * without.var())
    return value, value - half, value + half


def calibration(transfers: Sequence[float], worlds: Sequence[int]) -> pd.DataFrame:
    """`transfer, world, taste` of synthetic control worlds."""
    rows = []
    for transfer, world in itertools.product(transfers, worlds):
        frame, _ = control.ratings(transfer, seed=world)
        value, *_ = taste_transfer(encode(frame, "control", list(control.DOMAINS)))
        rows.append({"transfer": transfer, "world": world, "taste": value})
    return pd.DataFrame(rows)


def places(datasets: Sequence[str], curve: pd.DataFrame) -> pd.DataFrame:
    """Prepared datasets on the map, a row each, with the columns of COLUMNS.
    low and high: 95 % interval of taste. transfer: where worlds have the same taste on average, between those
    of the `calibration`, from 0 to 1; so for the ends of its interval. NaN stays."""
    rows, mean = {}, curve.groupby("transfer")["taste"].mean().cummax()
    for dataset in datasets:
        ratings = data.load(dataset)
        taste = taste_transfer(ratings)
        transfer = np.interp(taste, mean, mean.index)
        rows[dataset] = [data.label(dataset), *richness(ratings), *taste, *transfer]
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
