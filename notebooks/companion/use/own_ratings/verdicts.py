"""What the scores tell: each method jointly against itself alone, and which one to use in each domain.

Differences are judged over the splits (`analysis.equivalence`) by intervals that hold for all domains of a
comparison together (Bonferroni) and for every look at them: after n splits, from the third on,
2 / (n (n - 1)) of the 5 % are spent, which adds up to 5 % however many follow (Lan and DeMets 1983). Splits
of one file overlap, which makes them surer than they should be.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from adc.ratings import Ratings
from companion import data
from companion.analysis.curves import MEAN
from companion.analysis.equivalence import LEVEL, MARGIN, Judgement, judge
from companion.escape import markdown
from companion.use.own_ratings.scores import JOINT, LABELS, PAIRS, SIMPLEST_FIRST

QUESTION = "the best of each"
COMPARISONS = PAIRS | {QUESTION: ("best joint", "best alone")}
YES, HARM, NONE, NO_GAIN = "yes", "no, it does harm", "no difference that matters", "no gain that matters"
OPEN = "open"
IN_SHORT = {  # a verdict on the best of each -> its sentence
    YES: "Learning from the other domains is worth it",
    HARM: "Learning from the other domains does harm",
    NONE: "Learning from the other domains makes no difference that matters",
    NO_GAIN: "Learning from the other domains brings no gain that matters",
    OPEN: "Whether learning from the other domains is worth it is",
}
COLUMNS = ["what", "target", "joint", "alone", "difference", "low", "high", "margin", "splits", "users",
           "more", "verdict"]  # fmt: skip


def spending(statements: int) -> Callable[[np.ndarray], np.ndarray]:
    """The level of a look after n splits, for each of some statements that have to hold together."""
    return lambda n: np.where(n > 2, 2 / np.maximum(n * (n - 1), 1), 0) * LEVEL / statements


def compare(table: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    """The COMPARISONS by domain and in the mean, as far as both sides were trained: COLUMNS. users: tested,
    the mean over the splits; more: further splits that would decide. table: of `with_best`."""
    rows, table = [], table.set_index(["method", "target", "seed"]).sort_index()
    for what, (joint, alone) in COMPARISONS.items():
        for target in (*domains, MEAN) if len(domains) > 1 else ():
            if (joint, target) in table.index and (alone, target) in table.index:
                without = table.loc[(alone, target), "value"].rename("without")
                both = table.loc[(joint, target), ["value", "users"]].join(without, how="inner")
                row = _row(both, target, len(domains)) if len(both) else None
                rows += [{"what": what, "target": target, **row}] if row else []
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(both: pd.DataFrame, target: str, domains: int) -> dict:
    """The numbers of a comparison from the scores of both sides on the same splits."""
    alone, level = both["without"].mean(), spending(1 if target == MEAN else domains)
    j = judge(both["value"] - both["without"], MARGIN * alone, level)
    return {
        "joint": both["value"].mean(), "alone": alone, "difference": j.difference, "low": j.low,
        "high": j.high, "margin": j.margin, "splits": j.n, "users": both["users"].mean(),
        "more": j.more, "verdict": _verdict(j),
    }  # fmt: skip


def _verdict(j: Judgement) -> str:
    """Is the joint one worth it? Yes, where the interval lies above the margin; no, where below it."""
    if j.above is None:
        return OPEN
    if j.above:
        return YES
    return HARM if j.high < -j.margin else NONE if j.low >= -j.margin else NO_GAIN


def decided(comparisons: pd.DataFrame) -> bool:
    """Whether QUESTION is answered in every domain that has somebody to test."""
    rows = comparisons[(comparisons["what"] == QUESTION) & (comparisons["target"] != MEAN)]
    return len(rows) > 0 and (rows["verdict"] != OPEN).all()


def use_this(table: pd.DataFrame) -> pd.DataFrame:
    """The method to use in each target, and in the mean over all, by validation; index: target.

    The simplest whose validation NDCG@10 is not below the best one's by more than MARGIN, or one standard
    error of the difference over the splits (Breiman et al. 1984). Columns: method, best (on validation),
    splits, value, popularity (test), users. table: of `with_best`.
    """
    rows, table = {}, table[table["method"].isin(LABELS)]
    for target, group in table.groupby("target", sort=False):
        wide = group.pivot(index="seed", columns="method", values="validation").dropna()
        if len(wide):
            best, method = wide.mean().idxmax(), _simplest(wide)
            test = group[group["seed"].isin(wide.index)].groupby("method")["value"].mean()
            rows[target] = {"method": method, "best": best, "splits": len(wide), "value": test[method],
                            "popularity": test.get("popularity", np.nan),
                            "users": group["users"].mean()}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def _simplest(wide: pd.DataFrame) -> str:
    """The simplest method that is as good as the best, by validation [splits, methods]."""
    top = wide[wide.mean().idxmax()]
    error = wide.rsub(top, axis=0).std() / len(wide) ** 0.5  # NaN with one split
    gap = top.mean() - wide.mean()
    good = gap <= np.fmax(MARGIN * top.mean(), error)
    return next(name for name in SIMPLEST_FIRST if good.get(name, False))


def headline(ratings: Ratings, comparisons: pd.DataFrame, use: pd.DataFrame) -> str:
    """What to use and whether it is worth learning from the other domains, in short; then each method against
    itself, on average, and in how many domains. From `compare` and `use_this`."""
    if remark := data.transfer_remark(ratings):
        return f"**There is nothing to transfer:** {markdown(remark)}"
    lines = [in_short(comparisons, use)]
    for what in COMPARISONS:
        rows = comparisons[comparisons["what"] == what]
        mean, each = rows[rows["target"] == MEAN], rows[rows["target"] != MEAN]
        if len(mean):
            row, counts = mean.iloc[0], each["verdict"].value_counts(sort=False)
            counts = ", ".join(f"{verdict} in {n}" for verdict, n in counts.items())
            over = f"{len(each)} domains and {row.splits} split{'s' * int(row.splits > 1)}"
            sides = f"{what} jointly against {what} alone"
            sides = "The best method jointly against the best alone" if what == QUESTION else sides
            lines.append(
                f"* **{sides}: {answer(row)}.** NDCG@10 {row.joint:.4f} against {row.alone:.4f}, "
                f"{signed(row)}, mean over {over}; about {row.users:.0f} users a domain. By domain: {counts}."
            )
    return "\n".join(lines) if len(comparisons) else "Not known yet: no method was trained jointly and alone."


def in_short(comparisons: pd.DataFrame, use: pd.DataFrame) -> str:
    """The method to use on average, and whether learning from the other domains is worth it, and where."""
    rows = comparisons[comparisons["what"] == QUESTION].set_index("target")
    if MEAN not in rows.index or MEAN not in use.index:
        return ""
    best, row, each = use.loc[MEAN], rows.loc[MEAN], rows.drop(index=MEAN)["verdict"]
    where = "on all domains together" if best["method"] in JOINT else "on each domain alone"
    end = f" {answer(row)}" if row.verdict == OPEN else ""
    kinds = {"It is worth it in": each == YES, "It does harm in": each == HARM}
    named = [f" {words} {', '.join(map(markdown, each.index[there]))}." for words, there in kinds.items()
             if there.any()]  # fmt: skip
    return (f"**Use {LABELS[best['method']]} {where}; by domain as below. {IN_SHORT[row.verdict]}{end}.**"
            f"{''.join(named)}\n")  # fmt: skip


def answer(row: Any) -> str:
    """A verdict in words; an open one with the number of splits that would decide it."""
    if row.verdict != OPEN:
        return row.verdict
    if row.splits < 2:
        return "open, as one split says nothing about chance"
    more = f"about {row.more:.0f} more splits would tell" if pd.notna(row.more) else "out of reach"
    return f"open, {more}"


def signed(row: Any) -> str:
    """A difference with its interval."""
    return f"{row.difference:+.4f}" + (f" [{row.low:+.4f}, {row.high:+.4f}]" if np.isfinite(row.low) else "")


def above_popularity(table: pd.DataFrame, domains: list[str]) -> str:
    """Whether any method is above popularity at all: before transfer comes taste. table: of `with_best`."""
    means = table[table["target"] == (MEAN if len(domains) > 1 else domains[0])]
    means = means.groupby("method")["value"].mean().reindex(LABELS).dropna()
    if "popularity" not in means:
        return ""
    popular = means.pop("popularity")
    above = means[means > popular].sort_values(ascending=False)
    if len(above):
        methods = ", ".join(f"{LABELS[name]} ({value:.4f})" for name, value in above.items())
        return f"Above plain popularity ({popular:.4f}): {methods}."
    return f"No method is above plain popularity ({popular:.4f}): taste hardly shows in these ratings."
