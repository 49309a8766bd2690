"""A failing notebook, told in one screen."""

import re
import shutil
import textwrap
from pathlib import Path

from adc import paths
from workflow import source
from workflow.plan import Job

WIDTH, SOURCE_LINES, TRACE_LINES = 110, 4, 6


class Failed(Exception):
    """A job that cannot go on; the message is meant for the reader."""


def report(job: Job, executed: Path, error) -> str:
    """Which notebook, parameters and cell, what went wrong and where to look. `error` is papermill's."""
    lines = _head(job, executed)
    code = [line for line in error.source.splitlines() if line.strip()]
    cells = [cell["source"] for cell in source.cells(source.path(job.notebook))]
    number = f"{cells.index(error.source) + 1} of {len(cells)}" if error.source in cells else "of parameters"
    lines += [f"In cell {number}, which begins:"]
    lines += [f"    {line}" for line in code[:SOURCE_LINES]] + (["    ..."] if len(code) > SOURCE_LINES else [])
    if error.ename == "UserError":
        return "\n".join([*_cut(lines), "", *textwrap.wrap(error.evalue, WIDTH)[:10]])
    lines += _trace(error.traceback)
    return "\n".join([*_cut(lines), *_cut(f"{error.ename}: {error.evalue}".splitlines()[:3])])


def died(job: Job, executed: Path, error: Exception) -> str:
    """The kernel ended without a word."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "\n".join(_cut([*_head(job, executed), f"{reason}. Is there enough memory? Fewer --cores need less."]))


def _head(job: Job, executed: Path) -> list[str]:
    values = ", ".join(f"{name}={value!r}" for name, value in job.parameters.items())
    lines = [f"FAILED: notebooks/{job.notebook}.ipynb", *textwrap.wrap(f"with {values}", WIDTH)[:4]]
    if executed.is_file():
        lines.append(f"Copy, executed up to the failure: {_keep(job, executed)}")
    return lines


def _keep(job: Job, executed: Path) -> Path:
    place = paths.home() / "data" / "logs" / "failed" / (re.sub(r"[^\w.=-]+", "-", job.label)[:150] + ".ipynb")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(executed, place)
    return place


def _trace(traceback: list[str]) -> list[str]:
    """Where it went through the cell and this project's code, innermost last."""
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(traceback))
    places = re.findall(r"^(?:File .*|(?:Cell )?In\s?\[.*|-+> ?\d+ .*)$", text, flags=re.MULTILINE)
    return ["", *places[-TRACE_LINES:]]


def _cut(lines: list[str]) -> list[str]:
    return [line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in lines]
