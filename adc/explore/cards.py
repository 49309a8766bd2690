"""Notebook 10's tables as HTML that reads the same as a widget, in an executed copy, on light and on dark ground."""

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd

from adc import recommend
from adc.explore import drivers
from adc.explore.drivers import Influence
from adc.runs import Run

FIRST = 5  # titles shown of a domain before one unfolds the rest
STYLE = """<style>
.adc {max-width: 1000px; overflow-x: auto; line-height: 1.45; font-size: 13px}
.adc table {border-collapse: collapse; width: 100%; margin: 6px 0; font-size: 13px; table-layout: auto}
.adc th, .adc td {padding: 4px 14px 4px 0 !important; text-align: left !important; vertical-align: top; white-space: normal !important;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent) !important; background: none !important;
  max-width: none !important}
.adc th {font-weight: 600; vertical-align: bottom} .adc tr {background: none !important}
.adc .n {text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap !important}
.adc .dim {opacity: .65; font-weight: 400} .adc .hit {color: #0a9a70; white-space: nowrap} .adc .out {color: #d9730d; font-weight: 600}
.adc summary {cursor: pointer; opacity: .65} .adc details {max-height: 240px; overflow-y: auto} .adc p {margin: 4px 0 8px}
</style>"""


def card(content: str) -> str:
    """A piece of page in the cards' style."""
    return f'{STYLE}<div class="adc">{content}</div>'


def table(head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """A table of cells that are HTML already; columns of `numbers` stand to the right."""
    kind = lambda place: ' class="n"' if place in numbers else ""
    line = lambda cells, tag: "<tr>" + "".join(f"<{tag}{kind(n)}>{cell}</{tag}>" for n, cell in enumerate(cells)) + "</tr>"
    body = "".join(line(cells, "td") for cells in rows)
    return card(f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>")


def note(text: str) -> str:
    """A quiet sentence."""
    return card(f'<span class="dim">{escape(text)}</span>') if text else ""


def ratings(rated: pd.DataFrame, domains: list[str]) -> str:
    """A user's ratings by domain: how many in each part, their mean, and titles, the best first. rated: `Recommender.rated`."""
    rows = []
    for domain in domains:
        mine = rated[rated["domain"] == domain].sort_values("rating", ascending=False, kind="stable")
        if mine.empty:
            rows.append([escape(domain), "", "", "", "", '<span class="dim">no ratings: her vector here is the mean of her others (R6)</span>'])
            continue
        each = [f"{escape(title)}&nbsp;<span class='dim'>{value:g}</span>" for title, value in zip(mine["title"], mine["rating"], strict=True)]
        rest = f"<details><summary>and {len(each) - FIRST} more</summary>{' · '.join(each[FIRST:])}</details>" if len(each) > FIRST else ""
        parts = [str((mine["part"] == part).sum()) for part in recommend.PARTS]
        rows.append([escape(domain), *parts, f"{mine['rating'].mean():.2f}", " · ".join(each[:FIRST]) + rest])
    head = ["domain", "training", "valid.", "test", "mean", "titles and her stars, the best first"]
    return table(head, rows, (1, 2, 3, 4))


def lists(found: Mapping[str, pd.DataFrame | None], scores: Mapping[str, float]) -> str:
    """The methods' lists side by side; bold: in this list alone; ★: what she gave the item in her test ratings."""
    known = [one for one in found.values() if one is not None]
    times = pd.concat(one["title"] for one in known).value_counts()

    def cell(one: pd.DataFrame | None, place: int) -> str:
        if one is None or place >= len(one):
            return '<span class="dim">no run on this split yet</span>' if one is None and place == 0 else ""
        title, later = one["title"].iloc[place], one["later"].iloc[place]
        shown = f"<b>{escape(title)}</b>" if times[title] == 1 and len(known) > 1 else escape(title)
        return shown + ("" if np.isnan(later) else f' <span class="hit">★&nbsp;{later:g}</span>')

    def below(name: str, one: pd.DataFrame | None) -> str:
        value, rules = scores.get(name, np.nan), set() if one is None else set(one["rule"]) - {"own", name}
        told = [] if one is None else ["no relevant test item" if np.isnan(value) else f"NDCG@10 {value:.3f}"]
        return "; ".join(told + [f"scored by: {rule}" for rule in sorted(rules)])

    head = ["", *(f"{escape(name)}<br><span class='dim'>{escape(below(name, one))}</span>" for name, one in found.items())]
    rows = [[f'<span class="dim">{place + 1}</span>', *(cell(one, place) for one in found.values())] for place in range(max(map(len, known)))]
    return table(head, rows, (0,))


def influence(found: Influence) -> str:
    """In words, then the first items and, in the column of each of her domains, the rank that they have without it."""
    words = card(f"<p>{escape(drivers.words(found))}</p>")
    if found.summary.empty:
        return words
    n, columns = len(found.ranks), list(found.ranks.columns)
    head = ["", f"{escape(found.target)}, by the whole network", *(f"<span class='dim'>without</span><br>{escape(name)}" for name in columns)]
    rank = lambda value: f'<span class="out">{value}</span>' if value > n else str(value)
    rows = [[f'<span class="dim">{place}</span>', escape(title), *map(rank, ranks)]
            for place, (title, ranks) in enumerate(zip(found.ranks.index, found.ranks.to_numpy().tolist(), strict=True), 1)]  # fmt: skip
    rows.append(["", f"<b>still among the first {n}</b>", *(f"<b>{value}</b>" for value in found.summary["stay"])])
    rows.append(["", "<b>pull</b>, standard deviations", *(f"<b>{value:+.2f}</b>" for value in found.summary["pull"])])
    return words + table(head, rows, (0, *range(2, len(columns) + 2)))


def sources(runs: Mapping[str, Run | None]) -> str:
    """Which run folders the numbers come from."""
    folders = [f"{escape(name)} <code>{escape(run.folder.name)}</code>" for name, run in runs.items() if run is not None]
    return card(f'<span class="dim">Runs: {", ".join(folders)}.</span>') if folders else ""


def differences(found: pd.DataFrame) -> str:
    """What tells runs apart: one row a parameter. found: `lookup.differences`."""
    if found.empty:
        return note("One run, or none: nothing to tell apart.")
    rows = [[f"<code>{escape(str(name))}</code>", *map(escape, row)] for name, row in zip(found.index, found.to_numpy().tolist(), strict=True)]
    return table(["differ in", *map(escape, found.columns)], rows)
