"""Synthetic control worlds: what is planted is there, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from adc.errors import UserError
from companion import data
from companion.data import control


@pytest.fixture(scope="module")
def worlds():
    """World 1 by transfer."""
    return {transfer: control.ratings(transfer, seed=1)[0] for transfer in (0.0, 0.5, 1.0)}


def genre_counts(frame: pd.DataFrame, domain: str) -> np.ndarray:
    """Ratings of every user by genre [n, GENRES], from the items' names alone."""
    genres = control.items(seed=1)[0][control.DOMAINS.index(domain)]
    rows = frame[frame["domain"] == domain]
    counts = np.zeros((control.USERS, control.GENRES))
    np.add.at(counts, (rows["user"].str[1:].astype(int), genres[rows["item"].str[-3:].astype(int)]), 1)
    return counts


@pytest.mark.parametrize("transfer", [0.0, 0.5, 1.0])
def test_sizes_are_the_stated_ones(worlds, transfer):
    frame = worlds[transfer]
    assert list(frame.columns) == ["domain", "user", "item", "rating"]
    assert not frame.duplicated(["domain", "user", "item"]).any()
    for domain, most, mean in zip(control.DOMAINS, control.ITEMS, (20, control.TARGET_RATINGS)):
        rows = frame[frame["domain"] == domain]
        assert rows["user"].nunique() == control.USERS and 0.95 * most < rows["item"].nunique() <= most
        assert len(rows) / control.USERS == pytest.approx(mean, abs=5 * np.sqrt(mean / control.USERS))
        shares = rows["rating"].value_counts(normalize=True).sort_index()
        np.testing.assert_allclose(shares, control.SHARES, atol=1.5 / len(rows))


def test_users_and_their_numbers_of_ratings_are_the_same_at_every_transfer(worlds):
    sizes = [frame.groupby(["domain", "user"]).size() for frame in worlds.values()]
    assert sizes[0].equals(sizes[1]) and sizes[0].equals(sizes[2])
    source = [frame[frame["domain"] == "source"].drop(columns="rating") for frame in worlds.values()]
    assert not source[0].equals(source[1])


def test_tastes_of_the_two_domains_agree_as_far_as_transfer_says(worlds):
    result = []
    for frame in worlds.values():
        counts = [genre_counts(frame, domain) for domain in control.DOMAINS]
        shares = [part / part.sum(axis=1, keepdims=True) for part in counts]
        result.append(np.corrcoef(*((part - part.mean(axis=0)).ravel() for part in shares))[0, 1])
    nothing, half, all_of_it = result
    assert abs(nothing) < 4 / np.sqrt(control.USERS * (control.GENRES - 1))
    assert 0.15 < half < 0.7 * all_of_it and all_of_it > 0.5


def test_the_same_arguments_give_the_same_world_and_another_seed_another(worlds):
    pd.testing.assert_frame_equal(control.ratings(0.5, seed=1)[0], worlds[0.5])
    assert not control.ratings(0.5, seed=2)[0].equals(worlds[0.5])
    assert control.ratings(0.5, seed=1)[1]["synthetic"] is True


def test_richness_is_that_of_the_source_alone(worlds):
    frame = control.ratings(1.0, 5.0, seed=1)[0]
    counts = frame.groupby("domain").size() / control.USERS
    assert counts["source"] == pytest.approx(5, abs=0.4)
    columns = ["user", "item", "rating"]
    target, same = (part[part["domain"] == "target"][columns].to_numpy() for part in (frame, worlds[1.0]))
    assert (target == same).all()


def test_a_world_is_made_by_its_name_and_called_synthetic():
    assert data.load("control-t0.5-seed1").domains == list(control.DOMAINS)
    assert data.label("control-t0.5-seed1") == "synthetic control world (transfer 0.5, seed 1)"
    with pytest.raises(UserError, match="^control: richness is 0. Give a number from 1 to 100.$"):
        control.ratings(richness=0)
