"""The controls: pairs of runs on the same split, and the summary worked by hand."""

import numpy as np
import pandas as pd
import pytest

from companion import paths
from companion.analysis import controls


@pytest.mark.slow
def test_each_pair_is_one_run_of_all_domains_and_one_of_the_target_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    short = {"scale": 0.03, "epochs": 1, "patience": 1, "show": False}
    table = controls.gains([0.0], ["toys"], [0, 1], ["bpr_merged"], **short)
    names = table[["transfer", "method", "target", "seed"]].to_numpy().tolist()
    assert names == [[0.0, "bpr_merged", "toys", 0], [0.0, "bpr_merged", "toys", 1]]
    assert (table["gain"] == table["joint"] - table["alone"]).all()
    dataset = next((paths.home() / "data" / "processed").iterdir()).name
    assert "-t0" in dataset and len(list(paths.runs(dataset).iterdir())) == 4
    again = controls.gains([0.0], ["toys"], [0, 1], ["bpr_merged"], **short)  # stored runs
    pd.testing.assert_frame_equal(table, again)


def test_a_gain_has_its_interval_over_the_seeds():
    rows = []
    for transfer, gains in ((0.0, [0.02, -0.02, 0.0]), (1.0, [0.1, 0.11, 0.09])):
        names = {"transfer": transfer, "method": "adc", "target": "toys", "alone": 0.2}
        rows += [names | {"seed": seed, "gain": gain} for seed, gain in enumerate(gains)]
    summary = controls.over_seeds(pd.DataFrame(rows))
    assert summary["gain"].tolist() == pytest.approx([0.0, 0.1])
    half = 4.302653 * 0.01 / np.sqrt(3)  # t quantile for two degrees of freedom
    assert summary.loc[1, ["low", "high"]].tolist() == pytest.approx([0.1 - half, 0.1 + half], rel=1e-6)
    assert summary.loc[1, "gain (%)"] == pytest.approx(50)
