"""Relevance (R24), worked by hand."""

import numpy as np
import pandas as pd
import pytest

from adc.data.schema import encode
from adc.errors import UserError
from adc.relevance import RULES, evaluable, relevant
from adc.split import TEST, TRAIN, VALID, Split


@pytest.fixture
def parts():
    rows = [  # domain a: ann's mean is 3 there, 2.5 without her test ratings, 2 in training, 2.2 over all domains
        ("a", "ann", "i1", 2.0, TRAIN),
        ("a", "ann", "i2", 3.0, VALID),
        ("a", "ann", "i3", 3.0, TEST),
        ("a", "ann", "i4", 4.0, TEST),
        ("a", "bob", "i1", 5.0, TEST),  # a single rating is never above its own mean
        ("b", "ann", "i1", 1.0, TRAIN),
        ("b", "ann", "i2", 0.2, TRAIN),
        ("b", "bob", "i1", 1.0, TRAIN),
    ]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "part"])
    return Split(encode(table, "tiny"), 0, table["part"].to_numpy(np.int8))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("above", [0, 0, 0, 1, 0]),
        ("at_least", [0, 1, 1, 1, 1]),
        ("all_domains", [0, 1, 1, 1, 1]),
        ("train_only", [0, 1, 1, 1, 0]),
        ("stars4", [0, 0, 0, 1, 1]),
    ],
)
def test_every_rule_by_hand(parts, rule, expected):
    assert relevant(parts, 0, rule).tolist() == [bool(x) for x in expected]
    ann, bob = any(expected[2:4]), expected[4]
    assert evaluable(parts, 0, rule) == ann + bob


def test_while_validating_no_test_rating_is_looked_at(parts):
    mask = relevant(parts, 0, "above", seen=(TRAIN, VALID))
    assert mask.tolist() == [False, True, False, False, False]  # 3 is above the mean 2.5 of what was seen
    parts.ratings.rating[3] = 1000.0
    assert (relevant(parts, 0, "above", seen=(TRAIN, VALID)) == mask).all()


def test_the_default_is_strict_and_a_misspelt_rule_is_refused(parts):
    assert (relevant(parts, 0) == relevant(parts, 0, "above")).all()
    with pytest.raises(UserError, match="Unknown relevance rule 'abov'.*at_least"):
        relevant(parts, 0, "abov")


def test_rounding_puts_nothing_above_its_own_mean():
    rows = [("a", "ann", f"i{i}", stars) for i, stars in enumerate((1.1, 1.2, 1.3))]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]).astype({"rating": np.float32})
    parts = Split(encode(table, "tiny"), 0, np.full(3, TEST, dtype=np.int8))
    assert relevant(parts, 0, "above").tolist() == [False, False, True]
    assert relevant(parts, 0, "at_least").tolist() == [False, True, True]


def test_masks_agree_with_a_plain_loop():
    rng = np.random.default_rng(0)
    keys = {(rng.choice(["a", "b"]), f"u{rng.integers(30)}", f"i{rng.integers(40)}") for _ in range(600)}
    table = pd.DataFrame(sorted(keys), columns=["domain", "user", "item"])
    table["rating"] = rng.integers(1, 6, len(table)).astype(float)
    data = encode(table, "random")
    parts = Split(data, 0, rng.integers(0, 3, len(table)).astype(np.int8))
    frame = table.assign(part=parts.part)
    for k, domain in enumerate(data.domains):
        here = frame[frame["domain"] == domain]
        for rule in RULES:
            for mask, row in zip(relevant(parts, k, rule), here.itertuples(), strict=True):
                pool = frame if rule == "all_domains" else here
                hers = pool[pool["user"] == row.user]
                hers = hers[hers["part"] == TRAIN] if rule == "train_only" else hers
                mean = hers["rating"].mean()
                expected = {"at_least": row.rating >= mean, "stars4": row.rating >= 4}.get(rule, row.rating > mean)
                assert mask == expected, (rule, row)
