"""RecBole's BPR on music, by its own trainer: triples a second by batch size, and its full-sort evaluation."""

import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.model.general_recommender import BPR  # noqa: E402
from recbole.trainer import Trainer  # noqa: E402

from bench import parts  # noqa: E402
from bench.clock import alternate, now  # noqa: E402

SETTINGS = {
    "benchmark_filename": ["train", "valid", "test"], "load_col": {"inter": ["user_id", "item_id"]}, "embedding_size": 100,
    "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}, "metrics": ["Recall", "NDCG"],
    "topk": [5, 10, 15, 20], "valid_metric": "NDCG@10", "use_gpu": False, "show_progress": False, "state": "ERROR",
}  # fmt: skip


def measure(folder: str, rounds: int, batches: list[int], at_once: list[int]) -> dict:
    """`triples` a second by batch size, `users` a second by how many are ranked at once (0: its default), and its recall@20."""
    trained, ranked, found = {}, {}, 0.0
    n_items = prepared(folder)[0].model.n_items
    for batch in batches:
        trainer, data, _ = prepared(folder, train_batch_size=batch)
        took = alternate({"epoch": lambda: trainer._train_epoch(data, 0, show_progress=False)}, rounds)
        trained[batch] = len(data.dataset) / took["epoch"]
    for users in at_once:
        trainer, _, data = prepared(folder, **({"eval_batch_size": users * n_items} if users else {}))
        load(trainer.model, data.dataset, folder)
        began = now()  # once: by its default it takes a minute
        found = trainer.evaluate(data, load_best_model=False)["recall@20"]
        ranked[users or "default"] = data.sample_size / (now() - began)
    return {"triples": trained, "users": ranked, "recall": found, "threads": torch.get_num_threads()}


def prepared(folder: str, **settings) -> tuple:
    """Trainer, training data and test data."""
    config = Config(model="BPR", dataset="music", config_dict={"data_path": folder} | SETTINGS | settings)
    train, _, test = data_preparation(config, create_dataset(config))
    return Trainer(config, BPR(config, train.dataset)), train, test


@torch.no_grad()
def load(model, dataset, folder: str) -> None:
    """Let it rank by the same vectors as we do."""
    stored = np.load(f"{folder}/music/vectors.npz")
    tables = {"user": model.user_embedding, "item": model.item_embedding}
    for name, table in tables.items():
        tokens = dataset.field2id_token[f"{name}_id"][1:].astype(int)  # 0 is its padding
        table.weight[1:] = torch.from_numpy(stored[name][tokens])


if __name__ == "__main__":
    parts.answer(measure)
