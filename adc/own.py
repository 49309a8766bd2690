"""Somebody's own ratings: ADC beside simple methods on them, and whether transfer is worth it there, in plain words.

Every method that learns was trained in two settings; for each seed and target the one with the better validation NDCG@10
stands. Test scores are looked at after that. Intervals are 95 % t-intervals over the seeds; of verdicts on several
domains the p-values are corrected by Holm. Splits of the same ratings overlap, which makes both surer than they should be.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from adc import data, paths, report, runs, stats
from adc.data.schema import Ratings
from adc.errors import UserError
from adc.split import Split, split
from adc.stats import LEVEL

NAMES = {
    "random": "random", "popularity": "popularity", "itemknn": "item-kNN", "bpr": "BPR", "adc_alone": "ADC, one domain",
    "bpr_merged": "BPR, merged", "static": "static", "adc": "ADC",
}  # fmt: skip
JOINT = ("bpr_merged", "static", "adc")  # they learn from all domains together
ALONE = ("popularity", "itemknn", "bpr", "adc_alone")  # from the target alone
BEST = "best"
COMPARED = {  # what is compared -> (with, without)
    "the best with all domains − the best on the domain alone": (BEST + " joint", BEST + " alone"),
    "ADC: all domains − the domain alone": ("adc", "adc_alone"),
    "ADC − BPR on the domain alone": ("adc", "bpr"),
    "BPR: domains merged − the domain alone": ("bpr_merged", "bpr"),
    "ADC − BPR, merged": ("adc", "bpr_merged"),
}
QUESTION = next(iter(COMPARED))
MEAN = "mean over domains"
FEW = 30  # users; below that a domain's score hangs on a handful of people
ONE = "With one domain there is nothing to compare."
YES, NO, UNKNOWN = "yes", "no, it does harm", "cannot be told"


def scores(dataset: str, profile: str) -> pd.DataFrame:
    """Test NDCG@10 (all items ranked), a row a (method, target, seed): value, users, elsewhere (the value over the users
    without training ratings in the target, but some in other domains), elsewhere_users, validation, variant, run.

    Runs on all domains, and ADC's on one domain each as method "adc_alone". Raises `UserError` where ADC or popularity
    is missing.
    """
    found, stale = report.available(dataset, profile)
    rows = [row for run in found for row in _rows(run)]
    missing = [name for name in ("adc", "popularity") if name not in {row["method"] for row in rows}]
    if missing:
        old = f" {stale} stored runs were made by older code and do not count." if stale else ""
        where = f"for dataset '{dataset}', profile '{profile}'"
        wanted = " or ".join(NAMES[name] for name in missing)
        raise UserError(f"No finished run of {wanted} {where}.{old} Run `./run_all.sh --data {report.source(dataset)}`.")
    table = pd.DataFrame(rows).sort_values("validation", ascending=False, kind="stable").drop_duplicates(["method", "target", "seed"])
    order = {name: place for place, name in enumerate([*NAMES, *data.load(dataset).domains])}
    return table.sort_values(["target", "seed", "method"], key=lambda of: of.map(order) if of.name != "seed" else of, ignore_index=True)


def _rows(run: runs.Run) -> list[dict]:
    config, at = run.config, {"protocol": "full", "metric": "ndcg", "n": 10}
    some = bool(config["domains"])
    method = "adc_alone" if some and config["method"] == "adc" and len(run.metrics["validation"]) == 1 else config["method"]
    if method not in NAMES or (some and method != "adc_alone"):
        return []
    known = {"method": method, "seed": config["seed"], "variant": config["variant"], "run": str(run.folder.relative_to(paths.home()))}
    values = {(entry["target"], entry["group"]): entry for entry in run.metrics["values"] if at.items() <= entry.items()}
    rows = []
    for target, validation in run.metrics["validation"].items():
        every, cold = values[target, "all"], values[target, "cold_target"]
        row = {"target": target, "validation": validation, "value": every["value"], "users": every["users"]}
        rows.append(known | row | {"elsewhere": cold["value"], "elsewhere_users": cold["users"]})
    return [{name: np.nan if value is None else value for name, value in row.items()} for row in rows]


def wide(table: pd.DataFrame, what: str = "value") -> pd.DataFrame:
    """[(target, seed), methods], and beside them "best joint" and "best alone": of the methods that use all domains, and of
    those that use the target alone, the one that is best on validation."""
    index = ["target", "seed"]
    values, validation = (table.pivot(index=index, columns="method", values=name) for name in (what, "validation"))
    for name, methods in {"joint": JOINT, "alone": ALONE}.items():
        here = [method for method in methods if method in values]
        chosen = validation[here].fillna(-1.0).to_numpy().argmax(1)
        values[f"{BEST} {name}"] = values[here].to_numpy()[np.arange(len(values)), chosen]
    targets = list(dict.fromkeys(table["target"]))
    return values.reindex(targets, level="target")


def over_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """Mean of every method in every target with its interval: target, method, mean, low, high, seeds. values: of `wide`."""
    rows = []
    for target, some in _with_mean(values):
        for method in some:
            known = some[method].dropna().to_numpy()
            if len(known):
                mean, _, low, high = stats.paired_t(known)
                rows.append((target, method, mean, low, high, len(known)))
    return pd.DataFrame(rows, columns=["target", "method", "mean", "low", "high", "seeds"])


def compare(values: pd.DataFrame) -> pd.DataFrame:
    """The comparisons COMPARED: what, target, with, without, difference, low, high, p, p_holm (over the targets), seeds,
    verdict (YES, NO or UNKNOWN). Where one side was not run there is no row. values: of `wide`."""
    rows = []
    for what, (one, other) in COMPARED.items():
        for target, some in _with_mean(values) if {one, other} <= set(values) else ():
            both = some[[one, other]].dropna()
            if len(both):
                mean, p, low, high = stats.paired_t((both[one] - both[other]).to_numpy())
                rows.append((what, target, both[one].mean(), both[other].mean(), mean, low, high, p, len(both)))
    table = pd.DataFrame(rows, columns=["what", "target", "with", "without", "difference", "low", "high", "p", "seeds"])
    single = table["target"] != MEAN  # one statement about all domains needs no correction
    table["p_holm"] = table["p"].where(~single)
    for _, some in table[single].groupby("what"):
        table.loc[some.index, "p_holm"] = stats.holm(some["p"])
    sure = table["p_holm"] < LEVEL
    return table.assign(verdict=np.select([sure & (table["difference"] > 0), sure & (table["difference"] < 0)], [YES, NO], UNKNOWN))


def _with_mean(values: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """By target its [seeds, methods], and last the mean over the targets; a seed in which a target has no value has none."""
    found = [(target, some.droplevel("target")) for target, some in values.groupby(level="target", sort=False)]
    mean = values.groupby(level="seed").agg(lambda of: of.mean(skipna=False))
    return [*found, (MEAN, mean)] if len(found) > 1 else found


def headline(ratings: Ratings, values: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Is transfer worth it here? In a few sentences, from `wide` and `compare`."""
    if reason := data.alone(ratings):
        return f"**There is nothing to transfer:** {reason}"
    found = compared[(compared["what"] == QUESTION) & (compared["target"] == (MEAN if ratings.p > 1 else ratings.domains[0]))]
    if found.empty:
        return "**It cannot be told:** in no split all domains had somebody to test."
    row = found.iloc[0]
    numbers = (
        f"Over {ratings.p} domains and {row.seeds} splits, the best method with all domains reaches an NDCG@10 of {row['with']:.4f}, the "
        f"best on the domain alone {row.without:.4f}: a difference of {_signed(row)}."
    )
    said = {YES: "**Yes, on average.**", NO: "**No; it does harm, on average.**", UNKNOWN: "**On average it cannot be told.**"}
    return "\n\n".join(filter(None, [f"{said[row.verdict]} {numbers} {_seen(row)}", _sure(compared), _popular(values)]))


