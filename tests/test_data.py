"""Sources and datasets: names, what lies on disk, and that a failure leaves nothing behind."""

import errno
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import HEADER, home, lines, refused, snapshot, sound, written  # noqa: F401

from adc import data, files, paths
from adc.data import describe, table
from adc.data.table1 import TABLE_I
from adc.errors import UserError
from adc.split import split

CIAO = Path(__file__).resolve().parents[2] / "shared" / "data" / "ciao_small6" / "ratings.csv.gz"


# sources and names


@pytest.mark.parametrize(("given", "meant"), [("movielen", "movielens"), ("Twin", "twin"), ("amazn", "amazon")])
def test_misspelt_source_gets_the_list_and_a_guess(home, given, meant):
    refused(given, home, f"Unknown data source '{given}'", f"Did you mean '{meant}'?", "four kinds", ".parquet")


def test_names_hold_only_what_differs_from_the_defaults():
    assert data.dataset_id("twin") == data.dataset_id("twin", 0, 1, 0.5) == "twin"
    assert data.dataset_id("twin", scale=0.1) == "twin-s0.1"
    assert data.dataset_id("twin", 3, 0.1, 0.8) == "twin-s0.1-t0.8-seed3"
    assert data.dataset_id("twin", 3, 0.1, 0.8, 0) == "twin-s0.1-t0.8-a0.0-seed3"
    assert data.dataset_id("twin", asymmetry=1) == "twin"
    assert data.dataset_id("movielens", 3, 0.1, 0.8, 2) == "movielens"


@given(st.integers(0, 10**6), st.floats(1e-6, 100), st.floats(0, 1), st.floats(0, 2))
def test_names_of_twins_can_be_read_back(seed, scale, transfer, asymmetry):
    name = data.dataset_id("twin", seed, scale, transfer, asymmetry)
    assert data.dataset_id("twin", **data.twin_arguments(name)) == name


def test_an_edited_file_is_another_dataset_and_its_name_fits_a_folder(tmp_path):
    path = written(tmp_path, "Mes Écrits & Films.csv", sound())
    first = data.dataset_id(str(path))
    assert first.startswith("mes-crits-films-") and len(first) == len("mes-crits-films-") + 8
    path.write_text(sound() + "books,new,i1,3\n")
    assert data.dataset_id(str(path)) != first
    assert data.dataset_id(str(written(tmp_path, "评分.csv", sound()))).startswith("table-")


def test_movielens_has_six_genres_and_counts_what_it_left_out():
    ratings = data.prepare("movielens")
    known = data.manifest("movielens")
    assert ratings.domains == ["Action", "Comedy", "Drama", "Adventure", "Crime", "Horror"]
    assert len(ratings.rating) + sum(known["dropped"].values()) == known["report"]["read"] == 100_004
    assert known["dropped"]["no genre listed"] == 18
    titles = ratings.titles_by_id()
    assert titles["Adventure", "1"] == "Toy Story" and titles["Action", "6"] == "Heat"
    assert data.label("movielens").startswith("MovieLens")


def test_twin_follows_table_1_in_order_and_is_called_synthetic():
    ratings = data.load("twin-s0.05-seed2")
    assert ratings.domains == list(TABLE_I) and ratings.name == "twin-s0.05-seed2"
    assert "synthetic" in data.label(ratings.name) and "seed 2" in data.label(ratings.name)
    assert "asymmetry" not in data.label(ratings.name)
    assert data.manifest(ratings.name)["arguments"] == {"seed": 2, "scale": 0.05, "transfer": 0.5, "asymmetry": 1.0}


def test_a_twin_of_other_sizes_is_made_by_its_name_and_says_so():
    ratings = data.load("twin-s0.02-a0.0")
    assert ratings.table()["ratings"].nunique() == 1
    assert data.label(ratings.name) == "synthetic twin of Table I (seed 0, scale 0.02, transfer 0.5, asymmetry 0)"


# what lies on disk


def test_what_was_prepared_is_loaded_and_not_made_again(tmp_path, monkeypatch):
    path = written(tmp_path, "mine.csv", sound())
    ratings = data.prepare(str(path))
    folder = paths.processed(ratings.name)
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "ratings.parquet"]
    before = snapshot(folder)
    monkeypatch.setattr(table, "read", None)
    for again in (data.prepare(str(path)), data.load(ratings.name)):
        pd.testing.assert_frame_equal(again.frame(), ratings.frame())
        assert again.domains == ratings.domains and again.titles == ratings.titles
    assert snapshot(folder) == before


def test_preparing_the_same_at_once_ends_with_one_whole_dataset(tmp_path):
    path = str(written(tmp_path, "mine.csv", sound()))
    with ThreadPoolExecutor(4) as pool:
        frames = [ratings.frame() for ratings in pool.map(lambda _: data.prepare(path), range(8))]
    assert all(frame.equals(frames[0]) for frame in frames)
    assert [p.name for p in paths.processed("").iterdir()] == [data.dataset_id(path)]
    assert data.load(data.dataset_id(path)).frame().equals(frames[0])


