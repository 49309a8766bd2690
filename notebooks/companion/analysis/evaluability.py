"""What Table II's column of BPR follows from domain to domain: how many users can be evaluated, or how easy
it is to rank for them? Six domains tell little, so that every correlation stands with its uncertainty."""

import itertools

import numpy as np
import pandas as pd
from scipy.stats import pearsonr

from adc.metrics import Array
from companion.analysis.expected import LISTS
from companion.analysis.forensics import BPR, Domains
from companion.data.table1 import TABLE_I

SHARES = {  # rule of R24 -> the share of tested users who have a relevant item by it
    "above": "share with a relevant item",
    "all_domains": "share, her mean over all domains",
    "train_only": "share, her mean over training",
}
RICHNESS, SHARE = "ratings a user", SHARES["above"]
POPULARITY = {"full": "popularity, every item ranked", "sampled": "popularity, 99 items drawn"}


def points(domains: Domains) -> pd.DataFrame:
    """By domain what BPR's score may follow (ratings a user from Table I alone), and the paper's BPR."""
    table = pd.DataFrame({RICHNESS: {name: size[2] / size[0] for name, size in TABLE_I.items()}})
    for rule, title in SHARES.items():
        table[title] = {name: items.share(rule) for name, items in domains.items()}
    for ranked, title in POPULARITY.items():
        scores = {name: items.scores("given", "above", LISTS[ranked])[0] for name, items in domains.items()}
        table[title] = scores
    return table.assign(BPR=BPR)


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of BPR with every other column of `points`: exact two-sided p over all orders of the
    domains; Fisher's 95 % interval; and the range of r when one domain is left out."""
    bpr = table["BPR"].to_numpy()
    rows = {name: _correlation(x.to_numpy(), bpr) for name, x in table.drop(columns="BPR").items()}
    columns = ["r", "p", "low", "high", "least without one", "most without one"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def difference(table: pd.DataFrame, one: str, other: str) -> tuple[float, float]:
    """By how much BPR goes more with one column than with another, and the p, one-sided and exact, that it
    would by chance: over all orders of BPR's scores."""
    shuffled = _orders(table["BPR"].to_numpy())
    gain = _r(shuffled, table[one].to_numpy()) - _r(shuffled, table[other].to_numpy())
    return float(gain[0]), float((gain >= gain[0] - 1e-12).mean())


def _correlation(x: Array, y: Array) -> tuple[float, ...]:
    every = _r(_orders(y), x)
    r, p = every[0], (abs(every) >= abs(every[0]) - 1e-12).mean()
    low, high = pearsonr(x, y).confidence_interval()
    without = [float(_r(np.delete(y, k)[None], np.delete(x, k))[0]) for k in range(len(x))]
    return float(r), float(p), float(low), float(high), min(without), max(without)


def _orders(values: Array) -> Array:
    """All orders of some values [n!, n], as they are the first."""
    return np.array(list(itertools.permutations(values)))


def _r(rows: Array, x: Array) -> Array:
    """Pearson's r of every row with x."""
    rows, x = rows - rows.mean(axis=1, keepdims=True), x - x.mean()
    return rows @ x / np.sqrt((rows**2).sum(axis=1) * (x @ x))


def summary(table: pd.DataFrame) -> str:
    """Does BPR go with the share of users more than with popularity? In words."""
    parts = []
    for other in POPULARITY.values():
        gain, p = difference(table, SHARE, other)
        parts.append(f"by {gain:+.2f} than with *{other}* (p = {p:.3f})")
    return (
        f"BPR's r with *{SHARE}* is larger {' and '.join(parts)}; p exact and one-sided, n = 6, two tests "
        f"uncorrected. Where p is small it looks like evaluability, not difficulty. But r with "
        f"*{RICHNESS}* is {correlations(table).loc[RICHNESS, 'r']:.2f}, and richer domains would score "
        f"higher by being learned better, too."
    )
