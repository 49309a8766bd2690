"""Who is ranked against what (R24–R27, R36): from a scoring function to one row of metrics a user."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from adc.metrics import CUTOFFS, ndcg, ranks, recall
from adc.relevance import relevant
from adc.split import TEST, TRAIN, VALID, Split

PROTOCOLS = ("full", "sampled", "rated")
GROUPS = ("warm", "cold_target", "cold")  # training ratings in the target; only in other domains; nowhere
SAMPLED = 99
CHUNK = 256

Score = Callable[[np.ndarray], torch.Tensor]  # users [B] -> scores [B, m_k], which the caller may overwrite


def popularity(parts: Split, domain: int) -> np.ndarray:
    """Training ratings of each item of a domain [m_k]."""
    return np.bincount(parts.of(domain, TRAIN)[1], minlength=len(parts.ratings.items[domain])).astype(np.float32)


def products(user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
    """user·item of all pairs [B, m], detached: users [B, d], items [m, d]. On one thread by NumPy, whose BLAS takes two thirds of
    PyTorch's time where users are few and items many; on several its threads and PyTorch's would wait for each other.
    """
    if user.is_cuda or torch.get_num_threads() > 1:
        return user @ item.T
    return torch.from_numpy(user.numpy() @ item.numpy().T)


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
    asked = questions(parts, domain, part, rule)
    found, columns = asked.ranks(score, protocols), []
    for protocol in protocols:
        values = {f"{name}@{n}": of(found[protocol], asked.user, asked.count, n)
                  for name, of in (("recall", recall), ("ndcg", ndcg)) for n in CUTOFFS}  # fmt: skip
        columns.append(pd.DataFrame(values).assign(protocol=protocol))
    who = {"user": asked.users, "group": np.array(GROUPS, dtype=object)[asked.group], "relevant": asked.count}
    return pd.concat([table.assign(**who) for table in columns], ignore_index=True)


class Questions:
    """Who is asked about what in one part of one domain: made once, put to as many scores as there are epochs.

    users [U]: those with a relevant item, or where they are more than `most` a sample of that size, which depends on
    the split alone; user, item [r]: each relevant item and its user's place among them.
    """

    def __init__(self, parts: Split, domain: int, part: int, rule: str = "above", most: int | None = None):
        self.parts, self.domain, self.part = parts, domain, part
        self.m = len(parts.ratings.items[domain])
        user, item, mask = _relevant_items(parts, domain, part, rule)
        everyone = np.unique(user[mask])
        if most is not None and len(everyone) > most:
            mask = mask & np.isin(user, np.random.default_rng([parts.seed, part, 3]).choice(everyone, most, replace=False))
        order = np.argsort(user[mask], kind="stable")
        self.users, self.user = np.unique(user[mask][order], return_inverse=True)
        self.item = item[mask][order].astype(np.int64)
        self.count = np.bincount(self.user, minlength=len(self.users))  # relevant items of each user
        self.group = groups(parts, domain)[self.users]
        self._popular, self._lists = popularity(parts, domain), {}

    def ranks(self, score: Score, protocols: tuple[str, ...] = ("full",)) -> dict[str, np.ndarray]:
        """By protocol (R27) the rank of every relevant item [r] by `score`."""
        found = {protocol: [] for protocol in protocols}
        ties = {protocol: np.random.default_rng([self.parts.seed, self.part, 2, place]) for place, protocol in enumerate(PROTOCOLS)}
        for start in range(0, len(self.users), CHUNK):
            scores = self._scores(score, start)  # [B, m]
            row, item = _chunk(start, self.user, self.item)
            if np.isneginf(scores[row, item]).any():
                np.maximum(scores, np.finfo(scores.dtype).min, out=scores)  # -inf marks what is no candidate
            for protocol in sorted(protocols, key=lambda name: name == "full"):  # last, as it overwrites scores
                pairs, asked = _chunk(start, *self._list(protocol)), scores
                if protocol == "full":
                    asked[pairs] = -np.inf
                else:
                    asked = np.full_like(scores, -np.inf)
                    asked[pairs] = scores[pairs]
                found[protocol].append(ranks(asked, None, row, item, ties[protocol]))
        return {protocol: np.concatenate([np.empty(0, dtype=np.int64), *each]) for protocol, each in found.items()}

    def _scores(self, score: Score, start: int) -> np.ndarray:
        """Scores [B, m] of the users from a place on. From here on NumPy alone works: where it and PyTorch take turns, the
        threads of each wait for work and keep the other's from a core.
        """
        scores = score(self.users[start : start + CHUNK]).cpu().numpy()
        with np.errstate(all="ignore"):
            doubtful = np.isnan(scores.sum())  # quick; infinities may cancel in it
        if doubtful and np.isnan(scores).any():
            raise FloatingPointError(f"scores of domain '{self.parts.ratings.domains[self.domain]}' are NaN")
        cold = self.group[start : start + CHUNK] == 2
        if cold.any():
            scores[cold] = self._popular
        return scores

    def _list(self, protocol: str) -> tuple[np.ndarray, np.ndarray]:
        """(Place of a user, item), in the order of the places: what is left out of the ranking for `full`, what alone
        is ranked for the others."""
        if protocol not in self._lists:
            before = (TRAIN,) if self.part == VALID else (TRAIN, VALID)
            which = {"full": before, "rated": (self.part,)}
            self._lists[protocol] = self._rated(*which[protocol]) if protocol in which else self._sampled()
        return self._lists[protocol]

    def _rated(self, *which: int) -> tuple[np.ndarray, np.ndarray]:
        user, item, _ = self.parts.of(self.domain, *which)
        place = np.full(len(self.parts.ratings.users), -1)
        place[self.users] = np.arange(len(self.users))
        order = np.argsort(place[user], kind="stable")
        order = order[place[user][order] >= 0]
        return place[user][order], item[order].astype(np.int64)

    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Her own items of this part and SAMPLED others that she has not rated in any."""
        rng = np.random.default_rng([self.parts.seed, self.part, 1])
        place, rated = self._rated(TRAIN, VALID, TEST)
        bounds = np.searchsorted(place, np.arange(len(self.users) + 1))
        drawn = []
        for a, b in zip(bounds[:-1], bounds[1:]):
            some = rng.choice(self.m, min(SAMPLED + b - a, self.m), replace=False)
            drawn.append(some[~np.isin(some, rated[a:b])][:SAMPLED])
        own, tested = self._rated(self.part)
        owner = np.concatenate([own, np.repeat(np.arange(len(drawn)), [len(some) for some in drawn])])
        order = np.argsort(owner, kind="stable")
        return owner[order], np.concatenate([tested, *drawn])[order]


