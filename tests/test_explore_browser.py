"""Notebook 10 as its reader meets it: JupyterLab started as `./run_all.sh lab` starts it, in a real browser."""

import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from adc import baselines, train
from adc.data import movielens
from adc.explore import watch

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 120  # seconds for any one thing to appear: a machine may be busy
TINY = {"dim": 8, "epochs": 2}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


def command() -> list[str]:
    """The words of `./run_all.sh lab` after the environment's Python, read from the script itself."""
    found = re.search(r'lab\)\n\s+set_up\n\s+cd "\$root/notebooks"\n\s+exec "\$env/bin/python" (.*) "\$\{@:2\}"', (ROOT / "run_all.sh").read_text())
    return shlex.split(found[1])


@contextmanager
def lab(home: Path):
    """A running JupyterLab with settings of its own: its port and its token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    own = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
                                               "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")}  # fmt: skip
    env = os.environ | own | {"JUPYTER_TOKEN": token, "PYTHONPATH": f"{ROOT / 'notebooks'}:{ROOT}", "ADC_HOME": str(home)}
    words = [sys.executable, *command(), "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    words += ["--allow-root"] if os.geteuid() == 0 else []
    log = home / "lab.log"
    with open(log, "w") as said:
        process = subprocess.Popen(words, cwd=ROOT / "notebooks", env=env, stdout=said, stderr=said)
    try:
        until = time.monotonic() + PATIENCE
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield port, token
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as door:
        door.settimeout(2)
        return door.connect_ex((host, port)) == 0


def _status(port: int, query: str = "") -> int:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents{query}", timeout=PATIENCE).status
    except urllib.error.HTTPError as error:
        return error.code


def _listening(port: int) -> set[str]:
    """Local addresses, in the kernel's writing, at which something listens on a port (Linux)."""
    rows = [line.split() for name in ("tcp", "tcp6") if (table := Path("/proc/net") / name).exists() for line in table.read_text().splitlines()[1:]]
    return {row[1].rsplit(":", 1)[0] for row in rows if row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """MovieLens with a tiny ADC, BPR and popularity."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADC_HOME", str(place))
        for config in (train.configuration(hidden_layers=1, start="random", device="cpu", **TINY), baselines.configuration(method="bpr", **TINY),
                       baselines.configuration(method="popularity")):  # fmt: skip
            watch.run(config, lambda passes: None)
    return place


@pytest.fixture
def page(home):
    from playwright.sync_api import sync_playwright

    with lab(home) as (port, token), sync_playwright() as player:
        assert _status(port) == 403 and _status(port, f"?token={token}") == 200
        assert not Path("/proc/net/tcp").exists() or _listening(port) == {"0100007F"}  # 127.0.0.1 alone
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"http://127.0.0.1:{port}/lab/tree/10_explore.ipynb?token={token}", wait_until="commit")
        page.wait_for_selector("#jp-main-statusbar :text('| Idle')")
        yield page
        browser.close()


def test_a_reader_explores_movielens(page, home):
    before = set(home.joinpath("data").rglob("*"))
    cell = lambda source: page.locator(".jp-CodeCell", has=page.locator(f'.jp-InputArea-editor:has-text("{source}")'))
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    page.wait_for_selector(".widget-select-multiple", state="attached")  # the last cell's

    person, lists = cell("lab.person()"), cell("lab.recommended()")
    person.locator("input[type=text]").fill("active in Drama and Horror")
    person.locator("input[type=text]").press("Enter")
    person.locator("text=users found").wait_for()
    users = person.locator("select").first
    lists.scroll_into_view_if_needed()
    first, chosen = lists.inner_text(), users.locator("option").nth(3).inner_text()
    users.select_option(index=3)
    assert re.match(r"\d+:\s.*Drama\s\d+.*Horror\s\d+", chosen)
    page.wait_for_function("([cell, old]) => cell.innerText !== old", arg=[lists.element_handle(), first])
    assert [head.split("\n")[0] for head in lists.locator("th").all_inner_texts()[1:]] == ["ADC", "BPR", "popularity"]
    shown = lists.locator("tbody tr td:not(:first-child)").all_inner_texts()
    assert len(shown) == 30 and {re.sub(r"\s*★.*", "", title) for title in shown} <= set(movielens.ratings()[0]["title"])
    assert person.locator("tbody tr").count() == 6

    drivers = cell("lab.drivers()")
    drivers.locator("button:has-text('Ask the network')").click()
    drivers.locator("text=largest difference of z").wait_for()
    assert "still among the first 10" in drivers.inner_text() and drivers.locator(".widget-html-content svg").count() == 1

    live = cell("training(lab)")
    depth = live.locator(".noUi-handle").nth(1)
    depth.focus()
    depth.press("ArrowRight")
    live.locator("text=weight w_k").wait_for()
    weights = [float(text) for text in live.locator("tr:has-text('weight w_k') td").all_inner_texts()[1:]]
    assert len(weights) == 6 and sum(weights) == pytest.approx(6, abs=0.01) and live.locator(".widget-html-content svg").count() == 1
    depth.press("ArrowRight")
    live.locator("button:has-text('Stop')").click()  # while it trains: the page is free
    live.locator("text=nothing was stored").wait_for()

    kinds = page.locator(".jp-OutputArea-output").evaluate_all("outputs => outputs.map(one => one.dataset.mimeType)")
    assert kinds and not {"application/vnd.jupyter.error", "application/vnd.jupyter.stderr"} & set(kinds)
    assert set(home.joinpath("data").rglob("*")) == before
