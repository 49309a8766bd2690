"""The ledger: the claims measured and judged, as a table, and as notebook 09 and the site show it."""

from collections.abc import Collection

import pandas as pd

from companion.claims import verdicts
from companion.claims.evidence import Evidence, Finding, MissingRuns, TooFewDomains
from companion.claims.sentences import CLAIMS, UNCLAIMED, Claim
from companion.claims.verdicts import FAILS, HOLDS, IN_PART, NOT_RUN, OPEN, UNTESTABLE, VERDICTS
from companion.escape import Table

COLOURS = dict(zip(VERDICTS, ("#0072B2", "#56B4E9", "#D55E00", "#F0E442", "#BBBBBB", "#FFFFFF"), strict=True))
PALE = (IN_PART, OPEN, UNTESTABLE, NOT_RUN)  # dark letters on these
LEFT = [{"selector": "td, th", "props": "text-align: left; vertical-align: top"}]


def numbered() -> dict[str, Claim]:
    """The claims by their names, C1 first."""
    return {f"C{number}": claim for number, claim in enumerate(CLAIMS, 1)}


def measure(claim: Claim, e: Evidence) -> Finding:
    """A claim's finding, also where it cannot be measured."""
    try:
        return claim.measure(e)
    except MissingRuns as missing:
        return Finding(f"not run: {missing}", "–", verdicts.not_run)
    except TooFewDomains:
        return Finding("the data has too few domains", "–", verdicts.untestable)


def ledger(e: Evidence, names: Collection[str] = ()) -> pd.DataFrame:
    """A row a claim [C1, …], all or those named: the claim, ours, n, verdict, rule (its name) and numbers,
    more (further seeds that would decide what is open), runs (measured on), notebook, heading."""
    rows = {}
    for name, claim in numbered().items():
        if names and name not in names:
            continue
        e.used.clear()
        finding = measure(claim, e)
        rows[name] = claim._asdict() | {
            "ours": finding.ours, "n": finding.n, "verdict": finding.verdict, "rule": finding.rule.__name__,
            "numbers": finding.numbers, "more": finding.more, "runs": sorted(e.used),
            "notebook": claim.shown[0], "heading": claim.shown[1],
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["more"] = pd.Series({name: row["more"] for name, row in rows.items()}, dtype=object)  # None stays
    return table.drop(columns=["measure", "shown"]).rename_axis("id")


def rules_table(table: pd.DataFrame) -> Table:
    """Every rule that a ledger uses, in its own words, and the claims that it decides: for a notebook."""
    used = table.reset_index().groupby("rule", sort=False)["id"].agg(", ".join)
    words = [" ".join(getattr(verdicts, rule).__doc__.split()) for rule in used.index]
    view = pd.DataFrame({"rule": words, "decides": used}).rename_axis(None)
    return Table(view).set_table_styles(LEFT).set_caption("The rules, and the claims that each decides")


def ledger_table(table: pd.DataFrame, caption: str) -> Table:
    """Rows of a ledger for a notebook: verdicts coloured, with links to other notebooks."""
    links = []
    for row in table.itertuples():
        anchor, name = f"{row.notebook}.ipynb#{row.heading.replace(' ', '-')}", row.notebook.split("/")[-1]
        links.append(f'<a href="{anchor}">{name[:2]}: {row.heading}</a>')
    view = table.assign(shown=links)[["says", "where", "paper", "ours", "n", "verdict", "shown"]]
    names = {"says": "the paper says", "paper": "its number", "ours": "found here", "shown": "shown in"}
    view = view.rename(columns=names).rename_axis(None)
    letters = lambda verdict: "black" if verdict in PALE else "white"
    colour = lambda verdict: f"background-color: {COLOURS[verdict]}; color: {letters(verdict)}"
    style = Table(view).format(escape=None, subset=["shown in"]).map(colour, subset=["verdict"])
    return style.set_table_styles(LEFT).set_caption(caption)


def counts(table: pd.DataFrame) -> pd.Series:
    """How many rows of a ledger have each verdict, in the order of `VERDICTS`."""
    return table["verdict"].value_counts().reindex(VERDICTS, fill_value=0)


def summary(table: pd.DataFrame) -> str:
    """A ledger in two sentences: how many of the paper's claims hold, and of the comparisons it left out."""
    unclaimed = table["section"] == UNCLAIMED
    own, left_out = tally(table[~unclaimed]), tally(table[unclaimed])
    return (
        f"Of {(~unclaimed).sum()} checkable sentences of the paper: {own}. "
        f"Of {unclaimed.sum()} comparisons that it left out: {left_out}."
    )


def tally(table: pd.DataFrame) -> str:
    """How many rows have each verdict, in words."""
    plural = {HOLDS: "hold", IN_PART: "hold in part", FAILS: "do not hold"}
    numbers = counts(table)[lambda n: n > 0].items()
    return ", ".join(f"{n} {plural.get(verdict, verdict) if n > 1 else verdict}" for verdict, n in numbers)
