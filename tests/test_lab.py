"""JupyterLab as `./run_all.sh lab` starts it: for this machine only, and for who has the token."""

import os
import re
import socket
import subprocess
import sys

import pytest
import requests
from chaos import wait_for
from conftest import ROOT

ENTRANCE = (ROOT / "run_all.sh").read_text(encoding="utf-8")
WORDS = re.search(r"-m jupyter lab (.*) \"\$\{@:2\}\"", ENTRANCE)[1].split()
FOLDERS = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer for 127.0.0.1 alone")
def test_lab_listens_on_loopback_and_asks_for_its_token(tmp_path):
    env = os.environ | {name: str(tmp_path) for name in FOLDERS}
    env.pop("JUPYTER_TOKEN", None)
    command = [sys.executable, "-m", "jupyter", "lab", *WORDS, "--no-browser", "--allow-root"]
    command += ["--ServerApp.port=0"]
    server = subprocess.Popen(command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        named = (re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token=(\w{32,})", line) for line in server.stderr)
        address = next(filter(None, named))
        port = int(address[1].rpartition(":")[2])
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60)  # named before it listens
        with pytest.raises(ConnectionRefusedError):  # an address that only who listens on all would answer
            socket.create_connection(("127.0.0.2", port), timeout=60)
        contents, how = f"{address[1]}/api/contents", {"proxies": {"http": "", "https": ""}, "timeout": 60}
        assert requests.get(contents, **how).status_code == 403
        assert requests.get(contents, params={"token": address[2]}, **how).status_code == 200
    finally:
        server.kill()
        server.communicate()
