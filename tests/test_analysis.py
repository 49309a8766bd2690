"""Depth, asymmetry and balancers read from runs: tables and sentences on numbers worked by hand."""

import numpy as np
import pandas as pd
import pytest

from adc import baselines, report, runs, train
from adc.errors import UserError
from adc.model import ADC
from adc.results import analysis, asymmetry, depth, performance

SIZES = {"electronics": 23009, "kitchen": 19856, "toys": 13147, "dvd": 124438, "music": 174180, "video": 36180}
MEAN = analysis.MEAN


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))


def stored(value: float = 0.5, targets=("a", "b"), weights: dict | None = None, **parameters) -> runs.Run:
    """A run of ADC on dataset x whose NDCG@10 is `value` in the first target and 0.1 more in each that follows."""
    config = train.configuration(dataset="x", **parameters)
    return saved(config, {target: value + 0.1 * k for k, target in enumerate(targets)}, weights)


def saved(config: dict, of_target: dict[str, float], weights: dict | None = None, diverged: bool = False) -> runs.Run:
    values = [
        {"target": target, "protocol": protocol, "metric": metric, "n": n, "group": group, "value": value, "users": 3}
        for target, right in of_target.items()
        for protocol, metric, n, group, value in (("full", "ndcg", 10, "all", right), ("full", "recall", 10, "all", 9.0),
            ("sampled", "ndcg", 10, "all", 8.0), ("full", "ndcg", 5, "all", 7.0), ("full", "ndcg", 10, "warm", 6.0))
    ]  # fmt: skip
    rows = [{"epoch": 1, "domain": name, "weight": w} for name, w in (weights or {}).items()]
    metrics = {"values": values, "diverged": diverged, "epochs": 4, "train_seconds": 10.0}
    return runs.save(config, metrics, pd.DataFrame({"user": []}), pd.DataFrame(rows, columns=["epoch", "domain", "weight"]), {})


def table() -> pd.DataFrame:
    return analysis.experiments("x", "any")


