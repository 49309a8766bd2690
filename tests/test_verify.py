"""Verdicts that travel: docs/claims.json, and a row of it made again from nothing."""

import json
from dataclasses import replace
from io import StringIO

import nbformat
import pandas as pd
import pytest
from conftest import ROOT
from worlds import IN_PARTS, fill

from adc.errors import UserError
from companion import claims, files
from companion.claims import export, verdicts

FIELDS = {"dataset", "profile", "claim", "theme", "section", "says", "paper", "ours", "n", "rule", "numbers",
          "more", "verdict", "runs", "arithmetic"}  # fmt: skip


@pytest.mark.parametrize("dataset", export.DATASETS)
def test_the_committed_records_are_what_the_committed_copies_show(dataset):
    if not export.FILE.exists():
        pytest.skip("no docs/claims.json yet")
    notebook = nbformat.read(ROOT / f"notebooks/rendered/09_claims-{dataset}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    (table,) = (text for text in texts if ">the paper says<" in text)
    shown = pd.read_html(StringIO(table))[0]
    shown = dict(zip(shown.iloc[:, 1], shown["verdict"], strict=True))
    found = {each["claim"]: each["verdict"] for each in export.read() if each["dataset"] == dataset}
    assert found == shown and len(found) == len(claims.CLAIMS)


@pytest.fixture
def invented(tmp_path, monkeypatch) -> str:
    """Invented runs of two seeds, gathered as profile "invented"; their dataset."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    dataset = fill(tmp_path, replace(IN_PARTS, seeds=(0, 1)))
    monkeypatch.setattr(export, "DATASETS", ("other", dataset))
    return dataset


def test_records_are_the_ledger_and_say_how_they_were_computed(invented, tmp_path):
    file = tmp_path / "claims.json"
    stays = {"dataset": "other", "claim": "C1", "runs": []}
    file.write_text(json.dumps([stays, stays | {"dataset": invented}]))
    export.write(file, "invented")
    first, *found = export.read(file)
    ledger = claims.ledger(claims.collect(invented, "invented"))
    assert first == stays and {each["claim"]: each["verdict"] for each in found} == dict(ledger["verdict"])
    for each in found:
        assert each.keys() >= FIELDS and each["dataset"] == invented and each["profile"] == "invented"
        assert getattr(verdicts, each["rule"])(**each["numbers"]) == each["verdict"]
        assert (tmp_path / each["runs"][0]).is_dir() if each["runs"] else each["arithmetic"] == []
    (row,) = (each for each in found if each["says"].startswith("balanced (γ = 2)"))
    assert row["low"] < row["difference"] < row["high"] and f"{row['difference']:+.4f} ±" in row["ours"]
    assert "difference" not in found[0] and len(file.read_text().splitlines()) == len(found) + 3
    assert file.read_bytes() == (export.write(file, "invented"), file.read_bytes())[1]


def test_runs_of_two_machines_behind_a_claim_are_told_apart(invented, tmp_path):
    ledger = claims.ledger(claims.collect(invented, "invented"))
    file = tmp_path / ledger.loc["C32", "runs"][0] / "metrics.json"
    text = file.read_text()
    files.write_json(file, json.loads(text) | {"arithmetic": {"machine": "Linux aarch64", "threads": 1}})
    by_claim = {each["claim"]: each for each in export.records(ledger, invented, "invented")}
    assert len(by_claim["C32"]["arithmetic"]) == 2 and len(by_claim["C15"]["arithmetic"]) == 1
    assert {"machine", "versions"} <= by_claim["C32"]["arithmetic"][0].keys()


@pytest.mark.parametrize("text", [None, "{", "[1]", '[{"claim": "C1"}]'])
def test_what_is_no_file_of_records_is_told(tmp_path, text):
    if text:
        (tmp_path / "claims.json").write_text(text)
    with pytest.raises(UserError, match=r"claims.json (is not there|holds no records)"):
        export.read(tmp_path / "claims.json")


def test_without_runs_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    with pytest.raises(UserError, match="no runs of the profile claims: ./run_all.sh --profile claims"):
        export.write(tmp_path / "claims.json")
    assert not (tmp_path / "claims.json").exists()


def test_a_run_says_what_its_last_bits_hang_on():
    facts = files.arithmetic()
    assert facts["blas"] and facts["threads"] >= 1 and facts["torch"]
    assert "/" not in json.dumps(facts)
