"""The tables and sentences of the paper's story, from runs and `results.parquet`: read, choose and average."""

import importlib.util
import time
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from adc import baselines, data, looks, mf, paths, runs, train, tuned
from adc.errors import UserError
from adc.split import TRAIN, Split

NAMES = {method: look.label for method, look in looks.METHODS.items()}  # in the order of Table II's columns
METHODS = list(NAMES)
AT_10 = {"ndcg": "NDCG@10", "recall": "recall@10"}

def mf_starts(parts: Split, dim: int) -> tuple[list[mf.Start], pd.DataFrame]:
    """The MF start of every domain (R22), as training makes it, and a table [domains]: the regulariser kept, RMSE with
    the vectors and with the means alone, mean norms of the vectors, seconds."""
    starts, rows = [], {}
    for k, domain in enumerate(parts.ratings.domains):
        began = time.perf_counter()
        start = mf.factorize(parts, k, dim)
        seconds = time.perf_counter() - began
        user, item, _ = parts.of(k, TRAIN)
        kept = start.curve[start.curve["regulariser"] == start.regulariser].iloc[-1]
        alone = mf.factorize(parts, k, 1, regularisers=(1e9,)).curve.iloc[-1]  # vectors pressed to zero leave the means
        size = {"users": start.user[np.unique(user)], "items": start.item[np.unique(item)]}
        rows[domain] = {
            ("", "regulariser"): start.regulariser,
            ("RMSE, training", "means"): alone["train"], ("RMSE, training", "vectors"): kept["train"],
            ("RMSE, validation", "means"): alone["valid"], ("RMSE, validation", "vectors"): kept["valid"],
            **{("mean norm", of): float(np.linalg.norm(vectors, axis=1).mean()) for of, vectors in size.items()},
            (" ", "seconds"): seconds,
        }  # fmt: skip
        starts.append(start)
    return starts, pd.DataFrame.from_dict(rows, orient="index").rename_axis("domain")


def mf_words(table: pd.DataFrame, noise: float) -> str:
    """What the start carries, in words, from the table of `mf_starts`; `noise`: norm of what training adds to it."""
    gain = (100 * (1 - table["RMSE, validation"]["vectors"] / table["RMSE, validation"]["means"])).round(1) + 0.0
    norms, strongest = table["mean norm"], max(mf.REGULARISERS)
    faint, small = int((gain < 1).sum()), int((norms.max(axis=1) < noise).sum())
    heavy = int((table[("", "regulariser")] == strongest).sum())
    verdict = "says almost nothing beyond the means" if faint > len(gain) / 2 else "carries taste beyond the means"
    return (
        f"On validation the vectors lower the RMSE of the means by {gain.min():.1f} % ({gain.idxmin()}) to "
        f"{gain.max():.1f} % ({gain.idxmax()}); in {faint} of {len(gain)} domains by less than 1 %. Validation prefers "
        f"the strongest regulariser tried, {strongest:g}, in {heavy} of them. The mean norm of the vectors lies "
        f"between {norms.min(axis=None):.2f} and {norms.max(axis=None):.2f}; training adds noise of norm {noise:.2f}, "
        f"which is more in {small} of {len(gain)} domains. In most domains, then, the MF start {verdict}."
    )


def ended(run: runs.Run) -> str:
    """How a run's training ended, in words."""
    how = "diverged (R34)" if run.metrics["diverged"] else "ended"
    when = f"after {run.metrics['epochs']} epochs and {run.metrics['train_seconds']:.0f} seconds"
    return f"Training {how} {when}. Run folder: `{run.folder.name}`."


def balance_words(history: pd.DataFrame) -> str:
    """Where the weights ended and how near the gradient norms came to their targets, in words."""
    history = history[np.isfinite(history["rate"])]  # a run that diverged ends with an epoch of which nothing is left
    if history.empty:
        return "No epoch ended with finite losses."
    last = history[history["epoch"] == history["epoch"].max()].set_index("domain")
    weights, rates = last["weight"], last["rate"]
    recent = history[history["epoch"] > history["epoch"].max() - 10]
    off = 100 * (recent["norm"] / recent["target"] - 1).abs().median()
    weight = f"between {weights.min():.2f} ({weights.idxmin()}) and {weights.max():.2f} ({weights.idxmax()})"
    still = (history["weight"] == 1).all()
    return (
        f"{'All weights are 1 throughout' if still else f'The weights end {weight}'}. The slowest domain at the end is "
        f"{rates.idxmax()} ($r_k$ = {rates.max():.2f}), the fastest {rates.idxmin()} ({rates.min():.2f}). Over the "
        f"last ten epochs the gradient norms are {off:.0f} % away from their targets (median)."
    )


