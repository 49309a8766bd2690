"""What the second derivation of the ledger reads: scores of `results.parquet`, by loops."""

import json
import math
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
from scipy.stats import f, t

METHODS = "random popularity itemknn itemknn_merged ease ease_merged bpr bpr_merged clfm cdcf".split()
METHODS += "sconet static adc".split()
VARIANTS = {"adc": "h={hidden_layers} γ={gamma:g}", "static": "h={hidden_layers}"}


class Scores:
    """Every score by (kind, h, gamma, domains, dim, negatives, target, seed, metric, n), read anew."""

    def __init__(self, home: Path, dataset: str, profile: str, sizes: dict[str, int]):
        table = pd.read_parquet(home / "data" / "results.parquet")
        self.score, self.place, self.bad, self.read = {}, {}, set(), {}
        self.by_size = sorted(sizes, key=sizes.get)
        facts = {
            run: [json.loads((home / run / f"{part}.json").read_text()) for part in ("config", "metrics")]
            for run in set(table["run"])
        }
        for row in table.to_dict("records"):
            where = (row["profile"], row["dataset"], row["protocol"], row["group"])
            if where != (profile, dataset, "full", "all"):
                continue
            config, metrics = facts[row["run"]]
            usual = VARIANTS.get(row["method"], "").format(**config)
            if row["method"] not in METHODS or config["variant"] != usual:
                continue  # another balancer, a starred reading, another objective
            names = ("hidden_layers", "gamma", "domains", "dim", "negatives")
            what = [config.get(name) for name in names] if row["method"] in ("adc", "static") else (None,) * 5
            kind = (row["method"], *what)
            self.score[*kind, row["target"], row["seed"], row["metric"], row["n"]] = row["value"]
            self.place[*kind, row["seed"]] = home / row["run"]
            if metrics["diverged"]:
                self.bad.add((*kind, row["seed"]))
        self.seeds = sorted({key[7] for key in self.score if key[0] == "adc" and key[3] == ""})
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

    def grid(self, what: str, domains="") -> list:
        """The values of h (at gamma 2) or gamma (at h 3) that were run, if a seed has all of them."""
        values = self.values(what, domains)
        return values if self.full(what, domains) else []

    def full(self, what: str, domains="", only=()) -> list[int]:
        """The seeds that have all values, or all of some."""
        kind = lambda value: ("adc", *((value, 2.0) if what == "h" else (3, value)), domains, 100, 5)
        wanted = only or self.values(what, domains)
        return [seed for seed in self.seeds if all((*kind(v), seed) in self.place for v in wanted)]

    def values(self, what: str, domains="") -> list:
        """Likewise, that any seed has."""
        place, fixed = {"h": (1, (2, 2.0)), "gamma": (2, (1, 3))}[what]
        keys = [key for key in self.score if key[0] == "adc" and key[3:6] == (domains, 100, 5)]
        return sorted({key[place] for key in keys if key[fixed[0]] == fixed[1]})

    def levels(self, targets, what, domains="") -> dict:
        """h or gamma -> by seed, mean over the targets."""
        score = lambda v, s: mean(self.base(k, s, domains=domains, **{what: v}) for k in targets)
        seeds = self.full(what, domains)
        return {v: [score(v, s) for s in seeds] for v in self.grid(what, domains)}

    def named(self, name: str) -> tuple[str, list[str]]:
        members = [k for k in self.targets if k in self.sets[name]] if name else self.targets
        return (",".join(members) if name else ""), members

    def set_gamma(self, name: str):
        domains, members = self.named(name)
        levels = self.levels(members, "gamma", domains)
        return top(levels) if len(levels) > 2 else None


def top(levels: dict):
    """The level with the highest mean."""
    return max(levels, key=lambda level: mean(levels[level]))


def clear(levels: dict) -> bool:
    """Whether scores by level and seed differ from level to level by more than by chance: sums of squares."""
    rows = list(zip(*levels.values(), strict=True))  # a seed each
    n, m = len(rows), len(levels)
    if n < 2:
        return False
    whole = mean(map(mean, rows))
    squares = lambda values: sum((value - whole) ** 2 for value in values)
    of_levels, of_seeds = n * squares(map(mean, levels.values())), m * squares(map(mean, rows))
    rest = sum(map(squares, rows)) - of_levels - of_seeds
    return f.sf((of_levels / (m - 1)) / (rest / ((m - 1) * (n - 1))), m - 1, (m - 1) * (n - 1)) < 0.05


def same(levels: dict, paper) -> bool | None:
    """Whether the best level is the paper's; None if that cannot be told."""
    best = top(levels)
    if not clear(levels):
        return None
    gap = [a - b for a, b in zip(levels[best], levels[paper], strict=True)]
    return True if best == paper else False if ends(gap)[0] > 0 else None


def ends(values: list[float]) -> tuple[float, float]:
    """The 95 % interval; from minus to plus infinity with one value."""
    if len(values) < 2:
        return -math.inf, math.inf
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half
