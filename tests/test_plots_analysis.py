"""Figures of the parameter analysis have the marks they should, for many domains and few."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from companion import figures
from companion.adc_method import STARRED
from companion.analysis import sensitivity
from companion.figures.style import PAGE

pytestmark = pytest.mark.usefixtures("style")
LABEL = "synthetic twin of Table I (seed 0, scale 0.05, transfer 0.5); n = 3 seeds"
NAMES = ["electronics", "kitchen", "toys", "dvd", "music", "video", "mean over domains"]
TARGETS = [["films", "mean over domains"], NAMES[2:], NAMES, [f"domain {k}" for k in range(9)]]


def contrasts(targets, series, values, half=3.0) -> pd.DataFrame:
    """As `curves.contrasts` has them; the paper's level is the first."""
    rows = pd.MultiIndex.from_product([targets, series, values], names=["target", "series", "level"])
    middle = np.linspace(-4, 4, len(rows))
    rows = rows.to_frame(index=False).assign(difference=middle, reference=f"{values[0]:g}")
    return rows.assign(low=rows["difference"] - half, high=rows["difference"] + half, diverged=0)


def changes(n: int, **columns) -> pd.DataFrame:
    middle = np.linspace(0.02, -0.02, n)
    bounds = {"difference": middle, "low": middle - 0.01, "high": middle + 0.01}
    return pd.DataFrame(bounds | {"seeds": 3, "diverged": 0} | columns)


def shown(figure) -> list:
    return [panel for panel in figure.axes if panel.axison]


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


@pytest.mark.parametrize("targets", TARGETS, ids=len)
def test_a_panel_a_target_that_fits_the_page(targets):
    deep = figures.depth(contrasts(targets, ["identity", "none"], [1, 3, 5]), LABEL)
    for figure in (deep, figures.asymmetry(contrasts(targets, ["adc"], [0.0, 2.0]), LABEL)):
        assert len(shown(figure)) == len(targets) and figure.get_figwidth() <= PAGE
        assert "synthetic" in figure.get_suptitle()
        assert all("\nless" in panel.get_title(loc="left") for panel in shown(figure))
        assert len({panel.get_ylim() for panel in shown(figure)}) == 1


def marks(panel, kinds="os") -> list:
    return [line for line in panel.get_lines() if line.get_marker() in [*kinds]]


def test_fig_3_has_both_starts_filled_where_the_interval_leaves_zero_out():
    table = contrasts(["a"], ["identity", "none"], [1, 3, 5])
    panel = shown(figures.depth(table, LABEL))[0]
    sure = ((table["low"] > 0) | (table["high"] < 0)).tolist()
    filled = [line.get_markerfacecolor() != "white" for line in marks(panel)]
    assert filled == sure == [True, *[False] * 4, True]
    assert [round(line.get_xdata()[0]) for line in marks(panel)] == [1, 3, 5, 1, 3, 5]
    assert panel.get_title(loc="left") == "a\nless $h$ = 1"
    assert "not pretrained" in texts(panel.figure) and "± 2 %" in texts(panel.figure)


def test_without_intervals_no_bar_is_drawn_and_wide_ones_end_in_an_arrow():
    none, wide = (contrasts(["a"], ["adc"], [0.0, 2.0, 3.0], half) for half in (np.nan, 99.0))
    lengths = [line.get_ydata() for line in shown(figures.asymmetry(none, LABEL))[0].get_lines()]
    assert all(np.ptp(ends) == 0 for ends in lengths if len(ends) == 2 and len({*ends}) < 3)
    panel = shown(figures.asymmetry(wide, LABEL))[0]
    assert len(marks(panel, "^v")) == 6 and max(map(abs, panel.get_ylim())) < 20


def test_diverged_runs_are_crossed_and_explained():
    table = contrasts(["a"], ["adc"], [0.0, 1.0, 2.0])
    calm = figures.asymmetry(table, LABEL)
    table.loc[1, "diverged"] = 1
    figure = figures.asymmetry(table, LABEL)
    assert [line.get_xdata().tolist() for line in marks(shown(figure)[0], "x")] == [[1.0]]
    assert "diverged" in texts(figure) and "diverged" not in texts(calm)


def test_fig_4_has_equal_weights_at_the_left():
    table = pd.concat([contrasts(["a"], ["adc"], [0.0, 2.0]), contrasts(["a"], ["static"], [0.0])])
    panel = shown(figures.asymmetry(table, LABEL))[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["equal", "0", "2"]
    (square,) = marks(panel, "s")
    assert square.get_xdata().tolist() == [-1.0] and square.get_ydata().tolist() == [-4.0]


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
    table.loc[table["balancing"] == "FAMO", ["low"]] = -9.0
    panel = figures.balancers(table, LABEL).axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == names
    assert [line.get_ydata().tolist() for line in marks(panel)] == [[0], [1], [2]]
    assert [line.get_markerfacecolor() == "white" for line in marks(panel)] == [False, True, False]
    assert len(marks(panel, "<")) == 1 and panel.get_xlim()[0] > -0.2  # one interval does not set the axis
    assert {len(line.get_xdata()) for line in marks(panel, "|")} == {6}


def test_readings_are_a_row_each_in_words_with_the_methods_below():
    names = ["init = random", "agreement_weight = 0.0", "w", "v"]
    table = changes(4, reading=["R22", "R5", "R1", "R2"], change=names)
    table.loc[3, ["difference", "low", "high"]] = [-0.9, -0.91, -0.89]
    rivals = changes(2, method=["popularity", "static"])
    panel = figures.readings(table, rivals, LABEL).axes[0]
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels[1::3] == [r"no agreement (λ = 0)  $\bf{R5}$", "popularity"]
    assert panel.get_yticks().tolist() == [0, 1, 2, 3, 5, 6] and panel.yaxis_inverted()
    assert "−0.900" in texts(panel.figure) and panel.get_xlim()[0] > -0.2
    assert len(figures.readings(table, rivals.iloc[:0], LABEL).axes[0].get_yticks()) == 4


def test_every_starred_reading_has_plain_words():
    words = [words for _, _, words in STARRED]
    assert all(words) and len({*words}) == len(STARRED) == len(sensitivity.PLAIN)
