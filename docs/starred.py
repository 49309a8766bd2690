"""What each starred reading changes (docs/readings.md), one at a time: writes readings.csv, and from it the
table in results.md.

./run_all.sh python docs/starred.py

Trains what is not stored: ADC as in Table II's run with h = 3, and with one change each, on every seed.
"""

from collections import Counter
from pathlib import Path

import pandas as pd
import recorded_runs
from results import PAGE, markdown_table, with_interval

from companion import adc_method, files
from companion.analysis.equivalence import BETTER, MARGIN, NONE, OPEN, WORSE, judge
from companion.analysis.sensitivity import PLAIN
from companion.experiments import studies

SCORES = Path(__file__).with_name("readings.csv")
MARKS = ("<!-- readings: written by docs/starred.py -->", "<!-- end of readings -->")
DATASET, SEEDS, BASE = "movielens", range(5), "h=3 γ=2"
IDS = {words: reading for reading, _, words in adc_method.STARRED}


def table(stored: pd.DataFrame) -> str:
    """Every reading less the base, largest gain first, as a Markdown table, and how many come to what.
    stored: of readings.csv."""
    values = stored.groupby(["seed", "variant"])["NDCG@10"].mean().unstack()
    diverged = stored.drop_duplicates("run").groupby("variant")["diverged"].sum()
    base, lines, outcomes = values.pop(BASE), [], Counter()
    margin = MARGIN * base.mean()
    gaps = values.sub(base, axis=0)
    for variant in gaps.mean().sort_values(ascending=False).index:
        words = PLAIN[variant.removeprefix(f"{BASE} ").replace("=", " = ")]
        j = judge(gaps[variant].to_numpy(), margin)
        outcomes[j.outcome] += 1
        remark = f"; {diverged[variant]} of {j.n} runs diverged" * bool(diverged[variant])
        lines.append([f"{words} ({IDS[words]})", with_interval(j), j.outcome + remark])
    numbers = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in (BETTER, NONE, OPEN, WORSE))
    title = f"**MovieLens**, ADC with h = 3, γ = 2 ({base.mean():.4f}), n = {len(base)} seeds, "
    title += f"margin {margin:.4f}.\nOf {len(lines)} readings: {numbers}."
    head = ["instead of our reading", "NDCG@10 less ADC's", "what that is"]
    return f"{title}\n\n{markdown_table(head, lines)}"


def main() -> None:
    """Train what is missing, and write both."""
    configs = []
    for seed in SEEDS:
        configs += studies.configurations(["readings"], DATASET, seed, epochs=300, patience=8)
    recorded_runs.save(recorded_runs.table(studies.train(configs)), SCORES)
    files.put_between(PAGE, *MARKS, lambda: table(pd.read_csv(SCORES)))


if __name__ == "__main__":
    with files.exit_on_error():
        main()
