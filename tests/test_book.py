"""The site made from the committed copies, opened page by page in a browser that has no network."""

import base64
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest

from adc.errors import UserError
from companion import book
from companion.book import ROOT
from companion.claims import verdicts
from companion.claims.ledger import COLOURS
from companion.execute import notebooks

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = 390  # pixels
LOOK = """() => {
    const article = document.querySelector("main").cloneNode(true);
    const formulas = [...document.querySelectorAll("main .math")];
    const bare = f => !f.querySelector("mjx-container") || f.querySelector("mjx-merror");
    article.querySelectorAll("pre, code, .math, script, style").forEach(part => part.remove());
    return {
        formulas: formulas.length, untypeset: formulas.filter(bare).map(f => f.textContent),
        raw: article.textContent.match(/\\$\\$|\\\\[(\\[]|\\\\[a-z]+\\{/g) ?? [],
        pictures: [...document.images].map(i => [i.src.slice(0, 99), i.naturalWidth]),
        links: [...document.querySelectorAll("a[href]")].map(a => a.href),
        anchors: [...document.querySelectorAll("[id]")].map(e => e.id),
        verdicts: [...document.querySelectorAll("td.verdict")].map(
            e => [e.textContent, getComputedStyle(e).backgroundColor]),
    };
}"""
THEME = """() => {
    const text = document.querySelector("main p") || document.body;
    return [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor,
            getComputedStyle(text).color];
}"""
FIT = """() => {
    const parts = [document.documentElement, document.body, ...document.querySelectorAll("main, article")];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), small = new Set();
    while (texts.nextNode()) {
        const [text, part] = [texts.currentNode.data.trim(), texts.currentNode.parentElement];
        const size = parseFloat(getComputedStyle(part).fontSize);
        const typeset = part.closest("mjx-container, script, style");
        if (text && size < 12 && !typeset && part.checkVisibility()) small.add(`${size} ${text}`);
    }
    const wide = parts.map(part => part.scrollWidth).filter(width => width > window.innerWidth);
    return [...wide, ...small];
}"""
TABLES = """() => [...document.querySelectorAll("table.dataframe tbody tr:first-child")].map(row => {
    const cells = [...row.querySelectorAll("th, td")].map(cell => [cell, getComputedStyle(cell)]);
    return {
        apart: cells.every(([_, style]) => parseFloat(style.paddingLeft) >= 4),
        numbers: cells.filter(([cell]) => /^[-\\d.]+( ± [\\d.]+)?$/.test(cell.textContent.trim()))
            .map(([_, style]) => style.textAlign),
        fixed: cells[0][1].position,
    };
})"""


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADC_HOME", str(place))
        book.build(place / "data" / "book")
    return place / "data" / "book"


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def seen(site, browser) -> dict[str, dict]:
    """What a browser sees of every page, by the page's place in the site."""
    return {page.relative_to(site).as_posix(): visit(browser, page, site) for page in shown(site)}


def shown(site: Path) -> list[Path]:
    return [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]


def visit(context, path: Path, site: Path) -> dict:
    page, found = context.new_page(), {"errors": [], "outside": []}
    page.on("console", lambda said: said.type in ("error", "warning") and found["errors"].append(said.text))
    page.on("pageerror", lambda error: found["errors"].append(str(error)))
    page.on("requestfailed", lambda request: found["errors"].append(f"not loaded: {request.url}"))

    def within(route):
        inside = route.request.url.startswith((site.as_uri(), "data:"))
        found["outside"] += [] if inside else [route.request.url]
        route.continue_() if inside else route.abort()

    page.route("**/*", within)
    page.goto(path.as_uri())
    page.evaluate("() => window.MathJax?.startup?.promise")
    found |= page.evaluate(LOOK)
    found["light"], found["misfit"], found["tables"] = map(page.evaluate, (THEME, FIT, TABLES))
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    found["dark"] = page.evaluate(THEME)
    page.set_viewport_size({"width": PHONE, "height": 844})
    found["misfit"] += page.evaluate(FIT)
    page.close()
    return found


def defects(seen: dict[str, dict], *kinds: str) -> dict[str, list]:
    told = {page: [found[kind] for kind in kinds if found[kind]] for page, found in seen.items()}
    return {page: words for page, words in told.items() if words}


def test_every_notebook_and_document_is_there(site):
    for page in [*book.copies(), *book.sources(), *book.documents()]:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").exists()
    text = (site / "docs" / "readings.html").read_text(encoding="utf-8")
    assert 'id="r1"' in text and 'id="r37"' in text
    assert [(site / "_images" / f"fig{number}.png").exists() for number in (1, 2, 3, 4)] == [True] * 4


def test_no_page_complains_or_asks_for_the_network(seen):
    assert defects(seen, "errors", "outside") == {}


def test_every_formula_is_typeset(seen):
    assert defects(seen, "untypeset", "raw") == {}
    (copy,) = book.copies("03_train_adc")
    dollars = [cell.source.count("$") for cell in nbformat.read(copy, as_version=4).cells]
    page = "notebooks/rendered/03_train_adc-movielens.html"
    assert seen[page]["formulas"] > sum(dollars) / 5  # two or four a formula


