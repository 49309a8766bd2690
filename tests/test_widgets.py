"""Notebook 10's controls without a browser: what a choice changes, and what stands where there are none."""

import asyncio

import ipywidgets as W
import pytest
from films import TINY, dataset, home, prepare_films  # noqa: F401
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from adc.errors import UserError
from companion import paths, registry
from companion.use.explore import lookup, page
from companion.use.explore.page import Page

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture(scope="module")
def two_seeds(dataset):
    other = registry.configure("adc", dataset, seed=1, hidden_layers=2, **TINY)
    registry.train(other, show=False)


@pytest.fixture
def shown(monkeypatch) -> list:
    """What is displayed, in the order of display."""
    contents = []
    monkeypatch.setattr(page, "display", lambda *objects: contents.extend(objects))
    monkeypatch.setattr(page, "fill", lambda _, objects: contents.extend(objects))
    return contents


@pytest.fixture
def small(two_seeds, dataset, monkeypatch, shown) -> str:
    """The dataset, on which live trainings take a moment."""
    monkeypatch.setattr(page, "LIVE", page.LIVE | {"dim": 4, "epochs": 3})
    return dataset


@pytest.fixture
def reader(small, monkeypatch) -> Page:
    """The page before somebody who can click."""
    monkeypatch.setattr(page, "has_reader", lambda: True)
    opened = Page(small)
    opened.run.value = next(run for run in opened.run.options if run[1].config["seed"] == 0)[1]
    return opened


def inside(box: W.Widget, kind: type, **traits) -> list:
    """All widgets of a kind in a box, by their traits."""
    own = isinstance(box, kind) and all(getattr(box, name) == value for name, value in traits.items())
    widgets = [box] if own else []
    for child in getattr(box, "children", ()):
        widgets += inside(child, kind, **traits)
    return widgets


async def finish() -> None:
    """Let the event loop run until all trainings have ended."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*tasks, return_exceptions=True)


def html(contents: list) -> str:
    parts = [one.to_html() if isinstance(one, Styler) else str(getattr(one, "data", "")) for one in contents]
    return " ".join(parts)


def test_a_page_without_front_end_has_no_reader():
    assert not page.has_reader()


def test_without_a_run_a_small_one_is_trained_and_stored(tmp_path, monkeypatch, shown):
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(lookup, "SMALL", lookup.SMALL | {"epochs": 1, "dim": 4, "pretraining_epochs": 1})
    monkeypatch.setattr(lookup, "SHORT", {"epochs": 1})
    dataset = prepare_films(tmp_path)
    opened = Page(dataset, profile="quick")
    methods = {path.name.split("-")[0] for path in paths.runs(dataset).iterdir()}
    assert methods == {"adc", "bpr", "popularity"} and all(opened.models.values())


def test_without_a_reader_the_same_is_shown(small, shown):
    opened = Page(small, user="u5", target="Drama")
    sections = (opened.person, opened.recommended, opened.drivers, opened.training, opened.compare)
    for section in sections:
        before = len(shown)
        assert section() is None and len(shown) > before
    assert "User **u5**" in html(shown) and "Largest difference of z" in html(shown)
    assert len([one for one in shown if isinstance(one, Figure)]) == 2


def test_an_unknown_target_or_user_is_told(dataset):
    with pytest.raises(UserError, match="Unknown domain 'Western'"):
        Page(dataset, target="Western")
    with pytest.raises(UserError, match="'Western' is neither"):
        Page(dataset, user="Western")


def test_a_search_changes_the_lists_and_a_slip_is_told(reader, shown):
    reader.person(), reader.recommended()
    shown.clear()
    reader.query.value = "u7"
    assert reader.user.value == "u7" and "User **u7**" in html(shown)
    reader.query.value = "active in Dramo"
    assert "Did you mean" in reader.note.value and reader.user.value == "u7"
    reader.query.value = "active in Drama and Comedy"
    assert reader.user.value == "u7"  # who is among them stays
    shown.clear()
    reader.target.value = "Drama"
    assert "ADC: " in html(shown) and "BPR: " in html(shown)
    reader.user.value = reader.user.options[-1][1]
    assert reader.user.value != "u7" and f"User **{reader.user.value}**" in html(shown)


def test_another_run_can_be_chosen_and_the_query_stays(reader, shown):
    reader.person()
    reader.query.value = "active in Drama and Comedy"
    shown.clear()
    reader.run.value = next(run for _, run in reader.run.options if run.config["seed"] == 1)
    assert reader.adc.run is not None and reader.adc.run.config["seed"] == 1
    assert "BPR `none`" in html(shown) and reader.query.value == "active in Drama and Comedy"


def test_a_damaged_run_is_told_and_the_page_stays_as_it_was(reader, monkeypatch):
    def damaged(*_):
        raise UserError("model.npz is damaged.")

    before = reader.models
    monkeypatch.setattr(lookup, "load_models", damaged)
    reader.run.value = next(run for _, run in reader.run.options if run.config["seed"] == 1)
    assert reader.note.value == "model.npz is damaged." and reader.models is before


def test_the_network_is_asked_once_and_follows_the_user(reader, shown):
    async def ask() -> None:
        (button,) = inside(box, W.Button, description="Ask the network")
        button.click()
        await finish()

    box = reader.drivers()
    assert not shown
    asyncio.run(ask())
    assert "Largest difference of z from what the run stored: 0.0e+00" in html(shown)
    shown.clear()
    reader.user.value = next(user for _, user in reader.user.options if user != reader.user.value)
    assert "of 10 stay" in html(shown)


def test_a_slider_trains_anew_and_the_training_before_stays_in_grey(reader, shown):
    async def move() -> None:
        box = reader.training()  # trains at once
        await finish()
        assert reader.history["epoch"].max() == 3 and "weight w_k" in html(shown)
        first, before = reader.history, sorted(paths.home().rglob("*"))
        shown.clear()
        inside(box, W.IntSlider)[0].value = 3
        inside(box, W.FloatSlider)[0].value = 0.5  # at once: the first of the two is given up
        await finish()
        figures = [one for one in shown if isinstance(one, Figure)]
        assert len(figures) == 3 and figures[-1].get_suptitle().startswith("γ = 0.5, h = 3")
        grey = [line for line in figures[-1].axes[0].get_lines() if line.get_color() == "0.6"]
        assert len(grey) == 3 and len(grey[0].get_xdata()) == 3 and reader.history is not first
        assert sorted(paths.home().rglob("*")) == before

    asyncio.run(move())


def test_a_stopped_training_ends(reader, shown):
    async def stop() -> None:
        box = reader.training()
        await asyncio.sleep(0)
        inside(box, W.Button, description="Stop")[0].click()
        await finish()
        assert inside(box, W.Label)[0].value == "Stopped." and reader.history is None

    asyncio.run(stop())


def test_runs_are_compared_as_they_are_marked(reader, shown):
    box = reader.compare()
    (runs,), (domain,) = inside(box, W.SelectMultiple), inside(box, W.Dropdown)
    assert len(runs.options) == 4 and len(runs.value) == 4 and isinstance(shown[-1], Figure)
    runs.value = runs.value[:2]
    domain.value = "Drama"
    assert list(shown[-2].columns) == [lookup.run_name(run) for run in runs.value]
    assert "Drama, every item" in shown[-1].get_suptitle()
