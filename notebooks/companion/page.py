"""An executed notebook as one HTML file that needs no network and no script: its formulas are MathML."""

import re
from html import escape

from nbformat import NotebookNode

BARE = """{% extends "lab/index.html.j2" %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block extra_css %}
<style>
  .jp-OutputArea-output, .jp-RenderedMarkdown { overflow-x: auto }
  .jp-RenderedHTMLCommon table { font-size: max(12px, 0.9em) }
  .jp-RenderedHTMLCommon .highlight pre { font: var(--jp-code-font-size) / 1.4 var(--jp-code-font-family) }
  math[display="block"] { margin: 1em 0 }
</style>
{% endblock %}"""
CODE_OR_MATH = re.compile(
    r"(?P<code>(`+)(?!`).+?(?<!`)\2(?!`))|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\s][^$]*?)\$", re.DOTALL
)
# what docutils does not know -> what it shows much like it
TEX = {r"\\dots\b": r"\\ldots", r"\\Big\b": "", r"\\tag\{(.*?)\}": r"\\qquad(\1)"}
PLACE = re.compile("\ue000(\\d+)\ue001(?![^<>]*>)")  # of a formula, while Markdown becomes HTML; not in a tag


def html(notebook: NotebookNode) -> str:
    """The page; of a report, whose cells have the tag `remove-input`, without code."""
    from nbconvert import HTMLExporter

    bare = any("remove-input" in cell.metadata.get("tags", []) for cell in notebook.cells)
    hide = {"exclude_input": bare, "exclude_input_prompt": bare, "exclude_output_prompt": bare}
    formulas = []
    cells = [_apart(cell, formulas) for cell in notebook.cells]
    exporter = HTMLExporter(embed_images=True, raw_template=BARE, **hide)
    text, _ = exporter.from_notebook_node(NotebookNode(notebook | {"cells": cells}))
    return PLACE.sub(lambda match: formulas[int(match[1])], text)


def formula(tex: str, block: bool) -> str:
    """A formula as MathML; what cannot be typeset stays TeX."""
    from docutils.utils.math import MathError
    from docutils.utils.math.latex2mathml import tex2mathml

    known = tex
    for pattern, replacement in TEX.items():
        known = re.sub(pattern, replacement, known)
    try:
        return tex2mathml(known, as_block=block)
    except MathError:
        return f"<code>{escape(tex)}</code>"


def _apart(cell: NotebookNode, formulas: list[str]) -> NotebookNode:
    """A cell with places for the formulas of its text or of Markdown that it printed: they go on the list."""

    def replace(match: re.Match) -> str:
        if match["code"]:
            return match[0]
        formulas.append(formula(match["block"] or match["inline"], bool(match["block"])))
        return f"\ue000{len(formulas) - 1}\ue001"

    if cell.cell_type == "markdown":
        return NotebookNode(cell | {"source": CODE_OR_MATH.sub(replace, cell.source)})
    outputs = []
    for output in cell.get("outputs", []):
        if text := output.get("data", {}).get("text/markdown"):
            data = output.data | {"text/markdown": CODE_OR_MATH.sub(replace, text)}
            output = NotebookNode(output | {"data": data})
        outputs.append(output)
    return NotebookNode(cell | {"outputs": outputs}) if "outputs" in cell else cell
