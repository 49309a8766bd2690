"""Full ranking of music with its metrics, and the best of it, against bare products; SCoNet's ranking."""

import numpy as np
import torch

from adc.early_stopping import factor_score
from adc.evaluation import CHUNK, RankingTask, groups
from adc.metrics import CUTOFFS, ndcg, recall
from adc.split import Split
from bench import music, processes
from bench.clock import alternate, seconds
from companion import registry
from companion.use import recommend


def measure(scale: float, rounds: int, only: str = "") -> dict:
    """Users a second: `ours`, `bare` and the metrics alone; with `only` "sconet" SCoNet's, with "recommend"
    seconds of `recommending`.

    Recall@20 must be the same both ways, up to ties, which ours breaks at random.
    """
    split = music.split_twin(scale)
    task = music.music_task(split)
    if only == "sconet":
        return sconet(split, task, rounds)
    if only == "recommend":
        return recommending(split, rounds)
    arrays, values = music.vectors(split), {}
    score = factor_score(split, task.domain, arrays)

    def ours():
        values["ours"] = metrics(task.ranks(score)["full"], task)

    def bare():
        values["bare"] = metrics(bare_ranks(task, arrays), task)

    times = alternate({"ours": ours, "bare": bare}, rounds)
    times["metrics"] = seconds(lambda: metrics(np.ones(len(task.user), dtype=np.int64), task))
    recalls = {name: of_way[-1] for name, of_way in values.items()}
    assert abs(recalls["ours"] - recalls["bare"]) < 0.02 * recalls["bare"] + 1e-3, recalls
    return {name: len(task.users) / time for name, time in times.items()}


def metrics(rank: np.ndarray, task: RankingTask) -> list[float]:
    """NDCG and recall at every cutoff, means over the users."""
    pairs = [(metric, n) for metric in (ndcg, recall) for n in CUTOFFS]
    return [float(metric(rank, task.user, task.count, n).mean()) for metric, n in pairs]


def bare_ranks(task: RankingTask, arrays: dict) -> np.ndarray:
    """Ranks [r] the shortest way: a product, rated items left out, the best 20, the relevant among them."""
    user, item = torch.from_numpy(arrays["user"])[task.users], torch.from_numpy(arrays["item"])
    place, rated = task._list("full")
    best = []
    for start in range(0, len(user), CHUNK):
        scores = user[start : start + CHUNK] @ item.T
        a, b = np.searchsorted(place, (start, start + CHUNK))
        scores[torch.from_numpy(place[a:b] - start), torch.from_numpy(rated[a:b])] = -torch.inf
        best.append(scores.topk(20).indices)
    hit = torch.cat(best).numpy()[task.user] == task.item[:, None]  # [r, 20]
    return np.where(hit.any(1), hit.argmax(1) + 1, task.m)


def sconet(split: Split, task: RankingTask, rounds: int, users: int = 1024) -> dict:
    """Users a second of an untrained SCoNet; a few users are enough."""
    score = registry.learner(registry.configure("sconet", split.ratings.name), split).score(task.domain)
    few = task.user < users
    task.users, task.count, task.group = task.users[:users], task.count[:users], task.group[:users]
    task.user, task.item = task.user[few], task.item[few]
    times = alternate({"ours": lambda: metrics(task.ranks(score)["full"], task)}, rounds)
    return {"ours": len(task.users) / times["ours"]}


def recommending(split: Split, rounds: int, users: int = 10_000, n: int = 10) -> dict:
    """Seconds that `Recommender.batch` takes for many users, a bare product with the best n for the same, and
    `top` for one of them. By BPR after one epoch."""
    config = registry.configure("bpr", split.ratings.name, split.seed, epochs=1, patience=1)
    model, k = recommend.load(registry.train(config, show=False)), split.ratings.index("music")
    rows = np.flatnonzero(groups(split, k) == 0)[:users]
    user, item = model.arrays[k]["user"][rows], model.arrays[k]["item"].T

    def bare():
        for start in range(0, len(rows), CHUNK):
            torch.from_numpy(user[start : start + CHUNK] @ item).topk(n)

    works = {"many": lambda: model.batch(model.users[rows], "music", n), "bare": bare}
    works["one"] = lambda: model.top(model.users[rows[0]], "music", n)
    return alternate(works, rounds) | {"users": len(rows)}


if __name__ == "__main__":
    processes.answer(measure)
