"""Every verdict of the ledger against a second, independent route (`again`), on invented runs."""

import json
from dataclasses import replace
from pathlib import Path

import again
import nbformat
import pandas as pd
import pytest
from worlds import AS_PRINTED, OPPOSITE, SIZES, WORLDS, fill, store

from companion import claims, files, registry, results
from companion.claims import measures, verdicts
from companion.claims.verdicts import FAILS, HOLDS, IN_PART, NOT_RUN, UNCLEAR, UNTESTABLE
from companion.figures import claims as claims_figure
from companion.figures.style import PAGE

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


@pytest.fixture(scope="module")
def homes():
    """World -> its home, dataset and ledger, each made once."""
    return {}


@pytest.fixture
def world(tmp_path_factory, monkeypatch, homes):
    """A function: name of a world -> (home, dataset, ledger), with ADC_HOME set to that home."""

    def make(name: str) -> tuple[Path, str, pd.DataFrame]:
        home = homes[name][0] if name in homes else tmp_path_factory.mktemp("home")
        monkeypatch.setenv("ADC_HOME", str(home))
        if name not in homes:
            dataset = fill(home, WORLDS[name])
            homes[name] = home, dataset, claims.ledger(claims.collect(dataset, "invented"))
        return homes[name]

    return make


@pytest.mark.parametrize("name", WORLDS)
def test_a_second_route_comes_to_the_same_verdicts(world, name):
    home, dataset, ledger = world(name)
    second = again.Ledger(home, dataset, "invented", SIZES).verdicts()
    assert ledger["verdict"].to_dict() == dict(zip(ledger.index, second, strict=True))


MEASURED = [f"C{number}" for number in [*range(7, 21), *range(22, 45)]]  # what the runs decide
NEVER_IN_PART = {"C22", "C23", "C24", "C26", "C29", "C30", "C37", "C38"}  # one number, one domain


@pytest.mark.parametrize(
    ("name", "verdict"), [("as printed", HOLDS), ("opposite", FAILS), ("in part", IN_PART)]
)
def test_every_claim_can_have_every_verdict(world, name, verdict):
    decided = world(name)[2].loc[MEASURED, "verdict"]
    others = set(decided.index[decided != verdict])
    # C34 counts the sets that lie on the right side, where those of this world all do
    assert others == (NEVER_IN_PART | {"C34"} if verdict == IN_PART else set())


def test_noise_bears_out_nothing_and_refutes_nothing(world):
    decided = world("noise")[2].loc[MEASURED, "verdict"]
    others = set(decided.index[~decided.isin([UNCLEAR, NOT_RUN])])
    always = {"C7", "C8", "C9", "C10", "C11", "C14", "C24", "C26"}  # an order, a p below .05, weights near 1
    assert others >= always and len(others - always) <= 3, others  # by chance one in twenty


def test_two_levels_are_compared_on_every_seed_that_has_both(world):
    n = world("uneven")[2]["n"]
    assert n[["C25", "C27"]].eq("3 seeds").all() and n[["C18", "C28", "C35"]].eq("2 seeds").all()


def test_what_was_not_run_is_named_and_not_guessed(world):
    ledger = world("sparse")[2]
    assert set(ledger.index[ledger["verdict"] == NOT_RUN]) == set(MEASURED) - {"C23", "C39"}
    assert ledger.loc[["C23", "C39"], "verdict"].eq(UNCLEAR).all()  # one seed: no interval
    assert ledger.loc[["C1", "C2", "C3", "C21"], "verdict"].eq(UNTESTABLE).all()
    assert ledger.loc["C8", "ours"] == "not there: BPR" and "study depth" in ledger.loc["C18", "ours"]


@pytest.mark.parametrize("left", ["a", "af"])
def test_data_of_one_or_two_domains_has_a_ledger_too(tmp_path, monkeypatch, left):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    for name in set(SIZES) - set(left):
        monkeypatch.delitem(SIZES, name)
    dataset = fill(tmp_path, replace(AS_PRINTED, seeds=(0, 1), sets={}, depth=dict.fromkeys(SIZES, 3)))
    verdict = claims.ledger(claims.collect(dataset, "invented"))["verdict"]
    assert (verdict[[f"C{number}" for number in (3, 31, 32, 33, 34, 36)]] == UNTESTABLE).all()
    one = (verdict[["C18", "C22", "C23", "C24", "C28", "C29", "C30"]] == UNTESTABLE).all()
    assert one == (left == "a") and verdict["C39"] == HOLDS


def test_a_verdict_follows_from_the_numbers_in_the_json(world, tmp_path):
    for name in ("in part", "sparse"):
        files.write_json(tmp_path / "x.json", world(name)[2].to_dict("records"))
        text = (tmp_path / "x.json").read_text()
        assert "NaN" not in text
        for row in json.loads(text):
            assert getattr(verdicts, row["rule"])(**row["numbers"]) == row["verdict"]


