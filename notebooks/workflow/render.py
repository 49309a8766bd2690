"""Executed copies for reading: `./run_all.sh render` puts them, stamped, into notebooks/rendered/."""

import re
from dataclasses import replace

import nbformat

from adc import files, paths
from adc.errors import UserError
from workflow import NOTEBOOKS, plan, readme, stamp
from workflow.options import Options

RENDERED = NOTEBOOKS / "rendered"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
# (notebook, dataset) -> the parameters that pick the one to show
SHOWN = {
    ("01_data", "movielens"): {},
    ("02_mf_init", "movielens"): {"seed": 0},
    ("03_train_adc", "movielens"): {"seed": 0, "hidden_layers": 3, "gamma": 2.0, "balancer": "gradnorm"},
    ("05_performance", "movielens"): {},
    ("06_depth", "movielens"): {},
    ("07_asymmetry", "movielens"): {},
    ("08_sensitivity", "movielens"): {},
    ("09_claims", "movielens"): {},
    ("10_explore", "movielens"): {},
    ("01_data", "twin"): {},
    ("05_performance", "twin"): {},
    ("09_claims", "twin"): {},
    ("12_controls", "twin"): {},
    ("14_map", "twin"): {},
}
# of the profile paper, on the twin at Table I's size
PAPER, FULL = "paper", "twin_paper"
OF_PAPER = ("05_performance", "06_depth", "07_asymmetry", "08_sensitivity", "09_claims")
# the profile of which any dataset's copies may be committed, and those that are; the files of the other two are not in the project
VARIANT, COMPARED = "variant", {"17_on_top": ("movielens", "ciao_small6", "epinions6_sparse")}
HASH = re.compile(r"-[0-9a-f]{8}$")  # of a file's content, in the name of its dataset
LINK = re.compile(r"\b(\d\d_\w+)\.ipynb#")


def options(asked: Options) -> Options:
    """Whatever the shown copies come from is run first, where it is not done already."""
    if asked.profile == VARIANT:
        return asked
    if asked.data:
        raise UserError("render shows movielens and twin, the profile paper the twin alone; leave out --data.")
    return replace(asked, data=["twin"] if asked.profile == PAPER else list(dict.fromkeys(source for _, source in SHOWN)))


def shown(planned: list[plan.Job], profile: str) -> list[tuple[plan.Job, str]]:
    """The jobs to copy and what their data are called there. Raises `UserError` where a profile lacks one."""
    if profile == VARIANT:
        return [(job, HASH.sub("", job.dataset)) for job in planned if job.notebook in COMPARED]
    if profile == PAPER:
        return [(pick(planned, notebook, "twin", {}), FULL) for notebook in OF_PAPER]
    return [(pick(planned, notebook, source, wanted), source) for (notebook, source), wanted in SHOWN.items()]


def write(planned: list[plan.Job], profile: str) -> None:
    """Copy the executed notebooks that are worth reading, scrubbed of this machine and stamped."""
    for job, source in shown(planned, profile):
        _copy(job, source, profile)
    if profile == VARIANT:
        return
    readme.write(list(dict.fromkeys(job.dataset for job in planned if job.notebook == plan.GATHER)), profile)
    print(f"Wrote the results in {readme.README.name}")


def _copy(job: plan.Job, source: str, profile: str) -> None:
    target = RENDERED / f"{job.notebook}-{source}.ipynb"
    executed = nbformat.read((paths.home() / "data" / job.output).with_suffix(".ipynb"), as_version=4)
    with files.aside(target) as partial:
        partial.write_text(linked(nbformat.writes(stamped(executed, profile)), source), encoding="utf-8")
    print(f"Rendered {target.relative_to(NOTEBOOKS.parent)}")


def linked(text: str, source: str) -> str:
    """A link to another notebook leads to its copy of the same data, or else to the notebook itself."""
    beside = OF_PAPER if source == FULL else [notebook for notebook, data in SHOWN if data == source]
    return LINK.sub(lambda at: f"{at[1]}-{source}.ipynb#" if at[1] in beside else f"../{at[1]}.ipynb#", text)


def pick(planned: list[plan.Job], notebook: str, source: str, wanted: dict) -> plan.Job:
    """The one job of a notebook and source with these parameters."""
    datasets = {job.dataset for job in planned if job.notebook == plan.DATA and job.parameters["dataset"] == source}
    for job in planned:
        if job.notebook == notebook and job.dataset in {*datasets, source} and wanted.items() <= job.parameters.items():
            return job
    which = f"{notebook} on {source}" + f" with {wanted}" * bool(wanted)
    raise UserError(f"The profile has no {which}, which render shows. Leave out --profile, or change the profile or SHOWN in {__file__}.")


def stamped(executed: nbformat.NotebookNode, profile: str) -> nbformat.NotebookNode:
    """The copy with its stamp as first cell and in its metadata, without ids, timings and paths of the machine."""
    mark = dict(executed.metadata["adc"]) | {"profile": profile}
    cells = [nbformat.v4.new_markdown_cell(stamp.visible(mark), id="stamp")]
    for number, cell in enumerate(executed.cells):
        cell = dict(cell) | {"id": f"cell-{number}", "metadata": {"tags": cell.metadata.get("tags", [])}}
        cells.append(cell | {"outputs": stamp.scrub(cell["outputs"])} if "outputs" in cell else cell)
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "adc": mark}
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
