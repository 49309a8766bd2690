"""Small tables that say what a dataset is like; the notebook 01_data shows them."""

import numpy as np
import pandas as pd

from adc.data.schema import Ratings
from adc.data.table1 import TABLE_I
from adc.relevance import RULES, evaluable
from adc.split import TEST, Split


def beside_paper(ratings: Ratings) -> pd.DataFrame:
    """`Ratings.table()`; where every domain is one of Table I's, with the paper's numbers and the difference."""
    here = ratings.table()
    if not set(ratings.domains) <= set(TABLE_I):
        return here
    paper = pd.DataFrame.from_dict(TABLE_I, orient="index", columns=["users", "items", "ratings"]).loc[ratings.domains]
    paper["density"] = 100 * paper["ratings"] / (paper["users"] * paper["items"])
    return pd.concat({"here": here, "Table I": paper, "difference": here - paper}, axis=1)


def left_out(manifest: dict) -> pd.DataFrame:
    """Records that did not become a rating, by reason, and their share (%) of all that were read."""
    kept = sum(counts["ratings"] for counts in manifest["counts"].values())
    left_out = {f"left out: {why}": n for why, n in manifest["dropped"].items()}
    reasons = pd.Series({"kept": kept} | left_out, dtype=np.int64)
    return pd.DataFrame({"records": reasons, "share (%)": (100 * reasons / reasons.sum()).round(3)})


def user_keys(keys: list[dict]) -> pd.DataFrame:
    """Table I under every candidate for what a user is (R37), nearest first: [users, ratings x keys, domains].

    `keys` is the report's of `adc.data.amazon.ratings`. deviation: the sum of all relative deviations from Table I.
    """
    table = pd.DataFrame(keys).sort_values("total", kind="stable")
    blocks = {}
    for position, what in enumerate(("users", "items", "ratings")):
        found = table.pivot(index="key", columns="domain", values=what).loc[table["key"].unique(), list(TABLE_I)]
        paper = pd.DataFrame({domain: row[position] for domain, row in TABLE_I.items()}, index=["Table I"])
        blocks[what] = pd.concat([paper, found]).assign(deviation=table.groupby("key")["total"].first())
    return pd.concat(blocks, names=["", "user is"])


def overlap(ratings: Ratings) -> pd.DataFrame:
    """Share (%) of the row's users who also rate in the column's domain [p, p]; not symmetric."""
    shared = ratings.overlap()
    return 100 * shared.div(np.diag(shared), axis=0)


def domains_per_user(ratings: Ratings) -> pd.Series:
    """How many users rate in exactly 1, 2, … p domains."""
    pairs = np.unique(ratings.user.astype(np.int64) * ratings.p + ratings.domain)
    count = np.bincount(np.bincount(pairs // ratings.p), minlength=ratings.p + 1)
    return pd.Series(count[1:], index=pd.RangeIndex(1, ratings.p + 1, name="domains"), name="users")


def tail(ratings: Ratings, of: str) -> pd.DataFrame:
    """Long tails: `domain, ratings, share` of the domain's users or items (`of`) with at least so many ratings."""
    codes = {"users": ratings.user, "items": ratings.item}[of]
    tables = []
    for k, domain in enumerate(ratings.domains):
        each = np.bincount(codes[ratings.domain == k])
        size, count = np.unique(each[each > 0], return_counts=True)
        share = count[::-1].cumsum()[::-1] / count.sum()
        tables.append(pd.DataFrame({"domain": domain, "ratings": size, "share": share}))
    return pd.concat(tables, ignore_index=True)


def stars(ratings: Ratings) -> pd.DataFrame:
    """Share (%) of every value of the ratings in each domain [p, values]; each row sums to 100."""
    share = 100 * pd.crosstab(ratings.domain, ratings.rating, normalize="index")
    return share.set_axis(ratings.domains, axis=0).rename_axis(index="domain", columns="stars")


def can_be_evaluated(parts: Split) -> pd.DataFrame:
    """Users with a relevant test rating by each rule of R24 [p, rules]; `tested`: those with any test rating."""
    rows = {}
    for k, domain in enumerate(parts.ratings.domains):
        tested = len(np.unique(parts.of(k, TEST)[0]))
        rows[domain] = {"tested": tested} | {rule: evaluable(parts, k, rule) for rule in RULES}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("domain")


def in_words(users: pd.DataFrame) -> str:
    """One paragraph about `can_be_evaluated`, for the reader who looks at no table."""
    share = users["above"] / users["tested"]
    low, high = share.idxmin(), share.idxmax()
    tested, above, more = users[["tested", "above", "at_least"]].sum()
    range_ = f"It is {share[low]:.0%} in {low} ({users.loc[low, 'above']:,} users) and {share[high]:.0%} in {high}. "
    return (
        f"Of {tested:,} users with a test rating (a user counts once in every domain), {above:,} "
        f"({above / tested:.0%}) have one strictly above their own average, the rule that every table of this "
        f"companion uses (R24). {range_ if low != high else ''}Everybody else is left out of the averages (R25). With "
        f"\"at least the average\" it would be {more:,} users ({more / tested:.0%}): a user with a single rating "
        f"meets her own average and never exceeds it."
    )
