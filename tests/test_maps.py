"""The map: its runs, differences worked by hand, and the places of datasets against worlds of known place."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from adc.ratings import Ratings, encode
from companion import figures, registry
from companion.analysis import maps, marks
from companion.data import control


def table(cells=((1.0, 10.0),), worlds=2) -> pd.DataFrame:
    """Scores by method; every world adds 0.02 to ADC's on both domains."""
    rows = []
    for (transfer, richness), world in product(cells, range(worlds)):
        cell = {"transfer": transfer, "richness": richness, "world": world, "alone": False, "validation": 0.1}
        rows.append(cell | {"method": "adc", "value": 0.5 + 0.02 * world})
        rows.append(cell | {"method": "static", "value": 0.4})
        alone = cell | {"alone": True, "richness": 20.0}
        rows.append(alone | {"method": "adc", "value": 0.6, "validation": 0.2})  # the better on validation
        rows.append(alone | {"method": "static", "value": 0.7})
    return pd.DataFrame(rows).drop_duplicates(["transfer", "richness", "world", "method", "alone"])


CORNERS = list(product((0.0, 1.0), (5.0, 40.0)))


def test_runs_are_four_a_cell_and_those_alone_are_the_same_at_every_richness(monkeypatch):
    monkeypatch.setattr(registry, "train", lambda config, show: config)
    monkeypatch.setattr(maps.controls, "table", pd.DataFrame)
    rows = maps.scores([0.0, 1.0], [5.0, 20.0], [1], epochs=7, patience=3, show=False)
    assert rows["method"].tolist() == ["adc", "static", "static", "adc"] * 4 and set(rows["seed"]) == {1}
    assert rows["dataset"].tolist()[:4] == ["control-t0.0-r5.0-seed1"] * 2 + ["control-t0.0-seed1"] * 2
    alone = rows[rows["domains"] == "target"]
    assert alone["dataset"].tolist() == ["control-t0.0-seed1"] * 4 + ["control-seed1"] * 4
    assert set(rows["epochs"]) == {7} and set(rows["patience"]) == {3} and set(rows["gamma"]) == {2.0, 0.0}


def test_differences_are_within_a_world_and_every_richness_has_the_run_alone():
    keys = ["panel", *maps.CELL, "world"]
    rows = maps.differences(table(CORNERS)).set_index(keys)["difference"]
    assert len(rows) == 2 * 4 * 2
    for cell in CORNERS:
        assert rows["joint − alone"][cell].tolist() == pytest.approx([-0.1, -0.08])
        assert rows["balanced − static"][cell].tolist() == pytest.approx([0.1, 0.12])


def test_interval_over_worlds_is_that_of_the_t_test_and_none_with_one_world():
    row = maps.summary(maps.differences(table())).set_index("panel").loc["balanced − static"]
    half = 12.706205 * 0.01  # t quantile for one degree of freedom; standard error 0.02 / sqrt(2) / sqrt(2)
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([0.11, 0.11 - half, 0.11 + half])
    assert row["worlds"] == 2
    assert maps.summary(maps.differences(table(worlds=1)))[["low", "high"]].isna().all(axis=None)


def test_summary_by_transfer_takes_the_mean_over_the_richnesses_within_a_world_first():
    differences = maps.differences(table(CORNERS))
    value = differences["richness"].map({5.0: 0.1, 40.0: 0.3})
    differences["difference"] = value * (1 + differences["world"])
    rows = maps.summary(differences, ["transfer"])
    assert len(rows) == 4 and rows["difference"].tolist() == pytest.approx([0.3] * 4)
    assert rows["high"].tolist() == pytest.approx([0.3 + 12.706205 * 0.1] * 4)  # of 0.2 and 0.4


def worlds(transfer: float, seeds, richness: float = 20.0) -> list[Ratings]:
    frames = [control.ratings(transfer, richness, seed)[0] for seed in seeds]
    return [encode(frame, "control", list(control.DOMAINS)) for frame in frames]


def taste(ratings: Ratings) -> float:
    return marks.taste_transfer(ratings)[0]


@pytest.fixture
def one_cut(monkeypatch):
    """Items are cut into halves once."""
    monkeypatch.setattr(marks, "CUTS", 1)


def test_richness_is_the_ratings_elsewhere_of_those_who_are_in_a_domain():
    rows = [("a", "ann", 3), ("b", "ann", 1), ("a", "bob", 1), ("c", "cat", 2)]
    rated = [(domain, user, f"{item}", 1.0) for domain, user, count in rows for item in range(count)]
    frame = pd.DataFrame(rated, columns=["domain", "user", "item", "rating"])
    elsewhere, own = marks.richness(encode(frame, "invented", ["a", "b", "c"]))
    assert elsewhere == pytest.approx(((1 + 0) / 2 + 3 + 0) / 3) and own == pytest.approx((2 + 1 + 2) / 3)


