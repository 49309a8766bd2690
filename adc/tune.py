"""One search for every method (R32): the same number of trials and epochs, validation ratings only, every trial a file.

A trial's draw depends on the seed, its number and the trials before it: a search that was killed goes on as if it
had not been. Trial 0 is the method's defaults, which its author chose by a handful of trials on validation.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from tqdm.auto import tqdm

from adc import baselines, files, fit, paths, residual, runs, settings, train
from adc.balancers import RIVALS
from adc.errors import UserError

NETWORKS = ("adc", *RIVALS)  # trained by `adc.train`
STARTUP = 8  # trials drawn at random before the search looks at what it has seen


@dataclass(frozen=True)
class Settings:
    """A search; names and defaults are those of notebook 11."""

    dataset: str = "movielens"
    domains: str = ""  # comma-separated names; empty: all
    seed: int = 0
    method: str = "adc"
    trials: int = 15
    epochs: int = 40
    patience: int = 8
    hidden_layers: int = 3  # of the networks
    gamma: float = 2.0


def methods() -> list[str]:
    """Methods with something to search."""
    return [*NETWORKS, "adc_residual", *(name for name, module in baselines.METHODS.items() if module.SPACE)]


def configuration(**parameters: Any) -> dict:
    """What names a search: its settings, the method's space and all code that a trial runs."""
    try:
        config = asdict(Settings(**parameters))
    except TypeError as error:
        raise UserError(f"The search: {error}. It has the parameters {', '.join(asdict(Settings()))}.") from error
    if config["method"] not in methods():
        raise UserError(f"Nothing to search for method '{config['method']}'. Known: {', '.join(methods())}.")
    code = trial_configuration(config, {})["code"]
    known = settings.KNOWN if config["method"] in NETWORKS else []
    return config | {"space": space(config["method"]), "known": known, "code": [*code, "adc.tune"]}


def space(method: str) -> dict[str, tuple]:
    """Parameter -> ("log" | "int", low, high) or ("choice", values)."""
    if method == "adc_residual":
        return residual.SPACE
    return settings.SPACE if method in NETWORKS else baselines.METHODS[method].SPACE


def trial_configuration(config: dict, chosen: dict, bpr: dict | None = None) -> dict:
    """The configuration of a run with the parameters of a trial; `bpr`: as `residual.configuration` takes it."""
    common = {name: config[name] for name in ("dataset", "domains", "seed")}
    limits = {name: config[name] for name in ("epochs", "patience")}
    method = config["method"]
    shape = {name: config[name] for name in ("hidden_layers", "gamma")}
    if method in NETWORKS:
        balancer = {} if method == "adc" else {"balancer": method}
        return train.configuration(**common, **limits, **shape, **balancer, **chosen)
    if method == "adc_residual":
        return residual.configuration(**common, **limits, **shape, **chosen, bpr=bpr)
    learns = baselines.METHODS[method].Settings().epochs > 1
    return baselines.configuration(**common, method=method, **(limits if learns else {}), **chosen)


def folder(config: dict) -> Path:
    """Where the trials of a search lie; a longer search goes on from a shorter one."""
    same = {name: value for name, value in config.items() if name != "trials"}
    return paths.home() / "data" / "searches" / config["dataset"] / f"{config['method']}-{runs.identity(same)}"


def trials(config: dict) -> list[dict]:
    """The finished trials of a search, in order."""
    found = sorted(folder(config).glob("trial-*.json"))[: config["trials"]]
    return [json.loads(file.read_text(encoding="utf-8")) for file in found]


def search(config: dict, show: bool = True) -> list[dict]:
    """Do the trials that are not done yet; all of them, as dicts: number, parameters, validation NDCG@10, …

    What stands on BPR (`adc.residual`) waits for BPR's own search, as long as its own, and takes the best of it.
    """
    done, bpr = trials(config), None
    if config["method"] == "adc_residual" and len(done) < config["trials"]:
        given = {field.name: config[field.name] for field in fields(Settings)}
        bpr = best(search(configuration(**given | {"method": "bpr"}), show))["parameters"]
    bar = tqdm(range(len(done), config["trials"]), desc=f"search {config['method']}", unit="trial", disable=not show)
    for number in bar:
        first = [{}, *config["known"]]
        chosen = first[number] if number < len(first) else suggest(config, done)
        done.append({"number": number, "parameters": chosen, **_try(trial_configuration(config, chosen, bpr))})
        files.write_json(folder(config) / f"trial-{number:03}.json", done[-1])
        bar.set_postfix(best=f"{best(done)['validation']:.4f}")
    return done


def suggest(config: dict, done: list[dict]) -> dict:
    """Parameters of the next trial by TPE on the trials so far, rounded to three digits."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = {name: _distribution(*bounds) for name, bounds in config["space"].items()}
    seed = config["seed"] * 1000 + len(done)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed))
    for trial in (trial for trial in done if trial["parameters"]):  # not the defaults, which may lie outside
        study.add_trial(optuna.create_trial(params=trial["parameters"], distributions=known, value=trial["validation"]))
    drawn = study.ask(known).params
    return {name: float(f"{value:.3g}") if type(value) is float else value for name, value in drawn.items()}


def _distribution(kind: str, *bounds: Any) -> optuna.distributions.BaseDistribution:
    if kind == "choice":
        return optuna.distributions.CategoricalDistribution(bounds[0])
    if kind == "int":
        return optuna.distributions.IntDistribution(*bounds, log=True)
    return optuna.distributions.FloatDistribution(*bounds, log=True)


def _try(config: dict) -> dict:
    """Train without a look at the test set: the mean over the targets of the best validation NDCG@10."""
    parts = baselines.prepared(config)
    trains = {"adc_residual": residual} | dict.fromkeys(NETWORKS, train)
    learner = trains.get(config["method"], baselines).learner(config, parts)
    keeper, _, notes = fit.learn(learner, parts, config, show=False)
    reached = {name: max(value, 0.0) for name, value in notes["validation"].items()}  # -inf: diverged at once
    return notes | {"validation": sum(reached.values()) / len(reached), "by_target": reached}


def best(done: list[dict]) -> dict:
    """The trial with the best mean validation NDCG@10; of several the first."""
    return max(done, key=lambda trial: (trial["validation"], -trial["number"]))


def table(done: list[dict]) -> pd.DataFrame:
    """Trials as a table, best first: validation, epochs, seconds, diverged, and the parameters."""
    rows = [{key: trial[key] for key in ("number", "validation", "epochs", "train_seconds", "diverged")} | trial["parameters"]
            for trial in done]  # fmt: skip
    return pd.DataFrame(rows).set_index("number").sort_values("validation", ascending=False, kind="stable")
