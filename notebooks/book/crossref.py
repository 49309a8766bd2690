"""On every page a reading's id (R7) leads to its row in the README's table, a notebook's name (`05_performance`) to its page."""

import re

from docutils import nodes

from adc.claims.verdicts import VERDICTS

READING = re.compile(r"\bR\d+\b")
NOTEBOOK = re.compile(r"\d\d_\w+")
SILENT = (nodes.literal, nodes.literal_block, nodes.reference, nodes.title, nodes.raw, nodes.math, nodes.math_block)


def mark_rows(app, doctree):
    """A row that begins with a reading's id can be linked to; a cell that is a verdict has its colour."""
    for row in doctree.findall(nodes.row):
        text = row[0].astext()
        if READING.fullmatch(text):
            row["ids"].append(text.lower())
            app.env.readings[text] = app.env.docname
        for cell in row:
            if cell.astext() in VERDICTS:
                cell["classes"] += ["verdict", f"verdict-{VERDICTS.index(cell.astext())}"]


def lead(app, doctree, here: str):
    """Make the links on a page, once it is known where everything is."""

    def link(node: nodes.Node, page: str, anchor: str = "") -> nodes.reference:
        address = app.builder.get_relative_uri(here, page) + anchor
        return nodes.reference("", "", node, refuri=address, internal=True, classes=["mention"])

    for text in [text for text in doctree.findall(nodes.Text) if not any(isinstance(node, SILENT) for node in above(text))]:
        pieces = re.split(f"({READING.pattern})", text)
        known = [app.env.readings.get(piece) for piece in pieces]
        if any(known):
            made = [link(nodes.Text(p), page, f"#{p.lower()}") if page else nodes.Text(p) for p, page in zip(pieces, known, strict=True)]
            text.parent.replace(text, made)
    for name in list(doctree.findall(nodes.literal)):
        if NOTEBOOK.fullmatch(name.astext()) and not isinstance(name.parent, nodes.reference):
            if page := goal(app.env.found_docs, name.astext(), here):
                name.parent.replace(name, link(name.deepcopy(), page))


def goal(pages: set[str], notebook: str, here: str) -> str | None:
    """The page of a notebook: of the same data as this one, of other data, or its source; none for this page itself."""
    data = here.rpartition("-")[2] if "/rendered/" in here else ""
    found = sorted(page for page in pages if re.fullmatch(rf"notebooks/(rendered/{notebook}-[^-]+|{notebook})", page))
    page = next((page for page in found if page.endswith(f"-{data}")), found[0] if found else here)
    return page if page != here else None


def above(node: nodes.Node):
    """The nodes that a node lies in."""
    while node := node.parent:
        yield node


def setup(app):
    app.connect("builder-inited", lambda app: setattr(app.env, "readings", {}))
    app.connect("doctree-read", mark_rows)
    app.connect("doctree-resolved", lead)
