"""A process that loads everything once and forks itself for every job and every kernel; they ask for it by `ask`.

By itself a notebook spends 9 s of processor time on two Pythons that both load PyTorch, pandas and Jupyter; forked, 1.5 s.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workflow import ask, page, source

# not matplotlib_inline: it hooks into the kernel that first imports it, and without its hook no picture is shown
JUPYTER = ("papermill", "nbconvert", "ipykernel.kernelapp", "ipykernel.ipkernel")


@contextmanager
def listening(notebooks: Iterable[str], environment: dict[str, str], log, noted: Path | None = None) -> Iterator[dict[str, str]]:
    """Listen while jobs of these notebooks run; yields the environment in which `ask` finds the way.

    noted: the file that shall name the folder made for it, for who sweeps when all was killed.
    """
    if sys.platform == "darwin":  # its libraries do not survive a fork
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="adc-") as place:
        if noted:
            noted.write_text(place, encoding="utf-8")
        environment |= {ask.DOOR: str(Path(place) / "door")}  # in data/ its path might be too long for a socket
        env = environment | {ask.PARENT: str(os.getpid())}
        how = {"env": env, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "start_new_session": True}
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(environment[ask.DOOR])
            door.listen(64)
            command = [sys.executable, "-m", "workflow.forks", str(door.fileno()), *notebooks]
            server = subprocess.Popen(command, pass_fds=[door.fileno()], **how)
        try:
            yield environment
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def main(door: int, notebooks: list[str]) -> int:
    """Serve until the parent process ends; in a fork: do what was asked."""
    parent = ask.parent()
    modules = sorted({module for notebook in notebooks for module in source.modules(source.path(notebook))})
    written = _written(code := source.files(modules))
    load(modules)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(fileno=door) as listener:
        while ask.wait(listener, parent):
            if _written(code) != written:  # a run names itself by the code as it stands, so by that it must be trained
                os.execv(sys.executable, [sys.executable, "-m", "workflow.forks", *sys.argv[1:]])
            line, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _fork(line)
            line.close()
    shutil.rmtree(Path(os.environ[ask.DOOR]).parent, ignore_errors=True)  # the parent was killed and could not
    return 0


def load(modules: list[str]) -> None:
    """Import what the jobs will need besides Jupyter."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # of kernels; ipykernel reads it as it is imported
    for name in [*JUPYTER, *modules]:
        with suppress(Exception):  # the notebook that needs it will fail by it, and say so
            importlib.import_module(name)
    if torch := sys.modules.get("torch"):  # its first optimiser loads its compiler, a second and a quarter
        torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    import nbformat

    page.html(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), "")  # the first takes longer than all others
    gc.freeze()


def _written(code: list[Path]) -> list[int]:
    return [file.stat().st_mtime_ns if file.exists() else 0 for file in code]


def _fork(line: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, *_ = socket.recv_fds(line, len(b"streams"), 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with line.makefile("r", encoding="utf-8") as text:
        what = json.loads(text.readline())
    os.chdir(what["folder"])
    os.environ.clear()
    os.environ.update(what["environment"])
    tempfile.tempdir = None  # as that environment has it
    threading.Thread(target=_end_with, args=(line, os.getppid()), daemon=True).start()
    module, *sys.argv[1:] = what["words"]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    atexit._run_exitfuncs()
    sys.stdout.flush(), sys.stderr.flush()
    line.sendall(bytes([code & 255]))
    os._exit(0)  # not a third of a second to take down what the next fork has again


def _end_with(line: socket.socket, parent: int) -> None:
    ask.wait(line, parent)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
