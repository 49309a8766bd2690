"""The executed copies that are committed: they must be those of the sources beside them, and of nobody's machine."""

import nbformat
import pytest

from adc.errors import UserError
from workflow import NOTEBOOKS, options, plan, profile, render, source, stamp

COMMITTED = sorted((NOTEBOOKS / "rendered").glob("*.ipynb"))


@pytest.mark.parametrize("rendered", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_copy_is_of_the_source_beside_it(rendered):
    assert stamp.problems(rendered) == []


@pytest.mark.skipif(not COMMITTED, reason="nothing rendered yet")
def test_the_copies_are_those_that_render_makes():
    compared = [(notebook, data) for notebook, found in render.COMPARED.items() for data in found]
    large = [(notebook, render.FULL) for notebook in render.OF_PAPER]
    assert {path.stem for path in COMMITTED} == {f"{notebook}-{data}" for notebook, data in [*render.SHOWN, *compared, *large]}


OF_VARIANT = [path for path in COMMITTED if path.stem.rpartition("-")[0] in render.COMPARED]
OF_PAPER = [path for path in COMMITTED if path.stem.rpartition("-")[2] == render.FULL]
OF_QUICK = [path for path in COMMITTED if path not in OF_VARIANT + OF_PAPER]


@pytest.mark.parametrize("rendered", OF_QUICK, ids=lambda path: path.stem)
def test_a_committed_copy_has_the_quick_profiles_parameters(rendered):
    mark = nbformat.read(rendered, as_version=4).metadata["adc"]
    assert mark["profile"] == "quick"
    notebook, _, data = rendered.stem.rpartition("-")
    planned = plan.jobs(render.options(options.Options()))
    same = render.pick(planned, notebook, data, render.SHOWN[notebook, data]).parameters
    assert {**mark["parameters"], "device": ""} == {**same, "device": ""}
    assert "synthetic" in mark["data"] or data != "twin"


@pytest.mark.parametrize("rendered", OF_PAPER, ids=lambda path: path.stem)
def test_a_committed_copy_at_the_papers_size_has_that_profiles_parameters(rendered):
    mark = nbformat.read(rendered, as_version=4).metadata["adc"]
    notebook = rendered.stem.rpartition("-")[0]
    planned = plan.jobs(render.options(options.Options(profile=render.PAPER)))
    assert mark["profile"] == render.PAPER and "synthetic" in mark["data"]
    assert mark["parameters"] == render.pick(planned, notebook, "twin", {}).parameters


@pytest.mark.parametrize("rendered", OF_VARIANT, ids=lambda path: path.stem)
def test_a_committed_copy_of_the_variant_has_its_profiles_parameters(rendered):
    mark, (entry,) = nbformat.read(rendered, as_version=4).metadata["adc"], profile.named(render.VARIANT).entries("17_on_top")
    assert mark["profile"] == render.VARIANT
    assert mark["parameters"] == source.parameters(source.path("17_on_top")) | entry | {"dataset": mark["parameters"]["dataset"]}


def test_render_shows_notebooks_of_the_quick_profile():
    assert {notebook for notebook, _ in render.SHOWN} <= {plan.DATA, *profile.named("quick").notebooks}


# The check itself can fail


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """An executed notebook whose outputs tell where they were made."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    cells = [
        nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"], "papermill": {"duration": 1}}),
        nbformat.v4.new_code_cell(
            "print(x)",
            outputs=[
                nbformat.v4.new_output(
                    "stream",
                    text=f"wrote {tmp_path}/home/data/runs/x\n/tmp/ipykernel_7/1.py:3: Warning\nhttps://a.org/tmp/x",
                ),
                nbformat.v4.new_output("display_data", {"image/png": "AAAA+/tmp/AAAA", "text/plain": "<Figure>"}),
            ],
        ),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, tmp_path / "07_toy.ipynb")
    mark = {
        "notebook": "notebooks/07_toy.ipynb",
        "source": source.digest(tmp_path / "07_toy.ipynb"),
        "parameters": {"x": 1},
    }
    notebook.metadata["adc"] = mark | {
        "data": "synthetic twin",
        "code": "0123",
        "versions": {"adc": "0"},
        "date": "2026-01-31",
    }
    return notebook


@pytest.fixture
def rendered(executed, tmp_path):
    path = tmp_path / "07_toy-twin.ipynb"
    nbformat.write(render.stamped(executed, "quick"), path)
    return path


def test_copies_of_the_variant_bear_their_files_name_without_its_hash(executed, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(render, "RENDERED", tmp_path / "notebooks" / "rendered")
    planned = [plan.Job(name, data, {}, f"reports/variant/{data}/{name}.html")
               for data in ("movielens", "my-table-0123abcd") for name in (plan.DATA, "17_on_top")]  # fmt: skip
    for job in planned:
        place = (tmp_path / "home" / "data" / job.output).with_suffix(".ipynb")
        place.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(executed, place)
    render.write(planned, render.VARIANT)
    names = {path.name for path in (tmp_path / "notebooks" / "rendered").iterdir()}
    assert names == {"17_on_top-movielens.ipynb", "17_on_top-my-table.ipynb"}
    asked = options.Options(profile=render.VARIANT, data=["my.csv"])
    assert render.options(asked) == asked  # whereas the quick profile's copies are of its own data
    with pytest.raises(UserError, match="leave out --data"):
        render.options(options.Options(data=["my.csv"]))


def test_a_fresh_copy_is_sound_stamped_and_scrubbed(rendered, tmp_path):
    assert stamp.problems(rendered, tmp_path) == []
    notebook = nbformat.read(rendered, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("> Rendered 2026-01-31 from `notebooks/07_toy.ipynb`")
    assert "synthetic twin" in notebook.cells[0].source and "papermill" not in rendered.read_text()
    stream, picture = notebook.cells[2].outputs
    assert stream.text == "wrote ./data/runs/x\n…/1.py:3: Warning\nhttps://a.org/tmp/x"
    assert picture.data["image/png"] == "AAAA+/tmp/AAAA"


def edited(path, edit):
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


@pytest.mark.parametrize(
    "edit, told",
    [
        (
            lambda n: n.cells[1].outputs.append(nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[])),
            "holds an error",
        ),
        (lambda n: n.cells[1].update(source="open('/home/somebody/x.csv')"), "machine path /home/somebody/x.csv"),
        (lambda n: n.cells[2].outputs[0].update(text="in /root/adc/data"), "machine path /root/adc/data"),
        (lambda n: n.cells[0].update(source="> Rendered yesterday"), "does not say what its stamp says"),
        (lambda n: n.metadata.pop("adc"), "carries no stamp"),
        (lambda n: (n.cells[2].update(source="plots.stars(x)"), n.cells[2].outputs.pop()), "shows no picture"),
    ],
)
def test_a_spoilt_copy_is_found(rendered, tmp_path, edit, told):
    edited(rendered, edit)
    assert [problem for problem in stamp.problems(rendered, tmp_path) if told in problem]


def test_a_copy_is_stale_once_its_source_changes_but_not_by_running_it(rendered, tmp_path):
    notebook = tmp_path / "07_toy.ipynb"
    edited(notebook, lambda n: n.cells[1].outputs.clear())
    assert stamp.problems(rendered, tmp_path) == []
    edited(notebook, lambda n: n.cells[1].update(source="print(x + 1)"))
    assert "is stale" in stamp.problems(rendered, tmp_path)[0]
    notebook.unlink()
    assert "is stale" in stamp.problems(rendered, tmp_path)[0]


def test_links_between_notebooks_lead_to_the_copies():
    text = "see 05_performance.ipynb#How-sure and 13_grid.ipynb#x"
    assert render.linked(text, "movielens") == "see 05_performance-movielens.ipynb#How-sure and ../13_grid.ipynb#x"
    assert render.linked("06_depth.ipynb#x", "twin") == "../06_depth.ipynb#x"
    assert render.linked("06_depth.ipynb#x", render.FULL) == "06_depth-twin_paper.ipynb#x"
