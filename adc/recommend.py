"""A finished run in use: load it, and recommend items to a user, to many, or to somebody who is in no training data.

    model = recommend.pick("movielens", "adc")
    model.top("15", "Action", n=5)

What she has rated is left out. Between items of the same score the one with more training ratings comes first.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from adc import baselines, data, fit, paths, runs, stored
from adc.data import table
from adc.errors import UserError
from adc.evaluate import groups, popularity
from adc.split import TEST, TRAIN, split

COLUMNS = ["user", "domain", "rank", "item", "title", "score", "rule"]
NEIGHBOURS = 50
OWN, ELSEWHERE, POPULAR, MEAN, CHANCE, FOLDED, EXACT = (
    "own", "elsewhere", "popularity", "mean user", "random", "neighbours", "own ratings",
)  # fmt: skip
RULES = {
    OWN: "her own training ratings in this domain, beside what the method takes from the others",
    ELSEWHERE: "no training rating in this domain; what the method knows of her from her other domains (for ADC R6: the mean of her "
    "vectors there takes the place of the missing one)",
    POPULAR: "nothing that the method could use is known of her; the items with the most training ratings (R36)",
    MEAN: "no training rating in this domain, and the method takes nothing of hers from the others; the mean user of the domain",
    CHANCE: "a random order, whoever asks",
    FOLDED: f"not in the training data; her vector is the mean of those of the (at most {NEIGHBOURS}) training users of this domain "
    "most like her, weighted by the cosine of what they rated in all domains",
    EXACT: "not in the training data; her ratings in this domain, as the method scores anybody",
}
# What a method does about a user without training ratings in the domain but with some elsewhere.
COLD_TARGET = {"popularity": POPULAR, "itemknn": POPULAR, "ease": POPULAR, "bpr": POPULAR, "clfm": MEAN}


def stored_runs(dataset: str | Path) -> pd.DataFrame:
    """The finished runs of a dataset, best first by validation: method, variant, seed, validation (NDCG@10 of the epochs
    kept, mean over domains), domains, folder. `dataset`: its name, or the path of the reader's own file."""
    dataset = _name(dataset)
    rows = []
    for file in sorted(paths.runs(dataset).glob("[!.]*/metrics.json")):
        run = runs.load(file.parent)
        seen = list(run.metrics["validation"].values())
        about = {name: run.config[name] for name in ("method", "variant", "seed")}
        rows.append(about | {"validation": float(np.mean(seen)), "domains": run.config["domains"], "folder": str(run.folder)})
    if not rows:
        raise UserError(f"No finished run of dataset '{dataset}' in {paths.runs(dataset)}. `./run_all.sh --data …` makes some.")
    return pd.DataFrame(rows).sort_values("validation", ascending=False, ignore_index=True, kind="stable")


def pick(dataset: str | Path, method: str = "adc", seed: int | None = None, domains: str = "") -> "Recommender":
    """The stored run of a method that is best on validation ratings, of one seed or of any, trained on all domains or on
    those named. A `UserError` says which methods there are."""
    found = stored_runs(dataset)
    mine = found[(found["method"] == method) & (found["domains"] == domains) & (True if seed is None else found["seed"] == seed)]
    if mine.empty:
        there = ", ".join(sorted({f"{row.method} (seed {row.seed})" for row in found.itertuples() if row.domains == domains}))
        raise UserError(f"No finished run of '{method}'{'' if seed is None else f' with seed {seed}'} on '{_name(dataset)}'. There are: {there or 'none'}.")
    return load(mine["folder"].iloc[0])


def load(run: str | Path | dict | runs.Run) -> "Recommender":
    """A stored run by its folder, by its configuration (`train.configuration(…)`, `baselines.configuration(…)`) or itself.

    A folder may come from a stranger: see `adc.stored`. Raises `UserError` where there is no such run, where a file of
    it is damaged or belongs to another dataset, and where its dataset is not prepared here.
    """
    if isinstance(run, dict):
        found = runs.find(run)
        if found is None:
            raise UserError(f"There is no finished run of this configuration ({run['method']} on {run['dataset']}): train it first, by train.run(config) or baselines.run(config).")
        run = found
    return Recommender(run.folder if isinstance(run, runs.Run) else Path(run))


def _name(dataset: str | Path) -> str:
    is_file = isinstance(dataset, Path) or table.ending(Path(dataset)) or "/" in dataset
    return data.dataset_id(str(dataset)) if is_file else dataset


