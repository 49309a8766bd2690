"""RecBole-CDR's CoNet on RecBole 1.0.1, from a source tree (its wheel has no models)."""

import warnings

warnings.filterwarnings("ignore")

from recbole_cdr.config import CDRConfig  # noqa: E402
from recbole_cdr.data import create_dataset, data_preparation  # noqa: E402
from recbole_cdr.utils import get_model, get_trainer, train_mode2state  # noqa: E402

from bench import processes  # noqa: E402
from bench.clock import median, seconds, time  # noqa: E402

DOMAIN = {  # all ratings: its own example leaves out users and items with fewer than five
    "load_col": {"inter": ["user_id", "item_id"]}, "user_inter_num_interval": None,
    "item_inter_num_interval": None, "val_interval": None,
}  # fmt: skip
SETTINGS = {
    "train_batch_size": 2048, "train_epochs": ["BOTH:1"], "use_gpu": False, "show_progress": False,
    "state": "ERROR", "metrics": ["Recall", "NDCG"], "topk": [20], "valid_metric": "NDCG@20",
    "eval_args": {"split": {"RS": [0.5, 0.1, 0.4]}, "group_by": "user", "order": "RO", "mode": "full"},
}  # fmt: skip


def measure(folder: str, rounds: int, rank_seconds: float) -> dict:
    """From dvd to music: `samples` trained a second in `rounds` epochs, `users` ranked a second in
    `rank_seconds`; with 0 there is no such number."""
    both = {"source_domain": "dvd", "target_domain": "music"}
    domains = {side: {"dataset": name, "data_path": folder} | DOMAIN for side, name in both.items()}
    config = CDRConfig(model="CoNet", config_dict=SETTINGS | domains)
    train, _, test = data_preparation(config, create_dataset(config))
    model = get_model("CoNet")(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], "CoNet")(config, model)
    train.set_mode(train_mode2state["BOTH"]), model.set_phase("BOTH")
    loss, samples = model.calculate_loss, []

    def count_loss(batch):
        samples.append(sum(len(batch[name]) for name in batch.interaction if name.endswith("label")))
        return loss(batch)

    times = [seconds(lambda: trainer._train_epoch(train, 0, loss_func=count_loss)) for _ in range(rounds)]
    result = {"samples": sum(samples) / rounds / median(times)} if rounds else {}
    model.set_phase("OVERLAP"), model.eval()
    return result | ({"users": users_ranked(model, test, rank_seconds)} if rank_seconds else {})


def users_ranked(model, test, rank_seconds: float) -> float:
    """Users a second of its full sort without metrics, of as many as `rank_seconds` allow."""
    start, users = time.perf_counter(), 0
    for batch in test:
        model.full_sort_predict(batch[0])
        users += len(batch[0])
        if time.perf_counter() - start > rank_seconds:
            break
    return users / (time.perf_counter() - start)


if __name__ == "__main__":
    processes.answer(measure)
