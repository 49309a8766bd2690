"""What `./run_all.sh` starts once the environment is there; its help is the head of that script."""

import os
import shutil
import signal
import sys
import time

from adc import paths, tuned
from adc.errors import UserError
from workflow import book, engine, estimate, failure, lock, options, plan, render
from workflow.progress import clock


def main(arguments: list[str]) -> int:
    """Do what was asked and return the exit code."""
    asked = options.parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    try:
        if asked.command == "book":
            book.make(asked)
            return 0
        if asked.command == "render":
            asked = render.options(asked)
        planned = planned_for(asked)
        return dry_run(planned, asked) if asked.dry_run else run(planned, asked)
    except Exception as error:
        if not (told := failure.expected(error)):
            raise
        print(told, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here: what is finished is not done again.", file=sys.stderr)
        return 130


def planned_for(asked: options.Options) -> list[plan.Job]:
    """The jobs of a call. Raises `UserError` where they do not hold what its command is for."""
    planned = plan.jobs(asked)
    if asked.command == "render":
        render.shown(planned, asked.profile)
    if asked.command == "tune" and not any(job.notebook == plan.SEARCH for job in planned):
        raise UserError(f"The profile {asked.profile} has no {plan.SEARCH}. Leave out --profile: tune then takes the profile search.")
    return estimate.by_urgency(planned)


def run(planned: list[plan.Job], asked: options.Options) -> int:
    """Run what is not done yet and name the files worth opening."""
    began, data = time.monotonic(), paths.home() / "data"
    with lock.whole_folder() as waited:
        if waited:  # code and settings may be others by now, by which the plan names runs; the lock goes with this process's files
            os.execv(sys.executable, [sys.executable, "-m", "workflow", *sys.argv[1:]])
        lock.sweep()
        _forget_lost(planned)
        _set_back(planned)
        pending = engine.todo(planned, asked, data)
        print(_summary(planned, pending, asked), flush=True)
        while pending:
            if not engine.run(planned, pending, asked):
                print("Not finished. Mend the cause and give the same command again: it goes on from here.")
                return 1
            # Snakemake overlooks a job's own changed input while something that it only comes `after` is made anew
            before, pending = pending, engine.todo(planned, asked, data)
            if asked.extra and set(pending) <= set(before):  # words after -- may force jobs or leave some out: those never get done
                break
            if pending == before:
                steps = ", ".join(planned[number].label for number in pending)
                print(f"Notebooks or code changed meanwhile. The same command does again: {steps}.")
                return 1
        print(f"Done in {clock(time.monotonic() - began)}.")
        if asked.command == "render":
            render.write(planned, asked.profile)
        elif asked.command == "tune":
            _keep_found(planned)
        else:
            _worth_opening(planned)
    return 0


def dry_run(planned: list[plan.Job], asked: options.Options) -> int:
    """Say what would run; nothing is written."""
    with engine.stand_in() as folder:
        pending = engine.todo(planned, asked, folder)
    print("\n  ".join([_summary(planned, pending, asked), *(planned[number].label for number in pending)]))
    return 0


def _summary(planned: list[plan.Job], pending: list[int], asked: options.Options) -> str:
    names: dict[str, list[str]] = {}
    for job in planned:
        if job.notebook == plan.DATA:
            names.setdefault(plan.profile_of(job.parameters["dataset"], asked), []).append(job.dataset)
    what = ", ".join(f"{profile} on {' and '.join(datasets)}" for profile, datasets in names.items())
    steps = f"{len(planned)} steps, {len(planned) - len(pending)} done already, {len(pending)} to do"
    cores = f"{asked.cores} core{'s' * (asked.cores != 1)}"
    if not pending:
        return f"Profile {what}: {steps}."
    time, room = clock(estimate.together(planned, pending, asked.cores), 0), estimate.gigabytes(planned, pending)
    free = shutil.disk_usage(paths.home()).free / 1e9
    lack = f" There are {free:.1f} GB free below {paths.home()}: make room before it fills." if room > free else ""
    return f"Profile {what}: {steps}. Roughly {time} on {cores}, leaving some {room:.1f} GB of runs.{lack}"


def _forget_lost(planned: list[plan.Job]) -> None:
    """Without the table all runs have to be gathered again, also for calls to come, and without one of its runs a grid goes on,
    whatever is noted."""
    data = paths.home() / "data"
    for noted in data.glob(plan.gathering("*", "*")) if not paths.results().exists() else []:
        noted.unlink()
    for job in planned:
        for runs in job.leaves if job.notebook == plan.GRID else []:
            if (data / runs).exists() and not all((data / run / "metrics.json").exists() for run in plan.listed(data / runs)):
                (data / runs).unlink(), (data / job.output).unlink(missing_ok=True)


def _set_back(planned: list[plan.Job]) -> None:
    """What is later than now was made by a wrong clock. As older than all, it is done again if what it was made from has changed:
    Snakemake then compares checksums."""
    for job in planned:
        file = paths.home() / "data" / job.output
        if file.exists() and file.stat().st_mtime > time.time():
            os.utime(file, (1, 1))


def _keep_found(planned: list[plan.Job]) -> None:
    from adc import tune

    for job in planned:
        if job.notebook == plan.SEARCH:
            config = tune.configuration(**job.parameters)
            found = tune.best(tune.trials(config))
            about = {name: config[name] for name in ("trials", "epochs", "seed")}
            told = {"parameters": found["parameters"], "validation": round(found["validation"], 5), **about}
            tuned.write(job.dataset, job.parameters["method"], told)
            print(f"{job.label}: {found['parameters'] or 'the defaults'}, validation NDCG@10 {found['validation']:.4f}")
    print(f"Wrote {tuned.FILE}; every profile uses it from now on.")


def _worth_opening(planned: list[plan.Job]) -> None:
    data = paths.home() / "data"
    print("Worth opening:")
    for job in reversed(planned):
        if job.notebook == plan.DATA or (job.output.startswith("reports/") and job.notebook not in (plan.GATHER, plan.OWN)):
            print(f"  {data / job.output}")
    for dataset in dict.fromkeys(job.dataset for job in planned if job.notebook == plan.GRID):
        print(f"  {data / 'studies' / dataset}/*/notebook.html")
    for dataset in dict.fromkeys(job.dataset for job in planned if job.notebook in plan.RUNS):
        print(f"  {paths.runs(dataset)}/*/notebook.html")
    print(f"  {paths.figures()}/")
    for job in planned:
        if job.notebook == plan.OWN:
            print(f"The report on {job.dataset}: {data / job.output}")


def _interrupt(number, frame):
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
