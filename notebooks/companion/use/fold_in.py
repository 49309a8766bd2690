"""Scores for somebody who is in no training data, from the items that she names; the model stays as it is.

As in training (R23) every item speaks for her, whatever its stars. Item-kNN and EASE have no parameters of a
user, so they score her as anybody. Where users have vectors, hers is the mean of those of the training users
most like her: a run of ADC stores the vectors z^(k), not the network that makes them.
"""

import numpy as np
import scipy.sparse as sp

from adc.early_stopping import Arrays
from adc.evaluation import groups
from adc.split import TRAIN, Split

LINEAR = ("itemknn", "itemknn_merged", "ease", "ease_merged")
NO_FOLD_IN = ("random", "sconet")  # chance has no user; SCoNet's towers are stored as each user meets them
NEIGHBOURS = 50


def linear_row(split: Split, domains: tuple[int, ...], items: list[np.ndarray]) -> sp.csr_matrix:
    """Her row of a linear method's rating matrix over some domains [1, m], from her items in each domain."""
    known = [np.isin(np.arange(len(split.ratings.items[k])), items[k]) for k in domains]
    return sp.csr_matrix(np.concatenate(known)[None].astype(np.float32))


def neighbour_vector(split: Split, domain: int, arrays: Arrays, items: list[np.ndarray]) -> np.ndarray | None:
    """Weighted mean [d] of `arrays["user"]` over the NEIGHBOURS training users of a domain most like her.

    items: hers in every domain, p x [..]. None where nobody is like her.
    """
    cosine = similarity(split, domain, items)
    nearest = np.argsort(-cosine, kind="stable")[:NEIGHBOURS]
    nearest = nearest[cosine[nearest] > 0]
    return cosine[nearest] @ arrays["user"][nearest] / cosine[nearest].sum() if len(nearest) else None


def similarity(split: Split, domain: int, items: list[np.ndarray]) -> np.ndarray:
    """Cosine of what she and each training user of a domain rated in all domains [n]; 0 for other users."""
    n, training = len(split.ratings.users), split.part == TRAIN
    shared = np.zeros(n)
    for k, own in enumerate(items):
        rows = training & (split.ratings.domain == k)
        rows[rows] = np.isin(split.ratings.item[rows], own)
        shared += np.bincount(split.ratings.user[rows], minlength=n)
    count = np.bincount(split.ratings.user[training], minlength=n)
    cosine = shared / np.sqrt(np.maximum(count, 1) * sum(map(len, items)))
    return np.where(groups(split, domain) == 0, cosine, 0.0)
