"""Every notebook's form, and the parameters of those that train; and all run once on a tiny dataset."""

import ast
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
import yaml

from adc.config import Config
from companion import data, execute, paths, registry

NOTEBOOKS = execute.notebooks()
LINES = 20
RUN_LISTS = ("03_train_adc", "04_baselines", "13_studies")

each = pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=lambda path: path.stem)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_papers_story_is_at_the_top_and_all_else_in_extras():
    assert [path.stem[:2] for path in NOTEBOOKS.values()] == [f"{n:02}" for n in range(1, len(NOTEBOOKS) + 1)]
    assert all((path.parent.name == "extras") == (name >= "10") for name, path in NOTEBOOKS.items())


@each
def test_notebook_is_valid_and_begins_with_what_part_of_the_paper_it_is(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and "**The paper (§" in first.source
    assert first.source.startswith(f"# {path.stem[:2]} · ")


@each
def test_formulas_are_of_the_form_that_code_hosts_typeset(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            shown = re.findall(r"\$\$(.*?)\$\$", cell.source, re.DOTALL)
            around = re.sub(r"\$\$.*?\$\$", "", cell.source, flags=re.DOTALL)
            assert not [formula for formula in shown if re.search(r"\n\s*([-+*>#]|\d+[.)])", formula)]
            inline = re.findall(r"\$([^$]*)\$", around)
            assert not [formula for formula in inline if "\n" in formula or formula != formula.strip()]
            assert around.count("$") % 2 == 0
            assert not re.search(r"\\[(\[]|\\(re)?newcommand|\\def\b", cell.source)


@each
def test_parameters_are_a_dozen_literals_that_no_other_cell_sets_and_cells_are_short(path):
    known = set(execute.defaults(path))
    assert {"dataset", "worlds"} & known and len(known) <= 15
    for cell in code_cells(nbformat.read(path, as_version=4)):
        if "parameters" not in cell.metadata.get("tags", []):
            lines = [line for line in cell.source.splitlines() if not re.match(r"(from|import) ", line)]
            names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
            assert len(lines) <= LINES
            assert not known & {node.id for node in names if isinstance(node.ctx, ast.Store)}


def test_run_all_in_lab_is_the_run_of_table_2():
    """What 03 trains by its own defaults is what the search found for MovieLens."""
    known, result = execute.defaults(NOTEBOOKS["03_train_adc"]), registry.tuned("adc", "movielens")
    usual = Config(**{name: value for name, value in known.items() if name in Config.__dataclass_fields__})
    assert known["dataset"] == "movielens" and known["settings"] == {}
    assert {name: getattr(usual, name) for name in result} == result
    claims = yaml.safe_load((execute.NOTEBOOKS / "profiles/claims.yaml").read_text(encoding="utf-8"))
    assert {name: known[name] for name in ("epochs", "patience")}.items() <= claims["13_studies"].items()
    assert {name for name, path in NOTEBOOKS.items() if "run_list" in execute.defaults(path)} == {*RUN_LISTS}


@pytest.fixture
def tiny_table(tmp_path) -> Path:
    """Three domains, 60 users in two or three of them; their names are markup, formulas and hidden labels."""
    rng = np.random.default_rng(0)
    rows = [
        (domain, f"<u>{user}", f"i{item}", rng.integers(1, 6), f"<script>alert({item})</script> $x$")
        for domain, items in (("<script>a $5_$10", 30), ("_books*", 25), ("Lieder für alle", 20))
        for user in rng.permutation(60)[: 2 * items]
        for item in rng.permutation(items)[: rng.integers(6, 15)]
    ]
    path = tmp_path / "my <i>ratings $5_$.csv"
    pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "title"]).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_all_notebooks_run_in_order_from_any_folder(tmp_path, monkeypatch, tiny_table):
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    dataset, short = data.dataset_id(str(tiny_table)), {"dim": 4, "epochs": 2}
    settings = {"dim": 4, "pretraining_epochs": 1}
    studies = {"studies": ["depth", "pretraining", "sets"], "depths": [2], "gammas": [2.0]}
    given = {
        "01_data": {"dataset": str(tiny_table)}, "02_mf_init": {"dim": 4},
        "03_train_adc": {"hidden_layers": 2, "epochs": 2, "settings": settings},
        "04_baselines": {"methods": ["bpr", "popularity"], **short},
        "13_studies": studies | short | {"pretraining_epochs": 1},
        "05_performance": {}, "10_explore": {}, "15_own_ratings": {},
        "16_recommend": {"methods": ["popularity", "ease_merged"]},
    }  # fmt: skip
    for name, parameters in given.items():
        executed = tmp_path / f"{name}.ipynb"
        parameters = {"dataset": dataset, **parameters}
        parameters |= {"run_list": f"{name}.json"} if name in RUN_LISTS else {}
        execute.check(NOTEBOOKS[name], parameters, name)
        papermill.execute_notebook(NOTEBOOKS[name], executed, parameters, progress_bar=False)
        outputs = [o for cell in code_cells(nbformat.read(executed, as_version=4)) for o in cell.outputs]
        assert not [o for o in outputs if o.output_type == "error"]
        streams = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
        assert not [text for text in streams if "Warning" in text]
        data_of = [o.get("data", {}) for o in outputs]
        shown = "".join(form.get("text/html", "") + form.get("text/markdown", "") for form in data_of)
        assert not re.search("<script>a|<u>|<i>rat", shown), name  # names are text
        widgets = [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
        assert not widgets or name != "10_explore"
    methods = {path.name.split("-")[0] for path in paths.runs(dataset).iterdir()}
    assert methods == {"adc", "bpr", "popularity", "static"}  # 16 trains none where runs are stored
    # h = 2 with and without pretraining; γ = 2 and static on each set (a third domain alone is none)
    lists = {name: json.loads((tmp_path / "home/data" / f"{name}.json").read_text()) for name in RUN_LISTS}
    assert [len(runs) for runs in lists.values()] == [1, 2, 6]
    assert [*(paths.processed(dataset) / "mf").glob("*.parquet")]
    figures = {path.name for path in paths.figures().iterdir()}
    assert {f"{what}-{dataset}-any.pdf" for what in ("fig2", "relative", "own-methods")} <= figures
    assert not any(elsewhere.iterdir())
