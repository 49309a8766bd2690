"""Writes the numbers of results.md, and its picture, from stored runs.

./run_all.sh --profile claims && ./run_all.sh python docs/results.py

The tables of the control worlds are written only where all their runs are stored.
"""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

from adc.errors import UserError
from companion import claims, data, files, registry
from companion.analysis import controls, performance, report, stats
from companion.analysis.equivalence import BETTER, NONE, OPEN, WORSE, Judgement, judge
from companion.claims import export
from companion.claims.sentences import UNCLAIMED
from companion.claims.verdicts import FAILS
from companion.figures.style import PAGE as WIDTH
from companion.figures.style import style, titled

PAGE = Path(__file__).with_name("results.md")
README = Path(__file__).parents[1] / "README.md"
PICTURE = Path(__file__).with_name("adc_minus_others.png")
CONTROLS = ("<!-- control worlds: written by docs/results.py -->", "<!-- end of control worlds -->")
MARKS = ("<!-- results: written by docs/results.py -->", "<!-- end of results -->")
HEADLINE = ("<!-- headline: written by docs/results.py -->", "<!-- end of headline -->")
WEIGHTS = ("<!-- weights: written by docs/results.py -->", "<!-- end of weights -->")
RUNS = Path(__file__).with_name("runs")  # written by recorded_runs.py
KERNELS = {"": "as in the tables above", "-avx2": "as AVX2 computes"}  # endings of the tables in docs/runs
FINDING = ("<!-- finding: written by docs/results.py -->", "<!-- end of finding -->")
QUESTIONS = {  # a sentence of the ledger -> the difference in words
    "other domains help ADC (all domains against each alone)": "ADC on all domains − on each alone",
    "ADC is superior to BPR": "ADC − BPR on each domain alone",
    "ADC is superior to SCoNet": "ADC − SCoNet, the paper's second best",
    "ADC is superior to CDCF": "ADC − CDCF, the paper's third best",
    "ADC above BPR (merged)": "ADC − BPR (merged): one BPR of the items of all domains",
    "ADC above EASE (merged)": "ADC − EASE (merged): a linear model of the items of all domains at once",
    "balanced (γ = 2) above equal weights (static)": "ADC's learned weights − equal weights (h = 3)",
}
WORDS = {  # what the headline says of a sentence of the ledger -> what must have come out for it, everywhere
    "other domains help ADC (all domains against each alone)": BETTER,
    "balanced (γ = 2) above equal weights (static)": NONE,
    "ADC above EASE (merged)": WORSE,
}
DATASETS, PROFILE, TRANSFERS = ("movielens", "insteval"), "claims", (0.0, 0.5, 1.0)
TESTS = dict(p_users="t-test over users", p_wilcoxon="Wilcoxon test over users", p_runs="t-test over seeds")


def main() -> None:
    """Rewrite the page between its marks, and the picture of the first dataset."""
    chosen = {}
    for dataset in DATASETS:
        sizes = data.load(dataset).table()["ratings"].to_dict()
        chosen[dataset] = report.choose(report.load(dataset, PROFILE), report.paper_settings(sizes))
    sections = [scores(dataset, *chosen[dataset]) for dataset in DATASETS]
    files.put_between(PAGE, *MARKS, lambda: "\n\n".join([*sections, main_claims()]))
    if all(len(controls.stored(controls.balancing(case))) for case in controls.CASES):
        files.put_between(PAGE, *CONTROLS, control_worlds)
    files.put_between(PAGE, *WEIGHTS, lambda: "\n\n".join(map(weights_by_domain, DATASETS)))
    draw(chosen[DATASETS[0]][0], data.label(DATASETS[0]))
    records = export.write()
    files.put_between(README, *HEADLINE, lambda: headline(records))
    files.put_between(README, *FINDING, lambda: finding(records))


