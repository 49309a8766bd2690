"""Scores for somebody who is in no training data, from the items she names; the model stays as it was trained.

As in training (R23) every item speaks for her, whatever its stars. Item-kNN and EASE have no parameters of a user, so they
score her as anybody. Where users have vectors, hers is the mean of those of the training users most like her: only the
vectors z^(k) of ADC are stored, not the network that makes them.
"""

import numpy as np
import scipy.sparse as sp

from adc.baselines import ease, itemknn
from adc.evaluate import groups
from adc.fit import Arrays
from adc.split import TRAIN, Split

LINEAR = ("itemknn", "ease")
WITHOUT = ("random", "sconet")  # chance has no user, and the towers of SCoNet are stored only as each user meets them
NEIGHBOURS = 50


def weights(parts: Split, domain: int, method: str, arrays: Arrays) -> sp.csr_matrix | np.ndarray:
    """What every item of a domain says of the others, by item-kNN or EASE [m, m]."""
    if method == "itemknn":
        m = len(parts.ratings.items[domain])
        return sp.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(m, m))
    known = itemknn.rated(parts, domain)
    items, B = ease.linked(known), np.zeros((known.shape[1],) * 2, np.float32)
    B[np.ix_(items, items)] = ease.weights(known[:, items], float(arrays["penalty"]))
    return B


def vector(parts: Split, domain: int, arrays: Arrays, own: list[np.ndarray]) -> np.ndarray | None:
    """The mean of `arrays["user"]` [n, d] over the NEIGHBOURS training users of a domain most like her [d]; None where
    nobody is like her at all. own: her items in every domain, p x [..]."""
    like = alike(parts, domain, own)
    near = np.argsort(-like, kind="stable")[:NEIGHBOURS]
    near = near[like[near] > 0]
    return like[near] @ arrays["user"][near] / like[near].sum() if len(near) else None


def alike(parts: Split, domain: int, own: list[np.ndarray]) -> np.ndarray:
    """Cosine of what she and every training user of one domain rated, over all domains [n]; 0 for other users."""
    n, training = len(parts.ratings.users), parts.part == TRAIN
    shared = np.zeros(n)
    for k, items in enumerate(own):
        rows = training & (parts.ratings.domain == k)
        rows[rows] = np.isin(parts.ratings.item[rows], items)
        shared += np.bincount(parts.ratings.user[rows], minlength=n)
    count = np.bincount(parts.ratings.user[training], minlength=n)
    cosine = shared / np.sqrt(np.maximum(count, 1) * sum(map(len, own)))
    return np.where(groups(parts, domain) == 0, cosine, 0.0)
