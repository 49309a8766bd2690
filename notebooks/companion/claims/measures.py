"""What the ledger measures of the data (§IV-A) and of performance (§IV-D): from the `Evidence` to a
`Finding`.

A mean over the domains is taken within each seed; its 95 % interval is over the seeds (R31), given as ±, and
it is judged by a margin, 2 % of the score that it is taken from (`analysis.equivalence`). A measure raises
`MissingRuns` or `TooFewDomains` where it cannot be taken.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from companion import registry
from companion.analysis import performance
from companion.analysis.equivalence import BETTER, LEVEL, MARGIN, NONE, OPEN, WORSE, Judgement, judge
from companion.analysis.performance import IMPROVEMENT, TABLE_II
from companion.claims import verdicts
from companion.claims.evidence import Evidence, Finding, MissingRuns, TooFewDomains
from companion.data import describe
from companion.data.table1 import TABLE_I
from companion.experiments import studies

DENSITY = dict(zip(TABLE_I, (0.031, 0.022, 0.038, 0.017, 0.010, 0.059), strict=True))  # Table I, %
AMAZON = "amazon"  # the paper's own data (R37)
RIVALS = ("bpr", "clfm", "cdcf", "sconet")  # the paper's, as Table II has them, the worst first


def scores(e: Evidence, methods: Sequence, metric: str = "ndcg", lengths: Sequence = (10,)) -> pd.DataFrame:
    """Table II's scores [seed, (method, target)], mean over the lengths; `MissingRuns` without a method."""
    rows = performance.values(e.chosen, "full", metric, None)
    rows = rows[rows["n"].isin(lengths) & rows["method"].isin(methods)]
    if absent := [registry.label(name) for name in methods if name not in set(rows["method"])]:
        raise MissingRuns(", ".join(absent))
    e.used |= {*rows["run"]}
    return rows.pivot_table(index="seed", columns=["method", "target"], values="value").dropna()


def count_seeds(table: pd.DataFrame | pd.Series) -> str:
    return f"{len(table)} seed{'s' * (len(table) != 1)}"


def in_words(judgement: Judgement, digits: int = 4, unit: str = "") -> str:
    """A judgement as +0.0104 ± 0.0064, above the margin 0.0060."""
    j, value = judgement, lambda x, sign="": f"{x:{sign}.{digits}f}{unit}"
    if j.n < 2:
        return f"{value(j.difference, '+')}, one seed"
    more = f"; {j.more} more seed{'s' * (j.more != 1)} may settle it" if j.more is not None else ""
    outcome = {
        BETTER: "above the margin {}", WORSE: "below the margin −{}", NONE: f"{NONE} (margin {{}})",
        OPEN: "not above the margin {}" if j.above is False else f"open (margin {{}}{more})",
    }[j.outcome]  # fmt: skip
    return f"{value(j.difference, '+')} ± {value(j.difference - j.low)}, {outcome.format(value(j.margin))}"


def limits(judgement: Judgement) -> dict:
    """What `verdicts.above` needs of a judgement, as JSON has it: no NaN."""
    ends = (None, None) if judgement.n < 2 else (judgement.low, judgement.high)
    return dict(zip(("low", "high"), ends)) | {"margin": judgement.margin}


def above(gap: pd.Series, margin: float, words: str = "{}", *form: int | str,
          level: float = LEVEL) -> Finding:  # fmt: skip
    """A difference [seed] above a margin. words: {} stands for its mean and interval; form: of `in_words`."""
    j = judge(gap.to_numpy(), margin, level)
    text = words.replace("{}", in_words(j, *form))
    return Finding(text, count_seeds(gap), verdicts.above, limits(j), j.more)


def better(first: pd.DataFrame, second: pd.DataFrame, level: float = LEVEL) -> Finding:
    """The first above the second, both [seed, target]: their mean over the targets, which a single target,
    judged by an interval for all of them at once, may deny."""
    gap = (first - second).dropna()
    second = second.loc[gap.index]
    mean = above(gap.mean(axis=1), MARGIN * second.mean(axis=None), level=level)
    each = [judge(gap[k].to_numpy(), MARGIN * second[k].mean(), LEVEL / gap.shape[1]).above for k in gap]
    denied = each.count(False) if gap.shape[1] > 1 else 0
    parts = {"above": each.count(True), "not above": denied, "undecided": each.count(None)}
    counts = ", ".join(f"{word} in {n}" for word, n in parts.items() if n)
    words = f"{mean.ours}; of {gap.shape[1]} domains {counts}" if gap.shape[1] > 1 else mean.ours
    return replace(mean, ours=words, numbers=mean.numbers | {"denied": denied})


def counted(answers: Iterable[bool | None], words: str, n: str, rule: Callable = verdicts.counted,
            **numbers: float) -> Finding:  # fmt: skip
    """In how many cases it is so; None: open. rule: `verdicts.counted`, or `always`."""
    answers = list(answers)
    unclear = answers.count(None)
    words += f"; undecided in {unclear}" * (unclear > 0 and len(answers) > 1)
    numbers = {"true": answers.count(True), "total": len(answers), "unclear": unclear} | numbers
    return Finding(words, n, rule, numbers)


