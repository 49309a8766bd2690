"""The pictures of notebook 10. Made without pyplot, as a training in a thread of its own draws them too."""

import io
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from IPython.display import Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adc.looks import COLOURS, LINES, PAGE, domain_looks, titled, written


def svg(figure: Figure) -> str:
    """The figure for a web page: as wide as there is room, black drawn in the page's own colour, whatever its theme."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True)
    head, body = file.getvalue().split("<svg ", 1)[1].split(">", 1)
    (size,) = re.findall(r'viewBox="[^"]*"', head)
    style = f"width: 100%; max-width: {128 * figure.get_figwidth():.0f}px; height: auto; display: block"
    links = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {links} {size} fill="currentColor" style="{style}">{body}'.replace("#000000", "currentColor")


def picture(figure: Figure) -> Image:
    """The figure for an executed copy."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=144)
    return Image(file.getvalue(), format="png", width=int(100 * figure.get_figwidth()))


def live(history: pd.DataFrame, before: pd.DataFrame | None, epochs: int, label: str) -> Figure:
    """L_k, w_k and validation NDCG@10 of every domain, epoch by epoch; grey: the training before, for comparison."""
    figure, panels = _row(3, 2.5)
    titles = {"loss": "loss $L_k$ (Eq. 2)", "weight": "weight $w_k$ (Eqs. 4, 5)", "validation": "validation NDCG@10"}
    looks = domain_looks(list(history["domain"].unique()))
    for panel, (column, title) in zip(panels, titles.items(), strict=True):
        if before is not None:
            for _, rows in before.groupby("domain", sort=False):
                panel.plot(rows["epoch"], rows[column], color="0.6", linewidth=0.7, alpha=0.6)
        for domain, rows in history.groupby("domain", sort=False):
            panel.plot(rows["epoch"], rows[column], marker="o", markersize=2.2, **looks[domain], label=written(domain))
        panel.set_title(title, loc="left")
        panel.set(xlim=(0.7, epochs + 0.3), xlabel="epoch")
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panels[1].axhline(1, color="0.6", linewidth=0.6, zorder=0)
    _legend(figure, panels[0], len(looks))
    return titled(figure, label, "")


def pull(summary: pd.DataFrame, domains: Sequence[str], label: str) -> Figure:
    """How far each of her domains pulls ADC's list up, in standard deviations of her scores. summary: of an `Influence`."""
    figure, (panel,) = _row(1, 0.9 + 0.22 * len(summary))
    looks = domain_looks(domains)
    panel.barh(range(len(summary)), summary["pull"], height=0.6, color=[looks[name]["color"] for name in summary.index])
    panel.set(yticks=range(len(summary)), yticklabels=[written(name) for name in summary.index])
    reach = 1.1 * max(0.1, summary["pull"].abs().max())
    panel.set(xlim=(-reach, reach), xlabel="pull on the list (standard deviations of her scores)")
    panel.axvline(0, color="0.6", linewidth=0.8)
    panel.invert_yaxis()
    return titled(figure, label, "")


def curves(learned: pd.DataFrame, tested: pd.DataFrame, where: str) -> Figure:
    """Runs beside each other: validation NDCG@10 by epoch, test NDCG@n by n. Tables: those of `lookup.curves`."""
    names = list(tested["run"].unique())
    figure, (left, right) = _row(2, 2.3 + 0.17 * len(names))
    for place, name in enumerate(names):
        look = {"color": COLOURS[place % len(COLOURS)], "linestyle": LINES[place % len(LINES)]}
        mine, test = learned[learned["run"] == name], tested[tested["run"] == name]
        if len(mine) == 1:  # learned in one pass: the same whatever the others' epoch
            left.axhline(mine["value"].iloc[0], **look)
        else:
            left.plot(mine["epoch"], mine["value"], **look)
        right.plot(test["n"], test["value"], **look, marker="o", markersize=3, label=name.replace("$", r"\$"))
    left.set(xlabel="epoch", ylim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    left.set_title("validation NDCG@10", loc="left")
    right.set(xlabel="$n$, length of the list", ylim=(0, None), xticks=np.unique(tested["n"]))
    right.set_title("test NDCG@$n$", loc="left")
    _legend(figure, right, 1)
    return titled(figure, where, "")


def _row(columns: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(PAGE, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def _legend(figure: Figure, panel: Axes, columns: int) -> None:
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, 6), frameon=False)
