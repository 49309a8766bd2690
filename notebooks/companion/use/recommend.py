"""A finished run in use: recommend items to a user, to many, or to somebody who is in no training data.

    model = recommend.pick("movielens", "adc")
    model.top("15", "Action", n=5)

What a user has rated is left out. Of items with the same score the one with more training ratings comes
first.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from adc.errors import UserError
from adc.evaluation import CHUNK, groups, popularity
from adc.split import TEST
from companion import data, paths, registry, runs
from companion.use import fold_in, stored

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
    """The finished runs of a dataset, best first on validation ratings: method, variant, seed, validation
    (NDCG@10 of the best epochs, mean over the domains), domains (empty: all), folder.

    dataset: its name, or the path of the reader's own file. UserError: there is none.
    """
    place, rows = paths.runs(_dataset_name(dataset)), []
    for file in sorted(place.glob("[!.]*/metrics.json")):
        run = runs.load(file.parent)
        row = {name: run.config[name] for name in ("method", "variant", "seed")}
        row |= {"validation": validation(run), "domains": run.config["domains"], "folder": str(run.folder)}
        rows.append(row)
    if not rows:
        raise UserError(f"There is no finished run in {place}. `./run_all.sh --data …` makes some.")
    return pd.DataFrame(rows).sort_values("validation", ascending=False, ignore_index=True, kind="stable")


def validation(run: runs.Run) -> float:
    """Validation NDCG@10 of a run's best epochs, mean over its domains."""
    return float(np.mean([*run.metrics["validation"].values()]))


def pick(dataset: str | Path, method: str = "adc", seed: int | None = None,
         domains: str = "") -> "Recommender":  # fmt: skip
    """The stored run of a method that is best on validation ratings, of one seed or of any.

    domains: those it was trained on, as in its configuration; empty: all. UserError: there is no such run.
    """
    runs_here = stored_runs(dataset)
    runs_here = runs_here[runs_here["domains"] == domains]
    candidates = runs_here[(runs_here["method"] == method) & ((runs_here["seed"] == seed) | (seed is None))]
    if candidates.empty:
        pairs = sorted({*zip(runs_here["method"], runs_here["seed"])})
        there = ", ".join(f"{name} (seed {number})" for name, number in pairs) or "none on these domains"
        what = f"'{method}'" + (f" with seed {seed}" if seed is not None else "")
        raise UserError(f"There is no finished run of {what} on '{dataset}'. There are: {there}.")
    return load(candidates["folder"].iloc[0])


def load(run: str | Path | dict | runs.Run) -> "Recommender":
    """A stored run by its folder, by its configuration (of `registry.configure`), or itself.

    UserError: there is no such run, it is damaged or of other data, its dataset is not prepared.
    """
    if isinstance(run, dict) and runs.find(run) is None:
        cure = "companion.registry.train(configuration) trains it"
        raise UserError(f"There is no finished run of this '{run['method']}'. {cure}.")
    folder = runs.folder(run) if isinstance(run, dict) else getattr(run, "folder", run)
    return Recommender(Path(folder))


def _dataset_name(dataset: str | Path) -> str:
    return data.find(dataset) if data.is_file(dataset) else str(dataset)


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
        tables = [pd.DataFrame(columns=COLUMNS)] if not len(rows) else []
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            for row, scores in zip(chunk, self._scores(chunk, k)):
                rated = (self.ratings.user == row) & (self.ratings.domain == k)
                rated &= (self.split.part != TEST) | (not test_items)
                rule, items = self._rule(row, k), self.ratings.item[rated]
                tables.append(self._best(self.users[row], k, scores, rule, items, n))
        return pd.concat(tables, ignore_index=True)

    def new(self, ratings: pd.DataFrame | Sequence[dict], domain: str, n: int = 10) -> pd.DataFrame:
        """`top` for somebody who is in no training data, from her ratings (domain, item) in one or more
        domains.

        As in training every item that she names speaks for her, whatever its stars (R23). UserError: a method
        that has no rule for her (SCoNet, chance), a domain or an item that the data do not hold.
        """
        k, items = self.ratings.index(domain), self._items_by_domain(ratings)
        return self._best("new user", k, *self._fold_in(items, k), items[k], n)

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
        k = self.ratings.index(domain)
        return pd.Series([self._rule(row, k) for row in range(len(self.users))], self.users, name="rule")

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

    def _rule(self, row: int, k: int) -> str:
        group = self._group[k][row]
        if group == 2 or self.method in ("popularity", "random"):
            return "random" if self.method == "random" and group < 2 else "popularity"
        return "own" if group == 0 else RULE_ELSEWHERE.get(self.method, "elsewhere")

    def _best(self, user: str, k: int, scores: np.ndarray, rule: str, rated: np.ndarray,
              n: int) -> pd.DataFrame:  # fmt: skip
        if type(n) is not int or n < 1:
            raise UserError(f"n = {n!r}: expected how many items to recommend, a whole number of 1 or more.")
        order = np.lexsort((-self._popularity[k], -scores))
        items = [int(i) for i in order[~np.isin(order, rated)][:n]]
        columns = {"user": user, "domain": self.domains[k], "rank": range(1, len(items) + 1)}
        columns |= {"item": self.ratings.items[k][items], "title": [self.ratings.title(k, i) for i in items]}
        return pd.DataFrame(columns | {"score": scores[items].astype(float), "rule": rule}, columns=COLUMNS)

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
