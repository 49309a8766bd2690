"""The map: differences worked by hand, its runs, and the places of datasets against twins of known place."""

import numpy as np
import pandas as pd
import pytest

from adc.ratings import Ratings, encode
from companion import figures, paths, registry
from companion.analysis import maps, marks, stats
from companion.data import twin
from companion.data.table1 import TABLE_I

METHODS = {"adc": 0.5, "static": 0.4, "bpr": 0.6}
CORNERS = [(t, a) for t in (0.0, 1.0) for a in (0.0, 1.0)]


def table(cells=((0.0, 1.0),), seeds=2) -> pd.DataFrame:
    """Scores by method; every seed adds 0.02 to ADC's."""
    keys = ["transfer", "asymmetry", "seed", "method", "target"]
    parts = []
    for transfer, asymmetry in cells:
        axes = [[transfer], [asymmetry], range(seeds), METHODS, ["dvd", "toys"]]
        parts.append(pd.MultiIndex.from_product(axes, names=keys).to_frame(index=False))
    rows = pd.concat(parts, ignore_index=True)
    value = rows["method"].map(METHODS) + 0.1 * (rows["target"] == "toys")
    users = np.where(rows["target"] == "toys", 4, 10 + rows["seed"])
    return rows.assign(value=value + 0.02 * rows["seed"] * (rows["method"] == "adc"), users=users, run="x")


def over_seeds(differences: pd.DataFrame) -> pd.DataFrame:
    return stats.over_seeds(differences, [*maps.CELL, "other"], "difference")


def test_differences_are_means_over_the_targets_of_the_same_twin():
    by_other = maps.differences(table()).set_index(["other", "seed"])["difference"]
    assert by_other["static"].tolist() == pytest.approx([0.1, 0.12])
    assert by_other["bpr"].tolist() == pytest.approx([-0.1, -0.08])


def test_interval_over_seeds_is_that_of_the_t_test_and_none_with_one_seed():
    row = over_seeds(maps.differences(table())).set_index("other").loc["static"]
    half = 12.706205 * 0.01  # t quantile for one degree of freedom; standard error 0.02 / sqrt(2) / sqrt(2)
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([0.11, 0.11 - half, 0.11 + half])
    assert row["seeds"] == 2
    assert over_seeds(maps.differences(table(seeds=1)))[["low", "high"]].isna().all(axis=None)


def test_rises_are_from_the_lowest_to_the_highest_of_each_axis_within_a_seed():
    differences = maps.differences(table(CORNERS))
    value = {(0.0, 0.0): 0.1, (0.0, 1.0): 0.3, (1.0, 0.0): 0.4, (1.0, 1.0): 0.8}
    at = differences.set_index(maps.CELL).index
    differences["difference"] = at.map(value) * (1 + differences["seed"])
    rows = maps.over_map(differences).set_index(["what", "other"])["difference"]
    assert rows["mean over the map", "bpr"] == pytest.approx((0.4 + 0.8) / 2)  # of 0.4 and 0.8, by seed
    assert rows["transfer 1 less 0", "bpr"] == pytest.approx((0.4 + 0.8) / 2)
    assert rows["asymmetry 1 less 0", "bpr"] == pytest.approx((0.3 + 0.6) / 2)
    half = 12.706205 * 0.2
    row = maps.over_map(differences).set_index(["what", "other"]).loc[("transfer 1 less 0", "bpr")]
    assert row[["low", "high"]].tolist() == pytest.approx([0.6 - half, 0.6 + half])


@pytest.mark.slow
def test_scores_are_of_runs_that_are_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    references = ["popularity", "adc_alone"]
    short = {"scale": 0.02, "epochs": 1, "patience": 1, "references": references, "show": False}
    first = maps.scores([1.0], [0.0], [1], **short)
    targets = first.groupby("method")["target"].apply(list).to_dict()
    assert targets == dict.fromkeys(["adc", "static", *references], list(TABLE_I))
    runs = first.groupby("method")["run"].nunique().to_dict()
    assert runs == {"adc": 1, "static": 1, "popularity": 1, "adc_alone": 6}
    assert [path.name for path in paths.processed("").iterdir()] == ["twin-s0.02-t1.0-a0.0-seed1"]
    monkeypatch.setattr(registry, "fit", None)
    pd.testing.assert_frame_equal(first, maps.scores([1.0], [0.0], [1], **short))


# marks


def twins(transfer: float, seeds, scale: float = 0.06, asymmetry: float = 1.0) -> list[Ratings]:
    frames = [twin.ratings(seed, scale, transfer, asymmetry)[0] for seed in seeds]
    return [encode(frame, "twin", list(TABLE_I)) for frame in frames]


def taste(ratings: Ratings) -> float:
    return marks.taste_transfer(ratings)[0]


@pytest.fixture
def one_cut(monkeypatch):
    """Items are cut into halves once."""
    monkeypatch.setattr(marks, "CUTS", 1)


@pytest.mark.parametrize("asymmetry", [0.0, 0.5, 1.0, 1.5])
def test_asymmetry_of_a_twin_is_what_it_was_made_with(asymmetry):
    least = 0.07 * (asymmetry > 1)  # small domains keep enough ratings a user
    place = marks.asymmetry(*twins(0.5, [0], 0.03, asymmetry))
    assert place == pytest.approx(asymmetry, abs=0.01 + least)