def test_table_i_is_tested_on_the_papers_data_only(world):
    evidence = claims.collect(world("sparse")[1], "invented")
    sizes = pd.DataFrame(measures.TABLE_I, index=["users", "items", "ratings"]).T
    ratings = lambda table: type("Ratings", (), {"table": lambda self: table})()
    cases = [("amazon", sizes, HOLDS), ("amazon", sizes.replace(23009, 23010), IN_PART),
             ("amazon", sizes + 1, FAILS), ("twin", sizes, UNTESTABLE)]  # fmt: skip
    for dataset, table, verdict in cases:
        changed = replace(evidence, dataset=dataset, ratings=ratings(table))
        assert measures.table_i(changed).verdict == verdict


def test_rules_at_their_edges():
    assert [verdicts.counted(k, 6) for k in (6, 4, 3)] == [HOLDS, IN_PART, FAILS]
    cases = ((3, 1), (0, 4), (2, 1), (4, 2))
    assert [verdicts.counted(k, 6, unclear) for k, unclear in cases] == [UNCLEAR, UNCLEAR, FAILS, IN_PART]
    every, most = {"a": 1.0, "b": 1.0}, {"a": 3.0, "b": -1.0}
    cases = ((every, 0.1, 2), (most, 0.1, 2), (every, -0.1, 2), (every, None, None))
    assert [verdicts.above(*case) for case in cases] == [HOLDS, IN_PART, UNCLEAR, UNCLEAR]
    assert [verdicts.above({"a": -1.0}, -2, high) for high in (-0.1, 0.0)] == [FAILS, UNCLEAR]
    gains = ((1, 17), (4, 6), (-1, 9), (None, None), (-9, -5), (-4, 6))
    expected = [HOLDS, IN_PART, UNCLEAR, UNCLEAR, FAILS, FAILS]
    assert [verdicts.gained(*case, 8.08) for case in gains] == expected
    orders = ((6, 1.0), (0, 0.6), (5, 0.5))
    assert [verdicts.ordered(k, 6, tau) for k, tau in orders] == [HOLDS, IN_PART, FAILS]
    best = lambda levels, paper, of_all: [verdicts.best_gamma(level, paper, of_all, True) for level in levels]
    assert best((0.5, 1.5, 2.0, 3.0), 0.5, 2.0) == [HOLDS, IN_PART, FAILS, FAILS]
    assert best((2.5, 1.5, 1.0, 0.0), 2.5, 1.0) == [HOLDS, IN_PART, FAILS, FAILS]
    assert verdicts.best_gamma(0.5, 0.5, 2.0, False) == UNCLEAR
    rising = [2, 3, 3, 4]
    depths = ((rising, 0.5), ([2, 4, 3, 4], 0.1), (rising, -0.1), (rising, None), ([4, 3, 2], -1))
    deeper = [verdicts.deeper(levels, low, low and low + 0.3) for levels, low in depths]
    assert deeper == [HOLDS, IN_PART, UNCLEAR, UNCLEAR, FAILS]
    intervals = ((-9, 0.9), (-9, 1.1), (0.1, 0.9))
    assert [verdicts.saturated(low, high, 1.0) for low, high in intervals] == [HOLDS, UNCLEAR, FAILS]


def test_runs_with_other_settings_are_not_mixed_in(world):
    home, dataset, before = world("sparse")
    places = [home / place for place in pd.read_parquet(home / "data" / "results.parquet")["run"].unique()]
    for gamma in (0.0, 0.5, 1.0):  # of another budget, and fewer than those of the usual one
        settings = registry.BASE | {"gamma": gamma, "epochs": 3 + int(2 * gamma)}
        places.append(store(OPPOSITE, registry.configure("adc", dataset, **settings)))
    results.gather(places, "invented")
    after = claims.ledger(claims.collect(dataset, "invented"))
    assert after.drop(columns="numbers").equals(before.drop(columns="numbers"))


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.says)
def test_every_row_links_to_a_heading_that_is_there(claim):
    notebook, heading = claim.shown
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert heading in [line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#")]


@pytest.mark.usefixtures("style")
def test_the_ledger_as_it_is_shown(world):
    ledger = world("in part")[2]
    html = claims.ledger_table(ledger, "synthetic").to_html()
    assert all(row.ours.split(";")[0].replace("<", "&lt;") in html for row in ledger.itertuples())
    assert 'href="05_performance.ipynb#How-sure-is-that?-(R30)"' in html
    summary = claims.summary(ledger)
    assert summary.startswith("Of 38 checkable sentences of the paper: ") and "Of 6 comparisons" in summary
    assert "more than half of them" in claims.rules_table(ledger).to_html()
    figure = claims_figure.ledger(ledger, "synthetic")
    texts = [text.get_text() for text in figure.axes[0].texts]
    tiles = [text for text in texts if text.startswith("C") and "\n" in text]
    assert figure.get_figwidth() == PAGE and len(tiles) == len(ledger)
