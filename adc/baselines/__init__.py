"""The methods ADC is compared with (§IV-C): one file a method, one entrance for all of them."""

from dataclasses import asdict, dataclass, fields

from adc import data, runs
from adc.baselines import bpr, popularity
from adc.errors import UserError
from adc.settings import check_types, named
from adc.split import split

METHODS = {"bpr": bpr, "popularity": popularity}
CODE = ("adc.baselines", "adc.fit", "adc.loss", "adc.sample")


@dataclass(frozen=True)
class Settings:
    """Parameters of every baseline; names and defaults are notebook 04's. A method ignores what it does not USE."""

    dataset: str = "movielens"
    domains: str = ""  # comma-separated names; empty: all
    seed: int = 0
    method: str = "bpr"
    dim: int = 100  # d
    negatives: int = 5  # R17
    learning_rate: float = 3e-3
    penalty: float = 1e-2  # L2 on the vectors of each triple
    start_noise: float = 0.03  # standard deviation of the random start
    batch_users: int = 64
    epochs: int = 100  # R18
    patience: int = 15

    def __post_init__(self):
        check_types(self)


def configuration(**parameters) -> dict:
    """The configuration of a run: what names the experiment and the settings its method uses, nothing else.

    Raises `UserError` for an unknown method or parameter.
    """
    known = [f.name for f in fields(Settings)]
    for name in parameters:
        if name not in known:
            raise UserError(f"The baselines have no parameter '{name}'. They have: {', '.join(known)}.")
    settings = asdict(Settings(**parameters))
    method = settings["method"]
    if method not in METHODS:
        raise UserError(f"Unknown method '{method}'. Known: {', '.join(METHODS)}.")
    used = ("dataset", "domains", "seed", "method", *METHODS[method].USES)
    return {name: settings[name] for name in used} | {"variant": "", "code": [*CODE, METHODS[method].__name__]}


def run(config: dict, show: bool = True) -> runs.Run:
    """Train and test a baseline by its `configuration`, or return the stored run."""
    found = runs.find(config)
    if found is not None:
        return found
    parts = split(data.load(config["dataset"]).only(named(config["domains"])), config["seed"])
    return METHODS[config["method"]].run(config, parts, show)
