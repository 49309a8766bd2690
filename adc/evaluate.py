"""Who is ranked against what (R24–R27, R36): from a scoring function to one row of metrics a user."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from adc.metrics import CUTOFFS, ndcg, ranks, recall
from adc.relevance import relevant
from adc.split import TEST, TRAIN, VALID, Split

PROTOCOLS = ("full", "sampled", "rated")
GROUPS = ("warm", "cold_target", "cold")  # training ratings in the target; only in other domains; nowhere
SAMPLED = 99
CHUNK = 512

Score = Callable[[np.ndarray], torch.Tensor]  # users [B] -> scores [B, m_k]


def popularity(parts: Split, domain: int) -> np.ndarray:
    """Training ratings of each item of a domain [m_k]."""
    return np.bincount(parts.of(domain, TRAIN)[1], minlength=len(parts.ratings.items[domain])).astype(np.float32)


def groups(parts: Split, domain: int) -> np.ndarray:
    """Index into GROUPS of every user of the union [n] for one target domain (R36)."""
    training = parts.part == TRAIN
    n = len(parts.ratings.users)
    anywhere = np.bincount(parts.ratings.user[training], minlength=n) > 0
    here = np.bincount(parts.of(domain, TRAIN)[0], minlength=n) > 0
    return np.where(here, 0, np.where(anywhere, 1, 2))


def evaluate(
    parts: Split, domain: int, score: Score, part: int = TEST, protocols: tuple[str, ...] = ("full",), rule: str = "above"
) -> pd.DataFrame:
    """Metrics of every user with a relevant item in `part` of one target domain (R25).

    Users without a training rating in any domain are scored by popularity, whatever the method (R36).
    Returns `protocol, user, group, relevant, recall@N…, ndcg@N…`, one row a (protocol, user).
    Candidates are fixed by the split's seed, so every method meets the same lists and the same ties.
    """
    user, item, mask = _relevant_items(parts, domain, part, rule)
    users, position = np.unique(user[mask], return_inverse=True)
    found = {protocol: np.zeros(len(position), dtype=np.int64) for protocol in protocols}
    m, group = len(parts.ratings.items[domain]), groups(parts, domain)
    popular = torch.from_numpy(popularity(parts, domain))
    draws = np.random.default_rng([parts.seed, part, 1])
    ties = np.random.default_rng([parts.seed, part, 2])
    for start in range(0, len(users), CHUNK):
        some = users[start : start + CHUNK]
        scores = score(some)  # [B, m]
        if scores.isnan().any():
            raise FloatingPointError(f"scores of domain '{parts.ratings.domains[domain]}' are NaN")
        scores[torch.from_numpy(group[some] == 2).to(scores.device)] = popular.to(scores)
        pairs = np.flatnonzero((position >= start) & (position < start + CHUNK))
        row, target = (torch.from_numpy(a.astype(np.int64)).to(scores.device) for a in (position[pairs] - start, item[mask][pairs]))
        for protocol, candidates in _candidates(parts, domain, part, some, m, protocols, draws).items():
            found[protocol][pairs] = ranks(scores, candidates.to(scores.device), row, target, ties)
    count = np.bincount(position, minlength=len(users))
    tables = [_per_user(found[protocol], position, count).assign(protocol=protocol) for protocol in protocols]
    named = np.array(GROUPS, dtype=object)[group[users]]
    return pd.concat([t.assign(user=users, group=named, relevant=count) for t in tables], ignore_index=True)


def _relevant_items(parts: Split, domain: int, part: int, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    seen = (TRAIN, VALID) if part == VALID else (TRAIN, VALID, TEST)
    mask = relevant(parts, domain, rule, seen)
    rows = parts.ratings.domain == domain
    return parts.ratings.user[rows], parts.ratings.item[rows], mask & (parts.part[rows] == part)


def _per_user(rank: np.ndarray, position: np.ndarray, count: np.ndarray) -> pd.DataFrame:
    columns = {f"recall@{n}": recall(rank, position, count, n) for n in CUTOFFS}
    columns |= {f"ndcg@{n}": ndcg(rank, position, count, n) for n in CUTOFFS}
    return pd.DataFrame(columns)


def _candidates(parts: Split, domain: int, part: int, users: np.ndarray, m: int, protocols, draws) -> dict[str, torch.Tensor]:
    """Boolean candidate masks [B, m] of the wanted protocols (R27) for a chunk of users."""
    before = (TRAIN,) if part == VALID else (TRAIN, VALID)
    seen, tested = _rated(parts, domain, users, m, before), _rated(parts, domain, users, m, (part,))
    masks = {}
    if "full" in protocols:
        masks["full"] = ~seen
    if "sampled" in protocols:
        key = torch.from_numpy(draws.random((len(users), m), dtype=np.float32))
        key[_rated(parts, domain, users, m, (TRAIN, VALID, TEST))] = 2.0
        drawn = key.topk(min(SAMPLED, m), dim=1, largest=False)
        masks["sampled"] = tested | torch.zeros_like(tested).scatter(1, drawn.indices, drawn.values < 2.0)
    if "rated" in protocols:
        masks["rated"] = tested
    return masks


def _rated(parts: Split, domain: int, users: np.ndarray, m: int, which: tuple[int, ...]) -> torch.Tensor:
    user, item, _ = parts.of(domain, *which)
    place = np.full(len(parts.ratings.users), -1)
    place[users] = np.arange(len(users))
    rows = place[user]
    mask = torch.zeros(len(users), m, dtype=torch.bool)
    mask[rows[rows >= 0], item[rows >= 0].astype(np.int64)] = True
    return mask


def summarise(users: pd.DataFrame, target: str) -> list[dict]:
    """Mean of each metric over users, for all of them and for each group of R36; entries of `metrics.json`."""
    values = []
    for protocol, table in users.groupby("protocol", sort=False):
        for group in ("all", *GROUPS):
            some = table if group == "all" else table[table["group"] == group]
            for column in [c for c in table.columns if "@" in c]:
                metric, n = column.split("@")
                value = float(some[column].mean()) if len(some) else None
                values.append({"target": target, "protocol": protocol, "metric": metric, "n": int(n), "group": group,
                               "value": value, "users": len(some)})
    return values
