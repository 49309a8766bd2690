"""Names of domains, users, items and files are text: on pages and in figures they stand as written.

Whatever shows such a name takes one of these: `Table` in place of `DataFrame.style`, `markdown` within the
text of a `Markdown`, `figure` within that of a figure (which `figures.style.short_name` and `titled` do)."""

import html
import re
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler


class Table(Styler):
    """A data frame's Styler that shows cells, heads and caption as text, be they markup or formulas."""

    def __init__(self, frame: pd.DataFrame, **options: Any):
        super().__init__(frame, escape="html", **options)
        self.format_index(escape="html", axis=0).format_index(escape="html", axis=1)
        self.set_table_attributes('class="tex2jax_ignore mathjax_ignore"')

    def format(self, *how: Any, escape: str | None = "html", **options: Any) -> "Table":
        """As of any Styler; `escape=None` for cells that are markup of our own."""
        return super().format(*how, escape=escape, **options)

    def format_index(self, *how: Any, escape: str | None = "html", **options: Any) -> "Table":
        return super().format_index(*how, escape=escape, **options)

    def set_caption(self, caption: str) -> "Table":
        words = html.escape(caption, quote=False)
        if self.data.empty:  # else as narrow as its longest word
            words = f'<span style="white-space: nowrap">{words}</span>'
        return super().set_caption(words)


def markdown(name: object) -> str:
    """A name for a Markdown text: signs that could be markup as references, and a dollar in a tag of its own,
    where no formula begins."""
    line = " ".join(str(name).split())
    line = re.sub(r"[\\`*_{}\[\]<>#|~&!^]|(?<=[a-z]):(?=//)", lambda sign: f"&#{ord(sign[0])};", line)
    return line.replace("$", "<span>&#36;</span>")


def figure(name: str) -> str:
    """A name for a figure: a dollar opens no formula, and a name with _ in front stays in the legend."""
    name = name.replace("$", r"\$")
    return f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name
