"""The README's results, written from `results.parquet`: no number in it is typed."""

from pathlib import Path

import pandas as pd

from adc import data, files, stats
from workflow import NOTEBOOKS

README = NOTEBOOKS.parent / "README.md"
BEGIN, END = "<!-- results: written by ./run_all.sh render -->", "<!-- end of results -->"
PAPER = "<!-- paper's sizes: written by ./run_all.sh render --profile paper -->", "<!-- end of paper's sizes -->"


def write(datasets: list[str], profile: str, target: Path = README) -> None:
    """Put the comparison on each dataset between two marks of the README; the profile paper has marks of its own."""
    parts = lambda: [*(section(dataset, profile) for dataset in datasets), ledger(datasets, profile)]
    files.put_between(target, *(PAPER if profile == "paper" else (BEGIN, END)), lambda: "\n\n".join(parts()))


def section(dataset: str, profile: str) -> str:
    """One dataset: what it is, Table II's form with our numbers, the remarks and the verdict."""
    from adc import report  # they load PyTorch, which every other command starts without
    from adc.results import performance

    chosen, remarks = report.chosen(report.results(dataset, profile), report.paper_setting(data.load(dataset).table()["ratings"].to_dict()))
    seeds = ", ".join(map(str, sorted(chosen["seed"].unique())))
    against, bold = performance.tested(chosen)
    means = performance.wide(performance.over_seeds(chosen))
    written = {m: [performance.plus_minus(mean, None, best) for mean, best in zip(means[m], bold[m])] for m in means}
    table = pd.DataFrame(written, means.index).rename(columns=report.NAMES)
    title = f"**{data.label(dataset)}**, NDCG@10, all items ranked, mean over seeds {seeds}, profile `{profile}`; "
    title += "bold: better than every other method (R30):"
    lines = [title, "", _row(["target", *table.columns]), _row(["---"] * (len(table.columns) + 1))]
    lines += [_row([name, *map(str, row)]) for name, row in zip(table.index, table.to_numpy(), strict=True)]
    above = {m: f"{(means['adc'] > means[m]).sum()} of {len(means)}" if m != "adc" else "–" for m in means}
    lines += [_row(["mean", *(f"{means[m].mean():.4f}" for m in means)]), _row(["ADC is above it in", *above.values()])]
    told = [stats.words(against), *(f"({'; '.join(remarks)}.)" for _ in remarks[:1])]
    return "\n".join([*lines, "", "\n\n".join(told)])


def ledger(datasets: list[str], profile: str) -> str:
    """The main claims of the paper beside what was found on each dataset, and how many hold in all."""
    from adc import claims
    from adc.claims import evidence

    tables = {dataset: claims.ledger(evidence.collect(dataset, profile)) for dataset in datasets}
    first = tables[datasets[0]]
    head = ["the paper claims", "its number", *(cell for dataset in datasets for cell in (data.label(dataset), "verdict"))]
    told = "NDCG@10, ± 95 % interval over seeds. *Cannot be told from chance*: these runs leave room for the claim and for its opposite. "
    told += "The rules and all other claims: [09_claims](notebooks/09_claims.ipynb)."
    ours = lambda row: row["ours"] + f" ({row['n'].split(',')[0]})" * (row["n"] != "–")
    lines = [f"**The paper's claims.** {told}", "", _row(head), _row(["---"] * len(head))]
    for name in first.index[first["main"]]:
        found = [cell for table in tables.values() for cell in (ours(table.loc[name]), table.loc[name, "verdict"])]
        lines.append(_row([first.loc[name, "says"], first.loc[name, "paper"], *found]))
    counts = [f"{data.label(dataset)}: {claims.words(table)}" for dataset, table in tables.items()]
    return "\n".join([*lines, "", "\n\n".join(counts)])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
