"""What notebook 10 shows of stored runs: a user's ratings, and what three methods recommend her. Only reads."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from adc import baselines, paths, recommend, report, runs, train, tuned
from adc.errors import UserError
from adc.recommend import Recommender
from adc.split import TRAIN, Split

RIVALS = ("bpr", "popularity")
SPLIT = ("dataset", "domains", "seed")
ACTIVE = 5  # training ratings in a domain that make a user active there
MOST = 300  # users listed
# what the button trains where nothing was trained yet: narrow, from a random start, done in seconds
SMALL = {"dim": 32, "hidden_layers": 2, "start": "random", "pretraining_epochs": 2, "epochs": 20, "patience": 8, "device": "cpu"}


def datasets() -> list[str]:
    """MovieLens, which is made where it is needed, and whatever else is prepared."""
    prepared = sorted(file.parent.name for file in paths.processed("").glob("[!.]*/manifest.json"))
    return list(dict.fromkeys(["movielens", *prepared]))


def stored(dataset: str, profile: str = "any") -> list[runs.Run]:
    """The runs of a profile, or of today's code: those on all domains first, of these the best on validation; those that diverged last."""
    found, _ = report.available(dataset, profile)
    return sorted(found, key=lambda run: (run.metrics["diverged"], run.config["domains"] != "", -_validation(run)))


def networks(found: Iterable[runs.Run]) -> list[runs.Run]:
    """Those of the runs that are ADC, with whatever balancer."""
    return [run for run in found if "balancer" in run.config]


def _validation(run: runs.Run) -> float:
    return float(np.nan_to_num(np.mean([*run.metrics["validation"].values()]), neginf=-1))


def name(run: runs.Run) -> str:
    """A run in a line: method, variant, size, split, and its folder's hash."""
    config = run.config
    size = f"d={config['dim']}" if "dim" in config else ""
    what = [report.NAMES.get(config["method"], config["method"]), config["variant"], size, config["domains"]]
    ended = "diverged" if run.metrics["diverged"] else ""
    return " · ".join(filter(None, [*what, f"seed {config['seed']}", ended, run.folder.name.rsplit("-", 1)[1][:6]]))


@dataclass(frozen=True)
class Opened:
    """A run of ADC in use, and its rivals on the same ratings cut by the same seed, None where there is no such run."""

    adc: Recommender
    rivals: dict[str, Recommender | None]

    @property
    def models(self) -> dict[str, Recommender | None]:
        """By the name to show: ADC, then the rivals."""
        return {report.NAMES.get(self.adc.method, self.adc.method): self.adc} | {report.NAMES[key]: model for key, model in self.rivals.items()}


def opened(run: runs.Run, found: Iterable[runs.Run]) -> Opened:
    """A run of ADC with its rivals among the runs found."""
    same = [r for r in found if r.config["method"] in RIVALS and all(r.config[key] == run.config[key] for key in SPLIT)]
    one = {r.config["method"]: recommend.load(r) for r in report.one_each(same, "method")}
    return Opened(recommend.load(run), {rival: one.get(rival) for rival in RIVALS})


def missing(dataset: str, here: Opened | None) -> list[dict]:
    """Configurations to train so that there is something to look at: a small ADC, and rivals on its split."""
    common = {key: here.adc.run.config[key] for key in SPLIT} if here else {"dataset": dataset}
    of = lambda rival: tuned.parameters(dataset, rival) | ({"epochs": SMALL["epochs"], "patience": SMALL["patience"]} if rival == "bpr" else {})
    wanted = [] if here else [train.configuration(**common, **tuned.parameters(dataset, "adc") | SMALL)]
    return wanted + [baselines.configuration(**common, method=rival, **of(rival)) for rival in RIVALS if not here or not here.rivals[rival]]


def counts(parts: Split) -> np.ndarray:
    """Training ratings of every user in every domain [n, p]."""
    table = np.zeros((len(parts.ratings.users), parts.ratings.p), dtype=np.int64)
    rows = parts.part == TRAIN
    np.add.at(table, (parts.ratings.user[rows], parts.ratings.domain[rows]), 1)
    return table


def search(parts: Split, query: str) -> np.ndarray:
    """Users by a query: an id or its beginning, or "active in A and B"; nothing asked: all with training ratings.

    Returns their codes, at most MOST of them; the most active first: by the least of the domains named, else by the sum.
    """
    known, ratings = counts(parts), parts.ratings
    text, asked = re.subn(r"^\s*active\s+in\b", "", query, flags=re.IGNORECASE)
    text = text.strip()
    ids = ratings.users.astype(str)
    if text and not asked:
        same = np.flatnonzero(ids == text)
        found = same if len(same) else np.flatnonzero(np.char.startswith(ids, text))
        if len(found):
            return found[np.argsort(-known[found].sum(1), kind="stable")][:MOST]
    named = _named(text, ratings.domains) if text or asked else []
    activity = known[:, named].min(1) if named else known.sum(1)
    found = np.flatnonzero(activity >= (ACTIVE if named else 1))
    if not len(found):
        where = " and ".join(ratings.domains[k] for k in named)
        raise UserError(f"Nobody has {ACTIVE} training ratings in each of {where}. Name fewer domains.")
    return found[np.argsort(-activity[found], kind="stable")][:MOST]


