"""Relevance (R24), worked by hand and by a plain loop."""

import numpy as np
import pandas as pd
import pytest
from small import split_from_rows

from adc.errors import UserError
from adc.ratings import encode
from adc.relevance import RULES, evaluable, relevant
from adc.split import TEST, TRAIN, VALID, Split


@pytest.fixture
def split():
    # domain a: ann's mean is 3 there, 2.5 without her test ratings, 2 in training, 2.2 over all domains
    rows = [("a", "ann", "i1", 2.0, TRAIN), ("a", "ann", "i2", 3.0, VALID), ("a", "ann", "i3", 3.0, TEST)]
    rows += [("a", "ann", "i4", 4.0, TEST)]
    rows += [("a", "bob", "i1", 5.0, TEST)]  # a single rating is never above its own mean
    rows += [("b", "ann", "i1", 1.0, TRAIN), ("b", "ann", "i2", 0.2, TRAIN), ("b", "bob", "i1", 1.0, TRAIN)]
    return split_from_rows(rows)


@pytest.mark.parametrize(("rule", "expected"), [
    ("above", [0, 0, 0, 1, 0]), ("at_least", [0, 1, 1, 1, 1]), ("all_domains", [0, 1, 1, 1, 1]),
    ("train_only", [0, 1, 1, 1, 0]), ("stars4", [0, 0, 0, 1, 1]),
])  # fmt: skip
def test_every_rule_by_hand(split, rule, expected):
    assert relevant(split, 0, rule).tolist() == [bool(x) for x in expected]
    ann, bob = any(expected[2:4]), expected[4]
    assert evaluable(split, 0, rule) == ann + bob


def test_validation_looks_at_no_test_rating(split):
    mask = relevant(split, 0, "above", visible=(TRAIN, VALID))
    assert mask.tolist() == [False, True, False, False, False]  # 3 is above 2.5, the mean of 2 and 3


def test_the_default_is_strict_and_a_misspelt_rule_is_refused(split):
    assert (relevant(split, 0) == relevant(split, 0, "above")).all()
    with pytest.raises(UserError, match="Unknown relevance rule 'abov'.*at_least"):
        relevant(split, 0, "abov")


def test_rounding_puts_nothing_above_its_own_mean():
    split = split_from_rows([("a", "ann", f"i{i}", stars, TEST) for i, stars in enumerate((1.1, 1.2, 1.3))])
    assert relevant(split, 0, "above").tolist() == [False, False, True]
    assert relevant(split, 0, "at_least").tolist() == [False, True, True]


def test_masks_agree_with_a_plain_loop():
    rng = np.random.default_rng(0)
    keys = {(rng.choice(["a", "b"]), f"u{rng.integers(30)}", f"i{rng.integers(40)}") for _ in range(600)}
    table = pd.DataFrame(sorted(keys), columns=["domain", "user", "item"])
    table["rating"] = rng.integers(1, 6, len(table)).astype(float)
    ratings = encode(table, "random")
    split = Split(ratings, 0, rng.integers(0, 3, len(table)).astype(np.int8))
    frame = table.assign(part=split.part)
    for k, domain in enumerate(ratings.domains):
        of_domain = frame[frame["domain"] == domain]
        for rule in RULES:
            for mask, row in zip(relevant(split, k, rule), of_domain.itertuples(), strict=True):
                pool = frame if rule == "all_domains" else of_domain
                hers = pool[pool["user"] == row.user]
                mean = (hers[hers["part"] == TRAIN] if rule == "train_only" else hers)["rating"].mean()
                special = {"at_least": row.rating >= mean, "stars4": row.rating >= 4}
                assert mask == special.get(rule, row.rating > mean), (rule, row)
