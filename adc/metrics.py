"""Recall@N and NDCG@N (§IV-B) from the ranks of relevant items. Knows nothing of data or models."""

import numpy as np

Array = np.ndarray
CUTOFFS = (5, 10, 15, 20)
ONE_BY_ONE = 4000  # items of a row from which NumPy counts faster in one row than along many
TOGETHER = 2**16  # scores compared at once where rows are shorter: they stay in the processor's cache


def recall(rank: Array, user: Array, relevant: Array, n: int, denominator: str = "all") -> Array:
    """Recall@n of every user [users]: |relevant items with rank ≤ n| / |relevant items|.
    rank, user [r]: the rank of each relevant item and the position of its user; relevant [users]: how many
    relevant items each user has. `denominator` (R26): "all" of them, or "min" for min(n, all)."""
    hits = np.bincount(user[rank <= n], minlength=len(relevant))
    return hits / (relevant if denominator == "all" else np.minimum(n, relevant))


def ndcg(rank: Array, user: Array, relevant: Array, n: int, discount: str = "log2(j+1)") -> Array:
    """NDCG@n of every user [users] = DCG/iDCG, DCG = Σ_{j=1..n} (2^rel_j - 1) / log2(j + 1), rel_j ∈ {0, 1};
    iDCG is the DCG of a list that begins with all her relevant items.
    Arguments as for `recall`. `discount` (R28): "log2(j+1)", or as printed in the paper, "log2(j)+1".
    >>> ndcg(np.array([1, 2, 3]), np.array([0, 1, 2]), relevant=np.array([1, 1, 1]), n=5).round(3).tolist()
    [1.0, 0.631, 0.5]"""
    place = np.arange(1, n + 1)  # j
    gain = 1 / (np.log2(place + 1) if discount == "log2(j+1)" else np.log2(place) + 1)  # [n]
    top = rank <= n
    dcg = np.bincount(user[top], weights=gain[rank[top] - 1], minlength=len(relevant))
    ideal = np.concatenate([[0.0], gain.cumsum()])  # iDCG by the number of relevant items [n + 1]
    return dcg / ideal[np.minimum(n, relevant)]


def ranks(scores: Array, row: Array, item: Array, rng: np.random.Generator) -> Array:
    """Rank (1 = best) of each `(row, item)` among its row's candidates [r]; ties are broken at random (R29).
    scores [B, m], -inf for what is no candidate; row and item [r]. The order within a tie is one random
    permutation of the items, begun at another place for every row. A score that is NaN raises
    FloatingPointError: it would otherwise rank last without a word."""
    own = scores[row, item]  # [r]
    if np.isnan(own).any():
        raise FloatingPointError("a score is NaN")
    above, equal = _compare(scores, row, own)
    m = scores.shape[1]
    order, start = rng.permutation(m), rng.integers(m, size=len(scores))  # [m], [B]
    for place in np.flatnonzero((equal > 1) & (own > -np.inf)).tolist():
        tied = np.flatnonzero(scores[row[place]] == own[place])
        turn = (order[tied] + start[row[place]]) % m
        above[place] += np.count_nonzero(turn < (order[item[place]] + start[row[place]]) % m)
    return above + 1


def _compare(scores: np.ndarray, row: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How many of a row's scores are above each own score, and how many equal it [2, r]."""
    counts, m = np.empty((2, len(row)), dtype=np.int64), scores.shape[1]
    if m > ONE_BY_ONE:
        for place, (r, value) in enumerate(zip(row.tolist(), own)):
            counts[:, place] = np.count_nonzero(scores[r] > value), np.count_nonzero(scores[r] == value)
        return counts
    size = max(1, TOGETHER // max(1, m))
    for start in range(0, len(row), size):
        chunk = slice(start, start + size)
        rows, value = scores[row[chunk]], own[chunk, None]  # [size, m], [size, 1]
        for place, mask in enumerate((rows > value, rows == value)):
            counts[place, chunk] = mask.view(np.uint8).sum(1, dtype=np.uint32)
    return counts
