"""Verdicts that travel: docs/claims.json, and a row of it made again from nothing."""

import json
import os
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from worlds import IN_PARTS, fill

from adc.errors import UserError
from companion import claims, execute, files, paths, profile, registry, results, verify
from companion.claims import compare, export, verdicts
from companion.claims.evidence import Evidence
from companion.claims.ledger import numbered

FIELDS = {"dataset", "profile", "claim", "theme", "section", "says", "paper", "ours", "n", "rule", "numbers",
          "more", "verdict", "runs", "arithmetic"}  # fmt: skip


@pytest.mark.parametrize("dataset", export.DATASETS)
def test_the_committed_records_are_what_the_committed_copies_show(dataset):
    if not export.FILE.exists():
        pytest.skip("no docs/claims.json yet")
    notebook = nbformat.read(ROOT / f"notebooks/rendered/09_claims-{dataset}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    shown = {}
    for text in texts:
        if ">the paper says<" in text:  # a table a theme
            (table,) = pd.read_html(StringIO(text))
            shown |= dict(zip(table.iloc[:, 0], table["verdict"], strict=True))
    result = {each["claim"]: each["verdict"] for each in export.read() if each["dataset"] == dataset}
    assert result == shown and len(result) == len(claims.CLAIMS)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, str]:
    """A home with invented runs of two seeds, gathered as profile "invented"; and their dataset."""
    home = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(home))
        return home, fill(home, replace(IN_PARTS, seeds=(0, 1)))


@pytest.fixture
def invented(world, monkeypatch) -> str:
    monkeypatch.setenv("ADC_HOME", str(world[0]))
    monkeypatch.setattr(export, "DATASETS", ("other", world[1]))
    return world[1]


