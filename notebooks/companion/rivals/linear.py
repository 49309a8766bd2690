"""What EASE and item-kNN share: a user's scores are sums of item weights over her training items.

Items that nobody has rated together with one of hers would all tie at zero, so popularity is added, as much
of it as the domain's validation ratings choose. Merged, one model holds the items of all domains, and a
user's training items are those in all of them. A user without any is ranked by popularity alone."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
import torch

from adc.early_stopping import MAX_VALIDATION_USERS, VALIDATION_RULE, Arrays, Score, validate
from adc.evaluation import popularity, ranking_task
from adc.split import TRAIN, VALID, Split
from companion.rivals.base import Rival

SHARES = (1e-6, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # of popularity; the first does no more than break ties
AT_ONCE = 512  # items
Weights = tuple[np.ndarray, np.ndarray | sp.csr_matrix]  # of some items, ascending [w]: [w, w]


class Linear(Rival):
    """A subclass says what `weights` its `settings` make of a rating matrix, and if domains are merged."""

    merged = False
    settings: tuple[str, ...]
    weights: Callable[..., Weights]  # from X [n, m] and the settings

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        self.model: dict[int, Arrays] = {}
        solved.cache_clear()  # the last model's weights, before there are others beside them

    def arrays(self, domain: int) -> Arrays:
        """The settings and `popularity`, its weight: with the training ratings they are the whole model."""
        if domain not in self.model:
            own = {name: np.array(self.config[name]) for name in self.settings}
            self.model[domain] = own | {"popularity": np.array(self.popularity_weight(domain, own))}
        return self.model[domain]

    def popularity_weight(self, domain: int, arrays: Arrays) -> float:
        """The best of SHARES by validation NDCG@10, the smallest of equal ones. With share 1 the most popular
        item gains as much as a training user's best item has on average."""
        X, sums = self.rows(self.split, domain), self.sums(self.split, domain, arrays)
        popular, unit = popularity(self.split, domain), self.unit(domain, arrays)
        task = ranking_task(self.split, domain, VALID, VALIDATION_RULE, MAX_VALIDATION_USERS)
        weights = [float(share * unit) for share in SHARES]
        return max(weights, key=lambda weight: validate(task, blend(X, sums, weight * popular)))

    def unit(self, domain: int, arrays: Arrays) -> float:
        """The weight of popularity that is share 1."""
        X, sums = self.rows(self.split, domain), self.sums(self.split, domain, arrays)
        users = np.unique(self.split.of(domain, TRAIN)[0])
        best = np.abs(sums(X[users[:: 1 + len(users) // 1000]])).max(1)  # of a thousand users at most
        return (best.mean() or 1) / popularity(self.split, domain).max()

    def take_shares(self, other: "Linear") -> None:
        """Give popularity the shares that validation chose for another split of the same ratings."""
        domains = range(self.split.ratings.p)
        shares = [float(other.arrays(k)["popularity"]) / other.unit(k, other.arrays(k)) for k in domains]
        for k, share in enumerate(shares):
            own = {name: np.array(self.config[name]) for name in self.settings}
            self.model[k] = own | {"popularity": np.array(share * self.unit(k, own))}

    @classmethod
    def scorer(cls, split: Split, domain: int, arrays: Arrays) -> Score:
        """Sums of item weights and weighted popularity."""
        popular = arrays["popularity"] * popularity(split, domain)
        return blend(cls.rows(split, domain), cls.sums(split, domain, arrays), popular)

    @classmethod
    def domains(cls, split: Split, domain: int) -> tuple[int, ...]:
        """The domains whose items a model of one domain holds."""
        return tuple(range(split.ratings.p)) if cls.merged else (domain,)

    @classmethod
    def rows(cls, split: Split, domain: int) -> sp.csr_matrix:
        """`rating_matrix` of those domains."""
        return rating_matrix(split, *cls.domains(split, domain))

    @classmethod
    def sums(cls, split: Split, domain: int, arrays: Arrays) -> Callable[[sp.csr_matrix], np.ndarray]:
        """From users' rows of `rows` [B, m] to sums of the domain's items' weights [B, m_k] float32."""
        domains = cls.domains(split, domain)
        items, W = solved(cls.weights, split, domains, *(arrays[name].item() for name in cls.settings))
        sizes = [len(split.ratings.items[k]) for k in domains]
        start, m = sum(sizes[: domains.index(domain)]), len(split.ratings.items[domain])
        a, b = np.searchsorted(items, (start, start + m))
        own = W[:, a:b] if sp.issparse(W) else np.ascontiguousarray(W[:, a:b])  # else each product copies it

        def sums(rows: sp.csr_matrix) -> np.ndarray:
            product, scores = rows[:, items] @ own, np.zeros((rows.shape[0], m), np.float32)
            scores[:, items[a:b] - start] = product.toarray() if sp.issparse(product) else product
            return scores

        return sums


def blend(X: sp.csr_matrix, sums: Callable[[sp.csr_matrix], np.ndarray], popular: np.ndarray) -> Score:
    """Sums of users' rows of X, and weighted popularity [m_k]."""
    return lambda users: torch.from_numpy(sums(X[users]) + popular.astype(np.float32))


@lru_cache(maxsize=1)  # all domains of a merged model share it
def solved(weights: Callable[..., Weights], split: Split, domains: tuple[int, ...], *settings) -> Weights:
    """The weights of the domains' items."""
    return weights(rating_matrix(split, *domains), *settings)


def in_common(X: sp.csr_matrix) -> Iterator[tuple[int, sp.csr_matrix]]:
    """The rows of XᵀX from an item on, some items at a time: all pairs of items may be too many at once."""
    of_items = X.T.tocsr()
    for start in range(0, X.shape[1], AT_ONCE):
        yield start, of_items[start : start + AT_ONCE] @ X


def rating_matrix(split: Split, *domains: int) -> sp.csr_matrix:
    """1 for every training rating, whatever its stars (R23); domains side by side: [n, m] float32."""
    blocks = []
    for k in domains:
        user, item, _ = split.of(k, TRAIN)
        shape = (len(split.ratings.users), len(split.ratings.items[k]))
        blocks.append(sp.csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=shape))
    return sp.hstack(blocks, format="csr")
