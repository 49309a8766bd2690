"""RecBole-CDR's CoNet on RecBole 1.0.1, from a source tree (its wheel has no models): samples trained, users ranked."""

import warnings

warnings.filterwarnings("ignore")

from recbole_cdr.config import CDRConfig  # noqa: E402
from recbole_cdr.data import create_dataset, data_preparation  # noqa: E402
from recbole_cdr.utils import get_model, get_trainer, train_mode2state  # noqa: E402

from bench import parts  # noqa: E402
from bench.clock import median, now, seconds  # noqa: E402

DOMAIN = {  # all ratings: its own example leaves out users and items with fewer than five
    "load_col": {"inter": ["user_id", "item_id"]}, "user_inter_num_interval": None, "item_inter_num_interval": None,
    "val_interval": None,
}  # fmt: skip
SETTINGS = {
    "train_batch_size": 2048, "train_epochs": ["BOTH:1"], "use_gpu": False, "show_progress": False, "state": "ERROR",
    "metrics": ["Recall", "NDCG"], "topk": [20], "valid_metric": "NDCG@20",
    "eval_args": {"split": {"RS": [0.5, 0.1, 0.4]}, "group_by": "user", "order": "RO", "mode": "full"},
}  # fmt: skip


def measure(folder: str, rounds: int, enough: float) -> dict:
    """With dvd as its source and music as its target: `samples` a second of `rounds` epochs, `users` a second of `enough` seconds.

    Without rounds, or seconds, there is no such figure.
    """
    both = {"source_domain": "dvd", "target_domain": "music"}
    domains = {side: {"dataset": name, "data_path": folder} | DOMAIN for side, name in both.items()}
    config = CDRConfig(model="CoNet", config_dict=SETTINGS | domains)
    train, _, test = data_preparation(config, create_dataset(config))
    model = get_model("CoNet")(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], "CoNet")(config, model)
    train.set_mode(train_mode2state["BOTH"]), model.set_phase("BOTH")
    loss, seen = model.calculate_loss, []

    def counted(batch):
        seen.append(sum(len(batch[name]) for name in batch.interaction if name.endswith("label")))
        return loss(batch)

    took = [seconds(lambda: trainer._train_epoch(train, 0, loss_func=counted)) for _ in range(rounds)]
    found = {"samples": sum(seen) / rounds / median(took)} if rounds else {}
    model.set_phase("OVERLAP"), model.eval()
    return found | ({"users": ranked(model, test, enough)} if enough else {})


def ranked(model, test, enough: float) -> float:
    """Users a second of its full sort without metrics, of as many as `enough` seconds allow."""
    began, users = now(), 0
    for batch in test:
        model.full_sort_predict(batch[0])
        users += len(batch[0])
        if now() - began > enough:
            break
    return users / (now() - began)


if __name__ == "__main__":
    parts.answer(measure)
