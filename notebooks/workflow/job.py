"""One job of a plan, a notebook by papermill or a gathering of runs: `python -m workflow.job PLAN NUMBER`."""

import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from adc import files, paths, runs
from workflow import failure, lock, source
from workflow.plan import GATHER, Job, listed


def main(plan_file: str, number: int) -> int:
    """Do one job, report to the driver, and return the exit code."""
    lock.as_job()
    plan = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    job, began = Job(**plan["jobs"][number]), time.monotonic()
    _tell(plan["events"], number=number, what="started")
    try:
        if job.notebook == GATHER:
            _gather(job)
        else:
            _run(job, number)
    except Exception as error:
        crash = f"FAILED: {job.label}\n" + "\n".join(traceback.format_exc().splitlines()[-12:])
        report = failure.expected(error) or crash
        _tell(plan["events"], number=number, what="failed", report=report)
        _remove_empty((paths.home() / "data" / job.output).parent)
        return 1
    _tell(plan["events"], number=number, what="finished", seconds=time.monotonic() - began)
    return 0


def _tell(events: str, **event) -> None:
    # a file each: lines that several machines append to one file get lost
    files.write_json(Path(events) / f"{time.time_ns()}-{event['number']}.json", event)


def _gather(job: Job) -> None:
    data = paths.home() / "data"
    found = [*job.parameters["runs"], *(run for name in job.parameters["lists"] for run in listed(data / name))]
    with lock.alone("gather"):  # it reads the table that it replaces, and there may be one for each dataset
        runs.gather([data / run for run in dict.fromkeys(found)], job.parameters["profile"])
    files.write_json(data / job.output, job.parameters)


def _run(job: Job, number: int) -> None:
    data = paths.home() / "data"
    original = source.path(job.notebook)
    source.check(original, job.parameters, job.label)
    working = data / ".workflow" / "now"
    working.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=working, prefix=f"{number}-") as place:
        executed = Path(place) / original.name
        os.environ["TMPDIR"] = place  # where it is swept
        _execute(job, original, executed)
        missing = [name for name in job.leaves if not (data / name).is_file()]
        if missing:
            told = f"{job.label} ended well but did not leave {data / missing[0]}. Does it save its run? Or were code or settings"
            raise failure.Failed(f"{told} changed after this call was planned? Then give the same command again.")
        _publish(job, executed, data / job.output)


def _execute(job: Job, original: Path, executed: Path) -> None:
    import papermill  # here, as it takes a second and a slip in the plan should not

    # papermill takes braces for places to fill in
    read, write = (str(path).replace("{", "{{").replace("}", "}}") for path in (original, executed))
    # cwd is a folder that goes away: a notebook that relies on its working directory fails here
    how = {"kernel_name": "forked", "language": "python", "cwd": executed.parent, "progress_bar": False}
    for attempts_left in (2, 1, 0):
        try:
            papermill.execute_notebook(read, write, job.parameters, **how)
            return
        except papermill.PapermillExecutionError as error:
            raise failure.Failed(failure.report(job, executed, error)) from error
        except RuntimeError as error:  # nbclient: the kernel died
            # before its first cell: where many kernels start at once, another may have taken its port meanwhile
            if "before replying" not in str(error) or not attempts_left:
                raise failure.Failed(failure.died(job, executed, error)) from error


def _publish(job: Job, executed: Path, place: Path) -> None:
    """Put the executed notebook and its HTML into place; the HTML last, as it is what says that the job is done."""
    import nbformat

    from workflow import page, stamp

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata["adc"] = stamp.make(job.notebook, job.dataset, job.parameters)
    notebook.metadata.pop("papermill", None)  # holds paths of this machine
    html = page.html(notebook, job.label)
    with files.aside(place.with_suffix(".ipynb")) as partial:
        nbformat.write(notebook, partial)
    with files.aside(place) as partial:
        partial.write_text(html, encoding="utf-8")


def _remove_empty(folder: Path) -> None:
    """Snakemake makes the folder of an output beforehand; after a failure nothing of it should stay."""
    while folder.is_dir() and not any(folder.iterdir()) and folder.name != "data":
        folder.rmdir()
        folder = folder.parent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
