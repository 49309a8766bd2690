"""An executed notebook as a page of HTML."""

from functools import cache


def html(notebook, title: str) -> str:
    """The page; without its code where a cell says so, as in a report for people who read none."""
    bare = any("remove-input" in cell.metadata.get("tags", []) for cell in notebook.cells)
    text, _ = _exporter(bare).from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return text


@cache  # it compiles its templates for its first page
def _exporter(bare: bool):
    from nbconvert import HTMLExporter  # here, as it takes half a second

    return HTMLExporter(embed_images=True, exclude_input=bare, exclude_input_prompt=bare, exclude_output_prompt=bare)