@lru_cache(maxsize=16)
def questions(parts: Split, domain: int, part: int, rule: str = "above", most: int | None = None) -> Questions:
    """`Questions`, the same for all runs of one split: a study has dozens of them."""
    return Questions(parts, domain, part, rule, most)


def _chunk(start: int, place: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.searchsorted(place, (start, start + CHUNK))
    return place[a:b] - start, item[a:b]


def _relevant_items(parts: Split, domain: int, part: int, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    seen = (TRAIN, VALID) if part == VALID else (TRAIN, VALID, TEST)
    mask = relevant(parts, domain, rule, seen)
    rows = parts.ratings.domain == domain
    return parts.ratings.user[rows], parts.ratings.item[rows], mask & (parts.part[rows] == part)


def summarise(users: pd.DataFrame, target: str) -> list[dict]:
    """Mean of each metric over users, for all of them and for each group of R36; entries of `metrics.json`."""
    values, columns = [], [name for name in users.columns if "@" in name]
    for protocol, table in users.groupby("protocol", sort=False):
        each, of = table[columns].to_numpy(), table["group"].to_numpy()  # [users, columns], [users]
        for group in ("all", *GROUPS):
            some = each if group == "all" else each[of == group]
            means = some.mean(0).tolist() if len(some) else [None] * len(columns)
            for column, value in zip(columns, means, strict=True):
                metric, n = column.split("@")
                values.append({"target": target, "protocol": protocol, "metric": metric, "n": int(n), "group": group,
                               "value": value, "users": len(some)})  # fmt: skip
    return values