def _seen(row: Any) -> str:
    """What could have been seen, where nothing was."""
    if row.verdict != UNKNOWN:
        return ""
    if not np.isfinite(row.low):
        return "With one split nothing can be said about chance. "
    return f"A difference of less than about {(row.high - row.low) / 2:.4f} cannot be seen with these ratings and {row.seeds} splits. "


def _sure(compared: pd.DataFrame) -> str:
    """The other comparisons that are sure over all domains."""
    rows = compared[(compared["target"] == MEAN) & (compared["what"] != QUESTION) & (compared["verdict"] != UNKNOWN)]
    return f"Sure are, mean over domains: {'; '.join(f'{row.what} {_signed(row)}' for row in rows.itertuples())}. " if len(rows) else ""


def _popular(values: pd.DataFrame) -> str:
    """Whether anything is above popularity at all: before transfer comes taste."""
    means = values.groupby(level="seed").mean().mean()
    learned = means.drop([name for name in ("random", "popularity", f"{BEST} joint", f"{BEST} alone") if name in means])
    if learned.max() > means["popularity"]:
        above = learned[learned > means["popularity"]].sort_values(ascending=False)
        named = ", ".join(f"{NAMES[name]} ({value:.4f})" for name, value in above.items())
        return f"Above plain popularity ({means['popularity']:.4f}): {named}."
    told = f"Mind that no method is above plain popularity ({means['popularity']:.4f})"
    return f"{told}: on these ratings personal taste hardly shows at all."


