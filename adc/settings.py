"""What a run of ADC depends on: the paper's symbols, the readings, and a configuration that names the run."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from adc import balancers, tuned
from adc.errors import UserError

CODE = (
    "adc.train", "adc.pairs", "adc.through", "adc.optim", "adc.fit", "adc.model", "adc.loss", "adc.balancer", "adc.sample",
    "adc.mf", "adc.started",
)  # fmt: skip
CHOICES = {
    "start": ("als", "als_literal", "random"),
    "pretraining": ("identity", "random", "none"),
    "optimizer": ("adam", "sgd"),
    "missing": ("current", "start"),
    "agreement_on": ("z", "u"),
    "agreement_with": ("all", "own"),
    "initial_losses": ("common", "first_epoch"),
    "reduction": ("mean", "sum"),
    "norm_layer": ("W", "last_hidden"),
    "observed": ("all", "above_mean"),
    "balancer": tuple(balancers.BALANCERS),
    "device": ("auto", "cpu", "cuda"),
}
LEAST = {
    1: ("hidden_layers", "dim", "negatives", "batch_users", "epochs"),
    0: ("seed", "gamma", "agreement", "start_noise", "width", "pretraining_epochs", "learning_rate", "vector_rate",
        "weight_decay", "penalty", "patience"),
}

SPACE = {  # of the search (R32): what the paper leaves open about ADC: lambda, start, width, descent (R5, R7, R11, R16, R22)
    "agreement": ("log", 1e-3, 1e2),
    "learning_rate": ("log", 1e-5, 1e-3),
    "vector_rate": ("log", 1e-3, 5e-2),
    "penalty": ("log", 5e-4, 3e-2),
    "start": ("choice", ["als", "als_literal", "random"]),
    "start_noise": ("log", 0.01, 0.15),
    "width": ("choice", [0, 100]),
    "batch_users": ("choice", [64, 256]),
}
# tried first, besides the defaults, which suit sparse ratings: found by hand on MovieLens's validation ratings, where a slow
# network under fast vectors, from the start as printed, passed all else
KNOWN = [
    {"agreement": 0.0024, "learning_rate": network, "vector_rate": vectors, "penalty": 2.5e-3, "start_noise": 0.06,
     "start": "als_literal", "width": 0, "batch_users": 64} for network, vectors in ((3e-5, 0.03), (1e-4, 0.02))
]  # fmt: skip

# the starred readings: what notebook 08 changes, one at a time, from the defaults
STARRED: dict[str, list[dict]] = {
    "R1": [{"agreement_on": "u"}],
    "R2": [{"train_items": False}],
    "R3": [{"train_users": False}],
    "R4": [{"agreement_with": "own"}],
    "R5": [{"agreement": 0.0}],
    "R6": [{"missing": "start"}],
    "R7": [{"width": 0}, {"width": 100}, {"width": 200}],
    "R10": [{"pretraining": "random"}, {"pretraining": "none"}],
    "R11": [{"optimizer": "sgd", "learning_rate": 0.02, "vector_rate": 0.5}],
    "R12": [{"balancer": "gradnorm_softmax"}, {"balancer": "gradnorm_closed"}, {"balancer": "gradnorm_literal"}],
    "R13": [{"initial_losses": "first_epoch"}],
    "R14": [{"reduction": "sum"}],
    "R15": [{"norm_layer": "last_hidden"}],
    "R17": [{"redraw": False}],
    "R22": [{"start": "als"}, {"start": "als_literal"}, {"start": "random"}],
    "R23": [{"observed": "above_mean"}],
}
READ = {name for alternatives in STARRED.values() for change in alternatives for name in change} - {"learning_rate", "vector_rate"}


@dataclass(frozen=True)
class Settings:
    """Everything a run of ADC depends on besides its ratings; names and defaults are notebook 03's parameters."""

    dataset: str = "movielens"
    domains: str = ""  # comma-separated names; empty: all (R35)
    seed: int = 0
    hidden_layers: int = 3  # h (R8)
    gamma: float = 2.0
    balancer: str = "gradnorm"  # R12, R33
    dim: int = 100  # d
    negatives: int = 5  # R17
    redraw: bool = True  # negatives anew each epoch (R17)
    agreement: float = 30.0  # lambda of Eq. 2 (R5)
    agreement_on: str = "z"  # R1
    agreement_with: str = "all"  # R4
    start: str = "als"  # R22
    start_noise: float = 0.03  # standard deviation added to the start
    train_users: bool = True  # R3
    train_items: bool = True  # R2
    missing: str = "current"  # R6
    width: int = 0  # of the hidden layers; 0: p·d (R7)
    pretraining: str = "identity"  # R10
    pretraining_epochs: int = 5
    optimizer: str = "adam"  # R11
    learning_rate: float = 1e-4  # of the network
    vector_rate: float = 1e-3  # of user and item vectors
    weight_decay: float = 0.0  # of A's and W's weights, decoupled
    penalty: float = 0.01  # L2: on items' vectors in each triple, as BPR has it; on u_con, filled in (R6), once a user of the batch
    initial_losses: str = "common"  # L_k(0) (R13)
    reduction: str = "mean"  # R14
    observed: str = "all"  # what counts as a positive (R23)
    norm_layer: str = "W"  # R15
    batch_users: int = 64  # R16
    epochs: int = 100  # R18
    patience: int = 15
    device: str = "auto"

    def __post_init__(self) -> None:
        check_types(self)
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UserError(f"Parameter {name}={getattr(self, name)!r} is unknown. Known: {', '.join(known)}.")
        for least, names in LEAST.items():
            for name in names:
                if not getattr(self, name) >= least:  # NaN is not
                    raise UserError(f"Parameter {name}={getattr(self, name)} must be at least {least}.")