def paper_setting(ratings: Mapping[str, int]) -> dict[str, tuple[int, float]]:
    """The paper's (h, gamma) for every target, by its size among the domains (§IV-E, R21).

    Largest (4, 1.5), second largest (4, 2), smallest (2, 2), the rest (3, 2). `ratings`: domain -> number of ratings.
    """
    found = dict.fromkeys(ratings, (3, 2.0))
    by_size = sorted(ratings, key=lambda name: ratings[name], reverse=True)
    if len(by_size) > 1:
        found |= {by_size[1]: (4, 2.0), by_size[0]: (4, 1.5), by_size[-1]: (2, 2.0)}
    return found


def results(dataset: str, profile: str) -> pd.DataFrame:
    """Values of the runs that `results.parquet` names for a profile; for "any", of all stored runs of today's code.

    Only runs of Table II's methods over all domains count, and one a method, depth, gamma and seed (`one_each`).
    Added columns: hidden_layers, gamma, diverged, unusual (in words).
    Raises `UserError`, which says what to run, where ADC or popularity is missing.
    """
    found, stale = available(dataset, profile)
    found = [run for run in found if not run.config["domains"] and run.config["method"] in METHODS]
    one = one_each(found, "method", "hidden_layers", "gamma", "objective", "seed")
    missing = [NAMES[name] for name in ("adc", "popularity") if name not in {run.config["method"] for run in one}]
    if missing:
        _nothing(dataset, profile, missing, stale)
    return pd.concat([_rows(run) for run in one], ignore_index=True)


def available(dataset: str, profile: str) -> tuple[list[runs.Run], int]:
    """The runs that `results.parquet` names for a profile; for "any", all stored runs of today's code, and how many were
    made by older code. Without those of `adc.residual`, which are no part of the paper's story: notebook 17 has them."""
    return _stored(dataset) if profile == "any" else (_gathered(dataset, profile), 0)


def one_each(found: Iterable[runs.Run], *names: str) -> list[runs.Run]:
    """Of the runs alike in these entries of their configurations, the one with the fewest parameters away from what
    the search found or else their defaults; of several the latest."""
    found = sorted(found, key=lambda run: (len(unusual(run.config)), -(run.folder / "metrics.json").stat().st_mtime))
    one = {tuple(run.config.get(name) for name in names): run for run in reversed(found)}
    return list(one.values())


def _nothing(dataset: str, profile: str, missing: list[str], stale: int) -> None:
    by_hand = f'03_train_adc and 04_baselines (method "popularity", then "bpr") with dataset = "{dataset}"'
    cure = by_hand if profile == "any" else f"`./run_all.sh --profile {profile} --data {source(dataset)}`"
    old = f" {stale} stored runs were made by older code and do not count." if stale else ""
    where = f"for dataset '{dataset}', profile '{profile}'"
    raise UserError(f"No finished run of {' or '.join(missing)} {where}.{old} Run {cure}.")


def source(dataset: str) -> str:
    """What `./run_all.sh --data` takes to make a dataset; PATH stands for the reader's own file."""
    return next((name for name in data.SOURCES if dataset.split("-")[0] == name), "PATH")


def _gathered(dataset: str, profile: str) -> list[runs.Run]:
    if not paths.results().exists():
        return []
    table = runs.gathered()
    mine = table[(table["profile"] == profile) & (table["dataset"] == dataset)]
    return [runs.load(paths.home() / place) for place in mine["run"].unique()]


def _stored(dataset: str) -> tuple[list[runs.Run], int]:
    places = [file.parent for file in paths.runs(dataset).glob("[!.]*/metrics.json") if not file.parent.name.startswith("adc_residual")]
    found = [runs.load(place) for place in places]
    current = [run for run in found if _is_current(run)]
    return current, len(found) - len(current)


