"""Full ranking of music with its metrics, against nothing but a product and the best 20; and SCoNet's ranking."""

import numpy as np
import torch

from adc import baselines, data, fit
from adc.evaluate import CHUNK, Questions
from adc.metrics import CUTOFFS, ndcg, recall
from adc.split import split
from bench import music, parts
from bench.clock import alternate, seconds


def measure(scale: float, rounds: int, only: str = "") -> dict:
    """Users a second: `ours`, `bare`, and recall@20 by both, which must agree; with `only` "sconet" SCoNet's."""
    ratings = split(data.load(data.dataset_id("twin", scale=scale)), 0)
    asked = music.questions(ratings)
    if only == "sconet":
        return sconet(ratings, asked, rounds)
    arrays, found = music.vectors(ratings), {}
    score = fit.factor_score(ratings, asked.domain, arrays)

    def ours():
        found["ours"] = metrics(asked.ranks(score)["full"], asked)

    def floor():
        found["bare"] = bare(asked, arrays)

    took = alternate({"ours": ours, "bare": floor}, rounds)
    alone = seconds(lambda: metrics(np.ones(len(asked.user), dtype=np.int64), asked))
    recalled = {name: each[-1] for name, each in found.items()}
    assert abs(recalled["ours"] - recalled["bare"]) < 0.02 * recalled["bare"] + 1e-3, recalled  # ties are broken at random
    speed = {name: len(asked.users) / each for name, each in took.items()}
    return speed | {"users": len(asked.users), "items": asked.m, "metrics": len(asked.users) / alone, "recall": recalled}


def metrics(rank: np.ndarray, asked: Questions) -> list[float]:
    """NDCG and recall at every cutoff, means over the users."""
    return [float(of(rank, asked.user, asked.count, n).mean()) for of in (ndcg, recall) for n in CUTOFFS]


def bare(asked: Questions, arrays: dict) -> list[float]:
    """The same by the shortest way: product, what was rated left out, the best 20, and where the relevant are in them."""
    user, item = torch.from_numpy(arrays["user"])[asked.users], torch.from_numpy(arrays["item"])
    rated, top = asked._list("full"), []
    for start in range(0, len(user), CHUNK):
        scores = user[start : start + CHUNK] @ item.T
        a, b = np.searchsorted(rated[0], (start, start + CHUNK))
        scores[torch.from_numpy(rated[0][a:b] - start), torch.from_numpy(rated[1][a:b])] = -torch.inf
        top.append(scores.topk(20).indices)
    hit = torch.cat(top).numpy()[asked.user] == asked.item[:, None]  # [r, 20]
    return metrics(np.where(hit.any(1), hit.argmax(1) + 1, asked.m), asked)


def sconet(ratings, asked: Questions, rounds: int, users: int = 1024) -> dict:
    """Users a second of SCoNet as it starts; a few are enough."""
    learner = baselines.learner(baselines.configuration(ratings.ratings.name, method="sconet"), ratings)
    score = learner.score(asked.domain)
    kept = asked.user < users
    asked.users, asked.count, asked.group = asked.users[:users], asked.count[:users], asked.group[:users]
    asked.user, asked.item = asked.user[kept], asked.item[kept]
    took = alternate({"ours": lambda: metrics(asked.ranks(score)["full"], asked)}, rounds)
    return {"ours": len(asked.users) / took["ours"], "items": asked.m}


if __name__ == "__main__":
    parts.answer(measure)
