"""Sources and datasets: names, what lies on disk, and that a failure leaves nothing behind."""

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import HEADER, lines, refused, snapshot, sound, written

from adc.errors import UserError
from adc.split import split_ratings
from companion import data, paths, profile
from companion.data import describe, synthetic, table
from companion.data.table1 import TABLE_I

CIAO = Path(__file__).resolve().parents[2] / "shared" / "data" / "ciao_small6" / "ratings.csv.gz"
# departments of InstEval and their ratings, by its documentation (R package lme4)
LARGEST = {"12": 9528, "11": 8574, "6": 8097, "4": 6725, "9": 6624, "3": 4749}


@pytest.fixture
def table_file(tmp_path):
    return written(tmp_path, "mine.csv", sound())


@pytest.mark.parametrize("source", ["movielen", "Twin", "amazn"])
def test_misspelt_source_gets_the_list_and_a_guess(home, source):
    guess = {"movielen": "movielens", "Twin": "twin", "amazn": "amazon"}[source]
    message = refused(source, home, f"Unknown data source '{source}'", f"Did you mean '{guess}'?", ".parquet")
    assert all(f"{name} ({data.source_module(name).DESCRIPTION})" in message for name in data.SOURCES)
    with pytest.raises(UserError, match=f"Did you mean '{guess}'"):
        data.load(source)


def test_names_hold_only_what_differs_from_the_defaults():
    assert data.dataset_id("twin") == data.dataset_id("twin", seed=0, scale=1, transfer=0.5) == "twin"
    assert data.dataset_id("twin-s0.1", seed=3, asymmetry=0) == "twin-s0.1-a0.0-seed3"
    assert data.dataset_id("control", transfer=0.5) == "control-t0.5"
    for name, usual in (("twin-s0.030", "twin-s0.03"), ("twin-t0.5-a1", "twin"), ("control-r20", "control")):
        assert data.dataset_id(name) == usual
    assert data.source_of("twin-t1-a2") == "twin" and data.source_of("control-seed3") == "control"


@pytest.mark.parametrize("name", ["twin-x3", "twin-t1-s1", "twin-seed1.5", "control-s0.1", "twin-"])
def test_a_name_that_is_none_gets_the_list(home, name):
    assert data.source_of(name) == ""
    refused(name, home, f"Unknown data source '{name}'", "twin-s0.03-t1.0", "control-t0.5-r10.0")
    with pytest.raises(UserError, match="No source of ratings is named. Known are movielens"):
        data.prepare([])


@settings(deadline=None)
@given(st.integers(0, 2**63), st.floats(0.003, 10), st.floats(0, 1), st.floats(0, 2))
def test_names_of_twins_can_be_read_back(seed, scale, transfer, asymmetry):
    options = {"scale": scale, "transfer": transfer, "asymmetry": asymmetry, "seed": seed}
    assert synthetic.parse(synthetic.name("twin", **options)) == ("twin", options)


@pytest.mark.parametrize("name", ["twin-a1234567", "twin-12345678", "control-0a1b2c3d"])
def test_a_file_of_the_readers_may_have_a_sources_name(name):
    assert synthetic.parse(name) == ("", {}) and data.source_of(name) == ""
    with pytest.raises(UserError, match="--data PATH"):
        data.load(name)


def test_an_edited_file_is_another_dataset_and_its_name_fits_a_folder(tmp_path):
    path = written(tmp_path, "Mes Écrits & Films.csv", sound())
    first = data.dataset_id(str(path))
    assert first.startswith("mes-crits-films-") and len(first) == len("mes-crits-films-") + 8
    path.write_text(sound() + "books,new,i1,3\n")
    assert data.dataset_id(str(path)) != first
    assert data.dataset_id(str(written(tmp_path, "评分.csv", sound()))).startswith("table-")


def test_movielens_has_six_genres_and_counts_what_it_left_out():
    ratings = data.load("movielens")
    facts = data.manifest("movielens")
    assert ratings.domains == ["Action", "Comedy", "Drama", "Adventure", "Crime", "Horror"]
    assert len(ratings.rating) + sum(facts["dropped"].values()) == facts["report"]["read"] == 100_004
    assert facts["dropped"]["no genre listed"] == 18
    titles = ratings.titles
    assert titles["Adventure", "1"] == "Toy Story" and titles["Action", "6"] == "Heat"
    assert data.label("movielens") == "MovieLens, real ratings by genre"
    assert facts["sha256"] == "42cf4ccc8a001b22852b5e91b0a3cd75c91cc125ebabc066276a939c62c25b5d"


