"""Where a dataset lies on the map of `adc.results.maps`, by its ratings alone: how unequal domains are, how far taste carries.

Taste shows in what is chosen. Items are cut at random into two halves in every domain. Two halves of one domain then
agree as two domains would whose users have the same taste in both; halves of two domains agree as far as taste carries
over. The ratio of the two is near 0 where nothing carries over and near 1 where all does, however sparse the ratings
are: both lack the same. It is no transfer yet: `calibration` on twins of known transfer turns the one into the other.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy import stats

from adc import data
from adc.data import schema, twin
from adc.data.schema import Ratings
from adc.data.table1 import TABLE_I

CUTS = 4  # into halves, averaged
GROUPS = 10  # of users, left out in turn
LEVEL = 0.05
# An item that has a share s of the domain's ratings weighs s^-1/2 in how alike two users are. Equal weights see little
# but the most popular items, 1 / s little but the rarest; between the two the ratio varied least from twin to twin.
WEIGHT = -0.25


def asymmetry(ratings: Ratings) -> float:
    """Standard deviation of the logarithms of the domains' numbers of ratings, over Table I's: what the twin's is."""
    here = np.bincount(ratings.domain, minlength=ratings.p)
    return float(np.log(here).std() / np.log([count for _, _, count in TABLE_I.values()]).std())


def agreement(ratings: Ratings, seed: int = 0) -> float:
    """Agreement of tastes between domains over that within them.

    NaN where it cannot be told: one domain only, or hardly anybody with two ratings or in two domains.
    """
    return _ratio(_cuts(ratings, seed), np.ones(len(ratings.users), dtype=bool))


def interval(ratings: Ratings, seed: int = 0) -> tuple[float, float]:
    """95 % interval of `agreement`: jackknife over users, in ten groups."""
    cuts, group = _cuts(ratings, seed), np.random.default_rng(seed).permutation(len(ratings.users)) % GROUPS
    without = np.array([_ratio(cuts, group != left_out) for left_out in range(GROUPS)])
    half = stats.t.ppf(1 - LEVEL / 2, GROUPS - 1) * np.sqrt((GROUPS - 1) * without.var())
    value = _ratio(cuts, group >= 0)
    return value - half, value + half


def calibration(scale: float, transfers: Sequence[float], seeds: Sequence[int]) -> pd.DataFrame:
    """`transfer, seed, agreement` of synthetic twins."""
    rows = []
    for transfer, seed in itertools.product(transfers, seeds):
        frame, _ = twin.ratings(seed, scale, transfer)
        value = agreement(schema.encode(frame, "twin", list(TABLE_I)))
        rows.append({"transfer": transfer, "seed": seed, "agreement": value})
    return pd.DataFrame(rows)


def transfer(agreement: float, curve: pd.DataFrame, side: int = 0) -> float:
    """The transfer at which twins agree as much, between those of the `calibration`; from 0 to 1, NaN stays.

    side 1 or -1: by the upper or lower end of the interval of the twins' mean, for the ends of a dataset's interval.
    """
    twins = curve.groupby("transfer")["agreement"]
    level = twins.mean() + side * stats.norm.ppf(1 - LEVEL / 2) * twins.sem().fillna(0)
    return float(np.interp(agreement, np.maximum.accumulate(level), level.index))


PLACED = ["label", "asymmetry", "agreement", "low", "high", "transfer", "transfer_low", "transfer_high"]


def placed(datasets: Sequence[str], curve: pd.DataFrame) -> pd.DataFrame:
    """Prepared datasets on the map, a row each, with the columns of PLACED.

    low and high: 95 % interval of the agreement; that of transfer allows for the calibration's uncertainty too.
    """
    rows = {}
    for dataset in datasets:
        ratings = data.load(dataset)
        value, (low, high) = agreement(ratings), interval(ratings)
        rows[dataset] = {
            "label": data.label(dataset), "asymmetry": asymmetry(ratings), "agreement": value, "low": low, "high": high,
            "transfer": transfer(value, curve), "transfer_low": transfer(low, curve, 1),
            "transfer_high": transfer(high, curve, -1),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=PLACED)


def words(place: pd.DataFrame) -> str:
    """Where the datasets of `placed` lie, in words."""
    said = []
    for row in place.to_dict("records"):
        where = f"**{row['label']}**: asymmetry {row['asymmetry']:.2f}"
        if np.isnan(row["transfer"]):
            said.append(f"{where}; transfer cannot be told: too few users have ratings enough.")
        else:
            range_ = f"{row['transfer_low']:.2f} to {row['transfer_high']:.2f}"
            said.append(f"{where}; transfer about {row['transfer']:.2f} ({range_}).")
    return " ".join(said) or "No real dataset is placed on the map here."


def _cuts(ratings: Ratings, seed: int) -> list[list[list[sp.csr_array]]]:
    rng = np.random.default_rng(seed)
    return [[_halves(ratings, k, rng) for k in range(ratings.p)] for _ in range(CUTS)]


def _halves(ratings: Ratings, domain: int, rng: np.random.Generator) -> list[sp.csr_array]:
    """Two matrices [users, items], one for each half of a domain's items: a user's choices there as weighted shares."""
    here = ratings.domain == domain
    user, item, shape = ratings.user[here], ratings.item[here], (len(ratings.users), len(ratings.items[domain]))
    side = rng.permutation(shape[1]) % 2
    halves = []
    for keep in (side[item] == 0, side[item] == 1):
        times, share = np.bincount(user[keep], minlength=shape[0]), np.bincount(item[keep], minlength=shape[1])
        value = (share[item[keep]] / keep.sum()) ** WEIGHT / times[user[keep]]
        halves.append(sp.csr_array((value, (user[keep], item[keep])), shape=shape))
    return halves


def _ratio(cuts: list[list[list[sp.csr_array]]], users: np.ndarray) -> float:
    """Agreement of halves of two domains over that of halves of one; a pair of domains counts by its pairs of users."""
    between = within = 0.0
    for cut in cuts:
        own = [_dependence(x, y, users)[0] for x, y in cut]
        for a, b in itertools.combinations(range(len(cut)), 2):
            found = [_dependence(x, y, users) for x, y in zip(cut[a], cut[b], strict=True)]
            between += sum(value * n**2 for value, n in found)
            within += sum(n**2 for _, n in found) * (own[a] + own[b]) / 2
    return between / within if within > 0 else np.nan


def _dependence(x: sp.csr_array, y: sp.csr_array, users: np.ndarray) -> tuple[float, int]:
    """How far users who are alike in x [users, items] are alike in y: unbiased HSIC with linear kernels (Song et al.,
    2012), 0 on average where x and y are independent; and the number of users with ratings in both.
    """
    both = np.flatnonzero((np.diff(x.indptr) > 0) & (np.diff(y.indptr) > 0) & users)
    x, y, n = x[both], y[both], len(both)
    if n < 4:
        return 0.0, 0
    xx, yy = (part.multiply(part).sum(axis=1) for part in (x, y))  # a user is not compared with herself
    kx, ky = x @ x.sum(axis=0) - xx, y @ y.sum(axis=0) - yy
    product = (x.T @ y).power(2).sum() - xx @ yy
    value = product + kx.sum() * ky.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (kx @ ky)
    return float(value / (n * (n - 3))), n
