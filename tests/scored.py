"""Scores of users as the tests of significance take them."""

import numpy as np
import pandas as pd


def long(values, methods="abcdefgh"):
    """Scores from an array [methods, targets, seeds, users]."""
    m, t, s, u = np.indices(values.shape).reshape(4, -1)
    of = {"method": np.array(list(methods))[m], "target": t, "seed": s, "user": u}
    return pd.DataFrame(of | {"value": values.ravel()})
