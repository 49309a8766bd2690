"""The map: its differences worked by hand, its runs, and the places of datasets against twins whose place is known."""

import numpy as np
import pandas as pd
import pytest

from adc import paths, plots
from adc.data import schema, twin
from adc.data.table1 import TABLE_I
from adc.results import maps, marks

METHODS = {"adc": 0.5, "static": 0.4, "bpr": 0.6}


def table(cells=((0.0, 1.0),), seeds=2) -> pd.DataFrame:
    """Scores by method; every seed adds 0.02 to ADC's."""
    return pd.DataFrame([
        {"transfer": t, "asymmetry": a, "seed": seed, "method": method, "target": target, "run": f"{method}-{seed}",
         "value": value + 0.02 * seed * (method == "adc") + 0.1 * (target == "toys"), "users": users}
        for t, a in cells for seed in range(seeds) for method, value in METHODS.items()
        for target, users in (("dvd", 10 + seed), ("toys", 4))
    ])  # fmt: skip


def test_differences_are_means_over_the_targets_of_the_same_twin():
    found = maps.differences(table()).set_index(["other", "seed"])["difference"]
    assert found["static"].tolist() == pytest.approx([0.1, 0.12])
    assert found["bpr"].tolist() == pytest.approx([-0.1, -0.08])


def test_interval_over_seeds_is_that_of_the_t_test():
    found = maps.over_seeds(maps.differences(table())).set_index("other").loc["static"]
    half = 12.706205 * 0.01  # t quantile for one degree of freedom; standard error 0.02 / sqrt(2) / sqrt(2)
    assert found[["difference", "low", "high"]].tolist() == pytest.approx([0.11, 0.11 - half, 0.11 + half])
    assert found["seeds"] == 2


def test_a_cell_with_one_seed_has_no_interval_and_the_words_say_so():
    differences = maps.differences(table(seeds=1))
    assert maps.over_seeds(differences)[["low", "high"]].isna().all(axis=None)
    assert "One seed" in maps.words(differences, "static", "static")


def test_rises_are_from_the_lowest_to_the_highest_of_each_axis_within_a_seed():
    cells = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    differences = maps.differences(table(cells))
    value = {(0.0, 0.0): 0.1, (0.0, 1.0): 0.3, (1.0, 0.0): 0.4, (1.0, 1.0): 0.8}
    at = differences.set_index(maps.CELL).index
    differences["difference"] = at.map(value) * (1 + differences["seed"])
    found = maps.rises(differences).set_index(["along", "other"])
    assert found.loc[("transfer", "bpr"), "rise"] == pytest.approx((0.4 + 0.8) / 2)  # of 0.4 and 0.8, by seed
    assert found.loc[("asymmetry", "bpr"), "rise"] == pytest.approx((0.3 + 0.6) / 2)
    half = 12.706205 * 0.2
    assert found.loc[("transfer", "bpr"), ["low", "high"]].tolist() == pytest.approx([0.6 - half, 0.6 + half])


def test_users_behind_a_cell_are_those_of_the_smallest_domain_and_of_all():
    assert maps.evaluable(table()).loc[(0.0, 1.0)].tolist() == [4, 14.5]


def test_words_tell_cells_whose_interval_excludes_zero_and_the_mean_of_the_map_over_the_seeds():
    cells = [(t, a) for t in (0.0, 0.33, 0.67, 1.0) for a in (0.0, 0.5, 1.0, 1.5)]
    differences = maps.differences(table(cells))
    differences["difference"] = np.where(differences["seed"] == 0, -0.1, 0.1)
    certain = differences.set_index(maps.CELL).index.isin(cells[:3])
    differences.loc[certain, "difference"] = 0.1 + 0.001 * differences["seed"]
    said = maps.words(differences, "static", "static")
    assert "in 3 of 16 cells: (transfer, asymmetry) = (0, 0), (0, 0.5), (0, 1)." in said
    assert "Worse with the whole interval in 0 of 16 cells." in said and "0.4 would on each side" in said
    means = np.array([(3 * 0.1 - 13 * 0.1) / 16, (3 * 0.101 + 13 * 0.1) / 16])
    half = 12.706205 * (means[1] - means[0]) / 2
    assert f"{means.mean():+.4f} ({means.mean() - half:+.4f} to {means.mean() + half:+.4f})" in said
    assert "From transfer 0 to 1" in said


