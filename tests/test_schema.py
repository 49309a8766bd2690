"""The one checker of ratings: what it keeps, what it refuses and in which words (R20)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.data.schema import MAX_DOMAINS, MIN_RATINGS, check, encode
from adc.errors import UserError


def frame(rows=(), n=MIN_RATINGS, domain="a", **columns):
    """`rows` after n sound ratings of one domain."""
    sound = [(domain, f"u{i}", f"i{i}", "3") for i in range(n)]
    return pd.DataFrame(sound + list(rows), columns=["domain", "user", "item", "rating"]).assign(**columns)


def refused(table):
    with pytest.raises(UserError) as error:
        check(table, "mine.csv")
    message = str(error.value)
    assert message.startswith("mine.csv") and "\n" not in message
    return message


def test_sound_ratings_come_back_typed():
    clean, dropped = check(frame([("a", "u0", "i9", " 4.5 ")]), "mine.csv")
    assert clean["rating"].dtype == np.float32 and clean["rating"].iloc[-1] == 4.5
    assert dropped == {"repeated": 0}


@pytest.mark.parametrize("column", ["domain", "user", "item", "rating"])
def test_missing_column_is_named_with_those_found(column):
    message = refused(frame().drop(columns=column))
    assert f"no column '{column}'" in message and "Found: " in message


def test_repeated_header_is_refused():
    table = frame(other="1").set_axis(["domain", "user", "item", "rating", "rating"], axis=1)
    assert "'rating' stands in the header more than once" in refused(table)


def test_header_without_ratings_is_refused():
    assert "only a header" in refused(frame(n=0))


@pytest.mark.parametrize("value", ["five", "", "inf", "-inf", "nan", "1e400", "1e39", "4,5", "True", "0x5", None])
def test_rating_that_is_no_finite_number_is_refused_with_its_place(value):
    message = refused(frame([("a", "u", "i", value), ("a", "v", "i", value)]))
    assert "row 11, column 'rating'" in message and "2 such" in message


def test_timestamp_must_be_a_number_in_every_row():
    assert "row 3, column 'timestamp'" in refused(frame(timestamp=["1", "2", "May 4, 2005"] + ["3"] * 7))
    missing = pd.Series(pd.to_datetime(["2005-05-04"] * 9 + [None]))
    assert "row 10, column 'timestamp'" in refused(frame(timestamp=missing))


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize(("value", "fault"), [("", "empty"), ("  ", "empty"), (None, "empty"), ("a\0b", "NUL")])
def test_unusable_id_is_refused_with_its_place(column, value, fault):
    row = ["a", "u", "i", "3"]
    row[column] = value
    message = refused(frame([tuple(row)]))
    assert f"row 11, column '{('domain', 'user', 'item')[column]}'" in message and fault in message


def test_places_follow_the_index_when_it_holds_line_numbers():
    table = frame([("a", "u", "i", "x")]).set_axis(pd.Index([*range(2, 12), 40], name="line"))
    assert "line 40, column 'rating'" in refused(table)


def test_of_repeated_ratings_the_latest_is_kept_whatever_the_order():
    rows = [("a", "u", "i", "1"), ("a", "u", "i", "5"), ("a", "u", "i", "3")]
    clean, dropped = check(frame(rows, timestamp=[0] * 10 + [7, 9, 8]), "mine.csv")
    assert clean.loc[clean["user"] == "u", "rating"].tolist() == [5.0]
    assert dropped == {"repeated": 2} and len(clean) == 11


def test_identical_repeats_are_merged_without_a_timestamp():
    clean, dropped = check(frame([("a", "u", "i", "4"), ("a", "u ", "i", "4.0")]), "mine.csv")
    assert (clean["user"] == "u").sum() == 1 and dropped == {"repeated": 1}


def test_conflicting_repeats_without_a_timestamp_are_refused_with_both_lines():
    message = refused(frame([("a", "u", "i", "4"), ("a", "w", "i", "4"), ("a", "u", "i", "5")]))
    assert "rows 11, 13" in message and "user 'u'" in message and "'timestamp'" in message


def test_the_same_item_name_in_two_domains_is_no_repeat():
    clean, dropped = check(pd.concat([frame(), frame(domain="b")]).reset_index(drop=True), "mine.csv")
    assert len(clean) == 20 and dropped == {"repeated": 0}


def test_too_small_a_domain_is_refused_by_name():
    message = refused(frame([("tiny", "u", "i", "3")]))
    assert "domain 'tiny' has 1 ratings" in message and str(MIN_RATINGS) in message


def test_one_to_fifty_domains_are_taken_and_no_more():
    many = pd.concat([frame(domain=f"d{k}") for k in range(MAX_DOMAINS)], ignore_index=True)
    clean, _ = check(many, "mine.csv")
    assert encode(clean, "many").p == MAX_DOMAINS
    assert f"{MAX_DOMAINS + 1} domains" in refused(pd.concat([many, frame(domain="one more")], ignore_index=True))


def test_ids_stay_as_written():
    ids = ["007", "7", "Ünïcødé", "用户", "NA", "null", "1e3", "a,b"]
    clean, _ = check(frame([("a", user, "i", "3") for user in ids]), "mine.csv")
    assert set(ids) <= set(encode(clean, "ids").users)


def test_whole_numbers_become_text():
    table = pd.DataFrame({"domain": "a", "user": np.arange(12), "item": np.arange(12), "rating": 3.0})
    assert set(check(table, "mine.parquet")[0]["user"]) == {str(i) for i in range(12)}


def test_a_very_long_id_costs_its_own_length_only():
    clean, _ = check(frame([("a", "x" * 10**6, "i", "3")], n=20_000), "mine.csv")
    assert len(encode(clean, "long").users) == 20_001  # as fixed-width text this would take 80 GB


characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
names = st.text(characters, min_size=1).map(str.strip).filter(bool)
rows = st.tuples(st.sampled_from("abc"), names, names, st.sampled_from([1.0, 2.5, 5.0]))


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=40))
def test_encoding_and_back_keeps_every_rating(rows):
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]).drop_duplicates(["domain", "user", "item"])
    ratings = encode(table.astype({"rating": np.float32}), "any")
    assert sorted(ratings.frame().itertuples(index=False)) == sorted(table.itertuples(index=False))
    counts = table["domain"].value_counts()
    assert [counts[d] for d in ratings.domains] == sorted(counts, reverse=True)
    assert ratings.table()["ratings"].sum() == len(table)
    assert (np.diag(ratings.overlap()) == ratings.table()["users"]).all()


def test_a_subset_of_domains_keeps_its_own_ratings_ids_and_titles():
    table = pd.concat([frame(domain="a"), frame(domain="b", n=12)], ignore_index=True)
    clean, _ = check(table.assign(title=[f"t{i}" for i in range(22)]), "mine.csv")
    ratings = encode(clean, "both")
    some = ratings.only(["b"])
    assert some.domains == ["b"] and len(some.users) == 12
    assert some.titles_by_id() == {("b", f"i{i}"): f"t{10 + i}" for i in range(12)}
    with pytest.raises(UserError, match="Unknown domain 'c'.*a"):
        ratings.only(["a", "c"])