@pytest.fixture(autouse=True)
def environment():
    """What a command sets for its processes is gone after a test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_records_are_the_ledger_and_say_how_they_were_computed(invented, tmp_path):
    file = tmp_path / "claims.json"
    stays = {"dataset": "other", "claim": "C1", "runs": []}
    file.write_text(json.dumps([stays, stays | {"dataset": invented}]))
    export.write(file, "invented")
    first, *result = export.read(file)
    ledger = claims.ledger(claims.collect(invented, "invented"))
    assert first == stays and {each["claim"]: each["verdict"] for each in result} == dict(ledger["verdict"])
    for each in result:
        assert each.keys() >= FIELDS and each["dataset"] == invented and each["profile"] == "invented"
        assert getattr(verdicts, each["rule"])(**each["numbers"]) == each["verdict"]
        assert (paths.home() / each["runs"][0]).is_dir() if each["runs"] else each["arithmetic"] == []
    (row,) = (each for each in result if each["says"].startswith("balanced (γ = 2)"))
    assert row["low"] < row["difference"] < row["high"] and f"{row['difference']:+.4f} ±" in row["ours"]
    assert "difference" not in result[0] and len(file.read_text().splitlines()) == len(result) + 3
    assert file.read_bytes() == (export.write(file, "invented"), file.read_bytes())[1]


def test_runs_of_two_machines_behind_a_claim_are_told_apart(invented):
    evidence = claims.collect(invented, "invented")
    file = paths.home() / claims.ledger(evidence, ["C32"]).loc["C32", "runs"][0] / "metrics.json"
    text = file.read_text()
    files.write_json(file, json.loads(text) | {"arithmetic": {"machine": "Linux aarch64", "threads": 1}})
    by_claim = {each["claim"]: each for each in export.records(evidence, ["C15", "C32"])}
    file.write_text(text)
    assert len(by_claim["C32"]["arithmetic"]) == 2 and len(by_claim["C15"]["arithmetic"]) == 1
    assert {"machine", "versions"} <= by_claim["C32"]["arithmetic"][0].keys()


@pytest.mark.parametrize("text", [None, "{", "[1]", '[{"claim": "C1"}]'])
def test_what_is_no_file_of_records_is_told(tmp_path, text):
    if text:
        (tmp_path / "claims.json").write_text(text)
    with pytest.raises(UserError, match=r"claims.json (is not there|holds no records)"):
        export.read(tmp_path / "claims.json")


def test_without_runs_nothing_is_written(tmp_path):
    with pytest.raises(UserError, match="no runs of the profile claims: ./run_all.sh --profile claims"):
        export.write(tmp_path / "claims.json")
    assert not (tmp_path / "claims.json").exists()


def test_a_run_says_what_its_last_bits_hang_on():
    facts = files.arithmetic()
    assert facts["blas"] and facts["threads"] >= 1 and facts["torch"]
    assert "/" not in json.dumps(facts)


def test_the_runs_that_a_claim_names_are_enough_for_it(invented):
    whole = claims.ledger(claims.collect(invented, "invented"))
    every = results.table()["run"].unique().tolist()
    for places, rows in whole.groupby(whole["runs"].map(tuple), sort=False):
        if places:
            results.gather([paths.home() / place for place in every if place in places], "part")
            part = claims.ledger(Evidence(invented, "part"), [*rows.index])
            assert part[["verdict", "runs"]].to_dict() == rows[["verdict", "runs"]].to_dict()
            for result, numbers in zip(part["numbers"], rows["numbers"], strict=True):
                assert result == pytest.approx(numbers, rel=1e-9, abs=1e-12)  # rows in another order


@pytest.mark.parametrize("job", ["04_baselines-seed3", "13_studies-seed3"])
def test_the_runs_planned_for_a_profile_are_those_of_its_notebooks(job, style):
    planned = [config for config in verify.planned("claims", "movielens") if config["seed"] == 3]
    config = yaml.safe_load((ROOT / "notebooks/profiles/claims.yaml").read_text())
    given, notebook = profile.jobs(config)["movielens"][job], execute.notebooks()[job.partition("-")[0]]
    variables = execute.defaults(notebook) | given
    exec([cell["source"] for cell in execute.cells(notebook) if cell["cell_type"] == "code"][1], variables)
    rivals = job.startswith("04")
    of_others = [config for config in planned if "," in config["domains"]]  # of the sets, and larger ones
    of_others += [config for config in planned if config.get("dim") == 200 or config.get("negatives") == 10]
    ours = [each for each in planned if (each["method"] not in ("adc", "static")) == rivals]
    assert variables["configs"] == [config for config in ours if config not in of_others]
    assert len(planned) == 61 and len(of_others) == 21 + 2


def test_what_is_made_by_default_is_the_papers_core():
    assert numbered()[verify.USUAL].says == "balanced (γ = 2) above equal weights (static)"


SMALL = {"hidden_layers": 3, "gamma": 2.0, "dim": 4, "epochs": 2, "patience": 1, "pretraining_epochs": 1}


@pytest.fixture
def trained(world, tmp_path, monkeypatch):
    """A small claim with its record, and a home in which its data are there but no run."""
    dataset, there, here = world[1], tmp_path / "there", tmp_path / "here"
    configs = [{"seed": seed} | change for seed in (0, 1) for change in ({}, {"balancer": "static"})]
    configs = [registry.configure("adc", dataset, **SMALL | change) for change in configs]
    monkeypatch.setattr(export, "DATASETS", (dataset,))
    monkeypatch.setattr(verify, "planned", lambda name, of: configs)
    for home in (there, here):
        shutil.copytree(world[0] / "data/processed", home / "data/processed")
    monkeypatch.setenv("ADC_HOME", str(there))
    results.gather(verify.train(configs, {}, 1), "claims")
    records = export.records(Evidence(dataset, "claims"), ["C32"])
    (tmp_path / "claims.json").write_text(json.dumps(records))
    usual = ["--data", dataset, "--file", str(tmp_path / "claims.json"), "--home", str(here), "--cores", "1"]
    return lambda *words: verify.main([*usual, *words])


def test_a_row_made_again_is_the_same_and_another_verdict_is_told(trained, tmp_path, capsys):
    assert trained() == 0
    message = capsys.readouterr().out
    assert "4 of 4" in message and "the same verdict, " in message and "the same to the last bit" in message
    (record,) = export.read(tmp_path / "claims.json")
    (tmp_path / "claims.json").write_text(json.dumps([record | {"verdict": "holds in part"}]))
    assert trained() == 1 and "holds in part became" in capsys.readouterr().out
    timed = numbered()["C34"].says  # another call, other seconds: its verdict may differ
    changed = [line for line in compare.main(tmp_path / "there", tmp_path / "here")[1:] if " became " in line]
    assert all(timed in line for line in changed)


def test_another_arithmetic_reaches_the_processes_that_train(trained, tmp_path, capsys):
    trained("--arithmetic", "sse")
    for file in (tmp_path / "here").glob("data/runs/*/*/metrics.json"):
        assert json.loads(file.read_text())["arithmetic"]["mkl"] == "COMPATIBLE"
    assert "Arithmetic there: " in capsys.readouterr().out


@pytest.mark.parametrize(("change", "words", "message"), [
    ({}, ["C99"], "Unknown claim 'C99'.* Known: C32"),
    ({"runs": []}, [], "C32, balanced .*: no run decides it"),
    ({"says": "something else"}, [], "is another claim by now: something else"),
    ({"runs": ["data/runs/x/adc-0"]}, [], "names data/runs/x/adc-0, which the profile claims does not"),
    ({}, ["--data", "nowhere"], "no claims on 'nowhere'"),
])  # fmt: skip
def test_what_cannot_be_made_again_is_told(tmp_path, monkeypatch, change, words, message):
    record = {"dataset": "movielens", "profile": "claims", "claim": "C32", "verdict": "open",
              "says": numbered()["C32"].says, "runs": ["data/runs/movielens/x-1"]}  # fmt: skip
    monkeypatch.setattr(verify, "planned", lambda name, of: [])
    monkeypatch.setattr(verify.controls, "configure", lambda world, change: registry.configure("random"))
    (tmp_path / "claims.json").write_text(json.dumps([record | change]))
    with pytest.raises(SystemExit, match=message):
        verify.main(["--file", str(tmp_path / "claims.json"), *words])
