"""RecBole's BPR on music, by its own trainer: triples a second, and its full-sort evaluation."""

import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.model.general_recommender import BPR  # noqa: E402
from recbole.trainer import Trainer  # noqa: E402

from bench import processes  # noqa: E402
from bench.clock import alternate, seconds  # noqa: E402

SETTINGS = {
    "benchmark_filename": ["train", "valid", "test"], "load_col": {"inter": ["user_id", "item_id"]},
    "embedding_size": 100, "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
    "metrics": ["Recall", "NDCG"], "topk": [5, 10, 15, 20], "valid_metric": "NDCG@10", "use_gpu": False,
    "show_progress": False, "state": "ERROR",
}  # fmt: skip


def measure(folder: str, rounds: int, batches: list[int], at_once: list[int]) -> dict:
    """`triples` a second by batch size, `users` a second by how many are ranked at once (0: its default)."""
    triples, users = {}, {}
    n_items = prepare(folder)[0].model.n_items
    for batch in batches:
        trainer, data, _ = prepare(folder, train_batch_size=batch)
        times = alternate({"epoch": lambda: trainer._train_epoch(data, 0, show_progress=False)}, rounds)
        triples[batch] = len(data.dataset) / times["epoch"]
    for size in at_once:
        trainer, _, data = prepare(folder, **({"eval_batch_size": size * n_items} if size else {}))
        load_vectors(trainer.model, data.dataset, folder)
        time = seconds(lambda: trainer.evaluate(data, load_best_model=False))  # once: it takes a minute
        users[size or "default"] = data.sample_size / time
    return {"triples": triples, "users": users}


def prepare(folder: str, **settings) -> tuple:
    """Trainer, training data and test data."""
    config = Config(model="BPR", dataset="music", config_dict={"data_path": folder} | SETTINGS | settings)
    train, _, test = data_preparation(config, create_dataset(config))
    return Trainer(config, BPR(config, train.dataset)), train, test


@torch.no_grad()
def load_vectors(model, dataset, folder: str) -> None:
    """Let it rank by the same vectors as ours."""
    stored = np.load(f"{folder}/music/vectors.npz")
    tables = {"user": model.user_embedding, "item": model.item_embedding}
    for name, table in tables.items():
        tokens = dataset.field2id_token[f"{name}_id"][1:].astype(int)  # 0 is its padding
        table.weight[1:] = torch.from_numpy(stored[name][tokens])


if __name__ == "__main__":
    processes.answer(measure)
