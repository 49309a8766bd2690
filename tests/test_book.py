"""The site made from the committed copies, opened page by page in a browser that has no network."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
from sites import CHROMIUM, RECORD, UNTESTABLE, report, shown, visit

from companion import book
from companion.book import ledger, pages
from companion.book.pages import ROOT
from companion.claims import verdicts
from companion.claims.ledger import COLOURS


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The site with a ledger of two rows, and a report on a file of the reader's with a page beside it."""
    place = tmp_path_factory.mktemp("home")
    claims = place / "claims.json"
    claims.write_text(json.dumps([RECORD, UNTESTABLE]), encoding="utf-8")
    report(place, "15_own_ratings", "See [05](../05_performance.ipynb#x), [03](../03_train_adc.ipynb).")
    report(place, "05_performance", "## x")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADC_HOME", str(place))
        patched.setattr(ledger, "FILE", claims)
        book.build(place / "data" / "book")
    assert sorted(path.name for path in (place / "data").iterdir()) == ["book", "executed", "processed"]
    return place / "data" / "book"


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium to open the pages with")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
        context.set_default_timeout(180_000)  # other work may share the machine
        yield context
        browser.close()


@pytest.fixture(scope="module")
def visits(site, browser) -> dict[str, dict]:
    """What a browser sees of every page, by the page's place in the site."""
    return {page.relative_to(site).as_posix(): visit(browser, page, site) for page in shown(site)}


def test_every_notebook_and_document_is_there(site):
    for page in [*pages.copies(), *pages.sources(), *pages.documents()]:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").exists()
    text = (site / "docs" / "readings.html").read_text(encoding="utf-8")
    assert 'id="r1"' in text and 'id="r37"' in text
    assert [(site / "_images" / f"fig{number}.png").exists() for number in (1, 2, 3, 4)] == [True] * 4


# what it complains of, asks the network for, leaves as TeX; what is too wide for a phone or a screen, or tiny
@pytest.mark.parametrize("defect", ["errors", "outside", "untypeset", "raw", "misfit"])
def test_no_page_has_a_defect(visits, defect):
    assert {page: facts[defect] for page, facts in visits.items() if facts[defect]} == {}


def test_every_formula_is_there(visits):
    (copy,) = pages.copies("03_train_adc")
    dollars = [cell.source.count("$") for cell in nbformat.read(copy, as_version=4).cells]
    page = "notebooks/rendered/03_train_adc-movielens.html"
    assert visits[page]["formulas"] > sum(dollars) / 5  # two or four a formula


def test_every_picture_is_there(visits):
    missing = [(page, src) for page, facts in visits.items() for src, width in facts["pictures"] if not width]
    assert missing == []
    for copy in pages.copies():
        cells = nbformat.read(copy, as_version=4).cells
        outputs = [line for cell in cells for line in cell.get("outputs", [])]
        expected = sum("image/png" in line.get("data", {}) for line in outputs)
        page = copy.relative_to(ROOT).with_suffix(".html").as_posix()
        assert len(visits[page]["pictures"]) >= expected


def test_every_link_within_the_site_leads_somewhere(visits, site):
    broken = []
    for page, facts in visits.items():
        for link in facts["links"]:
            address, anchor = urldefrag(link)
            if address.startswith(site.as_uri()):
                goal = unquote(address[len(site.as_uri()) + 1 :])
                there = (site / goal).is_file()
                known = visits[goal]["anchors"] if anchor and goal in visits else [unquote(anchor)]
                if not there or unquote(anchor) not in known:
                    broken.append((page, link))
    assert broken == [] and sum(len(facts["links"]) for facts in visits.values()) > 500
    assert [page for page, facts in visits.items() if facts["nowhere"]] == []


def test_cells_of_tables_stand_apart_and_numbers_at_the_right(visits):
    tables = [table for facts in visits.values() for table in facts["tables"]]
    assert len(tables) > 50 and all(table["apart"] for table in tables)
    styled = [table for table in tables if table["numbers"]]
    assert {align for table in styled for align in table["numbers"]} == {"right"} and len(styled) > 30
    assert sum(table["fixed"] == "sticky" for table in styled) > 30


