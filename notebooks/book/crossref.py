"""On every page a reading's id (R7) leads to its row in the README's table, a notebook's name (`05_performance`) to its page."""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

READING = re.compile(r"\bR\d+\b")
NOTEBOOK = re.compile(r"\d\d_\w+")
VERDICTS = ("holds", "holds in part", "does not hold", "cannot be tested on this data", "not run in this profile")
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


class Lead(SphinxPostTransform):
    """Make the links, once it is known where everything is."""

    default_priority = 5

    def run(self, **kwargs):
        for text in list(self.document.findall(nodes.Text)):
            if not any(isinstance(parent, SILENT) for parent in above(text)):
                text.parent.replace(text, self.parts(str(text)))
        for name in list(self.document.findall(nodes.literal)):
            page = NOTEBOOK.fullmatch(name.astext()) and not isinstance(name.parent, nodes.reference) and self.page(name.astext())
            if page:
                name.parent.replace(name, self.link(name.deepcopy(), page))

    def parts(self, text: str) -> list[nodes.Node]:
        """A text with every reading's id made a link."""
        found, end = [], 0
        for at in READING.finditer(text):
            if page := self.env.readings.get(at[0]):
                found += [nodes.Text(text[end : at.start()]), self.link(nodes.Text(at[0]), page, f"#{at[0].lower()}")]
                end = at.end()
        return [*found, nodes.Text(text[end:])]

    def page(self, notebook: str) -> str | None:
        """The page of a notebook: of the same data as this one, of other data, or its source; none for this page itself."""
        here = self.env.docname
        data = here.rpartition("-")[2] if "/rendered/" in here else "movielens"
        for page in (f"notebooks/rendered/{notebook}-{data}", f"notebooks/rendered/{notebook}-twin", f"notebooks/{notebook}"):
            if page in self.env.found_docs:
                return page if page != here else None
        return None

    def link(self, node: nodes.Node, page: str, anchor: str = "") -> nodes.reference:
        """A node as a link to a page."""
        address = self.app.builder.get_relative_uri(self.env.docname, page) + anchor
        return nodes.reference("", "", node, refuri=address, internal=True, classes=["mention"])


def above(node: nodes.Node):
    """The nodes that a node lies in."""
    while node := node.parent:
        yield node


def setup(app):
    app.connect("builder-inited", lambda app: setattr(app.env, "readings", {}))
    app.connect("doctree-read", mark_rows)
    app.add_post_transform(Lead)
