"""Every picture of the notebooks, in the language of `adc.looks`; those that notebook 10's controls draw: `adc.explore.pictures`."""

from adc.looks import METHODS, save, style
from adc.plots.analysis import asymmetry, balancers, depth, readings, weights
from adc.plots.claims import ledger
from adc.plots.data import evaluable, overlap, stars, tails
from adc.plots.learning import architecture, convergence, training, validation
from adc.plots.map import calibration, heat
from adc.plots.own import methods, transfer
from adc.plots.performance import controls, recall, relative, search

__all__ = [
    "METHODS", "save", "style",
    "architecture", "convergence", "training", "validation",
    "controls", "recall", "relative", "search",
    "asymmetry", "balancers", "depth", "readings", "weights",
    "evaluable", "overlap", "stars", "tails",
    "calibration", "heat", "ledger", "methods", "transfer",
]  # fmt: skip
