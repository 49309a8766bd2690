"""What a notebook's source says about itself: its parameters, the modules it uses, its hash. No kernel is started."""

import ast
import hashlib
import json
from pathlib import Path

from adc.errors import UserError
from workflow import NOTEBOOKS, ROOT
from workflow.options import near

LITERALS = (bool, int, float, str, type(None))


def path(notebook: str, folder: Path = NOTEBOOKS) -> Path:
    """Where `03_train_adc` lies; a `UserError` names the near one when there is no such notebook."""
    found = folder / f"{notebook}.ipynb"
    if not found.is_file():
        known = sorted(p.stem for p in folder.glob("*.ipynb"))
        raise UserError(
            f"{folder}: no notebook '{notebook}'.{near(notebook, known)} Known: {', '.join(known) or 'none'}."
        )
    return found


def cells(notebook: Path) -> list[dict]:
    """The cells of a notebook file, with their source as one string."""
    try:
        found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (json.JSONDecodeError, KeyError) as error:
        raise UserError(f"{notebook}: is not a Jupyter notebook ({error}). Restore it.") from error
    return [cell | {"source": "".join(cell["source"])} for cell in found]


def digest(notebook: Path) -> str:
    """SHA-256 of the cells' kinds and sources: outputs and metadata do not count."""
    text = json.dumps([[cell["cell_type"], cell["source"]] for cell in cells(notebook)], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def parameters(notebook: Path) -> dict:
    """Names and defaults of the one cell tagged `parameters`: flat literals, nothing derived."""
    tagged = [cell["source"] for cell in cells(notebook) if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise UserError(f"{notebook.name}: {len(tagged)} cells are tagged 'parameters'; expected exactly one.")
    found = {}
    for line in ast.parse(tagged[0]).body:
        try:
            (name,) = line.targets
            found[name.id] = ast.literal_eval(line.value)
        except (AttributeError, ValueError):
            found[""] = ...  # of no literal type
        if type(list(found.values())[-1]) not in LITERALS:
            where = f"{notebook.name}: parameters cell, line {line.lineno}"
            raise UserError(f"{where}: expected `name = literal` (a number, text, True, False or None).")
    return found


def check(notebook: Path, given: dict, where: str) -> dict:
    """A notebook's defaults with the given values; an unknown name or another type is a `UserError`."""
    known = parameters(notebook)
    for name, value in given.items():
        if name not in known:
            told = f"{where}: {notebook.stem} has no parameter '{name}'."
            raise UserError(f"{told}{near(name, known)} It has: {', '.join(known)}.")
        if known[name] is not None and type(value) is not type(known[name]):  # None: what it configures checks it
            wanted = type(known[name]).__name__
            hint = f" Write {float(value)}." if wanted == "float" and type(value) is int else ""
            raise UserError(
                f"{where}: parameter '{name}' of {notebook.stem} is {value!r} ({type(value).__name__}); "
                f"expected {wanted}, as in its default {known[name]!r}.{hint}"
            )
    return known | given


def modules(notebook: Path) -> list[str]:
    """The modules of `adc` that a notebook imports, and all that these import, by name.

    A package that loads modules by name, as `adc.data` does, counts with all of them.
    """
    lines = [line for cell in cells(notebook) if cell["cell_type"] == "code" for line in cell["source"].splitlines()]
    waiting, found = ["\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))], {}
    while waiting:
        for name in _imported(waiting.pop()):
            file = _file(name)
            if file and name not in found:
                found[name] = file
                waiting.append(code := file.read_text(encoding="utf-8"))
                if file.name == "__init__.py" and "import_module(" in code:
                    waiting += [f"import {name}.{module.stem}" for module in file.parent.glob("[!_]*.py")]
    return sorted(found)


def files(names: list[str]) -> list[Path]:
    """The files of modules of `adc`."""
    return [_file(name) for name in names]


def _imported(code: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = [name.split(".") for name in names if name.split(".")[0] == "adc"]
    return {".".join(parts[: n + 1]) for parts in ours for n in range(len(parts))}


def _file(name: str) -> Path | None:
    place = ROOT.joinpath(*name.split("."))
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)
