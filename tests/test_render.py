"""The executed copies that are committed: which they are, and what the hook finds in one (test_checks)."""

import nbformat
import pytest
import yaml
from conftest import ROOT

from adc.errors import UserError
from companion import data, execute, profile, render

COMMITTED = sorted(render.RENDERED.glob("*.ipynb"))


def shown() -> list[tuple[str, str, str, str]]:
    """Profile, name of the data, dataset and job of every copy that render makes."""
    result = []
    for name, of_profile in render.SHOWN.items():
        for label, (dataset, jobs) in of_profile.items():
            result += [(name, label, dataset, job) for job in jobs]
    return result


def copy_of(job: str, label: str) -> str:
    return f"{job.partition('-')[0]}-{label}"


def test_the_copies_are_those_that_render_makes():
    names = {copy_of(job, label): name for name, label, _, job in shown()}
    there = {path.stem for path in COMMITTED}
    assert there <= {*names} and {copy for copy, name in names.items() if name == "quick"} <= there


@pytest.mark.parametrize(
    "name, label, dataset, job",
    [each for each in shown() if (render.RENDERED / f"{copy_of(each[3], each[1])}.ipynb").exists()],
)
def test_a_committed_copy_has_its_profiles_parameters(name, label, dataset, job):
    config = yaml.safe_load((ROOT / "notebooks" / "profiles" / f"{name}.yaml").read_text())
    planned, notebook = profile.jobs(config), job.partition("-")[0]
    given = planned.get(dataset, planned["movielens"])[job]
    given |= {"dataset": dataset} if dataset not in planned else {}  # a file that is not in the project
    mark = nbformat.read(render.RENDERED / f"{notebook}-{label}.ipynb", as_version=4).metadata["adc"]
    expected = execute.defaults(execute.notebooks()[notebook]) | given
    free = {"device": "", "progress": []}  # where it ran, and how far a report was
    assert mark["profile"] == name and mark["parameters"] | free == expected | free
    assert "synthetic" in mark["data"] or "twin" not in label


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A checkout with one notebook, and what it left when executed, with words of where that was."""
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(render, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(render, "RENDERED", tmp_path / "notebooks" / "rendered")
    monkeypatch.setattr(render, "SHOWN", {"quick": {"twin": ("twin-s0.03", ("07_toy-seed0",))}})
    monkeypatch.setattr(data, "label", lambda dataset: "synthetic twin")
    words = f"wrote {tmp_path}/home/data/runs/x\n/tmp/ipykernel_7/1.py:3: Warning\nhttps://a.org/tmp/x"
    outputs = [
        nbformat.v4.new_output("stream", text=words),
        nbformat.v4.new_output("display_data", {"image/png": "AAAA+/tmp/AAAA", "text/plain": "<Figure>"}),
    ]
    tagged = {"tags": ["parameters"], "papermill": {"duration": 1}}
    cells = [
        nbformat.v4.new_code_cell("x = 1", metadata=tagged),
        nbformat.v4.new_code_cell("print(x) # see 06_depth.ipynb#a and extras/10_x.ipynb#b", outputs=outputs),
    ]
    notebook, source = nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "07_toy.ipynb"
    place = tmp_path / "home" / "data" / "executed" / "quick" / "twin-s0.03"
    for folder in (source.parent, place):
        folder.mkdir(parents=True)
    nbformat.write(notebook, source)
    mark = {"notebook": "notebooks/07_toy.ipynb", "source": execute.digest(source), "parameters": {"x": 1}}
    notebook.metadata["adc"] = mark | {"versions": {"adc": "0"}, "date": "2026-01-31"}
    nbformat.write(notebook, place / "07_toy-seed0.ipynb")
    return source


@pytest.fixture
def rendered(toy):
    (copy,) = render.write("quick")
    assert copy.name == "07_toy-twin.ipynb"
    return copy


def test_a_fresh_copy_is_sound_stamped_linked_and_scrubbed(rendered):
    assert render.problems(rendered) == []
    notebook = nbformat.read(rendered, as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == ["cell-0", "data", "cell-1", "stamp"]
    assert notebook.cells[1].source == "> Data: **synthetic twin**."
    assert notebook.cells[3].source.startswith("> Rendered 2026-01-31 from `notebooks/07_toy.ipynb`")
    assert "synthetic twin" in notebook.cells[3].source and "papermill" not in rendered.read_text()
    assert "see ../06_depth.ipynb#a and ../extras/10_x.ipynb#b" in notebook.cells[2].source
    stream, picture = notebook.cells[2].outputs
    assert stream.text == "wrote ./data/runs/x\n…/1.py:3: Warning\nhttps://a.org/tmp/x"
    assert picture.data["image/png"] == "AAAA+/tmp/AAAA"


def test_what_is_not_executed_or_not_shown_is_told(toy, tmp_path):
    with pytest.raises(UserError, match="nothing is shown. Known: quick"):
        render.write("own")
    (tmp_path / "home/data/executed/quick/twin-s0.03/07_toy-seed0.ipynb").unlink()
    with pytest.raises(UserError, match="is missing. Run ./run_all.sh --profile quick"):
        render.write("quick")


def edited(path, edit):
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


ERROR = nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[])


@pytest.mark.parametrize("edit, message", [
    (lambda n: n.cells[0].outputs.append(ERROR), "holds an error"),
    (lambda n: n.cells[0].update(source="open('/home/me/x.csv')"), "machine path /home/me/x.csv"),
    (lambda n: n.cells[2].outputs[0].update(text="in /root/adc/data"), "machine path /root/adc/data"),
    (lambda n: n.cells[3].update(source="> Rendered yesterday"), "no cell that says what its stamp says"),
    (lambda n: n.metadata.pop("adc"), "carries no stamp"),
    (lambda n: (n.cells[2].update(source="figures.stars(x)"), n.cells[2].outputs.pop()), "shows no picture"),
])  # fmt: skip
def test_a_spoilt_copy_is_found(rendered, edit, message):
    edited(rendered, edit)
    assert [problem for problem in render.problems(rendered) if message in problem]


def test_a_copy_is_stale_once_its_source_changes_but_not_by_running_it(rendered, toy):
    edited(toy, lambda n: n.cells[1].outputs.clear())
    assert render.problems(rendered) == []
    edited(toy, lambda n: n.cells[1].update(source="print(x + 1)"))
    assert "is stale" in render.problems(rendered)[0]
    toy.unlink()
    assert "is stale" in render.problems(rendered)[0]


def test_links_between_notebooks_lead_to_the_copies():
    text = "see 05_performance.ipynb#How-sure and extras/13_studies.ipynb#x and ../10_explore.ipynb#y"
    there = "see 05_performance-movielens.ipynb#How-sure and ../extras/13_studies.ipynb#x and "
    assert render.linked(text, "movielens") == there + "10_explore-movielens.ipynb#y"
    assert render.linked("[06](06_depth.ipynb)", "movielens") == "[06](06_depth-movielens.ipynb)"
    assert render.linked("06_depth.ipynb#x", "insteval") == "../06_depth.ipynb#x"
    assert render.linked("06_depth.ipynb#x", "twin_paper") == "06_depth-twin_paper.ipynb#x"
