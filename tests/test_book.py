"""The site made from the committed copies, opened page by page in a browser that has no network."""

import base64
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest

from adc import claims
from adc.claims import verdicts
from adc.errors import UserError
from workflow import NOTEBOOKS, ROOT, book, options, pages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = 390  # pixels
LOOK = """() => {
    const article = document.querySelector("main").cloneNode(true);
    const formulas = [...document.querySelectorAll("main .math")];
    const untypeset = formulas.filter(f => !f.querySelector("mjx-container") || f.querySelector("mjx-merror")).map(f => f.textContent);
    article.querySelectorAll("pre, code, .math, script, style").forEach(part => part.remove());
    return {
        formulas: formulas.length, untypeset,
        raw: article.textContent.match(/\\$\\$|\\\\[(\\[]|\\\\[a-z]+\\{/g) ?? [],
        pictures: [...document.images].map(i => [i.src.slice(0, 99), i.naturalWidth]),
        links: [...document.querySelectorAll("a[href]")].map(a => a.href),
        anchors: [...document.querySelectorAll("[id]")].map(e => e.id),
        verdicts: [...document.querySelectorAll("td.verdict")].map(e => [e.textContent, getComputedStyle(e).backgroundColor]),
    };
}"""
COLOURS = """() => [document.documentElement.dataset.theme, ...["backgroundColor", "color"].map(
    what => getComputedStyle((what == "color" && document.querySelector("main p")) || document.body)[what])]"""
WIDTHS = """() => [...new Set([document.documentElement, document.body, ...document.querySelectorAll("main, article")].map(
    part => part.scrollWidth))].filter(width => width > window.innerWidth)"""


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADC_HOME", str(place))
        book.build(place / "data" / "book")
    return place / "data" / "book"


@pytest.fixture(scope="session")
def seen(site) -> dict[str, dict]:
    """What a browser sees of every page, by the page's place in the site."""
    if not CHROMIUM:
        pytest.skip("no Chromium to open the pages with")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
        context.set_default_timeout(180_000)  # other work may share the machine
        try:
            return {page.relative_to(site).as_posix(): visit(context, page, site) for page in shown(site)}
        finally:
            browser.close()


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
    found["light"] = page.evaluate(COLOURS)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    found["dark"] = page.evaluate(COLOURS)
    page.set_viewport_size({"width": PHONE, "height": 844})
    found["wide"] = page.evaluate(WIDTHS)
    page.close()
    return found


def test_every_notebook_and_document_is_there(site):
    for page in [*pages.copies(), *pages.sources(), *pages.documents()]:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").exists()
    text = (site / "readme" / "readings.html").read_text(encoding="utf-8")
    assert 'id="r1"' in text and 'id="r37"' in text


def test_no_page_complains_or_asks_for_the_network(seen):
    assert {page: found["errors"] + found["outside"] for page, found in seen.items() if found["errors"] + found["outside"]} == {}


def test_every_formula_is_typeset(seen):
    assert {page: found["untypeset"] + found["raw"] for page, found in seen.items() if found["untypeset"] + found["raw"]} == {}
    dollars = [cell.source.count("$") for cell in nbformat.read(pages.copies("03_train_adc")[0], as_version=4).cells]
    assert seen["notebooks/rendered/03_train_adc-movielens.html"]["formulas"] > sum(dollars) / 5  # two or four a formula


def test_every_picture_is_there(seen):
    assert [(page, src) for page, found in seen.items() for src, width in found["pictures"] if not width] == []
    for copy in pages.copies():
        outputs = [output for cell in nbformat.read(copy, as_version=4).cells for output in cell.get("outputs", [])]
        expected = sum("image/png" in output.get("data", {}) for output in outputs)
        assert len(seen[copy.relative_to(ROOT).with_suffix(".html").as_posix()]["pictures"]) >= expected


def test_every_link_within_the_site_leads_somewhere(seen, site):
    broken = []
    for page, found in seen.items():
        for link in found["links"]:
            address, anchor = urldefrag(link)
            if address.startswith(site.as_uri()):
                goal = unquote(address[len(site.as_uri()) + 1 :])
                if not (site / goal).is_file() or (anchor and unquote(anchor) not in seen[goal]["anchors"]):
                    broken.append((page, link))
    assert broken == [] and sum(len(found["links"]) for found in seen.values()) > 500


def test_no_page_is_wider_than_a_phone(seen):
    assert {page: found["wide"] for page, found in seen.items() if found["wide"]} == {}


def test_both_themes_are_legible(seen):
    for found in seen.values():
        for theme in ("light", "dark"):
            name, ground, ink = found[theme]
            assert name == theme and abs(brightness(ground) - brightness(ink)) > 120
        assert brightness(found["light"][1]) > 200 and brightness(found["dark"][1]) < 60


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def test_titles_and_menu_tell_real_from_synthetic(site):
    for copy in pages.copies():
        text = (site / copy.relative_to(ROOT)).with_suffix(".html").read_text(encoding="utf-8")
        what = pages.kind(copy)
        assert re.search(rf"<title>[^<]*, {what}\)", text) and f"{what.capitalize()} ratings: {pages.stamp(copy)['data']}" in text
    cover = (site / "index.html").read_text(encoding="utf-8")
    named = {f"05 · Performance ({pages.shown(copy)})" for copy in pages.copies("05_performance")}
    assert len(named) == len(pages.copies("05_performance")) > 1 and [name for name in named if name not in cover] == []


