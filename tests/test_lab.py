"""JupyterLab as `./run_all.sh lab` starts it: for this machine only, and for who has the token."""

import os
import re
import socket
import subprocess
import sys
import time

import pytest
import requests
from conftest import ROOT

WORDS = re.search(r"-m jupyter lab (.*) \"\$\{@:2\}\"", (ROOT / "run_all.sh").read_text(encoding="utf-8"))[1].split()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer for 127.0.0.1 alone")
def test_lab_listens_on_loopback_and_asks_for_its_token(tmp_path):
    env = os.environ | {name: str(tmp_path) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    env.pop("JUPYTER_TOKEN", None)
    command = [sys.executable, "-m", "jupyter", "lab", *WORDS, "--no-browser", "--ServerApp.port=0", "--allow-root"]
    server = subprocess.Popen(command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        address = next(found for line in server.stderr if (found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token=(\w{32,})", line)))
        port = int(address[1].rpartition(":")[2])
        _wait_for(port)
        with pytest.raises(ConnectionRefusedError):  # this machine too, under an address that only who listens on all would answer
            socket.create_connection(("127.0.0.2", port), timeout=60)
        contents, direct = f"{address[1]}/api/contents", {"http": "", "https": ""}
        assert requests.get(contents, proxies=direct, timeout=60).status_code == 403
        assert requests.get(contents, params={"token": address[2]}, proxies=direct, timeout=60).status_code == 200
    finally:
        server.kill()
        server.communicate()


def _wait_for(port):
    """Wait until somebody answers: Jupyter names its address before it listens there."""
    end = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
