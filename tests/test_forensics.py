"""Forensics of the protocol: bounds by brute force and their proofs, expectations beside `adc.evaluate`,
facts by hand. Synthetic ratings only."""

from functools import cache
from math import comb

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from small import random_split, split_from_rows

from adc.errors import UserError
from adc.evaluation import evaluate
from adc.split import TEST, TRAIN
from companion import data
from companion.analysis import bounds, evaluability, expected, forensics
from companion.data.table1 import TABLE_I
from companion.figures import forensics as figures

shares_at_most = cache(bounds.table)  # it takes seconds


def test_electronics_cannot_have_the_printed_score_where_zeros_count():
    n, _, ratings = TABLE_I["electronics"]
    best = bounds.bound(TABLE_I["electronics"])
    two = ratings - n  # with one rating nobody has a relevant item, with two the better one may be tested
    by_hand = 0.4 * two / (0.4 * (n - two) + 0.64 * two)
    assert best.value == pytest.approx(by_hand, abs=1e-4) and best.value == pytest.approx(0.205, abs=5e-4)
    assert best.users == pytest.approx({1: n - two, 2: two})
    assert bounds.bound(TABLE_I["electronics"], "all users, any split").value == pytest.approx(two / n)


@pytest.mark.parametrize("divisor", bounds.DIVISORS)
@pytest.mark.parametrize("domain", TABLE_I)
def test_the_certificate_proves_the_bound(domain, divisor):
    size = TABLE_I[domain]
    best, (degree, p, q) = bounds.bound(size, divisor), bounds.chances(size, divisor)
    slack = best.value * q + best.slope * (degree - size[2] / size[0]) - p
    assert slack.min() > -1e-9 and sum(best.users.values()) == pytest.approx(size[0])
    assert sum(d * users for d, users in best.users.items()) == pytest.approx(size[2])


