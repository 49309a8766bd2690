"""Writes the picture of the finding, on white and on black, from stored runs: those of the control worlds,
and of the profile `claims` on both datasets.

./run_all.sh --profile claims && ./run_all.sh python docs/finding.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import pandas as pd

from companion import claims, files
from companion.analysis import controls
from companion.claims import measures_transfer
from companion.figures.finding import finding
from companion.figures.style import style

DATASETS, PROFILE = {"movielens": "MovieLens", "insteval": "InstEval"}, "claims"


def main() -> None:
    """Write finding-light.png and finding-dark.png beside this file."""
    style()
    rows = controls.stored(controls.comparison())
    worlds = controls.with_scores(controls.gains(rows), controls.levels(rows))
    gains = [measures_transfer.gains(claims.collect(name, PROFILE)).assign(data=words)
             for name, words in DATASETS.items()]  # fmt: skip
    for theme in ("light", "dark"):
        figure = finding(worlds, pd.concat(gains), dark=theme == "dark")
        with files.atomic(Path(__file__).with_name(f"finding-{theme}.png")) as partial:
            figure.savefig(partial, format="png", dpi=200)


if __name__ == "__main__":
    main()
