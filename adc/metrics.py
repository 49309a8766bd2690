"""Recall@N and NDCG@N (§IV-B) from the ranks of relevant items. Knows nothing of data or models."""

import numpy as np
import torch

CUTOFFS = (5, 10, 15, 20)


def ranks(scores: torch.Tensor, candidates: torch.Tensor, row: torch.Tensor, item: torch.Tensor, rng) -> np.ndarray:
    """Rank (1 = best) of each `(row, item)` among its row's candidates; ties are broken at random (R29).

    scores [B, m], candidates [B, m] bool, row and item [r]. `rng` is a numpy Generator. The order within a
    tie is one random permutation of the items, begun at another place for every row. Returns [r] int64.
    A score that is NaN raises FloatingPointError: it would otherwise rank last without a word.
    """
    own = scores[row, item]  # [r]
    if torch.isnan(own).any():
        raise FloatingPointError("a score is NaN")
    rivals = scores.masked_fill(~candidates, -torch.inf)[row]  # [r, m]
    above = (rivals > own[:, None]).sum(1)  # [r]
    tied = (rivals == own[:, None]) & candidates[row]  # [r, m]
    crowd = (tied.sum(1) > 1).nonzero().squeeze(1)  # [c]
    m = scores.shape[1]
    order = torch.from_numpy(rng.permutation(m)).to(scores.device)  # [m]
    start = torch.from_numpy(rng.integers(m, size=len(scores))).to(scores.device)  # [B]
    if len(crowd):
        place = (order[None, :] + start[row[crowd], None]) % m  # [c, m]
        mine = place.gather(1, item[crowd, None])  # [c, 1]
        above[crowd] += ((place < mine) & tied[crowd]).sum(1)
    return (above + 1).cpu().numpy()


def recall(rank: np.ndarray, user: np.ndarray, relevant: np.ndarray, n: int, denominator: str = "all") -> np.ndarray:
    """Recall@n of every user [users].

    rank, user [r]: rank of each relevant item and the position of its user; relevant [users]: how many
    relevant items each user has. `denominator` (R26): "all" of them, or "min" for min(n, all).
    """
    hits = np.bincount(user[rank <= n], minlength=len(relevant))
    return hits / (relevant if denominator == "all" else np.minimum(n, relevant))


def ndcg(rank: np.ndarray, user: np.ndarray, relevant: np.ndarray, n: int, discount: str = "log2(j+1)") -> np.ndarray:
    """NDCG@n of every user [users] with binary relevance; arguments as for `recall`.

    `discount` (R28): "log2(j+1)", or the paper's print read literally, "log2(j)+1".
    """
    place = np.arange(1, n + 1)
    gain = 1 / (np.log2(place + 1) if discount == "log2(j+1)" else np.log2(place) + 1)  # [n]
    top = rank <= n
    dcg = np.bincount(user[top], weights=gain[rank[top] - 1], minlength=len(relevant))
    ideal = np.concatenate([[0.0], gain.cumsum()])  # [n + 1]
    return dcg / ideal[np.minimum(n, relevant)]
