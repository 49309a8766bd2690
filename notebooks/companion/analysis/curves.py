"""What the parts of §IV-E have in common: one table of the runs, intervals over seeds, the best of a curve.

All start from `experiments`, a row a (run, target). Intervals are 95 % t-intervals over the seeds, NaN with
one seed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from adc.config import Config
from adc.errors import UserError
from companion import data, registry
from companion.adc_method import SEARCH_SPACE
from companion.analysis import report, stats
from companion.analysis.stats import paired_t
from companion.runs import Run

MEAN = "mean over domains"
STUDIES = "extras/13_studies"


def experiments(dataset: str, profile: str) -> pd.DataFrame:
    """NDCG@10 (full ranking) of the runs of ADC and other balancers, over all domains or some: a row a (run,
    target).

    Columns: target, value, run, every entry of the configuration, deviations (the settings of readings away
    from what the search found), diverged, trained (epochs), seconds (an epoch). One run a method, variant,
    domains and seed, as `report.one_run_each` chooses. UserError where there is none.
    """
    networks = registry.names("adc", "balancer")
    candidates = [run for run in report.available(dataset, profile) if run.config["method"] in networks]
    if not candidates:
        cure = report.how_to_run(dataset, profile, STUDIES)
        raise UserError(f"No finished run of ADC for dataset '{dataset}', profile '{profile}'. {cure}")
    one = report.one_run_each(candidates, "method", "variant", "domains", "seed")
    return pd.DataFrame([row for run in one for row in run_rows(run)])


def run_rows(run: Run) -> list[dict]:
    """A run as the rows of `experiments`."""
    facts = run.config | {
        "deviations": set(registry.changed_readings(run.config)),
        "diverged": run.metrics["diverged"], "trained": run.metrics["epochs"],
        "seconds": run.metrics["train_seconds"] / run.metrics["epochs"],
        "run": run.place,
    }  # fmt: skip
    return [{"target": target, "value": value, **facts} for target, value in ndcg(run).items()]


def ndcg(run: Run, protocol: str = "full") -> dict[str, float]:
    """Test NDCG@10 of a run by target, all users; NaN where nobody can be evaluated."""
    wanted = {"protocol": protocol, "metric": "ndcg", "n": 10, "group": "all"}
    entries = [entry for entry in run.metrics["values"] if wanted.items() <= entry.items()]
    return {entry["target"]: np.nan if entry["value"] is None else entry["value"] for entry in entries}


def not_shown(study: str, dataset: str, profile: str) -> str:
    """What stands in the place of a figure whose runs are not there."""
    text = f"**Not shown:** too few runs of the study *{study}* on {dataset}, profile {profile}."
    return f"{text} {report.how_to_run(dataset, profile, STUDIES)}"


def heading(rows: pd.DataFrame, dataset: str, profile: str) -> tuple[str, dict]:
    """The data and the numbers of seeds in words, for titles; and facts for `figures.save`."""
    seeds = sorted(rows["seed"].unique().tolist())
    counts = rows.groupby(["method", "variant", "domains"])["seed"].nunique()
    label = f"{data.label(dataset)}; {seeds_label(counts)}"
    return label, {"dataset": dataset, "data": data.label(dataset), "profile": profile, "seeds": seeds}


def seeds_label(counts: Iterable[int]) -> str:
    """How many seeds stand behind the marks of a figure, in words: n = 3 seeds, n = 2 to 3 seeds."""
    least, most = min(counts), max(counts)
    return f"n = {'' if least == most else f'{least} to '}{most} seed{'s' * (most != 1)}"


def without_deviations(table: pd.DataFrame, *allowed: str) -> pd.DataFrame:
    """The rows that deviate in no reading, but for the settings in `allowed`."""
    return table[[deviations <= set(allowed) for deviations in table["deviations"]]]


def with_mean(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and after them one a run for the mean over its targets, target MEAN."""
    value = rows["run"].map(rows.groupby("run")["value"].mean())
    return pd.concat([rows, rows.assign(target=MEAN, value=value).drop_duplicates("run")], ignore_index=True)


def curve(rows: pd.DataFrame, *levels: str) -> pd.DataFrame:
    """Over the seeds, a row a (target, *levels): mean, low, high, seeds, diverged (how many runs)."""
    keys = ["target", *levels]
    means = stats.over_seeds(rows, keys, "value").rename(columns={"value": "mean"})
    return means.merge(rows.groupby(keys)["diverged"].sum().reset_index(), on=keys)