def test_the_order_of_the_lines_does_not_matter(tmp_path):
    forth = data.prepare(str(written(tmp_path, "forth.csv", sound())))
    back = data.prepare(str(written(tmp_path, "back.csv", HEADER + "\n".join(reversed(lines())) + "\n")))
    assert data.manifest(forth.name)["sha256"] == data.manifest(back.name)["sha256"]
    assert (split(forth, 0).part == split(back, 0).part).all()


def test_manifest_says_what_the_dataset_is(tmp_path):
    stamped = HEADER.replace("\n", ",timestamp\n") + "".join(f"{line},{t}\n" for line in lines() for t in (1, 2))
    ratings = data.prepare(str(written(tmp_path, "mine.csv", stamped)))
    known = data.manifest(ratings.name)
    assert data.label(ratings.name) == f"own file {known['source']}" == f"own file {tmp_path.name}/mine.csv"
    assert known["dropped"] == {"repeated": len(lines())}
    assert known["counts"] == {d: {"users": 12, "items": 5, "ratings": len(lines()) // 2} for d in ("books", "films")}
    assert known["versions"]["pandas"] == pd.__version__


@pytest.mark.parametrize("part", ["ratings.parquet", "manifest.json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_dataset_is_made_again_or_refused_but_never_used(tmp_path, part, damage):
    path = written(tmp_path, "mine.csv", sound())
    ratings = data.prepare(str(path))
    target = paths.processed(ratings.name) / part
    if damage == "gone":
        target.unlink()
    elif damage == "cut":
        target.write_bytes(target.read_bytes()[:-40])
    elif part == "manifest.json":
        target.write_text(json.dumps(data.manifest(ratings.name) | {"sha256": "0" * 64}))
    else:
        pd.read_parquet(target).assign(rating=np.float32(3)).to_parquet(target)
    with pytest.raises(UserError, match="01_data"):
        data.load(ratings.name)
    pd.testing.assert_frame_equal(data.prepare(str(path)).frame(), ratings.frame())
    pd.testing.assert_frame_equal(data.load(ratings.name).frame(), ratings.frame())


def test_loading_what_was_never_prepared_names_the_command(home):
    for name, command in (("amazon", "--data amazon"), ("mine-12345678", "--data PATH")):
        before = snapshot(home)
        with pytest.raises(UserError, match=command):
            data.load(name)
        assert snapshot(home) == before


# disk full, no permission


@pytest.mark.parametrize(("number", "cure"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission")])
@pytest.mark.parametrize("step", ["mkdir", "to_parquet", "write_text", "rename"])
def test_a_write_that_fails_leaves_nothing(tmp_path, home, monkeypatch, step, number, cure):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    path = written(tmp_path, "mine.csv", sound())
    monkeypatch.setattr(*{
        "mkdir": (Path, "mkdir", fail),
        "to_parquet": (pd.DataFrame, "to_parquet", fail),
        "write_text": (Path, "write_text", fail),
        "rename": (os, "rename", fail),
    }[step])
    refused(path, home, "Could not write", cure)


def test_a_file_where_a_folder_belongs_is_named(tmp_path, home):
    (home / "data" / "processed").write_text("in the way")
    refused(written(tmp_path, "mine.csv", sound()), home, "a file stands where a folder is needed")


def test_a_folder_that_cannot_be_replaced_is_put_back(tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").touch()
    rename = os.rename

    def fail(source, goal):
        if str(source).endswith(".partial"):
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, goal)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(UserError, match="disk is full"), files.aside(target, folder=True) as partial:
        (partial / "new").touch()
    assert [p.name for p in tmp_path.rglob("*") if "home" not in str(p)] == ["target", "old"]


def test_a_really_full_disk_leaves_nothing(tmp_path, monkeypatch):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setenv("ADC_HOME", str(small))
        refused("movielens", small, "the disk is full", "free some space")
    finally:
        subprocess.run(["umount", str(small)], check=True)


# descriptions


def test_descriptions_agree_with_counting_by_hand(tmp_path):
    rows = sound() + "books,solo,i1,5\n"
    ratings = data.prepare(str(written(tmp_path, "mine.csv", rows)))
    frame = ratings.frame()
    share = describe.overlap(ratings)
    assert share.loc["films", "books"] == 100 and share.loc["books", "films"] == pytest.approx(100 * 12 / 13)
    assert describe.domains_per_user(ratings).tolist() == [1, 12]
    tail = describe.tail(ratings, "users").set_index(["domain", "ratings"])["share"]
    each = frame[frame["domain"] == "books"].groupby("user").size()
    assert all(tail["books", n] == pytest.approx((each >= n).mean()) for n in each.unique())
    assert describe.stars(ratings).sum(axis=1).tolist() == pytest.approx([100, 100])
    users = describe.can_be_evaluated(split(ratings, 0))
    assert (users["above"] <= users["at_least"]).all() and (users["at_least"] <= users["tested"]).all()
    assert f"{users['above'].sum():,}" in describe.in_words(users)


@pytest.mark.skipif(not CIAO.exists(), reason="real ratings not at hand")
def test_real_ratings_with_categories():
    ratings = data.prepare(str(CIAO))
    assert ratings.table()["ratings"].tolist() == [9400, 8270, 6903, 5388, 3467, 2410]
    assert ratings.overlap().loc["cat1", "cat2"] == 653