def test_all_departments_have_the_counts_of_its_documentation():
    ratings = data.load("insteval14")
    assert (ratings.p, len(ratings.users), len(ratings.rating)) == (14, 2972, 73_421)
    assert sum(map(len, ratings.items)) == 1128  # a lecturer has one department
    assert set(ratings.rating) == {1, 2, 3, 4, 5}
    assert data.manifest("insteval14")["dropped"] == {"repeated": 0}


def test_the_six_largest_departments_are_the_domains_and_the_others_are_counted():
    ratings = data.load("insteval")
    sizes = ratings.table()["ratings"]
    assert sizes.to_dict() == {f"department {name}": count for name, count in LARGEST.items()}
    facts = data.manifest("insteval")
    assert sizes.sum() + sum(facts["dropped"].values()) == facts["report"]["read"] == 73_421
    assert data.label("insteval") == "InstEval, real ratings of lecturers by department"
    assert data.transfer_remark(ratings) == ""


@pytest.mark.parametrize(("name", "arguments", "words"), [
    ("twin-s0.05-seed2", {"seed": 2, "scale": 0.05}, "scale 0.05, transfer 0.5, seed 2"),
    ("twin-s0.02-a0.0", {"scale": 0.02, "asymmetry": 0.0}, "scale 0.02, transfer 0.5, asymmetry 0"),
])  # fmt: skip
def test_a_twin_is_made_by_its_name_in_the_order_of_table_1_and_called_synthetic(name, arguments, words):
    arguments = {"seed": 0, "transfer": 0.5, "asymmetry": 1.0} | arguments
    ratings = data.load(name)
    assert ratings.domains == list(TABLE_I) and ratings.name == name
    assert data.manifest(name)["arguments"] == arguments
    assert data.label(name) == f"synthetic twin of Table I ({words})"


def test_what_was_prepared_is_loaded_and_not_made_again(table_file, monkeypatch):
    ratings = data.prepare(str(table_file))
    folder = paths.processed(ratings.name)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "ratings.parquet"]
    before = snapshot(folder)
    monkeypatch.setattr(table, "read", None)
    for again in (data.prepare(str(table_file)), data.load(ratings.name)):
        pd.testing.assert_frame_equal(again.frame(), ratings.frame())
        assert again.domains == ratings.domains and again.titles == ratings.titles
    assert snapshot(folder) == before


def test_preparing_the_same_at_once_ends_with_one_whole_dataset(table_file):
    source = str(table_file)
    with ThreadPoolExecutor(4) as pool:
        frames = [ratings.frame() for ratings in pool.map(lambda _: data.prepare(source), range(8))]
    assert all(frame.equals(frames[0]) for frame in frames)
    assert [path.name for path in paths.processed("").iterdir()] == [data.dataset_id(source)]
    assert data.load(data.dataset_id(source)).frame().equals(frames[0])


def test_the_order_of_the_lines_does_not_matter(tmp_path, table_file):
    forth = data.prepare(str(table_file))
    back = data.prepare(str(written(tmp_path, "back.csv", HEADER + "\n".join(reversed(lines())) + "\n")))
    assert data.manifest(forth.name)["sha256"] == data.manifest(back.name)["sha256"]
    assert (split_ratings(forth, 0).part == split_ratings(back, 0).part).all()


