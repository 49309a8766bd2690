"""Which runs count: those of a profile, or all that are stored; of these the ones that Table II takes."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from adc.errors import UserError
from companion import data, paths, registry, results, runs, tuned_settings
from companion.escape import markdown
from companion.runs import Run

STATIC = "static"  # equal weights (R33)
AT_10 = {"ndcg": "NDCG@10", "recall": "recall@10"}


def table_methods() -> list[str]:
    """The methods of Table II and beside it, in the order of its columns; without other balancers."""
    known = registry.names("hurdle", "rival", "adc")
    return [name for name in registry.METHODS if name in known or name == STATIC]


def paper_settings(sizes: Mapping[str, int]) -> dict[str, tuple[int, float]]:
    """The paper's (h, gamma) for every target, by its size (§IV-E, R21): largest (4, 1.5), second largest
    (4, 2), smallest (2, 2), the rest (3, 2). sizes: domain -> number of ratings."""
    settings = dict.fromkeys(sizes, (3, 2.0))
    by_size = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    if len(by_size) > 1:
        settings |= {by_size[1]: (4, 2.0), by_size[0]: (4, 1.5), by_size[-1]: (2, 2.0)}
    return settings


def available(dataset: str, profile: str, variants: bool = False) -> list[Run]:
    """The runs that `results.parquet` names for a profile; for "any", all stored runs whose method and
    version are today's. variants: those of ADC too, which are no part of the paper's story."""
    if profile == "any":
        stored = [runs.load(file.parent) for file in paths.runs(dataset).glob("[!.]*/metrics.json")]
        stored = [run for run in stored if registry.is_current(run.config)]
    else:
        table = results.table()
        places = table.loc[(table["profile"] == profile) & (table["dataset"] == dataset), "run"].unique()
        stored = [runs.load(paths.home() / place) for place in places]
    return [run for run in stored if variants or registry.method(run.config["method"]).kind != "variant"]


def one_run_each(candidates: Iterable[Run], *names: str) -> list[Run]:
    """Of the runs alike in these entries of their configurations, the one with the fewest settings away from
    what the search found or else their defaults; of several the latest."""
    written = lambda run: (run.folder / "metrics.json").stat().st_mtime
    ranked = sorted(candidates, key=lambda run: (len(registry.unusual(run.config)), -written(run)))
    best = {tuple(run.config.get(name) for name in names): run for run in reversed(ranked)}
    return list(best.values())


def load(dataset: str, profile: str, required: Sequence[str] = ("adc", "popularity")) -> pd.DataFrame:
    """The metrics of Table II's methods over all domains: `results.parquet`'s columns and hidden_layers,
    gamma, diverged, unusual (settings, in words). One run a method, depth, gamma, objective and seed.
    UserError, which says what to run: a required method is missing."""
    candidates = [run for run in available(dataset, profile) if not run.config["domains"]]
    candidates = [run for run in candidates if run.config["method"] in table_methods()]
    chosen = one_run_each(candidates, "method", "hidden_layers", "gamma", "objective", "seed")
    methods = {run.config["method"] for run in chosen}
    missing = [registry.label(name) for name in required if name not in methods]
    if missing:
        raise no_run(" or ".join(missing), dataset, profile, "03_train_adc and 04_baselines")
    chosen.sort(key=lambda run: table_methods().index(run.config["method"]))
    return pd.concat([_rows(run) for run in chosen], ignore_index=True)


def no_run(what: str, dataset: str, profile: str, notebooks: str) -> UserError:
    """The error for runs that are missing, which says how to make them."""
    cure = how_to_run(dataset, profile, notebooks)
    return UserError(f"No finished run of {what} for dataset '{dataset}', profile '{profile}'. {cure}")


def how_to_run(dataset: str, profile: str, notebooks: str) -> str:
    """What makes missing runs, as a sentence: notebooks by hand, or the profile that was asked for."""
    if profile == "any":
        return f'Run {notebooks} with dataset = "{dataset}".'
    return f"Run `./run_all.sh --profile {profile} --data {data_source(dataset)}`."


def data_source(dataset: str) -> str:
    """What `./run_all.sh --data` takes to make a dataset; PATH stands for the reader's own file."""
    return next((name for name in data.SOURCES if dataset.split("-")[0] == name), "PATH")


def _rows(run: Run) -> pd.DataFrame:
    unusual = ", ".join(f"{name} = {value!r}" for name, value in registry.unusual(run.config).items())
    values, learned = run.values(), run.config["epochs"] > 1
    return values.assign(
        ended=run.ended_by_limit if learned else np.nan,
        early=values["target"].map(run.metrics["best_epoch"]) <= 2 if learned else np.nan,
        hidden_layers=run.config.get("hidden_layers", 0), gamma=run.config.get("gamma", 0.0),
        diverged=run.metrics["diverged"], unusual=unusual,
    )  # fmt: skip


