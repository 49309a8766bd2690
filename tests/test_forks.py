"""Jobs and kernels by forks: as good as a Python of their own, with nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import TOY_PROFILE

from workflow import ask, forks

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "darwin", reason="nothing is forked there")]
TELL = """
import json, os, sys, tempfile
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ["WORD"], tempfile.gettempdir(), os.getpid(), "papermill" in sys.modules]), flush=True)
print("and an error", file=sys.stderr)
"""
MODULES = {"tell": TELL, "leave": "import sys\nsys.exit(int(sys.argv[1]))", "linger": TELL + "import time\ntime.sleep(60)"}


@pytest.fixture
def environment(tmp_path):
    """An environment in which the modules above are found."""
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), str(Path(ask.__file__).parents[1]), str(Path(ask.__file__).parents[2])])
    return os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def asked(environment, *words: str, **how) -> subprocess.Popen:
    command = [sys.executable, "-m", "workflow.ask", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


@pytest.mark.parametrize("forked", [True, False])
def test_what_is_asked_for_runs_as_by_itself(environment, tmp_path, forked):
    with forks.listening([], dict(environment), subprocess.DEVNULL) as env:
        env = env if forked else environment
        told = asked(env | {"WORD": "ü", "TMPDIR": str(tmp_path)}, "tell", "a b", "{c}", cwd=tmp_path)
        said, error = told.communicate(timeout=60)
        assert json.loads(said)[:4] == [["a b", "{c}"], str(tmp_path), "ü", str(tmp_path)] and "and an error" in error
        assert told.returncode == 0 and json.loads(said)[5] == forked
        left = asked(env, "leave", "7")
        left.communicate(timeout=60)
        assert left.returncode == 7


def test_where_the_way_is_lost_a_python_of_its_own_does_it(environment):
    with forks.listening([], environment | {"WORD": ""}, subprocess.DEVNULL) as env:
        Path(env[ask.DOOR]).unlink()
        assert json.loads(asked(env, "tell").communicate(timeout=60)[0])[5] is False


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_for(what) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_neither_outlives_the_other(environment):
    with forks.listening([], environment | {"WORD": ""}, subprocess.DEVNULL) as env:
        first, second, third = (asked(env, "linger") for _ in range(3))
        pids = [json.loads(call.stdout.readline())[4] for call in (first, second, third)]
        first.kill()
        wait_for(lambda: gone(pids[0]))
        os.kill(pids[1], signal.SIGKILL)
        assert second.wait(timeout=30) == 1 and third.poll() is None
    wait_for(lambda: gone(pids[2]))
    assert third.wait(timeout=30) == 1


def test_edited_code_is_loaded_anew(environment, tmp_path):
    module = tmp_path / "toy_code.py"
    module.write_text("WORD = 'old'")
    (tmp_path / "tell.py").write_text("import sys\nprint(sys.modules['toy_code'].WORD)")
    # a stand-in for a notebook's modules, as this checkout is not to be edited
    (tmp_path / "sitecustomize.py").write_text(
        "from pathlib import Path\nfrom workflow import source\n"
        f"source.path, source.modules, source.files = str, lambda path: ['toy_code'], lambda names: [Path({str(module)!r})]\n"
    )
    with forks.listening(["toy"], dict(environment), subprocess.DEVNULL) as env:
        assert asked(env, "tell").communicate(timeout=60)[0] == "old\n"
        module.write_text("WORD = 'new'")
        assert asked(env, "tell").communicate(timeout=60)[0] == "new\n"


def test_nothing_is_left_when_the_caller_is_killed_while_everything_is_loaded(environment, tmp_path):
    (tmp_path / "caller.py").write_text(
        "import os, subprocess, time\nfrom workflow import ask, forks\n"
        "with forks.listening([], dict(os.environ), subprocess.DEVNULL) as env:\n"
        "    print(env[ask.DOOR], flush=True)\n    time.sleep(60)\n"
    )
    caller = subprocess.Popen([sys.executable, "-m", "caller"], env=environment, stdout=subprocess.PIPE, text=True)
    place = Path(caller.stdout.readline().strip()).parent
    (server,) = psutil.Process(caller.pid).children()
    wait_for(lambda: "workflow.forks" in " ".join(server.cmdline()) and server.cpu_times().user > 0.3)  # at its imports
    caller.kill()
    wait_for(lambda: gone(server.pid) and not place.exists())
    caller.communicate()


def test_a_forked_kernel_shows_pictures(toy):
    (toy.root / "adc" / "plots.py").write_text("import matplotlib.pyplot\n")  # loaded before the fork, as in earnest
    toy.profile("quick", TOY_PROFILE.split("  02_mf_init")[0] + "  03_train_adc: [{seconds: 0.0}]\n  05_performance: [{}]\n")
    toy.notebook("05_performance", work="from adc import plots\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    code, said = toy.run()
    assert code == 0, said
    executed = nbformat.read(toy.home / "data" / "reports" / "quick" / "movielens" / "05_performance.ipynb", as_version=4)
    assert ["image/png" in output.get("data", {}) for output in executed.cells[-1].outputs] == [True]
