"""One visual language for every figure.

Colours of Okabe and Ito, told apart by the colour-blind; markers and line styles repeat what they say, for
print in grey. Widths are those of a column and a page of the paper. The registry says how a method looks."""

import textwrap
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names

from companion import escape, files, paths, registry

COLUMN, PAGE = 3.4, 7.0  # inches
MAX_DOMAIN_COLOURS = 8  # more domains are drawn in shades, from dark (the first) to light
MAX_LEGEND = 12  # names below a figure
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#8C510A")
DASHES = ((1, 1), (5, 1, 1, 1, 1, 1), (8, 2), (3, 1, 1, 1), (1, 3))
CONTEXT = {"color": "0.45"}  # of text that is not the point of a figure
FONTS = (  # where there are some of them they draw the letters that DejaVu does not have
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei", "SimHei",
    "Yu Gothic", "Malgun Gothic", "PingFang SC", "Hiragino Sans", "Arial Unicode MS", "Noto Sans Arabic",
    "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai", "Nirmala UI", "Tahoma", "Noto Emoji",
    "Segoe UI Emoji", "Symbola",
)  # fmt: skip
LINESTYLES = ("-", "--", "-.", *((0, dashes) for dashes in DASHES))


def method_style(name: str) -> dict[str, Any]:
    """Label, colour, marker and line style of a method, as keywords of `plot` and `errorbar`."""
    method = registry.method(name)
    return {key: getattr(method, key) for key in ("label", "color", "marker", "linestyle")}


def style() -> None:
    """Set matplotlib up; called once at the head of a notebook."""
    if shell := get_ipython():
        shell.run_line_magic("matplotlib", "inline")
        # else every picture is drawn twice, to cut off a margin that it does not have
        shell.run_line_magic("config", "InlineBackend.print_figure_kwargs = {'bbox_inches': None}")
    warnings.filterwarnings("ignore", "Glyph .* missing from")  # no font has it: a box stands for the letter
    installed = {*get_font_names()}
    plt.rcParams.update({
        "font.family": ["DejaVu Sans", *(name for name in FONTS if name in installed)],
        "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8,
        "legend.fontsize": 8, "figure.titlesize": 9, "legend.frameon": False, "axes.linewidth": 0.6,
        "lines.linewidth": 1.3, "lines.markersize": 4, "axes.spines.top": False, "axes.spines.right": False,
        "figure.constrained_layout.use": True, "figure.dpi": 144, "savefig.dpi": 300, "pdf.fonttype": 42,
    })  # fmt: skip


def save(figure: Figure, name: str, runs: Iterable[str], **facts: Any) -> None:
    """Write `figures/<name>.pdf`, `.png` and a `.json` with the runs behind it and whatever else is known."""
    for ending in ("pdf", "png"):
        with files.atomic(paths.figures() / f"{name}.{ending}") as partial:
            figure.savefig(partial, format=ending)
    files.write_json(paths.figures() / f"{name}.json", {"figure": name, **facts, "runs": sorted(set(runs))})


def titled(figure: Figure, what: str, label: str) -> Figure:
    """Head a figure with what it shows and, always, which data it is made from (`companion.data.label`)."""
    letters = int(16 * figure.get_figwidth())  # a line of 9 pt holds about so many
    lines = textwrap.wrap(what, letters) + textwrap.wrap(escape.figure(label), letters)
    figure.suptitle("\n".join(lines), x=0.01, ha="left")
    return figure


def small_multiples(names: Sequence[str], height: float, x: str, y: str) -> tuple[Figure, dict[str, Axes]]:
    """A figure with one panel a name, three in a row; the outer ones carry the axes' labels x and y."""
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    size = (PAGE if columns > 1 else COLUMN, 0.9 + height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharex=x != "", squeeze=False)
    for number, panel in enumerate(axes.flat):
        if number >= len(names):
            panel.remove()
        elif number + columns >= len(names):  # nothing below it
            panel.set_xlabel(x)
            panel.tick_params(labelbottom=True)
        if number % columns == 0:
            panel.set_ylabel(y)
    return figure, dict(zip(names, axes.flat, strict=False))


def legend(figure: Figure, panel: Axes) -> None:
    """Below a figure, the names of what one of its panels shows; of many domains what their shades mean."""
    handles, labels = panel.get_legend_handles_labels()
    if len(labels) > MAX_LEGEND:
        figure.supxlabel("domains from dark (the first) to light (the last)", fontsize=8)
    else:
        letters = 7 + max(map(len, labels))  # of an entry, its line among them
        columns = min(6, max(1, int(16 * figure.get_figwidth() / letters)))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def domain_styles(domains: Sequence[str]) -> dict[str, dict]:
    """Colour and line style of every domain, the same in every picture, as keywords of `plot`."""
    if len(domains) > MAX_DOMAIN_COLOURS:
        shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(domains)))
        return {name: {"color": shade} for name, shade in zip(domains, shades, strict=True)}
    return {name: {"color": COLOURS[k], "linestyle": LINESTYLES[k]} for k, name in enumerate(domains)}


def short_name(name: str, most: int = 16) -> str:
    """A domain's name for a figure: not too long, and as text."""
    return escape.figure(name if len(name) <= most else name[: most - 1] + "…")
