"""The methods ADC is compared with (§IV-C) and the hurdles beside them: one file a method, one entrance for all.

A method's module has `Settings` (a frozen dataclass: its parameters and their defaults, `epochs` and `patience` among
them), `learner(config, parts)` (a `fit.Learner`), `SPACE` (what `adc.tune` searches), `CODE` (modules that make it),
and, where scores are not products of two vectors, `scorer`.
"""

from dataclasses import asdict, fields
from types import ModuleType
from typing import Any

from adc import data, fit, runs
from adc.baselines import bpr, cdcf, chance, clfm, ease, itemknn, merged_bpr, popularity, sconet
from adc.errors import UserError
from adc.settings import check_types, named
from adc.split import Split, split

METHODS: dict[str, ModuleType] = {
    "random": chance, "popularity": popularity, "itemknn": itemknn, "ease": ease, "bpr": bpr, "bpr_merged": merged_bpr,
    "clfm": clfm, "cdcf": cdcf, "sconet": sconet,
}  # fmt: skip
COMMON = {"dataset": str, "domains": str, "seed": int, "method": str}


def configuration(dataset: str = "movielens", domains: str = "", seed: int = 0, method: str = "bpr", **own: Any) -> dict:
    """The configuration of a run: what names the experiment and every parameter of its method.

    A parameter given as None takes the method's own default. Raises `UserError` for an unknown method, for a
    parameter that the method does not have, and for a value of another type or out of range.
    """
    common = dict(zip(COMMON, (dataset, domains, seed, method), strict=True))
    for name, value in common.items():
        if type(value) is not COMMON[name]:
            raise UserError(f"Parameter {name}={value!r} must be of type {COMMON[name].__name__}.")
    if method not in METHODS:
        raise UserError(f"Unknown method '{method}'. Known: {', '.join(METHODS)}.")
    module = METHODS[method]
    given, known = {name: value for name, value in own.items() if value is not None}, parameters(method)
    for name in given:
        if name not in known:
            raise UserError(f"Method '{method}' has no parameter '{name}'. It has: {', '.join(known) or 'none'}.")
    settings = module.Settings(**given)
    check_types(settings)
    objective = getattr(settings, "objective", "")
    variant = f"objective={objective}" if objective != getattr(module.Settings(), "objective", "") else ""
    return common | asdict(settings) | {"variant": variant, "code": [*module.CODE, module.__name__]}


def parameters(*methods: str) -> list[str]:
    """Names of the parameters that a method has besides dataset, domains and seed; of several, or of all, each once."""
    names = [field.name for method in methods or METHODS for field in fields(METHODS[method].Settings)]
    return list(dict.fromkeys(names))


def run(config: dict, show: bool = True) -> runs.Run:
    """Train and test a baseline by its `configuration`, or return the stored run."""
    found = runs.find(config)
    if found is not None:
        return found
    parts = prepared(config)
    module = METHODS[config["method"]]
    return fit.fit(learner(config, parts), parts, config, getattr(module, "scorer", fit.factor_score), show)


def prepared(config: dict) -> Split:
    """The split ratings that a configuration means."""
    return split(data.load(config["dataset"]).only(named(config["domains"])), config["seed"])


def learner(config: dict, parts: Split) -> fit.Learner:
    """The learner of a configuration, untrained."""
    return METHODS[config["method"]].learner(config, parts)
