"""What becomes pages of the site, before a browser sees them; and the same files on a code host."""

import base64
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from adc.errors import UserError
from companion import book
from companion.book import cover, links, notebook, pages
from companion.book.pages import ROOT
from companion.execute import notebooks


def test_a_styled_table_has_the_class_of_the_others():
    assert notebook.framed('<table id="T_a">') == '<table id="T_a" class="dataframe ">'
    both = notebook.framed('<table id="T_a" class="mathjax_ignore">')
    assert both == '<table id="T_a" class="dataframe mathjax_ignore">'
    assert notebook.framed("<p>no table</p>") == "<p>no table</p>"


def test_the_menu_has_a_notebook_once_with_its_data_within():
    menu = cover.menu()
    assert [*menu] == ["The paper", "Beyond it", "Your data", "For developers"]
    entries = [entry for part in menu.values() for entry in part]
    for name in notebooks():
        assert sum(f"/{name}" in entry for entry in entries) == 1, name
    assert "05 · Performance <notebooks/rendered/05_performance-movielens.ipynb>" in menu["The paper"]
    assert "docs/own_ratings.md" in menu["Your data"] and "CONTRIBUTING.md" in menu["For developers"]
    first, *others = pages.copies("05_performance")
    text = notebook.page(first, Path()).cells[-1].source
    assert all(other.stem in text for other in others) and "toctree" in text


@pytest.fixture
def drawn(tmp_path, monkeypatch) -> Path:
    """Copies of 05, one of each kind of data, in which Fig. 2 is the second picture."""
    monkeypatch.setattr(pages, "RENDERED", tmp_path)
    for name, data in (("twin", "synthetic twin"), ("a-real", "real ratings")):
        png = [base64.b64encode(text.encode()).decode() for text in ("another", f"of {data}")]
        first, second = ([nbformat.v4.new_output("display_data", {"image/png": text})] for text in png)
        cells = [
            nbformat.v4.new_code_cell("a", outputs=first),
            nbformat.v4.new_markdown_cell("## Fig. 2: recall\n\nText."),
            nbformat.v4.new_code_cell("b", outputs=second),
        ]
        drawing = nbformat.v4.new_notebook(cells=cells, metadata={"adc": {"data": data}})
        nbformat.write(drawing, tmp_path / f"05_performance-{name}.ipynb")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    return tmp_path


def test_a_figure_is_the_picture_below_its_heading_and_of_real_ratings_first(drawn):
    message = cover.figure(2, drawn)
    assert (drawn / "fig2.png").read_text() == "of real ratings"
    assert "real ratings" in message and "#fig-2-recall" in message
    assert "none of the executed copies" in cover.figure(3, drawn) and not (drawn / "fig3.png").exists()


def test_a_defect_leaves_the_former_site_alone(tmp_path, monkeypatch):
    target = tmp_path / "data" / "book"
    target.mkdir(parents=True)
    (target / "index.html").write_text("former")
    page = "# A\n\n[b](c.md)\n"
    monkeypatch.setattr(book, "gather", lambda place: (place.mkdir(), (place / "index.md").write_text(page)))
    with pytest.raises(UserError, match="index.md:3.*c.md"):
        book.build(target)
    assert (target / "index.html").read_text() == "former" and len([*target.parent.iterdir()]) == 1


HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK = re.compile(r"""\]\(([^)\s]+)\)|href="([^"]+)\"""")


@cache
def texts(page: Path) -> list[str]:
    if page.suffix == ".md":
        return [page.read_text(encoding="utf-8")]
    result = []
    for cell in nbformat.read(page, as_version=4).cells:
        result += [cell.source] if cell.cell_type == "markdown" else []
        for output in cell.get("outputs", []):
            forms = {"text/markdown", "text/html"} & {*output.get("data", {})}
            result += [output["data"][form] for form in forms]
    return result


def headings(page: Path) -> set[str]:
    return {links.slug(result) for text in texts(page) for result in HEADING.findall(text)}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *pages.documents(), *notebooks().values(), *pages.copies()],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)  # fmt: skip
def test_links_between_files_hold(page):
    broken = []
    for link in {a or b for text in texts(page) for a, b in LINK.findall(text)}:
        address, _, anchor = link.partition("#")
        goal = page.parent / address if address else page
        named = anchor and goal.suffix in (".md", ".ipynb")
        lost = named and goal.exists() and links.slug(anchor) not in headings(goal.resolve())
        if ":" not in address and (lost or not goal.exists()):
            broken.append(link)
    assert broken == []
