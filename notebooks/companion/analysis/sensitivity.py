"""Which open point of the paper decides the outcome: starred readings, one at a time, and rules of scoring.

Numbers are NDCG@10 (full ranking), means over the domains; intervals are 95 % t-intervals over the seeds."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from adc.config import Config
from adc.evaluation import RankingTask, Score, groups
from adc.metrics import ndcg, recall
from adc.relevance import relevant
from adc.split import TEST, Split
from companion import paths, registry, runs
from companion.adc_method import STARRED
from companion.analysis import curves, report
from companion.analysis.curves import difference
from companion.analysis.performance import values
from companion.runs import Run

COLUMNS = ["difference", "p", "low", "high", "seeds", "relative", "diverged", "runs"]
DEFAULT, DEFAULT_RECALL = "default", "recall@10"
RULE_LABELS = {
    "above": DEFAULT, "at_least": "R24 ≥ mean", "all_domains": "R24 all domains",
    "train_only": "R24 training", "stars4": "R24 ≥ 4 stars",
}  # fmt: skip
PLAIN = {"{} = {}".format(*next(iter(change.items()))): words for _, change, words in STARRED}  # for figures
N = 10  # length of the list


def in_words(change: str) -> str:
    """A change of `readings` in plain words; as it is where there are none."""
    return PLAIN.get(change, change.replace("_", " "))


def available(dataset: str, profile: str) -> tuple[dict[int, Run], list[Run]]:
    """ADC's base run (h = 3, gamma = 2, no deviation) of every seed, and all runs over all domains.
    Of several bases of a seed, trained for other numbers of epochs say, the one with most readings run beside
    it. Raises `UserError` where there is no base."""
    candidates = [run for run in report.available(dataset, profile) if not run.config["domains"]]
    stored, bases = {runs.identity(run.config) for run in candidates}, {}
    readings_run = lambda run: sum(changed(run.config, **change) in stored for _, change, _ in STARRED)
    written = lambda run: (run.folder / "metrics.json").stat().st_mtime
    usual = [run for run in candidates if run.config["method"] == "adc"
             and registry.BASE.items() <= run.config.items()
             and not registry.changed_readings(run.config)]  # fmt: skip
    for run in sorted(usual, key=lambda run: (readings_run(run), written(run))):
        bases[run.config["seed"]] = run
    if not bases:
        study = f"{curves.STUDIES} (study readings)"
        raise report.no_run("ADC with h = 3, gamma = 2", dataset, profile, study)
    return dict(sorted(bases.items())), candidates


def changed(config: dict, **change: Any) -> str:
    """The identity of the run that differs from one of ADC in `change` alone."""
    settings = {field.name: config[field.name] for field in fields(Config) if field.name != "seed"} | change
    names = {name: config[name] for name in ("dataset", "seed", "domains")}
    return runs.identity(registry.configure("adc", **names, **settings))


def mean_ndcg(run: Run) -> float:
    """NDCG@10 (full ranking) of a run, mean over its domains."""
    return float(np.nanmean(list(curves.ndcg(run).values())))


def readings(bases: dict[int, Run], candidates: Iterable[Run]) -> pd.DataFrame:
    """What each starred reading changes, from runs that differ from the base in it alone; largest gain first.
    Columns: reading, change, difference (from the base, paired over the seeds), p, low, high, seeds, relative
    (% of the base), diverged, runs (their folders). What is the base, or was not run, is left out."""
    stored, rows = {runs.identity(run.config): run for run in candidates}, []
    base = pd.Series(bases).map(mean_ndcg)
    for reading, change, _ in STARRED:
        names = {seed: changed(run.config, **change) for seed, run in bases.items()}
        by_seed = {seed: stored[name] for seed, name in names.items()
                   if name in stored and stored[name].folder != bases[seed].folder}  # fmt: skip
        if by_seed:
            scores, (setting, value) = pd.Series(by_seed).map(mean_ndcg), next(iter(change.items()))
            rows.append({
                "reading": reading, "change": f"{setting} = {value}", **_less(scores, base),
                "diverged": sum(run.metrics["diverged"] for run in by_seed.values()),
                "runs": [run.place for run in by_seed.values()],
            })  # fmt: skip
    table = pd.DataFrame(rows, columns=["reading", "change", *COLUMNS])
    return table.sort_values("difference", ascending=False, ignore_index=True)


def _less(scores: pd.Series, base: pd.Series) -> dict:
    """Scores [seeds] less those of the base, in the columns of `readings`."""
    gap = difference(scores, base)
    return gap | {"relative": 100 * gap["difference"] / base[scores.index.intersection(base.index)].mean()}


def usual_runs(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of `report.load` for ADC and static at h = 3, gamma = 2, and others as usual."""
    base = results["hidden_layers"].eq(registry.BASE["hidden_layers"])
    base &= results["gamma"].eq(registry.BASE["gamma"]) | results["method"].eq(report.STATIC)
    return results[base | results["variant"].eq("")]