def levels(values: dict, level: str = "gamma", target: str = "a") -> pd.DataFrame:
    """Rows of one target: by level, the values of seeds 0, 1, …"""
    rows = [
        {"target": target, level: at, "seed": seed, "value": value, "diverged": False, "run": f"{at}-{seed}"}
        for at, of_seed in values.items() for seed, value in enumerate(of_seed)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_experiments_hold_the_right_number_once_a_run_and_target():
    run = stored(0.2, gamma=1.0)
    saved(baselines.configuration(dataset="x", method="popularity"), {"a": 0.9})
    found = table()
    assert found[["target", "value"]].values.tolist() == [["a", 0.2], ["b", pytest.approx(0.3)]]
    assert set(found["gamma"]) == {1.0} and set(found["seconds"]) == {2.5} and set(found["run"]) == {f"data/runs/x/{run.folder.name}"}


def test_of_runs_alike_the_usual_one_is_taken_and_sets_stay_apart():
    stored(0.1, epochs=3)
    stored(0.2)
    stored(0.3, targets=("a",), domains="a")
    found = table()
    assert sorted(zip(found["domains"], found["target"], found["value"].round(3), strict=True)) == [
        ("", "a", 0.2), ("", "b", 0.3), ("a", "a", 0.3)
    ]  # fmt: skip


def test_nothing_at_all_says_what_to_run():
    saved(baselines.configuration(dataset="x", method="popularity"), {"a": 0.9})
    with pytest.raises(UserError, match='13_grid with dataset = "x" and study = "depth"'):
        table()
    with pytest.raises(UserError, match="run_all.sh --profile quick --data movielens"):
        analysis.experiments("movielens", "quick")


def test_a_reading_is_no_rival_of_the_usual_run_in_table_ii():
    usual = stored(0.2, hidden_layers=2)
    stored(0.9, hidden_layers=2, agreement=0.0)
    stored(0.9, balancer="pcgrad") if "pcgrad" in asymmetry.BALANCERS else None
    popular = saved(baselines.configuration(dataset="x", method="popularity"), {"a": 0.1})
    assert set(report.results("x", "any")["run"]) == {f"data/runs/x/{run.folder.name}" for run in (usual, popular)}


def test_a_curve_has_t_intervals_and_none_with_one_seed():
    curve = analysis.curve(levels({1.0: [0.1, 0.2, 0.3], 2.0: [0.4]}), "gamma").set_index("gamma")
    assert curve.loc[1.0, "mean"] == pytest.approx(0.2) and curve.loc[1.0, "seeds"] == 3
    assert curve.loc[1.0, "high"] - 0.2 == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    assert curve.loc[2.0, "mean"] == 0.4 and np.isnan(curve.loc[2.0, "low"])


def test_the_mean_over_domains_is_taken_within_runs():
    rows = pd.concat([levels({1.0: [0.1, 0.5]}, target="a"), levels({1.0: [0.3, 0.7]}, target="b")])
    mean = analysis.with_mean(rows)
    assert mean.loc[mean["target"] == MEAN, "value"].tolist() == pytest.approx([0.2, 0.6])


def test_the_best_beside_the_papers_is_paired_over_common_seeds():
    rows = levels({0.0: [0.10, 0.20], 1.0: [0.12, 0.24], 2.0: [0.11, 0.19, 0.99]})
    best = analysis.best(rows, "gamma", {"a": 0.0}).loc["a"]
    assert (best["best"], best["NDCG@10"], best["NDCG@10 there"]) == (1.0, pytest.approx(0.18), pytest.approx(0.15))
    assert (best["difference"], best["seeds"], best["range"]) == (pytest.approx(0.03), 2, pytest.approx(0.03))
    assert best["high"] - best["difference"] == pytest.approx(12.7062 * 0.01, rel=1e-4)
    nowhere = analysis.best(rows, "gamma", {"a": 3.0}).loc["a"]
    assert np.isnan(nowhere["difference"]) and nowhere["seeds"] == 0


def test_a_curve_is_drawn_over_the_seeds_that_have_all_of_it():
    rows = pd.concat([levels({0.0: [0.1, 0.2], 2.0: [0.3, 0.4, 0.9]}), levels({0.0: [0.5], 2.0: [0.6]}, target="b")])
    even = analysis.shared(rows, "gamma")
    assert analysis.curve(even, "gamma")["mean"].tolist() == pytest.approx([0.15, 0.35, 0.5, 0.6])
    alone = levels({0.0: [0.1], 2.0: [np.nan, 0.4]}).dropna()
    assert len(analysis.shared(alone, "gamma")) == 2  # no seed has both


def test_the_height_of_a_seed_is_taken_out_of_a_curves_intervals():
    rows = levels({0.0: [0.1, 0.5], 1.0: [0.2, 0.6], 2.0: [0.3, 0.9]})
    before, after = analysis.curve(rows, "gamma"), analysis.curve(analysis.within(rows, "gamma"), "gamma")
    assert after["mean"].tolist() == pytest.approx(before["mean"].tolist())
    free = np.array([[0.1, 0.5], [0.2, 0.6], [0.3, 0.9]]) - (np.array([0.2, 2 / 3]) - (0.2 + 2 / 3) / 2)
    half = 12.7062 * free.std(axis=1, ddof=1) / np.sqrt(2) * np.sqrt(3 / 2)
    assert (after["high"] - after["mean"]).tolist() == pytest.approx(half, rel=1e-4)
    assert (after["high"] - after["low"] < before["high"] - before["low"]).all()
    beside = levels({0.0: [0.15, 0.62]})
    moved = analysis.within(beside, "gamma", base=rows)
    assert moved["value"].mean() == pytest.approx(0.385) and moved["value"].std() < 0.02
    uneven = levels({0.0: [0.1, 0.5], 1.0: [0.2]})
    assert analysis.within(uneven, "gamma")["value"].tolist() == uneven["value"].tolist()


def test_the_balancer_is_compared_on_the_same_seeds_and_says_how_many(tmp_path):
    places = [saved(baselines.configuration(dataset="x", method="popularity"), {"a": 0.9, "b": 0.9}).folder]
    for seed, gammas in ((0, (0.0, 2.0)), (1, (0.0, 2.0)), (2, (2.0,))):
        done = [stored(0.1 * (seed + 1) + gamma, seed=seed, gamma=gamma, hidden_layers=3) for gamma in gammas]
        done.append(stored(0.1 * (seed + 1), seed=seed, balancer="static", hidden_layers=3))
        places += [run.folder for run in done]
    runs.gather(places, "made")
    found = performance.balance(report.results("x", "any")).loc[3]
    assert found.loc["γ = 2", "a"] == pytest.approx(2.15) and found.loc["static", "a"] == pytest.approx(0.15)
    assert found["seeds"].tolist() == [2, 2, 2]


def test_beyond_counts_only_intervals_above_zero():
    found = pd.DataFrame({"difference": [0.2, 0.1, 0.3], "low": [0.1, -0.1, np.nan], "seeds": [2, 2, 1]}, index=["a", "b", "c"])
    assert "In 1 of 2 rows (a)" in analysis.beyond(found)
    assert "nothing can be said" in analysis.beyond(found.loc[["c"]])


def test_runs_that_differ_in_more_than_the_study_are_told():
    stored(0.1, hidden_layers=2, epochs=3)
    stored(0.2, hidden_layers=3)
    assert analysis.mixed(table(), "hidden_layers") == "**Beware:** these runs differ also in epochs (100, 3). "
    assert analysis.mixed(table(), "hidden_layers", "epochs") == ""


def test_one_layer_is_shared_by_both_curves_and_other_readings_are_not():
    for h in (1, 2):
        for how in ("identity", "none"):
            stored(0.1 * h, hidden_layers=h, pretraining=how)
    stored(0.9, hidden_layers=2, agreement=0.0)
    stored(0.9, hidden_layers=2, pretraining="random")
    stored(0.9, hidden_layers=2, gamma=1.0)
    rows = depth.curves(table())
    mine = rows[rows["target"] == "a"].sort_values(["hidden_layers", "pretraining"])
    assert mine[["hidden_layers", "pretraining"]].values.tolist() == [[1, "identity"], [1, "none"], [2, "identity"], [2, "none"]]
    assert mine["value"].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2])
    assert depth.pretraining(rows).loc[2, "difference"] == 0


