"""Executed copies for reading: `./run_all.sh render` puts them, stamped, into notebooks/rendered/.

`python -m companion.render PROFILE` copies what that profile left in data/executed/, and of the profile
`claims` writes docs/claims.json from the same runs; with `--check` in place of a profile it tells what is
wrong with the copies that are there."""

import re
import sys
from pathlib import Path

import nbformat

from adc.errors import UserError
from companion import data, files, paths
from companion.claims import export
from companion.execute import NOTEBOOKS, digest

RENDERED = NOTEBOOKS / "rendered"
REPORTS = ("05_performance", "06_depth", "07_asymmetry", "08_sensitivity")
TRAINING = ("01_data", "02_mf_init", "03_train_adc", "04_baselines-seed0")
# profile -> name of the data in the copies' names -> dataset, and the jobs that are worth reading
SHOWN = {
    "quick": {
        "movielens": ("movielens", (*TRAINING, "10_explore")),
        "insteval": ("insteval", ("01_data",)),
        "control": ("control", ("01_data",)),
        "twin": ("control", ("18_forensics",)),  # beside the controls' page; its ratings are its own
    },
    "claims": {
        "movielens": ("movielens", (*REPORTS, "09_claims")),
        "insteval": ("insteval", ("05_performance", "09_claims")),
        "control": ("control", ("12_controls",)),
    },
    "paper": {
        "control": ("control", ("14_map",)),
        "twin_paper": ("twin-t1.0", (*REPORTS, "09_claims")),
    },
    "own": {"ciao_small6": ("ciao_small6-2691f09c", ("15_own_ratings",))},
    "variant": {
        "movielens": ("movielens", ("17_on_top",)),
        "ciao_small6": ("ciao_small6-2691f09c", ("17_on_top",)),
        "epinions6_sparse": ("epinions6_sparse-f0f92a1f", ("17_on_top",)),
    },
}
STAMP_CELLS = ("data", "stamp")  # ids of the cells that are no notebook's own: below its title, and last
OWN_DATA = dict.fromkeys(("12_controls", "14_map"), "synthetic control worlds, made by the notebook itself")
OWN_DATA["18_forensics"] = "synthetic twin of Table I, made by the notebook itself"
LINK = re.compile(r"(?:\.\./|extras/)*\b(\d\d_\w+)\.ipynb(?=[#)])")
# a path of somebody's machine; URLs and paths relative to the data folder are none
MACHINE = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|work|opt|usr|var|private|mnt|media)/[^\s'\"<>)]*")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write(profile: str) -> list[Path]:
    """Copy a profile's executed notebooks that are worth reading, as far as its data were run; the copies."""
    copies = {}
    for name, (dataset, jobs) in SHOWN.get(profile, {}).items():
        place = paths.home() / "data" / "executed" / profile / dataset
        for job in jobs if place.is_dir() else ():
            try:
                executed = nbformat.read(place / f"{job}.ipynb", as_version=4)
            except FileNotFoundError as error:
                words = f"{error.filename} is missing. Run ./run_all.sh --profile {profile} first."
                raise UserError(words) from error
            text = nbformat.writes(stamped(executed, profile, dataset))
            copies[RENDERED / f"{job.partition('-')[0]}-{name}.ipynb"] = linked(text, name)
    for target, text in copies.items():
        with files.atomic(target) as partial:
            partial.write_text(text, encoding="utf-8")
    if not copies:
        raise UserError(f"Of the profile {profile} nothing is shown. Known: {', '.join(SHOWN)}.")
    return [*copies]


def stamped(executed: nbformat.NotebookNode, profile: str, dataset: str) -> nbformat.NotebookNode:
    """The copy, its data below the title, its stamp at the foot, without ids, timings and machine paths."""
    stamp = dict(executed.metadata["adc"])
    stamp |= {"profile": profile, "data": OWN_DATA.get(Path(stamp["notebook"]).stem) or data.label(dataset)}
    data_cell = nbformat.v4.new_markdown_cell(f"> Data: **{stamp['data']}**.", id="data")
    cells = []
    for number, cell in enumerate(executed.cells):
        copy = dict(cell) | {"id": f"cell-{number}", "metadata": {"tags": cell.metadata.get("tags", [])}}
        cells.append(copy | {"outputs": scrub(cell["outputs"])} if "outputs" in cell else copy)
    cells.insert(1, data_cell)
    cells.append(nbformat.v4.new_markdown_cell(visible(stamp), id="stamp"))
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "adc": stamp}
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def visible(stamp: dict) -> str:
    """A stamp for the reader, as Markdown."""
    values = ", ".join(f"{name} = {value!r}" for name, value in stamp["parameters"].items())
    versions = ", ".join(f"{name} {version}" for name, version in stamp["versions"].items())
    return (
        f"> Rendered {stamp['date']} from `{stamp['notebook']}` (sha256 {stamp['source'][:12]}) with the "
        f"`{stamp['profile']}` profile; data: **{stamp['data']}**.  \n"
        f"> Parameters: `{values}`.  \n> {versions}."
    )


