"""The controls: what is trained in a world, and differences within it worked by hand."""

from runpy import run_path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from companion import paths
from companion.analysis import controls

SHORT = {"epochs": 2, "patience": 1}


@pytest.mark.slow
def test_runs_of_a_world_are_trained_once_and_found_again(monkeypatch):
    changes = [{"method": "adc"}, {"method": "adc", "domains": "target", "label": controls.ALONE}]
    changes += [{"method": "adc", "balancer": "static", "constant_weights": text} for text in ("", "1.9,0.1")]
    monkeypatch.setattr(controls, "LIMITS", SHORT)
    rows = controls.train(changes, [1.0], [1])
    assert rows["method"].tolist() == ["adc", "adc", "static", "static"]
    assert rows["alone"].tolist() == [False, True, False, False] and rows["ended"].all()
    assert rows["weights"].tolist() == ["", "", "", "1.9,0.1"] and rows["value"].between(0, 1).all()
    assert len(list(paths.runs("control-seed1").iterdir())) == 4
    pd.testing.assert_frame_equal(controls.train(changes, [1.0], [1], show=False), rows)
    again = controls.stored(changes)
    pd.testing.assert_frame_equal(again, rows)
    joint = {"by hand": again[~again["alone"]]}
    history = controls.histories(joint)
    assert history["domain"].tolist() == ["source", "target"] * 2 and (history["ranking"] > 0).all()
    assert controls.over_static(joint)["balancing"].tolist() == ["GradNorm, γ = 2", "constant, 1.9 : 0.1"]
    assert controls.stored([{"method": "bpr"}]).empty


def row(method, world, value, alone=False, gamma=None, weights="", transfer=1.0):
    names = {"transfer": transfer, "richness": 20.0, "world": world, "method": method, "alone": alone}
    return names | {"gamma": gamma, "weights": weights, "value": value, "validation": value}


def test_gains_and_what_the_balancer_adds_are_paired_within_a_world():
    rows = []
    for world, level in ((1, 0.1), (2, 0.3)):
        rows += [row("adc", world, level + 0.06 + world / 100, gamma=2.0), row("adc", world, 0.9, gamma=0.0)]
        rows += [row("adc", world, level, alone=True, gamma=2.0), row("static", world, level, gamma=0.0)]
        rows += [row("static", world, level - 0.02, alone=True, gamma=0.0)]  # worse on validation
        rows += [row("static", world, level + 0.05, weights="1.9,0.1", gamma=0.0)]
        rows += [row("bpr", world, level - 0.01), row("bpr_merged", world, level + 0.2)]
    table = pd.DataFrame(rows)
    gains = controls.gains(table).set_index("method")
    assert gains["value"].to_dict() == pytest.approx({"bpr_merged": 0.21, "static": 0, "adc": 0.075})
    half = 12.7062 * 0.005  # t quantile for one degree of freedom; the differences are .07 and .08
    assert gains.loc["adc", ["low", "high"]].tolist() == pytest.approx([0.075 - half, 0.075 + half], rel=1e-4)
    joint = table[table["method"].isin(["adc", "static"]) & ~table["alone"]]
    over = controls.over_static({"by hand": joint})
    assert over["case"].unique().tolist() == ["by hand"]
    assert over["balancing"].tolist() == ["GradNorm, γ = 0", "GradNorm, γ = 2", "constant, 1.9 : 0.1"]
    assert over["value"].tolist() == pytest.approx([0.7, 0.075, 0.05])
    levels = controls.levels(table).set_index(["method", "alone"])["value"]
    assert levels["adc", False] == pytest.approx(0.275) and levels["static", False] == pytest.approx(0.2)
    with_scores = run_path(str(ROOT / "docs/finding.py"))["with_scores"]
    both = with_scores(controls.gains(table), controls.levels(table)).set_index("method")
    assert both.loc["adc", ["one", "all"]].tolist() == pytest.approx([0.2, 0.275])
    assert both.loc["bpr_merged", ["one", "all"]].tolist() == pytest.approx([0.19, 0.4])


def test_every_change_is_a_configuration_of_a_known_method():
    changes = controls.comparison() + controls.ablation()
    changes += [change for case in controls.CASES for change in controls.balancing(case)]
    for change in changes:
        config = controls.configure("control-t0.5-seed1", change)
        assert config["seed"] == 1 and config["domains"] in ("", "target")
    assert np.isclose(sum(map(float, controls.CONSTANTS[0].split(","))), 2)
