"""Figures of the parameter analysis have the marks they should, for many domains and few."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from adc import looks, plots

pytestmark = pytest.mark.usefixtures("style")
LABEL = "synthetic twin of Table I (seed 0, scale 0.05, transfer 0.5); n = 3 seeds"
NAMES = ["electronics", "kitchen", "toys", "dvd", "music", "video", "mean over domains"]
SOME = [["films", "mean over domains"], NAMES[2:], NAMES, [f"domain {k}" for k in range(9)]]


def curve(targets, level: str, values, interval=True, **columns) -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([targets, values], names=["target", level]).to_frame(index=False)
    rows["mean"] = np.linspace(0.1, 0.3, len(rows))
    half = 0.02 if interval else np.nan
    return rows.assign(low=rows["mean"] - half, high=rows["mean"] + half, seeds=3, diverged=0, **columns)


def changes(n: int, **columns) -> pd.DataFrame:
    return pd.DataFrame({"difference": np.linspace(0.02, -0.02, n), "low": np.linspace(0.01, -0.03, n), "high": np.linspace(0.03, -0.01, n),
                         "seeds": 3, "diverged": 0, **columns})  # fmt: skip


def depths(targets, **how) -> pd.DataFrame:
    return pd.concat([curve(targets, "hidden_layers", range(1, 6), pretraining=way, **how) for way in ("identity", "none")])


def shown(figure) -> list:
    return [panel for panel in figure.axes if panel.axison]


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


def filled(panel) -> list:
    """Where marks without a line stand."""
    marks = [line for line in panel.get_lines() if line.get_marker() == "o" and line.get_linestyle() == "None"]
    return [tuple(line.get_xydata()[0]) for line in marks if len(line.get_xdata())]


@pytest.mark.parametrize("targets", SOME, ids=len)
def test_a_panel_a_target_that_fits_the_page(targets):
    best, static = dict.fromkeys(targets, 2), curve(targets, "gamma", [0.0]).drop(columns="gamma")
    for figure in (
        plots.depth(depths(targets), best, best, LABEL),
        plots.asymmetry(curve(targets, "gamma", [0.0, 2.0]), static, best, best, LABEL),
    ):
        assert len(shown(figure)) == len(targets) and figure.get_figwidth() <= looks.PAGE
        assert "synthetic" in figure.get_suptitle()
        assert all(panel.get_title(loc="left") for panel in shown(figure))


def test_fig_3_marks_the_best_and_the_papers_depth():
    figure = plots.depth(depths(["a"]), {"a": 4}, {"a": 2}, LABEL)
    panel = shown(figure)[0]
    x, y = filled(panel)[0]
    assert round(x) == 4 and y == pytest.approx(depths(["a"])["mean"].iloc[3])
    assert [2, 2] in [list(line.get_xdata()) for line in panel.get_lines() if line.get_linestyle() == ":"]
    assert len(panel.containers) == 2 and "not pretrained" in texts(figure)


def test_without_intervals_no_bar_is_drawn():
    whole, none = (plots.depth(depths(["a"], interval=some), {}, {}, LABEL) for some in (True, False))
    assert all(container.has_yerr for container in shown(whole)[0].containers)
    assert not any(container.has_yerr for container in shown(none)[0].containers)


def test_diverged_runs_are_crossed_and_explained():
    table = curve(["a"], "gamma", [0.0, 1.0, 2.0])
    static = curve(["a"], "gamma", [0.0]).drop(columns="gamma")
    calm = plots.asymmetry(table, static, {}, {}, LABEL)
    table.loc[1, "diverged"] = 1
    figure = plots.asymmetry(table, static, {}, {}, LABEL)
    crosses = [line.get_xdata().tolist() for line in shown(figure)[0].get_lines() if line.get_marker() == "x"]
    assert crosses == [[1.0]] and "diverged" in texts(figure) and "diverged" not in texts(calm)


def test_fig_4_has_static_as_a_line_with_its_band():
    static = curve(["a"], "gamma", [0.0]).drop(columns="gamma")
    panel = shown(plots.asymmetry(curve(["a"], "gamma", [0.0, 2.0]), static, {}, {}, LABEL))[0]
    assert [0.1, 0.1] in [list(line.get_ydata()) for line in panel.get_lines()]
    assert any(patch.get_y() == pytest.approx(0.08) and patch.get_height() == pytest.approx(0.04) for patch in panel.patches)


def test_weights_have_a_panel_a_gamma_and_a_line_a_domain():
    rows = pd.MultiIndex.from_product([[0.0, 2.0], NAMES[:6], [1, 2, 3]], names=["gamma", "domain", "epoch"]).to_frame(index=False)
    figure = plots.weights(rows.assign(weight=1.1, diverged=rows["gamma"] == 2.0), LABEL)
    assert [panel.get_title(loc="left") for panel in shown(figure)] == [r"$\gamma$ = 0", r"$\gamma$ = 2, diverged"]
    assert all(len(panel.get_lines()) == 7 for panel in shown(figure)) and "music" in texts(figure)


def test_a_balancer_has_a_row_and_is_filled_where_its_interval_leaves_zero_out():
    table = pd.concat([changes(3, balancing=["GradNorm, γ = 2", "DWA", "FAMO"], target=target) for target in NAMES])
    figure = plots.balancers(table, LABEL)
    assert len(shown(figure)) == 7
    for panel in shown(figure):
        marks = [line for line in panel.get_lines() if line.get_marker() == "o"]
        assert [line.get_ydata().tolist() for line in marks] == [[0], [1], [2]]
        assert [line.get_markerfacecolor() == "white" for line in marks] == [False, True, False]


def test_readings_are_a_row_each_with_the_methods_below():
    table = changes(4, reading=["R22", "R5", "R1", "R2"], words=["start: random", "λ = 0", "w", "v"])
    rivals = changes(2, method=["popularity", "static"])
    figure = plots.readings(table, rivals, LABEL)
    panel = figure.axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()][1::3] == [r"$\bf{R5}$  λ = 0", "popularity"]
    assert panel.get_yticks().tolist() == [0, 1, 2, 3, 5, 6] and panel.yaxis_inverted()
    assert len(plots.readings(table, rivals.iloc[:0], LABEL).axes[0].get_yticks()) == 4
