"""Every method once: how to configure, train, search, score and draw it. A new one is a file and a line."""

import csv
import difflib
import io
from collections.abc import Iterable
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any

import numpy as np

from adc.balancers import BALANCERS
from adc.config import check_types
from adc.early_stopping import Learner, Trained, train_epochs
from adc.errors import UserError
from adc.split import TRAIN, Split, split_ratings
from companion import adc_method, data, runs, tuned_settings
from companion.method import Method
from companion.rivals import bpr, cdcf, chance, clfm, ease, itemknn, popularity, residual, sconet

METHODS: dict[str, Method] = {entry.name: entry for entry in (  # in the order of Table II's columns
    chance.METHOD, popularity.METHOD, itemknn.METHOD, itemknn.MERGED, ease.METHOD, ease.MERGED,
    bpr.METHOD, bpr.MERGED, clfm.METHOD, cdcf.METHOD, sconet.METHOD,
    adc_method.STATIC, adc_method.ADC, *adc_method.SUCCESSORS, residual.METHOD,
)}  # fmt: skip
ALL_RATINGS = "all"  # "ratings" in the configuration of a model that was fitted on all of them
BASE = {"hidden_layers": 3, "gamma": 2.0}  # around which the parameter analysis turns


def method(name: str) -> Method:
    """A method by name; an unknown one is a `UserError` that lists the known."""
    if name not in METHODS:
        raise UserError(f"Unknown method '{name}'.{_near(name, METHODS)} Known: {', '.join(METHODS)}.")
    return METHODS[name]


def with_balancer(name: str) -> str:
    """The method that a run with a balancer is: ADC with the paper's or a reading of it, else its own."""
    return "adc" if name.startswith("gradnorm") else name


def label(name: str) -> str:
    """What a method is called in tables and figures."""
    return method(name).label


def names(*kinds: str) -> list[str]:
    """The methods of some kinds, in the registry's order."""
    return [name for name, entry in METHODS.items() if entry.kind in kinds]


def configure(name: str, dataset: str = "movielens", seed: int = 0, domains: str = "",
              **settings: Any) -> dict:  # fmt: skip
    """The configuration of a run, as stored in `config.json`: dataset, domains (comma-separated, empty: all),
    seed, method, its version, and every setting. ADC with another balancer is the method of that balancer's
    name.
    Raises `UserError` for an unknown method or setting, and for a value of another type or out of range."""
    if name == "adc" and "balancer" in settings:
        name = with_balancer(settings["balancer"])
    entry = method(name)
    known = [field for field in _fields(entry) if field != "seed"]
    for setting in settings:
        if setting not in known:
            words = f"{entry.label} has no setting '{setting}'.{_near(setting, known)}"
            raise UserError(f"{words} It has: {', '.join(known) or 'none'}.")
    common = {"dataset": dataset, "domains": domains, "seed": seed}
    for field, value in common.items():
        kind, words = (int, "a whole number") if field == "seed" else (str, "a text")
        if type(value) is not kind:
            raise UserError(f"Parameter {field}={value!r} must be {words}.")
    values = settings | entry.fixed | ({"seed": seed} if "seed" in _fields(entry) else {})
    checked = entry.Settings(**values)
    check_types(checked)
    config = common | {"method": name, "version": entry.version} | _without_idle(entry, asdict(checked))
    return config | {"variant": variant(config)}


def configure_tuned(name: str, dataset: str, seed: int = 0, domains: str = "", label: str = "",
                    **settings: Any) -> dict:  # fmt: skip
    """`configure` with what the search, or that of a label, found for the dataset, then `settings`; those
    that a method does not have, such as epochs for popularity, are left out."""
    entry = method(name)
    settings = {key: value for key, value in settings.items() if key in _fields(entry)}
    return configure(name, dataset, seed, domains, **tuned(name, dataset, label) | settings)


def tuned(name: str, dataset: str, label: str = "") -> dict:
    """The settings that the search found for a method on a dataset (R32); none where it was not searched.
    label: of a search under other conditions, such as "target alone"; where there was none, the method's.
    Equal weights, and another balancer where it was not searched, take ADC's: what is left between them is
    the balancer alone, and any favour of the search is ADC's."""
    by_method = tuned_settings.of(dataset)
    if (labelled := f"{name}, {label}") in by_method:
        return by_method[labelled]["parameters"]
    if name in BALANCERS and name not in by_method:
        name = "adc"
    return by_method.get(name, {}).get("parameters", {})


