"""Figures of the parameter analysis have the marks they should, for many domains and few."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from companion import figures
from companion.figures.style import PAGE

pytestmark = pytest.mark.usefixtures("style")
LABEL = "synthetic twin of Table I (seed 0, scale 0.05, transfer 0.5); n = 3 seeds"
NAMES = ["electronics", "kitchen", "toys", "dvd", "music", "video", "mean over domains"]
TARGETS = [["films", "mean over domains"], NAMES[2:], NAMES, [f"domain {k}" for k in range(9)]]


def curve(targets, level: str, values, interval=True, **columns) -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([targets, values], names=["target", level]).to_frame(index=False)
    rows["mean"] = np.linspace(0.1, 0.3, len(rows))
    half = 0.02 if interval else np.nan
    return rows.assign(low=rows["mean"] - half, high=rows["mean"] + half, seeds=3, diverged=0, **columns)


def static(targets) -> pd.DataFrame:
    return curve(targets, "gamma", [0.0]).drop(columns="gamma")


def changes(n: int, **columns) -> pd.DataFrame:
    middle = np.linspace(0.02, -0.02, n)
    bounds = {"difference": middle, "low": middle - 0.01, "high": middle + 0.01}
    return pd.DataFrame(bounds | {"seeds": 3, "diverged": 0} | columns)


def depths(targets, **options) -> pd.DataFrame:
    by_h = curve(targets, "hidden_layers", range(1, 6), **options)
    return pd.concat([by_h.assign(pretraining=pretraining) for pretraining in ("identity", "none")])


def shown(figure) -> list:
    return [panel for panel in figure.axes if panel.axison]


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


@pytest.mark.parametrize("targets", TARGETS, ids=len)
def test_a_panel_a_target_that_fits_the_page(targets):
    best, by_gamma = dict.fromkeys(targets, 2), curve(targets, "gamma", [0.0, 2.0])
    for figure in (
        figures.depth(depths(targets), best, best, LABEL),
        figures.asymmetry(by_gamma, static(targets), best, best, LABEL),
    ):
        assert len(shown(figure)) == len(targets) and figure.get_figwidth() <= PAGE
        assert "synthetic" in figure.get_suptitle()
        assert all(panel.get_title(loc="left") for panel in shown(figure))


def test_fig_3_marks_the_best_and_the_papers_depth():
    figure = figures.depth(depths(["a"]), {"a": 4}, {"a": 2}, LABEL)
    panel = shown(figure)[0]
    lines = panel.get_lines()
    filled = [line for line in lines if line.get_marker() == "o" and line.get_linestyle() == "None"]
    x, y = next(line.get_xydata()[0] for line in filled if len(line.get_xdata()))
    assert round(x) == 4 and y == pytest.approx(depths(["a"])["mean"].iloc[3])
    assert [2, 2] in [list(line.get_xdata()) for line in lines if line.get_linestyle() == ":"]
    assert len(panel.containers) == 2 and "not pretrained" in texts(figure)


def test_without_intervals_no_bar_is_drawn():
    whole, none = (figures.depth(depths(["a"], interval=bars), {}, {}, LABEL) for bars in (True, False))
    assert all(container.has_yerr for container in shown(whole)[0].containers)
    assert not any(container.has_yerr for container in shown(none)[0].containers)


def test_diverged_runs_are_crossed_and_explained():
    table = curve(["a"], "gamma", [0.0, 1.0, 2.0])
    calm = figures.asymmetry(table, static(["a"]), {}, {}, LABEL)
    table.loc[1, "diverged"] = 1
    figure = figures.asymmetry(table, static(["a"]), {}, {}, LABEL)
    crosses = [line.get_xdata().tolist() for line in shown(figure)[0].get_lines() if line.get_marker() == "x"]
    assert crosses == [[1.0]] and "diverged" in texts(figure) and "diverged" not in texts(calm)


def test_fig_4_has_static_as_a_line_with_its_band():
    panel = shown(figures.asymmetry(curve(["a"], "gamma", [0.0, 2.0]), static(["a"]), {}, {}, LABEL))[0]
    assert [0.1, 0.1] in [list(line.get_ydata()) for line in panel.get_lines()]
    bands = [(patch.get_y(), patch.get_height()) for patch in panel.patches]
    assert any(band == pytest.approx((0.08, 0.04)) for band in bands)


def test_weights_have_a_panel_a_gamma_and_a_line_a_domain():
    rows = pd.MultiIndex.from_product([[0.0, 2.0], NAMES[:6], [1, 2, 3]], names=["gamma", "domain", "epoch"])
    rows = rows.to_frame(index=False).assign(weight=1.1)
    figure = figures.weights(rows.assign(diverged=rows["gamma"] == 2.0), LABEL)
    titles = [panel.get_title(loc="left") for panel in shown(figure)]
    assert titles == [r"$\gamma$ = 0", r"$\gamma$ = 2, diverged"]
    assert all(len(panel.get_lines()) == 7 for panel in shown(figure)) and "music" in texts(figure)


def test_a_balancer_has_a_row_and_is_filled_where_its_interval_leaves_zero_out():
    names = ["GradNorm, γ = 2", "DWA", "FAMO"]
    table = pd.concat([changes(3, balancing=names, target=target) for target in NAMES])
    figure = figures.balancers(table, LABEL)
    assert len(shown(figure)) == 7
    for panel in shown(figure):
        marks = [line for line in panel.get_lines() if line.get_marker() == "o"]
        assert [line.get_ydata().tolist() for line in marks] == [[0], [1], [2]]
        assert [line.get_markerfacecolor() == "white" for line in marks] == [False, True, False]


def test_readings_are_a_row_each_with_the_methods_below():
    names = ["init = random", "agreement_weight = 0.0", "w", "v"]
    table = changes(4, reading=["R22", "R5", "R1", "R2"], change=names)
    rivals = changes(2, method=["popularity", "static"])
    panel = figures.readings(table, rivals, LABEL).axes[0]
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels[1::3] == [r"$\bf{R5}$  agreement_weight = 0.0", "popularity"]
    assert panel.get_yticks().tolist() == [0, 1, 2, 3, 5, 6] and panel.yaxis_inverted()
    assert len(figures.readings(table, rivals.iloc[:0], LABEL).axes[0].get_yticks()) == 4
