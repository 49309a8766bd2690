"""Which protocol can lie behind the paper's Table II? What ratings of Table I's size say about it.

Three points are open: which items are ranked (R27), what makes one relevant (R24), and whether a tested user
without a relevant item is left out or counts as zero (R25). What Table I says by itself is in `bounds`."""

import itertools

import numpy as np
import pandas as pd

from adc.errors import UserError
from adc.evaluation import popularity
from adc.relevance import RULES
from adc.split import split_ratings
from companion import data
from companion.analysis import expected
from companion.analysis.expected import ALL, LISTS, TestItems
from companion.analysis.performance import TABLE_II
from companion.data.table1 import TABLE_I

Domains = dict[str, TestItems]
BPR, ADC = TABLE_II["BPR"], TABLE_II["ADC"]  # as printed
ORDERS = {"worst": "worst", "random": "random", "popularity": "given", "perfect": "perfect"}
USERS = ("left out", "count as zero")  # tested users without a relevant item
LENGTHS = tuple(sorted({round(10 ** (step / 8)) for step in range(8, 25)}))  # drawn items, 10 to 1,000
SINGLE, SEVERAL = "drawn items, the same number everywhere", "drawn items, a number for each domain"
RANKED = {"her test items alone": 0, SINGLE: LENGTHS, SEVERAL: None, "every item": ALL}
# BPR / popularity may differ by so much between two domains and still be believed. A judgement: on MovieLens
# and InstEval, every item ranked, it differs by factors of 1.4 and 2.1 (docs/results.md).
SPREAD = 2.5
VERDICTS = ("ruled out", "ruled out on these ratings", "implausible", "possible")


def load(dataset: str, seed: int) -> Domains:
    """The test items of every domain, in the order of popularity, in the split of a seed. A `UserError`
    where the domains are not Table I's: for others the paper prints nothing to compare with."""
    ratings = data.load(dataset)
    if set(ratings.domains) != set(TABLE_I):
        raise UserError(
            f"'{dataset}' has other domains than the paper's Table II ({', '.join(TABLE_I)}), with which its "
            f"scores are to be compared here. Give dataset = 'twin', or 'amazon' where it is prepared."
        )
    split = split_ratings(ratings, seed)
    places = {name: ratings.index(name) for name in TABLE_I}
    return {name: expected.items(split, k, popularity(split, k)) for name, k in places.items()}


def scores(domains: Domains, rule: str = "above") -> pd.DataFrame:
    """What a protocol gives an order of the items: a row a (domain, list, order), with users without a
    relevant item left out; where they count as zero, times `share`."""
    rows = []
    for name, items in domains.items():
        for (ranked, negatives), order in itertools.product(LISTS.items(), ORDERS):
            ndcg, recall = items.scores(ORDERS[order], rule, negatives)
            rows.append((name, ranked, order, ndcg, recall, items.share(rule)))
    return pd.DataFrame(rows, columns=["domain", "list", "order", "ndcg@10", "recall@10", "share"])


def negatives_needed(items: TestItems, score: float, rule: str = "above") -> float:
    """With how many drawn items popularity's expected NDCG@10 comes nearest to a score, by bisection, as it
    falls with their number; NaN for a score above that of her test items alone."""
    at = lambda number: items.scores("given", rule, number)[0]
    few, many = 0, int(items.unrated.max())
    if score > at(few):
        return np.nan
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if at(middle) > score else (few, middle)
    return min(few, many, key=lambda number: abs(at(number) - score))


def lengths(domains: Domains, rule: str = "above", users: str = "left out") -> pd.Series:
    """By domain the number of drawn items at which popularity scores what the paper prints for BPR."""
    part = _shares(domains, rule, users)
    needed = {name: negatives_needed(items, BPR[name] / part[name], rule) for name, items in domains.items()}
    return pd.Series(needed, name="drawn items")