def weights_by_domain(dataset: str) -> str:
    """Learned minus equal weights in each domain, from docs/runs, as a Markdown table: 95 % intervals for all
    domains at once."""
    sizes = data.load(dataset).table()["ratings"].sort_values()
    tables, level = {}, stats.LEVEL / len(sizes)
    for ending, words in KERNELS.items():
        if (file := RUNS / f"{dataset}{ending}.csv").exists():
            table = pd.read_csv(file)
            gaps = recorded(table, "adc", "h=3 γ=2") - recorded(table, "static", "h=3")
            each = {k: judge(gaps[k].to_numpy(), 0.0, level) for k in sizes.index}
            tables[words] = {k: with_interval(j) for k, j in each.items()}
    lines = [[k, f"{size:,}", *(own[k] for own in tables.values())] for k, size in sizes.items()]
    head = f"**{data.label(dataset)}**, n = {len(gaps)} seeds:\n\n"
    return head + markdown_table(["domain", "ratings", *tables], lines)


def with_interval(j: Judgement) -> str:
    """A difference and half of its interval."""
    return f"{j.difference:+.4f} ± {j.high - j.difference:.4f}"


def recorded(table: pd.DataFrame, method: str, variant: str) -> pd.DataFrame:
    """NDCG@10 of a method's variant, trained on all domains, [seed, domain], from a table of docs/runs; ADC
    and static with the paper's d and number of negatives."""
    own = table[table["domains"].isna() & table["method"].eq(method)]
    own = own[own["variant"].fillna("").eq(variant)]
    if method in ("adc", "static"):
        own = own[own["dim"].eq(100) & own["negatives"].eq(5)]
    return own.pivot(index="seed", columns="domain", values="NDCG@10")


def control_worlds() -> str:
    """What each method gains from the source in the control worlds, and what weights gain over equal ones."""
    gains = controls.gains(controls.stored(controls.comparison()))
    gains = gains[gains["transfer"].isin(TRANSFERS)].sort_values("transfer", kind="stable")
    by_case = {case: controls.stored(controls.balancing(case)) for case in controls.CASES}
    by_case = {case: rows[rows["transfer"] == 1] for case, rows in by_case.items()}
    over = controls.over_static(by_case)
    gains = gains.assign(row=gains["method"].map(registry.label), column=gains["transfer"].map("{:g}".format))
    over = over.assign(row=over["balancing"], column=over["case"])
    where = "**Synthetic control worlds**, NDCG@10 of the target, all items ranked."
    words = (
        f"{where} With the source minus without\nit, each method in the settings found for it (so that ADC "
        f"and static differ by two searches too),\n{counts(gains)}, by transfer:",
        f"Weights by the paper's rule, or constant (source : target), minus equal weights, transfer 1,\n"
        f"{counts(over)}, in three settings of ADC (`12_controls`):",
    )
    return "\n\n".join(f"{text}\n\n{pivot(table)}" for text, table in zip(words, (gains, over)))


def counts(table: pd.DataFrame) -> str:
    """How many worlds stand behind a table's rows, in words."""
    least, most = table["seeds"].min(), table["seeds"].max()
    return f"n = {least if least == most else f'{least} to {most}'} worlds"


def pivot(table: pd.DataFrame) -> str:
    """A Markdown table of means and intervals. table: row, column, value, high."""
    columns = list(dict.fromkeys(table["column"]))
    lines = []
    for name, cells in table.groupby("row", sort=False):
        each = cells.itertuples()
        values = {cell.column: f"{cell.value:+.3f} ± {cell.high - cell.value:.3f}" for cell in each}
        lines.append([name, *(values.get(column, "–") for column in columns)])
    return markdown_table(["", *columns], lines)


