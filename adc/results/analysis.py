"""What the parts of §IV-E have in common: one table of the runs, means and intervals over seeds, the best of a curve.

All start from `experiments`, a row a (run, target). Intervals are 95 % t-intervals over the seeds, NaN with one seed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from adc import data, paths, report, runs, settings, stats
from adc.errors import UserError

MEAN = "mean over domains"


def experiments(dataset: str, profile: str) -> pd.DataFrame:
    """NDCG@10 (full ranking) of the runs of ADC and other balancers, over all domains or some: a row a (run, target).

    Columns: target, value, run, every entry of the configuration, deviations (readings away from what the search
    found, in words), diverged, trained (epochs), seconds (an epoch). One run a method, variant, domains and seed, as
    `report.one_each` chooses. Raises `UserError` where there is none.
    """
    found, stale = report.available(dataset, profile)
    mine = [run for run in found if "balancer" in run.config]
    if not mine:
        old = f" {stale} stored runs were made by older code and do not count." if stale else ""
        where = f"for dataset '{dataset}', profile '{profile}'"
        raise UserError(f"No finished run of ADC {where}.{old} {cure('depth', dataset, profile)}")
    one = report.one_each(mine, "method", "variant", "domains", "seed")
    return pd.DataFrame([row for run in one for row in _rows(run)])


def _rows(run: runs.Run) -> list[dict]:
    config = {name: value for name, value in run.config.items() if name not in ("code", *runs.NOT_IDENTITY)}
    known = run.metrics
    config |= {
        "deviations": " ".join(settings.deviations(run.config)), "diverged": known["diverged"],
        "trained": known["epochs"], "seconds": known["train_seconds"] / known["epochs"],
        "run": str(run.folder.relative_to(paths.home())),
    }  # fmt: skip
    return [{"target": target, "value": value, **config} for target, value in ndcg(run).items()]


def ndcg(run: runs.Run, protocol: str = "full") -> dict[str, float]:
    """Test NDCG@10 of a run by target, all users; NaN where nobody can be evaluated."""
    of = {"protocol": protocol, "metric": "ndcg", "n": 10, "group": "all"}
    found = [entry for entry in run.metrics["values"] if of.items() <= entry.items()]
    return {entry["target"]: np.nan if entry["value"] is None else entry["value"] for entry in found}


def cure(study: str, dataset: str, profile: str) -> str:
    """What to run for the runs of a study, as a sentence."""
    if profile == "any":
        return f'Run 13_grid with dataset = "{dataset}" and study = "{study}".'
    return f"Run `./run_all.sh --profile {profile} --data {report.source(dataset)}`."


def absent(study: str, dataset: str, profile: str) -> str:
    """What stands in the place of a figure whose runs are not there."""
    where = f"on {dataset}, profile {profile}"
    return f"**Not shown:** too few runs of the study *{study}* {where}. {cure(study, dataset, profile)}"


def heading(rows: pd.DataFrame, dataset: str, profile: str) -> tuple[str, dict]:
    """The data and the numbers of seeds in words, for titles; and what is known of a figure, for `plots.save`."""
    seeds = sorted(rows["seed"].unique().tolist())
    label = f"{data.label(dataset)}; {counted(rows.groupby(['method', 'variant', 'domains'])['seed'].nunique())}"
    return label, {"dataset": dataset, "data": data.label(dataset), "profile": profile, "seeds": seeds}


def counted(seeds: Iterable[int]) -> str:
    """How many seeds stand behind the marks of a figure, in words: n = 3 seeds, n = 2 to 3 seeds."""
    least, most = min(seeds), max(seeds)
    return f"n = {'' if least == most else f'{least} to '}{most} seed{'s' * (most != 1)}"


def plain(table: pd.DataFrame, *but: str) -> pd.Series:
    """Which rows deviate in no reading, those of the parameters in `but` apart."""
    return table["deviations"].map(lambda words: {word.split("=")[0] for word in words.split()} <= set(but))


def with_mean(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and after them one a run for the mean over its targets, target MEAN."""
    value = rows["run"].map(rows.groupby("run")["value"].mean())
    return pd.concat([rows, rows.assign(target=MEAN, value=value).drop_duplicates("run")], ignore_index=True)


def curve(rows: pd.DataFrame, *levels: str) -> pd.DataFrame:
    """Over the seeds, a row a (target, *levels): mean, low, high (interval), seeds, diverged (how many runs)."""
    found = []
    for key, some in rows.groupby(["target", *levels], sort=False):
        mean, _, low, high = stats.paired_t(some["value"].to_numpy())
        found.append((*key, mean, low, high, len(some), int(some["diverged"].sum())))
    return pd.DataFrame(found, columns=["target", *levels, "mean", "low", "high", "seeds", "diverged"])


def shared(rows: pd.DataFrame, *levels: str) -> pd.DataFrame:
    """The rows of the seeds that have every value of the levels, target by target, so that a curve does not bend where a seed
    is missing; all rows where no seed has."""
    kept = []
    for _, some in rows.groupby("target", sort=False):
        full = some.groupby("seed")["run"].count() == len(some.drop_duplicates(list(levels)))
        kept.append(some[some["seed"].isin(full.index[full])] if full.any() else some)
    return pd.concat(kept) if kept else rows