@pytest.mark.parametrize(("h", "width"), [(1, 0), (3, 0), (3, 7), (1, 7)])
def test_parameters_are_counted_as_the_network_has_them(h, width):
    p, d, n = 3, 4, 5
    rows = np.arange(n * p).reshape(n, p)
    model = ADC(rows, np.zeros((n * p, d), np.float32), [np.zeros((6, d), np.float32)] * p, h, width)
    layers = sum(parameter.numel() for layer in (*model.A, model.W) for parameter in layer.parameters())
    assert depth.network_parameters(p, d, h, width) == layers


def test_words_on_depth_follow_the_numbers():
    best = pd.DataFrame({"best": [1, 2, 3, 4, 5, 6], "paper": [2, 3, 3, 3, 4, 4], "difference": 0.1, "low": 0.05, "seeds": 2},
                        index=sorted(SIZES, key=SIZES.get))  # fmt: skip
    assert "grows with" in depth.words(best, SIZES) and "ρ = +1.00 over n = 6" in depth.words(best, SIZES)
    assert "shrinks with" in depth.words(best.assign(best=best["best"].to_numpy()[::-1]), SIZES)
    assert "neither grows nor shrinks" in depth.words(best.assign(best=[1, 2, 1, 2, 1, 2]), SIZES)
    assert "cannot be told" in depth.words(best.assign(best=3), SIZES)


