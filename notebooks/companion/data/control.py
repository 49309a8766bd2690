"""Control worlds: two synthetic domains with the same users, in which it is known what there is to find.

A source domain of 300 items with `richness` ratings a user, and a target of 150 items with 4.2: a user's few
ratings in the target say little of her, those in the source as much as `transfer` lets them.

* Taste. A user's liking of each of 12 genres is t = sqrt(transfer) c + sqrt(1 - transfer) o_k, with c common
  to both domains and o_k her own in domain k, all N(0, 1). An item is of one genre; both domains have all.
* Choice. She takes the items with the highest TASTE * t + log popularity + noise, the noise Gumbel's: as if
  she drew without replacement in proportion to popularity * exp(TASTE * t).
* Stars. Taste, the item's quality and noise make a score; its quantiles are cut into SHARES.

At transfer 0 nothing of a user's carries over: what a method gains there from the source is an error of the
measurement. At transfer 1 her tastes are the same, and a method that transfers has to gain. One seed gives
the same users, items, popularity and genres at every transfer.
"""

import numpy as np
import pandas as pd

from companion.data import synthetic

LABEL = "synthetic control world"
DESCRIPTION = "synthetic: two domains, shared users; with options as in control-t0.5-r10.0-seed1"
DOMAINS = ("source", "target")
USERS, ITEMS, TARGET_RATINGS = 1200, (300, 150), 4.2
GENRES, TASTE, POPULARITY = 12, 2.0, 0.5  # POPULARITY: standard deviation of its logarithm
SHARES = (0.1, 0.15, 0.25, 0.3, 0.2)  # of 1 to 5 stars


def ratings(transfer: float = 1.0, richness: float = 20.0, seed: int = 0) -> tuple[pd.DataFrame, dict]:
    """Synthetic ratings `domain, user, item, rating`, and a report for the manifest.

    transfer in [0, 1]; richness: ratings a user of the source, 1 to 100."""
    synthetic.check("control", transfer=transfer, richness=richness, seed=seed)
    genres, log_popularity = items(seed)
    rng, frames = np.random.default_rng([seed, 1]), []
    common = rng.standard_normal((USERS, GENRES))
    for k, (name, m, mean) in enumerate(zip(DOMAINS, ITEMS, (richness, TARGET_RATINGS))):
        rng = np.random.default_rng([seed, 2, k])
        own, quality = rng.standard_normal((USERS, GENRES)), rng.standard_normal(m)
        t = np.sqrt(transfer) * common + np.sqrt(1 - transfer) * own  # [n, GENRES]
        count = 1 + rng.poisson(mean - 1, USERS).clip(max=m - 1)
        utility = TASTE * t[:, genres[k]] + log_popularity[k] + rng.gumbel(size=(USERS, m))  # [n, m]
        place = (-utility).argsort(1).argsort(1)
        user, item = np.nonzero(place < count[:, None])
        score = t[user, genres[k][item]] + quality[item] + rng.standard_normal(len(user))
        rank = score.argsort().argsort() / len(score)
        stars = 1 + np.searchsorted(np.cumsum(SHARES[:-1]), rank, side="right")
        names = {"user": [f"u{u:04}" for u in user], "item": [f"{name}-{i:03}" for i in item]}
        frames.append(pd.DataFrame({"domain": name, **names, "rating": stars.astype(np.float32)}))
    note = {"synthetic": True, "note": "No rating in it is real; what carries over is planted."}
    return pd.concat(frames, ignore_index=True), note


def items(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Genre and log popularity of every item of each domain [m_k]: what is planted, whatever the transfer."""
    rng = np.random.default_rng([seed, 0])
    genres = [rng.integers(GENRES, size=m) for m in ITEMS]
    return genres, [rng.normal(0, POPULARITY, m) for m in ITEMS]
