"""The one checker of ratings: what it accepts, what it refuses and in which words (R20)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adc.errors import UserError
from adc.ratings import Ratings, encode
from companion.data import describe
from companion.data.schema import KEY, MAX_DOMAINS, MIN_RATINGS, check

COLUMNS = [*KEY, "rating"]


def frame(rows=(), n=MIN_RATINGS, domain="a", **columns):
    """`rows` after n sound ratings of one domain."""
    sound = [(domain, f"u{i}", f"i{i}", "3") for i in range(n)]
    return pd.DataFrame(sound + list(rows), columns=COLUMNS).assign(**columns)


def domains(n):
    return pd.concat([frame(domain=f"d{k}") for k in range(n)], ignore_index=True)


def odd(column, value):
    row = {"domain": "a", "user": "u", "item": "i", "rating": "3"} | {column: value}
    return frame([tuple(row.values()), tuple((row | {"user": row["user"] and "v"}).values())])


NO_NUMBERS = ["five", "inf", "-inf", "nan", "1e400", "1e39", "4,500", "True", "0x5", "4.5.1"]
CLASH = [("a", "u", "i", "4"), ("a", "w", "i", "4"), ("a", "u", "i", "5")]
REFUSED = [  # a table and the words that say what is wrong
    *((frame().drop(columns=name), f"no column '{name}'", "Found: ") for name in COLUMNS),
    (frame(n=0), "only a header"),
    *((odd("rating", value), "row 11, column 'rating'", "a finite number; 2 such") for value in NO_NUMBERS),
    *((odd("rating", value), "row 11, column 'rating'", "is empty; 2 such") for value in ("", None)),
    *((odd(name, value), f"row 11, column '{name}'", "empty") for name in KEY for value in ("", "  ", None)),
    *((odd(name, "a\0b"), f"row 11, column '{name}'", "NUL") for name in KEY),
    (frame(timestamp=["1", "2", "May 4, 2005"] + ["3"] * 7), "row 3, column 'timestamp'"),
    (frame(timestamp=pd.Series(pd.to_datetime(["2005-05-04"] * 9 + [None]))), "row 10, column 'timestamp'"),
    (frame(timestamp=[1.3e9, 1.3e12] * 5), "row 1, column 'timestamp'", "another unit", "5 such"),
    (frame(CLASH), "rows 11, 13", "user 'u'", "'timestamp'"),
    (frame([("tiny", "u", "i", "3")]), "domain 'tiny' has 1 ratings", str(MIN_RATINGS)),
    (domains(MAX_DOMAINS + 1), f"{MAX_DOMAINS + 1} domains", "`--columns domain=`"),
]


@pytest.mark.parametrize(("table", "words"), [(table, words) for table, *words in REFUSED])
def test_a_bad_table_is_refused_in_one_line_with_the_place(table, words):
    with pytest.raises(UserError) as error:
        check(table, "mine.csv")
    message = str(error.value)
    assert message.startswith("mine.csv") and "\n" not in message
    assert all(word in message for word in words), message


def test_of_repeated_ratings_the_latest_is_taken_whatever_the_order():
    rows = [("a", "u", "i", "1"), ("a", "u", "i", "5"), ("a", "u", "i", "3")]
    clean, dropped, _ = check(frame(rows, timestamp=[0] * 10 + [7, 9, 8]), "mine.csv")
    assert clean.loc[clean["user"] == "u", "rating"].tolist() == [5.0]
    assert dropped == {"repeated": 2} and len(clean) == 11


def test_of_ratings_that_differ_at_one_time_the_last_is_taken_and_they_are_counted():
    clean, _, remarks = check(frame(CLASH, timestamp=1), "mine.csv")
    assert clean.loc[clean["user"] == "u", "rating"].tolist() == [5.0] and "Of 1 pairs" in remarks[-1]


def test_values_that_are_no_ratings_keep_their_digits():
    big = [("a", "v", "i", "-2147483648"), ("a", "w", "i", "4.6")]
    clean, dropped, _ = check(frame(big), "mine.csv", not_a_rating=[-2147483648, 4.6, 4.6000000001])
    assert len(clean) == 10 and dropped["rating 4.6 is not a rating"] == 1
    assert dropped["rating -2.1474836e+09 is not a rating"] == 1


def test_identical_repeats_are_merged_without_a_timestamp_but_not_over_domains():
    clean, dropped, _ = check(frame([("a", "u", "i", "4.5"), ("a", "u ", "i", " 4.50 ")]), "mine.csv")
    assert (clean["user"] == "u").sum() == 1 and dropped == {"repeated": 1}
    assert clean["rating"].dtype == np.float32 and clean["rating"].iloc[-1] == 4.5
    clean, dropped, _ = check(domains(MAX_DOMAINS), "mine.csv")
    assert len(clean) == 10 * MAX_DOMAINS and dropped == {"repeated": 0}


def test_a_very_long_id_costs_its_own_length_only():
    clean, _, _ = check(frame([("a", "x" * 10**6, "i", "3")], n=20_000), "mine.csv")
    assert len(encode(clean, "long").users) == 20_001  # as fixed-width text this would take 80 GB


characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
names = st.text(characters, min_size=1).map(str.strip).filter(bool)
rows = st.tuples(st.sampled_from("abc"), names, names, st.sampled_from([1.0, 2.5, 5.0]))


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=40))
def test_encoding_and_back_preserves_every_rating(rows):
    table = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(KEY)
    ratings = encode(table.astype({"rating": np.float32}), "any")
    assert sorted(ratings.frame().itertuples(index=False)) == sorted(table.itertuples(index=False))
    counts = table["domain"].value_counts()
    assert [counts[d] for d in ratings.domains] == sorted(counts, reverse=True)
    assert ratings.table()["ratings"].sum() == len(table)
    assert (np.diag(describe.shared_users(ratings)) == ratings.table()["users"]).all()


def test_a_subset_of_domains_has_its_own_ratings_ids_and_titles():
    table = pd.concat([frame(domain="a"), frame(domain="b", n=12)], ignore_index=True)
    ratings = Ratings.from_frame(table.assign(title=[f"t{i}" for i in range(22)]))
    subset = ratings.only(["b"])
    assert subset.domains == ["b"] and len(subset.users) == 12
    assert all(subset.titles["b", item] == f"t{10 + int(item[1:])}" for item in subset.items[0])
    with pytest.raises(UserError, match="Unknown domain 'c'.*a"):
        ratings.only(["a", "c"])
