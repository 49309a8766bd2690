"""The pictures of the notebooks; the claims' and those of the reader's own ratings are imported by name."""

from companion.figures.analysis import asymmetry, balancers, depth, readings, weights
from companion.figures.data import evaluable, overlap, stars, tails
from companion.figures.learning import architecture, convergence, training, validation
from companion.figures.map import calibration, heat
from companion.figures.performance import controls, recall, relative, search
from companion.figures.style import save, style

__all__ = [
    "architecture", "asymmetry", "balancers", "calibration", "controls", "convergence", "depth", "evaluable",
    "heat", "overlap", "readings", "recall", "relative", "save", "search", "stars", "style", "tails",
    "training", "validation", "weights",
]  # fmt: skip
