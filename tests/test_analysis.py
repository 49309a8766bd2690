"""Depth, asymmetry and balancers read from runs: tables on numbers worked by hand."""

import numpy as np
import pandas as pd
import pytest
from hand_made import run_with

from adc.errors import UserError
from adc.model import ADC
from companion import registry, results
from companion.analysis import asymmetry, curves, depth, performance, report
from companion.data.table1 import TABLE_I

SIZES = {name: ratings for name, (_, _, ratings) in TABLE_I.items()}
MEAN = curves.MEAN


def stored(value=0.5, targets=("a", "b"), weights=None, method="adc", seed=0, domains="", **settings):
    """A run on dataset x whose NDCG@10 is `value` in the first target and 0.1 more in each that follows."""
    config = registry.configure(method, "x", seed, domains, **settings)
    rows = [{"epoch": 1, "domain": name, "weight": w} for name, w in (weights or {}).items()]
    history = pd.DataFrame(rows, columns=["epoch", "domain", "weight"])
    return run_with(config, {target: value + 0.1 * k for k, target in enumerate(targets)}, history=history)


def table() -> pd.DataFrame:
    return curves.experiments("x", "any")


def levels(values: dict, level: str = "gamma", target: str = "a") -> pd.DataFrame:
    """Rows of one target: by level, the values of seeds 0, 1, …"""
    rows = []
    for at, by_seed in values.items():
        for seed, value in enumerate(by_seed):
            facts = {"target": target, level: at, "diverged": False, "run": f"{at}-{seed}"}
            rows.append(facts | {"seed": seed, "value": value})
    return pd.DataFrame(rows)


def test_experiments_hold_the_right_number_once_a_run_and_target():
    run = stored(0.2, gamma=1.0)
    stored(0.9, method="popularity", targets=("a",))
    rows = table()
    assert rows[["target", "value"]].values.tolist() == [["a", 0.2], ["b", pytest.approx(0.3)]]
    assert set(rows["gamma"]) == {1.0} and set(rows["seconds"]) == {2.5}
    assert set(rows["run"]) == {f"data/runs/x/{run.folder.name}"}


def test_of_runs_alike_the_usual_one_is_taken_and_sets_stay_apart():
    stored(0.1, epochs=3)
    stored(0.2)
    stored(0.3, targets=("a",), domains="a")
    values = table()[["domains", "target", "value"]].round(3).values.tolist()
    assert sorted(values) == [["", "a", 0.2], ["", "b", 0.3], ["a", "a", 0.3]]


def test_runs_of_another_version_do_not_count():
    run = stored(0.2)
    run_with(run.config | {"version": 0, "seed": 1}, {"a": 0.9})
    assert set(table()["seed"]) == {0}


def test_nothing_at_all_says_what_to_run():
    stored(0.9, method="popularity")
    with pytest.raises(UserError, match='13_studies with dataset = "x"'):
        table()
    with pytest.raises(UserError, match="run_all.sh --profile quick --data movielens"):
        curves.experiments("movielens", "quick")


def test_a_reading_is_no_rival_of_the_usual_run_in_table_ii():
    usual = stored(0.2, hidden_layers=2)
    stored(0.9, hidden_layers=2, agreement_weight=0.0)
    stored(0.9, method="pcgrad")
    popular = stored(0.1, method="popularity", targets=("a",))
    expected = {f"data/runs/x/{run.folder.name}" for run in (usual, popular)}
    assert set(report.load("x", "any")["run"]) == expected


def test_the_mean_over_domains_is_taken_within_runs():
    rows = pd.concat([levels({1.0: [0.1, 0.5]}, target="a"), levels({1.0: [0.3, 0.7]}, target="b")])
    mean = curves.with_mean(rows)
    assert mean.loc[mean["target"] == MEAN, "value"].tolist() == pytest.approx([0.2, 0.6])


