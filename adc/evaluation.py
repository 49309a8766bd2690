"""Who is ranked against what (R24–R27, R36): from a scoring function to one row of metrics a user."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch

from adc.metrics import CUTOFFS, ndcg, ranks, recall
from adc.relevance import relevant
from adc.sampling import chunk
from adc.split import TEST, TRAIN, VALID, Split

PROTOCOLS = ("full", "sampled", "rated")
GROUPS = ("warm", "cold_target", "cold")  # training ratings in the target; only in other domains; nowhere
SAMPLED, CHUNK = 99, 256
MAX_TEST_USERS = 20_000  # of a domain; none of Table I's has as many by R24's first rule

Score = Callable[[np.ndarray], torch.Tensor]  # users [B] -> scores [B, m_k], which the caller may overwrite


def popularity(split: Split, domain: int) -> np.ndarray:
    """Training ratings of each item of a domain [m_k]."""
    m = len(split.ratings.items[domain])
    return np.bincount(split.of(domain, TRAIN)[1], minlength=m).astype(np.float32)


def products(user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
    """user·item of all pairs [B, m], detached: [B, d], [m, d]. On one thread by NumPy, which is faster."""
    if user.is_cuda or torch.get_num_threads() > 1:
        return user @ item.T
    with np.errstate(all="ignore"):  # a score that is no number is found where it is ranked
        return torch.from_numpy(user.numpy() @ item.numpy().T)


def groups(split: Split, domain: int) -> np.ndarray:
    """Index into GROUPS of every user of the union [n] for one target domain (R36)."""
    member = split.membership()  # [n, p]
    return np.where(member[:, domain], 0, np.where(member.any(1), 1, 2))


def evaluate(split: Split, domain: int, score: Score, part: int = TEST,
             protocols: tuple[str, ...] = ("full",), rule: str = "above") -> pd.DataFrame:  # fmt: skip
    """Metrics of users with a relevant item in `part` of a target domain (R25), MAX_TEST_USERS at the most.
    Users without a training rating in any domain are scored by popularity, whatever the method (R36), unless
    `score` has an attribute `ranks_cold`: for chance, which is no method.
    Returns `protocol, user, group, relevant, recall@N…, ndcg@N…`, one row a (protocol, user).
    Candidates are fixed by the split's seed, so every method meets the same lists and the same ties."""
    task, tables = ranking_task(split, domain, part, rule, MAX_TEST_USERS), []
    users = {"user": task.users, "group": np.array(GROUPS, dtype=object)[task.group], "relevant": task.count}
    for protocol, rank in task.ranks(score, protocols).items():
        values = {f"recall@{n}": recall(rank, task.user, task.count, n) for n in CUTOFFS}
        values |= {f"ndcg@{n}": ndcg(rank, task.user, task.count, n) for n in CUTOFFS}
        tables.append(pd.DataFrame(values).assign(protocol=protocol, **users))
    return pd.concat(tables, ignore_index=True)


