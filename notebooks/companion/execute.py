"""One notebook by papermill: `python -m companion.execute NOTEBOOK PAGE.html '{"dataset": "movielens"}'`.

Parameters are strict, results atomic, and a failure is told in a screenful. This process waits while the
notebook's kernel works; it loads nothing of `adc`, whose PyTorch would cost every notebook a second."""

import ast
import difflib
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import textwrap
import threading
import time
from html import escape
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

NOTEBOOKS = Path(__file__).resolve().parents[1]
PACKAGES = ("adc", "torch", "numpy", "scipy", "pandas")  # whose versions are stamped
WIDTH, SOURCE_LINES, TRACE_LINES = 110, 4, 6  # of a failure's report
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
NO_SPACE = "Free some space, make the folder writable, or set ADC_HOME to another one."


class ExecutionError(Exception):
    """A notebook cannot be run as it should, or failed; the message is for the person at the keyboard."""


def notebooks() -> dict[str, Path]:
    """Name -> file of every notebook, those in extras/ among them."""
    files = [*NOTEBOOKS.glob("[0-9]*.ipynb"), *NOTEBOOKS.glob("extras/[0-9]*.ipynb")]
    return {path.stem: path for path in sorted(files, key=lambda path: path.name)}


def near(name: str, known) -> str:
    """What to take in place of an unknown name: the closest one, and all there are."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"{f' Did you mean {close[0]!r}?' if close else ''} Known: {', '.join(known) or 'none'}."


def cells(notebook: Path) -> list[dict]:
    """The cells of a notebook file, with their source as one text."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell | {"source": "".join(cell["source"])} for cell in content["cells"]]


def digest(notebook: Path) -> str:
    """SHA-256 of the cells' kinds and sources; outputs and metadata do not count."""
    content = [[cell["cell_type"], cell["source"]] for cell in cells(notebook)]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def defaults(notebook: Path) -> dict:
    """Names and values of the one cell tagged `parameters`. Raises `ExecutionError` for all but literals."""
    tagged = [cell["source"] for cell in cells(notebook) if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise ExecutionError(f"{notebook.name}: {len(tagged)} cells are tagged 'parameters', expected one.")
    values = {}
    for line in ast.parse(tagged[0]).body:
        try:
            (target,) = line.targets
            values[target.id] = ast.literal_eval(line.value)
        except (AttributeError, ValueError) as error:
            where = f"{notebook.name}: parameters cell, line {line.lineno}"
            raise ExecutionError(f"{where}: expected `name = literal`, such as `seed = 0`.") from error
    return values


def check(notebook: Path, given: dict, where: str) -> dict:
    """A notebook's defaults, replaced by the values given. Raises `ExecutionError` for an unknown name and
    for a value, or an item of a list, of another type than in the default; `where` says who gave it."""
    known = defaults(notebook)
    for name, value in given.items():
        if name not in known:
            raise ExecutionError(f"{where}: {notebook.stem} has no parameter '{name}'.{near(name, known)}")
        if not _alike(value, default := known[name]):
            hint = f" Write {value}.0." if type(default) is float and type(value) is int else ""
            raise ExecutionError(
                f"{where}: parameter '{name}' of {notebook.stem} is {value!r} ({type(value).__name__}); "
                f"expected {type(default).__name__}, as in its default {default!r}.{hint}"
            )
    return known | given


def with_values(notebook):
    """A notebook with its run's values in its own parameters cell, in place of papermill's cell below."""
    tagged = {tag: cell for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    own, given = tagged.get("parameters"), tagged.get("injected-parameters")
    if given is None:
        return notebook
    values = {line.targets[0].id: line.value for line in ast.parse(given.source).body}
    source = own.source
    for line in ast.parse(source).body:
        name = line.targets[0].id
        if name in values and ast.literal_eval(values[name]) != ast.literal_eval(line.value):
            value = ast.get_source_segment(given.source, values[name])
            own.source = own.source.replace(ast.get_source_segment(source, line), f"{name} = {value}", 1)
    notebook.cells.remove(given)
    return notebook


def _alike(value, default) -> bool:
    if default and type(value) is type(default) is list:
        return all(type(item) is type(default[0]) for item in value)
    return default is None or type(value) is type(default)


def main(notebook: Path, page: Path, given: dict) -> int:
    """Execute a notebook, put it and its page in place, and return the exit code."""
    began, job = time.monotonic(), f"{page.stem} on {page.parent.name}"
    end_with_parent()
    try:
        parameters = check(notebook, given, job)
        with tempfile.TemporaryDirectory(prefix="adc-") as folder:
            executed = Path(folder) / notebook.name
            _set_environment(Path(folder))
            if failure := _execute(notebook, executed, given):
                raise ExecutionError(_report(notebook, executed, page, given, failure))
            _publish(notebook, executed, parameters, page)
    except ExecutionError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"{job}: could not write {error.filename}: {error.strerror}. {NO_SPACE}", file=sys.stderr)
        return 1
    print(f"{job}: {time.monotonic() - began:.0f} s", flush=True)
    return 0


def _set_environment(folder: Path) -> None:
    """None of the reader's settings in the kernel, pictures without a screen, and one thread."""
    one_thread()
    os.environ |= {
        "MPLCONFIGDIR": str(Path.cwd() / ".cache" / "matplotlib"),  # Snakemake runs jobs in data/
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not one in the reader's home
        "PYTHONSAFEPATH": "1",
        "TQDM_DELAY": "1e9",  # seconds before a progress bar shows: they are for Lab
    }


def one_thread() -> None:
    """Of processes to come: two runs side by side on a thread each are faster than one after the other."""
    os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def _execute(notebook: Path, executed: Path, given: dict) -> list[str]:
    """Run a notebook's cells; why it failed, in lines."""
    # jsonschema's check of URLs, which nbformat never needs, spends 0.7 s on loading its grammar
    sys.modules.setdefault("rfc3987_syntax", None)
    import papermill

    # papermill takes braces for places to fill in; the kernel's folder goes away, so that none is relied on
    read, write = (str(path).replace("{", "{{").replace("}", "}}") for path in (notebook, executed))
    how = {"kernel_name": "python3", "language": "python", "cwd": executed.parent, "progress_bar": False}
    how["extra_arguments"] = ["--IPKernelApp.log_level=50"]
    for _ in range(3):  # of many kernels that start at once, one may find its port taken
        try:
            papermill.execute_notebook(read, write, given, **how)
            return []
        except papermill.PapermillExecutionError as error:
            return _reason(notebook, error)
        except RuntimeError as error:
            death = [f"{error}. Is there enough memory? Fewer --cores need less."]
            if "before replying" not in str(error):
                return death
    return death


def _publish(notebook: Path, executed: Path, parameters: dict, page: Path) -> None:
    """Put the executed notebook, stamped, and its page into place; last the page: then all is done."""
    import nbformat

    from companion.page import html

    content = with_values(nbformat.read(executed, as_version=4))
    content.metadata.pop("papermill", None)  # holds paths of this machine
    content.metadata["adc"] = {
        "notebook": notebook.relative_to(NOTEBOOKS.parent).as_posix(),
        "source": digest(notebook),
        "parameters": parameters,
        "versions": {"python": sys.version.split()[0]} | {name: version(name) for name in PACKAGES},
        "date": time.strftime("%Y-%m-%d"),
    }
    content.metadata["title"] = page.stem
    bare = any("remove-input" in cell.metadata.get("tags", []) for cell in content.cells)  # a report
    for cell in content.cells if bare else ():  # warnings are for readers of code
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    page.parent.mkdir(parents=True, exist_ok=True)
    _replace(page.with_suffix(".ipynb"), nbformat.writes(content))
    _replace(page, html(content))


def write_index(profile: str, jobs: dict[str, dict]) -> Path:
    """One page that leads to those of all jobs, as far as they are there; its path. Works in data/."""
    folder, lines = Path("executed", profile), []
    for dataset, names in jobs.items():
        pages = [page for name in names if (page := folder / dataset / f"{name}.html").is_file()]
        links = [f'<li><a href="{quote(f"{dataset}/{page.name}")}">{escape(page.stem)}</a>' for page in pages]
        lines += [f"<h2>{escape(dataset)}</h2><ul>", *links, "</ul>"]
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(profile)}</title><h1>{escape(profile)}</h1>'
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "index.html", "\n".join([head, *lines]))
    return Path.cwd() / folder / "index.html"


