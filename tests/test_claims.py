"""Every verdict of the ledger against a second, independent route (`again`), on made-up runs of several kinds."""

import json
from dataclasses import replace
from pathlib import Path

import again
import nbformat
import pandas as pd
import pytest
from worlds import AS_PRINTED, OPPOSITE, SIZES, WORLDS, fill, store

from adc import claims, data, files, looks, runs, train
from adc.claims import evidence, measures, verdicts
from adc.claims.verdicts import FAILS, HOLDS, IN_PART, NOT_RUN, UNTESTABLE
from adc.plots import claims as drawn
from workflow import readme

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """World -> its home and dataset, each made once."""
    return {}


@pytest.fixture
def made(request, tmp_path_factory, monkeypatch, homes):
    """A function: name of a world -> (home, dataset), with ADC_HOME set to that home."""

    def make(name: str) -> tuple[Path, str]:
        home = homes.get(name, (None, None))[0] or tmp_path_factory.mktemp("home")
        monkeypatch.setenv("ADC_HOME", str(home))
        if name not in homes:
            homes[name] = home, fill(home, WORLDS[name])
        return homes[name]

    return make


LEDGERS = {}


def read(made, name: str, anew: bool = False) -> pd.DataFrame:
    """The ledger of a world."""
    _, dataset = made(name)
    if anew or name not in LEDGERS:
        LEDGERS[name] = claims.ledger(evidence.collect(dataset, "made"))
    return LEDGERS[name]


@pytest.mark.parametrize("name", WORLDS)
def test_a_second_route_comes_to_the_same_verdicts(made, name):
    home, dataset = made(name)
    ledger = read(made, name)
    second = again.Ledger(home, dataset, "made", SIZES).verdicts()
    assert dict(zip(ledger.index, ledger["verdict"], strict=True)) == dict(zip(ledger.index, second, strict=True))


MEASURED = [f"C{number}" for number in [*range(7, 20), *range(21, 39)]]  # what the runs decide
NEVER_IN_PART = {"C23", "C26", "C33", "C34"}  # one number, one domain


@pytest.mark.parametrize(("name", "verdict"), [("as printed", HOLDS), ("opposite", FAILS), ("in part", IN_PART)])
def test_every_claim_can_have_every_verdict(made, name, verdict):
    found = read(made, name).loc[MEASURED, "verdict"]
    odd = found[found != verdict]
    # C30 counts the sets that lie on the right side, where those of this world all do
    assert set(odd.index) == (NEVER_IN_PART | {"C30"} if verdict == IN_PART else set())


def test_what_was_not_run_is_said_so_and_not_guessed(made):
    found = read(made, "sparse")["verdict"]
    assert set(found.index[found == NOT_RUN]) == set(MEASURED) - {"C35"}
    assert found["C35"] == IN_PART  # one seed: no interval
    assert found[["C1", "C2"]].eq(UNTESTABLE).all()


@pytest.mark.parametrize("left", ["a", "af"])
def test_data_of_one_or_two_domains_has_a_ledger_too(tmp_path, monkeypatch, left):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    for name in set(SIZES) - set(left):
        monkeypatch.delitem(SIZES, name)
    dataset = fill(tmp_path, replace(AS_PRINTED, seeds=(0, 1), sets={}, depth=dict.fromkeys(SIZES, 3)))
    found = claims.ledger(evidence.collect(dataset, "made"))["verdict"]
    assert (found[[f"C{number}" for number in (3, 27, 28, 29, 30, 32)]] == UNTESTABLE).all()
    assert (found[["C17", "C21", "C25", "C26"]] == UNTESTABLE).all() == (left == "a")
    assert found["C35"] == HOLDS


def test_verdict_follows_from_the_numbers_in_the_json(made, tmp_path):
    for name in ("in part", "sparse"):
        files.write_json(tmp_path / "x.json", claims.rows(read(made, name)))
        text = (tmp_path / "x.json").read_text()
        assert "NaN" not in text
        for row in json.loads(text):
            assert getattr(verdicts, row["rule"])(**row["numbers"]) == row["verdict"]


def test_table_i_is_tested_on_the_papers_data_only(made):
    found = evidence.collect(made("sparse")[1], "made")
    sizes = pd.DataFrame(measures.TABLE_I, index=["users", "items", "ratings"]).T
    ratings = lambda table: type("Ratings", (), {"table": lambda self: table})()
    for dataset, table, verdict in (
        ("amazon", sizes, HOLDS), ("amazon", sizes.replace(23009, 23010), IN_PART), ("amazon", sizes + 1, FAILS), ("twin", sizes, UNTESTABLE)
    ):  # fmt: skip
        changed = evidence.Evidence(dataset, ratings(table), found.chosen, found.against, found.study, found.larger)
        assert measures.table_i(changed).verdict == verdict


