"""Readings one at a time, protocols, and the rules of scoring, on numbers worked by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from small import parts_of, random_parts
from test_analysis import home, saved  # noqa: F401

from adc import baselines, fit, runs, train
from adc.errors import UserError
from adc.evaluate import evaluate
from adc.relevance import RULES
from adc.results import sensitivity
from adc.split import TEST, TRAIN


def run(value: float, seed: int = 0, **parameters) -> runs.Run:
    return saved(train.configuration(dataset="x", seed=seed, **parameters), {"a": value, "b": value + 0.2})


def rival(value: float, seed: int = 0, method: str = "popularity") -> runs.Run:
    return saved(baselines.configuration(dataset="x", seed=seed, method=method), {"a": value, "b": value + 0.2})


def test_a_reading_counts_only_beside_a_base_that_differs_in_nothing_else():
    for seed in (0, 1):
        run(0.2, seed)
        run(0.25 + seed / 50, seed, agreement=0.0)
    run(0.9, redraw=False, epochs=3)  # its base was never run
    run(0.9, redraw=False, agreement=0.0)  # two at once
    readings = sensitivity.readings(*sensitivity.available("x", "any"))
    assert readings[["reading", "words", "seeds"]].values.tolist() == [["R5", "λ = 0", 2]]
    row = readings.iloc[0]
    assert row["difference"] == pytest.approx(0.06) and row["relative"] == pytest.approx(20)
    assert row["high"] - row["difference"] == pytest.approx(12.7062 * 0.01, rel=1e-4) and len(row["runs"]) == 2


def test_the_base_with_most_readings_beside_it_is_taken():
    short = run(0.2, epochs=3)
    run(0.3, epochs=3, train_items=False)
    run(0.5)
    bases, found = sensitivity.available("x", "any")
    assert bases[0].folder == short.folder
    assert sensitivity.readings(bases, found)["difference"].tolist() == [pytest.approx(0.1)]


def test_without_a_base_it_says_what_to_run():
    run(0.2, hidden_layers=2)
    with pytest.raises(UserError, match='study = "readings"'):
        sensitivity.available("x", "any")


def test_methods_stand_by_their_usual_runs_and_their_difference_to_adc():
    run(0.2)
    run(0.21, balancer="static")
    run(0.9, balancer="static", agreement=0.0)
    rival(0.5)
    saved(baselines.configuration(dataset="x", method="clfm", objective="ratings"), {"a": 0.9})
    bases, found = sensitivity.available("x", "any")
    methods = sensitivity.methods(bases, found)
    assert list(methods) == ["popularity", "static", "adc"]
    rivals = sensitivity.rivals(methods)
    assert rivals.set_index("method")["difference"].to_dict() == {"popularity": pytest.approx(0.3), "static": pytest.approx(0.01)}


def test_words_name_the_five_largest_and_count_against_each_method():
    sizes = [0.3, 0.05, 0.02, 0.01, -0.04, -0.2]
    readings = pd.DataFrame({"reading": [f"R{k}" for k in range(6)], "words": "w", "difference": sizes, "low": np.nan, "high": np.nan, "seeds": 1})
    rivals = pd.DataFrame({"method": ["bpr", "static"], "difference": [-0.1, 0.015]})
    said = sensitivity.reading_words(readings, rivals)
    assert [said.index(f"R{k} w") for k in (0, 5, 1, 4, 2)] == sorted(said.index(f"R{k} w") for k in (0, 5, 1, 4, 2))
    assert "R3" not in said and "static (+0.0150) 5; BPR (-0.1000) 2" in said and "one seed" in said
    sure = sensitivity.reading_words(readings.assign(low=[0.1, -1, 0.01, -1, -1, -1], high=[1, 1, 1, 1, 1, -0.1], seeds=3), rivals)
    assert "3 differ from the base with their whole interval" in sure


def test_only_methods_with_the_same_seeds_are_ranked():
    of = {"popularity": {0: 1, 1: 2}, "bpr": {0: 3}, "adc": {0: 4, 1: 5, 2: 6}}
    assert {name: list(mine) for name, mine in sensitivity.together(of).items()} == {"popularity": [0], "bpr": [0], "adc": [0]}
    apart = {"popularity": {0: 1}, "adc": {0: 2, 1: 3}, "bpr": {1: 4}}
    assert set(sensitivity.together(apart)) >= {"adc"}


def test_agreement_of_orders_by_hand():
    table = pd.DataFrame({"full": [1, 2, 3], "rated": [3, 2, 1], "sampled": [1, 3, 2]}, index=["bpr", "static", "adc"])
    tau = sensitivity.agreement(table)
    assert tau.loc["full", "full"] == 1 and tau.loc["full", "rated"] == -1 and tau.loc["full", "sampled"] == pytest.approx(1 / 3)
    said = sensitivity.agreement_words(table)
    assert "full: ADC first, ADC 1 of 3" in said and "rated: BPR first, ADC 3 of 3" in said and "is -1.00" in said


def one_user(stars: list[int], scores: list[float]):
    """A split with one user: stars of her test ratings of items 0, 1, …, after one training rating of the last item."""
    rows = [("d", "u", f"i{k:02d}", star, TEST) for k, star in enumerate(stars)] + [("d", "u", f"i{len(stars):02d}", 3, TRAIN)]
    parts = parts_of([*rows, ("d", "v", "i00", 3, TRAIN), ("d", "v", "i01", 3, TEST)])
    return parts, lambda users: torch.tensor([scores + [99.0]]).repeat(len(users), 1)


def test_every_rule_by_hand():
    parts, score = one_user([5, 4, 1], [0.2, 0.9, 0.5])  # ranks 3, 1, 2; her mean is 3.25; v rated all alike
    rank = sensitivity.ranked(parts, 0, score)
    user, item, _ = parts.of(0, TEST)
    mine = user == int(np.flatnonzero(parts.ratings.users == "u")[0])
    assert dict(zip(item[mine].tolist(), rank[mine].tolist(), strict=True)) == {0: 3, 1: 1, 2: 2}
    found = sensitivity.scores(parts, 0, rank)
    both = (1 + 1 / 2) / (1 + 1 / np.log2(3))
    assert found["default"] == pytest.approx(both) and found["R24 ≥ 4 stars"] == pytest.approx(both)
    assert found["R25 counted as 0"] == pytest.approx(both / 2)
    assert found["R28 log2(j) + 1"] == pytest.approx((1 + 1 / (np.log2(3) + 1)) / 1.5)
    assert found["recall@10"] == 1 == found["R26 min(N, all)"]


def test_recall_may_be_divided_by_what_fits_into_the_list():
    parts, score = one_user([5] * 12 + [1] * 3, [float(k) for k in range(15)])  # the three that miss come first
    found = sensitivity.scores(parts, 0, sensitivity.ranked(parts, 0, score))
    assert found["recall@10"] == pytest.approx(7 / 12) and found["R26 min(N, all)"] == pytest.approx(7 / 10)


@pytest.mark.parametrize("seed", range(3))
def test_scored_anew_as_the_tests_are_scored_where_there_are_no_ties(seed):
    parts = random_parts(seed, member=1.0)  # nobody is cold: popularity has ties
    draws = np.random.default_rng(seed).permutation(len(parts.ratings.users) * 25).reshape(-1, 25)
    for k in range(parts.ratings.p):
        score = lambda users, k=k: torch.from_numpy(draws[users, : len(parts.ratings.items[k])].astype(np.float32))
        found = sensitivity.scores(parts, k, sensitivity.ranked(parts, k, score))
        for rule in RULES:
            users = evaluate(parts, k, score, rule=rule)
            assert "cold" not in set(users["group"])
            assert found[sensitivity.RULE_WORDS[rule]] == pytest.approx(users["ndcg@10"].mean())
        assert found["recall@10"] == pytest.approx(evaluate(parts, k, score)["recall@10"].mean())


def test_the_stored_arrays_of_a_run_are_found_by_domain():
    parts = random_parts(1)
    model = {f"{name}.{d}": a for k, d in enumerate(parts.ratings.domains) for name, a in
             (("user", np.random.default_rng(k).random((len(parts.ratings.users), 4), dtype=np.float32)),
              ("item", np.random.default_rng(9 + k).random((len(parts.ratings.items[k]), 4), dtype=np.float32)))}  # fmt: skip
    config = train.configuration(dataset="x")
    values = []
    for k, d in enumerate(parts.ratings.domains):
        score = fit.factor_score(parts, k, {name: model[f"{name}.{d}"] for name in ("user", "item")})
        values.append(evaluate(parts, k, score)["ndcg@10"].mean())
    empty = pd.DataFrame({"user": []})
    made = runs.save(config, {"values": [], "diverged": False}, empty, empty, model)
    assert sensitivity.rescored(made, parts)["default"] == pytest.approx(np.mean(values), abs=0.01)
