"""Names are text: in tables, in Markdown, in figures, and on a page that was executed on nasty ones."""

import ast
import html
import json
import re
import warnings

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from conftest import ROOT
from nbconvert.filters import markdown2html

from companion import figures
from companion.escape import Table, figure, markdown

NOTEBOOKS = ROOT / "notebooks"
# the names in the first are never a reader's; in the second only a file's name is
LEFT_OUT = ("14_map.ipynb", "17_on_top.ipynb")
NAMES = [
    "<script>alert(1)</script>", "$5 to $10", "_private_", "*a* [b](c) `d`", "R&B &lt;", "图书", "🎬 {x}",
    "a|b\\c",
]  # fmt: skip
OF_DATA = {"label", "domain", "user", "newcomer", "where", "data.label(dataset)", "model.domains[0]"}


def shown(page: str) -> str:
    """What a browser would show of a page's markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", page)).strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_markdown_is_shown_as_written(name):
    for text in (f"**{markdown(name)}**, rated", f"User {markdown(name)} has: rated"):
        page = markdown2html(text)
        assert name in shown(page) and not re.search("<(script|em|a|code|i)\\b", page)
        assert not re.search(r"\$[^<]*\$", page)  # MathJax finds formulas within one element


def test_cells_heads_and_captions_of_a_table_are_shown_as_written():
    frame = pd.DataFrame({name: [name, 1.5] for name in NAMES}, index=pd.Index(NAMES[:2]))
    plain, fixed, written = (Table(frame) for _ in range(3))
    for table in (plain, fixed.format(precision=3), written.format(lambda cell: f"{cell}")):
        page = table.set_caption("; ".join(NAMES)).to_html()
        cells = re.findall(r"<(?:th|td|caption)[^>]*>(.*?)</(?:th|td|caption)>", page)
        texts = {*map(shown, cells)}
        assert {*NAMES, "; ".join(NAMES)} <= texts and "<script" not in page
        assert "mathjax_ignore" in page  # nor is a cell a formula
    bold = Table(pd.DataFrame({"a": ["<b>bold</b>"]})).format(escape=None, subset="a")
    assert "<b>bold</b>" in bold.to_html()


@pytest.mark.usefixtures("style")
def test_a_figure_shows_every_name_and_its_legend_too():
    share = pd.DataFrame(50.0, NAMES, NAMES)
    tails = pd.DataFrame({"domain": NAMES, "ratings": 1, "share": 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.style()
        for drawn in (figures.overlap(share, "; ".join(NAMES)), figures.tails(tails, tails, NAMES[1])):
            drawn.draw_without_rendering()
        plt.figure().suptitle("\U000f0000 图书")  # a letter that no font has
        plt.gcf().canvas.draw()
    (legend,) = drawn.legends
    texts = [text.get_text().replace(r"\$", "$").strip("\u200b") for text in legend.get_texts()]
    assert [text[:8] for text in texts] == [name[:8] for name in NAMES]
    assert drawn.get_suptitle().endswith(figure(NAMES[1]))
    plt.close("all")


def code():
    """(place, parsed code) of every module of the companion and every cell of a notebook."""
    for file in NOTEBOOKS.glob("companion/**/*.py"):
        yield file.name, ast.parse(file.read_text(encoding="utf-8"))
    notebooks = [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("extras/*.ipynb")]
    for file in (file for file in notebooks if file.name not in LEFT_OUT):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield file.name, ast.parse("".join(cell["source"]))


def goes_around(node: ast.AST) -> bool:
    """Whether it shows a data frame's own Styler, or a name in Markdown that is not escaped."""
    if isinstance(node, ast.Attribute) and node.attr == "style":
        return ast.unparse(node.value) not in ("figures", "plt")
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Markdown"):
        return False
    values = [part.value for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
    return any(ast.unparse(value) in OF_DATA for value in values)


def test_no_table_or_text_goes_around_it():
    assert [f"{place}: {ast.unparse(node)}" for place, tree in code()
            for node in ast.walk(tree) if goes_around(node)] == []  # fmt: skip
    assert goes_around(ast.parse('Markdown(f"**{label}**")').body[0].value)
    assert goes_around(ast.parse("table.style").body[0].value)
