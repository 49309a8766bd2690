"""Scores and run folders with numbers made by hand."""

import numpy as np
import pandas as pd

from companion import files, runs

DECOYS = (("full", "recall", 10, "all", 0.9), ("sampled", "ndcg", 10, "all", 0.8),
          ("full", "ndcg", 5, "all", 0.7), ("full", "ndcg", 10, "warm", 0.6))  # fmt: skip


def long(values, methods="abcdefgh"):
    """Scores of users as the significance tests take them, from an array [methods, targets, seeds, users]."""
    m, t, s, u = np.indices(values.shape).reshape(4, -1)
    columns = {"method": np.array(list(methods))[m], "target": t, "seed": s, "user": u}
    return pd.DataFrame(columns | {"value": values.ravel()})


def entry(target, protocol, metric, n, group, value, users=3) -> dict:
    """An entry of `metrics.json`."""
    return {"target": target, "protocol": protocol, "metric": metric, "n": n, "group": group,
            "value": value, "users": users}  # fmt: skip


def write_run(config: dict, values: list[dict], users=None, history=None, model=None, **metrics) -> runs.Run:
    """A run folder as `runs.save` leaves it."""
    place = runs.folder(config)
    facts = {"values": values, "best_epoch": {}, "validation": {}, "diverged": False, "epochs": 4}
    facts |= {"train_seconds": 10.0} | metrics
    files.write_json(place / "config.json", config)
    (pd.DataFrame({"user": []}) if users is None else users).to_parquet(place / "users.parquet")
    (pd.DataFrame({"epoch": [1]}) if history is None else history).to_parquet(place / "history.parquet")
    np.savez(place / "model.npz", **(model or {}))
    files.write_json(place / "metrics.json", facts)
    return runs.load(place)


def run_with(config: dict, scores: dict[str, float], **options) -> runs.Run:
    """A run whose NDCG@10 (full ranking, all users) by target is `scores`; its other metrics are decoys."""
    values = []
    for target, score in scores.items():
        values.append(entry(target, "full", "ndcg", 10, "all", score))
        values += [entry(target, *decoy) for decoy in DECOYS]
    return write_run(config, values, **options)
