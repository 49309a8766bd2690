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
from adc.claims.verdicts import FAILS, HOLDS, IN_PART, NOT_RUN, UNTESTABLE, UNTOLD
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


MEASURED = [f"C{number}" for number in [*range(7, 21), *range(22, 43)]]  # what the runs decide
NEVER_IN_PART = {"C22", "C23", "C24", "C26", "C29", "C30", "C37", "C38"}  # one number, one domain


@pytest.mark.parametrize(("name", "verdict"), [("as printed", HOLDS), ("opposite", FAILS), ("in part", IN_PART)])
def test_every_claim_can_have_every_verdict(made, name, verdict):
    found = read(made, name).loc[MEASURED, "verdict"]
    odd = found[found != verdict]
    # C34 counts the sets that lie on the right side, where those of this world all do
    assert set(odd.index) == (NEVER_IN_PART | {"C34"} if verdict == IN_PART else set())


def test_noise_bears_out_nothing_and_refutes_nothing(made):
    found = read(made, "noise").loc[MEASURED, "verdict"]
    odd = set(found.index[~found.isin([UNTOLD, NOT_RUN])])
    always = {"C7", "C8", "C9", "C10", "C11", "C14", "C24", "C26"}  # an order, a p below .05, weights near 1: found or not found
    assert odd >= always and len(odd - always) <= 3, odd  # each of the rest says so by chance one time in twenty


def test_two_levels_are_compared_on_every_seed_that_has_both(made):
    n = read(made, "uneven")["n"]
    assert n[["C25", "C27"]].eq("3 seeds").all() and n[["C18", "C28", "C35"]].eq("2 seeds").all()


def test_what_was_not_run_is_said_so_and_not_guessed(made):
    found = read(made, "sparse")["verdict"]
    assert set(found.index[found == NOT_RUN]) == set(MEASURED) - {"C23", "C39"}
    assert found[["C23", "C39"]].eq(UNTOLD).all()  # one seed: no interval
    assert found[["C1", "C2", "C3", "C21"]].eq(UNTESTABLE).all()


@pytest.mark.parametrize("left", ["a", "af"])
def test_data_of_one_or_two_domains_has_a_ledger_too(tmp_path, monkeypatch, left):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    for name in set(SIZES) - set(left):
        monkeypatch.delitem(SIZES, name)
    dataset = fill(tmp_path, replace(AS_PRINTED, seeds=(0, 1), sets={}, depth=dict.fromkeys(SIZES, 3)))
    found = claims.ledger(evidence.collect(dataset, "made"))["verdict"]
    assert (found[[f"C{number}" for number in (3, 31, 32, 33, 34, 36)]] == UNTESTABLE).all()
    assert (found[["C18", "C22", "C23", "C24", "C28", "C29", "C30"]] == UNTESTABLE).all() == (left == "a")
    assert found["C39"] == HOLDS


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
    assert [verdicts.counted(k, 6, untold) for k, untold in ((3, 1), (0, 4), (2, 1), (4, 2))] == [UNTOLD, UNTOLD, FAILS, IN_PART]
    every, most = {"a": 1.0, "b": 1.0}, {"a": 3.0, "b": -1.0}
    assert [verdicts.above(*numbers) for numbers in ((every, 0.1, 2), (most, 0.1, 2), (every, -0.1, 2), (every, None, None))] == [
        HOLDS, IN_PART, UNTOLD, UNTOLD,
    ]  # fmt: skip
    assert [verdicts.above({"a": -1.0}, low, high) for low, high in ((-2, -0.1), (-2, 0.0))] == [FAILS, UNTOLD]
    gains = ((1, 17), (4, 6), (-1, 9), (None, None), (-9, -5), (-4, 6))
    assert [verdicts.gained(*each, 8.08) for each in gains] == [HOLDS, IN_PART, UNTOLD, UNTOLD, FAILS, FAILS]
    assert [verdicts.ordered(k, 6, tau) for k, tau in ((6, 1.0), (0, 0.6), (5, 0.5))] == [HOLDS, IN_PART, FAILS]
    assert [verdicts.best_gamma(best, 0.5, 2.0, True) for best in (0.5, 1.5, 2.0, 3.0)] == [HOLDS, IN_PART, FAILS, FAILS]
    assert [verdicts.best_gamma(best, 2.5, 1.0, True) for best in (2.5, 1.5, 1.0, 0.0)] == [HOLDS, IN_PART, FAILS, FAILS]
    assert verdicts.best_gamma(0.5, 0.5, 2.0, False) == UNTOLD
    depths = (([2, 3, 3, 4], 0.5), ([2, 4, 3, 4], 0.1), ([2, 3, 3, 4], -0.1), ([2, 3, 3, 4], None), ([4, 3, 2], -1))
    assert [verdicts.deeper(best, low, low and low + 0.3) for best, low in depths] == [HOLDS, IN_PART, UNTOLD, UNTOLD, FAILS]
    assert [verdicts.saturated(low, high, 1.0) for low, high in ((-9, 0.9), (-9, 1.1), (0.1, 0.9))] == [HOLDS, UNTOLD, FAILS]


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
    assert "Of 38 checkable sentences of the paper: " in claims.words(ledger) and "4 comparisons" in claims.words(
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
    assert "label of y: Of 38 checkable" in text