class Recommender:
    """A run that recommends. `domains`: names; `users`: ids; `ratings`: `adc.data.schema.Ratings`; `parts`: their split."""

    def __init__(self, folder: Path):
        self.run, self.ratings = stored.run(folder)
        self.method, self.domains, self.users = self.run.config["method"], self.ratings.domains, self.ratings.users
        self.parts = split(self.ratings, self.run.config["seed"])
        self.arrays = stored.arrays(self.run, self.ratings)  # by domain
        self._row = {user: row for row, user in enumerate(self.users)}
        self._scorers: dict[int, fit.Score] = {}

    def top(self, user: str, domain: str, n: int = 10, test_items: bool = False) -> pd.DataFrame:
        """The n items with the highest scores for a known user, her rated items left out: columns COLUMNS.

        `rule` is a key of RULES. With `test_items` her test ratings stay among the candidates, as when the run was
        evaluated. Raises `UserError` for an unknown user or domain.
        """
        return self.batch([user], domain, n, test_items)

    def batch(self, users: Iterable[str], domain: str, n: int = 10, test_items: bool = False) -> pd.DataFrame:
        """`top` of several users in one table, in their order."""
        users, k = [str(user) for user in users], self.ratings.index(domain)
        rows = np.array([self.row(user) for user in users], dtype=np.int64)
        parts = []
        for start in range(0, len(rows), 512):
            some = rows[start : start + 512]
            for user, row, scores in zip(users[start:], some, self._scores(some, k), strict=False):
                parts.append(self._best(user, k, scores, self._rated(row, k, test_items), n, self._rule(row, k)))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)

    def new(self, ratings: pd.DataFrame | Sequence, domain: str, n: int = 10, name: str = "new user") -> pd.DataFrame:
        """`top` for somebody who is in no training data, from her ratings `domain, item` in one or more domains.

        As in training (R23) every item that she names speaks for her, whatever its stars. Item-kNN, EASE and popularity
        score her as anybody; for methods with a vector a user, hers is made by the rule FOLDED. A `UserError` for
        SCoNet and chance, which have no such rule, and for an item or a domain that the data do not hold.
        """
        k, own = self.ratings.index(domain), self._given(ratings)
        scores, rule = self._folded(own, k)
        return self._best(name, k, scores, own[k], n, rule)

    def rated(self, user: str) -> pd.DataFrame:
        """A known user's ratings: domain, item, title, rating, part (train, validation, test)."""
        rows = np.flatnonzero(self.ratings.user == self.row(user))
        found = [(int(self.ratings.domain[r]), int(self.ratings.item[r]), float(self.ratings.rating[r]), int(self.parts.part[r])) for r in rows]
        part = ("train", "validation", "test")
        rows = [(self.domains[k], self.ratings.items[k][i], self.title(k, i), stars, part[p]) for k, i, stars, p in found]
        return pd.DataFrame(rows, columns=["domain", "item", "title", "rating", "part"])

    def scores(self, user: str, domain: str) -> pd.Series:
        """The scores of all items of a domain for a known user, by item id."""
        k = self.ratings.index(domain)
        return pd.Series(self._scores(np.array([self.row(user)]), k)[0], index=self.ratings.items[k], name="score")

    def rule(self, user: str, domain: str) -> str:
        """By which rule a known user is scored in a domain: a key of RULES."""
        return self._rule(self.row(user), self.ratings.index(domain))

    def row(self, user: str) -> int:
        """Position of a user among `users`; a `UserError` where she has no ratings."""
        if str(user) not in self._row:
            some = ", ".join(map(repr, self.users[:3]))
            raise UserError(f"User {str(user)!r} has no ratings in '{self.ratings.name}', whose {len(self.users):,} users are called {some}, …; for somebody new, give her ratings to `new`.")
        return self._row[str(user)]

    def title(self, domain: int, item: int) -> str:
        """Title of an item where known, else its id."""
        return self.ratings.titles.get((domain, item), str(self.ratings.items[domain][item]))

    def _scores(self, rows: np.ndarray, k: int) -> np.ndarray:
        if k not in self._scorers:
            scorer = fit.factor_score if self.method not in baselines.METHODS else getattr(baselines.METHODS[self.method], "scorer", fit.factor_score)
            self._scorers[k] = scorer(self.parts, k, self.arrays[k])
        scores = self._scorers[k](rows)
        scores[torch.from_numpy(groups(self.parts, k)[rows] == 2)] = torch.from_numpy(popularity(self.parts, k)).to(scores)
        return scores.numpy()

    def _rule(self, row: int, k: int) -> str:
        group = groups(self.parts, k)[row]
        if self.method == "random" and group < 2:
            return CHANCE
        if self.method == "popularity" or group == 2:
            return POPULAR
        return OWN if group == 0 else COLD_TARGET.get(self.method, ELSEWHERE)

    def _rated(self, row: int, k: int, test_items: bool) -> np.ndarray:
        mine = (self.ratings.user == row) & (self.ratings.domain == k)
        return self.ratings.item[mine & (self.parts.part != TEST) if test_items else mine]

    def _best(self, user: str, k: int, scores: np.ndarray, but: np.ndarray, n: int, rule: str) -> pd.DataFrame:
        if type(n) is not int or n < 1:
            raise UserError(f"n={n!r}: expected a whole number of items, 1 or more.")
        order = np.lexsort((-popularity(self.parts, k), -scores))
        order = order[~np.isin(order, but)][:n]
        rows = [(user, self.domains[k], rank, self.ratings.items[k][i], self.title(k, i), float(scores[i]), rule) for rank, i in enumerate(order, 1)]
        return pd.DataFrame(rows, columns=COLUMNS)

    def _given(self, ratings: pd.DataFrame | Sequence) -> list[np.ndarray]:
        """Items by domain p x [..] of somebody new."""
        frame = pd.DataFrame(ratings)
        missing = {"domain", "item"} - set(frame.columns)
        if missing or frame.empty:
            raise UserError(f"Expected her ratings as a table with the columns domain and item, one row or more; found the columns {list(frame.columns)} and {len(frame)} rows.")
        own = [[] for _ in self.domains]
        for name, item in zip(frame["domain"], frame["item"].map(str)):
            k = self.ratings.index(name)
            place = np.flatnonzero(self.ratings.items[k] == item)
            if not len(place):
                raise UserError(f"Domain '{name}' of '{self.ratings.name}' has no item {item!r}. Items are named as in the file, for example {self.ratings.items[k][0]!r}.")
            own[k].append(int(place[0]))
        return [np.unique(np.array(items, dtype=np.int64)) for items in own]

    def _folded(self, own: list[np.ndarray], k: int) -> tuple[np.ndarray, str]:
        popular = popularity(self.parts, k)
        if self.method == "popularity":
            return popular, POPULAR
        if self.method in ("itemknn", "ease"):
            return (self._linear(own[k], k), EXACT) if len(own[k]) else (popular, POPULAR)
        if self.method in ("random", "sconet"):
            raise UserError(f"A run of '{self.method}' has no rule for somebody who was not in its training data. Methods that have one: adc, bpr, bpr_merged, clfm, cdcf, itemknn, ease, popularity.")
        alike = self._alike(own, k)
        near = np.argsort(-alike, kind="stable")[:NEIGHBOURS]
        near = near[alike[near] > 0]
        if not len(near):
            return popular, POPULAR
        user = alike[near] @ self.arrays[k]["user"][near] / alike[near].sum()
        return user @ self.arrays[k]["item"].T, FOLDED

    def _linear(self, items: np.ndarray, k: int) -> np.ndarray:
        """Sum of what each of her items says of the others [m_k], as for a training user with these ratings."""
        arrays, m = self.arrays[k], len(self.ratings.items[k])
        if self.method == "itemknn":
            near = sp.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(m, m))
        else:
            near = self._ease(k)
        return np.asarray(near[items].sum(0)).ravel()

    def _ease(self, k: int) -> np.ndarray:
        from adc.baselines import ease, itemknn

        known = itemknn.rated(self.parts, k)
        items, B = ease.linked(known), np.zeros((known.shape[1],) * 2, np.float32)
        B[np.ix_(items, items)] = ease.weights(known[:, items], float(self.arrays[k]["penalty"]))
        return B

    def _alike(self, own: list[np.ndarray], k: int) -> np.ndarray:
        """Cosine of what a new user and every training user of domain k rated, over all domains [n]; 0 for the others."""
        shared, training = np.zeros(len(self.users)), self.parts.part == TRAIN
        for j, items in enumerate(own):
            rows = training & (self.ratings.domain == j)
            rows[rows] = np.isin(self.ratings.item[rows], items)
            shared += np.bincount(self.ratings.user[rows], minlength=len(shared))
        count = np.bincount(self.ratings.user[training], minlength=len(shared))
        alike = shared / np.sqrt(np.maximum(count, 1) * sum(map(len, own)))
        return np.where(groups(self.parts, k) == 0, alike, 0.0)
