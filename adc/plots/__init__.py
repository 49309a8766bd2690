"""The pictures of the notebooks, in the language of `adc.looks`. Not gathered here, so that editing them or what they rest on makes
few notebooks run again: `adc.plots.claims`, `adc.plots.own`; and what notebook 10's controls draw, `adc.explore.pictures`.
"""

from adc.looks import METHODS, save, style
from adc.plots.analysis import asymmetry, balancers, depth, readings, weights
from adc.plots.data import evaluable, overlap, stars, tails
from adc.plots.learning import architecture, convergence, training, validation
from adc.plots.map import calibration, heat
from adc.plots.performance import controls, recall, relative, search

__all__ = [
    "METHODS", "save", "style",
    "architecture", "convergence", "training", "validation",
    "controls", "recall", "relative", "search",
    "asymmetry", "balancers", "depth", "readings", "weights",
    "evaluable", "overlap", "stars", "tails",
    "calibration", "heat",
]  # fmt: skip
