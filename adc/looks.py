"""One visual language for every figure.

Colours of Okabe and Ito, told apart by the colour-blind; markers and line styles repeat what they say, for print
in grey. Widths are those of a column and of a page of the paper, so that 8 pt here are 8 pt there.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adc import files, paths

COLUMN, PAGE = 3.4, 7.0  # inches
NAMED = 8  # domains told apart by colour and name; more are drawn from dark (the first) to light
UNNAMED = "_"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#8C510A")
LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1)), (0, (1, 3)))


class Look(NamedTuple):
    """How a method is drawn, everywhere."""

    label: str
    color: str
    marker: str
    linestyle: str | tuple


METHODS = {  # in the order of Table II's columns: hurdles, the paper's rivals, equal weights, ADC
    "random": Look("random", "#B0B0B0", "x", (0, (1, 5))),
    "popularity": Look("popularity", "#767676", "D", ":"),
    "itemknn": Look("item-kNN", "#8C510A", "v", (0, (5, 1, 1, 1, 1, 1))),
    "ease": Look("EASE", "#E69F00", "P", (0, (8, 2))),
    "bpr": Look("BPR", "#009E73", "^", "-."),
    "bpr_merged": Look("BPR, merged", "#004D3A", "<", (0, (3, 1, 1, 1))),
    "clfm": Look("CLFM", "#CC79A7", "*", (0, (1, 1))),
    "cdcf": Look("CDCF", "#56B4E9", "h", (0, (4, 4))),
    "sconet": Look("SCoNet", "#000000", "d", (0, (2, 1))),
    "static": Look("static", "#D55E00", "s", "--"),
    "adc": Look("ADC", "#0072B2", "o", "-"),
}
LABELS = {  # of those that stand in no table beside all of these
    "uncertainty": "uncertainty", "dwa": "DWA", "rlw": "random weights", "metabalance": "MetaBalance",
    "pcgrad": "PCGrad", "famo": "FAMO", "adc_residual": "ADC on BPR",
}  # fmt: skip


def label(method: str) -> str:
    """What a method is called in figures and titles."""
    return METHODS[method].label if method in METHODS else LABELS.get(method, method)


def style() -> None:
    """Set matplotlib up; called once at the head of a notebook, where pictures then keep the size they were made in."""
    if shell := get_ipython():  # it would draw every picture twice, to cut a margin off that these do not have
        shell.run_line_magic("config", "InlineBackend.print_figure_kwargs = {'bbox_inches': None}")
    plt.rcParams.update({
        "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8,
        "legend.fontsize": 8, "figure.titlesize": 9, "legend.frameon": False, "axes.linewidth": 0.6,
        "lines.linewidth": 1.3, "lines.markersize": 4, "axes.spines.top": False, "axes.spines.right": False,
        "figure.constrained_layout.use": True, "figure.dpi": 144, "savefig.dpi": 300, "pdf.fonttype": 42,
    })  # fmt: skip


def save(figure: Figure, name: str, runs: Iterable[str], **facts: Any) -> None:
    """Write `figures/<name>.pdf`, `.png` and a `.json` that names the runs behind it and whatever else is known."""
    for ending in ("pdf", "png"):
        with files.aside(paths.figures() / f"{name}.{ending}") as partial:
            figure.savefig(partial, format=ending)
    files.write_json(paths.figures() / f"{name}.json", {"figure": name, **facts, "runs": sorted(set(runs))})


def titled(figure: Figure, what: str, label: str) -> Figure:
    """Head a figure with what it shows and, always, which data it is made from (`adc.data.label`)."""
    letters = int(16 * figure.get_figwidth())  # a line of 9 pt holds about so many
    figure.suptitle("\n".join(textwrap.wrap(what, letters) + textwrap.wrap(label, letters)))
    return figure


def small_multiples(names: Sequence[str], height: float, x: str, y: str) -> tuple[Figure, dict[str, Axes]]:
    """A figure with one panel a name, three in a row; the outer ones carry the axes' labels x and y."""
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    width = PAGE if columns > 1 else COLUMN
    figure, axes = plt.subplots(rows, columns, figsize=(width, 0.9 + height * rows), sharex=x != "", squeeze=False)
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
    """Below a figure, the names of what one of its panels shows."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5 if figure.get_figwidth() == PAGE else 2)


def domain_looks(domains: Sequence[str]) -> dict[str, dict]:
    """Colour and line style of every domain, the same in every picture."""
    if len(domains) > NAMED:
        shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(domains)))
        return {name: {"color": shade} for name, shade in zip(domains, shades, strict=True)}
    return {name: {"color": COLOURS[k], "linestyle": LINES[k]} for k, name in enumerate(domains)}


def written(name: str, most: int = 16) -> str:
    """A domain's name for a figure: not too long, and no formula."""
    return (name if len(name) <= most else name[: most - 1] + "…").replace("$", r"\$")
