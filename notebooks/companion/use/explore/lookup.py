"""What notebook 10 reads: stored runs, users, the lists of several methods, runs side by side."""

import difflib
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from adc.errors import UserError
from adc.split import TRAIN, Split
from companion import registry
from companion.analysis import report
from companion.runs import Run
from companion.use import recommend
from companion.use.recommend import Recommender

RIVALS = ("bpr", "popularity")
ACTIVE = 5  # training ratings in a domain that make a user active there
MAX_USERS = 300  # in the list to choose from
SHORT = {"epochs": 20, "patience": 8}  # what is trained where no run of ADC is stored: done in seconds
SMALL = SHORT | {"dim": 32, "hidden_layers": 2, "init": "random", "pretraining_epochs": 2}


def stored(dataset: str, profile: str = "any") -> list[Run]:
    """The runs of a profile, or all of today's methods, on all domains; best first on validation ratings."""
    whole = [run for run in report.available(dataset, profile) if not run.config["domains"]]
    return sorted(whole, key=lambda run: (run.metrics["diverged"], -run.validation))


def adc_runs(runs: Iterable[Run]) -> list[Run]:
    """Those of the runs that are ADC's network, with whatever balancer."""
    return [run for run in runs if "balancer" in run.config]


def train_small(dataset: str) -> None:
    """Train and store a small ADC and its rivals on one split, so that there is something to look at."""
    for method in ("adc", *RIVALS):
        settings = SMALL if method == "adc" else SHORT
        registry.train(registry.configure_tuned(method, dataset, **settings))


def run_name(run: Run) -> str:
    """A run in a line: method, variant, size, seed, and its folder's hash."""
    config = run.config
    size = f"d={config['dim']}" if "dim" in config else ""
    words = [registry.label(config["method"]), config["variant"], size, f"seed {config['seed']}"]
    words += ["diverged" if run.metrics["diverged"] else "", run.folder.name.rsplit("-", 1)[1][:6]]
    return " · ".join(filter(None, words))


def load_models(run: Run, runs: Iterable[Run]) -> dict[str, Recommender | None]:
    """By label a run of ADC and its rivals among runs on the same split; None for a rival that has none."""
    same = [other for other in runs if other.config["seed"] == run.config["seed"]]
    best = {other.config["method"]: other for other in report.one_run_each(same, "method")}
    models = {registry.label(run.config["method"]): recommend.load(run)}
    for rival in RIVALS:
        models[registry.label(rival)] = recommend.load(best[rival]) if rival in best else None
    return models


def training_counts(split: Split) -> np.ndarray:
    """Training ratings of every user in every domain [n, p]."""
    ratings, rows = split.ratings, split.part == TRAIN
    cell = ratings.user[rows] * ratings.p + ratings.domain[rows]
    return np.bincount(cell, minlength=len(ratings.users) * ratings.p).reshape(-1, ratings.p)


def search(split: Split, query: str) -> np.ndarray:
    """Positions of users by a query: an id or its beginning, or "active in A and B"; an empty one finds all.
    At most MAX_USERS, the most active first: by the least of the domains named, else by the sum."""
    counts, ids, text = training_counts(split), split.ratings.users.astype(str), query.strip()
    users = np.flatnonzero(ids == text) if text in ids else np.flatnonzero(np.char.startswith(ids, text))
    activity = counts.sum(1)
    if not text:
        users = np.flatnonzero(activity)
    elif not len(users):
        domains = _domains_in(text, split.ratings.domains)
        activity = counts[:, domains].min(1)
        users = np.flatnonzero(activity >= ACTIVE)
        if not len(users):
            raise UserError(f"Nobody has {ACTIVE} training ratings in each of '{text}'. Name fewer domains.")
    return users[np.argsort(-activity[users], kind="stable")][:MAX_USERS]


def _domains_in(text: str, domains: list[str]) -> list[int]:
    """Positions of the domains that a text names; UserError: it says more than "active in" and "and"."""
    lower = [name.casefold() for name in domains]
    names = "|".join(re.escape(name) for name in sorted(lower, key=len, reverse=True))
    rest = re.sub(rf"{names}|\bactive in\b|\band\b|[\s,&+]", "", text.casefold())
    names_here = re.findall(names, text.casefold())
    if rest or not names_here:
        near = difflib.get_close_matches(rest, lower, n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        what = f"'{text}' is neither the beginning of a user's id nor a list of domains."
        raise UserError(f"{what} {hint}Domains: {', '.join(domains)}.")
    return sorted({lower.index(name) for name in names_here})


def user_options(split: Split, users: np.ndarray) -> list[tuple[str, str]]:
    """Users to choose from: (her id and where she has how many training ratings, her id)."""
    options, domains = [], split.ratings.domains
    for user, counts in zip(users, training_counts(split)[users], strict=True):
        places = " · ".join(f"{domains[k]} {counts[k]}" for k in np.flatnonzero(counts))
        options.append((f"{split.ratings.users[user]}:  {places}", split.ratings.users[user]))
    return options


def lists(models: dict[str, Recommender], user: str, domain: str) -> dict[str, pd.DataFrame]:
    """By method the first ten items for a user: title, rule, and `stars`, her test rating (NaN: none). Ranked
    is what she has not rated in training or validation, as when the runs were tested (R27)."""
    tables = {}
    for label, model in models.items():
        rated, top = model.rated(user), model.top(user, domain, test_items=True)
        test = rated[(rated["domain"] == domain) & (rated["part"] == "test")].set_index("item")["rating"]
        tables[label] = top[["title", "rule"]].assign(stars=top["item"].map(test).astype(float))
    return tables


def user_ndcg(run: Run, user: str, domain: str) -> float:
    """A user's stored NDCG@10, every item ranked; NaN if she has no relevant test item (R25)."""
    rows = run.users.query("user == @user and target == @domain and protocol == 'full'")
    return float(rows["ndcg@10"].iloc[0]) if len(rows) else np.nan


def differences(runs: Iterable[Run]) -> pd.DataFrame:
    """What tells runs apart: a column a run, a row a setting that is not the same in all ("–": none)."""
    table = pd.DataFrame({run_name(run): pd.Series(run.config).map(str) for run in runs})
    table = table.drop(index=["version", "variant", "device"], errors="ignore")
    return table[table.nunique(axis=1) > 1].fillna("–")


def learning_curves(runs: Iterable[Run], domain: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Validation NDCG@10 by epoch and test NDCG@n by n of runs (run, epoch or n, value), every item ranked,
    in one domain or in the mean over all."""
    validation, test = [], []
    for run in runs:
        history = run.history.reindex(columns=["epoch", "domain", "validation"])
        values = run.values().query("protocol == 'full' and metric == 'ndcg' and group == 'all'")
        if domain:
            history, values = history[history["domain"] == domain], values[values["target"] == domain]
        by_epoch = history.rename(columns={"validation": "value"}).groupby("epoch", as_index=False)["value"]
        validation.append(by_epoch.mean().assign(run=run_name(run)))
        test.append(values.groupby("n", as_index=False)["value"].mean().assign(run=run_name(run)))
    return pd.concat(validation), pd.concat(test)
