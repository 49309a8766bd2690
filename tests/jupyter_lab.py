"""JupyterLab as `./run_all.sh lab` starts it, with settings of its own."""

import os
import re
import shlex
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from chaos import wait_for
from conftest import ROOT

ENTRANCE = (ROOT / "run_all.sh").read_text(encoding="utf-8")
OPTIONS = shlex.split(re.search(r'-m jupyter lab (.*) "\$\{@:2\}"', ENTRANCE)[1])
FOLDERS = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/lab\?token=(\w{32,})")


@contextmanager
def jupyter_lab(place: Path, notebooks: Path):
    """A running JupyterLab on a folder of notebooks: its port and its token."""
    env = os.environ | {name: str(place / "settings") for name in FOLDERS}
    env |= {"PYTHONPATH": f"{ROOT / 'notebooks'}:{ROOT}", "JUPYTER_TOKEN": ""}
    words = [*OPTIONS, "--no-browser", "--allow-root", "--ServerApp.port=0"]
    log = place / "lab.log"
    with open(log, "w") as stream:
        command = [sys.executable, "-m", "jupyter", "lab", *words]
        server = subprocess.Popen(command, cwd=notebooks, env=env, stdout=stream, stderr=stream)
    try:
        address = wait_for(lambda: server.poll() is not None or ADDRESS.search(log.read_text()), 120)
        assert server.poll() is None, log.read_text()
        port, token = int(address[1]), address[2]
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60)  # named before it listens
        yield port, token
    finally:
        server.terminate()
        server.wait(timeout=60)