def test_the_cover_holds_the_ledger_as_the_readme_has_it(site):
    cover = re.sub(r"<[^>]+>|\s+", " ", (site / "index.html").read_text(encoding="utf-8"))
    block = (ROOT / "README.md").read_text(encoding="utf-8").partition("**The paper's claims.**")[2].partition("<!-- end")[0]
    numbers = re.findall(r"[-+]\d\.\d{4} ± \d\.\d{4}", block)
    assert len(numbers) > 10 and [number for number in numbers if number not in cover] == []


def test_every_verdict_of_the_ledger_has_its_colour(site, seen):
    cover = (site / "index.html").read_text(encoding="utf-8")
    bars = re.findall(r"Of (\d+) checkable sentences.*?</p>\s*(<div class=\"bar\">.*?</div>)", cover, re.S)
    assert len(bars) == 2 and all(sum(map(int, re.findall(r">(\d+)</span>", bar))) == int(of) for of, bar in bars)
    cells = re.findall(r"<td([^>]*)><p>([^<]*)</p></td>", cover)
    told = [where for where, text in cells if text in verdicts.VERDICTS]
    assert len(told) > 30 and all("verdict-" in where for where in told)
    colours = {verdict: "rgb({}, {}, {})".format(*bytes.fromhex(colour[1:])) for verdict, colour in claims.COLOURS.items()}
    drawn = [cell for page in seen.values() for cell in page["verdicts"]]
    assert len(drawn) > 60 and [(text, colour) for text, colour in drawn if colour != colours[text.strip()]] == []


# Figures of the cover, and slips



@pytest.fixture
def drawn(tmp_path, monkeypatch) -> Path:
    """Copies of 05, one of each kind of data, in which Fig. 2 is the second picture."""
    monkeypatch.setattr(pages, "RENDERED", tmp_path)
    for name, data in (("twin", "synthetic twin"), ("a-real", "real ratings")):
        picture = lambda text: [nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(text.encode()).decode()})]
        cells = [
            nbformat.v4.new_code_cell("a", outputs=picture("another")),
            nbformat.v4.new_markdown_cell("## Fig. 2: recall\n\nText."),
            nbformat.v4.new_code_cell("b", outputs=picture(f"of {data}")),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"adc": {"data": data}})
        nbformat.write(notebook, tmp_path / f"05_performance-{name}.ipynb")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    return tmp_path


def test_a_figure_is_the_picture_below_its_heading_and_of_real_ratings_first(drawn):
    told = pages._figure(2, drawn)
    assert (drawn / "fig2.png").read_text() == "of real ratings" and "real ratings" in told and "#fig-2-recall" in told
    assert "none of the executed copies" in pages._figure(3, drawn) and not (drawn / "fig3.png").exists()


@pytest.mark.parametrize("word", ["--data=twin", "--profile=smoke", "--dry-run"])
def test_book_takes_no_options(word):
    with pytest.raises(UserError, match="takes no options"):
        book.make(options.parse(["book", word]))


def test_a_defect_leaves_the_former_site_alone(site, tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    target = tmp_path / "data" / "book"
    target.mkdir(parents=True)
    (target / "index.html").write_text("former")
    (target.parent / ".book.0.partial").mkdir()
    monkeypatch.setattr(pages, "gather", lambda place: (place.mkdir(), (place / "index.md").write_text("# A\n\n[b](c.md)\n")))
    with pytest.raises(UserError, match="index.md:3.*c.md"):
        book.build(target)
    assert (target / "index.html").read_text() == "former"
    assert [path.name for path in target.parent.iterdir() if path.name != ".workflow"] == ["book"]


# The same files on a code host

HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK = re.compile(r"""\]\(([^)\s]+)\)|href="([^"]+)\"""")


def texts(page: Path) -> list[str]:
    if page.suffix == ".md":
        return [page.read_text(encoding="utf-8")]
    cells = nbformat.read(page, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [cell.source for cell in cells if cell.cell_type == "markdown"] + [o[f] for o in outputs for f in ("text/markdown", "text/html") if f in o]


ALL = [ROOT / "README.md", *pages.documents(), *NOTEBOOKS.glob("*.ipynb"), *pages.copies()]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_files_hold(page):
    broken = []
    for link in {a or b for text in texts(page) for a, b in LINK.findall(text)}:
        address, _, anchor = link.partition("#")
        goal = page.parent / address if address else page
        if ":" in address:
            continue
        headings = [slug for text in texts(goal) for slug in map(pages.slug, HEADING.findall(text))] if goal.suffix in (".md", ".ipynb") else []
        if not goal.exists() or (anchor and pages.slug(anchor) not in headings):
            broken.append(link)
    assert broken == []