def check_types(settings: Any) -> None:
    """Refuse a value that is not of its field's type; 2 given for 2.0 becomes it, so that both name the same run."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.type is float and type(value) is int:
            object.__setattr__(settings, field.name, float(value))
        elif type(value) is not field.type:
            raise UserError(f"Parameter {field.name}={value!r} must be of type {getattr(field.type, '__name__', field.type)}.")


def configuration(**parameters: Any) -> dict:
    """The configuration of a run, as stored in `config.json`: every setting, its method's name and its code.

    Raises `UserError` for a parameter that is unknown or has an unknown value.
    """
    known = {f.name: f.type for f in fields(Settings)}
    for name in parameters:
        if name not in known:
            raise UserError(f"ADC has no parameter '{name}'. It has: {', '.join(known)}.")
    config = asdict(Settings(**parameters))
    method = balancers.method(config["balancer"])
    adaptive = method == "adc"
    if not adaptive:
        config["gamma"] = 0.0  # has no meaning there; one run, whatever was said
    if config["hidden_layers"] == 1:
        config["pretraining"] = "none"  # likewise
    words = [f"h={config['hidden_layers']}", f"γ={config['gamma']:g}" if adaptive else "", *deviations(config)]
    code = sorted({*CODE, balancers.BALANCERS[config["balancer"]].__module__})
    return config | {"method": method, "variant": " ".join(filter(None, words)), "code": code}


def deviations(config: dict) -> list[str]:
    """The readings in which a configuration is away from what the search found for its dataset and balancer, or else the defaults."""
    method = balancers.method(config["balancer"])
    usual = asdict(Settings()) | tuned.parameters(config["dataset"], method)
    if method != "adc":
        usual["balancer"] = method
    if config["hidden_layers"] == 1:
        usual["pretraining"] = config["pretraining"]
    read = {name: None for alternatives in STARRED.values() for change in alternatives for name in change if name in READ}
    return [f"{name}={config[name]}" for name in read if config[name] != usual[name]]


def named(domains: str) -> list[str]:
    """The names in a comma-separated parameter, each once; none for an empty one. One that holds a comma stands between
    double quotes, as in a CSV file."""
    (names,) = csv.reader([domains], skipinitialspace=True) if domains.strip() else [[]]
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def listed(names: Iterable[str]) -> str:
    """The names as `named` reads them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