def test_code_is_folded_and_a_button_opens_all_of_it(site, browser):
    page = browser.new_page()
    page.goto((site / "notebooks/rendered/05_performance-movielens.html").as_uri())
    folded = page.locator("details.hide")
    assert folded.count() > 10 and page.locator("details.hide[open]").count() == 0
    page.click("text=Show all code")
    assert page.locator("details.hide[open]").count() == folded.count()
    page.click("text=Fold all code")
    assert page.locator("details.hide[open]").count() == 0
    page.close()


def test_both_themes_are_legible(visits):
    for facts in visits.values():
        for theme in ("light", "dark"):
            name, ground, ink = facts[theme]
            assert name == theme and abs(brightness(ground) - brightness(ink)) > 120
        assert brightness(facts["light"][1]) > 200 and brightness(facts["dark"][1]) < 60


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def test_search_finds_a_method_and_a_claim_and_shows_where(site, browser):
    page, complaints = browser.new_page(), []
    page.on("console", lambda line: line.type == "error" and complaints.append(line.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for words, snippet in (("SCoNet", "SCoNet"), ("SCoNet is second best", "second best")):
        page.goto(f"{(site / 'search.html').as_uri()}?q={words}")
        page.locator("#search-results li p.context", has_text=snippet).first.wait_for()
        page.locator("#search-results li", has_text="09 · The claims").first.wait_for()  # one after another
    page.close()
    assert complaints == []


def test_the_ledger_answers(site, browser):
    page = browser.new_page()
    page.goto((site / "ledger.html").as_uri())
    rows, left = page.locator(".ledger tbody tr:visible"), page.locator(".filters output")
    assert rows.count() == 2 and "<script>" in rows.first.inner_text() and page.title() != "x"
    rows.first.locator("summary").click()
    text = rows.first.inner_text()
    assert "difference +0.0100, from -0.0100 to +0.0300" in text and "3 more seeds" in text
    assert "adc-2" in text and "adc-2" in rows.first.locator("summary").get_attribute("title")
    for name, value in (("dataset", "InstEval"), ("theme", "The data"), ("verdict", verdicts.UNTESTABLE)):
        page.select_option(f"[data-filter={name}]", value)
        assert rows.count() == 1 and "six domains" in rows.inner_text() and left.inner_text() == "1 of 2 rows"
        page.select_option(f"[data-filter={name}]", "")
    page.fill("[data-filter=words]", "BALANCED movielens")
    assert rows.count() == 1 and "balanced" in rows.inner_text()
    page.close()


def test_a_reading_opens_in_its_place(site, browser):
    page = browser.new_page()
    page.goto((site / "notebooks/rendered/05_performance-movielens.html").as_uri())
    reading = page.locator("a.mention[title]", has_text="R24").first
    assert "above her average ratings" in reading.get_attribute("title")
    reading.click()
    assert "strictly above the mean" in page.locator(".reading").inner_text()
    reading.click()
    assert page.locator(".reading").count() == 0
    page.close()


def test_a_readers_own_pages_are_in_the_site(site):
    text = (site / "own/tea-12/15_own_ratings.html").read_text(encoding="utf-8")
    assert "Your ratings: own file tea_and_&lt;b&gt;cups.csv" in text and "<b>cups" not in text
    assert 'href="05_performance.html"' in text
    assert 'href="../../notebooks/rendered/03_train_adc-movielens.html"' in text
    assert "Report: tea_and_&lt;b&gt;cups" in (site / "index.html").read_text(encoding="utf-8")


def test_titles_tell_real_from_synthetic(site):
    for copy in pages.copies():
        text = (site / copy.relative_to(ROOT)).with_suffix(".html").read_text(encoding="utf-8")
        what = pages.kind(copy)
        assert re.search(rf"<title>[^<]*, {what}\)", text)
        assert f"{what.capitalize()} ratings: {pages.stamp(copy)['data']}" in text


def test_every_verdict_has_its_colour(visits):
    rgb = {verdict: bytes.fromhex(colour[1:]) for verdict, colour in COLOURS.items()}
    drawn = [cell for facts in visits.values() for cell in facts["verdicts"]]
    assert {text.strip() for text, _ in drawn} <= {*verdicts.VERDICTS} and len(drawn) > 30
    wrong = [(text, drawn) for text, drawn in drawn if drawn != "rgb({}, {}, {})".format(*rgb[text.strip()])]
    assert wrong == []
