"""InstEval with all 14 departments; see `companion.data.insteval`."""

import pandas as pd

from companion.data import insteval

LABEL = "InstEval, real ratings of lecturers by department, all 14"
DESCRIPTION = "the same with all 14 departments"


def ratings() -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating` of every department, and a report."""
    return insteval.ratings(14)
