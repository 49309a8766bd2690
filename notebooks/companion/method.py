"""What a method is to the companion: all that runs, the search, tables and figures need to know."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adc.early_stopping import Learner, Scorer, factor_score
from adc.split import Split


@dataclass(frozen=True)
class Method:
    """One method: a file in `companion/rivals` makes it, and a line in `companion.registry` lists it."""

    name: str  # in run folders and results
    label: str  # in tables and figures
    version: int  # raised when the method's numbers change, so that its runs are made anew
    Settings: type  # a frozen dataclass: its hyperparameters, `epochs` and `patience` among them
    learner: Callable[[dict, Split], Learner]  # a run's configuration, a split -> an untrained learner
    # ("log" | "int", low, high) or ("choice", values)
    search_space: dict[str, tuple] = field(default_factory=dict)
    first_trials: tuple[dict, ...] = ({},)  # settings that a search tries first; {} are the defaults
    # "hurdle": beside the paper's methods; "rival": the paper's, in Table II; "balancer": ADC's network under
    # another balancer; "variant": in no table of the paper's
    kind: str = "hurdle"
    fixed: dict[str, Any] = field(default_factory=dict)  # settings that make this method of another's
    color: str = "#8C510A"
    marker: str = "o"
    linestyle: str | tuple = "-"
    equation: str = ""  # the objective as Markdown, for notebook 04
    objective: tuple = ()  # the functions or classes that compute it, whose source notebook 04 shows

    @property
    def scorer(self) -> Scorer:
        """From a stored model to scores: the learner's own, if its scores are no products of vectors."""
        return getattr(self.learner, "scorer", factor_score)
