"""Notebook 10's live training and its comparison of runs (ipywidgets)."""

from typing import Any

import ipywidgets as W
import pandas as pd
from IPython.display import HTML, Image, display

from adc import data, train, tuned
from adc.explore import cards, lookup, pictures, watch
from adc.explore.task import LABEL, Task
from adc.explore.watch import Tell
from adc.explore.widgets import Lab
from adc.split import Split, split

# small enough for an epoch in about half a second on MovieLens; a random start, as MF would take longer than the training
EPOCHS = 10
LIVE = {"dim": 16, "start": "random", "pretraining": "none", "epochs": EPOCHS, "device": "cpu"}
GAMMA, DEPTH = 2.0, 2  # to begin with


def configuration(dataset: str, gamma: float, hidden_layers: int, agreement: float) -> dict:
    """The small ADC of the live training, otherwise with what the search found for the dataset."""
    found = tuned.parameters(dataset, "adc") | LIVE
    return train.configuration(**found | {"dataset": dataset, "gamma": gamma, "hidden_layers": hidden_layers, "agreement": agreement})


def label(config: dict) -> str:
    """What a picture of the live training is made from."""
    settings = f"γ = {config['gamma']:g}, h = {config['hidden_layers']}, λ = {config['agreement']:.2g}, d = {config['dim']}"
    return f"{settings}: {data.label(config['dataset'])}"


def training(lab: Lab) -> W.Widget | Image:
    """Sliders for γ, h and λ; a small ADC that trains as they are moved. On a page nobody can click: one training."""
    parts = split(lab.ratings, 0)
    if lab.usable:
        return sliders(lab, parts)
    config = configuration(lab.dataset, GAMMA, DEPTH, usual(lab.dataset))
    *_, history = watch.live(config, parts, lambda passes: None)
    return pictures.picture(pictures.live(history, None, config["epochs"], label(config)))


def usual(dataset: str) -> float:
    """The λ that the search found, within the slider's reach."""
    return min(100.0, max(1e-4, tuned.parameters(dataset, "adc").get("agreement", train.Settings().agreement)))


def sliders(lab: Lab, parts: Split) -> W.Widget:
    """The controls of the live training and its picture."""
    alike = {"continuous_update": False, "style": LABEL, "layout": W.Layout(width="auto", flex="1 1 250px")}
    gamma = W.FloatSlider(value=GAMMA, min=0, max=3, step=0.25, description="γ", **alike)
    depth = W.IntSlider(value=DEPTH, min=1, max=5, description="h", **alike)
    penalty = W.FloatLogSlider(value=usual(lab.dataset), min=-4, max=2, step=0.25, description="λ", readout_format=".2g", **alike)
    button = W.Button(description="Train", icon="play", button_style="primary", layout=W.Layout(width="110px"))
    task, page, last = Task(), W.HTML(), W.HTML()
    state: dict[str, Any] = {"parts": parts, "history": None, "before": None}

    def work(tell: Tell) -> str:
        config = configuration(lab.dataset, gamma.value, depth.value, penalty.value)
        for history in watch.live(config, state["parts"], tell):
            state["history"] = history
            page.value = pictures.svg(pictures.live(history, state["before"], config["epochs"], label(config)))
            last.value = weights(history)
        ended = history["epoch"].max()
        return f"{ended} epochs." if ended == config["epochs"] else f"Diverged in epoch {ended}: a loss is no finite number (R34)."

    def begin(_: object = None) -> None:
        state["before"] = state["history"]
        task.start(work, EPOCHS, "Training …")

    def other(_: dict) -> None:
        if lab.ratings.name != state["parts"].ratings.name:
            task.stop()
            state.update(parts=split(lab.ratings, 0), history=None, before=None)
            page.value = last.value = ""

    button.on_click(begin)
    for slider in (gamma, depth, penalty):
        slider.observe(begin, "value")
    lab.observe(other, "turn")
    row = W.Layout(flex_flow="row wrap")
    return W.VBox([W.HBox([gamma, depth, penalty], layout=row), W.HBox([button, task.row]), page, last])


def weights(history: pd.DataFrame) -> str:
    """The domains' losses and weights in the last epoch."""
    now = history[history["epoch"] == history["epoch"].max()]
    rows = [[name, *(f"{value:.3f}" for value in values)] for name, *values in
            (["loss L_k", *now["loss"]], ["weight w_k", *now["weight"]], ["validation NDCG@10", *now["validation"]])]  # fmt: skip
    return cards.table([f"epoch {now['epoch'].iloc[0]}", *map(cards.escape, now["domain"])], rows, tuple(range(1, len(now) + 1)))


def comparing(lab: Lab) -> W.Widget | Image | None:
    """Runs side by side: in what they differ, and their curves."""
    if lab.usable:
        return comparer(lab)
    chosen = first(lab)
    display(HTML(cards.differences(lookup.differences(chosen))))
    return pictures.picture(pictures.curves(*lookup.curves(chosen), where(lab, ""))) if chosen else None


def first(lab: Lab) -> list:
    """The runs compared to begin with: the opened one, its rivals, and the next best of ADC."""
    mine = [model.run for model in lab.here.models.values() if model] if lab.here else []
    there = {run.folder for run in mine}
    return mine + [run for run in lookup.networks(lab.found) if run.folder not in there][:1]


def where(lab: Lab, domain: str) -> str:
    """What a comparison is made on."""
    return f"{data.label(lab.dataset)}: {domain or 'mean over the domains'}, every item ranked"


def comparer(lab: Lab) -> W.Widget:
    """A list of runs to mark, a domain, the table of differences and the curves."""
    marked = W.SelectMultiple(description="runs", rows=7, style=LABEL, layout=W.Layout(width="auto", flex="3 1 460px"))
    domain = W.Dropdown(description="domain", style=LABEL, layout=W.Layout(width="auto", flex="1 1 200px"))
    table, page = W.HTML(), W.HTML()

    def draw(_: object = None) -> None:
        chosen = [run for run in lab.found if run.folder.name in marked.value]
        curves = pictures.curves(*lookup.curves(chosen, domain.value), where(lab, domain.value)) if chosen else None
        table.value = cards.differences(lookup.differences(chosen))
        page.value = pictures.svg(curves) if chosen else ""

    def follow(_: object = None) -> None:
        marked.options = [(lookup.name(run), run.folder.name) for run in lab.found]
        domain.options = [("mean over all", ""), *((name, name) for name in lab.ratings.domains)]
        domain.value = ""
        marked.value = tuple(run.folder.name for run in first(lab))

    marked.observe(draw, "value")
    domain.observe(draw, "value")
    lab.observe(follow, "turn")
    follow()
    draw()
    return W.VBox([W.HBox([marked, domain], layout=W.Layout(flex_flow="row wrap")), table, page])
