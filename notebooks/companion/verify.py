"""A row of the ledger made again from nothing: `./run_all.sh verify [C9 ...] [--data insteval] [OPTIONS]`

trains only the runs that docs/claims.json names for these claims, in a folder of its own, judges them, and
says whether the verdicts are the same. Exit code 1: one is not."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import yaml

from adc.errors import UserError
from companion import execute, files, paths, profile, registry, results, runs
from companion.analysis import controls, report
from companion.claims import compare, export
from companion.claims.evidence import Evidence
from companion.claims.ledger import numbered
from companion.experiments import studies

USUAL = "C32"  # ADC's weights against equal ones: the paper's core, and few runs
ARITHMETICS = {  # what libraries compute with -> environment variables that make them (docs/verify.md)
    "usual": {},
    "avx2": {"OPENBLAS_CORETYPE": "Haswell", "MKL_CBWR": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "sse": {"OPENBLAS_CORETYPE": "Nehalem", "MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"},
    "threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
}


def records(names: Iterable[str], dataset: str, file: Path) -> list[dict]:
    """The records of some claims, as they stand in the file. `UserError`: a claim that is unknown, that no
    run decides, or that is another one by now."""
    every = {each["claim"]: each for each in export.read(file) if each["dataset"] == dataset}
    if not every:
        known = sorted({each["dataset"] for each in export.read(file)})
        raise UserError(f"{file} has no claims on '{dataset}'.{execute.near(dataset, known)}")
    for name in names:
        if name not in every:
            raise UserError(f"Unknown claim '{name}'.{execute.near(name, every)}")
        if not every[name]["runs"]:
            raise UserError(f"{name}, {every[name]['says']}: no run decides it ({every[name]['verdict']}).")
        if name not in numbered() or numbered()[name].says != every[name]["says"]:
            raise UserError(f"{name} of {file} is another claim by now: {every[name]['says']}.")
    return [every[name] for name in names]


def configurations(there: list[dict]) -> list[dict]:
    """The configurations of the runs that records name, in the profile's order, in which the ledger adds them
    up. `UserError` where the profile has other settings by now, so that they would be other runs."""
    name, dataset = there[0]["profile"], there[0]["dataset"]
    wanted = {place for record in there for place in record["runs"]}
    known = {_place(config): config for config in planned(name, dataset)}
    for world in sorted({Path(place).parent.name for place in wanted} - {dataset}):
        changes = [*controls.comparison(), *controls.balancing("searched settings")]
        known |= {_place(config): config for config in (controls.configure(world, each) for each in changes)}
    if missing := sorted(wanted - {*known}):
        raise UserError(
            f"The file names {missing[0]}, which the profile {name} does not train any more: its settings or "
            f"a method's version have changed since. Take the checkout that the file came with, or write it "
            f"anew: ./run_all.sh render --profile {name}"
        )
    return [config for place, config in known.items() if place in wanted]


def planned(name: str, dataset: str) -> list[dict]:
    """The configurations of all runs of a profile's notebooks 04 and 13 on a dataset."""
    text = (execute.NOTEBOOKS / "profiles" / f"{name}.yaml").read_text(encoding="utf-8")
    jobs = profile.jobs(yaml.safe_load(text) | {"data": [report.data_source(dataset)]})[dataset]
    configs = []
    for job, given in jobs.items():
        notebook = job.partition("-")[0]
        given = execute.defaults(execute.notebooks()[notebook]) | given
        if notebook == "04_baselines":
            chosen = {key: given[key] for key in ("objective", "dim", "epochs", "patience") if given[key]}
            for method in given["methods"]:
                configs += [registry.configure_tuned(method, dataset, seed, given["domains"], **chosen)
                          for seed in given["seeds"]]  # fmt: skip
        if notebook == "13_studies":
            seeds = given.pop("seeds")
            del given["run_list"]
            for seed in seeds:
                configs += studies.configurations(seed=seed, **given)
    return configs


def _place(config: dict) -> str:
    return runs.folder(config).relative_to(paths.home()).as_posix()


def train(configs: list[dict], environment: dict[str, str], cores: int) -> list[Path]:
    """The folders of the runs, in order; those not there are trained, in processes of this environment."""
    execute.one_thread()
    os.environ |= {"TQDM_DISABLE": "1"} | environment
    processes = max(1, cores // int(os.environ["OMP_NUM_THREADS"]))
    print(f"{len(configs)} runs, {processes} at a time, in {paths.home()}", flush=True)
    how = get_context("spawn"), execute.end_with_parent  # spawn: libraries read the environment anew
    with ProcessPoolExecutor(processes, *how) as pool:
        waiting = [pool.submit(_train, config) for config in configs]
        for number, done in enumerate(as_completed(waiting), 1):
            print(f"  {number} of {len(configs)}: {done.result()}", flush=True)
    return [runs.folder(config) for config in configs]


def _train(config: dict) -> str:
    run = registry.train(config, show=False)
    words = f"{registry.label(config['method'])} {config['variant']}".strip()
    return f"{words}, seed {config['seed']}: {run.metrics['train_seconds']:.0f} s"


def verify(names: list[str], dataset: str, file: Path, arithmetic: str, cores: int) -> bool:
    """Make claims again in ADC_HOME, say what came out, and whether all verdicts are the same."""
    there = records(names, dataset, file)
    name = there[0]["profile"]
    results.gather(train(configurations(there), ARITHMETICS[arithmetic], cores), name)
    here = {record["claim"]: record for record in export.records(Evidence(dataset, name), names)}
    for record in there:
        print("\n".join(compare.sentences(record, here[record["claim"]])))
    return all(record["verdict"] == here[record["claim"]]["verdict"] for record in there)


def main(words: list[str]) -> int:
    """What the command does; its exit code."""
    parser = argparse.ArgumentParser("./run_all.sh verify", description=__doc__.replace("\n\n", " "))
    parser.add_argument("claims", nargs="*", default=[USUAL], help=f"names such as C9; else {USUAL}")
    parser.add_argument("--data", default=export.DATASETS[0], help="the ledger's dataset (%(default)s)")
    parser.add_argument("--file", type=Path, default=export.FILE, help="the records (docs/claims.json)")
    parser.add_argument("--home", type=Path, help="where runs are put, and stay; else a temporary folder")
    parser.add_argument("--arithmetic", choices=ARITHMETICS, default="usual", help="another than usual here")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="all of them, if not said")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="adc-verify-") as folder, files.exit_on_error():
        os.environ["ADC_HOME"] = str((given.home or Path(folder)).resolve())
        same = verify(given.claims, given.data, given.file, given.arithmetic, given.cores)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
