"""On every page the id of a reading opens its words (_static/site.js) and leads to its row in
docs/readings.md; a notebook's name leads to its page."""

import re

from docutils import nodes

from companion.claims.verdicts import VERDICTS

READING = re.compile(r"\bR\d+\b")
NOTEBOOK = re.compile(r"\d\d_\w+")
SILENT = (
    nodes.literal, nodes.literal_block, nodes.reference, nodes.title, nodes.raw, nodes.math, nodes.math_block,
)  # fmt: skip


def mark_rows(app, doctree):
    """A row that begins with a reading's id can be linked to; a cell that is a verdict has its colour."""
    for row in doctree.findall(nodes.row):
        text = row[0].astext()
        if READING.fullmatch(text):
            row["ids"].append(text.lower())
            app.env.readings[text] = app.env.docname, ": ".join(cell.astext() for cell in row[1:3])
        for cell in row:
            if cell.astext() in VERDICTS:
                cell["classes"] += ["verdict", f"verdict-{VERDICTS.index(cell.astext())}"]


def lead(app, doctree, here: str):
    """Make the links on a page, once it is known where everything is."""

    def link(node: nodes.Node, page: str, anchor: str = "", **more) -> nodes.reference:
        address = app.builder.get_relative_uri(here, page) + anchor
        return nodes.reference("", "", node, refuri=address, internal=True, classes=["mention"], **more)

    for text in list(doctree.findall(nodes.Text)):
        if any(isinstance(node, SILENT) for node in above(text)):
            continue
        pieces = re.split(f"({READING.pattern})", text)
        known = [app.env.readings.get(piece) for piece in pieces]
        if any(known):
            parts = []
            for piece, at in zip(pieces, known, strict=True):
                part, (page, words) = nodes.Text(piece), at or ("", "")
                parts += [link(part, page, f"#{piece.lower()}", reftitle=words) if page else part]
            text.parent.replace(text, parts)
    for name in list(doctree.findall(nodes.literal)):
        if NOTEBOOK.fullmatch(name.astext()) and not isinstance(name.parent, nodes.reference):
            if page := goal(app.env.found_docs, name.astext(), here):
                name.parent.replace(name, link(name.deepcopy(), page))


def goal(pages: set[str], notebook: str, here: str) -> str | None:
    """The page of a notebook, of the same data where there is one; none for this page itself."""
    data = here.rpartition("-")[2] if "/rendered/" in here else ""
    pattern = rf"notebooks/(rendered/{notebook}-[^-]+|(extras/)?{notebook})"
    known = sorted(page for page in pages if re.fullmatch(pattern, page))
    page = next((page for page in known if page.endswith(f"-{data}")), known[0] if known else here)
    return page if page != here else None


def above(node: nodes.Node):
    """The nodes that a node lies in."""
    while node := node.parent:
        yield node


def setup(app):
    app.connect("builder-inited", lambda app: setattr(app.env, "readings", {}))
    app.connect("doctree-read", mark_rows)
    app.connect("doctree-resolved", lead)
