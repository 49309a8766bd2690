"""A run folder from a stranger: whatever is done to its files, a `UserError` and nothing else."""

import io
import json
import pickle
import random
import shutil
import zipfile

import numpy as np
import pytest
from tables import sound, written

from adc import baselines, data, recommend, runs
from adc.errors import UserError


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return open, (str(self.place), "w")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of BPR on a small file, in a home of its own."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    dataset = data.prepare(str(written(tmp_path, "mine.csv", sound(users=20, items=12)))).name
    config = baselines.configuration(dataset=dataset, method="bpr", epochs=1, dim=3)
    return baselines.run(config, show=False)


def refused(run, *words) -> str:
    with pytest.raises(UserError) as error:
        recommend.load(run.folder)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value), error.value
    return str(error.value)


def stored(run, **changes) -> None:
    """Write the model again with some arrays changed (None: left out)."""
    arrays = run.model | changes
    np.savez(run.folder / "model.npz", **{name: array for name, array in arrays.items() if array is not None})


def member(array: np.ndarray, version=(1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version, allow_pickle=True)
    return stream.getvalue()


def archived(run, content: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(run.folder / "model.npz", "w", how) as archive:
        for name, member in content.items():
            archive.writestr(f"{name}.npy", member)


def members(run) -> dict[str, bytes]:
    with zipfile.ZipFile(run.folder / "model.npz") as archive:
        return {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}


def test_a_sound_run_is_read_as_it_was_written(run):
    model = recommend.load(run.folder)
    for k, domain in enumerate(model.domains):
        assert all(np.array_equal(run.model[f"{name}.{domain}"], array) for name, array in model.arrays[k].items())
        assert all(array.flags.writeable and array.flags.c_contiguous for array in model.arrays[k].values())


def test_an_array_in_fortran_order_is_the_same_array(run):
    name = f"item.{recommend.load(run.folder).domains[0]}"
    expected = run.model[name]
    stored(run, **{name: np.asfortranarray(expected)})
    assert np.array_equal(recommend.load(run.folder).arrays[0]["item"], expected)


def test_a_pickle_is_never_opened(run, tmp_path):
    trap = tmp_path / "sprung"
    hostile = np.array([Trap(trap)], dtype=object)
    archived(run, members(run) | {"user.films": member(hostile)})
    refused(run, "array 'user.films' does not hold plain numbers")
    (run.folder / "model.npz").write_bytes(pickle.dumps(Trap(trap)))
    refused(run, "model.npz is damaged")
    assert not trap.exists()


def test_a_truncated_file_and_flipped_bytes(run):
    whole = (run.folder / "model.npz").read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (run.folder / "model.npz").write_bytes(whole[:length])
        refused(run, "model.npz is damaged")
    rng = random.Random(0)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(3):
            broken[rng.randrange(len(whole))] = rng.randrange(256)
        (run.folder / "model.npz").write_bytes(broken)
        try:
            recommend.load(run.folder)
        except UserError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "shape", [(20, 4), (21, 4), (10**9, 4), (20, 10**15), (0, 4), (20,), (20, 2, 2), (), (20, -4), (2**63, 2**63)]
)
def test_a_shape_that_lies_or_belongs_to_other_data(run, shape):
    """A header may claim any size: nothing is set aside for it."""
    model = recommend.load(run.folder)
    assert model.arrays[0]["user"].shape == (len(model.users), 4)
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    own = members(run)["user.films"]
    archived(run, members(run) | {"user.films": stream.getvalue() + own[-model.arrays[0]["user"].nbytes :]})
    if shape == (len(model.users), 4):
        recommend.load(run.folder)
    else:
        refused(run, "model.npz is damaged, or not a model of a 'bpr' run on dataset")


def test_what_expands_is_not_expanded(run):
    archived(run, members(run) | {"user.films": member(np.zeros(10**7))}, zipfile.ZIP_DEFLATED)
    assert (run.folder / "model.npz").stat().st_size < 10**6
    refused(run, "is compressed")


@pytest.mark.parametrize(
    "change, told",
    [
        ({"user.films": None}, "there is no array"),
        ({"item.books": np.zeros((11, 4), np.float32)}, "has the shape [11, 4], but the data ask for [12, 4]"),
        ({"item.books": np.full((12, 4), np.nan, np.float32)}, "values that are not finite"),
        ({"item.books": np.full((12, 4), "x")}, "does not hold plain numbers"),
        ({"item.books": np.zeros((12, 4), complex)}, "does not hold plain numbers"),
        ({"cold.books": np.zeros(2, bool)}, "has the shape [2], but the data ask for []"),
    ],
)
def test_other_arrays_than_the_method_calls_for(run, change, told):
    stored(run, **change)
    refused(run, told, "Copy the run again, or delete")


def test_the_model_of_another_dataset(run, tmp_path):
    other = data.prepare(str(written(tmp_path, "other.csv", sound(users=21, items=12)))).name
    theirs = baselines.run(baselines.configuration(dataset=other, method="bpr", epochs=1, dim=3), show=False)
    shutil.copy(theirs.folder / "model.npz", run.folder)
    refused(run, "has the shape [21, 4], but the data ask for [20, any]")


def test_a_sparse_matrix_that_points_outside_itself(run):
    config = baselines.configuration(dataset=run.config["dataset"], method="itemknn")
    run = baselines.run(config, show=False)
    indices, indptr = run.model["indices.films"], run.model["indptr.films"]
    for change in (
        {"indices.films": indices + 10**6}, {"indices.films": -indices - 1}, {"indptr.films": indptr[::-1].copy()},
        {"indptr.films": indptr * 1000}, {"data.films": run.model["data.films"][:-1]},
    ):  # fmt: skip
        whole = run.model
        stored(run, **change)
        refused(run, "model.npz is damaged, or not a model of a 'itemknn' run")
        np.savez(run.folder / "model.npz", **whole)
    recommend.load(run.folder)


@pytest.mark.parametrize(
    "change, told",
    [
        ({"dataset": "../../etc"}, "is no name of a dataset"),
        ({"dataset": ["x"]}, "'dataset' is ['x']; expected str"),
        ({"dataset": "elsewhere"}, "is not prepared"),
        ({"method": "os.system"}, "unknown method 'os.system'"),
        ({"seed": "0"}, "'seed' is '0'; expected int"),
        ({"seed": -1}, "'seed' is -1"),
        ({"domains": "films, comics"}, "Unknown domain 'comics'"),
        ({"domains": "films"}, "model.npz is damaged, or not a model"),
    ],
)
def test_a_configuration_that_is_not_one(run, change, told):
    (run.folder / "config.json").write_text(json.dumps(run.config | change))
    if change == {"domains": "films"}:  # all users of this file are in both domains: a model of fewer domains is one
        assert recommend.load(run.folder).domains == ["films"]
    else:
        refused(run, told)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff\xfe", b'{"dataset": 1}'])
@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
def test_json_that_is_none(run, name, content):
    (run.folder / name).write_bytes(content)
    if not (name == "metrics.json" and content.startswith(b'{"')):
        refused(run)


def test_files_that_are_missing(run):
    for name in ("model.npz", "metrics.json", "config.json"):
        (run.folder / name).unlink()
        refused(run, f"{name} is missing" if name != "model.npz" else "model.npz is missing")


def test_hostile_names_of_modules_are_not_imported(run, tmp_path, monkeypatch):
    """`code` in the configuration names modules: to recommend none of them is looked for."""
    (tmp_path / "hostile.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    (run.folder / "config.json").write_text(json.dumps(run.config | {"code": ["hostile", "hostile.inner"]}))
    assert recommend.load(run.folder).top(recommend.load(run.folder).users[0], "films", 1).shape == (1, 7)
    assert runs.load(run.folder).config["code"][0] == "hostile"
