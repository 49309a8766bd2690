"""On every page the id of a reading leads to its row in docs/readings.md, a notebook's name to its page."""

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
            app.env.readings[text] = app.env.docname
        for cell in row:
            if cell.astext() in VERDICTS:
                cell["classes"] += ["verdict", f"verdict-{VERDICTS.index(cell.astext())}"]


def lead(app, doctree, here: str):
    """Make the links on a page, once it is known where everything is."""

    def link(node: nodes.Node, page: str, anchor: str = "") -> nodes.reference:
        address = app.builder.get_relative_uri(here, page) + anchor
        return nodes.reference("", "", node, refuri=address, internal=True, classes=["mention"])

    for text in list(doctree.findall(nodes.Text)):
        if any(isinstance(node, SILENT) for node in above(text)):
            continue
        pieces = re.split(f"({READING.pattern})", text)
        pages = [app.env.readings.get(piece) for piece in pieces]
        if any(pages):
            parts = [nodes.Text(piece) for piece in pieces]
            links = zip(parts, pages, strict=True)
            text.parent.replace(text, [link(p, page, f"#{p.lower()}") if page else p for p, page in links])
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
