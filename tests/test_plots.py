"""The figures' language and where they are saved."""

import json
import re

import matplotlib.pyplot as plt
import matplotlib.text
import numpy as np
import pandas as pd
import pytest

from companion import figures, paths, registry
from companion.analysis import training
from companion.figures.style import COLUMN, PAGE

pytestmark = pytest.mark.usefixtures("style")
NAMES = ["electronics", "kitchen", "toys", "dvd", "music", "video"]
LABEL = "synthetic twin of Table I (seed 0, scale 0.05, transfer 0.5); ADC h=3 γ=2, seed 0"
IN_TABLES = registry.names("hurdle", "rival", "adc")


def history(domains=NAMES, epochs=12) -> pd.DataFrame:
    keys = pd.MultiIndex.from_product([range(1, epochs + 1), domains], names=["epoch", "domain"])
    columns = ["loss", "weight", "norm", "target", "rate", "validation"]
    values = np.random.default_rng(0).uniform(0.5, 1.5, (len(keys), len(columns)))
    return pd.DataFrame(values, keys, columns).reset_index()


def recalls(targets=NAMES, interval=0.02) -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([IN_TABLES, (5, 10, 15, 20), targets], names=["method", "n", "target"])
    middle = np.linspace(-0.1, 0.1, len(rows))
    facts = {"difference": middle, "low": middle - interval, "high": middle + interval}
    return rows.to_frame(index=False).assign(**facts)


def curves(domains=NAMES) -> dict[str, pd.DataFrame]:
    rows = [(r, sweep, 1 / sweep / r, 1 + r / sweep) for r in (0.3, 1.0, 3.0, 10.0) for sweep in range(1, 9)]
    return dict.fromkeys(domains, pd.DataFrame(rows, columns=["regulariser", "sweep", "train", "valid"]))


def pictures(domains) -> dict:
    each = dict.fromkeys(domains, 1.0)
    return {
        "architecture": figures.architecture(domains, 100, 3),
        "training": figures.training(history(domains), LABEL),
        "validation": figures.validation(history(domains), dict.fromkeys(domains, 3), 5, LABEL),
        "convergence": figures.convergence(curves(domains), each, each, "valid", LABEL),
        "recall": figures.recall(recalls(domains), "bpr", LABEL),
        "relative": figures.relative(recalls(domains).query("n == 10"), "NDCG@10", LABEL),
        "stars": figures.stars(pd.DataFrame(20.0, domains, range(1, 6)), LABEL),
    }


def texts(figure) -> list:
    figure.draw_without_rendering()
    visible = [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible()]
    return [text for text in visible if text.get_text().strip() and text.get_window_extent().width > 0]


# a `$` opens a formula in matplotlib, a leading `_` hides a line from it
@pytest.mark.parametrize("domains", [NAMES, ["one"], ["b$d$\\x", "_hidden", "Łódź", "a name that goes on"]])
def test_every_text_is_legible_inside_its_figure_and_says_which_data_it_shows(domains):
    for name, figure in pictures(domains).items():
        assert all(text.get_fontsize() >= 8 for text in texts(figure)), name
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01, name
        assert width in (COLUMN, PAGE) or domains != NAMES, name
        assert name == "architecture" or "synthetic" in figure.get_suptitle()


def test_fig_2_colours_adc_and_the_best_and_names_every_line():
    figure = figures.recall(recalls(), "bpr", LABEL)
    panel = figure.axes[len(NAMES) - 1]
    names = {text.get_text(): text.get_weight() == "bold" for text in panel.texts}
    assert set(names) == {registry.label(name) for name in IN_TABLES if name != "random"}
    assert {name for name, bold in names.items() if bold} == {"ADC", "SCoNet"}  # of the others the highest
    assert len(panel.collections) == 2  # bands of 95 %
    heights = sorted(text.xyann[1] for text in panel.texts)
    pixels = panel.transData.transform([(0, height) for height in heights])[:, 1]
    assert (np.diff(pixels) > 8 / 72 * figure.dpi).all()


def test_relative_has_a_row_a_method_with_a_tick_a_domain():
    panel = figures.relative(recalls().query("n == 10"), "NDCG@10", LABEL).axes[0]
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert names[0] == "ADC" and not {"popularity", "random"} & {*names}  # the best first
    ticks = [line for line in panel.lines if line.get_marker() == "|"]
    assert {len(line.get_xdata()) for line in ticks} == {len(NAMES) - 1}