def test_words_tell_how_many_runs_the_limit_of_epochs_stopped():
    rows = [("adc", "a", 8), ("adc", "a", 8), ("adc", "b", 5), ("bpr", "c", 3)]
    said = maps.unfinished(pd.DataFrame(rows, columns=["method", "run", "trained"]), 8)
    assert "8 epochs" in said and said.endswith("adc 50%, bpr 0%.")


@pytest.mark.slow
def test_scores_are_of_runs_that_are_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    short = {"scale": 0.02, "epochs": 1, "patience": 1, "references": ["popularity", "adc_alone"], "show": False}
    first = maps.scores([1.0], [0.0], [1], **short)
    assert first.groupby("method")["target"].apply(list).to_dict() == dict.fromkeys(
        ["adc", "static", "popularity", "adc_alone"], list(TABLE_I)
    )
    runs = first.groupby("method")["run"].nunique().to_dict()
    assert runs == {"adc": 1, "static": 1, "popularity": 1, "adc_alone": 6}
    assert [path.name for path in paths.processed("").iterdir()] == ["twin-s0.02-t1.0-a0.0-seed1"]
    monkeypatch.setattr(maps.searched.train.fit, "fit", None)
    pd.testing.assert_frame_equal(first, maps.scores([1.0], [0.0], [1], **short))


# marks


def twins(transfer: float, seeds, scale: float = 0.06, asymmetry: float = 1.0) -> list[schema.Ratings]:
    frames = [twin.ratings(seed, scale, transfer, asymmetry)[0] for seed in seeds]
    return [schema.encode(frame, "twin", list(TABLE_I)) for frame in frames]


@pytest.mark.parametrize("asymmetry", [0.0, 0.5, 1.0, 1.5])
def test_asymmetry_of_a_twin_is_what_it_was_made_with(asymmetry):
    least = 0.07 * (asymmetry > 1)  # small domains keep enough ratings a user
    assert marks.asymmetry(*twins(0.5, [0], 0.03, asymmetry)) == pytest.approx(asymmetry, abs=0.01 + least)


def test_agreement_is_about_0_without_transfer_grows_with_it_and_is_about_1_with_all():
    found = {t: np.mean([marks.agreement(ratings) for ratings in twins(t, range(3), 0.04)]) for t in (0.0, 0.67, 1.0)}
    assert abs(found[0.0]) < 0.1 and 0.12 < found[0.67] < 0.45 and 0.75 < found[1.0] < 1.3


def test_agreement_is_lost_when_users_change_their_names_from_domain_to_domain():
    ratings = twins(1.0, [0])[0]
    frame = ratings.frame()
    for _, some in frame.groupby("domain"):
        users = some["user"].unique()
        others = np.random.default_rng(1).permutation(users)
        frame.loc[some.index, "user"] = some["user"].map(dict(zip(users, others, strict=True)))
    shuffled = schema.encode(frame, "shuffled", ratings.domains)
    assert marks.agreement(ratings) > 0.5 > 0.2 > abs(marks.agreement(shuffled))


def test_agreement_does_not_hang_on_how_many_ratings_a_user_has():
    """Two domains with the same taste: four kinds of users, who choose four in five items of their kind."""
    for users, count in ((4000, 2), (150, 40)):
        rng = np.random.default_rng(0)
        kind, any_ = rng.integers(4, size=(users, 1)), rng.integers(4, size=(2, users, count))
        chosen = np.where(rng.random(any_.shape) < 0.8, kind, any_) + 4 * rng.integers(25, size=any_.shape)
        domain, user, _ = np.indices(chosen.shape)
        columns = {"domain": domain, "user": user, "item": chosen, "rating": np.ones(chosen.shape)}
        frame = pd.DataFrame({name: value.ravel() for name, value in columns.items()}).drop_duplicates()
        ratings = schema.encode(frame.astype({"domain": str}), "made", ["0", "1"])
        assert marks.agreement(ratings) == pytest.approx(1, abs=0.12)


def test_agreement_cannot_be_told_from_one_domain():
    assert np.isnan(marks.agreement(twins(0.5, [0], 0.03)[0].only(["music"])))


def test_interval_holds_the_value_and_is_as_wide_as_twins_differ(monkeypatch):
    monkeypatch.setattr(marks, "CUTS", 1)
    found = [(marks.agreement(ratings), *marks.interval(ratings)) for ratings in twins(0.67, range(4), 0.02)]
    value, low, high = np.array(found).T
    assert (low < value).all() and (value < high).all()
    assert 0.4 < np.mean(high - low) / (2 * 2.26 * value.std(ddof=1)) < 2.5


