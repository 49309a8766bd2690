"""Readings one at a time, and the rules of scoring, on numbers worked by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from hand_made import run_with, write_run
from small import random_split, split_from_rows

from adc.early_stopping import factor_score
from adc.errors import UserError
from adc.evaluation import evaluate
from adc.relevance import RULES
from adc.split import TEST, TRAIN
from companion import registry
from companion.analysis import report, sensitivity


def stored(value: float, seed: int = 0, method: str = "adc", **settings):
    return run_with(registry.configure(method, "x", seed, **settings), {"a": value, "b": value + 0.2})


def test_a_reading_counts_only_beside_a_base_that_differs_in_nothing_else():
    for seed in (0, 1):
        stored(0.2, seed)
        stored(0.25 + seed / 50, seed, agreement_weight=0.0)
    stored(0.9, resample_negatives=False, epochs=3)  # its base was never run
    stored(0.9, resample_negatives=False, agreement_weight=0.0)  # two at once
    readings = sensitivity.readings(*sensitivity.available("x", "any"))
    assert readings[["reading", "change", "seeds"]].values.tolist() == [["R5", "agreement_weight = 0.0", 2]]
    row = readings.iloc[0]
    assert row["difference"] == pytest.approx(0.06) and row["relative"] == pytest.approx(20)
    assert row["high"] - row["difference"] == pytest.approx(12.7062 * 0.01, rel=1e-4)
    assert len(row["runs"]) == 2


def test_the_base_with_most_readings_beside_it_is_taken():
    short = stored(0.2, epochs=3)
    stored(0.3, epochs=3, train_items=False)
    stored(0.5)
    bases, candidates = sensitivity.available("x", "any")
    assert bases[0].folder == short.folder
    assert sensitivity.readings(bases, candidates)["difference"].tolist() == [pytest.approx(0.1)]


def test_without_a_base_it_says_what_to_run():
    stored(0.2, hidden_layers=2)
    with pytest.raises(UserError, match="13_studies .study readings."):
        sensitivity.available("x", "any")


def test_methods_stand_by_their_usual_runs_and_their_difference_to_adc():
    stored(0.2)
    stored(0.21, method="static")
    stored(0.9, method="static", agreement_weight=0.0)
    stored(0.5, method="popularity")
    stored(0.9, method="clfm", objective="ratings")
    bases, _ = sensitivity.available("x", "any")
    usual = sensitivity.usual_runs(report.load("x", "any", required=["adc"]))
    assert list(usual["method"].unique()) == ["popularity", "static", "adc"]
    rivals = sensitivity.rivals(usual, bases).set_index("method")
    assert rivals["difference"].to_dict() == {"popularity": pytest.approx(0.3), "static": pytest.approx(0.01)}


def test_only_methods_with_the_same_seeds_are_ranked():
    pairs = [("popularity", 0), ("popularity", 1), ("bpr", 0), ("adc", 0), ("adc", 1), ("adc", 2)]
    rows = pd.DataFrame(pairs, columns=["method", "seed"])
    assert sensitivity.same_seeds(rows).values.tolist() == [["popularity", 0], ["bpr", 0], ["adc", 0]]
    apart = [("popularity", 0), ("adc", 0), ("adc", 1), ("bpr", 1)]
    rows = pd.DataFrame(apart, columns=["method", "seed"])
    assert set(sensitivity.same_seeds(rows)["method"]) >= {"adc"}


def one_user(stars: list[int], scores: list[float]):
    """A split with one user: stars of her test ratings of items 0, 1, …, one training rating more."""
    rows = [("d", "u", f"i{k:02d}", star, TEST) for k, star in enumerate(stars)]
    rows.append(("d", "u", f"i{len(stars):02d}", 3, TRAIN))
    split = split_from_rows([*rows, ("d", "v", "i00", 3, TRAIN), ("d", "v", "i01", 3, TEST)])
    return split, lambda users: torch.tensor([scores + [99.0]]).repeat(len(users), 1)


def test_every_rule_by_hand():
    split, score = one_user([5, 4, 1], [0.2, 0.9, 0.5])  # ranks 3, 1, 2; her mean is 3.25; v rated all alike
    rank = sensitivity.rank_test_ratings(split, 0, score)
    user, item, _ = split.of(0, TEST)
    hers = user == int(np.flatnonzero(split.ratings.users == "u")[0])
    assert dict(zip(item[hers].tolist(), rank[hers].tolist(), strict=True)) == {0: 3, 1: 1, 2: 2}
    scores = sensitivity.rule_scores(split, 0, score)
    both = (1 + 1 / 2) / (1 + 1 / np.log2(3))
    assert scores["default"] == pytest.approx(both) and scores["R24 ≥ 4 stars"] == pytest.approx(both)
    assert scores["R25 counted as 0"] == pytest.approx(both / 2)
    assert scores["R28 log2(j) + 1"] == pytest.approx((1 + 1 / (np.log2(3) + 1)) / 1.5)
    assert scores["recall@10"] == 1 == scores["R26 min(N, all)"]


def test_recall_may_be_divided_by_what_fits_into_the_list():
    split, score = one_user([5] * 12 + [1] * 3, list(map(float, range(15))))  # three that miss come first
    scores = sensitivity.rule_scores(split, 0, score)
    assert scores["recall@10"] == pytest.approx(7 / 12) and scores["R26 min(N, all)"] == pytest.approx(7 / 10)


@pytest.mark.parametrize("seed", range(3))
def test_scored_anew_as_the_tests_are_scored_where_there_are_no_ties(seed):
    split = random_split(seed, member=1.0)  # nobody is cold: popularity has ties
    draws = np.random.default_rng(seed).permutation(len(split.ratings.users) * 25).reshape(-1, 25)
    for k in range(split.ratings.p):
        items = len(split.ratings.items[k])
        score = lambda users, n=items: torch.from_numpy(draws[users, :n].astype(np.float32))
        scores = sensitivity.rule_scores(split, k, score)
        for rule in RULES:
            users = evaluate(split, k, score, rule=rule)
            assert "cold" not in set(users["group"])
            assert scores[sensitivity.RULE_LABELS[rule]] == pytest.approx(users["ndcg@10"].mean())
        assert scores["recall@10"] == pytest.approx(evaluate(split, k, score)["recall@10"].mean())


def test_the_stored_arrays_of_a_run_are_scored_by_domain(monkeypatch):
    split, model, values = random_split(1), {}, []
    monkeypatch.setattr(registry, "load_split", lambda config: split)
    for k, domain in enumerate(split.ratings.domains):
        rng, users, items = np.random.default_rng(k), split.ratings.users, split.ratings.items[k]
        vectors = lambda ids, rng=rng: rng.random((len(ids), 4), dtype=np.float32)
        arrays = {"user": vectors(users), "item": vectors(items)}
        values.append(evaluate(split, k, factor_score(split, k, arrays))["ndcg@10"].mean())
        model |= {f"{name}.{domain}": array for name, array in arrays.items()}
    run = write_run(registry.configure("adc", "x"), [], model=model)
    assert sensitivity.rescored(run)["default"] == pytest.approx(np.mean(values), abs=0.01)