def scores(dataset: str, chosen: pd.DataFrame, remarks: list[str]) -> str:
    """Table II's form with the numbers found here, how often ADC is above each method, and the tests."""
    rows = performance.values(chosen)
    table = rows.pivot_table(index="target", columns="method", values="value", sort=False)
    table = table[[name for name in report.table_methods() if name in table]]
    tests = performance.adc_tests(chosen)
    higher = table.lt(table["adc"], axis=0).sum()
    counts = [f"{n} of {len(table)}" if name != "adc" else "–" for name, n in higher.items()]
    table.loc["mean"] = table.mean()
    lines = [[target, *cells] for target, *cells in table.map("{:.4f}".format).itertuples()]
    lines.append(["ADC is above it in", *counts])
    columns = ["target", *map(registry.label, table)]
    what = f"NDCG@10, all items ranked, mean over {rows['seed'].nunique()} seeds, profile `{PROFILE}`:"
    words = "; ".join(f"by a {words} {significant(tests, test)}" for test, words in TESTS.items())
    how = f"Of {len(tests)} comparisons, ADC with each other method on each target, corrected together (R30):"
    notes = "\n".join(f"* {remark[0].upper()}{remark[1:]}." for remark in remarks)
    parts = [f"**{data.label(dataset)}**, {what}", markdown_table(columns, lines), f"{how}\n{words}.", notes]
    return "\n\n".join(filter(None, parts))


def significant(tests: pd.DataFrame, test: str) -> str:
    """In how many comparisons ADC is better and worse by a test, in words."""
    difference = tests["difference_runs" if test == "p_runs" else "difference"]
    sure = tests[f"{test}_holm"] < stats.LEVEL
    better, worse = (int((sure & (sign * difference > 0)).sum()) for sign in (1, -1))
    return f"ADC is better in {better} and worse in {worse}"


def main_claims() -> str:
    """The main claims of the paper beside what was found on each dataset, and how many hold in all."""
    ledgers = {dataset: claims.ledger(claims.collect(dataset, PROFILE)) for dataset in DATASETS}
    first = ledgers[DATASETS[0]]
    labels = [cell for dataset in DATASETS for cell in (data.label(dataset), "verdict")]
    lines = []
    for name in first.index[first["main"]]:
        lines.append([first.loc[name, "says"], first.loc[name, "paper"]])
        for table in ledgers.values():
            lines[-1] += [short(table.loc[name]), table.loc[name, "verdict"]]
    head = (
        "**The paper's main claims**, same runs: the number that decides a claim, mostly a difference\n"
        "in NDCG@10, with half of its 95 % interval over the seeds; or in how many cases it is so. *Open*:\n"
        "the interval holds the margin, 2 % of the score. *Does not hold*: the contrary is so, or there is\n"
        "no difference that matters. All claims, with margins and rules:\n"
        "[09_claims](../notebooks/rendered/09_claims-movielens.ipynb). ADC minus equal weights is of one\n"
        "depth, h = 3; in the tables above both have each domain's own.\n"
    )
    summaries = [f"{data.label(dataset)}: {claims.summary(table)}" for dataset, table in ledgers.items()]
    claimed = markdown_table(["the paper claims", "its number", *labels], lines)
    return "\n\n".join([head, claimed, *summaries])


def short(claim: pd.Series) -> str:
    """What decides a claim, in a few words: a row of a ledger."""
    numbers = claim["numbers"]
    if numbers.get("low") is not None:
        half, middle = (numbers["high"] - numbers["low"]) / 2, (numbers["high"] + numbers["low"]) / 2
        unit, digits = (" %", 2) if claim["paper"].endswith("%") else ("", 4)
        rest = f"; {claim['ours'].split('; ')[-1]}" if claim["rule"] == "reaches" else ""
        return f"{middle:+.{digits}f}{unit} ± {half:.{digits}f}{unit}{rest}"
    if "total" in numbers:
        unclear = f", {numbers['unclear']} open" if numbers.get("unclear") else ""
        return f"{numbers['true']} of {numbers['total']}{unclear}"
    return "–"