def test_dependence_is_the_unbiased_hsic_of_the_definition():
    rng = np.random.default_rng(0)
    x, y = (marks.sp.csr_array(rng.random((12, columns)) + 0.1) for columns in (3, 5))
    value, n = marks._dependence(x, y, np.arange(12) < 9)
    k, other = ((part.toarray()[:9] @ part.toarray()[:9].T) * (1 - np.eye(9)) for part in (x, y))
    expected = np.trace(k @ other) + k.sum() * other.sum() / (8 * 7) - 2 / 7 * (k @ other).sum()
    assert n == 9 and value == pytest.approx(expected / (9 * 6))


def test_transfer_is_read_off_the_mean_of_the_twins_and_its_ends_allow_for_their_scatter():
    curve = pd.DataFrame({"transfer": [0, 0, 0.5, 0.5, 1, 1], "agreement": [-0.1, 0.1, 0.2, 0.4, 0.8, 1.0]})
    assert marks.transfer(0.6, curve) == pytest.approx(0.75)
    assert marks.transfer(-3, curve) == 0 and marks.transfer(3, curve) == 1 and np.isnan(marks.transfer(np.nan, curve))
    assert marks.transfer(0.6, curve, 1) < 0.75 < marks.transfer(0.6, curve, -1)


def test_a_map_without_real_datasets_is_drawn_and_says_so(style):
    curve = pd.DataFrame({"transfer": [0.0, 1.0], "agreement": [0.1, 0.9]})
    places = marks.placed([], curve)
    assert list(places) == marks.PLACED and "No real dataset" in marks.words(places)
    plots.calibration(curve, places, "synthetic").canvas.draw()
    summary = maps.over_seeds(maps.differences(table([(t, a) for t in (0.0, 1.0) for a in (0.0, 1.0)])))
    plots.heat(summary, {"static": "static"}, places, "synthetic").canvas.draw()


def test_datasets_are_placed_with_their_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(marks, "CUTS", 1)
    curve = marks.calibration(0.03, [0.0, 1.0], [0, 1])
    assert curve[["transfer", "seed"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    place = marks.placed(["twin-s0.03-t1.0"], curve).loc["twin-s0.03-t1.0"]
    assert place["transfer"] > 0.5 and place["transfer_low"] <= place["transfer"] <= place["transfer_high"]
    assert "synthetic" in marks.words(place.to_frame().T)


# the picture


def test_heat_maps_write_every_difference_and_frame_those_that_are_sure():
    summary = maps.over_seeds(maps.differences(table([(t, a) for t in (0.0, 1.0) for a in (0.0, 1.0)], seeds=3)))
    summary.loc[(summary["other"] == "static") & (summary["transfer"] == 0), "low"] = -1
    place = {"asymmetry": 0.5, "transfer": 0.25, "transfer_low": 0.1, "transfer_high": 0.4}
    places = pd.DataFrame([place, place | {"transfer": np.nan}], index=["films", "unknown"])
    figure = plots.heat(summary, {"bpr": "less BPR", "static": "less static"}, places, "synthetic twins")
    left, right = figure.axes[:2]
    said = [[text.get_text() for text in panel.texts] for panel in (left, right)]
    assert said[0].count("\N{MINUS SIGN}0.080") == 4 and said[1].count("+0.120") == 4
    assert [len(panel.patches) for panel in (left, right)] == [4, 2]
    assert "films" in said[0] and "unknown" not in said[0] and "synthetic" in figure.get_suptitle()
    assert left.containers[0][0].get_xydata().tolist() == [[0.25, 0.5]]


def test_calibration_shows_every_twin_and_every_dataset():
    curve = pd.DataFrame({"transfer": [0.0, 0.0, 1.0], "agreement": [0.0, 0.1, 0.9]})
    place = {"agreement": 0.5, "low": 0.4, "high": 0.6}
    places = pd.DataFrame([place, dict.fromkeys(place, np.nan)], index=["films", "unknown"])
    panel = plots.calibration(curve, places, "synthetic").axes[0]
    assert len(panel.lines[0].get_xdata()) == 3 and [text.get_text().strip() for text in panel.texts] == ["films"]
