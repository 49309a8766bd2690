"""The controls: pairs of runs on the same split, and the summary worked by hand."""

import numpy as np
import pandas as pd
import pytest

from adc import baselines, paths
from adc.results import controls


@pytest.mark.slow
def test_each_pair_is_one_run_of_all_domains_and_one_of_the_target_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    short = {"scale": 0.03, "epochs": 1, "patience": 1, "show": False}
    table = controls.gains([0.0], ["toys"], [0, 1], ["bpr_merged"], **short)
    assert table[["transfer", "method", "target", "seed"]].to_numpy().tolist() == [
        [0.0, "bpr_merged", "toys", 0], [0.0, "bpr_merged", "toys", 1]
    ]  # fmt: skip
    assert (table["gain"] == table["joint"] - table["alone"]).all()
    dataset = next((paths.home() / "data" / "processed").iterdir()).name
    assert "-t0" in dataset and len(list(paths.runs(dataset).iterdir())) == 4
    again = controls.gains([0.0], ["toys"], [0, 1], ["bpr_merged"], **short)  # stored runs
    pd.testing.assert_frame_equal(table, again)


def gains(first, second) -> pd.DataFrame:
    rows = [
        {"transfer": transfer, "method": "adc", "target": "toys", "seed": seed, "gain": gain, "alone": 0.2}
        for transfer, gains in ((0.0, first), (1.0, second)) for seed, gain in enumerate(gains)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_gain_counts_when_its_interval_over_the_seeds_is_above_zero():
    summary = controls.over_seeds(gains([0.02, -0.02, 0.0], [0.1, 0.11, 0.09]))
    assert summary["gain"].tolist() == pytest.approx([0.0, 0.1])
    half = 4.302653 * 0.01 / np.sqrt(3)  # t quantile for two degrees of freedom
    assert summary.loc[1, ["low", "high"]].tolist() == pytest.approx([0.1 - half, 0.1 + half], rel=1e-6)
    assert summary.loc[1, "gain (%)"] == pytest.approx(50)
    said = controls.words(summary)
    assert "0.0248 to 0.0248 to either side" in said
    assert "At transfer 0" in said and "above zero: none." in said and "adc (+0.1000)" in said


def test_the_names_are_methods_that_exist():
    assert set(controls.CROSS) <= {*baselines.METHODS, "adc"}
