"""The reader's own ratings: ADC beside simple methods on them, and whether transfer is worth it there.

Methods that learn were trained in two settings; for each seed and target the better on validation stands.
Intervals are 95 % t-intervals over the seeds; p-values of verdicts on several domains are corrected by Holm.
Splits of one file overlap, which makes both surer than they should be.
"""

from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from adc.errors import UserError
from adc.ratings import Ratings
from companion import data, registry, runs
from companion.analysis import report, stats
from companion.analysis.curves import MEAN, difference

JOINT = ("bpr_merged", "static", "adc")  # they learn from all domains together
ALONE = ("popularity", "itemknn", "bpr", "adc_alone")  # from the target alone
LABELS = {name: registry.label(name) for name in ("random", "popularity", "itemknn", "bpr")}
LABELS |= {"adc_alone": "ADC, one domain"} | {name: registry.label(name) for name in JOINT}
COMPARISONS = {  # what is compared -> (with, without)
    "the best with all domains − the best on the domain alone": ("best joint", "best alone"),
    "ADC: all domains − the domain alone": ("adc", "adc_alone"),
    "ADC − BPR on the domain alone": ("adc", "bpr"),
    "BPR: domains merged − the domain alone": ("bpr_merged", "bpr"),
    "ADC − BPR, merged": ("adc", "bpr_merged"),
}
QUESTION = next(iter(COMPARISONS))
YES, NO, UNKNOWN = "yes", "no, it does harm", "cannot be told"


def scores(dataset: str, profile: str) -> pd.DataFrame:
    """Test NDCG@10 (all items ranked), a row a (method, target, seed), of the setting best on validation.

    Columns: value, users; elsewhere, elsewhere_users: over users known from other domains only; validation,
    run. Runs on all domains, and ADC's on one each as "adc_alone". UserError: ADC or popularity is missing.
    """
    rows = [row for run in report.available(dataset, profile) for row in _run_scores(run)]
    table = pd.DataFrame(rows, columns=None if rows else ["method"])
    missing = [LABELS[name] for name in ("adc", "popularity") if name not in set(table["method"])]
    if missing:
        cure = f"Run `./run_all.sh --data {report.data_source(dataset)}`."
        where = f"dataset '{dataset}', profile '{profile}'"
        raise UserError(f"No finished run of {' or '.join(missing)} for {where}. {cure}")
    table = table.sort_values(["validation", "run"], ascending=[False, True])
    return table.drop_duplicates(["method", "target", "seed"]).sort_values("seed", kind="stable")


def _run_scores(run: runs.Run) -> list[dict]:
    """A run's rows of `scores`; none where it is not one that is compared."""
    method, domains = run.config["method"], registry.named(run.config["domains"])
    method = "adc_alone" if method == "adc" and len(domains) == 1 else method
    if method not in LABELS or (domains and method != "adc_alone"):
        return []
    values = run.values().query("protocol == 'full' and metric == 'ndcg' and n == 10")
    values, rows = values.set_index(["target", "group"])[["value", "users"]].astype(float), []
    names = {"method": method, "seed": run.config["seed"], "run": run.place}
    for target, validation in run.metrics["validation"].items():
        row = dict(zip(("value", "users"), values.loc[(target, "all")]))
        row |= dict(zip(("elsewhere", "elsewhere_users"), values.loc[(target, "cold_target")]))
        rows.append(names | {"target": target, "validation": validation} | row)
    return rows


