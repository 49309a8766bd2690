"""What the parts of §IV-E have in common: one table of the runs, intervals over seeds, the best of a curve.

All start from `experiments`, a row a (run, target). Intervals: 95 %, t, over the seeds; NaN with one seed."""

from collections.abc import Iterable, Mapping
from dataclasses import fields

import numpy as np
import pandas as pd

from adc.config import Config
from companion import data, registry
from companion.adc_method import SEARCH_SPACE
from companion.analysis import report
from companion.analysis.stats import paired_t
from companion.escape import Table
from companion.runs import Run

MEAN = "mean over domains"
STUDIES = "extras/13_studies"


def experiments(dataset: str, profile: str) -> pd.DataFrame:
    """NDCG@10 (full ranking) of the runs of ADC and other balancers, over all domains or some: a row a (run,
    target).
    Columns: target, value, run, every entry of the configuration, deviations (the settings of readings away
    from what the search found), diverged, trained (epochs), seconds (an epoch). One run a method, variant,
    domains and seed, as `report.one_run_each` chooses. UserError where there is none."""
    networks = registry.names("adc", "balancer")
    candidates = [run for run in report.available(dataset, profile) if run.config["method"] in networks]
    if not candidates:
        raise report.no_run("ADC", dataset, profile, STUDIES)
    one = report.one_run_each(candidates, "method", "variant", "domains", "seed")
    return pd.DataFrame([row for run in one for row in run_rows(run)])


def run_rows(run: Run) -> list[dict]:
    """A run as the rows of `experiments`."""
    seconds = run.metrics.get("processor_seconds", run.metrics["train_seconds"])  # older runs: by the clock
    facts = run.config | {
        "deviations": set(registry.changed_readings(run.config)),
        "diverged": run.metrics["diverged"], "trained": run.metrics["epochs"],
        "seconds": seconds / run.metrics["epochs"], "run": run.place,
    }  # fmt: skip
    return [{"target": target, "value": value, **facts} for target, value in ndcg(run).items()]


def ndcg(run: Run) -> dict[str, float]:
    """Test NDCG@10 (full ranking) of a run by target, all users; NaN where nobody can be evaluated."""
    wanted = {"protocol": "full", "metric": "ndcg", "n": 10, "group": "all"}
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


def common_seeds(rows: pd.DataFrame, *levels: str) -> pd.DataFrame:
    """The rows of the seeds that have every value of the levels, target by target, so that a curve does not
    bend where a seed is missing; all rows where no seed has."""
    parts = []
    for _, group in rows.groupby("target", sort=False):
        complete = group.groupby("seed")["run"].count() == len(group.drop_duplicates(list(levels)))
        parts.append(group[group["seed"].isin(complete.index[complete])] if complete.any() else group)
    return pd.concat(parts) if parts else rows


def contrasts(rows: pd.DataFrame, level: str, paper: Mapping[str, float], series: str, base: str,
              mean: bool = True) -> pd.DataFrame:  # fmt: skip
    """Every level's score less the score at the paper's level, paired over the seeds, in per cent of the
    latter: a row a (target, series, level), and after the domains their `mean`, MEAN.
    rows: of `experiments`. paper: target -> the paper's level; where it was not run, the nearest that was
    stands in, and `reference` says which. series: a column, of whose value `base` the reference is.
    Columns: target, reference, series, level, difference, p, low, high, seeds, diverged (runs)."""
    rows, parts, gaps, scores = rows[rows["target"] != MEAN], [], {}, {}
    for target, group in rows.groupby("target", sort=False):
        wide = group.pivot(index="seed", columns=[series, level], values="value")
        reference = min(wide[base], key=lambda x: (abs(x - paper[target]), x))
        there = wide[base, reference]
        gaps[target], scores[target] = wide.sub(there, axis=0), there.mean()
        diverged = group.groupby([series, level])["diverged"].sum()
        parts.append(_contrasts(gaps[target], scores[target], diverged, target, f"{reference:g}"))
    if mean and len(gaps) > 1:
        gap, score = sum(gaps.values()) / len(gaps), float(np.mean([*scores.values()]))
        diverged = rows.drop_duplicates(["run", series]).groupby([series, level])["diverged"].sum()
        parts.append(_contrasts(gap, score, diverged, MEAN, "its own"))
    return pd.concat(parts, ignore_index=True)


def _contrasts(gaps: pd.DataFrame, score: float, diverged: pd.Series, target: str, reference: str):
    facts, rows = {"target": target, "reference": reference}, []
    for (series, level), gap in (100 * gaps / score).dropna(axis=1, how="all").items():
        test = difference(gap, 0 * gap)
        rows.append(facts | {"series": series, "level": level, **test, "diverged": diverged[series, level]})
    return pd.DataFrame(rows)


def difference(a: pd.Series, b: pd.Series) -> dict[str, float]:
    """a - b over the seeds (indices) of both: difference, p, low, high, seeds; NaN where there is none."""
    gaps = (a - b).dropna().to_numpy()
    test = paired_t(gaps) if len(gaps) else (np.nan,) * 4
    return dict(zip(("difference", "p", "low", "high"), test, strict=True)) | {"seeds": len(gaps)}


def best(rows: pd.DataFrame, level: str, paper: Mapping[str, float]) -> pd.DataFrame:
    """The best value of `level` for every target, beside the paper's [targets].
    Columns: best, NDCG@10 (there), paper, NDCG@10 there (at the paper's), difference (best - paper's, paired
    over the seeds), low, high, seeds, range (best - worst). Over the seeds that all levels have, if any."""
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


def best_table(table: pd.DataFrame, symbol: str, caption: str) -> Table:
    """A table of `best` for a notebook; symbol: what the level is called."""
    names = {"best": f"best {symbol}", "paper": f"the paper's {symbol}", "difference": "best - the paper's",
             "low": "95 % from", "high": "to", "range": "best - worst"}  # fmt: skip
    view = table.rename(columns=names)
    levels = view.columns[view.columns.isin([names["best"], names["paper"]])]
    style = Table(view).format(precision=4, na_rep="–").format("{:g}", subset=levels, na_rep="–")
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