def _is_current(run: runs.Run) -> bool:
    """Whether today's code would put this configuration into this folder."""
    known = all(importlib.util.find_spec(name) for name in run.config["code"])  # a module may be gone
    return known and runs.folder(run.config) == run.folder


def unusual(config: dict) -> dict:
    """Parameters away from what the search found or else their defaults, those apart that name the experiment."""
    adc = "balancer" in config
    named = {"dataset", "seed", "hidden_layers", "gamma"} if adc else {"dataset", "seed", "method"}
    named |= {"balancer"} if adc and config["method"] != "adc" else set()
    found = tuned.parameters(config["dataset"], config["method"])
    usual = (train if adc else baselines).configuration(**found | {key: config[key] for key in named})
    silent = ("code", *runs.NOT_IDENTITY)
    return {key: value for key, value in config.items() if key not in silent and usual.get(key) != value}


def _rows(run: runs.Run) -> pd.DataFrame:
    words = ", ".join(f"{key} = {value!r}" for key, value in unusual(run.config).items())
    return run.values().assign(
        hidden_layers=run.config.get("hidden_layers", 0), gamma=run.config.get("gamma", 0.0),
        diverged=run.metrics["diverged"], unusual=words,
    )  # fmt: skip


def chosen(results: pd.DataFrame, settings: Mapping[str, tuple[int, float]]) -> tuple[pd.DataFrame, list[str]]:
    """For each target of `settings` and each method the variant nearest to its (h, gamma), over the seeds that all
    methods have; and remarks, in words, on whatever could not be taken as the paper has it."""
    picked, remarks, instead = [], [], {}
    for target, (h, gamma) in settings.items():
        mine = []
        for method in METHODS:
            rows = results[(results["target"] == target) & (results["method"] == method)]
            if rows.empty:
                continue
            wanted = {"adc": (h, gamma), "static": (h, 0.0)}.get(method, (0, 0.0))
            off = (rows["hidden_layers"] - wanted[0]).abs() * 100 + (rows["gamma"] - wanted[1]).abs()
            if method not in ("adc", "static"):
                off += rows["variant"] != ""  # CLFM and CDCF as published stand beside, not instead
            variant = rows.loc[off.idxmin(), "variant"]
            mine.append(rows[rows["variant"] == variant])
            if off.min() > 0:
                instead.setdefault(f"{NAMES[method]} stands with {variant}", []).append(target)
        seeds = set.intersection(*(set(rows["seed"]) for rows in mine))
        if seeds:
            mine = [rows[rows["seed"].isin(seeds)] for rows in mine]
        else:
            remarks.append(f"{target}: the methods have no seed, and so no split, in common")
        picked += mine
    table = pd.concat(picked, ignore_index=True)
    for what, where in instead.items():
        remarks.append(f"{what} for {', '.join(where)}: the paper's setting there was not run")
    remarks += [f"{NAMES[name]} was not run" for name in METHODS if name not in set(table["method"])]
    unusual = table[table["unusual"] != ""][["method", "unusual"]].drop_duplicates()
    remarks += [f"run with {words}: {', '.join(rows['method'].map(NAMES))}" for words, rows in unusual.groupby("unusual", sort=False)]
    return table, remarks


def beside_popularity(run: runs.Run, popular: runs.Run) -> pd.DataFrame:
    """Test scores @10 of a run and of popularity on the same split: [(protocol, target), (metric, method)]."""
    both = pd.concat([popular.values(), run.values()]).drop_duplicates()  # popularity beside itself
    rows = both[(both["group"] == "all") & (both["n"] == 10)].replace({"metric": AT_10, "method": NAMES})
    protocols, targets, methods = (list(dict.fromkeys(rows[name])) for name in ("protocol", "target", "method"))
    table = rows.pivot(index=["protocol", "target"], columns=["metric", "method"], values="value")
    columns = pd.MultiIndex.from_product([AT_10.values(), methods])
    return table.reindex(pd.MultiIndex.from_product([protocols, targets]), columns=columns)


def diverged(chosen: pd.DataFrame) -> str:
    """Which of the runs diverged (R34), in words."""
    each = chosen.drop_duplicates("run")
    names = [f"{NAMES[row.method]} {row.variant} seed {row.seed}" for row in each[each["diverged"]].itertuples()]
    return f"{len(names)} of {len(each)} runs diverged{': ' if names else ''}{'; '.join(names)}."