def test_taste_is_about_0_without_transfer_grows_with_it_and_is_about_1_with_all(one_cut):
    means = {t: np.mean([taste(ratings) for ratings in worlds(t, range(3))]) for t in (0.0, 0.67, 1.0)}
    assert abs(means[0.0]) < 0.05 and 0.15 < means[0.67] < 0.4 and 0.7 < means[1.0] < 1.2


def test_taste_is_lost_when_users_change_their_names_from_domain_to_domain(one_cut):
    ratings = worlds(1.0, [0])[0]
    frame, rng = ratings.frame(), np.random.default_rng(1)
    for _, rows in frame.groupby("domain"):
        users = rows["user"].unique()
        others = rng.permutation(users)
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
    assert np.isnan(taste(worlds(0.5, [0])[0].only(["target"])))


def test_interval_holds_the_value_and_is_as_wide_as_worlds_differ(one_cut):
    value, low, high = np.array([marks.taste_transfer(ratings) for ratings in worlds(0.67, range(4), 5.0)]).T
    assert (low < value).all() and (value < high).all()
    assert 0.4 < np.mean(high - low) / (2 * 2.26 * value.std(ddof=1)) < 2.5


def test_dependence_is_the_unbiased_hsic_of_the_definition():
    rng = np.random.default_rng(0)
    x, y = (marks.sp.csr_array(rng.random((12, columns)) + 0.1) for columns in (3, 5))
    value, n = marks._dependence(x, y, np.arange(12) < 9)
    k, other = ((part.toarray()[:9] @ part.toarray()[:9].T) * (1 - np.eye(9)) for part in (x, y))
    expected = np.trace(k @ other) + k.sum() * other.sum() / (8 * 7) - 2 / 7 * (k @ other).sum()
    assert n == 9 and value == pytest.approx(expected / (9 * 6))


def test_transfer_is_read_off_the_mean_of_the_worlds_and_stays_between_0_and_1(monkeypatch):
    curve = pd.DataFrame({"transfer": [0, 0, 0.5, 0.5, 1, 1], "taste": [-0.1, 0.1, 0.2, 0.4, 0.8, 1.0]})
    monkeypatch.setattr(marks.data, "load", lambda dataset: worlds(1.0, [0])[0])
    monkeypatch.setattr(marks.data, "label", str.upper)
    ends = ["transfer", "transfer_low", "transfer_high"]
    for result, expected in (((0.6, -3, 3), [0.75, 0, 1]), ((np.nan,) * 3, [np.nan] * 3)):
        monkeypatch.setattr(marks, "taste_transfer", lambda ratings, result=result: result)
        place = marks.places(["films"], curve).loc["films"]
        assert place[ends].tolist() == pytest.approx(expected, nan_ok=True) and place["label"] == "FILMS"
    assert list(marks.places([], curve)) == marks.COLUMNS


def test_a_world_is_placed_where_it_was_made(one_cut):
    curve = marks.calibration([0.0, 0.67, 1.0], [0, 1])
    assert curve[["transfer", "world"]].to_numpy().tolist() == [*map(list, product([0, 0.67, 1], [0, 1]))]
    place = marks.places(["control-t0.67-seed5"], curve).iloc[0]
    assert place["transfer"] == pytest.approx(0.67, abs=0.1) and "synthetic" in place["label"]
    assert place["transfer_low"] <= place["transfer"] <= place["transfer_high"]


def test_heat_maps_write_every_difference_and_frame_those_that_are_sure(style):
    summary = maps.summary(maps.differences(table(CORNERS, worlds=3)))
    summary.loc[(summary["panel"] == "balanced − static") & (summary["transfer"] == 0), "low"] = -1
    place = {"richness": 500.0, "transfer": 0.25, "transfer_low": 0.1, "transfer_high": 0.4}
    places = pd.DataFrame([place, place | {"transfer": np.nan}], index=["films", "unknown"])
    figure = figures.heat(summary, places, "synthetic worlds")
    left, right = figure.axes[:2]
    texts = [[text.get_text() for text in panel.texts] for panel in (left, right)]
    assert texts == [["\N{MINUS SIGN}0.080"] * 4, ["+0.120"] * 4]
    assert [len(panel.patches) for panel in (left, right)] == [4, 2]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["films (richness 500, beyond the map)"] and "synthetic" in figure.get_suptitle()
    assert left.containers[0][0].get_xydata().tolist() == [[0.75, 1.5]]
    figures.heat(summary, places.iloc[:0], "synthetic").canvas.draw()


def test_calibration_shows_every_world_and_every_dataset(style):
    curve = pd.DataFrame({"transfer": [0.0, 0.0, 1.0], "taste": [0.0, 0.1, 0.9]})
    place = {"taste": 0.5, "low": 0.4, "high": 0.6}
    places = pd.DataFrame([place, dict.fromkeys(place, np.nan)], index=["films", "unknown"])
    panel = figures.calibration(curve, places, "synthetic").axes[0]
    assert len(panel.lines[0].get_xdata()) == 3
    assert [text.get_text().strip() for text in panel.texts] == ["films", "synthetic worlds"]
