"""How much other domains can give at all: what an oracle gains that knows how synthetic ratings were made.

It knows the strength s of tastes, every item's genre and weight w, and that a user's liking t of a genre is
N(0, 1) in every domain, with covariance `transfer` between two domains. Of her training ratings it sees which
items she chose (not the stars), each with a probability in proportion to w exp(s t). Its scores are
log w + s t at the likeliest t."""

from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from adc.evaluation import evaluate, popularity
from adc.split import TRAIN, Split, split_ratings
from companion import data
from companion.analysis.curves import MEAN
from companion.data import control, synthetic, twin

UNSEEN = 0.5  # training ratings that every item of a twin is given in addition: each has one rating somewhere
STEPS, TOLERANCE = 5000, 1e-8  # of the ascent; the slope at which it ends, and with it the largest error of t


@lru_cache
def sentence(dataset: str, seed: int = 0) -> str:
    """What there is to find in a synthetic dataset, for a place beside results on it; "" for real ratings."""
    if not synthetic.parse(dataset)[0]:
        return ""
    gain = oracle(dataset, seed).loc[MEAN, "gain"]
    return (
        f"Synthetic: an oracle that knows how these ratings were made gains {gain:.1f} % NDCG@10 from the "
        f"other domains (mean over the domains, seed {seed}); that is about all there is to find."
    )


def oracle(dataset: str, seed: int = 0) -> pd.DataFrame:
    """Test NDCG@10 by domain and MEAN, every item ranked: popularity's, the oracle's by the target's ratings
    `alone` and `jointly` by all domains', and what the last gains over the one before in per cent."""
    split, transfer = split_ratings(data.load(dataset), seed), synthetic.parse(dataset)[1]["transfer"]
    strength, genres, weights = _known(split)
    counts = np.stack([_counts(split, k, genre) for k, genre in enumerate(genres)], axis=1)
    by_genre = np.log([np.bincount(genre, np.exp(weight)) for genre, weight in zip(genres, weights)])
    jointly, rows = likings(counts, by_genre, strength, transfer), {}
    for k, domain in enumerate(split.ratings.domains):
        alone = likings(counts[:, [k]], by_genre[[k]], strength, transfer)[:, 0]
        tastes = {"popularity": 0 * alone, "alone": strength * alone, "jointly": strength * jointly[:, k]}
        weight = {name: popularity(split, k) if name == "popularity" else weights[k] for name in tastes}
        rows[domain] = {name: _ndcg(split, k, weight[name], t, genres[k]) for name, t in tastes.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("domain")
    table.loc[MEAN] = table.mean()
    return table.assign(gain=100 * (table["jointly"] / table["alone"] - 1))


def likings(counts: np.ndarray, by_genre: np.ndarray, strength: float, transfer: float) -> np.ndarray:
    """The likeliest t [n, p, GENRES], by Nesterov's ascent of every user's log posterior, which is concave.
    counts [n, p, GENRES]: training ratings; by_genre [p, GENRES]: logarithm of the items' summed weights."""
    n, p, genres = counts.shape
    rows, place = np.unique(counts.reshape(n, -1), axis=0, return_inverse=True)  # most users have one rating
    counts = rows.reshape(-1, p, genres)
    total = counts.sum(axis=2, keepdims=True)
    # t = spread z, z ~ N(0, 1): what is common to the domains, then each domain's own
    spread = np.hstack([np.full((p, 1), transfer**0.5), np.eye(p) * (1 - transfer) ** 0.5])
    most = transfer * total.sum(axis=1, keepdims=True) + (1 - transfer) * total.max(axis=1, keepdims=True)
    steepest = 1 + strength**2 / 2 * most  # bounds the curvature; the prior's 1 is the least
    momentum = 1 - 2 / (1 + np.sqrt(steepest))
    z = ahead = np.zeros((len(counts), p + 1, genres))
    for _ in range(STEPS):
        odds = np.exp(by_genre + strength * (spread @ ahead))
        residual = counts - total * odds / odds.sum(axis=2, keepdims=True)
        slope = strength * (spread.T @ residual) - ahead
        before, z = z, ahead + slope / steepest
        if abs(slope).max() < TOLERANCE:
            break
        ahead = z + momentum * (z - before)
    return (spread @ z)[place.ravel()]


def _known(split: Split) -> tuple[float, list[np.ndarray], list[np.ndarray]]:
    """Strength of tastes; genre and log weight of every item by domain [m_k]. In a twin an item's number of
    ratings is given, whoever chooses it: the weight is what is seen of that in training."""
    source, options = synthetic.parse(split.ratings.name)
    numbers = [np.array([int(item.rpartition("-")[2]) for item in ids]) for ids in split.ratings.items]
    if source == "twin":
        strength, genres = twin.STRENGTH, twin.genres(**options)
        weights = [np.log(popularity(split, k) + UNSEEN) for k in range(split.ratings.p)]
    else:
        strength, (genres, weights) = control.TASTE, control.items(options["seed"])
        weights = [weight[number] for weight, number in zip(weights, numbers)]
    return strength, [genre[number] for genre, number in zip(genres, numbers)], weights


def _counts(split: Split, domain: int, genre: np.ndarray) -> np.ndarray:
    """Training ratings of every user by genre [n, GENRES]."""
    counts = np.zeros((len(split.ratings.users), twin.GENRES), dtype=np.int16)
    user, item, _ = split.of(domain, TRAIN)
    np.add.at(counts, (user, genre[item]), 1)
    return counts


def _ndcg(split: Split, domain: int, weight: np.ndarray, taste: np.ndarray, genre: np.ndarray) -> float:
    """Mean test NDCG@10 of the scores weight [m_k] + taste [n, GENRES] of the item's genre [m_k]."""
    users = evaluate(split, domain, lambda who: torch.from_numpy(weight + taste[who][:, genre]))
    return float(users["ndcg@10"].mean())
