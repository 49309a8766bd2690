"""What the ledger of claims is made from: Table II's runs with their tests, and the parameter analysis."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import pandas as pd

from adc.config import Config
from adc.ratings import Ratings
from companion import data, paths, registry, runs
from companion.analysis import curves, performance, report
from companion.analysis.report import STATIC
from companion.runs import Run

VARIED = ("seed", "hidden_layers", "gamma", "balancer", "pretraining", "device", "step")  # by the studies


@dataclass(frozen=True)
class Finding:
    """What a measure gives: words, how much data, and the numbers from which `rule` makes the verdict."""

    ours: str
    n: str
    rule: Callable[..., str]
    numbers: dict = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return self.rule(**self.numbers)


class MissingRuns(Exception):
    """The runs that a measure needs are not there; says which."""


class TooFewDomains(Exception):
    """A claim about more domains than the data has."""


@dataclass(frozen=True)
class Evidence:
    """Everything that the ledger of one dataset is made from. Scores are NDCG@10, full ranking, all users."""

    dataset: str
    ratings: Ratings
    chosen: pd.DataFrame  # the runs of Table II (`report.choose`)
    tests: pd.DataFrame  # ADC against every other method (`performance.adc_tests`)
    study: pd.DataFrame  # runs of ADC and static alike in all but VARIED: rows of `curves.run_rows`
    larger: pd.DataFrame  # likewise, of larger dim or more negatives than those

    @property
    def sizes(self) -> dict[str, int]:
        """Domain -> number of ratings."""
        return self.ratings.table()["ratings"].to_dict()

    @property
    def by_size(self) -> list[str]:
        """The domains, the smallest first."""
        return sorted(self.sizes, key=lambda name: self.sizes[name])

    @property
    def runs(self) -> set[str]:
        """Every run behind the ledger."""
        return {*self.chosen["run"], *self.study["run"], *self.larger["run"]}

    def history(self, run: str) -> pd.DataFrame:
        """A run's history [epoch, domain]."""
        return runs.load(paths.home() / run).history

    def require_domains(self, least: int = 2) -> None:
        """Raise `TooFewDomains` if the data has fewer."""
        if self.ratings.p < least:
            raise TooFewDomains


def collect(dataset: str, profile: str) -> Evidence:
    """Read a profile's runs ("any": all that are stored). `UserError` where ADC or popularity is missing."""
    ratings = data.load(dataset)
    settings = report.paper_settings(ratings.table()["ratings"].to_dict())
    chosen, _ = report.choose(report.load(dataset, profile), settings)
    return Evidence(dataset, ratings, chosen, performance.adc_tests(chosen), *_studies(dataset, profile))


def _studies(dataset: str, profile: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Like with like: of all runs of ADC and of equal weights, those that share the most common settings."""
    candidates = [run for run in report.available(dataset, profile) if _comparable(run)]
    table = pd.DataFrame([row for run in candidates for row in curves.run_rows(run)])
    table["domains"] = table["domains"].map(lambda text: ",".join(sorted(registry.named(text))))
    alike = [item.name for item in fields(Config) if item.name not in VARIED]
    common = pd.Series(table[alike].value_counts().index[0], index=alike)
    same = table[alike] == common.to_list()
    larger = lambda name: same.drop(columns=name).all(axis=1) & (table[name] > common[name])
    return table[same.all(axis=1)], table[larger("dim") | larger("negatives")]


def _comparable(run: Run) -> bool:
    if run.config.get("balancer") not in ("gradnorm", STATIC):
        return False
    return run.config["hidden_layers"] == 1 or run.config["pretraining"] == Config.pretraining
