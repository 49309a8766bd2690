"""The tables of the report, from those of `scores` and `verdicts`."""

import numpy as np
import pandas as pd

from companion.analysis.curves import MEAN
from companion.analysis.equivalence import judge
from companion.escape import Table
from companion.use.own_ratings.scores import JOINT, LABELS
from companion.use.own_ratings.verdicts import COMPARISONS, OPEN, QUESTION, signed, spending


def decisions(use: pd.DataFrame, comparisons: pd.DataFrame, domains: list[str]) -> Table:
    """One line a domain: use this, and is it worth learning from the others there? From `use_this` and
    `compare`."""
    question = comparisons[comparisons["what"] == QUESTION].set_index("target")
    rows = {}
    for target in (*domains, MEAN) if len(domains) > 1 else domains:
        if target not in use.index:
            rows[target] = {"use this": "–" if use.empty or target == MEAN else "– (nobody to test yet)"}
            continue
        row = use.loc[target]
        side = "all domains" if row["method"] in JOINT else "this domain alone"
        worth = brief(question.loc[target]) if target in question.index else "–"
        rows[target] = {"use this": LABELS[row["method"]], "learned from": side, "NDCG@10": row["value"],
                        "popularity": row["popularity"], "best on validation": LABELS[row["best"]],
                        "worth it?": worth, "splits": row["splits"],
                        "users tested": row["users"]}  # fmt: skip
    return _style(pd.DataFrame.from_dict(rows, orient="index"))


def brief(row: pd.Series) -> str:
    """A verdict for a cell; an open one with the further splits that would decide it."""
    return row.verdict + (f" ({row.more:.0f})" if pd.notna(row.more) else "")


def comparison_table(comparisons: pd.DataFrame) -> Table:
    """Each method jointly less itself alone, by domain and in the mean; bold: decided, else in how many
    further splits that would be."""
    if comparisons.empty:
        return Table(pd.DataFrame({"": ["none yet, or there is one domain only"]}))
    cells = [f"{signed(row)}, {brief(row)}" for row in comparisons.itertuples()]
    bold = np.where(comparisons["verdict"] == OPEN, "", "font-weight: bold")
    rows = comparisons.assign(cell=cells, bold=bold)
    wide = rows.pivot(index="target", columns="what", values=["cell", "bold"]).fillna("")
    targets, whats = rows["target"].unique(), [name for name in COMPARISONS if name in set(rows["what"])]
    wide = wide.reindex(targets)
    return _style(wide["cell"][whats]).apply(lambda _: wide["bold"][whats], axis=None)


def above_popularity(table: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    """Every method less popularity on the same splits: target, method, mean, low, high, splits, by intervals
    as those of `compare`. table: of `with_best`."""
    rows, values = [], table.set_index(["target", "method", "seed"])["value"].sort_index()
    for target, method in table[["target", "method"]].drop_duplicates().itertuples(index=False):
        if method in LABELS and method != "popularity" and (target, "popularity") in values.index:
            gaps = (values[target, method] - values[target, "popularity"]).dropna()
            j = judge(gaps, 0.0, spending(1 if target == MEAN else len(domains)))
            rows.append((target, method, j.difference, j.low, j.high, j.n))
    return pd.DataFrame(rows, columns=["target", "method", "mean", "low", "high", "splits"])


def method_table(table: pd.DataFrame) -> Table:
    """NDCG@10, means over the splits [targets, methods], the highest of a row in bold. Of `with_best`."""
    return _style(_by_method(table, "value")).highlight_max(axis=1, props="font-weight: bold")


def newcomers(table: pd.DataFrame) -> Table:
    """NDCG@10 of users known from other domains only (R36) [targets, methods]. table: of `with_best`."""
    rows = table[(table["elsewhere_users"] > 0) & (table["method"] != "adc_alone")]
    wide = _by_method(rows, "elsewhere")
    wide.insert(0, "users tested", rows.groupby("target")["elsewhere_users"].mean())
    return _style(wide)


def _by_method(table: pd.DataFrame, value: str) -> pd.DataFrame:
    wide = table.pivot_table(index="target", columns="method", values=value, sort=False)
    wide = wide.reindex(table["target"].unique())
    return wide[[name for name in LABELS if name in wide]].rename(columns=LABELS)


def _style(table: pd.DataFrame) -> Table:
    style = Table(table.rename_axis(index=None, columns=None)).format(precision=4, na_rep="–")
    whole = [name for name in table if name in ("users tested", "splits")]
    return style.format("{:,.0f}", subset=whole, na_rep="–")