def share(true: int, total: int, words: str, n: str) -> Finding:
    """So many of the paper's own numbers are right."""
    return Finding(words, n, verdicts.counted, {"true": int(true), "total": int(total)})


def table_i(e: Evidence) -> Finding:
    here = e.ratings.table()[["users", "items", "ratings"]]
    paper = pd.DataFrame(TABLE_I, index=here.columns).T
    n = f"{int(here['ratings'].sum()):,} ratings"
    if set(here.index) != set(paper.index):
        return Finding("these are other data, with other domains", n, verdicts.untestable)
    equal = int((here.loc[paper.index] == paper).sum(axis=None))
    words = f"{equal} of {paper.size} counts equal"
    if e.dataset == AMAZON:
        return share(equal, paper.size, words, n)
    return Finding(words + ", by construction" * (equal == paper.size), n, verdicts.untestable)


def density(e: Evidence) -> Finding:
    exact = {k: 100 * ratings / (users * items) for k, (users, items, ratings) in TABLE_I.items()}
    wrong = [k for k in exact if round(exact[k], 3) != DENSITY[k]]
    right = len(exact) - len(wrong)
    each = "; ".join(f"{k} {exact[k]:.4f}, printed {DENSITY[k]:.3f}" for k in wrong)
    words = f"{right} of {len(exact)} cells{': ' if wrong else ''}{each}"
    return share(right, len(exact), words, f"{len(exact)} cells")


def overlap(e: Evidence) -> Finding:
    shared = describe.shared_users(e.ratings).to_numpy()
    shares = (shared / np.diag(shared)[:, None])[~np.eye(e.ratings.p, dtype=bool)]
    words, n = f"p = {e.ratings.p}", f"{len(e.ratings.users):,} users"
    if len(shares):
        words += f"; a domain shares {shares.min():.0%} to {shares.max():.0%} of its users with another"
    if e.dataset != AMAZON:
        return Finding(words, n, verdicts.untestable)
    return share(int(((shares > 0) & (shares < 1)).sum()), len(shares), words, n)


def symmetric(e: Evidence) -> Finding:
    ratio = lambda names: max(e.sizes[k] for k in names) / min(e.sizes[k] for k in names)
    ratios = {name: ratio(names) for name, names in studies.sets(e.sizes).items() if name != "Set 3"}
    if not ratios:
        raise TooFewDomains
    each = "".join(f", in {name} {value:.1f}" for name, value in ratios.items())
    words = f"the largest domain has {ratio(e.sizes):.1f} times the ratings of the smallest{each}"
    n = f"{e.ratings.p} domains"
    if e.dataset != AMAZON:  # Set 1 is without the smallest domain, Set 2 without the largest
        return Finding(f"{words}: so by construction", n, verdicts.untestable)
    return share(sum(value < ratio(e.sizes) for value in ratios.values()), len(ratios), words, n)


def order(e: Evidence) -> Finding:
    """The ten pairs of methods in the order of Table II, each judged by its mean over the domains."""
    methods = [*RIVALS, "adc"]
    means = scores(e, methods).T.groupby(level="method", sort=False).mean().T  # [seed, method]
    answers = []
    for low, high in itertools.combinations(methods, 2):
        answers.append(judge((means[high] - means[low]).to_numpy(), MARGIN * means[low].mean()).above)
    line = " < ".join(registry.label(name) for name in means.mean().sort_values().index)
    words = f"{line}; of {len(answers)} pairs {answers.count(True)} in the paper's order"
    return counted(answers, words, count_seeds(means), most=0.7)


def superior(e: Evidence, other: str) -> Finding:
    """ADC above one other method; beside it the paper's own test."""
    table = scores(e, [other, "adc"])
    finding = better(table["adc"], table[other])
    rows = e.tests[e.tests["other"] == other]
    sure = rows["p_users"] < LEVEL
    ahead, behind = (int((sure & (sign * rows["difference"] > 0)).sum()) for sign in (1, -1))
    return replace(finding, ours=f"{finding.ours}; by the paper's test above in {ahead}, below in {behind}")


def significant(e: Evidence) -> Finding:
    """The paper's own test: a paired t-test over users, uncorrected, of ADC against each rival."""
    scores(e, [*RIVALS, "adc"])
    rows = e.tests[e.tests["other"].isin(RIVALS)]
    won = (rows["p_users"] < LEVEL) & (rows["difference"] > 0)
    words = f"ADC is above with p < .05 in {won.sum()} of {len(rows)} comparisons"
    n = f"{rows['users'].min():,} to {rows['users'].max():,} users a domain"
    return counted(map(bool, won), words, n)


