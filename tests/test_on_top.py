"""What notebook 17 shows of ADC on top of BPR: its runs, and differences by hand. Synthetic ratings only."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from small import random_ratings

from companion import data, tuned_settings
from companion.analysis import on_top, report
from companion.analysis.curves import MEAN
from companion.figures import on_top as figures


def rows(shift: float = 0.02) -> pd.DataFrame:
    values = {"popularity": 0.10, "bpr": 0.12, "adc": 0.09, "adc_residual": 0.12}
    return pd.DataFrame([
        {"method": method, "target": target, "seed": seed,
         "value": value + 0.01 * seed + shift * (method == "adc_residual") * side}
        for method, value in values.items() for seed in (0, 1, 2)
        for target, side in (("films", 1), ("books", -2), (MEAN, -0.5))
    ])  # fmt: skip


def test_differences_are_paired_over_the_seeds_and_counted_by_domain():
    table = on_top.differences(rows()).set_index(["other", "target"])
    assert table.loc[("bpr", "films"), ["difference", "low", "high"]].tolist() == pytest.approx([0.02] * 3)
    assert table.loc[("popularity", "books"), "difference"] == pytest.approx(-0.02)
    words, count = on_top.summary(table.reset_index()), "(above it in 1 of 2 domains)"
    assert "n = 3 seeds" in words and (table["seeds"] == 3).all()
    assert f"-0.0100 [-0.0100, -0.0100] against BPR {count}" in words
    assert f"+0.0100 [+0.0100, +0.0100] against popularity {count}" in words


def test_the_table_has_means_and_counts_domains_but_not_their_mean():
    table = on_top.table(rows())
    assert table.loc["films", "ADC on BPR"] == "0.1500" and table.loc[MEAN, "BPR"] == "0.1300"
    assert table.loc["ADC on BPR is above it in"].tolist() == ["1 of 2", "1 of 2", "1 of 2", "–"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_figure_fills_what_is_sure(seeds):
    figure = figures.differences(on_top.differences(rows().query(f"seed < {seeds}")), "synthetic")
    marks = [line for panel in figure.axes for line in panel.lines if line.get_marker() in "oD"]
    filled = [line for line in marks if line.get_markerfacecolor() != "white"]
    assert len(figure.axes) == 3 and len(filled) == (0 if seeds == 1 else 9)
    plt.close(figure)


def test_every_method_is_run_with_what_was_found_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings())
    monkeypatch.setattr(tuned_settings, "FILE", tmp_path / "tuned.json")
    for method in ("bpr", "adc", "adc_residual"):
        parameters = {"dim": 4, "batch_users": 8}
        parameters |= {"bpr_batch_users": 8} if method == "adc_residual" else {}
        tuned_settings.write("on_top", method, {"parameters": parameters, "trials": 3, "validation": 0.1})
    table = on_top.scores("on_top", [0], epochs=1, patience=1, show=False)
    assert set(table["method"]) == {*on_top.OTHERS, "adc_residual"} and MEAN in set(table["target"])
    (place,) = (tmp_path / "data" / "runs" / "on_top").glob("adc_residual-*")
    assert pd.read_json(place / "config.json", typ="series")["bpr_batch_users"] == 8
    assert {run.config["method"] for run in report.available("on_top", "any")} == set(on_top.OTHERS)
    settings = on_top.settings("on_top")
    assert settings["trials"].tolist() == [3, 3, 3] and "batch_users = 8" in settings.loc["BPR", "settings"]
    assert on_top.settings("other")["settings"].tolist() == ["the defaults"] * 3