def within(rows: pd.DataFrame, *levels: str, base: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows without each seed's own height, its mean over all levels of `base` (else of the rows) less that of all seeds: the
    means of a curve stay, and its intervals are those of what changes along it (Cousineau 2005, widened as in Morey 2008).

    The rows as they are where seeds differ in the levels that they have.
    """
    found = []
    for target, some in rows.groupby("target", sort=False):
        mine = some if base is None else base[base["target"] == target]
        n, own = len(mine.drop_duplicates(list(levels))), mine.groupby("seed")["value"].agg(["mean", "count"])
        if n > 1 and (own["count"] == n).all():
            free = some["value"] - some["seed"].map(own["mean"] - own["mean"].mean())
            mean = free.groupby([some[name] for name in levels]).transform("mean")
            some = some.assign(value=mean + (free - mean) * (n / (n - 1)) ** 0.5)
        found.append(some)
    return pd.concat(found) if found else rows


def difference(a: pd.Series, b: pd.Series) -> dict[str, float]:
    """a - b over the seeds that both have (the indices): difference, p, low, high, seeds; NaN where there is none."""
    d = (a - b).dropna().to_numpy()
    found = stats.paired_t(d) if len(d) else (np.nan,) * 4
    return dict(zip(("difference", "p", "low", "high"), found, strict=True)) | {"seeds": len(d)}


def best(rows: pd.DataFrame, level: str, paper: Mapping[str, float]) -> pd.DataFrame:
    """The best value of `level` for every target, beside the paper's [targets].

    Columns: best, NDCG@10 (there), paper, NDCG@10 there (at the paper's), difference (best - paper's, paired over the
    seeds), low, high, seeds, range (best less worst level). Over the seeds that all levels have, where there are any.
    """
    found = {}
    for target, some in rows.groupby("target", sort=False):
        wide = shared(some, level).pivot(index="seed", columns=level, values="value").sort_index(axis=1)
        means, theirs = wide.mean(), paper.get(target, np.nan)
        top = means.idxmax()
        there = wide[theirs] if theirs in wide else pd.Series(np.nan, wide.index)
        row = {"best": top, "NDCG@10": means[top], "paper": theirs, "NDCG@10 there": there.mean()}
        apart = difference(wide[top], there)
        del apart["p"]  # the best was chosen on these very numbers
        found[target] = row | apart | {"range": means.max() - means.min()}
    return pd.DataFrame.from_dict(found, orient="index")


def shown(table: pd.DataFrame, symbol: str, caption: str) -> Styler:
    """A table of `best` for a notebook; `symbol`: what the level is called."""
    names = {
        "best": f"best {symbol}", "NDCG@10": "NDCG@10", "paper": f"the paper's {symbol}",
        "NDCG@10 there": "NDCG@10 there", "difference": "best - the paper's", "low": "95 % from", "high": "to",
        "seeds": "seeds", "range": "best - worst",
    }  # fmt: skip
    found = table[list(names)].rename(columns=names)
    whole = dict.fromkeys((names["best"], names["paper"]), "{:g}")
    others = found.columns.drop(list(whole))
    return found.style.format(whole, na_rep="–").format(precision=4, na_rep="–", subset=others).set_caption(caption)


def beyond(table: pd.DataFrame) -> str:
    """In how many rows of `best` the best is above the paper's by more than chance, in words."""
    tested = table[(table["seeds"] > 1) & table["difference"].notna()]
    if tested.empty:
        return "With one seed nothing can be said about chance."
    above = tested[tested["low"] > 0]
    where = f" ({'; '.join(above.index)})" if len(above) else ""
    return (
        f"In {len(above)} of {len(tested)} rows{where} the interval of the best less the paper's lies above zero, "
        f"though the best is chosen on the same numbers, which flatters it."
    )


def mixed(rows: pd.DataFrame, *but: str) -> str:
    """Parameters in which runs differ that should be alike, in words; nothing if none. `but`: the study's own. What a search
    finds may differ from method to method, not within one."""
    names = set(settings.Settings.__dataclass_fields__) - {"seed", "device", *but}
    alike = lambda name: rows.groupby("method")[name].nunique().max() if name in settings.SPACE else rows[name].nunique()
    found = {name: sorted(map(str, rows[name].unique())) for name in sorted(names) if alike(name) > 1}
    words = "; ".join(f"{name} ({', '.join(values)})" for name, values in found.items())
    return f"**Beware:** these runs differ also in {words}. " if words else ""


def diverged(rows: pd.DataFrame) -> str:
    """Which runs diverged (R34), in words."""
    each = rows.drop_duplicates("run")
    bad = each[each["diverged"]].itertuples()
    names = [f"{row.method} {row.variant}{f' on {row.domains}' if row.domains else ''}, seed {row.seed}" for row in bad]
    return f"{len(names)} of {len(each)} runs diverged{': ' if names else ''}{'; '.join(names)} (R34)."


def signed(row: Any) -> str:
    """A difference with its interval, in words; with one seed without."""
    return f"{row.difference:+.4f}" + (f" [{row.low:+.4f}, {row.high:+.4f}]" if np.isfinite(row.low) else "")
