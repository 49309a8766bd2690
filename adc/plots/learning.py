"""Pictures of a network and its training: Fig. 1, losses and weights by epoch, validation, the start's convergence."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import MaxNLocator

from adc.looks import LINES, NAMED, PAGE, UNNAMED, domain_looks, legend, small_multiples, titled, written


def architecture(domains: Sequence[str], dim: int, hidden_layers: int, width: int = 0) -> Figure:
    """Fig. 1 with the sizes of a run: p inputs of `dim`, shared layers (`width` 0: p·d units), W, losses, weights."""
    p, units = len(domains), width or len(domains) * dim
    levels = [13 + 8 * layer for layer in range(hidden_layers)]  # lower edges, from the input upwards
    w, z, loss, cross = (levels[-1] + above for above in (8, 16, 24, 36))
    figure, panel = plt.subplots(figsize=(PAGE, 0.056 * (cross + 6)))
    panel.set(xlim=(0, 100.4), ylim=(-1, cross + 6))  # .4: the boxes' right edges
    panel.axis("off")
    _columns(panel, domains, dim, (3.5, levels[0], w, z, loss, cross))
    for layer, y in enumerate(levels):
        size = f"{p * dim if layer == 0 else units:,} × {units:,} weights"
        _box(panel, 13, y, 61, 5, f"hidden layer {layer + 1}, ReLU: {units:,} units, {size}")
        _arrow(panel, (43.5, y + 5), (43.5, y + 8))
    _box(panel, 13, w, 61, 5, f"$W$: {units:,} × {p * dim:,} weights", fill="0.9")
    _box(panel, 13, cross, 61, 5.5, r"$L_{cross} = \Sigma_k\, w_k L_k$  (Eq. 3)")
    _balancing(panel, w, loss, cross)
    notes = {
        5.5: f"(1) $\\mathbf{{u}}_{{con}}$:\n{p * dim:,}",
        (levels[0] + levels[-1] + 5) / 2: f"(2) MLP $\\mathcal{{A}}$,\n$h$ = {hidden_layers}",
        z + 2.5: "(3) decoupled",
        cross + 2.75: "(4) weighted",
    }
    for height, text in notes.items():
        panel.text(11.5, height, text, ha="right", va="center")
    return figure


def _columns(panel: Axes, domains: Sequence[str], dim: int, heights: Sequence[float]) -> None:
    """What every domain has of its own: input, z^(k), loss; of many domains the first three and the last."""
    u, hidden, w, z, loss, cross = heights
    shown = [*range(len(domains))] if len(domains) <= 6 else [0, 1, 2, None, len(domains) - 1]
    looks, step = domain_looks(domains), 61 / len(shown)
    for place, k in enumerate(shown):
        x, middle = 13 + step * place, 13 + step * (place + 0.5)
        if k is None:
            for y in (u, z, loss + 1):
                panel.text(middle, y + 2.5, "…", ha="center", va="center")
            continue
        box = {"x": x + 0.6, "width": step - 1.2, "edge": looks[domains[k]]["color"]}
        panel.text(middle, u - 2.5, written(domains[k], 11), ha="center", va="center")
        _box(panel, y=u, height=5, text=f"$\\mathbf{{u}}^{{({k + 1})}}$: {dim}", **box)
        _box(panel, y=z, height=5, text=f"$\\mathbf{{z}}^{{({k + 1})}}$: {dim}", **box)
        _box(panel, y=loss, height=7.5, text=f"$L_{{{k + 1}}}$\nwith $\\mathbf{{v}}^{{({k + 1})}}$", **box)
        panel.text(middle + 0.8, loss + 9.6, f"$w_{{{k + 1}}}$", va="center")
        for below, above in ((u + 5, hidden), (w + 5, z), (z + 5, loss), (loss + 7.5, cross)):
            _arrow(panel, (middle, below), (middle, above))


def _balancing(panel: Axes, w: float, loss: float, cross: float) -> None:
    """The right-hand side of Fig. 1: from W and the losses to new weights."""
    _box(panel, 78, w - 0.5, 22, 6, r"$G_W^{(k)} = \Vert\nabla_W\, w_k L_k\Vert_2$")
    _box(panel, 78, loss - 1, 22, 8.5, "$L_{grad}$ (Eq. 5): $G_W^{(k)}$\nto $\\hat{G}_W r_k^{\\,\\gamma}$ (Eq. 4)")
    _box(panel, 78, cross, 22, 5.5, r"$\nabla_{w_k} L_{grad}$ moves $w_k$", fill="0.9")
    for start, end in (
        ((74, w + 2.5), (78, w + 2.5)), ((73.4, loss + 3.5), (78, loss + 3.5)), ((89, w + 5.5), (89, loss - 1)),
        ((89, loss + 7.5), (89, cross)), ((78, cross + 2.75), (74, cross + 2.75)),
    ):  # fmt: skip
        _arrow(panel, start, end)
    panel.text(75.7, loss + 5.2, "$r_k$", ha="center", va="center")


def _box(panel: Axes, x: float, y: float, width: float, height: float, text: str, edge: str = "0.3", fill: str = "white") -> None:
    panel.add_patch(plt.Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge, linewidth=1.0))
    panel.text(x + width / 2, y + height / 2, text, ha="center", va="center", linespacing=1.3)


def _arrow(panel: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    panel.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=6, color="0.3", linewidth=0.7))


def training(history: pd.DataFrame, label: str) -> Figure:
    """Loss L_k, weight w_k, norm G_k relative to its target (Eq. 4) and rate r_k of every domain, by epoch."""
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 4.6), sharex=True)
    history = history.assign(balance=history["norm"] / history["target"])
    panels = {
        "loss": "loss $L_k$ (Eq. 2)", "weight": "weight $w_k$ (Eq. 3)",
        "balance": r"gradient norm $G_W^{(k)}$ / target (Eq. 4)", "rate": "relative inverse learning rate $r_k$",
    }  # fmt: skip
    for panel, (column, title) in zip(axes.flat, panels.items(), strict=True):
        _by_domain(panel, history, column)
        panel.set_title(title, loc="left")
        if column == "loss":
            panel.set_yscale("log")
        else:
            panel.axhline(1, color="0.8", linewidth=0.8, zorder=0, label=UNNAMED)
    for panel in axes[1]:
        panel.set_xlabel("epoch")
    return _named_lines(titled(figure, "Balancing the domains' losses", label))


def validation(history: pd.DataFrame, kept: dict[str, int], window: int, label: str) -> Figure:
    """Validation NDCG@10 of every target, mean of the last `window` epochs; dots: the epochs kept (R18, R21)."""
    figure, panel = plt.subplots(figsize=(PAGE, 3.0))
    history = history.reindex(columns=["epoch", "domain", "validation"])  # none was done if it diverged at once
    means = history.groupby("domain")["validation"].transform(lambda values: values.rolling(window, 1).mean())
    _by_domain(panel, history.assign(mean=means), "mean")
    for line in panel.get_lines():
        best = line.get_xydata()[line.get_xdata() == kept[line.get_label()]]
        panel.plot(*best.T, "o", color=line.get_color(), label=UNNAMED)
    panel.set(xlabel="epoch", ylabel=f"NDCG@10, mean of {window} epochs", ylim=(0, None))
    return _named_lines(titled(figure, "Validation of every target; dots: the epochs kept", label))


def convergence(curves: dict[str, pd.DataFrame], chosen: dict, means: dict, part: str, label: str) -> Figure:
    """RMSE by sweep of every domain's MF start on a `part`, "train" or "valid"; one line a regulariser.

    By domain, `chosen` holds the regulariser kept, drawn thick, and `means` the RMSE without vectors, dotted.
    """
    figure, panels = small_multiples(list(curves), 1.35, "sweep", "RMSE (stars)")
    regularisers = sorted({r for curve in curves.values() for r in curve["regulariser"]})
    shades = dict(zip(regularisers, plt.get_cmap("viridis")(np.linspace(0, 0.85, len(regularisers))), strict=True))
    for domain, panel in panels.items():
        panel.axhline(means[domain], color="0.4", linestyle=":", linewidth=1, label="means alone")
        for (regulariser, curve), line in zip(curves[domain].groupby("regulariser"), LINES, strict=False):
            width = 2.4 if regulariser == chosen[domain] else 1.0
            look = {"color": shades[regulariser], "linestyle": line, "linewidth": width}
            panel.plot(curve["sweep"], curve[part], **look, label=f"regulariser {regulariser:g}")
        panel.set_title(written(domain, 30), loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    legend(figure, panel)
    where = {"train": "training", "valid": "validation"}[part]
    return titled(figure, f"Matrix factorization, {where} ratings; thick: the regulariser kept", label)


def _by_domain(panel: Axes, history: pd.DataFrame, column: str) -> None:
    looks = domain_looks(list(history["domain"].unique()))
    for domain, rows in history.groupby("domain", sort=False):
        panel.plot(rows["epoch"], rows[column], label=domain, **looks[domain])
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _named_lines(figure: Figure) -> Figure:
    """Write every line's name at its end, moved up or down where two would meet."""
    names = []
    for panel in figure.axes:
        lines = [line for line in panel.get_lines() if line.get_label() != UNNAMED]
        ends = [line.get_xydata()[np.isfinite(line.get_xydata()).all(1)][-1:] for line in lines]
        for line, end in zip(lines, ends, strict=True):
            if len(lines) > NAMED or not len(end):
                continue
            how = {"textcoords": "offset points", "va": "center", "color": line.get_color(), "annotation_clip": False}
            names.append(panel.annotate(written(line.get_label()), end[0], xytext=(6, 0), **how))
    if len(lines) > NAMED:
        figure.supxlabel("domains from dark (the first) to light (the last)", fontsize=8)
    figure.draw_without_rendering()  # lays the figure out: only then are heights known
    for panel in figure.axes:
        mine = [name for name in names if name.axes is panel]
        points = 72 / figure.dpi
        heights = [panel.transData.transform(name.xy)[1] * points for name in mine]
        low, high = panel.bbox.y0 * points + 4, panel.bbox.y1 * points
        for name, height, placed in zip(mine, heights, apart(heights, 8.5, low, high), strict=True):
            name.set_position((6, placed - height))
    return figure


def apart(heights: Sequence[float], gap: float, low: float = -np.inf, high: float = np.inf) -> list[float]:
    """The heights moved as little as needed to be `gap` apart, in their order, and between `low` and `high`."""
    groups = []  # (centre, members): neighbours that would meet are placed around their mean
    for index in np.argsort(heights, kind="stable"):
        members = [index]
        while True:
            half = gap * (len(members) - 1) / 2
            centre = float(np.clip(np.mean([heights[i] for i in members]), low + half, max(low + half, high - half)))
            if not groups or centre - groups[-1][0] >= gap * (len(members) + len(groups[-1][1])) / 2:
                break
            members = groups.pop()[1] + members
        groups.append((centre, members))
    offsets = lambda members: gap * (np.arange(len(members)) - (len(members) - 1) / 2)
    placed = {i: centre + by for centre, members in groups for i, by in zip(members, offsets(members), strict=True)}
    return [float(placed[i]) for i in range(len(heights))]