def test_the_best_beside_the_papers_is_paired_over_common_seeds():
    rows = levels({0.0: [0.10, 0.20], 1.0: [0.12, 0.24], 2.0: [0.11, 0.19, 0.99]})
    best = curves.best(rows, "gamma", {"a": 0.0}).loc["a"]
    assert best["best"] == 1.0 and best["seeds"] == 2
    assert (best["NDCG@10"], best["NDCG@10 there"]) == (pytest.approx(0.18), pytest.approx(0.15))
    assert (best["difference"], best["range"]) == (pytest.approx(0.03), pytest.approx(0.03))
    assert best["high"] - best["difference"] == pytest.approx(12.7062 * 0.01, rel=1e-4)
    nowhere = curves.best(rows, "gamma", {"a": 3.0}).loc["a"]
    assert np.isnan(nowhere["difference"]) and nowhere["seeds"] == 0
    assert "best γ" in curves.best_table(curves.best(rows, "gamma", {"a": 0.0}), "γ", "x").to_html()


def test_levels_are_contrasted_with_the_papers_on_the_same_seeds_in_per_cent_of_its_score():
    a = levels({0.0: [0.10, 0.30], 2.0: [0.20, 0.30, 0.9]})
    b = levels({0.0: [0.44, 0.52], 3.0: [0.40, 0.40]}, target="b")
    rows = pd.concat([a, b]).assign(series="adc")
    table = curves.contrasts(rows, "gamma", {"a": 2.0, "b": 2.0}, "series", "adc")
    table = table.set_index(["target", "level"])
    first = table.loc[("a", 0.0)]  # -0.1 and 0 of 0.4667, the mean at the paper's over all of its seeds
    assert first["difference"] == pytest.approx(-5 / 0.46667, rel=1e-4) and first["seeds"] == 2
    assert table.loc[("a", 2.0), ["difference", "low", "high"]].tolist() == [0, 0, 0]
    assert table.loc["b", "reference"].unique().tolist() == ["3"]  # the nearest that was run
    mean = table.loc[(MEAN, 0.0)]  # the mean of (-0.1, 0) and (0.04, 0.12), of the mean of 0.4667 and 0.4
    assert mean["difference"] == pytest.approx(1.5 / 0.43333, rel=1e-4)
    alone = curves.contrasts(rows, "gamma", {"a": 2.0, "b": 2.0}, "series", "adc", mean=False)
    assert MEAN not in set(alone["target"])


def test_equal_weights_are_contrasted_with_adc_at_the_papers_gamma():
    rows = [levels({2.0: [0.2, 0.4]}).assign(series="adc"), levels({0.0: [0.3, 0.4]}).assign(series="static")]
    table = curves.contrasts(pd.concat(rows), "gamma", {"a": 2.0}, "series", "adc").set_index("series")
    assert table.loc["static", "difference"] == pytest.approx(5 / 0.3)
    one_seed = levels({2.0: [0.2]}).assign(series="adc")
    assert curves.contrasts(one_seed, "gamma", {"a": 2.0}, "series", "adc")["low"].isna().all()


def test_the_balancer_is_compared_on_the_same_seeds_and_says_how_many():
    places = [stored(0.9, method="popularity").folder]
    for seed, gammas in ((0, (0.0, 2.0)), (1, (0.0, 2.0)), (2, (2.0,))):
        places += [stored(0.1 * (seed + 1) + gamma, seed=seed, gamma=gamma).folder for gamma in gammas]
        places.append(stored(0.1 * (seed + 1), seed=seed, method="static").folder)
    results.gather(places, "made")
    rows = performance.balance(report.load("x", "made")).loc[3]
    assert rows.loc["γ = 2", "a"] == pytest.approx(2.15) and rows.loc["static", "a"] == pytest.approx(0.15)
    assert rows["seeds"].tolist() == [2, 2, 2]


def test_runs_that_differ_in_more_than_the_study_are_named():
    stored(0.1, hidden_layers=2, epochs=3)
    stored(0.2, hidden_layers=3)
    warning = "**Beware:** these runs differ also in epochs (100, 3). "
    assert curves.mixed_settings(table(), "hidden_layers") == warning
    assert curves.mixed_settings(table(), "hidden_layers", "epochs") == ""


