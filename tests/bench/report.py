"""The report: `report.json`, `report.html` with the table and the figures in it, and the figures."""

import base64
import html
import os
import platform
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from adc import files, looks, runs
from bench import parts, rows
from bench.judged import rows as judged

STYLE = "body{font:15px sans-serif;max-width:75em;margin:2em auto} td,th{padding:.2em .8em;text-align:left} .no{color:#b00}"


def write(report: dict, place: str) -> dict:
    """Write all of it into `place`; `report` has settings, answers, peers and, at will, an earlier profile `before`."""
    looks.style()
    answers, target, pictures = report["answers"], Path(place), {}
    if "shares" in answers.get("training", {}):
        pictures["profile"] = profile(answers["training"], report["settings"]["scale"], report["before"])
    sized = {name: each for name, each in answers.get("scales", {}).get("sizes", {}).items() if "failed" not in each}
    if len(sized) > 1:
        pictures["scales"] = growth(sized)
    for name, figure in pictures.items():
        with files.aside(target / f"{name}.png") as partial:
            figure.savefig(partial, format="png")
    found = judged(answers)
    report |= {"machine": machine(**report["machine"]), "rows": [row.record() for row in found]}
    files.write_json(target / "report.json", report)
    with files.aside(target / "report.html") as partial:
        partial.write_text(page(report, found, [target / f"{name}.png" for name in pictures]), encoding="utf-8")
    return {"table": rows.table(found), "page": rows.markdown(found), "words": words(report)}


def machine(threads: int, load: float, clock: str) -> str:
    """What it ran on, in words; `load` is that of others, before anything was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    how = f"{threads} threads, {clock} time, load {load:.1f} before"
    return f"{model or platform.machine()}, {cores} cores, {how}; {platform.system()}"


def words(report: dict) -> list[str]:
    """Machine, versions and data, a line each."""
    scale = report["settings"]["scale"]
    caution = "" if scale == 1 else " The bars are meant for scale 1: at this one they say nothing."
    list_of = lambda known: ", ".join(f"{name} {version}" for name, version in known.items())
    return [
        f"Machine: {report['machine']}.",
        f"Ours: {list_of(runs.versions())}, Python {platform.python_version()}.",
        f"Peers: {list_of(report['peers'])}." if report["peers"] else "Peers: none (--no-peers).",
        f"Data: synthetic twin of Table I, scale {scale:g}; MovieLens for the job.{caution}",
    ]


def profile(training: dict, scale: float, before: dict[str, float] | None) -> Figure:
    """Where an epoch's time goes, beside its floor: one stacked bar, or two."""
    seconds = training["shares"]["seconds"]
    bars = ({"before": before} if before else {}) | {"now": seconds}
    figure, panel = plt.subplots(figsize=(looks.PAGE, 1.4 + 0.5 * len(bars)))
    names = list(dict.fromkeys(name for bar in bars.values() for name in bar))
    shades = plt.get_cmap("viridis", len(names))
    left = dict.fromkeys(bars, 0.0)
    for number, name in enumerate(names):
        widths = [bar.get(name, 0.0) for bar in bars.values()]
        label = f"{name} {100 * widths[-1] / sum(seconds.values()):.0f} %"
        panel.barh(list(bars), widths, left=list(left.values()), color=shades(number), label=label, edgecolor="white")
        left = {bar: left[bar] + width for bar, width in zip(bars, widths)}
    panel.axvline(training["epochs"]["floor"], color="black", linestyle="--", label="the layers' products alone")
    panel.set(xlabel="seconds an epoch")
    figure.legend(loc="outside lower center", ncols=4)
    return looks.titled(figure, "Where an epoch of ADC goes (gradnorm, h = 3)", f"synthetic twin of Table I, scale {scale:g}")


def growth(sized: dict[str, dict]) -> Figure:
    """Time and memory per rating by scale, each with a band of 25 % above its least."""
    figure, panels = plt.subplots(1, 2, figsize=(looks.PAGE, 2.4))
    scales = [float(name) for name in sized]
    works = {
        "µs an epoch and rating": [1e6 * each["epoch"] / each["ratings"] for each in sized.values()],
        "kB a rating, beyond libraries": [1e3 * (each["peak"] - each["before"]) / each["ratings"] for each in sized.values()],
    }
    for panel, (label, values) in zip(panels, works.items()):
        panel.axhspan(min(values), 1.25 * min(values), color="0.9", label="within 25 %")
        panel.plot(scales, values, "o-", color=looks.COLOURS[0])
        panel.set(xscale="log", xlabel="scale (1: Table I)", ylabel=label, ylim=(0, 1.35 * max(values)))
        panel.set_xticks(scales, [f"{scale:g}" for scale in scales], minor=False)
        panel.minorticks_off()
    panels[0].legend(loc="lower right")
    return looks.titled(figure, "Cost per rating of training ADC", "synthetic twins of Table I")


def page(report: dict, found: list[rows.Row], pictures: list[Path]) -> str:
    """One HTML page that needs no other file."""
    escape, line = html.escape, "<tr>{}</tr>\n".format
    head = line("".join(f"<th>{escape(name)}</th>" for name in rows.HEAD))
    marked = lambda row: ' class="no"' if row.met is False else ""
    body = "".join(line("".join(f"<td{marked(row)}>{escape(cell)}</td>" for cell in row.cells())) for row in found)
    coded = (base64.b64encode(picture.read_bytes()).decode() for picture in pictures)
    images = "".join(f'<p><img style="max-width:100%" src="data:image/png;base64,{code}"></p>\n' for code in coded)
    about = "".join(f"<p>{escape(text)}</p>\n" for text in words(report))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Benchmark</title><style>{STYLE}</style>\n'
        f"<h1>Benchmark</h1>\n{about}<table>\n{head}{body}</table>\n{images}</html>\n"
    )


if __name__ == "__main__":
    parts.answer(write)
