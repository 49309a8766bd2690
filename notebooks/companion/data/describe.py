"""Small tables that say what a dataset is like; the notebook 01_data shows them."""

import numpy as np
import pandas as pd

from adc.ratings import Ratings
from adc.relevance import RULES, evaluable
from adc.split import TEST, Split
from companion.data.table1 import TABLE_I


def _member(ratings: Ratings) -> np.ndarray:
    """Which users have a rating in which domain [n, p] bool."""
    member = np.zeros((len(ratings.users), ratings.p), dtype=bool)
    member[ratings.user, ratings.domain] = True
    return member


def shared_users(ratings: Ratings) -> pd.DataFrame:
    """Users shared by each pair of domains [p, p]; the diagonal holds each domain's own users."""
    member = _member(ratings).astype(np.int64)
    return pd.DataFrame(member.T @ member, index=ratings.domains, columns=ratings.domains)


def domains_of_users(ratings: Ratings) -> pd.Series:
    """How many users rated in how many domains [1 … p]."""
    users = np.bincount(_member(ratings).sum(1), minlength=ratings.p + 1)[1:]
    return pd.Series(users, index=range(1, ratings.p + 1), name="users").rename_axis("domains")


def stars(ratings: Ratings) -> pd.DataFrame:
    """Share (%) of each rating among a domain's ratings [p, values]."""
    code, values = pd.factorize(ratings.rating, sort=True)
    places = ratings.domain.astype(np.int64) * len(values) + code
    counts = np.bincount(places, minlength=ratings.p * len(values)).reshape(ratings.p, -1)
    table = pd.DataFrame(100 * counts / counts.sum(1, keepdims=True), ratings.domains, values)
    return table.rename_axis(columns="stars")


def compare_with_table_1(ratings: Ratings) -> pd.DataFrame:
    """`Ratings.table()`; where all domains are Table I's, with the paper's numbers and the difference."""
    here = ratings.table()
    if not set(ratings.domains) <= set(TABLE_I):
        return here
    paper = pd.DataFrame(TABLE_I, index=["users", "items", "ratings"]).T.loc[ratings.domains]
    paper["density"] = 100 * paper["ratings"] / (paper["users"] * paper["items"])
    return pd.concat({"here": here, "Table I": paper, "difference": here - paper}, axis=1)


def records_by_outcome(manifest: dict) -> pd.DataFrame:
    """Records that became a rating and those that did not, by reason, with their share (%) of all records."""
    ratings = sum(counts["ratings"] for counts in manifest["counts"].values())
    dropped = {f"left out: {reason}": n for reason, n in manifest["dropped"].items()}
    records = pd.Series({"kept": ratings} | dropped, dtype=np.int64)
    return pd.DataFrame({"records": records, "share (%)": (100 * records / records.sum()).round(3)})


def user_keys(keys: list[dict]) -> pd.DataFrame:
    """Table I under every candidate for what a user is (R37), nearest first: [counts x keys, domains].

    keys: those in the report of `amazon.ratings`. deviation: sum of all relative deviations from Table I."""
    table = pd.DataFrame(keys).sort_values("total", kind="stable")
    blocks = {}
    for count, paper in pd.DataFrame(TABLE_I, index=["users", "items", "ratings"]).iterrows():
        here = table.pivot(index="key", columns="domain", values=count).loc[table["key"].unique()]
        counts = pd.concat([paper.to_frame("Table I").T, here[list(TABLE_I)]])
        blocks[count] = counts.assign(deviation=table.groupby("key")["total"].first())
    return pd.concat(blocks, names=["", "user is"])


def overlap(ratings: Ratings) -> pd.DataFrame:
    """Share (%) of the row's users who also rate in the column's domain [p, p]; not symmetric."""
    shared = shared_users(ratings)
    return 100 * shared.div(np.diag(shared), axis=0)


def long_tail(ratings: Ratings, of: str) -> pd.DataFrame:
    """`domain, ratings, share`: of the domain's "users" or "items" (`of`) with at least so many ratings."""
    codes = {"users": ratings.user, "items": ratings.item}[of]
    tables = []
    for k, domain in enumerate(ratings.domains):
        counts = np.bincount(codes[ratings.domain == k])
        size, times = np.unique(counts[counts > 0], return_counts=True)
        share = times[::-1].cumsum()[::-1] / times.sum()
        tables.append(pd.DataFrame({"domain": domain, "ratings": size, "share": share}))
    return pd.concat(tables, ignore_index=True)


def evaluable_users(split: Split) -> pd.DataFrame:
    """Users with a relevant test rating by each rule of R24 [p, rules]; `tested`: with any test rating."""
    rows = {}
    for k, domain in enumerate(split.ratings.domains):
        tested = len(np.unique(split.of(k, TEST)[0]))
        rows[domain] = {"tested": tested} | {rule: evaluable(split, k, rule) for rule in RULES}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("domain")
