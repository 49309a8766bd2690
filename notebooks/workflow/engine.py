"""Hands a plan to Snakemake and follows it. `python -m workflow.engine …` is a Snakemake that ends with its parent."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from adc import paths
from workflow import NOTEBOOKS, ROOT, ask, estimate, failure, forks, lock, plan
from workflow.options import Options, elsewhere
from workflow.progress import Progress


def environment(folder: Path) -> dict[str, str]:
    """For every process below: this checkout's code, the reader's data folder, and all caches and temporary files inside `folder`."""
    cache, scratch = folder.resolve() / ".cache", folder.resolve() / ".workflow" / "now"
    scratch.mkdir(parents=True, exist_ok=True)
    return os.environ | {
        "ADC_HOME": str(paths.home().resolve()),
        "PYTHONSAFEPATH": "1",  # whatever lies in the working directory
        "PYTHONPATH": os.pathsep.join([str(NOTEBOOKS), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "TMPDIR": str(scratch),  # where it is swept
        "XDG_CACHE_HOME": str(cache),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "IPYTHONDIR": str(cache / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(cache / "jupyter"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_PATH": str(NOTEBOOKS / "workflow"),  # its folder kernels
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TQDM_DELAY": "1e9",  # seconds before a progress bar shows: they are for Lab. One that is asked for heeds no TQDM_DISABLE
        **{f"{library}_NUM_THREADS": str(plan.THREADS) for library in ("OMP", "OPENBLAS", "MKL")},
    }


def todo(planned: list[plan.Job], options: Options, folder: Path) -> list[int]:
    """Numbers of the jobs that Snakemake would run; writes into `folder` only."""
    file = folder / ".workflow" / "plan.json"
    plan.save(file, planned, folder / ".workflow" / "told")
    command = _command("snakemake", file, folder, options) + ["--summary"]
    asked = subprocess.run(command, env=environment(folder), capture_output=True, text=True)
    lines = [line.split("\t") for line in asked.stdout.splitlines()]
    head = next((place for place, line in enumerate(lines) if line[0] == "output_file"), None)  # an executor may talk before it
    if head is None:  # a word after -- made Snakemake print something else, or fail
        if asked.returncode and (told := failure.no_space()):
            raise failure.Failed(told)
        print(asked.stdout if asked.returncode == 0 else asked.stderr, end="")
        raise SystemExit(asked.returncode)
    pending = {line[0] for line in lines[head + 1 :] if line[-1] == "update pending"}
    return [number for number, job in enumerate(planned) if job.output in pending]


@contextmanager
def stand_in():
    """A throw-away folder that looks like `data/` to Snakemake, so that a dry run writes nothing there."""
    data = paths.home() / "data"
    with tempfile.TemporaryDirectory() as place:
        for entry in data.glob("[!.]*"):
            (Path(place) / entry.name).symlink_to(entry.resolve())
        if (data / ".snakemake" / "metadata").is_dir():
            shutil.copytree(data / ".snakemake" / "metadata", Path(place) / ".snakemake" / "metadata")
        yield Path(place)


def run(planned: list[plan.Job], pending: list[int], options: Options) -> bool:
    """Run the pending jobs; True when all went well. However this ends, no process of ours stays behind."""
    data = paths.home().resolve() / "data"
    file, events = data / ".workflow" / f"plan-{time.time_ns()}.json", data / ".workflow" / "told"
    _forget_calls(file.parent)
    events.mkdir()
    plan.save(file, planned, events)
    log = data / "logs" / f"snakemake-{time.strftime('%Y%m%d-%H%M%S')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    labels = {number: job.label for number, job in enumerate(planned)}
    progress = Progress({number: labels[number] for number in pending}, options.cores, others=labels)
    command = _command("workflow.engine", file, data, options)
    new, began = {number for number in pending if estimate.is_new(planned[number])}, time.time()
    notebooks = {planned[number].notebook for number in pending} - {plan.GATHER}
    with open(log, "w", encoding="utf-8") as output, _ways(options, notebooks, environment(data), output) as env:
        how = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, "start_new_session": True}
        engine = subprocess.Popen(command, env=env | {ask.PARENT: str(os.getpid())}, **how)
        try:
            _follow(engine, events, progress, pause=1.0 if options.elsewhere else 0.1)
        finally:
            _end(engine, patience=120 if options.elsewhere else 0)
            whole = [(planned[number], took) for number, took in progress.seconds.items() if number in new]
            estimate.note([(job, took) for job, took in whole if not estimate.went_on(job, began)])
    shutil.rmtree(data / ".workflow" / "now", ignore_errors=True)  # Snakemake's solver leaves files there
    if engine.returncode and not progress.failed:
        _unexplained(progress, log, options)
    return engine.returncode == 0


def _ways(options: Options, notebooks: set[str], env: dict[str, str], output):
    # on a cluster every job starts a Python of its own, within what the cluster has given it
    return nullcontext(env) if options.elsewhere else forks.listening(notebooks, env, output, lock.outside())


def _forget_calls(folder: Path) -> None:
    """Without its plan, a job of a killed call that still waits in a cluster's queue ends as soon as it begins."""
    shutil.rmtree(folder / "told", ignore_errors=True)
    for plan_file in folder.glob("plan-*.json"):
        plan_file.unlink()


def _command(module: str, file: Path, folder: Path, options: Options) -> list[str]:
    # on a cluster --jobs says how many run at once, and files may be seen late
    limits = ("--latency-wait", "60") if options.elsewhere else ("--cores", str(options.cores))
    # --nolock: lock.whole_folder does it better, a killed call leaves no lock behind
    return [
        *(sys.executable, "-m", module, "--snakefile", str(NOTEBOOKS / "Snakefile"), "--configfile", str(file)),
        *("--rerun-triggers", "mtime", "input", "--rerun-incomplete", "--directory", str(folder)),
        *(*limits, "--nolock", *options.extra),
    ]


def _follow(engine: subprocess.Popen, events: Path, progress: Progress, pause: float) -> None:
    seen = set()
    while True:
        ended = engine.poll() is not None
        for file in sorted({*events.glob("*.json")} - seen):
            progress.event(**json.loads(file.read_text(encoding="utf-8")))
            seen.add(file)
        if ended:
            return
        time.sleep(pause)


def _end(engine: subprocess.Popen, patience: float) -> None:
    # every file is written aside and renamed, so there is nothing to say goodbye to; kernels end with their jobs
    try:
        if patience:  # Snakemake takes its jobs out of the cluster's queue
            engine.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                engine.wait(patience)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(engine.pid, signal.SIGKILL)
        engine.wait()


def _unexplained(progress: Progress, log: Path, options: Options) -> None:
    if told := failure.no_space():
        print(told)
        return
    cure = "It may have met a limit of the cluster: --retries 2 asks for more each time." if options.elsewhere else (
        "Is there enough memory? Fewer --cores need less.")  # fmt: skip
    for number in progress.running:
        print(f"{progress.labels[number]} was killed. {cure}")
    if not progress.running:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-12:])
        print(f"Snakemake stopped:\n{tail}")
    print(f"All of Snakemake's words: {log}")


if __name__ == "__main__":
    lock.as_job(gently=elsewhere(sys.argv))
    os.environ[ask.PARENT] = str(os.getpid())
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