def test_one_layer_is_shared_by_both_curves_and_other_readings_are_not():
    for h in (1, 2):
        for pretraining in ("identity", "none"):
            stored(0.1 * h, hidden_layers=h, pretraining=pretraining)
    stored(0.9, hidden_layers=2, agreement_weight=0.0)
    stored(0.9, hidden_layers=2, pretraining="random")
    stored(0.9, hidden_layers=2, gamma=1.0)
    rows = depth.fig_3_rows(table())
    of_a = rows[rows["target"] == "a"].sort_values(["hidden_layers", "pretraining"])
    expected = [[1, "identity"], [1, "none"], [2, "identity"], [2, "none"]]
    assert of_a[["hidden_layers", "pretraining"]].values.tolist() == expected
    assert of_a["value"].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2])
    assert depth.pretraining(rows).loc[2, "difference"] == 0
    alone = depth.fig_3_rows(table().query("pretraining != 'none' or hidden_layers < 2"))
    assert set(alone["pretraining"]) == {"identity"} and set(alone["hidden_layers"]) == {1, 2}
    both = curves.contrasts(rows, "hidden_layers", {"a": 2, "b": 2}, "pretraining", "identity")
    assert both["target"].value_counts().to_dict() == {"a": 4, "b": 4, MEAN: 4}


@pytest.mark.parametrize(("h", "width"), [(1, 0), (3, 0), (3, 7), (1, 7)])
def test_parameters_are_counted_as_the_network_has_them(h, width):
    p, d, n = 3, 4, 5
    rows = np.arange(n * p).reshape(n, p)
    model = ADC(rows, np.zeros((n * p, d), np.float32), [np.zeros((6, d), np.float32)] * p, h, width)
    weights = [parameter.numel() for layer in (*model.A, model.W) for parameter in layer.parameters()]
    assert depth.network_parameters(p, d, h, width) == sum(weights)


def test_sets_take_the_mean_over_their_members_and_the_papers_gamma():
    stored(0.2, targets=list(SIZES), gamma=1.0)
    stored(0.5, targets=("dvd", "music"), gamma=1.0, domains="dvd,music")
    stored(0.7, targets=("toys", "dvd"), gamma=1.0, domains="toys,dvd")  # none of the paper's
    members, paper = asymmetry.by_set(asymmetry.fig_4_rows(table()), SIZES)
    values = members.set_index("target")["value"].to_dict()
    assert values == pytest.approx({"all 6 domains": 0.45, "Set 1: dvd, music": 0.55})
    names = ["Set 1: dvd, music", "Set 2: electronics, kitchen, toys, video", "Set 3: toys, music"]
    assert paper == dict(zip(["all 6 domains", *names], [2.0, 1.0, 0.5, 2.5], strict=True))


def test_weights_are_those_of_one_seed_by_gamma():
    for seed, gamma, w in ((0, 0.0, 1.5), (1, 0.0, 1.4), (1, 2.0, 1.8)):
        stored(0.1, gamma=gamma, seed=seed, weights={"a": w, "b": 2 - w})
    rows = asymmetry.histories(asymmetry.fig_4_rows(table()))
    assert set(rows["seed"]) == {1} and rows["gamma"].tolist() == [0.0, 0.0, 2.0, 2.0]
    assert rows["weight"].tolist() == pytest.approx([1.4, 0.6, 1.8, 0.2])


def test_gains_and_costs_of_balancers_by_hand():
    for seed, gain in ((0, 0.01), (1, 0.03)):
        stored(0.2, method="static", seed=seed)
        stored(0.2 + gain, gamma=2.0, seed=seed)
        stored(0.2, gamma=0.0, seed=seed)
        stored(0.9, gamma=1.0, seed=seed)  # of Fig. 4, not of this
    rows = asymmetry.balancers(table())
    gains = asymmetry.gains(rows).set_index(["balancing", "target"])
    assert list(rows["balancing"].unique()) == ["static", "GradNorm, γ = 2", "GradNorm, γ = 0"]
    assert gains.loc[("GradNorm, γ = 2", MEAN), "difference"] == pytest.approx(0.02)
    assert gains.loc[("GradNorm, γ = 0", MEAN), "high"] == pytest.approx(0)
    assert asymmetry.balancer_costs(rows)["of static"].tolist() == [1, 1, 1]


def test_diverged_runs_are_named_once():
    run_with(registry.configure("adc", "x", gamma=3.0), {"a": 0.1, "b": 0.2}, diverged=True)
    stored(0.1)
    assert report.diverged_summary(table()) == "1 of 2 runs diverged (R34): ADC h=3 γ=3, seed 0."


def test_numbers_of_seeds_in_words():
    words = [curves.seeds_label(counts) for counts in ([1], [3, 3], [2, 3, 3])]
    assert words == ["n = 1 seed", "n = 3 seeds", "n = 2 to 3 seeds"]
