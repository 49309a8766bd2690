"""What a method is to the companion: everything that the runs, the search, the tables and the figures need to
know."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adc.early_stopping import Learner, Scorer, factor_score
from adc.split import Split


@dataclass(frozen=True)
class Method:
    """One method. A file in `companion/rivals` makes one of these, and a line in `companion.registry` lists
    it."""

    name: str  # in run folders and results
    label: str  # in tables and figures
    version: int  # raised when the method's numbers change, so that its runs are made anew
    Settings: type  # a frozen dataclass: its hyperparameters, `epochs` and `patience` among them
    learner: Callable[
        [dict, Split], Learner
    ]  # from a run's configuration and a split to an untrained learner
    scorer: Scorer = factor_score  # from a stored model to scores
    search_space: dict[str, tuple] = field(
        default_factory=dict
    )  # ("log" | "int", low, high) or ("choice", values)
    first_trials: tuple[dict, ...] = ({},)  # settings that a search tries first; {} are the defaults
    # "hurdle": beside the paper's methods; "rival": the paper's, in Table II; "balancer": ADC's network under
    # another balancer; "variant": in no table of the paper's
    kind: str = "rival"
    fixed: dict[str, Any] = field(default_factory=dict)  # settings that make this method of another's
    color: str = "#8C510A"
    marker: str = "o"
    linestyle: str | tuple = "-"
    equation: str = ""  # the objective as Markdown, for notebook 04
    objective: tuple = ()  # the functions or classes that compute it, whose source notebook 04 shows