def described(parts: Split, users: np.ndarray) -> list[tuple[str, str]]:
    """Users for a list to choose from: (her id and where she has how many training ratings, her id)."""
    known, ratings = counts(parts)[users], parts.ratings
    where = [" · ".join(f"{ratings.domains[k]} {row[k]}" for k in np.flatnonzero(row)) for row in known]
    return [(f"{ratings.users[u]}:  {text}", ratings.users[u]) for u, text in zip(users, where, strict=True)]


def _named(text: str, domains: list[str]) -> list[int]:
    """Positions of the domains that a text names; whatever else it says but "and" is refused."""
    rest, named = text.casefold(), []
    for k in sorted(range(len(domains)), key=lambda k: -len(domains[k])):
        left = re.sub(rf"(?<!\w){re.escape(domains[k].casefold())}(?!\w)", " ", rest)
        named += [k] if left != rest else []
        rest = left
    strange = [word for word in re.split(r"[\s,&+]+", rest) if word not in ("", "and")]
    if strange or not named:
        near = difflib.get_close_matches(" ".join(strange), [name.casefold() for name in domains], n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise UserError(f"'{text}' is neither the beginning of a user's id nor a list of domains.{hint} Domains: {', '.join(domains)}.")
    return sorted(named)


def suggestion(parts: Split) -> str:
    """A query to begin with: a middling and the smallest domain; nothing asked where nobody is active in both."""
    domains = parts.ratings.domains
    both = [*dict.fromkeys([max(0, len(domains) // 2 - 1), len(domains) - 1])]
    there = counts(parts)[:, both].min(1).max() >= ACTIVE
    return "active in " + " and ".join(domains[k] for k in both) if there else ""


def first(parts: Split, own: str) -> tuple[str, str]:
    """A query to begin with: the reader's own, or where that finds nobody here the suggestion, and what is wrong with hers."""
    try:
        search(parts, own)
    except UserError as error:
        return suggestion(parts), str(error)
    return own or suggestion(parts), ""


def lists(here: Opened, user: str, domain: str, n: int = 10) -> dict[str, pd.DataFrame | None]:
    """By method the first n items for a user: title, rule (`recommend.RULES`), and `later`, her test rating (NaN: none).
    None: no such run.

    Ranked is what she has not rated in training or validation, as when the runs were tested (R27).
    """
    rated = here.adc.rated(user)
    later = rated[(rated["domain"] == domain) & (rated["part"] == "test")].set_index("item")["rating"]
    found = {}
    for method, model in here.models.items():
        first = None if model is None else model.top(user, domain, n, test_items=True)
        found[method] = None if first is None else first[["title", "rule"]].assign(later=first["item"].map(later).astype(float))
    return found


def measured(run: runs.Run, user: str, domain: str) -> float:
    """The user's NDCG@10 as the run stored it, every item ranked; NaN where she has no relevant test item (R25)."""
    table = run.users
    found = table.loc[(table["user"] == user) & (table["target"] == domain) & (table["protocol"] == "full"), "ndcg@10"]
    return float(found.iloc[0]) if len(found) else np.nan


def differences(chosen: Iterable[runs.Run]) -> pd.DataFrame:
    """What tells some runs apart: one column a run, one row a parameter that those who have it have differently ("–": not)."""
    silent = ("code", "variant", *runs.NOT_IDENTITY)
    table = pd.DataFrame({name(run): {key: str(v) for key, v in run.config.items() if key not in silent} for run in chosen})
    return table[table.nunique(axis=1) > 1].fillna("–")


def curves(chosen: Iterable[runs.Run], domain: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of some runs validation NDCG@10 by epoch (`run, epoch, value`) and test NDCG@n by n (`run, n, value`), every item
    ranked; in one domain, or else means over all that a run has."""
    learned, tested = [], []
    for run in chosen:
        history, values = run.history, run.values()
        values = values[(values["protocol"] == "full") & (values["metric"] == "ndcg") & (values["group"] == "all")]
        if domain:
            history, values = history[history["domain"] == domain], values[values["target"] == domain]
        if "validation" in history:
            learned.append(history.groupby("epoch", as_index=False)["validation"].mean().assign(run=name(run)))
        tested.append(values.groupby("n", as_index=False)["value"].mean().assign(run=name(run)))
    empty = pd.DataFrame(columns=["run", "epoch", "validation"])
    return (pd.concat(learned) if learned else empty).rename(columns={"validation": "value"}), pd.concat(tested)