def pairs_above(e: Evidence, methods: Sequence, others: Sequence, metric: str = "ndcg",
                lengths: Sequence = (10,), always: bool = False) -> Finding:  # fmt: skip
    """Each method above each other, every pair judged as in `better`; the words are those of the worst.
    always: one pair that is not so refutes the sentence, so that its interval is for all pairs at once."""
    table, pairs = scores(e, [*methods, *others], metric, lengths), {}
    level = LEVEL / (len(methods) * len(others) if always else 1)
    for first, second in itertools.product(methods, others):
        name = f"{registry.label(first)} less {registry.label(second)}"
        pairs[name] = table[first] - table[second], better(table[first], table[second], level)
    worst = min(pairs, key=lambda name: pairs[name][0].mean(axis=None))
    answers = {verdicts.HOLDS: True, verdicts.IN_PART: not always, verdicts.FAILS: False}
    each = [answers.get(finding.verdict) for _, finding in pairs.values()]
    denied = sum(finding.numbers["denied"] for _, finding in pairs.values())
    least = pairs[worst][1].ours.partition("; of ")[0]
    words = f"in {each.count(True)} of {len(each)} pairs; the least difference, {worst}: {least}"
    if always:
        words += f" (intervals of {1 - level:.1%})"
        return counted(each, words, count_seeds(table), verdicts.always)
    return counted(each, words, count_seeds(table), denied=denied)


def second_best(e: Evidence) -> Finding:
    """SCoNet above the three others and below ADC, domain by domain."""
    table, answers = scores(e, [*RIVALS, "adc"]), []
    pairs = [("sconet", other) for other in RIVALS if other != "sconet"] + [("adc", "sconet")]
    level = LEVEL / len(pairs)
    for k in e.sizes:
        wide = table.xs(k, axis=1, level="target")
        judged = (judge((wide[a] - wide[b]).to_numpy(), MARGIN * wide[b].mean(), level) for a, b in pairs)
        each = [judgement.above for judgement in judged]
        answers.append(False if False in each else None if None in each else True)
    rank = table.mean().unstack(0).rank(axis=1, ascending=False)["sconet"]
    words = f"second in {answers.count(True)} of {len(answers)} domains; "
    words += f"its mean rank is {rank.mean():.1f} of 5"
    return counted(answers, words, count_seeds(table))


def improvement(e: Evidence, metric: str, lengths: Sequence[int], paper: float) -> Finding:
    """ADC above SCoNet, the paper's second best, in per cent; in words, above each domain's best rival."""
    rivals = [name for name in RIVALS if name == "sconet" or name in set(e.chosen["method"])]
    table = scores(e, [*rivals, "adc"], metric, lengths)
    top = table.mean().unstack(0)[rivals].idxmax(axis=1)
    ratio = lambda rival, k: table["adc", k] / table[rival, k]
    over = lambda rivals: pd.DataFrame({k: 100 * (ratio(rivals[k], k) - 1) for k in top.index})
    gain = over(dict.fromkeys(top.index, "sconet"))
    words = f"{{}}; {gain.mean().min():+.1f} to {gain.mean().max():+.1f} % in single domains"
    words += f"; over each domain's best rival {over(top).mean(axis=None):+.2f} %"
    mean = above(gain.mean(axis=1), 100 * MARGIN, words, 2, " %")
    return replace(mean, rule=verdicts.reaches, numbers=mean.numbers | {"paper": paper})


def printed_cells(e: Evidence) -> Finding:
    """Table II's last column: a cell is right if scores that round to those printed can give it."""
    adc, rival, half = TABLE_II["ADC"], TABLE_II["SCoNet"], 5e-5
    low, high = (100 * ((adc + sign * half) / (rival - sign * half) - 1) for sign in (-1, 1))
    right = (low <= TABLE_II[IMPROVEMENT] + 0.005) & (high >= TABLE_II[IMPROVEMENT] - 0.005)
    cells = ", ".join(f"{k} {value:.2f}" for k, value in (100 * (adc / rival - 1)).items())
    words, n = f"{right.sum()} of {len(right)} cells: {cells}", f"{len(right)} cells"
    return share(int(right.sum()), len(right), words, n)


def printed_mean(e: Evidence) -> Finding:
    mean = float(TABLE_II[IMPROVEMENT].mean())
    numbers = {"value": mean, "paper": 8.08, "allowed": 0.005}
    return Finding(f"{mean:.2f} %", f"{len(TABLE_II)} cells", verdicts.near, numbers)


def similar_complexity(e: Evidence) -> Finding:
    """Ratings a user in Table I of the three domains that the paper calls similar; alike: within a half."""
    names = ("electronics", "kitchen", "video")
    each = {k: TABLE_I[k][2] / TABLE_I[k][0] for k in names}
    items = {k: TABLE_I[k][2] / TABLE_I[k][1] for k in names}
    ratio = max(each.values()) / min(each.values())
    words = ", ".join(f"{k} {each[k]:.2f} ({items[k]:.1f})" for k in names)
    numbers = {"low": ratio, "high": ratio, "margin": 1.5}
    words = f"ratings per user (per item): {words}; the most are {ratio:.2f} times the least"
    return Finding(words, "3 domains", verdicts.below, numbers)
