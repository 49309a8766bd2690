"""A measurement as a process of its own: `run` starts it, `answer` is its other end. Standard library only, for the peers."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
OURS = os.pathsep.join(str(TESTS.parent / place) for place in ("tests", "notebooks", "."))
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA")


def run(
    module: str, arguments: dict, home: Path, threads: int, clock: str = "wall", python: str = sys.executable, path: str = OURS
) -> dict:
    """What `bench.<module>` measures, or {"failed": its last words}; all of them are in `home`/logs.

    `home` is its ADC_HOME. Its working directory goes away afterwards.
    """
    log = home / "logs" / f"{module}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    env = os.environ | {f"{library}_NUM_THREADS": str(threads) for library in THREADS}
    env |= {"BENCH_CLOCK": clock, "ADC_HOME": str(home), "PYTHONPATH": path, "PYTHONSAFEPATH": "1", "TQDM_DISABLE": "1"}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place, open(log, "w", encoding="utf-8") as said:
        answer = Path(place) / "answer.json"
        command = [python, "-m", f"bench.{module}", json.dumps(arguments), str(answer)]
        code = subprocess.run(command, env=env, cwd=place, stdin=subprocess.DEVNULL, stdout=said, stderr=said).returncode
        if code == 0:
            return json.loads(answer.read_text()) | {"took": time.perf_counter() - began}
    words = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return {"failed": f"{words[-1].strip() if words else 'no word'} (exit {code}, see {log})"}


def answer(measure: Callable[..., dict]) -> None:
    """Measure by the arguments on the command line and leave what was found where it says."""
    arguments, place = sys.argv[1:]
    found = measure(**json.loads(arguments))
    Path(place).write_text(json.dumps(found), encoding="utf-8")
