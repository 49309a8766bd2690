"""Pictures of a network and its training: Fig. 1, losses and weights by epoch, validation, the MF start."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import MaxNLocator

from companion.figures.panels import domain_lines
from companion.figures.style import PAGE, domain_styles, legend, short_name, small_multiples, titled


def architecture(domains: Sequence[str], dim: int, hidden_layers: int, width: int = 0) -> Figure:
    """Fig. 1 with a run's sizes: inputs, hidden layers (`width` 0: p·d units), W, losses, weights."""
    inputs, units = len(domains) * dim, width or len(domains) * dim
    levels = [13 + 8 * layer for layer in range(hidden_layers)]  # lower edges, from the input upwards
    w, z, loss, cross = (levels[-1] + above for above in (8, 16, 24, 36))
    figure, panel = plt.subplots(figsize=(PAGE, 0.056 * (cross + 6)))
    panel.set(xlim=(0, 100.4), ylim=(-1, cross + 6))  # .4: the boxes' right edges
    panel.axis("off")
    _domain_columns(panel, domains, dim, (3.5, levels[0], w, z, loss, cross))
    for layer, y in enumerate(levels):
        size = f"{units if layer else inputs:,} × {units:,} weights"
        _box(panel, 13, y, 61, 5, f"hidden layer {layer + 1}, ReLU: {units:,} units, {size}")
        _arrow(panel, (43.5, y + 5), (43.5, y + 8))
    _box(panel, 13, w, 61, 5, f"$W$: {units:,} × {inputs:,} weights", fill="0.9")
    _box(panel, 13, cross, 61, 5.5, r"$L_{cross} = \Sigma_k\, w_k L_k$  (Eq. 3)")
    _balancing(panel, w, loss, cross)
    note = {"x": 11.5, "ha": "right", "va": "center"}
    panel.text(y=5.5, s=f"(1) $\\mathbf{{u}}_{{con}}$:\n{inputs:,}", **note)
    middle = (levels[0] + levels[-1] + 5) / 2
    panel.text(y=middle, s=f"(2) MLP $\\mathcal{{A}}$,\n$h$ = {hidden_layers}", **note)
    panel.text(y=z + 2.5, s="(3) decoupled", **note)
    panel.text(y=cross + 2.75, s="(4) weighted", **note)
    return figure


def _domain_columns(panel: Axes, domains: Sequence[str], dim: int, heights: Sequence[float]) -> None:
    """What each of the first six domains has of its own: input, z^(k), loss and weight."""
    u, hidden, w, z, loss, cross = heights
    styles, step = domain_styles(domains), 61 / min(len(domains), 6)
    for k, domain in enumerate(domains[:6]):
        middle = 13 + step * (k + 0.5)
        box = {"x": 13.6 + step * k, "width": step - 1.2, "edge": styles[domain]["color"]}
        name = short_name(domain, 11) + (" …" if k == 5 and len(domains) > 6 else "")
        panel.text(middle, u - 2.5, name, ha="center", va="center")
        _box(panel, y=u, height=5, text=f"$\\mathbf{{u}}^{{({k + 1})}}$: {dim}", **box)
        _box(panel, y=z, height=5, text=f"$\\mathbf{{z}}^{{({k + 1})}}$: {dim}", **box)
        _box(panel, y=loss, height=7.5, text=f"$L_{{{k + 1}}}$\nwith $\\mathbf{{v}}^{{({k + 1})}}$", **box)
        panel.text(middle + 0.8, loss + 9.6, f"$w_{{{k + 1}}}$", va="center")
        for below, above in ((u + 5, hidden), (w + 5, z), (z + 5, loss), (loss + 7.5, cross)):
            _arrow(panel, (middle, below), (middle, above))