def choose(table: pd.DataFrame, settings: Mapping[str, tuple[int, float]]) -> tuple[pd.DataFrame, list[str]]:
    """For each target of `settings` and each method the variant nearest to its (h, gamma), over the seeds
    that all methods have; and, in words, what could not be taken as the paper has it. table: of `load`."""
    parts, remarks = [], []
    for target, setting in settings.items():
        by_method = dict(list(table[table["target"] == target].groupby("method")))
        nearest = [_nearest(by_method[name], name, *setting) for name in table_methods() if name in by_method]
        common = set.intersection(*(set(rows["seed"]) for rows in nearest))
        if not common:
            remarks.append(f"{target}: the methods have no seed, and so no split, in common")
        parts += [rows[rows["seed"].isin(common)] if common else rows for rows in nearest]
    chosen = pd.concat(parts, ignore_index=True)
    return chosen.drop(columns="distance"), remarks + _remarks(chosen)


def _nearest(rows: pd.DataFrame, method: str, h: int, gamma: float) -> pd.DataFrame:
    """The rows of the variant of a method nearest to (h, gamma), and how far that is in `distance`."""
    if method in ("adc", STATIC):
        gamma = gamma if method == "adc" else 0.0
        distance = 100 * (rows["hidden_layers"] - h).abs() + (rows["gamma"] - gamma).abs()
    else:
        distance = (rows["variant"] != "").astype(int)  # CLFM and CDCF as published stand beside, not instead
    rows = rows.assign(distance=distance)
    return rows[rows["variant"] == rows.loc[distance.idxmin(), "variant"]]


def _remarks(chosen: pd.DataFrame) -> list[str]:
    remarks = []
    for (method, variant), rows in chosen[chosen["distance"] > 0].groupby(["method", "variant"], sort=False):
        targets = ", ".join(rows["target"].unique())
        what = f"{registry.label(method)} was not run in the paper's setting for {targets}"
        remarks.append(f"{what}; its run with {variant} stands in")
    run = set(chosen["method"])
    remarks += [f"{registry.label(name)} was not run" for name in table_methods() if name not in run]
    for settings, rows in chosen[chosen["unusual"] != ""].groupby("unusual", sort=False):
        names = ", ".join(map(registry.label, rows["method"].unique()))
        remarks.append(f"trained with {settings}: {names}")
    return remarks


def search_sizes(dataset: str) -> str:
    """How many trials the search had for every method of Table II, in words (R32)."""
    searched = tuned_settings.of(dataset)
    by_trials: dict[int, list[str]] = {}
    for name in table_methods():
        if name != STATIC and registry.method(name).search_space:
            trials, words = searched.get(name, {}).get("trials", 0), registry.label(name)
            by_trials.setdefault(trials, []).append(words)
    parts = [f"{n or 'none'} for {', '.join(by_trials[n])}" for n in sorted(by_trials, reverse=True)]
    return f"trials of the search on this dataset (R32): {'; '.join(parts)}; static has ADC's settings"


def endings(chosen: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """How the training of every method ended that learns by epochs: the share of its runs that the limit of
    epochs ended, the share of its models that are of epoch 1 or 2, and the flags of its search."""
    each = chosen.drop_duplicates(["run", "target"]).dropna(subset="ended")
    each = each.astype({"ended": float, "early": float})
    table = each.groupby("method", sort=False)[["ended", "early"]].mean()
    table["flags of its search"] = ["; ".join(tuned_settings.flags(dataset, name)) for name in table.index]
    return table.rename(columns={"ended": "ended by the limit", "early": "best epoch 1 or 2"})


def compare_with_popularity(run: Run, popular: Run) -> pd.DataFrame:
    """Test scores @10 of a run and popularity on one split: [(protocol, target), (metric, method)]."""
    both = pd.concat([popular.values(), run.values()]).drop_duplicates()  # popularity beside itself
    rows = both[(both["group"] == "all") & (both["n"] == 10)].replace({"metric": AT_10})
    rows = rows.assign(method=rows["method"].map(registry.label))
    protocols, targets, methods = (rows[name].unique() for name in ("protocol", "target", "method"))
    table = rows.pivot(index=["protocol", "target"], columns=["metric", "method"], values="value")
    columns = pd.MultiIndex.from_product([AT_10.values(), methods])
    return table.reindex(pd.MultiIndex.from_product([protocols, targets]), columns=columns)


def diverged_summary(rows: pd.DataFrame) -> str:
    """Which of the runs diverged (R34), in words."""
    each = rows.drop_duplicates("run")
    names = []
    for row in each[each["diverged"]].itertuples():
        domains = f" on {markdown(row.domains)}" if getattr(row, "domains", "") else ""
        names.append(f"{registry.label(row.method)} {row.variant}{domains}, seed {row.seed}")
    return f"{len(names)} of {len(each)} runs diverged (R34){': ' if names else ''}{'; '.join(names)}."
