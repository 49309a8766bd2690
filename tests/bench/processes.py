"""A measurement as its own process: `run` starts it, `answer` is the other end. Only the standard library."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PYTHON_PATH = os.pathsep.join(str(TESTS.parent / folder) for folder in ("tests", "notebooks", "."))
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")


def run(module: str, arguments: dict, home: Path, threads: int, python: str = sys.executable,
        python_path: str = PYTHON_PATH) -> dict:  # fmt: skip
    """What `bench.<module>` measures, or {"failed": its last line}; all its lines are in `home`/logs.

    `home` is its ADC_HOME. Its working directory is removed afterwards.
    """
    log = home / "logs" / f"{module}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    env = os.environ | {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}
    env |= {"ADC_HOME": str(home), "PYTHONPATH": python_path, "PYTHONSAFEPATH": "1", "TQDM_DISABLE": "1"}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, open(log, "w", encoding="utf-8") as output:
        file = Path(folder) / "answer.json"
        command = [python, "-m", f"bench.{module}", json.dumps(arguments), str(file)]
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        code = subprocess.run(command, env=env, cwd=folder, **streams).returncode
        if code == 0:
            return json.loads(file.read_text()) | {"wall_seconds": time.perf_counter() - start}
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return {"failed": f"{lines[-1].strip() if lines else 'no output'} (exit {code}, see {log})"}


def answer(measure: Callable[..., dict]) -> None:
    """Measure by the arguments on the command line and write the answer to the file that it names."""
    arguments, file = sys.argv[1:]
    result = measure(**json.loads(arguments))
    Path(file).write_text(json.dumps(result), encoding="utf-8")
