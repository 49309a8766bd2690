"""A finished run in use: recommend items to a user, to many, or to somebody who is in no training data.

    run = recommend.candidates("movielens")["folder"][0]  # what won on validation; with "adc" the best of ADC
    model = recommend.fit_all(run)  # the same on all ratings, of which the run knows half
    model.top("15", "Action", n=5)

What a user has rated is left out. Of items with the same score the one with more training ratings comes
first.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from adc.errors import UserError
from adc.evaluation import CHUNK, groups, popularity
from adc.split import TRAIN, VALID
from companion import data, paths, registry, runs
from companion.analysis import report
from companion.use import fold_in, last_fit, stored

KINDS = ("hurdle", "rival", "balancer", "adc")  # of methods that are picked
COLUMNS = ["user", "domain", "rank", "item", "title", "score", "rule"]
PARTS = ("train", "validation", "test")
RULES = {
    "own": "her own training ratings in this domain, and what the method takes from the others",
    "elsewhere": "her ratings in other domains; she has no training rating in this one (ADC, R6: the mean of "
    "her vectors there stands for the missing one)",
    "popularity": "nothing that the method could use: the items with the most training ratings (R36)",
    "mean user": "the domain's mean user: she has no training rating here, and others are not used",
    "random": "a random order of her own",
    "neighbours": "not in the training data: the weighted mean vector of the training users most like "
    f"her (at most {fold_in.NEIGHBOURS} of the domain, by the cosine of what they rated)",
    "own ratings": "not in the training data: her ratings in this domain, as for anybody",
}
# for a user with training ratings in other domains only; methods not named here know her from there
RULE_ELSEWHERE = {"itemknn": "popularity", "ease": "popularity", "bpr": "popularity", "clfm": "mean user"}


def stored_runs(dataset: str | Path) -> pd.DataFrame:
    """The finished runs of a dataset by today's methods: method, variant, seed, domains (empty: all),
    validation (NDCG@10 of the best epochs, mean over these domains), rank (among the runs on the same
    domains), settings, folder, kept (whether its model is still there).

    dataset: its name, or the path of the reader's own file. UserError: there is none.
    """
    name = data.find(dataset) if data.is_file(dataset) else str(dataset)
    rows = []
    for run in report.available(name, "any", variants=True):
        row = {name: run.config[name] for name in ("method", "variant", "seed", "domains")}
        row |= {"validation": run.validation, "settings": runs.identity(run.config | {"seed": 0})}
        rows.append(row | {"folder": str(run.folder), "kept": run.has_model})
    if not rows:
        place = paths.runs(name)
        raise UserError(f"There is no finished run in {place}. `./run_all.sh --data …` makes some.")
    table = pd.DataFrame(rows)
    rank = table.groupby("domains")["validation"].rank(ascending=False, method="min").astype(int)
    table.insert(5, "rank", rank)
    return table.sort_values(["domains", "rank", "folder"], ignore_index=True)


def train_first(dataset: str, methods: Iterable[str], seed: int = 0, **limits: Any) -> None:
    """Train some methods as they were searched, where the dataset has no run at all. limits: epochs, …"""
    if not any(paths.runs(dataset).glob("[!.]*/metrics.json")):
        for name in methods:
            registry.train(registry.configure_tuned(name, dataset, seed, **limits), show=False)


def candidates(dataset: str | Path, method: str = "", seed: int | None = None,
               domains: str = "") -> pd.DataFrame:  # fmt: skip
    """What can be picked, the best first: method, variant, seeds, validation (mean over them), folder (of a
    run that has kept its model, if one has). Compared over the seeds on which every method was run, as each
    splits the ratings anew; if there is none, on that with the most runs. UserError: there is no such run."""
    stored = stored_runs(dataset)
    stored = stored[(stored["domains"] == domains) & stored["method"].isin(registry.names(*KINDS))]
    rows = stored[stored["method"].eq(method) | (method == "")]
    rows = rows[rows["seed"].eq(seed) | (seed is None)]
    if rows.empty:
        pairs = sorted({*zip(stored["method"], stored["seed"])})
        there = ", ".join(f"{name} (seed {number})" for name, number in pairs) or "none on these domains"
        what = (f"'{method}'" if method else "any method") + f" with seed {seed}" * (seed is not None)
        raise UserError(f"There is no finished run of {what} on '{dataset}'. There are: {there}.")
    seeds = set.intersection(*rows.groupby("method")["seed"].agg(set)) or {rows["seed"].mode()[0]}
    names = ["method", "variant", "settings"]
    what = {"seeds": ("seed", "nunique"), "validation": ("validation", "mean")}
    folders = rows.sort_values(["kept", "seed"], ascending=[False, True]).groupby(names)["folder"].first()
    table = rows[rows["seed"].isin(seeds)].groupby(names).agg(**what).join(folders)
    table = table.reset_index().drop(columns="settings")
    table = table[table["seeds"] == len(seeds)]
    return table.sort_values("validation", ascending=False, ignore_index=True, kind="stable")


def fit_all(run: str | Path | dict, show: bool = True) -> "Recommender":
    """A run's method, settings and epochs once more, on all ratings, of which the run knows half: `last_fit`.
    run: its folder or its configuration."""
    config = run if isinstance(run, dict) else runs.load(Path(run)).config
    return Recommender(last_fit.fit(config, show).folder)


def load(run: str | Path | dict | runs.Run) -> "Recommender":
    """A stored run by its folder, by its configuration (of `registry.configure`), or itself.

    UserError: there is no such run, it is damaged or of other data, its dataset is not prepared.
    """
    if isinstance(run, dict) and runs.find(run) is None:
        cure = "companion.registry.train(configuration) trains it"
        raise UserError(f"There is no finished run of this '{run['method']}'. {cure}.")
    folder = runs.folder(run) if isinstance(run, dict) else getattr(run, "folder", run)
    return Recommender(Path(folder))


class Recommender:
    """A run that recommends. domains, users: names and ids; ratings, split: what it learned from."""

    def __init__(self, folder: Path):
        self.run, self.split, self.arrays = stored.read(folder)  # arrays: by domain
        self.ratings, self.method = self.split.ratings, self.run.config["method"]
        self.domains, self.users = self.ratings.domains, self.ratings.users
        self._position = {user: row for row, user in enumerate(self.users)}
        self._group = [groups(self.split, k) for k in range(self.ratings.p)]  # of every user: 0, 1 or 2 (R36)
        self._popularity = [popularity(self.split, k) for k in range(self.ratings.p)]
        scorer = registry.method(self.method).scorer
        self._scorer = cache(lambda k: scorer(self.split, k, self.arrays[k]))
        linear = registry.method(self.method).learner
        self._rated = cache(self._rated_items)
        self._titles = cache(self._all_titles)
        self._sums = cache(lambda k: linear.sums(self.split, k, self.arrays[k]))

    def top(self, user: str, domain: str, n: int = 10, test_items: bool = False) -> pd.DataFrame:
        """The n items with the highest scores for a user of the data: a table with the columns COLUMNS.

        Her rated items are left out; with `test_items` those of her test ratings stay in, as in the test of
        the run. `rule` says what she is scored by, see RULES. UserError: an unknown user or domain.
        """
        return self.batch([user], domain, n, test_items)

    def batch(self, users: Iterable[str], domain: str, n: int = 10, test_items: bool = False) -> pd.DataFrame:
        """`top` for several users, one below the other."""
        k, rows = self.ratings.index(domain), np.array([self.row(user) for user in users], dtype=np.int64)
        lists, rated = [], self._rated(k, test_items)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            scores = self._scores(chunk, k)
            scores[rated[chunk].nonzero()] = -np.inf
            lists.append(best(scores, self._popularity[k], n))
        item, score = map(np.concatenate, zip(*lists)) if lists else np.empty((2, 0, 1))
        return self._table(self.users[rows], k, item, score, self._rules(k)[rows])

    def new(self, ratings: pd.DataFrame | Sequence[dict], domain: str, n: int = 10) -> pd.DataFrame:
        """`top` for somebody who is in no training data, from her ratings (domain, item) in one or more
        domains.

        As in training every item that she names speaks for her, whatever its stars (R23). UserError: a method
        that has no rule for her (SCoNet, chance), a domain or an item that the data do not hold.
        """
        k, items = self.ratings.index(domain), self._items_by_domain(ratings)
        scores, rule = self._fold_in(items, k)
        scores = scores.astype(np.float32)[None]
        scores[0, items[k]] = -np.inf
        who, rule = np.array([["new user"], [rule]], dtype=object)
        return self._table(who, k, *best(scores, self._popularity[k], n), rule)

    def rated(self, user: str) -> pd.DataFrame:
        """A user's ratings: domain, item, title, rating, part (one of PARTS)."""
        ratings, rows = self.ratings, []
        for at in np.flatnonzero(ratings.user == self.row(user)):
            k, i, part = ratings.domain[at], ratings.item[at], PARTS[self.split.part[at]]
            item = (ratings.items[k][i], ratings.title(k, i), float(ratings.rating[at]))
            rows.append((self.domains[k], *item, part))
        return pd.DataFrame(rows, columns=["domain", "item", "title", "rating", "part"])

    def rules(self, domain: str) -> pd.Series:
        """What every user of the data is scored by in a domain, a key of RULES, by the user's id."""
        return pd.Series(self._rules(self.ratings.index(domain)), self.users, name="rule")

    def row(self, user: str) -> int:
        """A user's position in `users`; a `UserError` for one who is not there."""
        if str(user) not in self._position:
            examples = ", ".join(map(repr, self.users[:3]))
            raise UserError(
                f"User '{user}' has no ratings in dataset '{self.ratings.name}'; users are named as in the "
                f"file: {examples}, …. For somebody who is not in it, give her ratings to `new`."
            )
        return self._position[str(user)]

    def _scores(self, rows: np.ndarray, k: int) -> np.ndarray:
        scores, unknown = self._scorer(k)(rows), self._group[k][rows] == 2  # [B, m], [B]
        scores[torch.from_numpy(unknown)] = torch.from_numpy(self._popularity[k]).to(scores)  # R36
        return scores.numpy()

    def _rules(self, k: int) -> np.ndarray:
        """The rule of every user [n]: by her group, with training ratings here, elsewhere or nowhere."""
        elsewhere = RULE_ELSEWHERE.get(self.method, "elsewhere")
        rules = {"popularity": ["popularity"] * 3, "random": ["random", "random", "popularity"]}
        of_group = rules.get(self.method, ["own", elsewhere, "popularity"])
        return np.array(of_group, dtype=object)[self._group[k]]

    def _rated_items(self, k: int, test_items: bool) -> sp.csr_matrix:
        """Which items of a domain every user has rated [n, m_k], in the test part or not."""
        user, item, _ = self.split.of(k, *((TRAIN, VALID) if test_items else ()))
        shape = (len(self.users), len(self.ratings.items[k]))
        return sp.csr_matrix((np.ones(len(user), dtype=bool), (user, item)), shape)

    def _all_titles(self, k: int) -> np.ndarray:
        """The title of every item of a domain [m_k]: a batch shows the same few to many users."""
        return np.array([self.ratings.title(k, i) for i in range(len(self.ratings.items[k]))], dtype=object)

    def _table(self, users: np.ndarray, k: int, item: np.ndarray, score: np.ndarray,
               rules: np.ndarray) -> pd.DataFrame:  # fmt: skip
        """The lists of users [B] as one table, from `best` [B, n]; -inf is no item."""
        row, place = np.nonzero(score > -np.inf)
        item = item[row, place].astype(np.int64)
        columns = {"user": users[row], "domain": self.domains[k], "rank": place + 1}
        columns |= {"item": self.ratings.items[k][item], "title": self._titles(k)[item]}
        columns |= {"score": score[row, place].astype(float), "rule": rules[row]}
        return pd.DataFrame(columns)

    def _items_by_domain(self, ratings: pd.DataFrame | Sequence[dict]) -> list[np.ndarray]:
        """Positions of the items that a table of ratings names, p x [..]."""
        frame = pd.DataFrame([ratings] if isinstance(ratings, dict) else ratings)
        if frame.empty or not {"domain", "item"} <= set(frame.columns):
            columns = ", ".join(map(str, frame.columns)) or "none"
            what = "Her ratings must be a table with the columns domain and item, one row or more."
            raise UserError(f"{what} It has {len(frame)} rows with the columns {columns}.")
        items = [set() for _ in self.domains]
        for domain, item in zip(frame["domain"], frame["item"].map(str)):
            k = self.ratings.index(domain)
            place = np.flatnonzero(self.ratings.items[k] == item)
            if not len(place):
                example = f"Items are named as in the file, for example '{self.ratings.items[k][0]}'."
                raise UserError(f"Domain '{domain}' has no item '{item}'. {example}")
            items[k].add(int(place[0]))
        return [np.array(sorted(places), dtype=np.int64) for places in items]

    def _fold_in(self, items: list[np.ndarray], k: int) -> tuple[np.ndarray, str]:
        """Scores [m_k] of somebody new from her items in every domain, and the rule."""
        if self.method in fold_in.NO_FOLD_IN:
            others = ", ".join(name for name in registry.METHODS if name not in fold_in.NO_FOLD_IN)
            reason = "has no rule for somebody who is not in its training data"
            raise UserError(f"'{self.method}' {reason}. Take a run of {others}.")
        if self.method in fold_in.LINEAR:
            domains = registry.method(self.method).learner.domains(self.split, k)
            if any(len(items[other]) for other in domains):
                sums = self._sums(k)(fold_in.linear_row(self.split, domains, items))[0]
                scores = sums + self.arrays[k]["popularity"] * self._popularity[k]
                return scores, "own ratings" if len(items[k]) else "elsewhere"
        if self.method not in ("popularity", *fold_in.LINEAR):
            vector = fold_in.neighbour_vector(self.split, k, self.arrays[k], items)
            if vector is not None:
                return vector @ self.arrays[k]["item"].T, "neighbours"
        return self._popularity[k], "popularity"


def best(scores: np.ndarray, popular: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and values [B, n] of the n highest scores of every row [B, m], in order; of equal ones those of
    the more popular item first, of items as popular that which comes first. Fewer columns where m < n."""
    if type(n) is not int or n < 1:
        raise UserError(f"n = {n!r}: expected how many items to recommend, a whole number of 1 or more.")
    value, item = (part.numpy() for part in torch.from_numpy(scores).topk(min(n + 1, scores.shape[1])))
    if value.shape[1] > n:
        tied = np.flatnonzero(value[:, n - 1] == value[:, n])  # whether these are the right ones is open
        order = np.argsort(-popular, kind="stable")
        item[tied, :n] = order[np.argsort(-scores[tied][:, order], kind="stable")[:, :n]]
        item = item[:, :n]
        value = np.take_along_axis(scores, item, 1)
    order = np.lexsort((item, -popular[item], -value))
    return np.take_along_axis(item, order, 1), np.take_along_axis(value, order, 1)
