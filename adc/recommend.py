"""A finished run in use: load it, and recommend items to a user, to many, or to somebody who is in no training data.

    model = recommend.pick("movielens", "adc")
    model.top("15", "Action", n=5)

What a user has rated is left out. Of items with the same score the one with more training ratings comes first.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from adc import baselines, data, fit, foldin, paths, runs, stored
from adc.data import table
from adc.errors import UserError
from adc.evaluate import CHUNK, groups, popularity
from adc.split import TEST, split

COLUMNS = ["user", "domain", "rank", "item", "title", "score", "rule"]
PARTS = ("train", "validation", "test")
RULES = {
    "own": "her own training ratings in this domain, beside what the method takes from the others",
    "elsewhere": "no training rating in this domain; what the method knows of her from the others (ADC, R6: the mean of her "
    "vectors there takes the place of the missing one)",
    "popularity": "nothing that the method could use is known of her: the items with the most training ratings (R36)",
    "mean user": "no training rating in this domain, and the method takes nothing of hers from the others: the domain's mean user",
    "random": "a random order of her own",
    "neighbours": "not in the training data: her vector is the weighted mean of those of the training users of this domain most "
    f"like her (at most {foldin.NEIGHBOURS}, by the cosine of what they rated in all domains)",
    "own ratings": "not in the training data: the ratings that she gave in this domain, as the method scores anybody",
}
# how a user with training ratings in other domains only is scored; the methods not named here know her from there
COLD_TARGET = {"itemknn": "popularity", "ease": "popularity", "bpr": "popularity", "clfm": "mean user"}


def stored_runs(dataset: str | Path) -> pd.DataFrame:
    """The finished runs of a dataset, best first on validation ratings.

    Columns: method, variant, seed, validation (NDCG@10 of the epochs kept, mean over the domains), domains (empty: all),
    folder. dataset: its name, or the path of the reader's own file. Raises `UserError` where there is none.
    """
    dataset, rows = _name(dataset), []
    for file in sorted(paths.runs(dataset).glob("[!.]*/metrics.json")):
        run = runs.load(file.parent)
        known = {name: run.config[name] for name in ("method", "variant", "seed", "domains")}
        rows.append(known | {"validation": float(np.mean([*run.metrics["validation"].values()])), "folder": str(run.folder)})
    if not rows:
        raise UserError(f"There is no finished run of dataset '{dataset}' in {paths.runs(dataset)}. `./run_all.sh --data …` makes some.")
    found = pd.DataFrame(rows)[["method", "variant", "seed", "validation", "domains", "folder"]]
    return found.sort_values("validation", ascending=False, ignore_index=True, kind="stable")


def pick(dataset: str | Path, method: str = "adc", seed: int | None = None, domains: str = "") -> "Recommender":
    """The stored run of a method that is best on validation ratings, of one seed or of any.

    domains: those it was trained on, as in its configuration; empty: all. Raises `UserError` where there is no such run.
    """
    found = stored_runs(dataset)
    found = found[found["domains"] == domains]
    mine = found[(found["method"] == method) & ((found["seed"] == seed) | (seed is None))]
    if mine.empty:
        there = ", ".join(f"{method} (seed {seed})" for method, seed in sorted({*zip(found["method"], found["seed"])}))
        wanted = f"'{method}'" + (f" with seed {seed}" if seed is not None else "")
        raise UserError(f"There is no finished run of {wanted} on '{_name(dataset)}'. There are: {there or 'none of these domains'}.")
    return load(mine["folder"].iloc[0])


def load(run: str | Path | dict | runs.Run) -> "Recommender":
    """A stored run by its folder, by its configuration (of `train`, `baselines` or `residual`), or itself.

    A folder may come from a stranger (see `adc.stored`). Raises `UserError` where there is no such run, where one of its
    files is damaged or belongs to other data, and where its dataset is not prepared here.
    """
    if isinstance(run, dict):
        found = runs.find(run)
        if found is None:
            module = {"adc_residual": "residual"}.get(run["method"], "train" if "balancer" in run else "baselines")
            raise UserError(f"There is no finished run of this '{run['method']}'. adc.{module}.run(configuration) trains it.")
        run = found
    return Recommender(run.folder if isinstance(run, runs.Run) else Path(run))


def _name(dataset: str | Path) -> str:
    is_file = isinstance(dataset, Path) or table.ending(Path(dataset)) or "/" in dataset
    return data.dataset_id(str(dataset)) if is_file else str(dataset)


class Recommender:
    """A run that recommends. run: `runs.Run`; domains, users: names and ids; ratings, parts: what it was trained on."""

    def __init__(self, folder: Path):
        self.run, self.ratings = stored.run(folder)
        self.method, self.domains, self.users = self.run.config["method"], self.ratings.domains, self.ratings.users
        self.parts = split(self.ratings, self.run.config["seed"])
        self.arrays = stored.arrays(self.run, self.ratings)  # by domain
        self._row = {user: row for row, user in enumerate(self.users)}
        p = range(self.ratings.p)
        self._group, self._popular = ([of(self.parts, k) for k in p] for of in (groups, popularity))
        self._scorer, self._weights = cache(self._make_scorer), cache(self._make_weights)

    def top(self, user: str, domain: str, n: int = 10, test_items: bool = False) -> pd.DataFrame:
        """The n items with the highest scores for a user of the data: a table with the columns COLUMNS.

        Her rated items are left out; with `test_items` those of her test ratings stay in, as when the run was tested.
        `rule` says what she is scored by, see RULES. Raises `UserError` for an unknown user or domain.
        """
        return self.batch([user], domain, n, test_items)

    def batch(self, users: Iterable[str], domain: str, n: int = 10, test_items: bool = False) -> pd.DataFrame:
        """`top` for several users, one below the other."""
        k, rows = self.ratings.index(domain), np.array([self.row(user) for user in users], dtype=np.int64)
        found = []
        for some in np.array_split(rows, -(-len(rows) // CHUNK)) if len(rows) else ():
            for row, scores in zip(some, self._scores(some, k)):
                found.append(self._best(self.users[row], k, scores, self._rule(row, k), self._rated(row, k, test_items), n))
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)

    def new(self, ratings: pd.DataFrame | Sequence[dict], domain: str, n: int = 10, name: str = "new user") -> pd.DataFrame:
        """`top` for somebody who is in no training data, from her ratings (domain, item) in one or more domains.

        As in training every item that she names speaks for her, whatever its stars (R23). Raises `UserError` for a method
        that has no rule for her (SCoNet, chance), and for a domain or an item that the data do not hold.
        """
        k, own = self.ratings.index(domain), self._given(ratings)
        return self._best(name, k, *self._folded(own, k), own[k], n)

    def rated(self, user: str) -> pd.DataFrame:
        """A user's ratings: domain, item, title, rating, part (one of PARTS)."""
        of, found = self.ratings, []
        for at in np.flatnonzero(of.user == self.row(user)):
            k, i = of.domain[at], of.item[at]
            found.append((self.domains[k], of.items[k][i], self.title(k, i), float(of.rating[at]), PARTS[self.parts.part[at]]))
        return pd.DataFrame(found, columns=["domain", "item", "title", "rating", "part"])

    def scores(self, user: str, domain: str) -> pd.Series:
        """A user's scores of all items of a domain, by the item's id."""
        k = self.ratings.index(domain)
        return pd.Series(self._scores(np.array([self.row(user)]), k)[0], index=self.ratings.items[k], name="score")

    def rule(self, user: str, domain: str) -> str:
        """What a user of the data is scored by in a domain: a key of RULES."""
        return self._rule(self.row(user), self.ratings.index(domain))

    def rules(self, domain: str) -> pd.Series:
        """`rule` of every user of the data in a domain, by the user's id."""
        k = self.ratings.index(domain)
        return pd.Series([self._rule(row, k) for row in range(len(self.users))], index=self.users, name="rule")

    def row(self, user: str) -> int:
        """A user's position in `users`. Raises `UserError` for one who is not there."""
        if str(user) not in self._row:
            some = ", ".join(map(repr, self.users[:3]))
            raise UserError(
                f"User '{user}' has no ratings in dataset '{self.ratings.name}'; its {len(self.users):,} users are named as in the "
                f"file: {some}, …. For somebody who is not in it, give her ratings to `new`."
            )
        return self._row[str(user)]

    def title(self, domain: int, item: int) -> str:
        """An item's title where it is known, else its id; both given by position."""
        return self.ratings.titles.get((domain, item), str(self.ratings.items[domain][item]))

    def _make_scorer(self, k: int) -> fit.Score:
        scorer = getattr(baselines.METHODS.get(self.method), "scorer", fit.factor_score)
        return scorer(self.parts, k, self.arrays[k])

    def _make_weights(self, k: int) -> sp.csr_matrix | np.ndarray:
        return foldin.weights(self.parts, k, self.method, self.arrays[k])

    def _scores(self, rows: np.ndarray, k: int) -> np.ndarray:
        scores = self._scorer(k)(rows)  # [B, m]
        scores[torch.from_numpy(self._group[k][rows] == 2)] = torch.from_numpy(self._popular[k]).to(scores)  # R36
        return scores.numpy()

    def _rule(self, row: int, k: int) -> str:
        group = self._group[k][row]
        if group == 2 or self.method in ("popularity", "random"):
            return "random" if self.method == "random" and group < 2 else "popularity"
        return "own" if group == 0 else COLD_TARGET.get(self.method, "elsewhere")

    def _rated(self, row: int, k: int, test_items: bool) -> np.ndarray:
        mine = (self.ratings.user == row) & (self.ratings.domain == k)
        return self.ratings.item[mine & (self.parts.part != TEST) if test_items else mine]

    def _best(self, user: str, k: int, scores: np.ndarray, rule: str, but: np.ndarray, n: int) -> pd.DataFrame:
        if type(n) is not int or n < 1:
            raise UserError(f"n = {n!r}: expected how many items to recommend, a whole number of 1 or more.")
        order = np.lexsort((-self._popular[k], -scores))
        items = [int(i) for i in order[~np.isin(order, but)][:n]]
        table = {"user": user, "domain": self.domains[k], "rank": range(1, len(items) + 1), "item": self.ratings.items[k][items]}
        table |= {"title": [self.title(k, i) for i in items], "score": scores[items].astype(float), "rule": rule}
        return pd.DataFrame(table, columns=COLUMNS)

    def _given(self, ratings: pd.DataFrame | Sequence[dict]) -> list[np.ndarray]:
        """Somebody's items in every domain, p x [..]."""
        wanted, own = "Her ratings must be a table with the columns domain and item, one row or more. Found", [[] for _ in self.domains]
        try:
            frame = pd.DataFrame(ratings)
        except (TypeError, ValueError) as error:
            kind = type(ratings).__name__
            raise UserError(f"{wanted} a {kind} that is no table; put a single rating into brackets: [{{'domain': …, 'item': …}}].") from error
        if frame.empty or not {"domain", "item"} <= set(frame.columns):
            raise UserError(f"{wanted} {len(frame)} rows with the columns {', '.join(map(str, frame.columns)) or 'none'}.")
        for domain, item in zip(frame["domain"], frame["item"].map(str)):
            known = self.ratings.items[self.ratings.index(domain)]
            place = np.flatnonzero(known == item)
            if not len(place):
                told = f"Items are named as in the file, for example '{known[0]}'."
                raise UserError(f"Domain '{domain}' of '{self.ratings.name}' has no item '{item}'. {told}")
            own[self.ratings.index(domain)].append(int(place[0]))
        return [np.unique(np.array(items, dtype=np.int64)) for items in own]

    def _folded(self, own: list[np.ndarray], k: int) -> tuple[np.ndarray, str]:
        """Scores [m_k] of somebody new, and the rule."""
        if self.method in foldin.WITHOUT:
            others = [name for name in ("adc", *baselines.METHODS) if name not in foldin.WITHOUT]
            raise UserError(f"'{self.method}' has no rule for somebody who is not in its training data. Take a run of {', '.join(others)}.")
        if self.method in foldin.LINEAR and len(own[k]):
            return np.asarray(self._weights(k)[own[k]].sum(0)).ravel(), "own ratings"
        if self.method not in ("popularity", *foldin.LINEAR):
            vector = foldin.vector(self.parts, k, self.arrays[k], own)
            if vector is not None:
                return vector @ self.arrays[k]["item"].T, "neighbours"
        return self._popular[k], "popularity"
