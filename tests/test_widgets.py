"""Notebook 10's controls without a browser: what a click changes, and what stands on a page that nobody can click."""

import threading
from html import unescape

import films
import ipywidgets as W
import pandas as pd
import pytest
from IPython.display import HTML, Image

from adc import data, paths, plots, train
from adc.errors import UserError
from adc.explore import live, lookup, task, watch, widgets

WAIT = 600  # seconds at most; a training here takes one or two, a busy machine longer


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lookup, "SMALL", lookup.SMALL | {"epochs": 2, "dim": 4, "pretraining_epochs": 1})
    monkeypatch.setattr(live, "LIVE", live.LIVE | {"dim": 4, "epochs": 3})
    plots.style()


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path / "home"))
    return films.prepared(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(place))
        name = films.prepared(place)
        for config in films.configurations(name):
            watch.run(config, lambda passes: None)
    return place, name


@pytest.fixture
def trained(once, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(once[0]))
    return once[1]


@pytest.fixture(scope="module")
def books(once):
    """A second dataset beside the first, untrained: other domains, and users whose ids are numbers."""
    place, _ = once
    table = pd.read_csv(place / "films.csv", keep_default_na=False)
    table["domain"] = table["domain"].map(dict(zip(films.DOMAINS, ("Novels", "Poems", "Plays"), strict=True)))
    table.assign(user=table["user"].str[1:]).to_csv(place / "books.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(place))
        return data.prepare(str(place / "books.csv")).name


def page(dataset: str, usable: bool = True, **given) -> widgets.Lab:
    lab = widgets.Lab(dataset, **given)
    lab.usable = usable
    return lab


def inside(box: W.Widget, kind: type, **traits) -> list:
    """All widgets of a kind in a box, by their traits."""
    found = [box] if isinstance(box, kind) and all(getattr(box, name) == value for name, value in traits.items()) else []
    return found + [one for child in getattr(box, "children", ()) for one in inside(child, kind, **traits)]


def text(box: W.Widget) -> str:
    return " ".join(html.value for html in inside(box, W.HTML))


def ended() -> None:
    """Wait for the trainings that were begun."""
    for thread in threading.enumerate():
        if getattr(thread, "_target", None) is not None and "Task" in getattr(thread._target, "__qualname__", ""):
            thread.join(WAIT)
            assert not thread.is_alive()


def test_a_page_without_front_end_is_not_usable():
    assert not task.usable()


def test_without_a_run_the_page_says_what_to_run_and_a_button_trains(dataset):
    lab = page(dataset, usable=False)
    assert "No run of ADC" in lab.choose().data and "Needs a run" in lab.recommended().data and "Needs a run" in lab.drivers().data
    lab = page(dataset)
    box, person, lists, compared = lab.choose(), lab.person(), lab.recommended(), live.comparing(lab)
    (button,) = inside(box, W.Button, button_style="primary")
    assert button.description == "Train a small ADC, BPR, popularity" and not paths.runs(dataset).exists()
    button.click()
    ended()
    assert {path.name.split("-")[0] for path in paths.runs(dataset).iterdir()} == {"adc", "bpr", "popularity"}
    assert "Trained, tested and stored." in text(box) and button.layout.display == "none"
    assert "BPR" in text(lists) and "&lt;" in text(lists) and "training" in text(person)
    (marked,) = inside(compared, W.SelectMultiple)
    assert len(marked.options) == 3 and "<svg" in text(compared)


def test_a_stopped_button_stores_nothing(dataset, monkeypatch):
    lab = page(dataset)
    box = lab.choose()
    begun, go_on = threading.Event(), threading.Event()
    real = watch.run

    def slow(config, tell):
        begun.set()
        assert go_on.wait(WAIT)
        return real(config, tell)

    monkeypatch.setattr(watch, "run", slow)
    inside(box, W.Button, button_style="primary")[0].click()
    assert begun.wait(WAIT)
    inside(box, W.Button, description="Stop")[0].click()
    go_on.set()
    ended()
    assert "Stopped; nothing was stored." in text(box) and not paths.runs(dataset).exists()


def test_a_search_changes_the_lists_and_a_slip_is_told(trained):
    lab = page(trained)
    box, lists = lab.person(), lab.recommended()
    (query,), users, target = inside(box, W.Text), *inside(box, W.Dropdown)
    assert users.value == lab.user and target.value == lab.domain
    before = lists.value
    query.value = "u7"
    assert lab.user == "u7" and users.options[0][1] == "u7" and lists.value != before
    query.value = "active in Dramo"
    assert "Did you mean" in text(box) and lab.user == "u7"
    query.value, target.value = "active in Drama and Comedy", "Drama"
    assert lab.user == users.value == "u7" and lab.domain == "Drama"  # who is among them stays
    users.value = users.options[-1][1]
    assert lab.user == users.options[-1][1] != "u7"


def test_the_network_is_asked_once_and_follows_the_user(trained):
    lab = page(trained)
    box = lab.drivers()
    (button,) = inside(box, W.Button, description="Ask the network")
    button.click()
    ended()
    assert "largest difference of z from what the run stored: 0.0e+00" in text(box) and "still among the first" in text(box)
    before = text(box)
    lab.user = "u9" if lab.user != "u9" else "u8"
    assert text(box) != before and button.layout.display == "none" and "<svg" in text(box)


def test_a_slider_trains_anew_and_keeps_the_training_before_in_grey(trained):
    lab = page(trained)
    before = sorted(paths.home().rglob("*"))
    box = live.training(lab)
    assert "<svg" not in text(box)
    inside(box, W.Button, description="Train")[0].click()
    ended()
    assert "3 epochs." in text(box) and "epoch 3" in text(box) and "weight w_k" in text(box)
    inside(box, W.IntSlider)[0].value = 3
    inside(box, W.FloatSlider)[0].value = 0.5  # at once: the first of the two is given up
    ended()
    assert "3 epochs." in text(box) and "epoch 3" in text(box)
    assert sorted(paths.home().rglob("*")) == before


def test_another_run_and_dataset_can_be_chosen(trained):
    lab = page(trained)
    other = watch.run(films.configurations(trained)[0] | {"seed": 1}, lambda passes: None)
    lab.look(trained)
    box, lists = lab.choose(), lab.recommended()
    dataset, run = inside(box, W.Dropdown)
    assert {value for _, value in run.options} == {path.name for path in paths.runs(trained).glob("adc-*")}
    run.value = other.folder.name
    assert lab.here.adc.run.folder == other.folder and "no run on this split yet" in lists.value
    assert inside(box, W.Button, button_style="primary")[0].description == "Train BPR, popularity"


def test_a_page_nobody_can_click_shows_the_same(trained):
    lab = page(trained, usable=False)
    outputs = [lab.choose(), lab.person(), lab.recommended(), lab.drivers()]
    assert all(isinstance(output, HTML) for output in outputs)
    assert isinstance(live.training(lab), Image) and isinstance(live.comparing(lab), Image)


def test_an_unknown_target_is_told(trained):
    with pytest.raises(lookup.UserError, match="Unknown domain 'Western'"):
        widgets.Lab(trained, target="Western")


def test_a_second_dataset_is_searched_in_its_own_domains(trained, books):
    lab = page(trained)
    box, person = lab.choose(), lab.person()
    (dataset, _), (query,), (users, target) = inside(box, W.Dropdown), inside(person, W.Text), inside(person, W.Dropdown)
    assert query.value == "active in Drama and Sci & Fi"
    dataset.value = books
    if lab.here is None:
        inside(box, W.Button, button_style="primary")[0].click()
        ended()
    for name, asked in ((books, "active in Novels and Plays"), (trained, "active in Drama and Sci & Fi"), (books, "active in Novels and Plays")):
        dataset.value = name
        assert lab.dataset == lab.ratings.name == lab.here.adc.ratings.name == name and lab.here.adc.run in lab.found
        assert query.value == asked and users.value == lab.user and lab.user in lab.here.adc.users
        assert list(target.options) == lab.here.adc.domains and "neither" not in text(box) + text(person)
    assert widgets.Lab(books, user=7).user == "7"  # MovieLens' ids are numbers too


def test_a_run_on_one_domain_is_searched_in_that_domain(trained):
    only = watch.run(train.configuration(dataset=trained, domains="Comedy", hidden_layers=1, **films.TINY), lambda passes: None)
    lab = page(trained, user="active in Drama")
    box, person = lab.choose(), lab.person()
    (_, run), (query,) = inside(box, W.Dropdown), inside(person, W.Text)
    lab.user = "u1"  # who is nowhere in Comedy
    assert query.value == "active in Drama"
    run.value = only.folder.name
    assert lab.here.adc.domains == ["Comedy"] and lab.user in lab.here.adc.users and query.value == "active in Comedy"
    assert "'Drama' is neither" in unescape(text(person)) and "Shown instead: active in Comedy." in text(person)
    with pytest.raises(UserError, match="'Western' is neither"):
        widgets.Lab(trained, user="active in Western")


def test_what_a_reader_typed_stays_with_another_run_on_the_same_domains(trained):
    other = watch.run(films.configurations(trained)[0] | {"seed": 1}, lambda passes: None)
    lab = page(trained)
    box, person = lab.choose(), lab.person()
    (_, run), (query,) = inside(box, W.Dropdown), inside(person, W.Text)
    query.value = "active in Drama and Comedy"
    run.value = other.folder.name
    assert lab.here.adc.run.folder == other.folder and query.value == "active in Drama and Comedy"


def test_a_choice_that_fails_is_told_and_leaves_the_page_as_it_was(trained, books, monkeypatch):
    watch.run(films.configurations(trained)[0] | {"seed": 1}, lambda passes: None)
    lab = page(trained)
    box = lab.choose()
    dataset, run = inside(box, W.Dropdown)
    before = lab.dataset, lab.ratings, lab.found, lab.here, lab.user, lab.turn

    def damaged(*_):
        raise UserError("model.npz is damaged.")

    for name, control, value in (("opened", run, run.options[1][1]), ("stored", dataset, books)):
        monkeypatch.setattr(lookup, name, damaged)
        control.value = value
        assert "model.npz is damaged." in text(box) and (lab.dataset, lab.ratings, lab.found, lab.here, lab.user, lab.turn) == before
        assert dataset.value == trained and run.value == lab.here.adc.run.folder.name


def test_where_nobody_is_active_in_two_domains_everybody_is_shown(trained, monkeypatch):
    monkeypatch.setattr(lookup, "ACTIVE", 99)
    lab = page(trained)
    person = lab.person()
    assert lab.user in lab.here.adc.users and inside(person, W.Text)[0].value == "" and "50 users found" in text(person)


def test_what_is_trained_on_a_page_of_a_named_profile_is_shown(dataset):
    lab = page(dataset, profile="quick")
    box, lists = lab.choose(), lab.recommended()
    (button,) = inside(box, W.Button, button_style="primary")
    button.click()
    ended()
    assert lab.here is not None and button.layout.display == "none" and "BPR" in text(lists)
    assert "now shows all stored runs, not only those of 'quick'" in unescape(text(box))
