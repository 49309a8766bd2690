"""implicit and cornac on music, ranx's metrics, gradnorm-pytorch on layers of ADC's sizes."""

import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
import torch  # noqa: E402

from bench import processes  # noqa: E402
from bench.clock import alternate, seconds  # noqa: E402

DIM, CHUNK, EPOCHS = 100, 512, 20


def measure(name: str, folder: str, rounds: int, threads: int) -> dict:
    """One of them: triples a second (cornac), users a second (implicit, ranx), a step in units of one
    with a plain sum of losses (gradnorm)."""
    pairs = {part: read(f"{folder}/music/music.{part}.inter") for part in ("train", "valid", "test")}
    works = {
        "cornac": lambda: cornac_triples(pairs["train"], threads),
        "implicit": lambda: implicit_users(pairs, dict(np.load(f"{folder}/music/vectors.npz"))),
        "ranx": lambda: ranx_users(pairs["test"]),
        "gradnorm": lambda: gradnorm_step(rounds),
    }
    return {"value": works[name]()}


def read(path: str) -> np.ndarray:
    """(user, item) of one of RecBole's atomic files [r, 2]."""
    return np.loadtxt(path, dtype=np.int64, skiprows=1, delimiter="\t", ndmin=2)


def cornac_triples(train: np.ndarray, threads: int) -> float:
    """Training triples a second of its BPR, at its threads."""
    from cornac.data import Dataset
    from cornac.models import BPR

    dataset = Dataset.from_uir([(user, item, 1.0) for user, item in train], seed=0)
    fit = lambda epochs: BPR(k=DIM, max_iter=epochs, num_threads=threads, verbose=False, seed=0).fit(dataset)
    fit(1)
    return EPOCHS * len(train) / (seconds(lambda: fit(EPOCHS + 1)) - seconds(lambda: fit(1)))


def implicit_users(pairs: dict, stored: dict) -> float:
    """Users a second of its best 20 without metrics."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=DIM)
    model.user_factors, model.item_factors = stored["user"], stored["item"]
    rated = np.concatenate([pairs["train"], pairs["valid"]])
    shape = len(stored["user"]), len(stored["item"])
    matrix = sp.csr_matrix((np.ones(len(rated), np.float32), rated.T), shape)
    users = np.unique(pairs["test"][:, 0])
    chunks = np.array_split(users, -(-len(users) // CHUNK))
    rank = lambda: [model.recommend(chunk, matrix[chunk], N=20) for chunk in chunks]
    return len(users) / alternate({"rank": rank}, 2)["rank"]


def ranx_users(test: np.ndarray) -> float:
    """Users a second of recall and NDCG at four cutoffs, of lists of 20 that are there already."""
    from ranx import Qrels, Run, evaluate

    users, place = np.unique(test[:, 0], return_inverse=True)
    rng, truth = np.random.default_rng(0), {f"u{user}": {} for user in range(len(users))}
    for user, item in zip(place, test[:, 1]):
        truth[f"u{user}"][f"i{item}"] = 1
    lists = rng.integers(test[:, 1].max() + 1, size=(len(users), 20))
    scores = [{f"i{item}": 20.0 - rank for rank, item in enumerate(row)} for row in lists]
    run, qrels = Run({f"u{user}": row for user, row in enumerate(scores)}), Qrels(truth)
    metrics = [f"{name}@{n}" for name in ("recall", "ndcg") for n in (5, 10, 15, 20)]
    return len(users) / alternate({"metrics": lambda: evaluate(qrels, run, metrics)}, 2)["metrics"]


def gradnorm_step(rounds: int, p: int = 6, batch: int = 1024) -> float:
    """A step forward and back through four layers with p losses, divided by one with their plain sum."""
    from gradnorm_pytorch import GradNormLossWeighter

    layers = [torch.nn.Linear(p * DIM, p * DIM) for _ in range(4)]
    relu, W = torch.nn.ReLU(), layers[-1].weight
    network = torch.nn.Sequential(layers[0], relu, layers[1], relu, layers[2], relu, layers[3])
    x = torch.randn(batch, p * DIM)
    settings = {"num_losses": p, "learning_rate": 0.025, "restoring_force_alpha": 2.0}
    weighter = GradNormLossWeighter(**settings, grad_norm_parameters=W)

    def step(backward) -> None:
        network.zero_grad()
        backward([loss.square().mean() for loss in network(x).split(DIM, dim=1)])

    plain = lambda: step(lambda losses: sum(losses).backward())
    times = alternate({"plain": plain, "balanced": lambda: step(weighter.backward)}, 10 * rounds)
    return times["balanced"] / times["plain"]


if __name__ == "__main__":
    processes.answer(measure)
