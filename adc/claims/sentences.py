"""The ledger: every checkable sentence of the paper, in short, with the measure that decides it and where it is shown.

The paper's words and numbers are typed here; everything of ours is measured (`measures`, `measures_balance`) and judged
by rule (`verdicts`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
from pandas.io.formats.style import Styler

from adc.claims import measures as m
from adc.claims import measures_balance as b
from adc.claims import verdicts
from adc.claims.evidence import STATIC, Evidence, Finding
from adc.claims.verdicts import FAILS, HOLDS, IN_PART, NOT_RUN, UNTESTABLE, UNTOLD, VERDICTS
from adc.report import NAMES
from adc.results.performance import HURDLES

COLOURS = dict(zip(VERDICTS, ("#0072B2", "#56B4E9", "#D55E00", "#F0E442", "#BBBBBB", "#FFFFFF"), strict=True))
LEFT = [{"selector": "td, th", "props": "text-align: left; vertical-align: top"}]
PALE = (IN_PART, UNTOLD, UNTESTABLE, NOT_RUN)  # dark letters on these


class Claim(NamedTuple):
    """One sentence of the paper. `shown`: notebook and heading; `main`: also in the README."""

    section: str
    says: str
    where: str
    paper: str
    measure: Callable[[Evidence], Finding]
    shown: tuple[str, str]
    main: bool = False


TABLE_1, OVERLAP = ("01_data", "Table I"), ("01_data", "Users shared between domains")
TABLE_2 = ("05_performance", "Table II: NDCG@10, every item ranked")
HURDLE = ("05_performance", "What the paper left out")
BALANCE = ("05_performance", "The balancer by itself (R33)")
SURE = ("05_performance", "How sure is that? (R30)")
RECALL = ("05_performance", "Fig. 2: recall by the length of the list")
EQUATIONS = ("03_train_adc", "The weights' adaptive learning (Eqs. 3 to 5)")
WEIGHTS = ("03_train_adc", "What the balancing did")
DEPTH = ("06_depth", "The best depth, and does it grow with the domain?")
GAMMAS, SETS = ("07_asymmetry", "Fig. 4: NDCG@10 by γ"), ("07_asymmetry", "Sets 1–3 (R35)")
ENDS = ("07_asymmetry", "What γ does to the weights")
LEDGER = ("09_claims", "The ledger")

DATA, ARITHMETIC, PERFORMANCE = "The data", "The paper's own arithmetic", "Performance"
LAYERS, BALANCING, FIXED, UNCLAIMED = "Depth", "Balancing", "Kept fixed", "Not claimed by the paper"
CROSS: dict[str, Any] = {"methods": ("clfm", "cdcf", "sconet", "adc"), "others": ("bpr",)}
LENGTHS = (5, 10, 15, 20)
DEEP: dict[str, Any] = {"methods": ("sconet",), "others": ("clfm", "cdcf")}

CLAIMS = [
    Claim(DATA, "the sizes of the six domains", "Table I", "18 counts", m.table_i, TABLE_1),
    Claim(DATA, "six domains whose users overlap in part", "§I, §IV-A", "p = 6", m.overlap, OVERLAP),
    Claim(DATA, "Sets 1 and 2 are more symmetric than all domains", "§IV-E", "1.4, 2.8 < 13.2", m.symmetric, TABLE_1),

    Claim(ARITHMETIC, "density follows from the counts", "Table I", "6 cells", m.density, TABLE_1),
    Claim(ARITHMETIC, "the improvement follows from the scores", "Table II", "6 cells", m.printed_cells, LEDGER),
    Claim(ARITHMETIC, "the mean of the improvements", "§IV-D, §V", "8.08 %", m.printed_mean, LEDGER),

    Claim(PERFORMANCE, "BPR < CLFM < CDCF < SCoNet < ADC", "Table II", "6 of 6 domains", m.order, TABLE_2, True),
    *(
        Claim(PERFORMANCE, f"ADC is superior to {NAMES[other]}, p < 0.05", "§IV-D", "6 of 6 domains",
              partial(m.better_than, other=other), SURE, True)
        for other in m.RIVALS
    ),
    Claim(PERFORMANCE, "cross-domain methods always outperform single-domain BPR", "§IV-D", "24 of 24",
          partial(m.pairs_above, **CROSS), TABLE_2, True),
    Claim(PERFORMANCE, "SCoNet performs better than CLFM and CDCF", "§IV-D", "12 of 12",
          partial(m.pairs_above, **DEEP), TABLE_2),
    Claim(PERFORMANCE, "SCoNet is second best", "§IV-D", "6 of 6 domains", m.second_best, TABLE_2),
    Claim(PERFORMANCE, "average improvement over the second best, SCoNet, NDCG@10", "§IV-D, §V", "+8.08 %",
          partial(m.improvement, metric="ndcg", lengths=(10,), paper=8.08), TABLE_2, True),
    Claim(PERFORMANCE, "average improvement over the second best, SCoNet, recall", "§IV-D, §V", "+6.14 %",
          partial(m.improvement, metric="recall", lengths=LENGTHS, paper=6.14), RECALL),
    Claim(PERFORMANCE, "ADC above every rival in recall, mean of lists of 5 to 20", "Fig. 2", "24 of 24",
          partial(m.pairs_above, methods=("adc",), others=m.RIVALS, metric="recall", lengths=LENGTHS), RECALL),

    Claim(LAYERS, "larger domains need more hidden layers", "§IV-E, Fig. 3", "yes", b.deeper, DEPTH, True),
    Claim(LAYERS, "the best h", "§IV-E, Fig. 3", "smallest 2, two largest 4, others 3", b.chosen_depths, DEPTH),
    Claim(LAYERS, "more than one hidden layer is best (the paper's h against 1)", "§IV-E, Fig. 3", "6 of 6 domains", b.deep_at_all, DEPTH),

    Claim(BALANCING, "L_k(0) is set to log p", "§III-C", "log 6", b.first_loss, EQUATIONS),
    Claim(BALANCING, "balanced domains learn at similar rates", "§III-A", "yes", b.similar_rates, WEIGHTS),
    Claim(BALANCING, "a domain that learns fast loses weight", "§III-A", "yes", b.quick_learners, WEIGHTS),
    Claim(BALANCING, "γ = 0 makes the gradients' norms equal", "§III-C", "yes", b.equal_norms, ENDS),
    Claim(BALANCING, "balanced (γ = 2) above equal weights (static)", "§V", "yes",
          partial(b.gamma_against, other=STATIC), BALANCE, True),
    Claim(BALANCING, "γ = 0 corresponds to equal weights", "§IV-E", "w_k = 1", b.equal_weights, ENDS, True),
    Claim(BALANCING, "ADC under-performs with γ = 0 (against γ = 2)", "§IV-E, Fig. 4", "yes",
          partial(b.gamma_against, other=0.0), GAMMAS, True),
    Claim(BALANCING, "the best γ, all domains but the largest", "§IV-E, Fig. 4", "2",
          partial(b.best_gammas, largest=False), GAMMAS, True),
    Claim(BALANCING, "the best γ, the largest domain", "§IV-E, Fig. 4", "1.5",
          partial(b.best_gammas, largest=True), GAMMAS),
    Claim(BALANCING, "the largest domain is less affected by the balancing", "§IV-E", "yes", b.less_affected, GAMMAS),
    *(
        Claim(BALANCING, f"the best γ, {name}", "§IV-E", f"{gamma:g}", partial(b.best_of_set, name=name), SETS)
        for name, gamma in b.SETS.items()
    ),
    Claim(BALANCING, "symmetric sets need a lower γ, an asymmetric one a higher", "§IV-E", "1, 0.5 < 2 < 2.5",
          b.by_symmetry, SETS, True),
    Claim(BALANCING, "the model becomes unstable for γ other than 2", "§IV-E", "yes", b.unstable, GAMMAS, True),
    Claim(BALANCING, "stable in symmetric and asymmetric sets", "§V", "yes", b.stable, SETS),

    Claim(FIXED, "more than d = 100 dimensions add nothing", "§IV-E", "not shown",
          partial(b.enough, name="dim", paper=100), LEDGER),
    Claim(FIXED, "more than 5 negatives add nothing", "§IV-E", "not shown",
          partial(b.enough, name="negatives", paper=5), LEDGER),

    *(
        Claim(UNCLAIMED, f"ADC above {NAMES[other]}", "not claimed", "–", partial(m.beside, other=other), HURDLE,
              other in ("popularity", "bpr_merged"))
        for other in HURDLES if other not in ("random", "bpr", STATIC)
    ),
]  # fmt: skip


def ledger(e: Evidence) -> pd.DataFrame:
    """A row a claim [C1, …]: what the claim says, ours, n, verdict, rule (its name) and numbers, notebook, heading."""
    rows = {}
    for number, claim in enumerate(CLAIMS, 1):
        found = claim.measure(e)
        rows[f"C{number}"] = claim._asdict() | {
            "ours": found.ours, "n": found.n, "verdict": found.verdict, "rule": found.rule.__name__,
            "numbers": found.numbers, "notebook": claim.shown[0], "heading": claim.shown[1],
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").drop(columns=["measure", "shown"]).rename_axis("id")


def anchor(notebook: str, heading: str) -> str:
    """The link to a heading, from a notebook that lies beside."""
    return f"{notebook}.ipynb#{heading.replace(' ', '-')}"


def rules(table: pd.DataFrame) -> Styler:
    """Every rule that a ledger uses, in its own words, and the claims that it decides: for a notebook."""
    used = table.reset_index().groupby("rule", sort=False)["id"].agg(", ".join)
    told = [" ".join(getattr(verdicts, rule).__doc__.split()) for rule in used.index]
    view = pd.DataFrame({"rule": told, "decides": used}).rename_axis(None)
    return view.style.set_table_styles(LEFT).set_caption("The rules, and the claims that each decides")


def shown(table: pd.DataFrame, caption: str) -> Styler:
    """A ledger for a notebook: grouped by section, verdicts coloured, with links to the notebooks beside it."""
    link = lambda notebook, heading: f'<a href="{anchor(notebook, heading)}">{notebook[:2]}: {heading}</a>'
    view = table.assign(shown=list(map(link, table["notebook"], table["heading"]))).set_index("section", append=True)
    view = view.swaplevel()[["says", "where", "paper", "ours", "n", "verdict", "shown"]]
    colour = lambda verdict: f"background-color: {COLOURS[verdict]}; color: {'black' if verdict in PALE else 'white'}"
    styled = view.rename(columns={"says": "the paper says", "paper": "the paper's", "shown": "shown in"}).style
    return styled.map(colour, subset=["verdict"]).set_table_styles(LEFT).set_caption(caption)


def counts(table: pd.DataFrame) -> pd.Series:
    """How many rows of a ledger have each verdict, in the order of `VERDICTS`."""
    return table["verdict"].value_counts().reindex(VERDICTS, fill_value=0)


def words(table: pd.DataFrame) -> str:
    """A ledger in two sentences: how many of the paper's claims hold, and of the comparisons it left out."""
    many = {HOLDS: "hold", IN_PART: "hold in part", FAILS: "do not hold"}
    plural = lambda verdict, n: verdict if n == 1 else many.get(verdict, verdict)
    told = lambda some: ", ".join(f"{n} {plural(verdict, n)}" for verdict, n in counts(some).items() if n)
    left_out = table["section"] == UNCLAIMED
    return (
        f"Of {(~left_out).sum()} checkable sentences of the paper: {told(table[~left_out])}. "
        f"Of {left_out.sum()} comparisons that it left out: {told(table[left_out])}."
    )


def story(table: pd.DataFrame) -> str:
    """A ledger as a paragraph: the counts, then by name what holds, in part or not at all."""
    own = table[table["section"] != UNCLAIMED]
    parts = [words(table)]
    for verdict, head in ((HOLDS, "What holds"), (IN_PART, "In part"), (FAILS, "What does not")):
        rows = own[own["verdict"] == verdict]
        if len(rows):
            parts.append(f"{head}: " + "; ".join(f"{row.says} ({row.Index})" for row in rows.itertuples()) + ".")
    return " ".join(parts)


def rows(table: pd.DataFrame) -> list[dict]:
    """A ledger for the JSON beside its figure."""
    return table.reset_index().to_dict("records")
