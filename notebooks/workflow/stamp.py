"""What produced an executed notebook: written into it when it has run, checked against the source later."""

import platform
import re
import sys
import time
from datetime import date
from pathlib import Path

import nbformat

from adc import data, paths, runs
from workflow import NOTEBOOKS, ROOT, source

# a path of somebody's machine; URLs and paths relative to the data folder are none
PLACES = "home|Users|root|tmp|work|opt|usr|var|private|mnt|media"
MACHINE = re.compile(rf"(?<![\w.:/])/(?:{PLACES})/[^\s'\"<>)]*")

OWN_DATA = dict.fromkeys(("12_controls", "14_map"), "synthetic twins of Table I, made by the notebook itself")


def make(notebook: str, dataset: str, parameters: dict) -> dict:
    """The stamp of a notebook that has just run on a dataset with these parameters."""
    path = source.path(notebook)
    return {
        "notebook": f"notebooks/{notebook}.ipynb",
        "source": source.digest(path),
        "data": OWN_DATA.get(notebook) or data.label(dataset),
        "parameters": parameters,
        "code": runs.code_fingerprint(tuple(source.modules(path))),
        "versions": {"python": platform.python_version()} | runs.versions(),
        "date": date.fromtimestamp(time.time()).isoformat(),
    }


def visible(stamp: dict) -> str:
    """The same for a reader, as Markdown."""
    values = ", ".join(f"{name} = {value!r}" for name, value in stamp["parameters"].items())
    versions = ", ".join(f"{name} {version}" for name, version in stamp["versions"].items())
    return (
        f"> Rendered {stamp['date']} from `{stamp['notebook']}` (sha256 {stamp['source'][:12]}) "
        f"with the `{stamp['profile']}` profile; data: **{stamp['data']}**.  \n> Parameters: `{values}`.  \n> Code {stamp['code']}; {versions}."
    )


def problems(rendered: Path, notebooks: Path = NOTEBOOKS) -> list[str]:
    """What is wrong with a committed executed copy: a stale stamp, an error output, a path of somebody's machine."""
    notebook = nbformat.read(rendered, as_version=4)
    stamp = notebook.metadata.get("adc", {})
    if not stamp:
        return [f"{rendered.name} carries no stamp; make it with `./run_all.sh render`"]
    found = []
    original = notebooks / Path(stamp["notebook"]).name
    if not original.is_file() or source.digest(original) != stamp["source"]:
        found.append(
            f"{rendered.name} is stale: {stamp['notebook']} has changed since; `./run_all.sh render` refreshes it"
        )
    if visible(stamp) != notebook.cells[0].source:
        found.append(f"{rendered.name}: its first cell does not say what its stamp says")
    if any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", [])):
        found.append(f"{rendered.name} holds an error")
    drawn = any(re.search(r"\bplots\.", cell.source) for cell in notebook.cells if cell.cell_type == "code")
    if drawn and not any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])):
        found.append(f"{rendered.name} shows no picture, though its notebook draws; `./run_all.sh render` refreshes it")
    texts = [text for cell in notebook.cells for text in [cell.source, *_texts(cell.get("outputs", []))]]
    return found + [
        f"{rendered.name} holds the machine path {path}" for text in texts for path in MACHINE.findall(text)
    ]


def scrub(node):
    """Replace the paths of this machine in a notebook's outputs; pictures are left alone."""
    if isinstance(node, dict):
        return {key: value if key.startswith("image/") else scrub(value) for key, value in node.items()}
    if isinstance(node, list):
        return [scrub(value) for value in node]
    if not isinstance(node, str):
        return node
    for place, name in ((paths.home().resolve(), "."), (ROOT, "."), (Path.home(), "~")):
        node = node.replace(f"{place}/", f"{name}/")
    return MACHINE.sub(lambda found: f"…/{Path(found.group()).name}", node)


def _texts(node) -> list[str]:
    """Every text in a notebook's outputs, pictures left out."""
    if isinstance(node, dict):
        return [text for key, value in node.items() if not key.startswith("image/") for text in _texts(value)]
    return [text for value in node for text in _texts(value)] if isinstance(node, list) else [str(node)]


if __name__ == "__main__":
    stale = [problem for rendered in sorted((NOTEBOOKS / "rendered").glob("*.ipynb")) for problem in problems(rendered)]
    sys.exit("\n".join(stale) or 0)
