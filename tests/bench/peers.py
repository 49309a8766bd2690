"""The environment of the projects that ours is held against."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("requirements-peers.txt")
OLD_RECBOLE = "recbole==1.0.1"


def environment(home: Path) -> tuple[str, str]:
    """Its Python, made on first use, and ""; or "" and why it could not be made."""
    folder = home / "venv"
    python, ready, pins = folder / "bin" / "python", folder / ".ready", PINS.read_text(encoding="utf-8")
    if ready.exists() and ready.read_text(encoding="utf-8") == pins and python.exists():
        return str(python), ""
    print("Installing what requirements-peers.txt names (some minutes, once) ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    made, install = [sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "-r"]
    if why := _run(made, home) or _run([*install, str(PINS)], home):
        return "", why
    ready.write_text(pins, encoding="utf-8")  # last: a half-made environment has none
    return str(python), ""


def old_recbole(home: Path, python: str) -> tuple[str, str]:
    """A folder with the RecBole that RecBole-CDR was written for, and ""; or "" and why there is none."""
    folder = home / OLD_RECBOLE
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)  # --no-deps, as the versions it names are years old
        why = _run([python, "-m", "pip", "install", "--no-deps", "--target", str(folder), OLD_RECBOLE], home)
        if why:
            return "", why
        (folder / ".ready").touch()
    return str(folder), ""


def _run(command: list[str], home: Path) -> str:
    """Empty, or where the log of a command that failed is."""
    log = home / "logs" / "peers.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as output:
        code = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL).returncode
    return f"could not be installed here, see {log}" if code else ""


def versions() -> dict[str, str]:
    """Of the peers: those pinned, and cornac and ranx, which the tests use too."""
    pins = dict(line.split("==") for line in PINS.read_text(encoding="utf-8").split() if "==" in line)
    table = {name: pins[name] for name in ("recbole", "implicit", "gradnorm-pytorch", "torch", "numpy")}
    for name in ("cornac", "ranx"):
        try:
            table[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            table[name] = "not installed"
    return table
