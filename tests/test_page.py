"""An executed notebook as one file: it asks for nothing, and every formula of the project is typeset."""

import re

import nbformat
import pytest

from companion import execute, page

EQ_3 = r"$$L = \sum_{k=1}^p w_k L_k^* \tag{3}$$"
MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$\s][^$]*?)\$", re.DOTALL)


@pytest.fixture(scope="module")
def text() -> str:
    printed = nbformat.v4.new_output("display_data", {"text/markdown": r"of $\gamma$", "text/plain": "x"})
    cells = [
        nbformat.v4.new_markdown_cell(f"# A\n\n{EQ_3}\n\n`$HOME` *and* $u_a$ $v_b$"),
        nbformat.v4.new_code_cell("print(1)", outputs=[printed]),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    before = nbformat.writes(notebook)
    text = page.html(notebook)
    assert nbformat.writes(notebook) == before
    return text


def test_a_page_asks_for_nothing(text):
    assert not re.findall(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=.?https?:", text)
    assert "import(" not in text and "<script" not in text


def test_formulas_are_mathml_and_code_is_code(text):
    assert text.count("<math") == 4 and 'display="block"' in text and "<mi>γ</mi>" in text
    assert "<code>$HOME</code>" in text and "<em>and</em>" in text and "$u_a$" not in text


@pytest.mark.parametrize("path", execute.notebooks().values(), ids=lambda path: path.stem)
def test_every_formula_of_a_notebook_can_be_typeset(path):
    cells = [cell["source"] for cell in execute.cells(path) if cell["cell_type"] == "markdown"]
    for source in cells:
        for block, inline in MATH.findall(re.sub(r"`[^`]+`", "", source)):
            assert "<math" in page.formula(block or inline, bool(block)), block or inline


def test_what_cannot_be_typeset_stays_as_it_was_written():
    assert page.formula(r"\unheard{<b>}", False) == r"<code>\unheard{&lt;b&gt;}</code>"
    cells = [nbformat.v4.new_markdown_cell("# Of $x$\n\n5 $ and 6 $")]
    text = page.html(nbformat.v4.new_notebook(cells=cells))
    assert "5 $ and 6 $" in text and text.count("<math") == 1


@pytest.mark.parametrize("tag", ["parameters", "remove-input"])
def test_a_report_shows_no_code(tag):
    cells = [nbformat.v4.new_code_cell("secret = 1", metadata={"tags": [tag]})]
    assert ("secret" in page.html(nbformat.v4.new_notebook(cells=cells))) == (tag == "parameters")


def test_given_values_stand_in_the_notebooks_own_cell():
    own = 'dataset = "movielens"\nseeds = [\n    0,\n]\nprofile = "any"  # or quick\n'
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(own, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("# Parameters\nseeds = [1, 2]\nprofile = \"quick\"\n",
                                  metadata={"tags": ["injected-parameters"]}),
        nbformat.v4.new_code_cell("print(seeds)"),
    ])  # fmt: skip
    first, second = execute.with_values(notebook).cells
    assert first.source == 'dataset = "movielens"\nseeds = [1, 2]\nprofile = "quick"  # or quick\n'
    assert second.source == "print(seeds)" and execute.with_values(notebook) is notebook
