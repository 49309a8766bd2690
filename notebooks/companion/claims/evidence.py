"""What the ledger of claims is made from: Table II's runs with their tests, the parameter analysis, and the
control worlds."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property

import pandas as pd

from adc.config import Config
from adc.ratings import Ratings
from companion import data, paths, registry, runs
from companion.analysis import controls, curves, performance, report
from companion.analysis.report import STATIC
from companion.runs import Run

VARIED = ("seed", "hidden_layers", "gamma", "balancer", "pretraining", "device", "step")  # by the studies


@dataclass(frozen=True)
class Finding:
    """What a measure gives: words, how much data, and the numbers from which `rule` makes the verdict; more:
    how many further seeds would decide what is open, as far as can be told."""

    ours: str
    n: str
    rule: Callable[..., str]
    numbers: dict = field(default_factory=dict)
    more: int | None = None

    @property
    def verdict(self) -> str:
        return self.rule(**self.numbers)


class MissingRuns(Exception):
    """The runs that a measure needs are not there; says which."""


class TooFewDomains(Exception):
    """A claim about more domains than the data has."""


class Evidence:
    """Everything that the ledger of one dataset is made from, read when a measure asks for it. Scores are
    NDCG@10, full ranking, all users.

    used: the runs that were read since it was last emptied."""

    def __init__(self, dataset: str, profile: str):
        self.dataset, self.profile, self.used = dataset, profile, set()
        self.ratings: Ratings = data.load(dataset)
        self.sizes: dict[str, int] = self.ratings.table()["ratings"].to_dict()  # ratings by domain
        self.by_size = sorted(self.sizes, key=lambda name: self.sizes[name])  # the domains, smallest first

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """The runs of Table II (`report.choose`)."""
        table = report.load(self.dataset, self.profile, required=())
        return report.choose(table, report.paper_settings(self.sizes))[0]

    @cached_property
    def tests(self) -> pd.DataFrame:
        """ADC against every other method (`performance.adc_tests`)."""
        return performance.adc_tests(self.chosen)

    @cached_property
    def control(self) -> pd.DataFrame:
        """The stored runs of the control worlds, of whatever profile: `controls.table`'s columns and case,
        which tells equal weights in ADC's settings from those that a search of their own found."""
        searched = controls.alone_by_validation(controls.stored(controls.comparison()))
        same = controls.stored(controls.balancing("searched settings")).assign(case="ADC's settings")
        return pd.concat([searched.assign(case="own search"), same], ignore_index=True)

    @cached_property
    def alone(self) -> pd.DataFrame:
        """Runs of ADC at h = 3 on one domain: rows of `curves.run_rows`, and validation."""
        rows = []
        for run in report.available(self.dataset, self.profile):
            base = run.config.get("hidden_layers") == registry.BASE["hidden_layers"]
            if run.config["method"] == "adc" and base and len(registry.named(run.config["domains"])) == 1:
                rows += [row | {"validation": run.validation} for row in curves.run_rows(run)]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["target", "seed", "validation", "run"])

    @property
    def study(self) -> pd.DataFrame:
        """Runs of ADC and static alike in all but VARIED: rows of `curves.run_rows`."""
        return self._studies[0]

    @property
    def larger(self) -> pd.DataFrame:
        """Likewise, of larger dim or more negatives than those."""
        return self._studies[1]

    @cached_property
    def _studies(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Like with like: of all runs of ADC and of equal weights, those that share the settings that are
        most common on all domains together; of equally common ones the smaller."""
        candidates = [run for run in report.available(self.dataset, self.profile) if _comparable(run)]
        table = pd.DataFrame([row for run in candidates for row in curves.run_rows(run)])
        if table.empty:
            raise MissingRuns("ADC")
        table["domains"] = table["domains"].map(lambda text: ",".join(sorted(registry.named(text))))
        alike = [item.name for item in fields(Config) if item.name not in VARIED]
        joint = table[table["domains"].eq("")] if table["domains"].eq("").any() else table
        counts = joint[alike].value_counts()
        common = pd.Series(min(counts.index[counts == counts.max()]), index=alike)
        same = table[alike] == common.to_list()
        larger = lambda name: same.drop(columns=name).all(axis=1) & (table[name] > common[name])
        return table[same.all(axis=1)], table[larger("dim") | larger("negatives")]

    def history(self, run: str) -> pd.DataFrame:
        """A run's history [epoch, domain]."""
        self.used.add(run)
        return runs.load(paths.home() / run).history

    def require_domains(self) -> None:
        """Raise `TooFewDomains` where the data has one domain."""
        if self.ratings.p < 2:
            raise TooFewDomains


def collect(dataset: str, profile: str) -> Evidence:
    """A profile's runs ("any": all that are stored). `UserError` where ADC or popularity is missing."""
    report.load(dataset, profile)
    return Evidence(dataset, profile)


def _comparable(run: Run) -> bool:
    if run.config.get("balancer") not in ("gradnorm", STATIC):
        return False
    return run.config["hidden_layers"] <= 1 or run.config["pretraining"] == Config.pretraining