class RankingTask:
    """For which users, and by which relevant items, one part of a domain is ranked; made once for all epochs.

    users [U]: those with a relevant item, or if more than `most` a sample of them that depends on the split
    alone; user, item [r]: each relevant item and its user's place among them; count [U]: relevant items."""

    def __init__(self, split: Split, domain: int, part: int, rule: str = "above", most: int | None = None):
        self.split, self.domain, self.part = split, domain, part
        self.m = len(split.ratings.items[domain])
        user, item, _ = split.of(domain)
        visible = (TRAIN, VALID) if part == VALID else (TRAIN, VALID, TEST)
        mask = relevant(split, domain, rule, visible) & (split.part[split.ratings.domain == domain] == part)
        everyone = np.unique(user[mask])
        if most is not None and len(everyone) > most:
            sample = np.random.default_rng([split.seed, part, 3]).choice(everyone, most, replace=False)
            mask = mask & np.isin(user, sample)
        order = np.flatnonzero(mask)[np.argsort(user[mask], kind="stable")]
        self.users, self.user, self.count = np.unique(user[order], return_inverse=True, return_counts=True)
        self.item = item[order].astype(np.int64)
        self.group = groups(split, domain)[self.users]
        self._popular, self._lists = popularity(split, domain), {}

    def ranks(self, score: Score, protocols: tuple[str, ...] = ("full",)) -> dict[str, np.ndarray]:
        """By protocol (R27) the rank of every relevant item [r] by `score`."""
        chunks = {protocol: [np.empty(0, dtype=np.int64)] for protocol in protocols}  # there may be no users
        seed = [self.split.seed, self.part, 2]
        ties = {protocol: np.random.default_rng([*seed, place]) for place, protocol in enumerate(PROTOCOLS)}
        for start in range(0, len(self.users), CHUNK):
            scores = self._scores(score, start)  # [B, m]
            row, item = chunk(start, CHUNK, self.user, self.item)
            if np.isneginf(scores[row, item]).any():
                np.maximum(scores, np.finfo(scores.dtype).min, out=scores)  # -inf marks what is no candidate
            for protocol in sorted(protocols, key="full".__eq__):  # last, as it overwrites scores
                pairs, candidates = chunk(start, CHUNK, *self._list(protocol)), scores
                if protocol == "full":
                    candidates[pairs] = -np.inf
                else:
                    candidates = np.full_like(scores, -np.inf)
                    candidates[pairs] = scores[pairs]
                chunks[protocol].append(ranks(candidates, row, item, ties[protocol]))
        return {protocol: np.concatenate(of_chunks) for protocol, of_chunks in chunks.items()}

    def _scores(self, score: Score, start: int) -> np.ndarray:
        """Scores [B, m] of the users from a place on, as NumPy's: the threads of two libraries would wait."""
        scores = score(self.users[start : start + CHUNK]).cpu().numpy()
        with np.errstate(all="ignore"):
            doubtful = np.isnan(scores.sum())  # quick; infinities may cancel in it
        if doubtful and np.isnan(scores).any():
            raise FloatingPointError(f"scores of domain '{self.split.ratings.domains[self.domain]}' are NaN")
        cold = self.group[start : start + CHUNK] == 2
        if cold.any() and not hasattr(score, "ranks_cold"):
            scores[cold] = self._popular
        return scores

    def _list(self, protocol: str) -> tuple[np.ndarray, np.ndarray]:
        """(Place of a user, item), in order: left out of the ranking for `full`, else what is ranked."""
        if protocol not in self._lists:
            before = (TRAIN,) if self.part == VALID else (TRAIN, VALID)
            parts = {"full": before, "rated": (self.part,)}
            self._lists[protocol] = self._rated(*parts[protocol]) if protocol in parts else self._sampled()
        return self._lists[protocol]

    def _rated(self, *parts: int) -> tuple[np.ndarray, np.ndarray]:
        """(Place of a user, item) of the users' ratings in some parts, or without any named in all."""
        user, item, _ = self.split.of(self.domain, *parts)
        ranked = np.flatnonzero(np.isin(user, self.users))
        order = ranked[np.argsort(user[ranked], kind="stable")]
        return np.searchsorted(self.users, user[order]), item[order].astype(np.int64)

    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Her own items of this part and SAMPLED others that she has not rated in any."""
        rng = np.random.default_rng([self.split.seed, self.part, 1])
        place, rated = self._rated()
        bounds, drawn = np.searchsorted(place, np.arange(len(self.users) + 1)), []
        for a, b in zip(bounds[:-1], bounds[1:]):
            sample = rng.choice(self.m, min(SAMPLED + b - a, self.m), replace=False)
            drawn.append(sample[~np.isin(sample, rated[a:b])][:SAMPLED])
        own, tested = self._rated(self.part)
        owner = np.concatenate([own, np.repeat(np.arange(len(drawn)), list(map(len, drawn)))])
        order = np.argsort(owner, kind="stable")
        return owner[order], np.concatenate([tested, *drawn])[order]


@lru_cache(maxsize=16)
def ranking_task(split: Split, domain: int, part: int, *options: Any) -> RankingTask:
    """`RankingTask`, the same object for all runs of one split: a study has dozens of them."""
    return RankingTask(split, domain, part, *options)


def summarise(users: pd.DataFrame, target: str) -> list[dict]:
    """Mean of each metric over users, for all of them and for each group of R36, as rows of a table."""
    values, columns = [], [name for name in users.columns if "@" in name]
    for protocol, table in users.groupby("protocol", sort=False):
        for group in ("all", *GROUPS):
            of_group = table if group == "all" else table[table["group"] == group]
            for column in columns:
                metric, n = column.split("@")
                mean = float(of_group[column].to_numpy().mean()) if len(of_group) else None
                row = {"target": target, "protocol": protocol, "metric": metric, "n": int(n), "group": group}
                values.append(row | {"value": mean, "users": len(of_group)})
    return values