def test_every_picture_is_there(seen):
    missing = [(page, src) for page, found in seen.items() for src, width in found["pictures"] if not width]
    assert missing == []
    for copy in book.copies():
        cells = nbformat.read(copy, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        expected = sum("image/png" in output.get("data", {}) for output in outputs)
        page = copy.relative_to(ROOT).with_suffix(".html").as_posix()
        assert len(seen[page]["pictures"]) >= expected


def test_every_link_within_the_site_leads_somewhere(seen, site):
    broken = []
    for page, found in seen.items():
        for link in found["links"]:
            address, anchor = urldefrag(link)
            if address.startswith(site.as_uri()):
                goal = unquote(address[len(site.as_uri()) + 1 :])
                there = (site / goal).is_file()
                if not there or (anchor and goal in seen and unquote(anchor) not in seen[goal]["anchors"]):
                    broken.append((page, link))
    assert broken == [] and sum(len(found["links"]) for found in seen.values()) > 500


def test_pages_fit_a_phone_and_a_screen_and_no_letters_are_tiny(seen):
    assert defects(seen, "misfit") == {}


def test_cells_of_tables_stand_apart_and_numbers_at_the_right(seen):
    tables = [table for found in seen.values() for table in found["tables"]]
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


def test_a_column_is_of_numbers_only_if_all_its_cells_are():
    cell = '<td id="r{0}_c{1}" class="data row{0} col{1}" >{2}</td>'.format
    cells = (
        cell(0, 1, "0.1 ± 0.02")
        + cell(1, 1, "&lt; .0001".replace("&lt;", "<"))
        + cell(0, 2, "1")
        + cell(1, 2, "one")
    )
    html = book.aligned(f'<table id="T_a"><th class="col_heading level0 col1" >n</th>{cells}</table>')
    assert html.count('col1 number"') == 3 and 'col2 number"' not in html and 'class="dataframe"' in html
    assert book.aligned("<p>no table</p>") == "<p>no table</p>"


def test_both_themes_are_legible(seen):
    for found in seen.values():
        for theme in ("light", "dark"):
            name, ground, ink = found[theme]
            assert name == theme and abs(brightness(ground) - brightness(ink)) > 120
        assert brightness(found["light"][1]) > 200 and brightness(found["dark"][1]) < 60


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def test_titles_tell_real_from_synthetic(site):
    for copy in book.copies():
        text = (site / copy.relative_to(ROOT)).with_suffix(".html").read_text(encoding="utf-8")
        what = book.kind(copy)
        assert re.search(rf"<title>[^<]*, {what}\)", text)
        assert f"{what.capitalize()} ratings: {book.stamp(copy)['data']}" in text


def test_every_verdict_has_its_colour(seen):
    rgb = {verdict: bytes.fromhex(colour[1:]) for verdict, colour in COLOURS.items()}
    drawn = [cell for found in seen.values() for cell in found["verdicts"]]
    assert {text.strip() for text, _ in drawn} <= {*verdicts.VERDICTS} and len(drawn) > 30
    wrong = [(text, drawn) for text, drawn in drawn if drawn != "rgb({}, {}, {})".format(*rgb[text.strip()])]
    assert wrong == []


# Figures of the first page, and slips


@pytest.fixture
def drawn(tmp_path, monkeypatch) -> Path:
    """Copies of 05, one of each kind of data, in which Fig. 2 is the second picture."""
    monkeypatch.setattr(book, "RENDERED", tmp_path)
    for name, data in (("twin", "synthetic twin"), ("a-real", "real ratings")):
        png = [base64.b64encode(text.encode()).decode() for text in ("another", f"of {data}")]
        first, second = ([nbformat.v4.new_output("display_data", {"image/png": text})] for text in png)
        cells = [
            nbformat.v4.new_code_cell("a", outputs=first),
            nbformat.v4.new_markdown_cell("## Fig. 2: recall\n\nText."),
            nbformat.v4.new_code_cell("b", outputs=second),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"adc": {"data": data}})
        nbformat.write(notebook, tmp_path / f"05_performance-{name}.ipynb")
    monkeypatch.setattr(book, "ROOT", tmp_path)
    return tmp_path


def test_a_figure_is_the_picture_below_its_heading_and_of_real_ratings_first(drawn):
    told = book.figure(2, drawn)
    assert (drawn / "fig2.png").read_text() == "of real ratings"
    assert "real ratings" in told and "#fig-2-recall" in told
    assert "none of the executed copies" in book.figure(3, drawn) and not (drawn / "fig3.png").exists()


def test_a_defect_leaves_the_former_site_alone(site, tmp_path, monkeypatch):
    target = tmp_path / "data" / "book"
    target.mkdir(parents=True)
    (target / "index.html").write_text("former")
    page = "# A\n\n[b](c.md)\n"
    monkeypatch.setattr(book, "gather", lambda place: (place.mkdir(), (place / "index.md").write_text(page)))
    with pytest.raises(UserError, match="index.md:3.*c.md"):
        book.build(target)
    assert (target / "index.html").read_text() == "former" and len([*target.parent.iterdir()]) == 1


# The same files on a code host

HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK = re.compile(r"""\]\(([^)\s]+)\)|href="([^"]+)\"""")


def texts(page: Path) -> list[str]:
    if page.suffix == ".md":
        return [page.read_text(encoding="utf-8")]
    found = []
    for cell in nbformat.read(page, as_version=4).cells:
        found += [cell.source] if cell.cell_type == "markdown" else []
        for output in cell.get("outputs", []):
            forms = {"text/markdown", "text/html"} & {*output.get("data", {})}
            found += [output["data"][form] for form in forms]
    return found


def headings(page: Path) -> set[str]:
    return {book.slug(found) for text in texts(page) for found in HEADING.findall(text)}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *book.documents(), *notebooks().values(), *book.copies()],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)  # fmt: skip
def test_links_between_files_hold(page):
    broken = []
    for link in {a or b for text in texts(page) for a, b in LINK.findall(text)}:
        address, _, anchor = link.partition("#")
        goal = page.parent / address if address else page
        named = anchor and goal.suffix in (".md", ".ipynb")
        if ":" not in address and (not goal.exists() or (named and book.slug(anchor) not in headings(goal))):
            broken.append(link)
    assert broken == []