def _replace(target: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _reason(notebook: Path, error) -> list[str]:
    """Which cell failed and why; of a `UserError`, which the reader can mend, its sentence."""
    sources = [cell["source"] for cell in cells(notebook)]
    number = sources.index(error.source) + 1 if error.source in sources else "(parameters)"
    code = [f"    {line}" for line in error.source.splitlines() if line.strip()]
    lines = [f"In cell {number} of {len(sources)}, which begins:", *code[:SOURCE_LINES], ""]
    if error.ename == "UserError":
        return lines + textwrap.wrap(error.evalue, WIDTH)[:10]
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback))
    places = re.findall(r"^(?:File .*|(?:Cell )?In\s?\[.*|-+> ?\d+ .*)$", text, flags=re.MULTILINE)
    return lines + places[-TRACE_LINES:] + f"{error.ename}: {error.evalue}".splitlines()[:3]


def _report(notebook: Path, executed: Path, page: Path, given: dict, lines: list[str]) -> str:
    """A failure in a screenful: which notebook, which parameters, why, what to do."""
    values = ", ".join(f"{name}={value!r}" for name, value in given.items())
    head = [f"FAILED: {notebook.relative_to(NOTEBOOKS.parent)}", *textwrap.wrap(f"with {values}", WIDTH)[:4]]
    cut = [line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in [*head, *lines]]
    if executed.is_file():
        copy = Path("logs", "failed", page.parent.name, f"{page.stem}.ipynb").absolute()
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(executed, copy)
        cut.append(f"Executed up to the failure: {copy}")
    return "\n".join(["", *cut, "Mend the cause and give the same command again: it goes on from there.", ""])


def end_with_parent(parent: int = 0) -> None:
    """A job does not outlive the Snakemake that started it, nor its kernel the job. parent: by its number,
    where it may have died already."""
    parent = parent or os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])))
