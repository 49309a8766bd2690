"""The README's results come from the table of results and nowhere else."""

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from adc import data, report
from adc.errors import UserError
from adc.results import performance
from workflow import readme

ROOT = Path(__file__).resolve().parents[1]


def test_results_land_between_the_marks_and_the_rest_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "section", lambda dataset, profile: f"table of {dataset}, {profile}")
    monkeypatch.setattr(readme, "ledger", lambda datasets, profile: f"claims on {' and '.join(datasets)}, {profile}")
    page = tmp_path / "README.md"
    page.write_text(f"# title\n{readme.BEGIN}\nold\n{readme.END}\n" + "\n".join(readme.PAPER) + "\nlast words\n")
    readme.write(["a", "b"], "quick", page)
    text = page.read_text()
    assert "table of a, quick" in text and "table of b, quick" in text and "old" not in text
    assert "claims on a and b, quick" in text
    assert text.startswith("# title\n") and text.endswith("\nlast words\n")
    readme.write(["a", "b"], "quick", page)
    assert page.read_text() == text
    readme.write(["a"], "paper", page)
    between = page.read_text().split(readme.PAPER[0])[1].split(readme.PAPER[1])[0]
    assert page.read_text().replace(between, "\n") == text and "table of a, paper" in between and "claims on a, paper" in between


def test_a_readme_without_the_marks_is_refused_and_left_alone(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("nothing here")
    with pytest.raises(UserError, match="once each"):
        readme.write(["a"], "quick", page)
    assert page.read_text() == "nothing here"


def test_a_section_says_data_seeds_and_every_mean(monkeypatch):
    rows = [
        {"target": "x", "method": method, "variant": "", "seed": seed, "protocol": "full", "metric": "ndcg", "n": 10, "group": "all",
         "value": value + seed / 10, "users": 5, "run": f"{method}{seed}", "hidden_layers": 0, "gamma": 0.0, "diverged": False, "unusual": ""}
        for seed in (0, 1) for method, value in (("popularity", 0.2), ("adc", 0.4))
    ]  # fmt: skip
    monkeypatch.setattr(report, "results", lambda dataset, profile: pd.DataFrame(rows))
    sizes = SimpleNamespace(table=lambda: pd.DataFrame({"ratings": {"x": 10}}))
    monkeypatch.setattr(data, "load", lambda dataset: sizes)
    monkeypatch.setattr(data, "label", lambda dataset: "synthetic twin")
    scores = [row | {"user": f"u{u}", "value": row["value"] + u / 1000 + seed / 5} for row in rows for u, seed in ((0, 0), (1, 1))]
    monkeypatch.setattr(performance, "user_scores", lambda *which: pd.DataFrame(scores))
    text = readme.section("twin", "quick")
    assert "synthetic twin" in text and "seeds 0, 1" in text and "`quick`" in text
    assert "| mean | 0.2500 | 0.4500 |" in text and "| ADC is above it in | 1 of 1 | – |" in text and "Of 1 comparisons" in text


def test_every_file_that_the_readme_names_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:adc|notebooks)/[\w./]+)`", text) + re.findall(r"\]\((notebooks[\w./]*)\)", text)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
