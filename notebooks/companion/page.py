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
# what docutils does not know -> what it shows much like it
TEX = {r"\\dots\b": r"\\ldots", r"\\Big\b": "", r"\\tag\{(.*?)\}": r"\\qquad(\1)"}


def html(notebook: NotebookNode) -> str:
    """The page; of a report, whose cells have the tag `remove-input`, without code."""
    from nbconvert import HTMLExporter

    bare = any("remove-input" in cell.metadata.get("tags", []) for cell in notebook.cells)
    hide = {"exclude_input": bare, "exclude_input_prompt": bare, "exclude_output_prompt": bare}
    exporter = HTMLExporter(
        embed_images=True, raw_template=BARE, filters={"markdown2html": markdown_to_html}, **hide
    )
    return exporter.from_notebook_node(notebook)[0]


def markdown_to_html(source: str) -> str:
    """Markdown with its formulas as MathML; a dollar beside a blank, as of a price, begins and ends none."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return formula(body, block=True)

        def inline_math(self, body: str) -> str:
            return formula(body, block=False) if body == body.strip() else f"${escape(body)}$"

    return MarkdownWithMath(renderer=Renderer(escape=False, embed_images=True)).render(source)


def formula(tex: str, block: bool) -> str:
    """A formula as MathML, for HTML without a namespace; what cannot be typeset stays TeX."""
    from docutils.utils.math import MathError
    from docutils.utils.math.latex2mathml import tex2mathml

    known = tex
    for pattern, replacement in TEX.items():
        known = re.sub(pattern, replacement, known)
    try:
        return tex2mathml(known, as_block=block).replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
    except MathError:
        return f"<code>{escape(tex)}</code>"
