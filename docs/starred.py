"""What each starred reading changes (docs/readings.md), one at a time: writes readings.csv, and from it the
table in results.md.

./run_all.sh python docs/starred.py

Trains what is not stored: ADC as in Table II's run with h = 3, and with one change each, on every seed.
"""

from pathlib import Path

import pandas as pd
from recorded_runs import rows
from results import PAGE, markdown_table

from companion import adc_method, files
from companion.analysis.equivalence import MARGIN, judge
from companion.analysis.sensitivity import PLAIN
from companion.experiments import studies

SCORES = Path(__file__).with_name("readings.csv")
MARKS = ("<!-- readings: written by docs/starred.py -->", "<!-- end of readings -->")
DATASET, SEEDS, BASE = "movielens", range(5), "h=3 γ=2"
IDS = {words: reading for reading, _, words in adc_method.STARRED}


def scores() -> pd.DataFrame:
    """The runs of all seeds, as docs/runs has them."""
    configs = []
    for seed in SEEDS:
        configs += studies.configurations(["readings"], DATASET, seed, epochs=300, patience=8)
    each = [line for run in studies.train(configs) for line in rows(run)]
    whole = dict.fromkeys(("hidden_layers", "dim", "negatives"), "Int64")
    return pd.DataFrame(each).astype(whole).sort_values(["variant", "seed", "run"], kind="stable")


def table(runs: pd.DataFrame) -> str:
    """Every reading less the base, largest gain first, as a Markdown table. runs: of readings.csv."""
    values = runs.groupby(["seed", "variant"])["NDCG@10"].mean().unstack()
    diverged = runs.drop_duplicates("run").groupby("variant")["diverged"].sum()
    base, lines = values.pop(BASE), []
    margin = MARGIN * base.mean()
    for variant, gap in values.sub(base, axis=0).items():
        words = PLAIN[variant.removeprefix(f"{BASE} ").replace("=", " = ")]
        j = judge(gap.to_numpy(), margin)
        outcome = j.outcome + f"; {diverged[variant]} of {j.n} runs diverged" * bool(diverged[variant])
        number = f"{j.difference:+.4f} ± {j.high - j.difference:.4f}"
        lines.append((j.difference, [f"{words} ({IDS[words]})", number, outcome]))
    title = f"**MovieLens**, ADC with h = 3, γ = 2 ({base.mean():.4f}), n = {len(base)} seeds"
    head = ["instead of our reading", "NDCG@10 less ADC's", "what that is"]
    cells = [line for _, line in sorted(lines, reverse=True)]
    return f"{title}, margin {margin:.4f}:\n\n{markdown_table(head, cells)}"


if __name__ == "__main__":
    with files.exit_on_error():
        runs = scores()
        with files.atomic(SCORES) as partial:
            runs.to_csv(partial, index=False, float_format="%.6g")
        files.put_between(PAGE, *MARKS, lambda: table(pd.read_csv(SCORES)))