def test_sets_take_the_mean_over_their_members_and_the_papers_gamma():
    stored(0.2, targets=list(SIZES), gamma=1.0)
    stored(0.5, targets=("dvd", "music"), gamma=1.0, domains="dvd,music")
    stored(0.7, targets=("toys", "dvd"), gamma=1.0, domains="toys,dvd")  # none of the paper's
    members, paper = asymmetry.by_set(asymmetry.curves(table()), SIZES)
    assert members.set_index("target")["value"].to_dict() == pytest.approx({"all 6 domains": 0.45, "Set 1: dvd, music": 0.55})
    assert paper == {"all 6 domains": 2.0, "Set 1: dvd, music": 1.0, "Set 2: electronics, kitchen, toys, video": 0.5, "Set 3: toys, music": 2.5}
    assert asymmetry.set_words(SIZES) == "The sets are the paper's."
    assert "not the paper's" in asymmetry.set_words({"a": 3, "b": 2, "c": 1, "d": 1})
    assert "no sets" in asymmetry.set_words({"a": 3, "b": 2})


def test_gamma_zero_and_static_are_two_things():
    for seed in (0, 1):
        stored(0.20, gamma=2.0, seed=seed)
        stored(0.15 + seed / 100, gamma=0.0, seed=seed)
        stored(0.10, balancer="static", seed=seed)
    rows = asymmetry.curves(table())
    said = asymmetry.against_static(rows[rows["method"] == "adc"], rows[rows["method"] == "static"])
    assert "γ = 2 less static +0.1000 [+0.1000, +0.1000]" in said and "γ = 0 less static +0.0550" in said


def test_static_is_drawn_on_the_seeds_that_have_every_gamma():
    adc, static = levels({0.0: [0.1, 0.3], 2.0: [0.2, 0.4, 0.9]}), levels({0.0: [0.2, 0.5, 0.8]})
    rows, (of_adc, of_static) = asymmetry.drawn(adc, static)
    assert len(rows) == 4 + 2 and set(rows["seed"]) == {0, 1}
    assert of_adc["mean"].tolist() == pytest.approx([0.2, 0.3]) and of_static["mean"].tolist() == pytest.approx([0.35])


def test_weights_are_those_of_one_seed_by_gamma():
    for seed, gamma, w in ((0, 0.0, 1.5), (1, 0.0, 1.4), (1, 2.0, 1.8)):
        stored(0.1, gamma=gamma, seed=seed, weights={"a": w, "b": 2 - w})
    found = asymmetry.weights(asymmetry.curves(table()))
    assert set(found["seed"]) == {1} and found["gamma"].tolist() == [0.0, 0.0, 2.0, 2.0]
    assert "γ = 2: 0.20 (b) to 1.80 (a)" in asymmetry.weight_words(found)


def test_gains_and_costs_of_balancers_by_hand():
    for seed, gain in ((0, 0.01), (1, 0.03)):
        stored(0.2, balancer="static", seed=seed)
        stored(0.2 + gain, gamma=2.0, seed=seed)
        stored(0.2, gamma=0.0, seed=seed)
        stored(0.9, gamma=1.0, seed=seed)  # of Fig. 4, not of this
    rows = asymmetry.balancing(table())
    gains = asymmetry.gains(rows).set_index(["balancing", "target"])
    assert list(rows["balancing"].unique()) == ["static", "GradNorm, γ = 2", "GradNorm, γ = 0"]
    assert gains.loc[("GradNorm, γ = 2", MEAN), "difference"] == pytest.approx(0.02)
    assert gains.loc[("GradNorm, γ = 0", MEAN), "high"] == pytest.approx(0)
    assert asymmetry.balancer_costs(rows)["of static"].tolist() == [1, 1, 1]
    assert "GradNorm, γ = 2 gains most over static, +0.0200" in asymmetry.balancing_words(gains.reset_index())


def test_diverged_runs_are_named_once():
    saved(train.configuration(dataset="x", gamma=3.0), {"a": 0.1, "b": 0.2}, diverged=True)
    stored(0.1)
    assert analysis.diverged(table()) == "1 of 2 runs diverged: adc h=3 γ=3, seed 0 (R34)."


def test_numbers_of_seeds_in_words():
    assert [analysis.counted(seeds) for seeds in ([1], [3, 3], [2, 3, 3])] == ["n = 1 seed", "n = 3 seeds", "n = 2 to 3 seeds"]
