"""Runs the notebooks: `./run_all.sh` calls `python -m workflow`, which plans, checks and hands over to Snakemake.

options (command line) -> profile (sizes, seeds, grids) -> plan (every notebook run, checked) -> engine (Snakemake)
-> job (one notebook, by papermill) -> render (executed copies for reading). Nothing in `adc` imports this package.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
