"""Runs in one archive: packed and unpacked the same; what is hostile, damaged or foreign is refused."""

import hashlib
import io
import json
import stat
import zipfile

import numpy as np
import pandas as pd
import pytest
from hand_made import run_with

from adc.errors import UserError
from companion import pack, paths, registry, results, runs, unpack
from companion.claims import export

CONFIGS = [registry.configure("bpr", "tiny", seed) for seed in (0, 1)]
WORLD = registry.configure("ease", "control", 3)  # named by a claim, no run of the profile
CLAIMS = pack.CLAIMS


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive of two runs of a profile and one that a claim names beside them; ADC_HOME is empty again."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    monkeypatch.setattr(export, "FILE", tmp_path / "claims.json")
    model = {"user.a": np.ones((2, 3), np.float32)}
    each = [run_with(config, {"a": 0.25, "b": 0.5}, model=model) for config in [*CONFIGS, WORLD]]
    results.gather([run.folder for run in each[:2]], "claims")
    record = {"dataset": "tiny", "claim": "C1", "runs": [each[0].place, each[2].place]}
    export.FILE.write_text(json.dumps([record]))
    pack.main([str(tmp_path / "runs.zip")])
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "other"))
    return tmp_path / "runs.zip"


def content(archive) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def nothing_there() -> bool:
    return not [*paths.home().rglob("*.json"), *paths.home().rglob("*.parquet")]


def test_what_is_packed_is_unpacked_where_the_notebooks_look(archive, tmp_path, capsys):
    folders, new = unpack.unpack(archive)
    assert len(folders) == new == 3 and "is another" not in capsys.readouterr().out
    for config in [*CONFIGS, WORLD]:
        run = runs.find(config)
        assert run.config == config and run.values()["value"].max() == 0.9
        before = tmp_path / "home" / run.place
        for part in pack.PARTS:
            assert (run.folder / part).read_bytes() == (before / part).read_bytes()
        assert not (run.folder / pack.MODEL).exists()
    table = results.table()
    assert set(table["profile"]) == {"claims"} and set(table["seed"]) == {0, 1}
    before = pd.read_parquet(tmp_path / "home/data/results.parquet")
    by = ["run", "target", "metric", "protocol", "n", "group"]
    columns = [each.sort_values(by).reset_index(drop=True) for each in (table, before)]
    pd.testing.assert_frame_equal(*columns)
    assert unpack.unpack(archive)[1] == 0


def test_the_same_runs_give_the_same_bytes_and_models_that_are_not_there_are_missed(archive, tmp_path):
    unpack.unpack(archive)
    again, models = tmp_path / "again.zip", tmp_path / "models.zip"
    pack.pack(again)
    assert again.read_bytes() == archive.read_bytes()
    with pytest.raises(UserError, match="model.npz"):
        pack.pack(models, models=True)
    assert not models.exists()