def test_rules_at_their_edges():
    assert [verdicts.counted(k, 6) for k in (6, 4, 3)] == [HOLDS, IN_PART, FAILS]
    assert verdicts.above({"a": 1.0, "b": 1.0}, 0.1) == HOLDS
    assert verdicts.above({"a": 1.0, "b": 1.0}, None) == verdicts.above({"a": 3.0, "b": -1.0}, 0.1) == IN_PART
    assert verdicts.above({"a": 3.0, "b": -1.0}, -0.1) == verdicts.above({"a": 1.0, "b": 1.0, "c": -9.0}, -4.0) == FAILS
    assert [verdicts.gained(*numbers, 8.08) for numbers in ((9, 1, 17), (5, 4, 6), (5, None, None), (-1, -2, 0))] == [
        HOLDS,
        IN_PART,
        IN_PART,
        FAILS,
    ]
    assert [verdicts.ordered(k, 6, tau) for k, tau in ((6, 1.0), (0, 0.6), (5, 0.5))] == [HOLDS, IN_PART, FAILS]
    assert [verdicts.best_gamma(best, 0.5, 2.0) for best in (0.5, 1.5, 2.0, 3.0)] == [HOLDS, IN_PART, FAILS, FAILS]
    assert [verdicts.best_gamma(best, 2.5, 1.0) for best in (2.5, 1.5, 1.0, 0.0)] == [HOLDS, IN_PART, FAILS, FAILS]
    assert [verdicts.deeper(best) for best in ([2, 3, 3, 4], [2, 4, 3, 4], [3, 3, 3, 3], [4, 3, 2])] == [
        HOLDS,
        IN_PART,
        FAILS,
        FAILS,
    ]


def test_runs_with_other_settings_are_not_mixed_in(made):
    home, dataset = made("sparse")
    before = read(made, "sparse")
    places = [home / place for place in pd.read_parquet(home / "data" / "results.parquet")["run"].unique()]
    for gamma in (0.0, 0.5, 1.0):  # of another budget, and fewer than those of the usual one
        places.append(
            store(
                OPPOSITE,
                train.configuration(dataset=dataset, seed=0, hidden_layers=3, gamma=gamma, epochs=3 + int(2 * gamma)),
            )
        )
    runs.gather(places, "made")
    assert read(made, "sparse", anew=True).drop(columns="numbers").equals(before.drop(columns="numbers"))


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.says)
def test_every_row_links_to_a_heading_that_is_there(claim):
    notebook, heading = claim.shown
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    assert heading in [line.lstrip("#").strip() for line in lines if line.startswith("#")]


def test_the_ledger_as_it_is_shown(made):
    ledger = read(made, "in part")
    html = claims.shown(ledger, "synthetic").to_html()
    assert all(row.ours.split(";")[0].replace("<", "&lt;") in html for row in ledger.itertuples())
    assert 'href="05_performance.ipynb#How-sure-is-that?-(R30)"' in html
    assert "Of 34 checkable sentences of the paper: " in claims.words(ledger) and "4 comparisons" in claims.words(
        ledger
    )
    assert "(C12)" in claims.story(ledger)
    told = claims.rules(ledger).to_html()
    assert "more than half of them" in told
    figure = drawn.ledger(ledger, "synthetic")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert figure.get_figwidth() == looks.PAGE and sum(text.startswith("C") and "\n" in text for text in texts) == len(
        ledger
    )


def test_the_readme_has_the_main_rows_of_every_dataset(made, monkeypatch):
    tables = iter([read(made, "in part"), read(made, "opposite")])
    monkeypatch.setattr(evidence, "collect", lambda dataset, profile: None)
    monkeypatch.setattr(claims, "ledger", lambda found: next(tables))
    monkeypatch.setattr(data, "label", lambda dataset: f"label of {dataset}")
    text = readme.ledger(["x", "y"], "made")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + sum(claim.main for claim in claims.CLAIMS)
    assert "label of x | verdict | label of y | verdict |" in lines[0]
    assert {line.split(" | ")[3] for line in lines[2:]} > {IN_PART} and {
        line.split(" | ")[5][:-2] for line in lines[2:]
    } == {FAILS}
    assert "label of y: Of 34 checkable" in text