def test_methods_differ_in_grey_too():
    methods = [registry.METHODS[name] for name in (*IN_TABLES, "static", *registry.names("variant"))]
    assert len({method.marker for method in methods}) == len(methods)
    assert len({method.linestyle for method in methods}) == len(methods)


def test_a_diverged_run_is_drawn_as_far_as_it_goes():
    broken = history(epochs=3)
    broken.loc[broken["epoch"] == 3, "loss"] = np.inf
    broken.loc[broken["epoch"] == 3, ["norm", "target", "rate", "validation"]] = np.nan
    at_once = broken[broken["epoch"] == 3].drop(columns="validation")
    for rows, best in ((broken, 2), (at_once, 0)):
        texts(figures.training(rows, LABEL))
        texts(figures.validation(rows, dict.fromkeys(NAMES, best), 5, LABEL))
    assert "finite" in training.balance_summary(at_once)
    assert "The weights end" in training.balance_summary(broken)


def test_save_writes_pdf_png_and_a_json_that_names_the_runs():
    runs = ["data/runs/b", "data/runs/a", "data/runs/b"]
    figures.save(figures.recall(recalls(), "bpr", LABEL), "fig2-twin-s0.05-any", runs=runs, seeds=[0, 1])
    place = paths.figures() / "fig2-twin-s0.05-any"
    written = {path.name for path in paths.figures().iterdir()}
    assert written == {f"{place.name}.{ending}" for ending in ("json", "pdf", "png")}
    assert (paths.figures() / f"{place.name}.pdf").read_bytes().startswith(b"%PDF")
    assert (paths.figures() / f"{place.name}.png").read_bytes().startswith(b"\x89PNG")
    facts = json.loads((paths.figures() / f"{place.name}.json").read_text())
    assert facts == {"figure": place.name, "seeds": [0, 1], "runs": ["data/runs/a", "data/runs/b"]}


def test_a_search_is_drawn_whatever_the_kind_of_its_parameters():
    trials = pd.DataFrame({
        "validation": [0.3, 0.2, 0.1], "step": [1e-3, 1e-1, np.nan], "init": ["als", "random", None],
        "width": [0, 100, np.nan],
    })  # fmt: skip
    figure = figures.search(trials, ["step", "init", "width"], LABEL)
    assert [panel.get_xlabel() for panel in figure.axes] == ["step", "init", "width"]
    assert [panel.get_xscale() for panel in figure.axes] == ["log", "linear", "linear"]
    texts(figure)


def test_controls_are_drawn_with_one_world_too():
    names = [(t, m, alone) for t in (0.0, 1.0) for m in ("bpr", "adc") for alone in (False, True)]
    levels = pd.DataFrame(names, columns=["transfer", "method", "alone"])
    levels = levels.assign(value=0.1, low=np.nan, high=np.nan)
    figure = figures.controls(levels, levels[~levels["alone"]], LABEL)
    left, right = ([text.get_text() for text in panel.texts] for panel in figure.axes)
    assert {*left} == {"ADC, alone", "ADC", "BPR, alone", "BPR"} and {*right} == {"ADC", "BPR"}
    assert not figure.legends
    names = ["GradNorm, γ = 2", "constant, 1.9 : 0.1"]
    table = pd.DataFrame({"case": "by hand", "balancing": names, "value": 0.1})
    figure = figures.over_static(table.assign(low=[np.nan, 0.05], high=[np.nan, 0.15]), LABEL)
    words = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert words == names
    history = pd.DataFrame({"epoch": [1, 2], "domain": "target", "ranking": 0.1, "agreement": 0.0})
    history = history.assign(weight=1.0, rate=1.0, case="by hand")
    assert len(figures.balancing(history, LABEL).axes) == 4


def test_every_picture_has_a_button_one_is_shown_and_names_are_text():
    pictures = {name: plt.figure() for name in ("γ = 0", "<b>γ</b>", "γ = 2")}
    first = figures.slider(pictures, "weights").data
    second = figures.slider({"a": plt.figure()}, "weights").data
    assert not plt.get_fignums() and "<b>" not in first and "&lt;b&gt;γ" in first
    assert first.count("<img ") == first.count('type="radio"') == 3 and first.count(" checked") == 1
    places = [re.search(r'<div id="([^"]+)"', text)[1] for text in (first, second)]
    assert places[0] != places[1]  # two on a page do not switch each other
    rules = re.findall(r"input:nth-of-type\((\d)\):checked ~ img:nth-of-type\((\d)\)", first)
    assert rules == [("1", "1"), ("2", "2"), ("3", "3")]