def _balancing(panel: Axes, w: float, loss: float, cross: float) -> None:
    """The right-hand side of Fig. 1: from W and the losses to new weights."""
    _box(panel, 78, w - 0.5, 22, 6, r"$G_W^{(k)} = \Vert\nabla_W\, w_k L_k\Vert_2$")
    target = "$L_{grad}$ (Eq. 5): $G_W^{(k)}$\nto $\\hat{G}_W r_k^{\\,\\gamma}$ (Eq. 4)"
    _box(panel, 78, loss - 1, 22, 8.5, target)
    _box(panel, 78, cross, 22, 5.5, r"$\nabla_{w_k} L_{grad}$ moves $w_k$", fill="0.9")
    _arrow(panel, (74, w + 2.5), (78, w + 2.5))
    _arrow(panel, (73.4, loss + 3.5), (78, loss + 3.5))
    _arrow(panel, (89, w + 5.5), (89, loss - 1))
    _arrow(panel, (89, loss + 7.5), (89, cross))
    _arrow(panel, (78, cross + 2.75), (74, cross + 2.75))
    panel.text(75.7, loss + 5.2, "$r_k$", ha="center", va="center")


def _box(panel: Axes, x: float, y: float, width: float, height: float, text: str, edge: str = "0.3",
         fill: str = "white") -> None:  # fmt: skip
    panel.add_patch(plt.Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge, linewidth=1.0))
    panel.text(x + width / 2, y + height / 2, text, ha="center", va="center", linespacing=1.3)


def _arrow(panel: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    panel.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=6, color="0.3", lw=0.7))


def training(history: pd.DataFrame, label: str) -> Figure:
    """Loss L_k, weight w_k, norm G_k over its target (Eq. 4) and rate r_k of every domain, by epoch."""
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 4.8), sharex=True)
    history = history.assign(balance=history["norm"] / history["target"])
    titles = {
        "loss": "loss $L_k$ (Eq. 2)", "weight": "weight $w_k$ (Eq. 3)",
        "balance": r"gradient norm $G_W^{(k)}$ / target (Eq. 4)", "rate": "inverse learning rate $r_k$",
    }  # fmt: skip
    for panel, (column, title) in zip(axes.flat, titles.items(), strict=True):
        domain_lines(panel, history, "epoch", column)
        panel.set_title(title, loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if column == "loss":
            panel.set_yscale("log")
        else:
            panel.axhline(1, color="0.8", linewidth=0.8, zorder=0)
    for panel in axes[1]:
        panel.set_xlabel("epoch")
    legend(figure, axes[0, 0])
    return titled(figure, "Balancing the domains' losses", label)


def validation(history: pd.DataFrame, best_epoch: dict[str, int], window: int, label: str) -> Figure:
    """Validation NDCG@10 of every target, mean of `window` epochs; dots: the best epochs (R18, R21)."""
    figure, panel = plt.subplots(figsize=(PAGE, 3.0))
    history = history.reindex(columns=["epoch", "domain", "validation"])  # it has none if it diverged at once
    means = history.groupby("domain")["validation"].transform(lambda values: values.rolling(window, 1).mean())
    history = history.assign(mean=means)
    for domain, look in domain_lines(panel, history, "epoch", "mean").items():
        best = history[(history["domain"] == domain) & (history["epoch"] == best_epoch[domain])]
        panel.plot(best["epoch"], best["mean"], "o", color=look["color"])
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panel.set(xlabel="epoch", ylabel=f"NDCG@10, mean of {window} epochs", ylim=(0, None))
    legend(figure, panel)
    return titled(figure, "Validation of every target; dots: the best epochs", label)


def convergence(curves: dict[str, pd.DataFrame], best: dict, means: dict, part: str, label: str) -> Figure:
    """RMSE by sweep of every domain's MF start on a part, "train" or "valid", one line a regulariser.
    By domain, `best` is the regulariser chosen, drawn thick, and `means` the RMSE without vectors, dotted."""
    figure, panels = small_multiples(list(curves), 1.35, "sweep", "RMSE (stars)")
    styles = domain_styles(sorted(set(pd.concat(curves.values())["regulariser"])))
    for domain, panel in panels.items():
        panel.axhline(means[domain], color="0.4", linestyle=":", linewidth=1, label="means alone")
        for regulariser, curve in curves[domain].groupby("regulariser"):
            look = styles[regulariser] | {"linewidth": 2.4 if regulariser == best[domain] else 1.0}
            panel.plot(curve["sweep"], curve[part], **look, label=f"regulariser {regulariser:g}")
        panel.set_title(short_name(domain, 30), loc="left")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    legend(figure, panel)
    where = {"train": "training", "valid": "validation"}[part]
    return titled(figure, f"Matrix factorization, {where} ratings; thick: the regulariser chosen", label)
