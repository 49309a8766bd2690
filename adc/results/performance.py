"""§IV-D: Table II and Fig. 2's numbers from the chosen runs (`report.chosen`), and the tests of R30 beside them."""

from collections.abc import Sequence

import pandas as pd
from pandas.io.formats.style import Styler

from adc import paths, runs, stats
from adc.evaluate import GROUPS
from adc.report import METHODS, NAMES
from adc.results import analysis

RIVALS = ("bpr", "clfm", "cdcf", "sconet")  # the paper's own
HURDLES = ("random", "popularity", "itemknn", "ease", "bpr", "bpr_merged", "static")
IMPROVED, BEST = "improv. (%)", "over best (%)"
TABLE_II = pd.DataFrame(  # the paper's, NDCG@10
    {
        "electronics": (0.1938, 0.2385, 0.2577, 0.2791, 0.3037, 8.81),
        "kitchen": (0.1356, 0.1502, 0.1589, 0.1774, 0.1952, 10.03),
        "toys": (0.1624, 0.1763, 0.1894, 0.2013, 0.2195, 9.04),
        "dvd": (0.3847, 0.4012, 0.4457, 0.4662, 0.4980, 6.82),
        "music": (0.3291, 0.3728, 0.4032, 0.4322, 0.4748, 9.85),
        "video": (0.5421, 0.5711, 0.6336, 0.6805, 0.7073, 3.93),
    },
    index=["BPR", "CLFM", "CDCF", "SCoNet", "ADC", IMPROVED],
).T


def values(chosen: pd.DataFrame, protocol: str, metric: str, n: int | None, group: str = "all") -> pd.DataFrame:
    """The rows of one protocol, metric, cut-off (None: all) and group of users."""
    rows = chosen[(chosen["protocol"] == protocol) & (chosen["metric"] == metric) & (chosen["group"] == group)]
    return rows if n is None else rows[rows["n"] == n]


def over_seeds(
    chosen: pd.DataFrame, protocol: str = "full", metric: str = "ndcg", n: int | None = 10, group: str = "all"
) -> pd.DataFrame:
    """Mean, standard deviation and number of seeds: `target, method, n, mean, std, seeds, users`. n None: every N."""
    rows = values(chosen, protocol, metric, n, group)
    of = {"mean": ("value", "mean"), "std": ("value", "std"), "seeds": ("value", "count"), "users": ("users", "mean")}
    return rows.groupby(["target", "method", "n"], sort=False).agg(**of).reset_index()  # `chosen` is in order


def wide(table: pd.DataFrame, what: str = "mean") -> pd.DataFrame:
    """One column of `over_seeds` as [targets, methods]."""
    found = table.pivot(index="target", columns="method", values=what)
    return found.loc[table["target"].unique(), [name for name in METHODS if name in found]]


def improvement(means: pd.DataFrame, others: tuple[str, ...]) -> pd.Series:
    """ADC above the best of `others`, in per cent of it; `means` [targets, methods]. NaN where none of them was run."""
    return 100 * (means["adc"] / means.reindex(columns=list(others)).max(axis=1) - 1)


def table_ii(chosen: pd.DataFrame, bold: pd.DataFrame, protocol: str = "full", metric: str = "ndcg") -> pd.DataFrame:
    """Table II in the paper's form: the paper's rivals and ADC, mean ± standard deviation over seeds, and ADC's gain
    over the best of them. Cells of `bold` [targets, methods] stand between **; beside it the paper's numbers where
    the domains are its own.
    """
    here = _cells(chosen, (*RIVALS, "adc"), bold, protocol, metric)
    here[IMPROVED] = improvement(wide(over_seeds(chosen, protocol, metric)), RIVALS).map(_signed)
    if metric != "ndcg" or not set(here.index) <= set(TABLE_II.index):
        return here
    paper = TABLE_II.loc[here.index].map("{:.4f}".format)
    paper[IMPROVED] = TABLE_II[IMPROVED].map("{:+.2f}".format)
    return pd.concat({"here": here, "the paper": paper}, axis=1)


def hurdles(chosen: pd.DataFrame, bold: pd.DataFrame, protocol: str = "full", metric: str = "ndcg") -> pd.DataFrame:
    """What the paper left out, in the same form: simple methods, equal weights, and ADC's gain over the best method
    of all but its own variant `static`."""
    means = wide(over_seeds(chosen, protocol, metric))
    here = _cells(chosen, (*HURDLES, "adc"), bold, protocol, metric)
    here[BEST] = improvement(means, tuple(means.columns.drop(["adc", "static"], errors="ignore"))).map(_signed)
    return here


def _signed(value: float) -> str:
    return f"{value:+.1f}" if pd.notna(value) else "–"


def _cells(chosen: pd.DataFrame, methods: Sequence[str], bold: pd.DataFrame, protocol: str, metric: str) -> pd.DataFrame:
    table = over_seeds(chosen, protocol, metric)
    means, spread = wide(table), wide(table, "std")
    cells = pd.DataFrame(index=means.index)
    for name in (name for name in methods if name in means):
        pairs = zip(means[name], spread[name], bold[name], strict=True)
        cells[NAMES[name]] = [plus_minus(*pair) for pair in pairs]
    return cells


def plus_minus(mean: float, std: float, bold: bool = False) -> str:
    """A cell: mean ± standard deviation (none for one seed), between ** where `bold`."""
    text = f"{mean:.4f}" + (f"\u00a0±\u00a0{std:.3f}" if pd.notna(std) else "")
    return f"**{text}**" if bold else text


