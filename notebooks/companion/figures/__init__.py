"""The pictures of the notebooks; the claims' and those of the reader's own ratings are imported by name."""

from companion.figures.analysis import asymmetry, balancers, depth, readings, weights
from companion.figures.data import evaluable, overlap, stars, tails
from companion.figures.learning import architecture, convergence, training, validation
from companion.figures.panels import slider
from companion.figures.performance import recall, relative, search, users
from companion.figures.style import save, style
from companion.figures.worlds import balancing, calibration, controls, heat, over_static

__all__ = [
    "architecture", "asymmetry", "balancers", "balancing", "calibration", "controls", "convergence", "depth",
    "evaluable", "heat", "over_static", "overlap", "readings", "recall", "relative", "save", "search",
    "slider", "stars", "style", "tails", "training", "users", "validation", "weights",
]  # fmt: skip
