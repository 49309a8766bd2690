"""One search for every method (R32): as many trials and epochs, validation ratings only, a file a trial.

A trial's settings depend on the seed, its number and the trials before it: a search that was killed goes on
as if it had not been. The first trials are the method's `first_trials`; then come random ones, then TPE's."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from tqdm.auto import tqdm

from adc.errors import UserError
from companion import files, paths, registry, runs, tuned_settings

RANDOM_TRIALS = 8  # trials drawn at random before TPE looks at what was tried
PRUNED_AT = (5, 10, 20, 40)  # epochs at which a trial ends that is below the median of those before it
EDGE = 0.03  # of a range: a value so near to its end is at the bound


def methods() -> list[str]:
    """Methods with something to search."""
    return [name for name, entry in registry.METHODS.items() if entry.search_space]


def configure(method: str, dataset: str = "movielens", domains: str = "", seed: int = 0, trials: int = 60,
              epochs: int = 80, patience: int = 10, label: str = "", **settings: Any) -> dict:  # fmt: skip
    """What names a search: the settings that all trials share, the method's space and its first trials.
    `settings` stay fixed, such as hidden_layers, where the method has them; `label` names what is kept of
    them beside the method's own (`registry.tuned`), "… alone" where it is a search on one domain. Raises
    `UserError` for a method without a search space."""
    entry = registry.method(method)
    if not entry.search_space:
        raise UserError(f"Nothing to search for method '{method}'. Known: {', '.join(methods())}.")
    known = {name for other in registry.METHODS.values() for name in other.Settings.__dataclass_fields__}
    if unknown := sorted(set(settings) - known):
        raise UserError(f"A search has no setting '{unknown[0]}', nor has any method.")
    limits = {"epochs": epochs, "patience": patience} if entry.Settings().epochs > 1 else {}
    names = set(entry.Settings.__dataclass_fields__) - set(entry.fixed)
    fixed = limits | {name: value for name, value in settings.items() if name in names}
    space = {name: list(bounds) for name, bounds in entry.search_space.items() if name not in fixed}
    common = {"method": method, "version": entry.version, "dataset": dataset, "seed": seed}
    usual, first = asdict(entry.Settings()), []
    for trial in entry.first_trials:  # with the defaults spelt out: they may change
        first.append({name: trial.get(name, usual[name]) for name in space})
    common |= {"domains": domains, "trials": trials, "label": label or registry.label_alone(domains)}
    return common | {"fixed": fixed, "space": space, "first": first}


def folder(config: dict) -> Path:
    """Where the trials of a search lie; a longer search goes on from a shorter one."""
    content = {name: value for name, value in config.items() if name not in ("trials", "label")}
    name = f"{config['method']}-{runs.identity(content)}"
    return paths.home() / "data" / "searches" / config["dataset"] / name


def stored_trials(config: dict) -> list[dict]:
    """The finished trials of a search, in order."""
    trials = sorted(folder(config).glob("trial-*.json"))[: config["trials"]]
    return [json.loads(file.read_text(encoding="utf-8")) for file in trials]


def search(config: dict, show: bool = True) -> list[dict]:
    """Do the trials that are missing; all of them, as dicts: number, parameters, validation NDCG@10, …"""
    trials = stored_trials(config)
    missing = range(len(trials), config["trials"])
    bar = tqdm(missing, desc=f"search {config['method']}", unit="trial", disable=not show)
    for number in bar:
        first = config["first"]
        parameters = first[number] if number < len(first) else suggest(config, trials)
        trials.append({"number": number, "parameters": parameters, **_try(config, parameters, trials)})
        files.write_json(folder(config) / f"trial-{number:03}.json", trials[-1])
        bar.set_postfix(best=f"{best(trials)['validation']:.4f}")
    return trials


def suggest(config: dict, trials: list[dict]) -> dict:
    """Parameters of the next trial by TPE on the trials so far, rounded to three digits."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(*bounds) for name, bounds in config["space"].items()}
    seed = config["seed"] * 1000 + len(trials)
    sampler = optuna.samplers.TPESampler(n_startup_trials=RANDOM_TRIALS, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials:
        values = trial["parameters"]
        within = {name: _within(values[name], *bounds) for name, bounds in config["space"].items()}
        value = trial["validation"]
        study.add_trial(optuna.create_trial(params=within, distributions=distributions, value=value))
    rounded = lambda value: float(f"{value:.3g}") if type(value) is float else value
    return {name: rounded(value) for name, value in study.ask(distributions).params.items()}


def best(trials: list[dict]) -> dict:
    """The trial with the best mean validation NDCG@10; of several the first."""
    return max(trials, key=lambda trial: (trial["validation"], -trial["number"]))


def table(trials: list[dict]) -> pd.DataFrame:
    """Trials, best first: validation, epochs, seconds, diverged, and the parameters."""
    notes = ("number", "validation", "epochs", "train_seconds", "diverged")
    rows = [{name: trial[name] for name in notes} | trial["parameters"] for trial in trials]
    return pd.DataFrame(rows).set_index("number").sort_values("validation", ascending=False, kind="stable")


def keep_best(config: dict) -> dict:
    """Put the best of a finished search into `tuned_settings.json`; the trial."""
    trial = best(stored_trials(config))
    usual = {"epochs", "patience", *registry.BASE} - ({*registry.BASE} if config["label"] else set())
    shared = {name: value for name, value in config["fixed"].items() if name not in usual}
    result = {"parameters": shared | trial["parameters"], "validation": round(trial["validation"], 5)}
    result |= {"trials": config["trials"], "seed": config["seed"], "epochs": config["fixed"].get("epochs", 1)}
    result |= {"flags": flags(config, trial)}
    name = ", ".join(filter(None, (config["method"], config["label"])))
    tuned_settings.write(config["dataset"], name, result)
    return trial


def flags(config: dict, trial: dict) -> list[str]:
    """What makes the best trial no result yet: values at a bound, a best epoch <= 2, an end by the limit."""
    words = []
    for name, value in trial["parameters"].items():
        kind, *bounds = config["space"].get(name, ("choice", []))
        if kind != "choice" and value:  # 0 switches it off
            place = math.log(value / bounds[0]) / math.log(bounds[1] / bounds[0])
            words += [f"{name} at a bound"] if not EDGE < place < 1 - EDGE else []
    if config["fixed"].get("epochs", 1) > 1:
        early = [name for name, epoch in trial["best_epoch"].items() if epoch <= 2]
        words += [f"best epoch <= 2 for {', '.join(early)}"] if early else []
        words += ["ended by the limit of epochs"] if trial["epochs"] == config["fixed"]["epochs"] else []
    return words


def _within(value: Any, kind: str, *bounds: Any) -> Any:
    return value if kind == "choice" else min(max(value, bounds[0]), bounds[1])


def _distribution(kind: str, *bounds: Any) -> optuna.distributions.BaseDistribution:
    if kind == "choice":
        return optuna.distributions.CategoricalDistribution(bounds[0])
    if kind == "int":
        return optuna.distributions.IntDistribution(*bounds, log=True)
    return optuna.distributions.FloatDistribution(*bounds, log=True)


def _try(config: dict, parameters: dict, trials: list[dict]) -> dict:
    """Train without a look at the test set: the mean over the targets of the best validation NDCG@10, and
    its course over the epochs."""
    course: list[float] = []

    def hopeless(epoch: int, best: float) -> bool:
        course.append(round(best, 6))
        courses = [trial["course"] for trial in trials if trial["course"]]
        others = [other[min(epoch, len(other)) - 1] for other in courses]
        return epoch in PRUNED_AT and len(others) >= RANDOM_TRIALS and best < np.median(others)

    names = {name: config[name] for name in ("dataset", "seed", "domains")}
    chosen = registry.configure(config["method"], **names, **config["fixed"] | parameters)
    notes = registry.fit(chosen, show=False, hopeless=hopeless).notes
    # -inf: diverged at once
    by_target = {name: max(value, 0.0) for name, value in notes["validation"].items()}
    mean = sum(by_target.values()) / len(by_target)
    return notes | {"validation": mean, "by_target": by_target, "course": course}
