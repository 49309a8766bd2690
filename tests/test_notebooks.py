"""Every notebook's form, its parameters against the package's, and all of them run once on a tiny dataset."""

import ast
import json
import re
from dataclasses import asdict
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest

from adc import baselines, data, paths, studies, train
from workflow import source

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
LINES = 20
TINY = {"dim": 4, "epochs": 2}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_story_is_complete():
    assert [path.stem[:2] for path in NOTEBOOKS[:5]] == ["01", "02", "03", "04", "05"]


@each
def test_notebook_is_a_valid_source_without_outputs(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(notebook))


@each
def test_notebook_begins_with_what_part_of_the_paper_it_is(path):
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith(f"# {path.stem[:2]} · ")
    assert "**The paper (§" in first.source


@each
def test_formulas_are_of_the_form_that_code_hosts_typeset(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            shown, around = re.findall(r"\$\$(.*?)\$\$", cell.source, re.S), re.sub(r"\$\$.*?\$\$", "", cell.source, flags=re.S)
            assert not [formula for formula in shown if re.search(r"\n\s*([-+*>#]|\d+[.)])", formula)], "a line begins a list"
            inline = re.findall(r"\$([^$]*)\$", around)
            assert not [formula for formula in inline if "\n" in formula or formula != formula.strip()], "broken, or spaces inside"
            assert around.count("$") % 2 == 0 and not re.search(r"\\[(\[]|\\(re)?newcommand|\\def\b", cell.source)


@each
def test_parameters_are_one_cell_of_flat_literals(path):
    assert {"dataset", "scale"} & set(source.parameters(path))


@each
def test_cells_are_short(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        if "parameters" not in cell.metadata.get("tags", []):  # 03 lists every parameter there is
            assert len(cell.source.splitlines()) <= LINES


@each
def test_no_other_cell_sets_a_parameter_again(path):
    names = set(source.parameters(path))
    for cell in code_cells(nbformat.read(path, as_version=4)):
        if "parameters" not in cell.metadata.get("tags", []):
            stored = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
            assert not names & {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def test_03_has_the_packages_defaults():
    found = source.parameters(source.path("03_train_adc"))
    assert found == asdict(train.Settings())
    assert {n: type(v) for n, v in found.items()} == {n: type(v) for n, v in asdict(train.Settings()).items()}


def test_04_has_every_parameter_of_every_method():
    found = source.parameters(source.path("04_baselines"))
    own = baselines.parameters()
    assert set(found) == {*baselines.COMMON, *own}
    assert all(found[name] is None for name in own)


def test_13_has_the_packages_defaults():
    found, usual = source.parameters(source.path("13_grid")), asdict(train.Settings())
    own = {"study", "depths", "gammas"}
    assert {name: value for name, value in found.items() if name not in own} == {name: usual[name] for name in {*found} - own}
    assert train.named(found["study"]) == [name for name in studies.STUDIES if name not in ("joint", "alone")]  # those of 15


@pytest.fixture
def tiny_table(tmp_path) -> Path:
    """Three domains, 60 users in two or three of them."""
    rng = np.random.default_rng(0)
    rows = [
        (domain, f"u{user}", f"i{item}", rng.integers(1, 6))
        for domain, items in (("films", 30), ("books", 25), ("Lieder für alle", 20))
        for user in rng.permutation(60)[: 2 * items]
        for item in rng.permutation(items)[: rng.integers(6, 15)]
    ]
    path = tmp_path / "my ratings.csv"
    pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_all_notebooks_run_in_order_from_any_folder(tmp_path, monkeypatch, tiny_table):
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    dataset = data.dataset_id(str(tiny_table))
    given = {
        "01_data": [{"dataset": str(tiny_table)}],
        "02_mf_init": [{"dataset": dataset, "dim": 4}],
        "03_train_adc": [{"dataset": dataset, "hidden_layers": 2, "pretraining_epochs": 1, **TINY}],
        "04_baselines": [{"dataset": dataset, "method": "bpr", **TINY}, {"dataset": dataset, "method": "popularity"}],
        "13_grid": [{"dataset": dataset, "study": "depth, sets", "depths": "2", "gammas": "2", "pretraining_epochs": 1, **TINY}],
        "05_performance": [{"dataset": dataset}],
        "10_explore": [{"dataset": dataset}],
        "15_own_ratings": [{"dataset": dataset}],
        "16_recommend": [{"dataset": dataset, "hidden_layers": 2, "epochs": 1}],
    }
    for stem, calls in given.items():
        for number, parameters in enumerate(calls):
            executed = tmp_path / f"{stem}-{number}.ipynb"
            source.check(source.path(stem), parameters, stem)
            papermill.execute_notebook(source.path(stem), executed, parameters, progress_bar=False)
            outputs = [output for cell in code_cells(nbformat.read(executed, as_version=4)) for output in cell.outputs]
            assert not [output for output in outputs if output.output_type == "error"]
            assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr" and "Warning" in o.text]
            assert not [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {}) and stem == "10_explore"]
    assert {path.name.split("-")[0] for path in paths.runs(dataset).iterdir()} == {"adc", "bpr", "popularity", "static"}
    (listed,) = (tmp_path / "home" / "data" / "studies" / dataset).glob("*/runs.json")
    # h=2 with and without pretraining, of which 03 has trained the first; gamma 2 and static on each set (the third domain alone is none)
    assert len(json.loads(listed.read_text())) == 6 and len([*paths.runs(dataset).iterdir()]) == 6 + 2 + 1  # 16 trains its own
    assert (paths.processed(dataset) / "mf" / "start-seed0-d4.parquet").is_file()
    figures = {path.name for path in paths.figures().iterdir()}
    assert {f"{what}-{dataset}-any.{e}" for what in ("fig2", "relative", "own-methods", "own-transfer") for e in ("pdf", "png", "json")} <= figures
    assert not any(elsewhere.iterdir())