def test_models_travel_too(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    pack.pack(archive, models=True)
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "other"))
    unpack.unpack(archive)
    assert runs.find(WORLD).model["user.a"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_the_checksums_are_those_of_sha256sum(archive):
    files = content(archive)
    lines = dict(line.split("  ")[::-1] for line in files.pop(pack.CHECKSUMS).decode().splitlines())
    assert lines == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert len(files) == 3 * 4 + 2


def test_the_description_is_a_crate(archive):
    """What RO-Crate 1.1 requires: descriptor, root with these fields, ids that are there, nothing nested."""
    files = content(archive)
    crate = json.loads(files[pack.CRATE])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    graph = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(graph) == len(crate["@graph"]) and all("@type" in entity for entity in graph.values())
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset" and root["datePublished"] == "2027-01-15"
    assert root["name"] and root["description"] and root["license"]["@id"] in graph
    data = [part["@id"] for part in root["hasPart"]]
    for name in data:
        assert graph[name]["@type"] == ("Dataset" if name.endswith("/") else "File") and graph[name]["name"]
    assert {name for name in files if not any(name.startswith(part) for part in data)} == {pack.CRATE}
    links = [value for entity in graph.values() for value in entity.values() if not isinstance(value, str)]
    links = [link for value in links for link in (value if isinstance(value, list) else [value])]
    assert all(set(link) == {"@id"} for link in links)
    inner = {link["@id"] for link in links if not link["@id"].startswith("https://w3id.org")}
    assert inner <= {*graph} and len(graph["#training"]["result"]) == 2


def rewritten(archive, edit=None, extra=(), drop=(), sums=True):
    """The archive with a member edited, some more (entry, bytes), some gone; checksums anew or as before."""
    files = {name: data for name, data in content(archive).items() if name not in drop}
    files |= {name: change(files[name]) for name, change in (edit or {}).items()}
    entries = [(zipfile.ZipInfo(name), data) for name, data in files.items() if name != pack.CHECKSUMS]
    entries += [*extra]
    lines = [f"{hashlib.sha256(data).hexdigest()}  {entry.filename}" for entry, data in entries]
    checksums = "\n".join(lines).encode() if sums else files[pack.CHECKSUMS]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for entry, data in [*entries, (zipfile.ZipInfo(pack.CHECKSUMS), checksums)]:
            out.writestr(entry, data)


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr, entry.create_system = (stat.S_IFLNK | 0o777) << 16, 3
    return entry


FIRST = runs.folder(CONFIGS[0]).name
PLACE = f"data/runs/tiny/{FIRST}"
PICKLE = io.BytesIO()
np.savez(PICKLE, x=np.array([{}], dtype=object))


@pytest.mark.parametrize("name", [
    "../x.json", "/etc/x.json", "C:/x.json", "data/results.parquet", f"data/runs/../{FIRST}/config.json",
    f"data/runs/.tiny/{FIRST}/config.json", f"data\\runs\\tiny\\{FIRST}\\config.json",
    f"data/runs/ti\0ny/{FIRST}/config.json", f"{PLACE}/x.pkl", f"{PLACE}/config.json/",
    f"{PLACE}/deep/config.json",
])  # fmt: skip
def test_a_file_where_none_belongs_is_refused(archive, name):
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    rewritten(archive, extra=[(entry, b"{}")])
    with pytest.raises(UserError, match="damaged or no archive of ./run_all.sh pack"):
        unpack.unpack(archive)
    assert nothing_there()


CONFIG, METRICS = f"{PLACE}/config.json", f"{PLACE}/metrics.json"
swap = lambda *pair: lambda data: data.replace(*pair)


@pytest.mark.parametrize(("change", "message"), [
    (dict(extra=[(link(f"{PLACE}/model.npz"), b"/etc/passwd")]), "is no plain file"),
    (dict(extra=[(zipfile.ZipInfo(f"{PLACE}/model.npz"), PICKLE.getvalue())]), "allow_pickle"),
    (dict(extra=[(zipfile.ZipInfo(CONFIG), b"{}")]), "each once"),
    (dict(edit={METRICS: lambda data: data + b" "}, sums=False), "another checksum"),
    (dict(drop=[f"{PLACE}/users.parquet"], sums=False), "are not those that sha256.txt names"),
    (dict(drop=[f"{PLACE}/users.parquet"]), "has no users.parquet"),
    (dict(edit={CONFIG: swap(b'"seed": 0', b'"seed": 7')}), "another run"),
    (dict(edit={CONFIG: swap(b'"tiny"', b'"../x"')}), "another run"),
    (dict(edit={METRICS: lambda data: b"{}"}), "no archive of"),
    (dict(edit={METRICS: lambda data: b"[" * 100_000}), "no archive of"),
    (dict(edit={pack.CRATE: swap(FIRST.encode(), b"bpr-0123456789")}), "which it does not"),
    (dict(edit={pack.CRATE: lambda data: b"[]"}), "no archive of"),
    (dict(drop=[pack.CRATE]), "no archive of"),
])  # fmt: skip
def test_what_was_tampered_with_is_refused(archive, change, message):
    rewritten(archive, **change)
    with pytest.raises(UserError, match=message):
        unpack.unpack(archive)
    assert nothing_there()


def test_what_would_fill_the_disk_is_refused(archive, monkeypatch):
    monkeypatch.setattr(unpack, "MAX_TOTAL", 1000)
    with pytest.raises(UserError, match="more than .* 1,000 bytes"):
        unpack.unpack(archive)
    monkeypatch.setattr(unpack, "MAX_TOTAL", 1 << 30)
    monkeypatch.setattr(unpack, "MAX_FILE", 100)
    with pytest.raises(UserError, match="larger than 100 bytes"):
        unpack.unpack(archive)


def flipped(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda _: b"PK\3\4 and no more", lambda whole: whole[:-500], flipped]
)
def test_a_damaged_archive_is_told(archive, damage):
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(UserError, match="damaged"):
        unpack.unpack(archive)
    assert nothing_there()


def test_other_claims_than_the_committed_are_told_and_theirs_stay(archive, capsys):
    export.FILE.write_text("[]")
    unpack.unpack(archive)
    assert "docs/claims.json is another" in capsys.readouterr().out and export.FILE.read_text() == "[]"


def test_what_cannot_be_packed_or_unpacked_is_told(archive, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="2 runs are not in"):
        pack.pack(tmp_path / "x.zip")
    with pytest.raises(UserError, match="no runs of the profile quick"):
        pack.pack(tmp_path / "x.zip", "quick")
    assert not (tmp_path / "x.zip").exists()
    with pytest.raises(UserError, match="is not there"):
        unpack.unpack(tmp_path / "x.zip")
