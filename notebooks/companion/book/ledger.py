"""The ledger as a page that answers: docs/claims.json as one table, to filter and to search, each number with
its interval and its runs. Without script it is the whole table."""

from html import escape as html_escape

from companion.book import pages
from companion.claims import export
from companion.claims.verdicts import VERDICTS

FILE = export.FILE
FILTERS = ("dataset", "theme", "verdict")
INTRODUCTION = """# The claims, to search through

Every checkable sentence of the paper on every dataset that the ledger was made for: the paper's number, the
number here, and the verdict, which follows by a rule ([09](notebooks/09_claims.ipynb) has the rules). A
number opens: its interval (95 %, over the seeds), the margin that a difference must exceed to matter, and
the runs that it was measured on."""
HEADS = ("", "the paper says", "on", "the paper's", "ours", "verdict")


def table() -> str:
    """The table and its filters as Markdown for Sphinx; everything from the file is escaped."""
    records = export.read(FILE)
    labels = {pages.stamp(copy)["parameters"].get("dataset"): pages.short(copy) for copy in pages.copies()}
    for record in records:
        record["dataset"] = labels.get(record["dataset"], record["dataset"])
    selects = "".join(_select(name, [record[name] for record in records]) for name in FILTERS)
    words = '<label>words <input type="search" data-filter="words"></label>'
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    return (
        f'```{{raw}} html\n<div class="filters">{selects}{words} <output></output></div>\n'
        '<div class="pst-scrollable-table-container"><table class="table ledger">\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        + "\n".join(map(_row, records))
        + "\n</tbody></table></div>\n```\n"
    )


def _select(name: str, values: list[str]) -> str:
    known = sorted(set(values), key=VERDICTS.index if name == "verdict" else values.index)
    options = '<option value="">all</option>'
    options += "".join(f"<option>{escape(value)}</option>" for value in known)
    return f'<label>{name} <select data-filter="{name}">{options}</select></label> '


def _row(record: dict) -> str:
    """A claim on a dataset; `difference`, `low`, `high`, `margin` and `more` may be missing."""
    data = " ".join(f'data-{name}="{escape(record[name])}"' for name in FILTERS)
    text = {name: escape(record[name]) for name in ("claim", "says", "section", "dataset", "paper", "ours")}
    facts, runs = _facts(record), record["runs"]
    tip = escape("\n".join([*facts, *runs[:12], *(["…"] if len(runs) > 12 else [])]))
    listed = "".join(f"<li><code>{escape(run)}</code></li>" for run in runs)
    inner = "".join(f"<p>{escape(fact)}</p>" for fact in facts) + f"<ul>{listed}</ul>"
    colour = f"verdict verdict-{VERDICTS.index(record['verdict'])}"
    ours = f'<details><summary title="{tip}">{text["ours"]}</summary>{inner}</details>'
    cells = [f"{text['says']} <small>{text['section']}</small>", text["dataset"], text["paper"], ours]
    middle = "".join(f"<td>{cell}</td>" for cell in cells)
    last = f'<td class="{colour}">{escape(record["verdict"])}</td>'
    return f"<tr {data}><th>{text['claim']}</th>{middle}{last}</tr>"


def escape(value) -> str:
    """Text from the file as HTML, on one line, so that none of it ends the block that it stands in."""
    return html_escape(str(value)).replace("`", "&#96;").replace("\n", "&#10;")


def _facts(record: dict) -> list[str]:
    """What is known of a number, a line each."""
    facts = [f"n = {record['n']}"]
    if record.get("difference") is not None and record.get("low") is not None:
        low, high = (format(record[name], "+.4f") for name in ("low", "high"))
        facts += [f"difference {record['difference']:+.4f}, from {low} to {high}"]
    if record.get("margin") is not None:
        facts += [f"margin {record['margin']:.4f}"]
    if record.get("more"):
        facts += [f"{record['more']} more seeds would tell"]
    return [*facts, f"{len(record['runs'])} runs{':' if record['runs'] else ''}"]