def headline(records: list[dict]) -> str:
    """What was found, in three sentences. Raises `UserError` where something else came out than they say."""
    values = []
    for says, words in WORDS.items():
        cells = pick(records, says)
        if found := {outcome(cell) for cell in cells} - {words}:
            raise UserError(f"'{says}': {', '.join(found)}, not '{words}'. Write the headline anew.")
        values.append(" and ".join(map(difference, cells)))
    films, lecturers = (cell["n"] for cell in cells)
    helps, weights, linear = values
    words = (
        f"**What was found**, NDCG@10 on real ratings of films (MovieLens, n = {films}) and of lecturers\n"
        f"(InstEval, n = {lecturers}): other domains do help ADC ({helps} over ADC on each\n"
        f"alone), but its learned weights gain nothing that matters over equal ones ({weights}).\n"
        f"A linear model of the items of all domains together, EASE, is better: ADC minus EASE is\n{linear}. "
        f"Both sets are small and dense, and neither is the paper's."
    )
    return re.sub(r"-(?=\d\.)", "−", words)


def finding(records: list[dict]) -> str:
    """The table of the finding, from the records of docs/claims.json: a difference, and what it comes to."""
    first = pick(records, next(iter(QUESTIONS)))
    heads = [f"{data.label(cell['dataset'])}; {cell['n']}" for cell in first]
    lines = []
    for says, words in QUESTIONS.items():
        cells = pick(records, says)
        lines.append([words, *(f"{difference(cell)}, {outcome(cell)}" for cell in cells)])
    number = sum(claim.section != UNCLAIMED for claim in claims.CLAIMS)
    lines.append([f"the paper's {number} sentences", *(tally(records, name) for name in DATASETS)])
    return markdown_table(["NDCG@10, ± 95 % interval", *heads], lines)


def tally(records: list[dict], dataset: str) -> str:
    """How many of the paper's sentences have each verdict on a dataset."""
    own = [each for each in records if each["dataset"] == dataset and each["theme"] != UNCLAIMED]
    alike = sum(each["verdict"] == FAILS and "low" in each and outcome(each) == NONE for each in own)
    return claims.tally(pd.DataFrame(own)).replace("do not hold", f"do not hold ({alike} of them: {NONE})")


def pick(records: list[dict], says: str) -> list[dict]:
    """The records of one sentence of the ledger, in the order of DATASETS."""
    there = {each["dataset"]: each for each in records if each["says"] == says}
    return [there[dataset] for dataset in DATASETS]


def difference(record: dict) -> str:
    """A record's difference with half of its interval."""
    return f"{record['difference']:+.4f} ± {record['high'] - record['difference']:.4f}"


def outcome(record: dict) -> str:
    """Whether a record's difference matters, in words."""
    ends = [record[name] for name in ("difference", "low", "high", "margin")]
    judgement = Judgement(*ends, n=0, more=None)
    return "not better" if judgement.outcome == OPEN and judgement.above is False else judgement.outcome


def draw(chosen: pd.DataFrame, label: str) -> None:
    """ADC's NDCG@10 minus each other method's, mean over targets, with its 95 % interval over seeds."""
    style()
    table = performance.values(chosen).pivot_table(index="seed", columns="method", values="value")
    methods = reversed(report.table_methods())
    others = [name for name in methods if name in table and name not in ("adc", "random")]
    figure, panel = plt.subplots(figsize=(WIDTH, 2.6))
    for place, name in enumerate(others):
        test = stats.paired_t((table["adc"] - table[name]).to_numpy())
        look = {"color": registry.method(name).color, "marker": registry.method(name).marker}
        panel.errorbar(
            test.mean, place, xerr=[[test.mean - test.low], [test.high - test.mean]], capsize=2, **look
        )
    panel.axvline(0, color="0.4", linestyle=":")
    panel.set_yticks(range(len(others)), [registry.label(name) for name in others])
    panel.set_xlabel("ADC's NDCG@10 minus the method's (mean over targets, 95 % interval over seeds)")
    titled(figure, "Right of the line ADC is better", f"{label}; n = {len(table)} seeds")
    with files.atomic(PICTURE) as partial:
        figure.savefig(partial, format="png", dpi=150)


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table of cells."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    main()
