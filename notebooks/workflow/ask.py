"""`python -m workflow.ask MODULE WORDS` is `python -m MODULE WORDS`, by a fork of `workflow.forks` where that listens.

The fork has this process's folder, environment and open streams, and neither outlives the other. Only the standard
library is loaded here, so that it starts in no time.
"""

import json
import os
import select
import signal
import socket
import sys

DOOR = "ADC_DOOR"  # names the socket
PARENT = "ADC_PARENT"  # tells a process its parent, which may be killed before it can look


def main(words: list[str]) -> int:
    """The exit code of the module; 1 when it died."""
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(os.environ[DOOR])
    except (KeyError, FileNotFoundError, ConnectionRefusedError):  # nobody listens, or no longer: slower, but as good
        os.execv(sys.executable, [sys.executable, "-m", *words])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter sends one to a kernel that it is about to shut down
    began_by = parent()
    what = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}
    socket.send_fds(line, [b"streams"], [0, 1, 2])
    line.sendall(json.dumps(what).encode() + b"\n")
    code = 1
    while wait(line, began_by) and (said := line.recv(1)):
        code = said[0]
    return code


def parent() -> int:
    """The process that this one ends with. PARENT holds for who leads a session or is in that process's; not on a cluster."""
    told = int(os.environ.pop(PARENT, 0))
    return told if told and os.getsid(0) in (told, os.getpid()) else os.getppid()


def wait(line: socket.socket, parent: int) -> bool:
    """Until there is something to read, or the other end is gone; False when the parent process ends first."""
    while os.getppid() == parent:
        if select.select([line], [], [], 0.3)[0]:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