def by_domain(ratings: Ratings, compared: pd.DataFrame, users: pd.Series) -> str:
    """A line of markdown a domain: is transfer worth it there? users: those tested, by domain, mean over the seeds."""
    if ratings.p == 1:
        return ONE
    rows = compared[(compared["what"] == QUESTION) & (compared["target"] != MEAN)].set_index("target")
    lines = []
    for domain in ratings.domains:
        if domain not in rows.index:
            lines.append(f"- **{domain}: {UNKNOWN}.** In no split there was anybody to test.")
            continue
        row = rows.loc[domain]
        few = f" Only about {users[domain]:.0f} users are tested here." if users[domain] < FEW else ""
        change = f"{row['with']:.4f} with all domains, {row.without:.4f} alone, {_signed(row)}"
        lines.append(f"- **{domain}: {row.verdict}.** NDCG@10 {change}. {_seen(row)}{few}".rstrip())
    return "\n".join(lines)


def others(ratings: Ratings, compared: pd.DataFrame) -> str:
    """The comparisons behind the question, a line of markdown each: the mean over domains, and where a verdict is sure."""
    if ratings.p == 1:
        return ONE
    lines = []
    for what, some in compared[compared["what"] != QUESTION].groupby("what", sort=False):
        whole = some[some["target"] == MEAN]
        single = some[some["target"] != MEAN]
        mean = f"{_signed(whole.iloc[0])} ({whole.iloc[0].verdict.replace(YES, 'above').replace(NO, 'below')})" if len(whole) else "no mean"
        sure = {word: ", ".join(single.loc[single["verdict"] == verdict, "target"]) for word, verdict in (("above", YES), ("below", NO))}
        where = "; ".join(f"{word} zero in {names}" for word, names in sure.items() if names) or "in no single domain sure"
        lines.append(f"- {what}: {mean}; {where}.")
    return "\n".join(lines) or "None of these comparisons was run."


def _signed(row: Any) -> str:
    interval = f" (95 % interval {row.low:+.4f} to {row.high:+.4f})" if np.isfinite(row.low) else ""
    return f"{row.difference:+.4f}{interval}"


def shown(each: pd.DataFrame) -> Styler:
    """The means of `over_seeds` [targets, methods] for a notebook, the highest of a row in bold."""
    means = each.pivot(index="target", columns="method", values="mean").reindex([*dict.fromkeys(each["target"])])
    means = means[[name for name in NAMES if name in means]].rename(columns=NAMES).rename_axis(index=None, columns=None)
    return means.style.format(precision=4, na_rep="–").highlight_max(axis=1, props="font-weight: bold")


def styled(table: pd.DataFrame, precision: int) -> Styler:
    """A table for a notebook."""
    table = table.copy()
    table.index.name, table.columns.names = None, [None] * table.columns.nlevels
    whole = [name for name in table if table[name].dtype.kind == "i" or name in ("users", "tested")]
    return table.style.format(precision=precision, thousands=",", na_rep="–").format("{:,.0f}", na_rep="–", subset=whole)


