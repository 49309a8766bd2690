"""What the ledger of claims is made from: the runs of Table II with their tests, and the parameter analysis."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from adc import data, paths, report, runs
from adc.data.schema import Ratings
from adc.results import performance
from adc.settings import Settings, named

STATIC = "static"
VARIED = ("dataset", "domains", "seed", "hidden_layers", "gamma", "balancer", "pretraining", "device")


@dataclass(frozen=True)
class Finding:
    """What was found: in words, from how much, and the numbers from which `rule` makes the verdict."""

    ours: str
    n: str
    rule: Callable[..., str]
    numbers: dict = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return self.rule(**self.numbers)


@dataclass(frozen=True)
class Evidence:
    """Everything that the ledger of one dataset is made from. Scores are NDCG@10, full ranking, all users."""

    dataset: str
    ratings: Ratings
    chosen: pd.DataFrame  # the runs of Table II (`report.chosen`)
    against: pd.DataFrame  # ADC against every other method (`performance.tested`)
    study: pd.DataFrame  # runs of ADC and static alike in all but VARIED: configuration, diverged, run, target, value
    larger: pd.DataFrame  # likewise, of larger dim or more negatives than those

    @property
    def sizes(self) -> dict[str, int]:
        """Domain -> number of ratings."""
        return self.ratings.table()["ratings"].to_dict()

    @property
    def runs(self) -> set[str]:
        """Every run behind the ledger."""
        return {*self.chosen["run"], *self.study["run"], *self.larger["run"]}

    def history(self, run: str) -> pd.DataFrame:
        """A run's history [epoch, domain]."""
        return runs.load(paths.home() / run).history


def collect(dataset: str, profile: str) -> Evidence:
    """Read a profile's runs ("any": all stored of today's code). `UserError` where ADC or popularity is missing."""
    ratings = data.load(dataset)
    settings = report.paper_setting(ratings.table()["ratings"].to_dict())
    chosen, _ = report.chosen(report.results(dataset, profile), settings)
    against, _ = performance.tested(chosen)
    return Evidence(dataset, ratings, chosen, against, *_studies(dataset, profile))


def _studies(dataset: str, profile: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Like with like: of all runs of ADC and of equal weights, those that share the most common settings."""
    found, _ = report.available(dataset, profile)
    table = pd.DataFrame([row for run in found if _counts(run.config) for row in _rows(run)])
    alike = [name for name in Settings.__dataclass_fields__ if name not in VARIED]
    common = pd.Series(table[alike].value_counts().index[0], index=alike)
    same = table[alike] == common.to_list()
    larger = [same.drop(columns=name).all(axis=1) & (table[name] > common[name]) for name in ("dim", "negatives")]
    return table[same.all(axis=1)], table[larger[0] | larger[1]]


def _counts(config: dict) -> bool:
    if config.get("balancer") not in (Settings.balancer, STATIC):
        return False
    return config["hidden_layers"] == 1 or config["pretraining"] == Settings.pretraining


def _rows(run: runs.Run) -> list[dict]:
    config = {name: run.config.get(name, getattr(Settings, name)) for name in Settings.__dataclass_fields__}
    config["domains"] = ",".join(sorted(named(config["domains"])))
    config |= {"diverged": run.metrics["diverged"], "run": str(run.folder.relative_to(paths.home()))}
    score = {"protocol": "full", "metric": "ndcg", "n": 10, "group": "all"}
    found = [row for row in run.metrics["values"] if score.items() <= row.items()]
    return [config | {"target": row["target"], "value": row["value"]} for row in found]