def test_manifest_says_what_the_dataset_is(tmp_path):
    stamped = [f"{line},{time}\n" for line in lines() for time in (1, 2)]
    header = HEADER.replace("\n", ",timestamp\n")
    ratings = data.prepare(str(written(tmp_path, "mine.csv", header + "".join(stamped))))
    facts = data.manifest(ratings.name)
    assert data.label(ratings.name) == f"own file {facts['source']}" == f"own file {tmp_path.name}/mine.csv"
    assert facts["dropped"] == {"repeated": len(lines())}
    size = {"users": 12, "items": 5, "ratings": len(lines()) // 2}
    assert facts["counts"] == {"books": size, "films": size}
    assert facts["versions"]["pandas"] == pd.__version__


def test_a_call_prepares_a_file_before_anything_else_and_a_dry_run_writes_nothing(table_file, home):
    before = snapshot(home)
    profile.check_own_files({"data": [str(table_file)]}, False)
    assert snapshot(home) == before
    profile.check_own_files({"data": [str(table_file)]}, True)
    assert (paths.processed(data.dataset_id(str(table_file))) / "manifest.json").exists()


def test_what_01_shows_of_stars_and_of_users_domains_is_what_the_table_has(table_file):
    ratings = data.prepare(str(table_file))
    table = ratings.frame()
    stars = 100 * pd.crosstab(table["domain"], table["rating"], normalize="index").loc[ratings.domains]
    np.testing.assert_allclose(describe.stars(ratings), stars)
    users = table.groupby("user")["domain"].nunique().value_counts()
    assert describe.domains_of_users(ratings).to_dict() == users.reindex([1, 2], fill_value=0).to_dict()


@pytest.mark.parametrize("part", ["ratings.parquet", "manifest.json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_dataset_is_made_again_or_refused_but_never_used(table_file, part, damage):
    ratings = data.prepare(str(table_file))
    target = paths.processed(ratings.name) / part
    if damage == "gone":
        target.unlink()
    elif damage == "cut":
        target.write_bytes(target.read_bytes()[:-40])
    elif part == "manifest.json":
        target.write_text(json.dumps(data.manifest(ratings.name) | {"parquet": "0" * 64}))
    else:
        pd.read_parquet(target).assign(rating=np.float32(3)).to_parquet(target)
    with pytest.raises(UserError, match="01_data"):
        data.load(ratings.name)
    pd.testing.assert_frame_equal(data.prepare(str(table_file)).frame(), ratings.frame())
    pd.testing.assert_frame_equal(data.load(ratings.name).frame(), ratings.frame())


@pytest.mark.parametrize(("name", "command"), [("amazon", "--data amazon"), ("mine-12345678", "--data PATH")])
def test_loading_what_was_never_prepared_names_the_command(home, name, command):
    before = snapshot(home)
    with pytest.raises(UserError, match=command):
        data.load(name)
    assert snapshot(home) == before


STEPS = [(Path, "mkdir"), (pd.DataFrame, "to_parquet"), (Path, "write_text"), (os, "rename")]


@pytest.mark.parametrize(("number", "cure"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "permission")])
@pytest.mark.parametrize("step", STEPS)
def test_a_write_that_fails_leaves_nothing(table_file, home, monkeypatch, step, number, cure):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*step, fail)
    refused(table_file, home, "Could not write", cure)


def test_a_file_where_a_folder_belongs_is_named(table_file, home):
    written(home, "data", "in the way")
    refused(table_file, home, "a file stands where a folder is needed")


def test_descriptions_agree_with_counting_by_hand(tmp_path):
    ratings = data.prepare(str(written(tmp_path, "mine.csv", sound() + "books,solo,i1,5\n")))
    frame = ratings.frame()
    share = describe.overlap(ratings)
    assert share.loc["films", "books"] == 100 and share.loc["books", "films"] == pytest.approx(100 * 12 / 13)
    tail = describe.long_tail(ratings, "users").set_index(["domain", "ratings"])["share"]
    counts = frame[frame["domain"] == "books"].groupby("user").size()
    assert all(tail["books", n] == pytest.approx((counts >= n).mean()) for n in counts.unique())
    users = describe.evaluable_users(split_ratings(ratings, 0))
    assert (users["above"] <= users["at_least"]).all() and (users["at_least"] <= users["tested"]).all()
    records = describe.records_by_outcome(data.manifest(ratings.name))
    assert records["records"].to_dict() == {"kept": len(lines()) + 1, "left out: repeated": 0}
    assert describe.compare_with_table_1(ratings).equals(ratings.table())


def test_beside_table_1_stands_the_difference():
    table = describe.compare_with_table_1(data.load("twin-s0.02"))
    assert table["Table I"].loc["music"].tolist()[:3] == [69409, 24159, 174180]
    assert table.loc["music", ("difference", "users")] == round(0.02 * 69409) - 69409


@pytest.mark.skipif(not CIAO.exists(), reason="real ratings not at hand")
def test_real_ratings_with_categories():
    ratings = data.prepare(str(CIAO))
    assert ratings.table()["ratings"].tolist() == [9400, 8270, 6903, 5388, 3467, 2410]
    assert describe.shared_users(ratings).loc["cat1", "cat2"] == 653