def test_taste_is_about_0_without_transfer_grows_with_it_and_is_about_1_with_all(one_cut):
    means = {t: np.mean([taste(ratings) for ratings in twins(t, range(4), 0.04)]) for t in (0.0, 0.67, 1.0)}
    assert abs(means[0.0]) < 0.1 and 0.12 < means[0.67] < 0.45 and 0.75 < means[1.0] < 1.3


def test_taste_is_lost_when_users_change_their_names_from_domain_to_domain(one_cut):
    ratings = twins(1.0, [0])[0]
    frame = ratings.frame()
    for _, rows in frame.groupby("domain"):
        users = rows["user"].unique()
        others = np.random.default_rng(1).permutation(users)
        frame.loc[rows.index, "user"] = rows["user"].map(dict(zip(users, others, strict=True)))
    shuffled = encode(frame, "shuffled", ratings.domains)
    assert taste(ratings) > 0.5 > 0.2 > abs(taste(shuffled))


@pytest.mark.parametrize(("users", "count"), [(4000, 2), (150, 40)])
def test_taste_does_not_depend_on_how_many_ratings_a_user_has(users, count):
    """Two domains with the same taste: four kinds of users, who choose four in five items of their kind."""
    rng = np.random.default_rng(0)
    kind, any_ = rng.integers(4, size=(users, 1)), rng.integers(4, size=(2, users, count))
    item = np.where(rng.random(any_.shape) < 0.8, kind, any_) + 4 * rng.integers(25, size=any_.shape)
    domain, user, _ = np.indices(item.shape)
    columns = {"domain": domain, "user": user, "item": item, "rating": np.ones(item.shape)}
    frame = pd.DataFrame({name: value.ravel() for name, value in columns.items()}).drop_duplicates()
    ratings = encode(frame.astype({"domain": str}), "invented", ["0", "1"])
    assert taste(ratings) == pytest.approx(1, abs=0.12)


def test_taste_cannot_be_seen_in_one_domain():
    assert np.isnan(taste(twins(0.5, [0], 0.03)[0].only(["music"])))


def test_interval_holds_the_value_and_is_as_wide_as_twins_differ(one_cut):
    value, low, high = np.array([marks.taste_transfer(ratings) for ratings in twins(0.67, range(4), 0.02)]).T
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
    curve = pd.DataFrame({"transfer": [0, 0, 0.5, 0.5, 1, 1], "taste": [-0.1, 0.1, 0.2, 0.4, 0.8, 1.0]})
    assert marks.transfer(0.6, curve) == pytest.approx(0.75)
    assert marks.transfer(-3, curve) == 0 and marks.transfer(3, curve) == 1
    assert np.isnan(marks.transfer(np.nan, curve))
    assert marks.transfer(0.6, curve, 1) < 0.75 < marks.transfer(0.6, curve, -1)


def test_datasets_are_placed_with_their_labels(tmp_path, monkeypatch, one_cut):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    curve = marks.calibration(0.03, [0.0, 1.0], [0, 1])
    assert curve[["transfer", "seed"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    place = marks.places(["twin-s0.03-t1.0"], curve).loc["twin-s0.03-t1.0"]
    assert place["transfer"] > 0.5 and place["transfer_low"] <= place["transfer"] <= place["transfer_high"]
    assert "synthetic" in place["label"] and list(marks.places([], curve)) == marks.COLUMNS


# the pictures


def test_heat_maps_write_every_difference_and_frame_those_that_are_sure(style):
    summary = over_seeds(maps.differences(table(CORNERS, seeds=3)))
    summary.loc[(summary["other"] == "static") & (summary["transfer"] == 0), "low"] = -1
    place = {"asymmetry": 0.5, "transfer": 0.25, "transfer_low": 0.1, "transfer_high": 0.4}
    places = pd.DataFrame([place, place | {"transfer": np.nan}], index=["films", "unknown"])
    figure = figures.heat(summary, {"bpr": "less BPR", "static": "less static"}, places, "synthetic twins")
    left, right = figure.axes[:2]
    texts = [[text.get_text() for text in panel.texts] for panel in (left, right)]
    assert texts[0].count("\N{MINUS SIGN}0.080") == 4 and texts[1].count("+0.120") == 4
    assert [len(panel.patches) for panel in (left, right)] == [4, 2]
    assert "films" in texts[0] and "unknown" not in texts[0] and "synthetic" in figure.get_suptitle()
    assert left.containers[0][0].get_xydata().tolist() == [[0.25, 0.5]]
    figures.heat(summary, {"static": "static"}, places.iloc[:0], "synthetic").canvas.draw()


def test_calibration_shows_every_twin_and_every_dataset(style):
    curve = pd.DataFrame({"transfer": [0.0, 0.0, 1.0], "taste": [0.0, 0.1, 0.9]})
    place = {"taste": 0.5, "low": 0.4, "high": 0.6}
    places = pd.DataFrame([place, dict.fromkeys(place, np.nan)], index=["films", "unknown"])
    panel = figures.calibration(curve, places, "synthetic").axes[0]
    assert len(panel.lines[0].get_xdata()) == 3
    assert [text.get_text().strip() for text in panel.texts] == ["films"]