def with_best(table: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    """`scores`; methods "best joint" and "best alone", the best on validation of JOINT and of ALONE; and the
    means over the domains (target MEAN) of the seeds in which every domain has somebody to test."""
    parts, ranked = [table], table.sort_values("validation", ascending=False, kind="stable")
    for name, methods in {"best joint": JOINT, "best alone": ALONE}.items():
        side = ranked[ranked["method"].isin(methods)].drop_duplicates(["target", "seed"])
        parts.append(side.assign(method=name))
    table = pd.concat(parts).dropna(subset="value")
    table = table.sort_values("target", key=lambda names: names.map(domains.index), kind="stable")
    groups = table.groupby(["method", "seed"], sort=False)["value"]
    means = groups.mean()[groups.size() == len(domains)].reset_index().assign(target=MEAN)
    return pd.concat([table, means], ignore_index=True) if len(domains) > 1 else table


def compare(table: pd.DataFrame) -> pd.DataFrame:
    """The COMPARISONS: what, target, with, without, difference, low, high, p, p_holm (over the targets),
    seeds, verdict; no rows with one domain or where a side was not run. table: of `with_best`."""
    values, rows = table.set_index(["method", "target", "seed"])["value"].sort_index(), []
    targets = table["target"].unique()
    for what, sides in COMPARISONS.items():
        for target in targets if len(targets) > 1 else ():
            if all((side, target) in values.index for side in sides):
                both, without = (values[side, target] for side in sides)
                means = {"with": both.mean(), "without": without.mean()}
                rows.append({"what": what, "target": target, **means, **difference(both, without)})
    columns = ["what", "target", "with", "without", "difference", "p", "low", "high", "seeds"]
    comparisons = pd.DataFrame(rows, columns=columns)
    comparisons["p_holm"] = comparisons["p"]  # the one statement about all domains needs no correction
    for _, group in comparisons[comparisons["target"] != MEAN].groupby("what"):
        comparisons.loc[group.index, "p_holm"] = stats.holm(group["p"])
    sure, sign = comparisons["p_holm"] < stats.LEVEL, comparisons["difference"]
    return comparisons.assign(verdict=np.select([sure & (sign > 0), sure & (sign < 0)], [YES, NO], UNKNOWN))


def headline(ratings: Ratings, table: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    """Is transfer worth it here? In a few sentences, from `with_best` and `compare`."""
    if remark := data.transfer_remark(ratings):
        return f"**There is nothing to transfer:** {remark}"
    rows = comparisons[(comparisons["target"] == MEAN) & (comparisons["what"] == QUESTION)]
    if rows.empty:
        return "**It cannot be told:** in no split all domains had somebody to test."
    row, unsure = rows.iloc[0], ""
    answers = {YES: "Yes, on average.", NO: "No; it does harm, on average.", UNKNOWN: "It cannot be told."}
    if row.verdict == UNKNOWN:
        unsure = "With one split nothing can be said about chance."
        if np.isfinite(row.low):
            half = (row.high - row.low) / 2
            unsure = f"A difference below about {half:.4f} cannot be seen with {row.seeds} splits."
    return (
        f"**{answers[row.verdict]}** Over {ratings.p} domains and {row.seeds} splits, the best method with "
        f"all domains reaches an NDCG@10 of {row['with']:.4f}, the best with the domain alone "
        f"{row.without:.4f}: a difference of {_signed(row)}. {unsure} "
        f"{_above_popularity(table[table['target'] == MEAN])}"
    )


def _signed(row: Any) -> str:
    return f"{row.difference:+.4f}" + (f" [{row.low:+.4f}, {row.high:+.4f}]" if np.isfinite(row.low) else "")


def _above_popularity(table: pd.DataFrame) -> str:
    """Whether any method is above popularity at all: before transfer comes taste."""
    means = table.groupby("method")["value"].mean().reindex(LABELS).dropna()
    popular = means.pop("popularity")
    above = means[means > popular].sort_values(ascending=False)
    methods = ", ".join(f"{LABELS[name]} ({value:.4f})" for name, value in above.items())
    if methods:
        return f"Above plain popularity ({popular:.4f}): {methods}."
    return f"No method is above plain popularity ({popular:.4f}): taste hardly shows in these ratings."


def verdict_table(table: pd.DataFrame, comparisons: pd.DataFrame) -> Styler:
    """Is transfer worth it in each domain? Users: mean over the seeds. From `with_best` and `compare`."""
    rows = comparisons[comparisons["what"] == QUESTION].set_index("target").drop(index=MEAN, errors="ignore")
    changes, users = [_signed(row) for row in rows.itertuples()], table.groupby("target")["users"].mean()
    columns = {"worth it": rows["verdict"], "with all domains": rows["with"], "alone": rows["without"],
               "difference": changes, "users tested": users}  # fmt: skip
    return _style(pd.DataFrame(columns, index=rows.index))


def comparison_table(comparisons: pd.DataFrame) -> Styler:
    """The other comparisons, a row each, by domain and in the mean; bold: sure."""
    rows = comparisons[comparisons["what"] != QUESTION]
    if rows.empty:  # one domain has nothing to learn from another
        return pd.DataFrame({"": ["none: there is one domain only"]}).style
    bold = np.where(rows["verdict"] == UNKNOWN, "", "font-weight: bold")
    rows = rows.assign(cell=[_signed(row) for row in rows.itertuples()], bold=bold)
    wide = rows.pivot(index="what", columns="target", values=["cell", "bold"]).fillna("")
    wide, targets = wide.reindex(rows["what"].unique()), rows["target"].unique()
    return _style(wide["cell"][targets]).apply(lambda _: wide["bold"][targets], axis=None)


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """By target and method: mean over the seeds, p, low, high, seeds. table: of `with_best`."""
    rows = table[table["method"].isin(LABELS)]
    return stats.over_seeds(rows, ["target", "method"], "value").rename(columns={"value": "mean"})


def method_table(means: pd.DataFrame) -> Styler:
    """The means of `over_seeds` [targets, methods], the highest of a row in bold."""
    return _style(_by_method(means, "mean")).highlight_max(axis=1, props="font-weight: bold")


def newcomers(table: pd.DataFrame) -> Styler:
    """NDCG@10 of users known from other domains only (R36) [targets, methods]. table: of `with_best`."""
    rows = table[(table["elsewhere_users"] > 0) & (table["method"] != "adc_alone")]
    means = rows.groupby(["target", "method"], sort=False)[["elsewhere", "elsewhere_users"]].mean()
    wide = _by_method(means.reset_index(), "elsewhere")
    wide.insert(0, "users tested", means["elsewhere_users"].groupby("target").mean())
    return _style(wide)


def _by_method(means: pd.DataFrame, value: str) -> pd.DataFrame:
    wide = means.pivot(index="target", columns="method", values=value).reindex(means["target"].unique())
    return wide[[name for name in LABELS if name in wide]].rename(columns=LABELS)


def _style(table: pd.DataFrame) -> Styler:
    style = table.rename_axis(index=None, columns=None).style.format(precision=4, na_rep="–")
    return style.format("{:,.0f}", subset=[name for name in table if name == "users tested"])