def partitions(total: int, parts: int, least: int = 1):
    """All ways to give `parts` users `total` ratings, each at least `least`."""
    if parts == 1:
        yield (total,)
        return
    for first in range(least, total // parts + 1):
        yield from ((first, *rest) for rest in partitions(total - first, parts - 1, first))


@pytest.mark.parametrize("size", [(3, 5, 5), (4, 9, 10), (5, 20, 15), (6, 9, 10)])
def test_no_distribution_of_a_tiny_domain_is_above_the_bound(size):
    n, m, ratings = size
    tested = ratings - round(0.5 * ratings) - round(0.1 * ratings)

    def chance(d):  # that one of d ratings is among the tested
        return 1 - comb(ratings - d, tested) / comb(ratings, tested)

    possible = [degrees for degrees in partitions(ratings, n) if max(degrees) <= m]
    shares = [sum(chance(d - 1) for d in degrees) / sum(map(chance, degrees)) for degrees in possible]
    best = bounds.bound(size)
    assert max(shares) <= best.value + 1e-12
    whole = all(abs(users - round(users)) < 1e-6 for users in best.users.values())
    assert not whole or max(shares) == pytest.approx(best.value)


def test_the_sentence_names_what_is_printed_above_the_bound():
    table = shares_at_most()
    words = bounds.summary(table)
    assert "tested users: ADC in electronics (0.3037 > 0.2050)" in words and "tested users: BPR" not in words
    assert bounds.summary(table.assign(BPR=0.0, ADC=0.0)).endswith("none")


@pytest.mark.parametrize("rule", ["above", "at_least", "all_domains"])
@pytest.mark.parametrize("protocol", ["rated", "full"])
def test_an_order_without_ties_scores_what_evaluate_says(protocol, rule):
    split = random_split(users=60, items=40)
    score = np.random.default_rng(1).permutation(40).astype(np.float32)
    given = torch.from_numpy(score)
    same = lambda users: given.repeat(len(users), 1)
    same.ranks_cold = True  # else users without a training rating would be ranked for by popularity
    rows = evaluate(split, 1, same, protocols=(protocol,), rule=rule)
    result = expected.items(split, 1, score).scores("given", rule, expected.LISTS[protocol])
    assert result == pytest.approx((rows["ndcg@10"].mean(), rows["recall@10"].mean()), rel=1e-9)


def drawn(items: expected.TestItems, negatives: int, order: str, rng) -> float:
    """NDCG@10 by drawing lists and, for "random", orders: what the formulas are to give in the mean."""
    mask, scores = items.relevant["above"], []
    for user in np.unique(items.user[mask]):
        own = np.flatnonzero(items.user == user)
        place = items.own[own] + items.others[own] + 0.0  # among all items that are not in training
        unrated = np.setdiff1d(np.arange(items.unrated[user] + len(own)), place)
        lists = rng.choice(unrated, min(negatives, len(unrated)), replace=False)
        key = np.concatenate([place, lists])
        key = rng.permutation(key) if order == "random" else key
        rank = (key[: len(own), None] > key).sum(axis=1)[mask[own]]
        gain = expected.GAIN[rank[rank < expected.TOP]].sum()
        scores.append(gain / expected.IDEAL[min(expected.TOP, len(rank))])
    return float(np.mean(scores))


@pytest.mark.parametrize("order", ["given", "random"])
@pytest.mark.parametrize("negatives", [0, 3, 12, expected.ALL])
def test_expectations_are_the_mean_over_lists_that_are_drawn(order, negatives):
    split = random_split(users=50, items=40)
    items = expected.items(split, 0, np.random.default_rng(2).random(40))
    rng = np.random.default_rng(3)
    values = [drawn(items, negatives, order, rng) for _ in range(150)]
    error = np.std(values) / len(values) ** 0.5
    assert items.scores(order, "above", negatives)[0] == pytest.approx(np.mean(values), abs=4 * error + 1e-9)


def test_worst_and_perfect_orders_by_hand():
    rows = [("films", "u", f"i{k}", stars, TEST) for k, stars in enumerate((5.0, 5.0, 1.0, 1.0, 1.0))]
    rows += [("films", "v", "i0", 3.0, TEST), ("films", "v", "i5", 3.0, TRAIN)]
    items = expected.items(split_from_rows(rows), 0, np.zeros(6))
    assert items.share("above") == 0.5 and items.share("at_least") == 1
    assert items.scores("perfect", "above", 0) == (1, 1)
    ideal = 1 + 1 / np.log2(3)
    worst = (1 / np.log2(5) + 1 / np.log2(6)) / ideal  # ranks 4 and 5 of 5
    assert items.scores("worst", "above", 0) == pytest.approx((worst, 1))
    worst = (1 / np.log2(6) + 1 / np.log2(7)) / ideal  # one item that she has not rated is above
    assert items.scores("worst", "above", expected.ALL) == pytest.approx((worst, 1))


KEY = ["items ranked", "users without a relevant item", "relevance"]


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    """The test items of a small twin: Table I's domains, a fiftieth of its size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(tmp_path_factory.mktemp("home")))
        return forensics.load("twin-s0.02", 0)


def test_the_number_of_drawn_items_is_the_one_at_which_popularity_has_the_score(domains):
    items = domains["music"]
    number = forensics.negatives_needed(items, 0.3)
    around = [items.scores("given", "above", number + step)[0] for step in (-1, 0, 1)]
    assert around[0] > 0.3 > around[2] and abs(around[1] - 0.3) == min(abs(np.array(around) - 0.3))
    assert np.isnan(forensics.negatives_needed(items, 1.1))


def test_every_protocol_has_a_verdict_that_its_facts_bear_out(domains):
    table = forensics.verdicts(domains, shares_at_most()).set_index(KEY)
    assert len(table) == 4 * 2 * 5 and set(table["verdict"]) <= set(forensics.VERDICTS)
    zeros = table.xs("count as zero", level=1).xs("above", level=1)
    assert set(zeros["verdict"]) == {"ruled out"}
    assert zeros["because"].str.contains("electronics (ADC 0.304, at most 0.205)", regex=False).all()
    rated = table.loc[("her test items alone", "left out", "above")]
    assert rated["verdict"] == "ruled out on these ratings" and "worst order's score" in rated["because"]


def test_what_is_printed_decides(domains, monkeypatch):
    """Scores of popularity itself on these ratings are possible where it had them, and not elsewhere."""
    scores = {name: items.scores("given", "above", expected.ALL)[0] for name, items in domains.items()}
    monkeypatch.setattr(forensics, "BPR", pd.Series(scores))
    monkeypatch.setattr(forensics, "ADC", 1.2 * pd.Series(scores))
    table = forensics.verdicts(domains, shares_at_most()).set_index(KEY)
    row = table.loc[("every item", "left out", "above")]
    assert row["verdict"] == "possible" and "1 (" in row["because"]
    assert table.loc[("her test items alone", "left out", "above"), "verdict"] == "ruled out on these ratings"


def test_other_domains_than_the_papers_are_refused(monkeypatch):
    split = random_split()
    monkeypatch.setattr(data, "load", lambda dataset: split.ratings)
    with pytest.raises(UserError, match="'mine' has other domains.*Give dataset = 'twin'"):
        forensics.load("mine", 0)


def table_of(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"x": values, "BPR": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, index=list(TABLE_I))


def test_a_correlation_stands_with_exact_p_and_interval():
    row = evaluability.correlations(table_of([1, 2, 3, 4, 5, 7.0])).loc["x"]
    assert row["r"] == pytest.approx(np.corrcoef([1, 2, 3, 4, 5, 7], range(6))[0, 1])
    assert row["p"] == pytest.approx(2 / 720)  # this order and, with the other sign, its reverse
    low, high = np.tanh(np.arctanh(row["r"]) + np.array([-1, 1]) * 1.959964 / 3**0.5)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["least without one"] <= row["r"] <= row["most without one"] + 1e-12


def test_a_difference_of_correlations_is_tested_over_the_same_orders():
    table = table_of([1, 2, 3, 4, 5, 6.0]).assign(y=[6, 5, 4, 3, 2, 1.0])
    assert evaluability.difference(table, "x", "y") == pytest.approx((2.0, 1 / 720))
    assert evaluability.difference(table, "x", "x") == pytest.approx((0.0, 1.0))


def test_the_figures_show_every_domain_and_what_the_paper_prints(domains, style):
    figure = figures.protocols(forensics.scores(domains), shares_at_most(), "synthetic")
    assert len(figure.axes) == 6
    for panel in figure.axes:
        (printed,) = [line for line in panel.lines if line.get_label() == "paper: ADC"]
        assert printed.get_xdata().tolist() == forensics.ADC.tolist() and len(panel.patches) == 6
    points = evaluability.points(domains)
    names = [evaluability.RICHNESS, evaluability.SHARE]
    figure = figures.column(points, evaluability.correlations(points), names, "synthetic")
    assert [text.get_text() for text in figure.axes[1].texts] == list(TABLE_I)
    assert "n = 6" in evaluability.summary(points)
    plt.close("all")
