"""What the second derivation of the ledger reads: scores of `results.parquet`, by loops."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
from scipy.stats import t

METHODS = "random popularity itemknn itemknn_merged ease ease_merged bpr bpr_merged clfm cdcf".split()
METHODS += "sconet static adc".split()
VARIANTS = {"adc": "h={hidden_layers} γ={gamma:g}", "static": "h={hidden_layers}"}


def stored(home: Path, dataset: str, profile: str) -> list[dict]:
    """The rows of `results.parquet` (full ranking, all users) with what their run folders say."""
    table = pd.read_parquet(home / "data" / "results.parquet")
    facts = {}
    for run in set(table["run"]):
        config, metrics = (
            json.loads((home / run / f"{part}.json").read_text()) for part in ("config", "metrics")
        )
        facts[run] = config | {"seconds": metrics["train_seconds"] / metrics["epochs"], "run": home / run,
                               "diverged": metrics["diverged"], "best": metrics["validation"]}  # fmt: skip
    wanted = {"profile": profile, "dataset": dataset, "protocol": "full", "group": "all"}
    rows = [row | facts[row["run"]] for row in table.to_dict("records") if wanted.items() <= row.items()]
    return [row | {"validation": row["best"].get(row["target"], 0)} for row in rows]


class Scores:
    """Every score by (kind, h, gamma, domains, dim, negatives, target, seed, metric, n), read anew."""

    def __init__(self, rows: Iterable[dict], sizes: dict[str, int]):
        self.score, self.place, self.bad, self.read, self.seconds = {}, {}, set(), {}, {}
        self.validation = {}
        self.by_size = sorted(sizes, key=sizes.get)
        for row in rows:
            usual = VARIANTS.get(row["method"], "").format(**row)
            own = row.get("domains") in sizes and row["variant"].startswith(f"{usual} ")  # searched by itself
            if row["method"] not in METHODS or not (row["variant"] == usual or own):
                continue  # another balancer, a starred reading, another objective
            names = ("hidden_layers", "gamma", "domains", "dim", "negatives")
            what = [row.get(name) for name in names] if row["method"] in ("adc", "static") else (None,) * 5
            kind = (row["method"], *what)
            best = row["validation"]  # of several settings on one domain
            if best < self.validation.get((*kind, row["target"], row["seed"]), best):
                continue
            self.validation[*kind, row["target"], row["seed"]] = best
            self.score[*kind, row["target"], row["seed"], row["metric"], row["n"]] = row["value"]
            self.place[*kind, row["seed"]] = row["run"]
            self.seconds[row["run"]] = row["seconds"]
            if row["diverged"]:
                self.bad.add((*kind, row["seed"]))
        self.seeds = sorted({key[7] for key in self.score if key[0] == "adc" and key[3] == ""})
        self.every_seed = sorted({key[7] for key in self.score if key[0] == "adc"})
        self.targets = list(sizes)
        self.sizes = sizes
        self.sets = {
            "Set 1": self.by_size[-2:],
            "Set 2": self.by_size[:-2],
            "Set 3": [self.by_size[0], self.by_size[-1]],
        }

    def kind(self, method: str, target: str) -> tuple:
        """Table II's run of a method for a target; static is run at h = 3 only."""
        if method not in ("adc", "static"):
            return (method, *(None,) * 5)
        rank = self.by_size[::-1].index(target)
        wanted = (
            {0: (4, 1.5), 1: (4, 2.0), len(self.targets) - 1: (2, 2.0)}.get(rank, (3, 2.0))
            if method == "adc"
            else (3, 0.0)
        )
        known = (method, *wanted, "", 100, 5, self.seeds[0]) in self.place
        return (method, *(wanted if known else (3, 2.0)), "", 100, 5)

    def at(self, method, target, seed, metric="ndcg", n=10):
        return self.score.get((*self.kind(method, target), target, seed, metric, n))

    def mean(self, method, target):
        return mean(self.at(method, target, seed) for seed in self.seeds)

    def has(self, *methods) -> bool:
        return all(self.at(m, k, s) is not None for m in methods for k in self.targets for s in self.seeds)

    def base(self, target, seed, h=3, gamma=2.0, domains="", method="adc", dim=100, negatives=5):
        return self.score.get((method, h, gamma, domains, dim, negatives, target, seed, "ndcg", 10))

    def seeds_with(self, domains: str, kinds: list[tuple]) -> list[int]:
        """The seeds that have every (method, h, gamma) on these domains."""
        keys = [(*kind, domains, 100, 5) for kind in kinds]
        return [s for s in self.every_seed if all((*key, s) in self.place for key in keys)]

    def named(self, name: str) -> tuple[str, list[str]]:
        members = [k for k in self.targets if k in self.sets[name]] if name else self.targets
        return (",".join(members) if name else ""), members


def ends(values: list[float], level: float = 0.05) -> tuple[float, float]:
    """The interval of 1 - level; from minus to plus infinity with one value."""
    if len(values) < 2:
        return -math.inf, math.inf
    half = t.ppf(1 - level / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half


def more_than(values: list[float], margin: float, level: float = 0.05) -> bool | None:
    """Whether the mean of values lies above a margin; None where the interval leaves it open."""
    low, high = ends(values, level)
    return True if low > margin else False if high < margin else None