def styled(table: pd.DataFrame, caption: str) -> Styler:
    """A table of cells for a notebook, ** made bold by a tag: code hosts drop styles."""
    bold = lambda cell: f"<b>{cell.strip('*')}</b>" if str(cell).startswith("**") else str(cell)
    return table.style.format(bold).set_caption(caption)


def user_scores(chosen: pd.DataFrame, protocol: str = "full", column: str = "ndcg@10") -> pd.DataFrame:
    """Per-user scores of the chosen runs as `stats` takes them: `method, target, seed, user, value`."""
    parts = []
    for (run, method, seed), rows in chosen.groupby(["run", "method", "seed"], sort=False):
        users = runs.load(paths.home() / run).users
        mine = users[(users["protocol"] == protocol) & users["target"].isin(rows["target"])]
        parts.append(mine[["target", "user"]].assign(value=mine[column], method=method, seed=seed))
    return pd.concat(parts, ignore_index=True)


def tested(chosen: pd.DataFrame, protocol: str = "full", column: str = "ndcg@10") -> tuple[pd.DataFrame, pd.DataFrame]:
    """ADC against every other method (R30), a row a (target, other); and which cells of Table II may be bold."""
    scores = user_scores(chosen, protocol, column)
    metric, n = column.split("@")
    means = wide(over_seeds(chosen, protocol, metric, int(n)))
    against = stats.compare(scores, "adc", list(means.columns))
    best = stats.compare(scores, means.idxmax(axis=1), list(means.columns))
    return against, stats.earned(best, means)


def shown_tests(against: pd.DataFrame) -> pd.DataFrame:
    """The tests for a notebook: [(target, other), …], difference with its interval over runs, and the corrected p."""
    shown = against.assign(other=against["other"].map(NAMES)).set_index(["target", "other"])
    columns = {
        "difference_runs": "difference", "ci_low_runs": "95 % from", "ci_high_runs": "to", "p_runs_holm": "p, runs",
        "p_users_holm": "p, users (t)", "p_wilcoxon_holm": "p, users (Wilcoxon)", "users": "users", "seeds": "seeds",
    }  # fmt: skip
    return shown[list(columns)].rename(columns=columns)


def as_published(results: pd.DataFrame) -> pd.DataFrame:
    """NDCG@10 (full) of the methods made to predict ratings, by both objectives [targets, (method, objective)]."""
    some = values(results[results["method"].isin(["clfm", "cdcf"])], "full", "ndcg", 10)
    words = some["variant"].map(lambda variant: variant.removeprefix("objective=") or "ranking")
    table = some.assign(method=some["method"].map(NAMES), objective=words)
    return table.pivot_table(index="target", columns=["method", "objective"], values="value", sort=False)


def balance(results: pd.DataFrame) -> pd.DataFrame:
    """What the balancer does by itself: NDCG@10 (full) of equal weights and of every gamma at each depth, over the seeds that
    have them all.

    Rows (hidden_layers, balancing), columns targets, their mean and the number of seeds; only depths at which both were run.
    """
    some = values(results[results["method"].isin(["static", "adc"])], "full", "ndcg", 10)
    both = some.groupby("hidden_layers")["method"].nunique() == 2
    some = some[some["hidden_layers"].isin(both.index[both])]
    named = some["gamma"].map("γ = {:g}".format).where(some["method"] == "adc", "static")
    some = some.assign(balancing=named)
    even = pd.concat([some.iloc[:0], *(analysis.shared(rows, "balancing") for _, rows in some.groupby("hidden_layers"))])
    by = even.groupby(["hidden_layers", "balancing"])
    table = even.pivot_table(index=["hidden_layers", "balancing"], columns="target", values="value", sort=False)
    return table.assign(mean=table.mean(axis=1), seeds=by["seed"].nunique()).sort_index()


def by_group(chosen: pd.DataFrame) -> pd.DataFrame:
    """NDCG@10 (full) of warm, target-cold and cold users apart (R36) and how many a seed has [(target, group), …]."""
    parts = []
    for group in GROUPS:
        table = over_seeds(chosen, group=group)
        users = wide(table, "users").mean(axis=1).round().astype(int)
        parts.append(wide(table).rename(columns=NAMES).assign(users=users, group=group))
    table = pd.concat(parts).set_index("group", append=True).loc[list(chosen["target"].unique())]
    return table[["users", *table.columns.drop("users")]].rename_axis(columns=None)


def verdict(chosen: pd.DataFrame, protocol: str = "full") -> str:
    """In how many domains ADC is above each other method on NDCG@10, on average and in every seed."""
    table = over_seeds(chosen, protocol)
    means, seeds = wide(table), table["seeds"].max()
    each = values(chosen, protocol, "ndcg", 10).pivot(index=["target", "seed"], columns="method", values="value")
    said = []
    for other in means.columns.drop("adc"):
        above = int((means["adc"] > means[other]).sum())
        always = int((each["adc"] > each[other]).groupby("target").all().sum())
        ratio = (means["adc"] / means[other]).mean()
        said.append(f"{NAMES[other]} in {above} of {len(means)} domains (in every seed: {always}), {ratio:.2f} times its score")
    return f"Protocol {protocol}, NDCG@10, {seeds} seed{'s' if seeds > 1 else ''}: ADC is above " + "; ".join(said) + "."