def verdicts(domains: Domains, bounds: pd.DataFrame) -> pd.DataFrame:
    """Every protocol with a verdict (VERDICTS) and the facts behind it: `items ranked, users without a
    relevant item, relevance, verdict, because`. bounds: of `bounds.table`."""
    rows = []
    for ranked, users, rule in itertools.product(RANKED, USERS, RULES):
        facts = _from_table_1(bounds, users, rule) + _impossible(domains, ranked, users, rule)
        place, text = min(facts or [_likelihood(domains, ranked, users, rule)])
        same = [words for level, words in facts if level == place] or [text]
        rows.append((ranked, users, rule, VERDICTS[place], "; ".join(same)))
    columns = ["items ranked", "users without a relevant item", "relevance", "verdict", "because"]
    return pd.DataFrame(rows, columns=columns)


def _shares(domains: Domains, rule: str, users: str) -> pd.Series:
    """By what to multiply a mean over the users with a relevant item, by domain."""
    part = {name: items.share(rule) if users == "count as zero" else 1.0 for name, items in domains.items()}
    return pd.Series(part)


def _by_order(domains: Domains, order: str, users: str, rule: str, negatives: int) -> pd.Series:
    """NDCG@10 by domain."""
    scores = {name: items.scores(ORDERS[order], rule, negatives)[0] for name, items in domains.items()}
    return pd.Series(scores) * _shares(domains, rule, users)


def _from_table_1(bounds: pd.DataFrame, users: str, rule: str) -> list[tuple[int, str]]:
    over = ADC > bounds["tested users"]
    if rule != "above" or users == "left out" or not over.any():
        return []
    most = bounds["tested users"][over]
    words = [f"{name} (ADC {ADC[name]:.3f}, at most {value:.3f})" for name, value in most.items()]
    return [(0, f"more than Table I allows: {', '.join(words)}")]


def _impossible(domains: Domains, ranked: str, users: str, rule: str) -> list[tuple[int, str]]:
    """What cannot be with the ratings at hand: a score above the perfect order's, below the worst order's, or
    two further apart than these."""
    negatives = RANKED[ranked] if isinstance(RANKED[ranked], int) else ALL  # the worst order's least score
    worst, perfect = (_by_order(domains, order, users, rule, negatives) for order in ("worst", "perfect"))
    facts = {
        "the printed ADC is above the perfect order's score": ADC > perfect,
        "the printed BPR is below the worst order's score": BPR < worst,
        "ADC / BPR is larger than perfect / worst": ADC * worst > BPR * perfect,
    }
    return [(1, f"{words}: {_names(where)}") for words, where in facts.items() if where.any()]


def _likelihood(domains: Domains, ranked: str, users: str, rule: str) -> tuple[int, str]:
    """The verdict where nothing is impossible: is the printed BPR, beside popularity, to be believed?"""
    if ranked == SEVERAL:
        needed = lengths(domains, rule, users)
        if needed.isna().any():
            return 2, f"BPR is above popularity among her test items alone: {_names(needed.isna())}"
        words = f"with {needed.min():.0f} to {needed.max():.0f} drawn items"
        return 3, f"popularity scores what is printed for BPR {words}"
    numbers = RANKED[ranked] if ranked == SINGLE else (RANKED[ranked],)
    ratios = {n: BPR / _by_order(domains, "popularity", users, rule, n) for n in numbers}
    number = min(ratios, key=lambda n: np.log(ratios[n]).abs().max())
    low, high = (getattr(ratios[number], f"idx{which}")() for which in ("min", "max"))
    words = " to ".join(f"{ratios[number][name]:.2g} ({name})" for name in (low, high))
    suits = f" with {number}, the number that suits best" if ranked == SINGLE else ""
    believed = ratios[number][high] <= SPREAD * ratios[number][low]
    return 3 if believed else 2, f"the printed BPR is {words} times popularity{suits}"


def _names(where: pd.Series) -> str:
    names = [name for name, true in where.items() if true]
    return "all domains" if len(names) == len(where) else ", ".join(names)
