"""The figures' language and where they are saved."""

import json

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adc import data, files, looks, paths, plots, report
from adc.plots.learning import apart

pytestmark = pytest.mark.usefixtures("style")
NAMES = ["electronics", "kitchen", "toys", "dvd", "music", "video"]
LABEL = "synthetic twin of Table I (seed 0, scale 0.05, transfer 0.5); ADC h=3 γ=2, seed 0"


def history(domains=NAMES, epochs=12, same=False) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [{"epoch": epoch, "domain": name} for epoch in range(1, epochs + 1) for name in domains]
    columns = ("loss", "weight", "norm", "target", "rate", "validation")
    values = np.ones((len(rows), len(columns))) if same else rng.uniform(0.5, 1.5, (len(rows), len(columns)))
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(values, columns=columns)], axis=1)


def recalls(targets=NAMES, methods=tuple(looks.METHODS)) -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([targets, methods, (5, 10, 15, 20)], names=["target", "method", "n"])
    return rows.to_frame(index=False).assign(mean=np.linspace(0.1, 0.4, len(rows)), std=0.01)


def curves(domains=NAMES) -> dict[str, pd.DataFrame]:
    rows = [(r, sweep, 1 / sweep / r, 1 + r / sweep) for r in (0.3, 1.0, 3.0, 10.0) for sweep in range(1, 9)]
    return dict.fromkeys(domains, pd.DataFrame(rows, columns=["regulariser", "sweep", "train", "valid"]))


def pictures(domains) -> dict:
    each = dict.fromkeys(domains, 1.0)
    relative = pd.DataFrame({"popularity": 1.0, "bpr": 0.9, "static": 1.0, "adc": 1.1}, index=domains)
    return {
        "architecture": plots.architecture(domains, 100, 3),
        "training": plots.training(history(domains), LABEL),
        "validation": plots.validation(history(domains), dict.fromkeys(domains, 3), 5, LABEL),
        "convergence": plots.convergence(curves(domains), each, each, "valid", LABEL),
        "recall": plots.recall(recalls(domains), LABEL),
        "relative": plots.relative(relative, "NDCG@10", LABEL),
    }


def texts(figure) -> list:
    figure.draw_without_rendering()
    found = [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text().strip()]
    return [text for text in found if text.get_window_extent().width > 0]


# a `$` opens a formula in matplotlib, a leading `_` hides a line from it
@pytest.mark.parametrize("domains", [NAMES, ["one"], ["b$d$\\x", "_hidden", "Łódź", "a name that goes on and on"]])
def test_every_text_is_legible_and_inside_its_figure(domains):
    for name, figure in pictures(domains).items():
        assert all(text.get_fontsize() >= 8 for text in texts(figure)), name
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01, name


def test_figures_are_a_column_or_a_page_wide_and_say_which_data_they_show():
    for name, figure in pictures(NAMES).items():
        assert figure.get_figwidth() in (looks.COLUMN, looks.PAGE)
        assert name == "architecture" or "synthetic twin" in figure.get_suptitle()


def test_fifty_domains_are_shaded_without_names():
    domains = [f"d{k}" for k in range(50)]
    figure = plots.training(history(domains), LABEL)
    assert not {text.get_text() for text in texts(figure)} & set(domains)
    assert "dark" in figure.get_supxlabel()


def test_names_of_lines_that_end_at_one_place_do_not_overlap():
    figure = plots.training(history(same=True), LABEL)
    for panel in figure.axes:
        boxes = [text.get_window_extent() for text in texts(figure) if text.axes is panel and text.get_text() in NAMES]
        boxes.sort(key=lambda box: box.y0)
        assert len(boxes) == len(NAMES)
        assert all(above.y0 >= below.y0 + 8 / 72 * figure.dpi for below, above in zip(boxes, boxes[1:], strict=False))


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 20))
def test_apart_keeps_order_and_distance(heights, gap):
    placed = apart(heights, gap)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(np.array(placed)[order]) >= gap - 1e-6).all()
    if (np.diff(np.sort(heights)) >= gap).all():
        assert placed == pytest.approx(heights)


def test_apart_stays_within_bounds():
    assert min(apart([1.0, 1.0, 1.0], 10, low=0, high=100)) == 0
    assert max(apart([99.0, 99.0, 99.0], 10, low=0, high=100)) == 100


def test_methods_differ_in_grey_too():
    assert len({look.marker for look in looks.METHODS.values()}) == len(looks.METHODS)
    assert len({look.linestyle for look in looks.METHODS.values()}) == len(looks.METHODS)


def test_a_diverged_run_is_drawn_as_far_as_it_goes():
    broken = history(epochs=3)
    broken.loc[broken["epoch"] == 3, "loss"] = np.inf
    broken.loc[broken["epoch"] == 3, ["norm", "target", "rate", "validation"]] = np.nan
    at_once = broken[broken["epoch"] == 3].drop(columns="validation")
    for rows, kept in ((broken, 2), (at_once, 0)):
        texts(plots.training(rows, LABEL))
        texts(plots.validation(rows, dict.fromkeys(NAMES, kept), 5, LABEL))
    assert "finite" in report.balance_words(at_once)
    assert "The weights end" in report.balance_words(broken)


def test_save_writes_pdf_png_and_a_json_that_names_the_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    figure = plots.recall(recalls(), LABEL)
    plots.save(figure, "fig2-twin-s0.05-any", runs=["data/runs/b", "data/runs/a", "data/runs/b"], seeds=[0, 1])
    place = paths.figures() / "fig2-twin-s0.05-any"
    assert {path.name for path in paths.figures().iterdir()} == {f"{place.name}.{e}" for e in ("json", "pdf", "png")}
    assert (paths.figures() / f"{place.name}.pdf").read_bytes().startswith(b"%PDF")
    assert (paths.figures() / f"{place.name}.png").read_bytes().startswith(b"\x89PNG")
    known = json.loads((paths.figures() / f"{place.name}.json").read_text())
    assert known == {"figure": place.name, "seeds": [0, 1], "runs": ["data/runs/a", "data/runs/b"]}


def test_a_twins_label_says_synthetic(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    files.write_json(paths.processed("twin-s0.5") / "manifest.json", {"source": "twin", "arguments": {"scale": 0.5}})
    figure = plots.recall(recalls(), data.label("twin-s0.5"))
    assert "synthetic twin" in figure.get_suptitle()


def test_a_search_is_drawn_whatever_the_kind_of_its_parameters():
    trials = pd.DataFrame({
        "validation": [0.3, 0.2, 0.1], "rate": [1e-3, 1e-1, np.nan], "start": ["als", "random", None], "width": [0, 100, np.nan]
    })  # fmt: skip
    figure = plots.search(trials, ["rate", "start", "width"], LABEL)
    assert [panel.get_xlabel() for panel in figure.axes] == ["rate", "start", "width"]
    assert [panel.get_xscale() for panel in figure.axes] == ["log", "linear", "linear"]
    texts(figure)


def test_controls_are_drawn_with_one_seed_too():
    rows = [{"transfer": t, "method": m, "gain": t / 10, "low": np.nan, "high": np.nan} for t in (0.0, 1.0) for m in ("clfm", "adc")]
    figure = plots.controls(pd.DataFrame(rows), LABEL)
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["transfer 0", "transfer 1"]
    texts(figure)
