"""The first page: the README, the paper's figures as they came out here, and the menu of all pages."""

import re
from base64 import b64decode
from pathlib import Path

import nbformat

from companion.book import ledger, pages
from companion.book.links import linked, slug
from companion.book.notebook import entry
from companion.execute import notebooks

THEMED = re.compile(r'<img src="([^"#]+)#gh-(light|dark)-mode-only" width="(\d+)" alt="([^"]*)">')
PAPER = ("results", "readings")  # of docs/, beside the notebooks of the paper
YOURS = ("own_ratings",)


def cover(target: Path) -> str:
    """The page as Markdown, at its end the menu in hidden lists of contents, as Sphinx has them; the pictures
    are written to the folder."""
    readme = pages.ROOT / "README.md"
    text = linked(readme.read_text(encoding="utf-8"), readme, target)
    text = THEMED.sub(r":::{image} \1\n:alt: \4\n:width: \3px\n:class: only-\2\n:::\n", text)
    figures = "\n\n".join(figure(number, target) for number in (1, 2, 3, 4))
    lists = [f":::{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(entries) + "\n:::"
             for caption, entries in menu().items()]  # fmt: skip
    text += f"\n\n## Figures 1 to 4\n\nTaken from the executed notebooks.\n\n{figures}"
    return "\n\n".join([text, *lists])


def figure(number: int, target: Path) -> str:
    """The first picture below the heading that names a figure, with a link to it and the data."""
    for copy in pages.copies():
        title = ""
        for cell in nbformat.read(copy, as_version=4).cells:
            if cell.cell_type == "markdown" and cell.source.startswith("## "):
                title = cell.source.partition("\n")[0][3:]
            named = re.search(rf"\bFig\. {number}\b", title)
            for output in cell.get("outputs", []) if named else []:
                if picture := output.get("data", {}).get("image/png"):
                    (target / f"fig{number}.png").write_bytes(b64decode(picture))
                    words = title if title.startswith("Fig") else f"Fig. {number}: {title}"
                    link = f"[{words}]({pages.place(copy)}#{slug(title)})"
                    return f":::{{figure}} fig{number}.png\n\n{link}. {pages.stamp(copy)['data']}.\n:::"
    return f"*Fig. {number} is in none of the executed copies; `./run_all.sh render` adds it.*"


def menu() -> dict[str, list[str]]:
    """The entries of each part of the menu: a notebook is one, its pages on other data lie within."""
    there = {name: (pages.copies(name) or [path])[0] for name, path in notebooks().items()}
    entries = {name: entry(page, pages.heading(page)) for name, page in there.items()}
    firsts = [page for page in pages.own() if pages.siblings(page)[0] == page]
    files = [pages.place(page) for page in pages.documents()]
    papers, yours = ([f"docs/{name}.md" for name in names] for names in (PAPER, YOURS))
    claims = ["The claims, to search through <ledger>"] if ledger.FILE.exists() else []
    return {
        "The paper": [papers[0], *claims, *(entries[name] for name in entries if name < "10"), *papers[1:]],
        "Beyond it": [entries[name] for name in entries if name >= "10" and name not in pages.YOURS],
        "Your data": yours + [entry(page, f"Report: {pages.short(page)}") for page in firsts]
        + [entries[name] for name in pages.YOURS if name in entries],
        "For developers": [file for file in files if file not in papers + yours],
    }  # fmt: skip