def settings(table: pd.DataFrame) -> pd.DataFrame:
    """Which settings validation took: method, settings, and in how many of the (domain, split) pairs."""
    found = {}
    for run, rows in table.groupby("run", sort=False):
        method = rows["method"].iloc[0]
        key = method, _told(runs.load(paths.home() / run).config)
        found[key] = found.get(key, 0) + len(rows)
    rows = sorted(((NAMES[method], told, n) for (method, told), n in found.items()), key=lambda row: list(NAMES.values()).index(row[0]))
    return pd.DataFrame(rows, columns=["method", "settings", "times"])


def _told(config: dict) -> str:
    unusual = {name: value for name, value in report.unusual(config).items() if name not in ("domains", "variant", "epochs", "patience")}
    words = [f"{name} = {value:g}" if type(value) in (int, float) else f"{name} = {value}" for name, value in unusual.items()]
    return ", ".join(words) or "the defaults"


def newcomers(table: pd.DataFrame) -> pd.DataFrame:
    """NDCG@10 over users known from other domains only (R36) [targets, users and methods], mean over the seeds that have any."""
    here = table[table["elsewhere_users"] > 0]
    means = here.pivot_table(index="target", columns="method", values="elsewhere", sort=False)
    means = means.reindex([*dict.fromkeys(table["target"])])[[name for name in NAMES if name in means and name != "adc_alone"]]
    users = table[table["method"] == "popularity"].groupby("target")["elsewhere_users"].mean()
    return means.rename(columns=NAMES).assign(users=users)[["users", *map(NAMES.get, means)]]


def newcomers_words(ratings: Ratings, table: pd.DataFrame) -> str:
    """A warning where they are few, in words; nothing where there are no other domains. table: of `newcomers`."""
    if ratings.p == 1:
        return ""
    few = table.index[~(table["users"] >= FEW)]
    where = f"Fewer than {FEW} such users are tested in {', '.join(few)}: read those rows as noise. " if len(few) else ""
    return f"{where}Scores are means over the splits that have such users; ADC on one domain knows nothing of them and is left out."


def people(ratings: Ratings, seeds: Sequence[int]) -> pd.DataFrame:
    """By domain: users, items, ratings, ratings a user, users also in other domains, and how many can be tested."""
    from adc.relevance import evaluable

    parts = [split(ratings, seed) for seed in seeds]
    table, member = ratings.table(), ratings.overlap()
    pairs = np.unique(ratings.user.astype(np.int64) * ratings.p + ratings.domain)
    count = np.bincount(pairs // ratings.p, minlength=len(ratings.users))
    shared = [int((count[pairs[pairs % ratings.p == k] // ratings.p] > 1).sum()) for k in range(ratings.p)]
    table["ratings a user"] = table["ratings"] / table["users"]
    table["also elsewhere (%)"] = 100 * np.array(shared) / np.diag(member)
    table["tested"] = [float(np.mean([evaluable(some, k) for some in parts])) for k in range(ratings.p)]
    return table


def data_words(ratings: Ratings, people: pd.DataFrame) -> str:
    """What stands in the data, in words, with a warning where a domain is too small to say much. people: of `people`."""
    whole = f"{len(ratings.rating):,} ratings by {len(ratings.users):,} users in {ratings.p} domain{'s' * (ratings.p > 1)}"
    share = people["also elsewhere (%)"]
    low, high = f"{share.min():.0f} %", f"{share.max():.0f} %"
    between = f"Between {low} ({share.idxmin()}) and {high} ({share.idxmax()}) of a domain's users"
    same = f"{low} of every domain's users"
    overlap = f"{between if low != high else same} rate elsewhere too"
    few = people.index[people["tested"] < FEW]
    warning = f" **Beware:** fewer than {FEW} users can be tested in {', '.join(few)}; scores there hang on a handful of people." if len(few) else ""
    return f"{whole}. {data.alone(ratings) or overlap + ': what can be carried over is known from them.'}{warning}"


def example(parts: Split) -> str:
    """A user to show recommendations for: the one with the most training ratings in the most domains."""
    rows = parts.part == 0
    domains = np.zeros((len(parts.ratings.users), parts.ratings.p), dtype=np.int64)
    np.add.at(domains, (parts.ratings.user[rows], parts.ratings.domain[rows]), 1)
    return parts.ratings.users[np.lexsort((domains.sum(1), (domains > 0).sum(1)))[-1]]