def label_alone(domains: str) -> str:
    """Label of the search on one domain by itself ("target alone"); none for all domains or several."""
    names = named(domains)
    return f"{names[0]} alone" if len(names) == 1 else ""


def train(config: dict, show: bool = True, **options: Any) -> runs.Run:
    """The run of a configuration with its model: stored, or else fitted, tested once and stored."""
    run = runs.find(config)
    stored = run is not None and run.has_model
    return run if stored else runs.save(config, fit(config, show=show, **options))


def fit(config: dict, split: Split | None = None, show: bool = True, **options: Any) -> Trained:
    """Train a configuration without a look at test ratings; nothing is stored. options: of `train_epochs`."""
    split = split or load_split(config)
    entry, title = method(config["method"]), f"{label(config['method'])} {config['variant']}"
    learner = entry.learner(config, split)
    limits = config["epochs"], config["patience"]
    return train_epochs(learner, split, *limits, title, show, entry.scorer, **options)


def learner(config: dict, split: Split) -> Learner:
    """The untrained learner of a configuration."""
    return method(config["method"]).learner(config, split)


def load_split(config: dict) -> Split:
    """The split ratings that a configuration means; all are for training where it was fitted on all."""
    whole = config.get("ratings") == ALL_RATINGS
    return _split(config["dataset"], config["domains"], config["seed"], whole)


@lru_cache(maxsize=2)  # the runs of a study share it
def _split(dataset: str, domains: str, seed: int, whole: bool = False) -> Split:
    split = split_ratings(data.load(dataset).only(named(domains)), seed)
    return Split(split.ratings, seed, np.full_like(split.part, TRAIN)) if whole else split


def variant(config: dict) -> str:
    """What tells a method's runs on one dataset and seed apart, for tables: depth, γ, readings, objective."""
    entry, words = method(config["method"]), []
    if "hidden_layers" in config:
        words.append(f"h={config['hidden_layers']}")
        words += [f"γ={config['gamma']:g}"] if entry.kind in ("adc", "variant") else []
    if entry.kind in ("adc", "balancer"):
        words += [f"{name}={config[name]}" for name in changed_readings(config)]
    objective = config.get("objective")
    if objective and objective != entry.Settings().objective:
        words.append(f"objective={objective}")
    return " ".join(words)


def unusual(config: dict) -> dict:
    """The settings of a configuration away from what the search found, or else from the defaults; not those
    that name the experiment."""
    usual, experiment = _usual(config), {"hidden_layers", "gamma", "seed", *runs.NOT_IDENTITY}
    return {name: config[name] for name in usual if name not in experiment and config[name] != usual[name]}


def is_current(config: dict) -> bool:
    """Whether today's methods have this configuration: its method, version and settings."""
    entry = METHODS.get(config.get("method", ""))
    return entry is not None and config.get("version") == entry.version and set(_fields(entry)) <= set(config)


def changed_readings(config: dict) -> list[str]:
    """The settings of starred readings in which a configuration of ADC's network is unusual; the learning
    rates that go with R11 are no reading."""
    usual, settings = _usual(config), []
    for _, change, _ in adc_method.STARRED:
        settings += [name for name in change if name not in ("learning_rate", "embedding_lr")]
    return [name for name in dict.fromkeys(settings) if config[name] != usual[name]]


def named(text: str) -> list[str]:
    """The names in a comma-separated text, each once; none in an empty one. A name that holds a comma stands
    between double quotes, as in a CSV file."""
    (cells,) = csv.reader([text], skipinitialspace=True) if text.strip() else [[]]
    return list(dict.fromkeys(name.strip() for name in cells if name.strip()))


def listed(names: Iterable[str]) -> str:
    """The names as one text that `named` reads."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _fields(entry: Method) -> list[str]:
    return [field.name for field in fields(entry.Settings)]


def _without_idle(entry: Method, settings: dict) -> dict:
    """Settings that have no effect at a common value, so that one training is one run."""
    if entry.kind == "balancer":
        settings["gamma"] = 0.0  # of GradNorm only
    if settings.get("hidden_layers", 2) < 2:  # nothing lies between
        settings["pretraining"] = "none"
    return settings


def _usual(config: dict) -> dict:
    """The settings of the method on its dataset when only depth, γ and seed are chosen."""
    entry = method(config["method"])
    usual = asdict(entry.Settings(**tuned(entry.name, config["dataset"]) | entry.fixed))
    if config.get("hidden_layers", 2) < 2:
        usual["pretraining"] = config["pretraining"]
    return usual


def _near(name: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{match[0]}'?" if match else ""
