"""A failing notebook, told in one screen."""

import errno
import re
import shutil
import textwrap
from pathlib import Path

from adc import paths
from adc.errors import UserError
from workflow import source
from workflow.plan import Job

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
ENOUGH = 1 << 21  # bytes
WIDTH, SOURCE_LINES, TRACE_LINES = 110, 4, 6


class Failed(Exception):
    """A job that cannot go on; the message is meant for the reader."""


def expected(error: Exception) -> str:
    """The message for the reader of an error that she can mend, else ""."""
    if isinstance(error, Failed | UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in DISK:
        return (
            f"Could not write {error.filename or paths.home() / 'data'}: {error.strerror}. Free some space, make the "
            f"folder writable, or set ADC_HOME to another folder; then give the same command again."
        )
    return ""


def no_space() -> str:
    """The message for the reader where `data/` lies on a full disk, else "": what fails by that cannot always say so."""
    data = paths.home().absolute() / "data"
    place = next(folder for folder in (data, *data.parents) if folder.exists())
    if (free := shutil.disk_usage(place).free) >= ENOUGH:
        return ""
    return (
        f"Could not write in {place}: the disk is full, {free:,} bytes are left. Free some space, or set ADC_HOME to a folder "
        f"on another disk; then give the same command again."
    )


def report(job: Job, executed: Path, error) -> str:
    """Which notebook, parameters and cell, what went wrong and where to look. `error` is papermill's."""
    cells = [cell["source"] for cell in source.cells(source.path(job.notebook))]
    number = f"{cells.index(error.source) + 1} of {len(cells)}" if error.source in cells else "of parameters"
    code = [line for line in error.source.splitlines() if line.strip()]
    lines = [f"In cell {number}, which begins:", *(f"    {line}" for line in code[:SOURCE_LINES])]
    lines += ["    ..."] if len(code) > SOURCE_LINES else []
    if error.ename == "UserError":
        lines += ["", *textwrap.wrap(error.evalue, WIDTH)[:10]]
    else:
        lines += [*_trace(error.traceback), *f"{error.ename}: {error.evalue}".splitlines()[:3]]
    return _screen(job, executed, lines)


def died(job: Job, executed: Path, error: Exception) -> str:
    """The kernel ended without a word."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return _screen(job, executed, [f"{reason}. Is there enough memory? Fewer --cores need less."])


def _screen(job: Job, executed: Path, lines: list[str]) -> str:
    values = ", ".join(f"{name}={value!r}" for name, value in job.parameters.items())
    lines = [f"FAILED: notebooks/{job.notebook}.ipynb", *textwrap.wrap(f"with {values}", WIDTH)[:4], *lines]
    cut = [line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in lines]
    return "\n".join([*cut, f"Executed up to the failure: {_keep(job, executed)}"] if executed.is_file() else cut)


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
