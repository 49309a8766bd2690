"""Parts of several figures: an interval, an axis that no wide one rules, a row a thing, lines with names; and
several pictures in one place, of which a reader chooses one."""

import base64
import html
import io
import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.analysis.curves import MEAN
from companion.figures.style import COLUMN, PAGE, domain_styles, short_name, small_multiples

LOOK = "#{0} img {{display: none; max-width: 100%}} #{0} label {{margin-right: 1em; white-space: nowrap}}"
SHOWN = "#{0} input:nth-of-type({1}):checked ~ img:nth-of-type({1}) {{display: block}}"
_numbers = itertools.count(1)


def interval(panel: Axes, place: float, row: Any, ends: tuple[float, float] | None = None,
             vertical: bool = False, form: str = "{:+.3f}", **look: Any) -> None:  # fmt: skip
    """A difference and its 95 % interval, filled where the interval leaves zero out, crossed where a run
    diverged. What lies beyond the `ends` of the axis ends in an arrow; of a difference the number is written.
    row: difference, low, high (NaN without an interval), diverged if known. form: of that number. look:
    color, marker."""
    least, most = ends or (-np.inf, np.inf)
    sure = row.low > 0 or row.high < 0
    span = [row.difference] * 2 if np.isnan(row.low) else [row.low, row.high]
    turn = (lambda x, y: (y, x)) if vertical else (lambda x, y: (x, y))
    color = look["color"]
    ends = np.clip(span, least, most), [place] * 2
    panel.plot(*turn(*ends), color=color, linewidth=1, solid_capstyle="butt")
    for end, beyond, arrow in ((least, span[0] < least, "<v"), (most, span[1] > most, ">^")):
        if beyond:
            panel.plot(*turn([end], [place]), arrow[vertical], color=color, markersize=4, clip_on=False)
    if least <= row.difference <= most:
        look = {"marker": "o", "markerfacecolor": color if sure else "white"} | look
        panel.plot(*turn([row.difference], [place]), **look, linestyle="none", zorder=3)
        if getattr(row, "diverged", False):
            panel.plot(*turn([row.difference], [place]), "x", color="black", markersize=7, zorder=4)
    elif not vertical:
        right = row.difference > most
        where = {"xytext": (-5 if right else 5, 0), "textcoords": "offset points", "color": color}
        text = form.format(row.difference).replace("-", "−")
        side = {"ha": "right" if right else "left", "va": "center"}
        side["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # over the interval's own line
        panel.annotate(text, (most if right else least, place), **where, **side)


def axis_ends(rows: pd.DataFrame, least: float = 0.0, bulk: float = 0.85,
              marks: bool = False) -> tuple[float, float]:  # fmt: skip
    """The ends of an axis of differences that shows most of them, zero and ± `least`. So that a few large
    ones, or the wide intervals of few seeds, do not squeeze the rest; with `marks` every difference is shown,
    and most intervals are. rows: difference, low, high."""
    spans = rows[["difference", "low", "high"]].to_numpy(dtype=float)
    most = np.nanquantile(abs(spans[:, 0]), bulk, method="lower")
    widest = np.nanquantile(np.nanmax(abs(spans), axis=1), bulk, method="lower")
    reach = max(1.5 * widest, 1.1 * np.nanmax(abs(spans[:, 0]))) if marks else min(1.1 * widest, 4 * most)
    reach = max(1.3 * least, reach)
    low = max(-reach, min(-1.3 * least, np.nanmin(spans)))
    high = min(reach, max(1.3 * least, np.nanmax(spans)))
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


def forest(table: pd.DataFrame, names: dict[str, str], looks: dict[str, dict]) -> Figure:
    """A row a thing, the best above: the mean over the targets with its interval, and a tick a target.
    table: row, target (of several the mean is the last), difference, low, high. names: row -> words."""
    whole = table["target"].iloc[-1]
    means = table[table["target"] == whole].sort_values("difference", ascending=False)
    single = table[table["target"] != whole]
    ends = axis_ends(pd.concat([means, single.assign(low=np.nan, high=np.nan)]), bulk=0.95)
    figure, panel = plt.subplots(figsize=(COLUMN, 1.2 + 0.19 * len(means)))
    panel.axvline(0, color="0.4", linewidth=0.8)
    for place, row in enumerate(means.itertuples()):
        ticks = single.loc[single["row"] == row.row, "difference"].clip(*ends)
        panel.plot(ticks, [place] * len(ticks), "|", color="0.6", markersize=8, zorder=0)
        interval(panel, place, row, ends, **looks[row.row])
    panel.set_yticks(range(len(means)), [names[name] for name in means["row"]])
    panel.set(xlim=ends, ylim=(len(means) - 0.4, -0.6))
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    return figure


def intervals(table: pd.DataFrame, x: str, look: Callable[[Any], dict], names: dict[str, str] | None = None,
              margin: float = 0.0, shared: bool = False) -> Figure:  # fmt: skip
    """A panel a group, a row a thing: its difference with its interval. table: group, row, difference (NaN:
    nothing is drawn), low, high. look: of a row of the table, as `interval` takes it. names: row -> words, in
    order, if not as in the table. margin: a grey band, too small to matter. shared: one axis for all."""
    names = names or {row: short_name(row, 24) for row in table["row"].unique()}
    figure, panels = small_multiples(list(table["group"].unique()), 0.4 + 0.18 * len(names), "", "")
    known = table.replace([-np.inf, np.inf], np.nan).dropna(subset="difference")  # no end: as no interval
    for group, panel in panels.items():
        of_group = known[known["group"] == group]
        spans = known if shared else of_group
        ends = axis_ends(spans, margin, marks=True) if len(spans) else None
        panel.axvspan(-margin, margin, color="0.92", linewidth=0, zorder=0)
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row in of_group.itertuples():
            usual = {"marker": "D" if row.row == MEAN else "o"}
            interval(panel, list(names).index(row.row), row, ends, **usual | look(row))
        panel.set(xlim=ends, xlabel=x, yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
        panel.set_yticklabels(names.values() if panel.get_subplotspec().is_first_col() else [])
        panel.set_title(short_name(group, 26), loc="left", weight="bold" if group == MEAN else "normal")
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.grid(axis="y", color="0.93")
    return figure


def grid(names: Sequence, x: str, y: str, **shared: Any) -> tuple[Figure, dict[Any, Axes], Axes]:
    """A figure with one titled panel a name, at most four in a row, and a spare cell for what the marks mean,
    or for the names of the last panel's lines."""
    cells = len(names) + 1
    columns = 3 if cells in (5, 6) else min(4, cells)
    rows, width = -(-cells // columns), PAGE if columns > 2 else COLUMN * 1.4
    size = (width, 0.6 + 1.6 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **shared)
    for number, panel in enumerate(axes.flat):
        panel.tick_params(labelbottom=True)
        if number >= len(names):
            panel.axis("off")
        elif number + columns >= len(names):
            panel.set_xlabel(x)
        if number % columns == 0:
            panel.set_ylabel(y)
    for name, panel in zip(names, axes.flat, strict=False):
        title = textwrap.wrap(short_name(str(name), 150 // columns), 90 // columns)
        panel.set_title("\n".join(title), loc="left")
    return figure, dict(zip(names, axes.flat, strict=False)), axes.flat[len(names)]


def domain_lines(panel: Axes, table: pd.DataFrame, x: str, y: str) -> dict[str, dict]:
    """Draw a line for every domain, column y of its rows over column x; the lines' looks."""
    looks = domain_styles(list(table["domain"].unique()))
    for domain, rows in table.groupby("domain", sort=False):
        panel.plot(rows[x], rows[y], **looks[domain], label=short_name(domain))
    return looks


def label_lines(panel: Axes, lines: Sequence[tuple[float, str, dict]]) -> None:
    """Write every line's name to the right of its last value, apart from each other and led to it. lines:
    value, name, look of the text. Call it once the figure has its title."""
    panel.figure.draw_without_rendering()
    to_pixels, to_data = panel.transData, panel.transData.inverted()
    gap, (left, right) = 9.5 / 72 * panel.figure.dpi, panel.get_xlim()
    lines = sorted(lines, key=lambda line: line[0])
    heights = [to_pixels.transform((right, value))[1] for value, *_ in lines]
    places, top = list(heights), panel.bbox.y1 + gap / 2
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + gap)
    for k in reversed(range(len(places))):
        places[k] = min(places[k], top - gap * (len(places) - 1 - k))
    for (value, name, look), place in zip(lines, places, strict=True):
        y = to_data.transform((0, place))[1]
        arrow = {"arrowstyle": "-", "color": "0.7", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 2}
        where = {"xytext": (1.06 * right - 0.06 * left, y), "va": "center", "annotation_clip": False}
        words = panel.annotate(name, (panel.dataLim.x1, value), **where, arrowprops=arrow, **look)
        words.set_in_layout(False)


def slider(pictures: Mapping[str, Figure], name: str) -> HTML:
    """Pictures by what tells them apart, the first one shown; arrow keys go from one to the next: without a
    script, so on any page. name: of the whole, as in a file's name. The figures are closed."""
    place = f"choose-{name}-{next(_numbers)}"
    rules = [LOOK.format(place), *(SHOWN.format(place, number + 1) for number in range(len(pictures)))]
    buttons, images = [], []
    for number, (words, figure) in enumerate(pictures.items()):
        key, words = f"{place}-{number}", html.escape(words)
        checked = " checked" if number == 0 else ""
        buttons.append(f'<input type="radio" name="{place}" id="{key}"{checked}>')
        buttons.append(f'<label for="{key}">{words}</label>')
        with io.BytesIO() as file:
            figure.savefig(file, format="png", dpi=144)
            png = base64.b64encode(file.getvalue()).decode()
        plt.close(figure)
        images.append(f'<img alt="{words}" src="data:image/png;base64,{png}">')
    return HTML(f'<style>{" ".join(rules)}</style><div id="{place}">{"".join(buttons + images)}</div>')