def rivals(usual: pd.DataFrame, bases: dict[int, Run]) -> pd.DataFrame:
    """Every other method less ADC's base: method and the columns of `readings`, largest first."""
    rows, base = [], pd.Series(bases).map(mean_ndcg)
    for name, group in values(usual[usual["method"] != "adc"]).groupby("method", sort=False):
        each = group.drop_duplicates("run")
        facts = {"diverged": each["diverged"].sum(), "runs": each["run"].to_list()}
        rows.append({"method": name, **_less(group.groupby("seed")["value"].mean(), base), **facts})
    table = pd.DataFrame(rows, columns=["method", *COLUMNS])
    return table.sort_values("difference", ascending=False, ignore_index=True)


def same_seeds(usual: pd.DataFrame) -> pd.DataFrame:
    """The rows of the seeds on which most methods were run, and of the methods that have all of these."""
    run = usual.groupby(["method", "seed"]).size().unstack().notna()
    seeds = run.columns[run.loc["adc"] & (run.sum() == run.sum().max())]
    methods = run.index[run[seeds].all(axis=1)]
    return usual[usual["method"].isin(methods) & usual["seed"].isin(seeds)]


def by_rule(usual: pd.DataFrame) -> pd.DataFrame:
    """Every method scored anew under each rule [methods, rules] (R24, R25, R26, R28), means over the domains
    and the seeds. usual: of `same_seeds`."""
    rows = []
    for row in usual.drop_duplicates("run").sort_values("seed", kind="stable").itertuples():
        rows.append({"method": row.method, **rescored(runs.load(paths.home() / row.run))})
    return pd.DataFrame(rows).groupby("method", sort=False).mean().rename_axis(None)


def rescored(run: Run) -> dict[str, float]:
    """Test scores of a stored run under each rule, full ranking, means over the domains."""
    split, model, rows = registry.load_split(run.config), run.model, []
    scorer = registry.method(run.config["method"]).scorer
    for k, domain in enumerate(split.ratings.domains):
        names = [name for name in model if name.partition(".")[2] == domain]
        arrays = {name.partition(".")[0]: model[name] for name in names}
        rows.append(rule_scores(split, k, scorer(split, k, arrays)))
    return pd.DataFrame(rows).mean().to_dict()


def rule_scores(split: Split, domain: int, score: Score) -> dict[str, float]:
    """Means over the users of one domain under each rule."""
    user, rank, table = split.of(domain, TEST)[0], rank_test_ratings(split, domain, score), {}
    tested = split.part[split.ratings.domain == domain] == TEST
    for rule, label in RULE_LABELS.items():
        mask = relevant(split, domain, rule)[tested]
        users, position, count = np.unique(user[mask], return_inverse=True, return_counts=True)
        ranking = (rank[mask], position, count, N)
        table[label] = float(ndcg(*ranking).mean()) if len(users) else np.nan
        if label == DEFAULT:
            usual = ranking
    return table | {
        "R25 counted as 0": float(ndcg(*usual).sum()) / len(np.unique(user)),
        "R28 log2(j) + 1": float(ndcg(*usual, "log2(j)+1").mean()),
        DEFAULT_RECALL: float(recall(*usual).mean()),
        "R26 min(N, all)": float(recall(*usual, "min").mean()),
    }


def rank_test_ratings(split: Split, domain: int, score: Score) -> np.ndarray:
    """Rank of every test rating of a domain [ratings], relevant or not, in the order of `split.of(domain,
    TEST)`. Ties are drawn anew (R29): where there are many, scores differ a little from the stored ones."""
    user, item, _ = split.of(domain, TEST)
    order = np.argsort(user, kind="stable")
    task = RankingTask(split, domain, TEST)
    task.users, task.user = np.unique(user[order], return_inverse=True)
    task.item, task.group = item[order].astype(np.int64), groups(split, domain)[task.users]
    return task.ranks(score)["full"][np.argsort(order)]


def rule_agreement(table: pd.DataFrame) -> pd.Series:
    """Kendall's tau of each rule's order of the methods with the default's; of R26 with recall's."""
    usual = {name: DEFAULT_RECALL if name.startswith("R26") else DEFAULT for name in table}
    return pd.Series({name: table[name].corr(table[other], "kendall") for name, other in usual.items()})