def linked(text: str, name: str) -> str:
    """A link to another notebook leads to its copy of the same data, or else to the notebook itself."""
    jobs = [job for copies in SHOWN.values() if name in copies for job in copies[name][1]]
    with_copy = {job.partition("-")[0] for job in jobs}

    def lead(match: re.Match) -> str:
        notebook = match[1]
        folder = "../extras" if notebook >= "10" else ".."
        return f"{notebook}-{name}.ipynb" if notebook in with_copy else f"{folder}/{notebook}.ipynb"

    return LINK.sub(lead, text)


def scrub(node):
    """Replace the paths of this machine in a notebook's outputs; pictures are left alone."""
    if isinstance(node, dict):
        return {key: value if key.startswith("image/") else scrub(value) for key, value in node.items()}
    if isinstance(node, list):
        return [scrub(value) for value in node]
    if not isinstance(node, str):
        return node
    for place, name in ((paths.home().resolve(), "."), (NOTEBOOKS.parent, "."), (Path.home(), "~")):
        node = node.replace(f"{place}/", f"{name}/")
    return MACHINE.sub(lambda match: f"…/{Path(match.group()).name}", node)


def problems(rendered: Path) -> list[str]:
    """What is wrong with a copy: no stamp or a stale one, an error, no picture, a path of a machine."""
    notebook = nbformat.read(rendered, as_version=4)
    stamp = notebook.metadata.get("adc", {})
    if not stamp:
        return [f"{rendered.name} carries no stamp; make it with `./run_all.sh render`"]
    shown = [cell.source for cell in notebook.cells if cell.get("id") == "stamp"]
    source = NOTEBOOKS.parent / stamp["notebook"]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    drawn = any(re.search(r"\bfigures\.", cell.source) for cell in notebook.cells if cell.cell_type == "code")
    wrong = {
        "is stale: its notebook has changed; `./run_all.sh render` refreshes it":
            not source.is_file() or digest(source) != stamp["source"],
        "has no cell that says what its stamp says": [visible(stamp)] != shown,
        "holds an error": any(output.output_type == "error" for output in outputs),
        "shows no picture, though its notebook draws":
            drawn and not any("image/png" in output.get("data", {}) for output in outputs),
    }  # fmt: skip
    texts = [text for cell in notebook.cells for text in [cell.source, *_texts(cell.get("outputs", []))]]
    faults = [problem for problem, is_so in wrong.items() if is_so]
    faults += [f"holds the machine path {path}" for text in texts for path in MACHINE.findall(text)]
    return [f"{rendered.name} {problem}" for problem in faults]


def _texts(node) -> list[str]:
    """Every text in a notebook's outputs, pictures left out."""
    if isinstance(node, dict):
        return [text for key, value in node.items() if not key.startswith("image/") for text in _texts(value)]
    return [text for value in node for text in _texts(value)] if isinstance(node, list) else [str(node)]


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit("\n".join(text for file in sorted(RENDERED.glob("*.ipynb")) for text in problems(file)) or 0)
    with files.exit_on_error():
        for copy in write(sys.argv[1]):
            print(f"Rendered {copy.relative_to(NOTEBOOKS.parent)}")
        if sys.argv[1] == export.PROFILE:
            print(f"{export.FILE.relative_to(NOTEBOOKS.parent)}: {len(export.write())} records")
