"""Notebook 10 as its reader meets it: in a real browser, JupyterLab as `./run_all.sh lab` starts it."""

import re
import shutil

import pytest
from conftest import ROOT
from jupyter_lab import jupyter_lab
from sites import CHROMIUM

from companion import registry
from companion.data import movielens

PATIENCE = 120  # seconds for any one thing to appear: a machine may be busy
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture
def page(home):
    """On MovieLens with a tiny ADC, BPR and popularity."""
    from playwright.sync_api import sync_playwright

    tiny, network = {"dim": 8, "epochs": 2}, {"hidden_layers": 1, "init": "random", "device": "cpu"}
    registry.train(registry.configure("adc", **network, **tiny), show=False)
    registry.train(registry.configure("bpr", **tiny), show=False)
    registry.train(registry.configure("popularity"), show=False)
    copy = home / "notebooks" / "extras"  # JupyterLab saves what is open, with its outputs
    copy.mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "extras" / "10_explore.ipynb", copy)
    with jupyter_lab(home, copy.parent) as (port, token), sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE * 1000)
        address = f"http://127.0.0.1:{port}/lab/tree/extras/10_explore.ipynb?token={token}"
        page.goto(address, wait_until="commit")
        page.wait_for_selector("#jp-main-statusbar :text('| Idle')")
        yield page
        browser.close()


def cell(page, source: str):
    """The code cell with this source."""
    return page.locator(".jp-CodeCell", has=page.locator(f'.jp-InputArea-editor:has-text("{source}")'))


def test_a_reader_explores_movielens(page, home):
    before = set(home.joinpath("data").rglob("*"))
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    page.wait_for_selector(".widget-select-multiple", state="attached")  # the last cell's
    choose_user(page)
    ask_network(page)
    move_slider(page)
    outputs = page.locator(".jp-OutputArea-output")
    kinds = set(outputs.evaluate_all("all => all.map(one => one.dataset.mimeType)"))
    assert kinds and not {"application/vnd.jupyter.error", "application/vnd.jupyter.stderr"} & kinds
    assert set(home.joinpath("data").rglob("*")) == before


def choose_user(page):
    person, lists = cell(page, "page.person()"), cell(page, "page.recommended()")
    person.locator("input[type=text]").fill("active in Drama and Horror")
    person.locator("input[type=text]").press("Enter")
    person.locator("text=users found").wait_for()
    users = person.locator("select").nth(1)
    lists.scroll_into_view_if_needed()
    first, option = lists.inner_text(), users.locator("option").nth(3).inner_text()
    users.select_option(index=3)
    assert re.match(r"\d+:\s.*Drama\s\d+.*Horror\s\d+", option)
    page.wait_for_function("([cell, old]) => cell.innerText !== old", arg=[lists.element_handle(), first])
    heads = lists.locator("thead th").all_inner_texts()
    assert [head.split(":")[0] for head in heads if head.strip()] == ["ADC", "BPR", "popularity"]
    titles = [re.sub(r"\s*★.*", "", title) for title in lists.locator("tbody tr td").all_inner_texts()]
    assert len(titles) == 30 and set(titles) <= set(movielens.ratings()[0]["title"])
    assert person.locator("tbody tr").count() == 6


def ask_network(page):
    drivers = cell(page, "page.drivers()")
    drivers.locator("button:has-text('Ask the network')").click()
    drivers.locator("text=Largest difference of z").wait_for()
    assert "of 10 stay" in drivers.inner_text()


def move_slider(page):
    live = cell(page, "page.training()")
    live.locator("text=weight w_k").wait_for()  # it trains at once
    depth = live.locator(".noUi-handle").nth(1)
    depth.focus()
    depth.press("ArrowRight")
    live.locator("text=Epoch 10 of 10.").wait_for()
    weights = [float(text) for text in live.locator("tr:has-text('weight w_k') td").all_inner_texts()]
    assert len(weights) == 6 and sum(weights) == pytest.approx(6, abs=0.01)
    assert live.locator("img").count() == 1
    depth.press("ArrowRight")
    live.locator("button:has-text('Stop')").click()  # while it trains: the page is free
    live.locator("text=Stopped.").wait_for()