def common_seeds(rows: pd.DataFrame, *levels: str) -> pd.DataFrame:
    """The rows of the seeds that have every value of the levels, target by target, so that a curve does not
    bend where a seed is missing; all rows where no seed has."""
    parts = []
    for _, group in rows.groupby("target", sort=False):
        complete = group.groupby("seed")["run"].count() == len(group.drop_duplicates(list(levels)))
        parts.append(group[group["seed"].isin(complete.index[complete])] if complete.any() else group)
    return pd.concat(parts) if parts else rows


def without_seed_effect(rows: pd.DataFrame, *levels: str, base: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows less each seed's own height, its mean over all levels of `base` (else of the rows) less that
    of all seeds: a curve's means stay, its intervals are those of what changes along it (Cousineau 2005,
    Morey 2008).

    The rows as they are where seeds differ in the levels that they have.
    """
    parts = []
    for target, group in rows.groupby("target", sort=False):
        reference = group if base is None else base[base["target"] == target]
        n = len(reference.drop_duplicates(list(levels)))
        height = reference.groupby("seed")["value"].agg(["mean", "count"])
        if n > 1 and (height["count"] == n).all():
            value = group["value"] - group["seed"].map(height["mean"] - height["mean"].mean())
            mean = value.groupby([group[name] for name in levels]).transform("mean")
            group = group.assign(value=mean + (value - mean) * (n / (n - 1)) ** 0.5)  # Morey's correction
        parts.append(group)
    return pd.concat(parts) if parts else rows


def difference(a: pd.Series, b: pd.Series) -> dict[str, float]:
    """a - b over the seeds (indices) of both: difference, p, low, high, seeds; NaN where there is none."""
    gaps = (a - b).dropna().to_numpy()
    test = paired_t(gaps) if len(gaps) else (np.nan,) * 4
    return dict(zip(("difference", "p", "low", "high"), test, strict=True)) | {"seeds": len(gaps)}


def best(rows: pd.DataFrame, level: str, paper: Mapping[str, float]) -> pd.DataFrame:
    """The best value of `level` for every target, beside the paper's [targets].

    Columns: best, NDCG@10 (there), paper, NDCG@10 there (at the paper's), difference (best - paper's, paired
    over the seeds), low, high, seeds, range (best less worst level). Over the seeds that all levels have,
    where there are any.
    """
    table = {}
    for target, group in rows.groupby("target", sort=False):
        wide = common_seeds(group, level).pivot(index="seed", columns=level, values="value")
        means, of_paper = wide.mean(), paper.get(target, np.nan)
        top = means.idxmax()
        there = wide[of_paper] if of_paper in wide else pd.Series(np.nan, wide.index)
        row = {"best": top, "NDCG@10": means[top], "paper": of_paper, "NDCG@10 there": there.mean()}
        gap = difference(wide[top], there)
        del gap["p"]  # the best was chosen on these very numbers
        table[target] = row | gap | {"range": means.max() - means.min()}
    return pd.DataFrame.from_dict(table, orient="index")


def best_table(table: pd.DataFrame, symbol: str, caption: str) -> Styler:
    """A table of `best` for a notebook; symbol: what the level is called."""
    names = {"best": f"best {symbol}", "paper": f"the paper's {symbol}", "difference": "best - the paper's",
             "low": "95 % from", "high": "to", "range": "best - worst"}  # fmt: skip
    view = table.rename(columns=names)
    levels = view.columns[view.columns.isin([names["best"], names["paper"]])]
    style = view.style.format(precision=4, na_rep="–").format("{:g}", subset=levels, na_rep="–")
    return style.set_caption(caption)


def mixed_settings(rows: pd.DataFrame, *varied: str) -> str:
    """Settings in which runs differ that should be alike, in words; nothing if none. `varied`: the study's
    own. What a search finds may differ from method to method, not within one."""
    parts = []
    for name in sorted({field.name for field in fields(Config)} - {"seed", "device", *varied}):
        groups = rows.groupby("method")[name] if name in SEARCH_SPACE else rows.groupby(lambda _: "")[name]
        if groups.nunique().max() > 1:
            parts.append(f"{name} ({', '.join(sorted(map(str, rows[name].unique())))})")
    return f"**Beware:** these runs differ also in {'; '.join(parts)}. " if parts else ""
