"""Every checkable sentence of the paper, in short, with the measure that decides it and where it is shown.

The paper's words and numbers are typed here; everything of ours is measured (`measures*.py`)
and judged by rule (`verdicts`). A new claim is a row here.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from companion import registry
from companion.analysis.asymmetry import PAPER_GAMMA
from companion.analysis.report import STATIC
from companion.claims import measures as m
from companion.claims import measures_analysis as a
from companion.claims import measures_depth as d
from companion.claims import measures_transfer as t
from companion.claims.evidence import Evidence, Finding


class Claim(NamedTuple):
    """One sentence of the paper. `shown`: notebook and heading; `main`: listed in the documentation."""

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
CONTROLS = ("extras/12_controls", "What each method finds")
BALANCER_THERE = ("extras/12_controls", "What the balancer does there")

DATA, ARITHMETIC, PERFORMANCE = "The data", "The paper's own arithmetic", "Performance"
LAYERS, TRANSFER, BALANCING, ASYMMETRY = "Depth", "Other domains", "Balancing", "The asymmetry γ"
FIXED, UNCLAIMED = "Kept fixed", "Not claimed by the paper"
LENGTHS = (5, 10, 15, 20)

CLAIMS = [
    Claim(DATA, "the sizes of the six domains", "Table I", "18 counts", m.table_i, TABLE_1),
    Claim(DATA, "six domains whose users overlap in part", "§I, §IV-A", "p = 6", m.overlap, OVERLAP),
    Claim(DATA, "Sets 1 and 2 are more symmetric than all domains", "§IV-E", "1.4, 2.8 < 13.2",
          m.symmetric, TABLE_1),

    Claim(ARITHMETIC, "density follows from the counts", "Table I", "6 cells", m.density, TABLE_1),
    Claim(ARITHMETIC, "the improvement follows from the scores", "Table II", "6 cells",
          m.printed_cells, LEDGER),
    Claim(ARITHMETIC, "the mean of the improvements", "§IV-D, §V", "8.08 %", m.printed_mean, LEDGER),
    Claim(ARITHMETIC, "electronics, kitchen and video have similar complexities", "§IV-E", "yes",
          m.similar_complexity, TABLE_1),

    Claim(PERFORMANCE, "BPR < CLFM < CDCF < SCoNet < ADC", "Table II", "6 of 6 domains",
          m.order, TABLE_2, True),
    *(
        Claim(PERFORMANCE, f"ADC is superior to {registry.label(other)}", "§IV-D", "6 of 6 domains",
              partial(m.superior, other=other), SURE, True)
        for other in m.RIVALS
    ),
    Claim(PERFORMANCE, "these differences are significant by the paper's own t-test", "§IV-D", "p < 0.05",
          m.significant, SURE),
    Claim(PERFORMANCE, "cross-domain methods always outperform single-domain BPR", "§IV-D", "4 of 4 pairs",
          partial(m.pairs_above, methods=("clfm", "cdcf", "sconet", "adc"), others=("bpr",), always=True),
          TABLE_2, True),
    Claim(PERFORMANCE, "SCoNet performs better than CLFM and CDCF", "§IV-D", "2 of 2 pairs",
          partial(m.pairs_above, methods=("sconet",), others=("clfm", "cdcf")), TABLE_2),
    Claim(PERFORMANCE, "SCoNet is second best", "§IV-D", "6 of 6 domains", m.second_best, TABLE_2),
    Claim(PERFORMANCE, "ADC's average improvement over SCoNet, NDCG@10", "§IV-D, §V", "+8.08 %",
          partial(m.improvement, metric="ndcg", lengths=(10,), paper=8.08), TABLE_2, True),
    Claim(PERFORMANCE, "ADC's average improvement over SCoNet, recall", "§IV-D, §V", "+6.14 %",
          partial(m.improvement, metric="recall", lengths=LENGTHS, paper=6.14), RECALL),
    Claim(PERFORMANCE, "ADC above every rival in recall, mean of lists of 5 to 20", "Fig. 2", "4 of 4 pairs",
          partial(m.pairs_above, methods=["adc"], others=m.RIVALS, metric="recall", lengths=LENGTHS), RECALL),

    Claim(LAYERS, "larger domains need more hidden layers", "§IV-E, Fig. 3", "yes", d.deeper, DEPTH, True),
    Claim(LAYERS, "the best h", "§IV-E, Fig. 3", "smallest 2, two largest 4, others 3",
          d.chosen_depths, DEPTH),
    Claim(LAYERS, "more than one hidden layer is best (the paper's h against 1)", "§IV-E, Fig. 3",
          "6 of 6 domains", d.deep_at_all, DEPTH),
    Claim(LAYERS, "the non-linearity helps (three hidden layers against none)", "§I, §III-B, §V", "yes",
          d.non_linear, DEPTH, True),

    Claim(TRANSFER, "other domains help ADC (all domains against each alone)", "§I, §IV-D", "yes",
          t.helps, LEDGER, True),
    Claim(TRANSFER, "other domains help ADC in synthetic worlds where tastes carry over",
          "§I, §IV-D", "yes",
          partial(t.control, transfer=1.0, first=t.JOINT, second=t.ALONE), CONTROLS),
    Claim(TRANSFER, "sources of other tastes are noise (synthetic worlds where nothing carries over)",
          "§I", "yes", partial(t.control, transfer=0.0, first=t.ALONE, second=t.JOINT), CONTROLS),
    Claim(TRANSFER, "richer sources drown the target where domains weigh alike", "§I", "yes",
          t.drowned, LEDGER),

    Claim(BALANCING, "L_k(0) is set to log p", "§III-C", "log 6", a.first_loss, EQUATIONS),
    Claim(BALANCING, "balanced domains learn at similar rates", "§III-A", "yes", a.similar_rates, WEIGHTS),
    Claim(BALANCING, "a domain that learns fast loses weight", "§III-A", "yes", a.quick_learners, WEIGHTS),
    Claim(BALANCING, "γ = 0 makes the gradients' norms equal", "§III-C", "yes", a.equal_norms, ENDS),
    Claim(BALANCING, "balanced (γ = 2) above equal weights (static)", "§V", "yes",
          partial(a.gamma_against, other=STATIC), BALANCE, True),
    Claim(BALANCING, "balanced above equal weights in synthetic worlds where tastes carry over", "§V", "yes",
          partial(t.control, transfer=1.0, first=t.JOINT, second=t.EQUAL), BALANCER_THERE),
    Claim(BALANCING, "the balancing is efficient", "§I", "yes", a.efficient, LEDGER),
    Claim(BALANCING, "γ = 0 corresponds to equal weights", "§IV-E", "w_k = 1", a.equal_weights, ENDS, True),

    Claim(ASYMMETRY, "ADC under-performs with γ = 0 (against γ = 2)", "§IV-E, Fig. 4", "yes",
          partial(a.gamma_against, other=0.0), GAMMAS, True),
    Claim(ASYMMETRY, "the best γ, all domains but the largest", "§IV-E, Fig. 4", "2",
          partial(a.best_gammas, of_largest=False), GAMMAS, True),
    Claim(ASYMMETRY, "the best γ, the largest domain", "§IV-E, Fig. 4", "1.5",
          partial(a.best_gammas, of_largest=True), GAMMAS),
    Claim(ASYMMETRY, "the largest domain is less affected by the balancing", "§IV-E", "yes",
          a.less_affected, GAMMAS),
    *(
        Claim(ASYMMETRY, f"the best γ, {name}", "§IV-E", f"{gamma:g}",
              partial(a.best_of_set, name=name), SETS)
        for name, gamma in PAPER_GAMMA.items()
    ),
    Claim(ASYMMETRY, "symmetric sets need a lower γ, an asymmetric one a higher", "§IV-E", "1, 0.5 < 2 < 2.5",
          a.by_symmetry, SETS, True),
    Claim(ASYMMETRY, "the model becomes unstable for γ other than 2", "§IV-E", "yes",
          a.unstable, GAMMAS, True),
    Claim(ASYMMETRY, "stable in symmetric and asymmetric sets", "§V", "yes", a.stable, SETS),

    Claim(FIXED, "more than d = 100 dimensions add nothing", "§IV-E", "not shown",
          partial(a.enough, name="dim", paper=100), LEDGER),
    Claim(FIXED, "more than 5 negatives add nothing", "§IV-E", "not shown",
          partial(a.enough, name="negatives", paper=5), LEDGER),

    *(
        Claim(UNCLAIMED, f"ADC above {registry.label(other)}", "not claimed", "–",
              partial(m.superior, other=other), HURDLE,
              other in ("popularity", "bpr_merged", "ease_merged"))
        for other in registry.names("hurdle") if other != "random"
    ),
]  # fmt: skip
