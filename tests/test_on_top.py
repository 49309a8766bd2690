"""What notebook 17 shows of ADC on top of BPR: its runs, and differences worked by hand. Synthetic ratings only."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from small import random_ratings

from adc import data, report, tuned
from adc.plots import on_top as drawn
from adc.results import on_top
from adc.results.analysis import MEAN


def found(shift: float = 0.02) -> pd.DataFrame:
    values = {"popularity": 0.10, "bpr": 0.12, "adc": 0.09, "adc_residual": 0.12}
    rows = [
        {"method": method, "target": target, "seed": seed, "value": value + 0.01 * seed + shift * (method == "adc_residual") * side}
        for method, value in values.items() for seed in (0, 1, 2) for target, side in (("films", 1), ("books", -2), (MEAN, -0.5))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_differences_are_paired_over_the_seeds_and_counted_by_domain():
    table = on_top.differences(found()).set_index(["against", "target"])
    assert table.loc[("bpr", "films"), ["difference", "low", "high"]].tolist() == pytest.approx([0.02] * 3)
    assert table.loc[("popularity", "books"), "difference"] == pytest.approx(-0.02) and (table["seeds"] == 3).all()
    told = on_top.words(table.reset_index())
    assert "n = 3 seeds" in told and "-0.0100 [-0.0100, -0.0100] against BPR (above it in 1 of 2 domains)" in told
    assert "+0.0100 [+0.0100, +0.0100] against popularity (above it in 1 of 2 domains)" in told


def test_the_table_has_means_and_counts_domains_but_not_their_mean():
    table = on_top.table(found())
    assert table.loc["films", "ADC on BPR"] == "0.1500" and table.loc[MEAN, "BPR"] == "0.1300"
    assert table.loc["ADC on BPR is above it in"].tolist() == ["1 of 2", "1 of 2", "1 of 2", "–"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_figure_fills_what_is_sure(seeds):
    rows = found()
    table = on_top.differences(rows[rows["seed"] < seeds])
    figure = drawn.differences(table, "synthetic")
    filled = [line for panel in figure.axes for line in panel.lines if line.get_marker() in "oD" and line.get_markerfacecolor() != "white"]
    assert len(figure.axes) == 3 and len(filled) == (0 if seeds == 1 else 9)
    plt.close(figure)


def test_every_method_is_run_with_what_was_found_for_it_and_the_variant_stands_on_bprs(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    monkeypatch.setattr(tuned, "FILE", tmp_path / "tuned.json")
    tuned.write("toy", "bpr", {"parameters": {"penalty": 0.02}, "trials": 3, "validation": 0.1})
    for method in ("adc", "adc_residual"):
        tuned.write("toy", method, {"parameters": {"dim": 4, "batch_users": 8}, "trials": 3, "validation": 0.1})
    table = on_top.scores("toy", [0], epochs=1, patience=1, show=False)
    assert set(table["method"]) == {*on_top.AGAINST, "adc_residual"} and MEAN in set(table["target"])
    (place,) = (tmp_path / "data" / "runs" / "toy").glob("adc_residual-*")
    beneath = pd.read_json(place / "config.json", typ="series")["bpr"]
    assert beneath["penalty"] == 0.02 and beneath["method"] == "bpr"
    found, stale = report.available("toy", "any")
    assert {run.config["method"] for run in found} == set(on_top.AGAINST) and not stale  # not among the paper's methods
    shown = on_top.settings("toy")
    assert shown["trials"].tolist() == [3, 3, 3] and "penalty = 0.02" in shown.loc["BPR", "settings"]
    assert on_top.settings("other")["settings"].tolist() == ["the defaults"] * 3
