"""A run folder that is damaged or of other data: a `UserError` in a sentence, and nothing is unpickled."""

import json
import pickle

import numpy as np
import pytest
from tables import sound, written

from adc.errors import UserError
from companion import data, registry
from companion.use import recommend, stored


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return open, (str(self.place), "w")


@pytest.fixture
def run(tmp_path):
    """A run of BPR on a small file."""
    dataset = data.prepare(str(written(tmp_path, "mine.csv", sound(users=20, items=12)))).name
    return registry.train(registry.configure("bpr", dataset, epochs=1, dim=3), show=False)


def refused(run, *words) -> None:
    with pytest.raises(UserError) as error:
        recommend.load(run.folder)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value), error.value


def store(run, **changes) -> None:
    """Write the model again with arrays changed (None: left out)."""
    arrays = run.model | changes
    np.savez(run.folder / "model.npz", **{name: array for name, array in arrays.items() if array is not None})


def test_a_domain_whose_name_ends_as_another_does_keeps_its_arrays(tmp_path):
    table = sound(domains=("films", "old.films"), users=20, items=12)
    dataset = data.prepare(str(written(tmp_path, "mine.csv", table))).name
    one = registry.train(registry.configure("sconet", dataset, epochs=1, embedding=8), show=False)
    model = recommend.load(one.folder)
    assert all(set(arrays) == set(stored.SHAPES["sconet"]) for arrays in model.arrays)


def test_a_pickle_is_never_opened(run, tmp_path):
    trap = tmp_path / "sprung"
    store(run, **{"user.films": np.array([Trap(trap)], dtype=object)})
    refused(run, "model.npz is damaged")
    (run.folder / "model.npz").write_bytes(pickle.dumps(Trap(trap)))
    refused(run, "model.npz is damaged")
    assert not trap.exists()


def test_a_file_that_is_truncated_or_missing(run):
    whole = (run.folder / "model.npz").read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (run.folder / "model.npz").write_bytes(whole[:length])
        refused(run, "model.npz is damaged", "Copy the run again, or delete")
    (run.folder / "model.npz").unlink()
    refused(run, "model.npz is missing")


@pytest.mark.parametrize("change, words", [
    ({"user.films": None}, "there is no 'user'"),
    ({"item.books": np.zeros((11, 4), np.float32)}, "has the shape [11, 4], not [12, 4]"),
    ({"item.books": np.zeros((12, 5), np.float32)}, "has the shape [12, 5], not [12, 4]"),
    ({"user.films": np.zeros(20, np.float32)}, "has the shape [20]"),
])  # fmt: skip
def test_other_arrays_than_the_method_calls_for(run, change, words):
    store(run, **change)
    refused(run, "not the model of a 'bpr' run on dataset", words)


@pytest.mark.parametrize("change, words", [
    ({"dataset": "../../etc"}, "is not prepared"), ({"dataset": ["x"]}, "config.json is not a run's"),
    ({"method": "os.system"}, "Unknown method 'os.system'"),
    ({"seed": "zero"}, "config.json is not a run's"),
    ({"domains": "films, comics"}, "Unknown domain 'comics'"),
])  # fmt: skip
def test_a_configuration_that_is_not_one(run, change, words):
    (run.folder / "config.json").write_text(json.dumps(run.config | change))
    refused(run, words)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"dataset": 1}'])
def test_json_that_is_none(run, content):
    (run.folder / "config.json").write_bytes(content)
    refused(run)
