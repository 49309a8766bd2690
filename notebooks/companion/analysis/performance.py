"""§IV-D: the numbers of Table II and Fig. 2 from the chosen runs (`report.choose`), and the tests of R30."""

from collections.abc import Sequence

import pandas as pd

from companion import paths, registry, runs
from companion.analysis import stats
from companion.analysis.curves import MEAN, common_seeds
from companion.analysis.report import STATIC, table_methods
from companion.escape import Table
from companion.rivals import clfm

TESTS = {  # columns of `stats.compare` -> as a table shows them
    "difference_runs": "difference", "ci_low_runs": "95 % from", "ci_high_runs": "to",
    "p_runs_holm": "p, runs", "p_users_holm": "p, users", "p_wilcoxon_holm": "p, Wilcoxon",
    "ci_low_both": "users drawn too, from", "ci_high_both": "users drawn too, to",
    "users": "users", "seeds": "seeds",
}  # fmt: skip
IMPROVEMENT, OVER_BEST = "improv. (%)", "over best (%)"
TABLE_II = pd.DataFrame(  # the paper's, NDCG@10
    {
        "electronics": (0.1938, 0.2385, 0.2577, 0.2791, 0.3037, 8.81),
        "kitchen": (0.1356, 0.1502, 0.1589, 0.1774, 0.1952, 10.03),
        "toys": (0.1624, 0.1763, 0.1894, 0.2013, 0.2195, 9.04),
        "dvd": (0.3847, 0.4012, 0.4457, 0.4662, 0.4980, 6.82),
        "music": (0.3291, 0.3728, 0.4032, 0.4322, 0.4748, 9.85),
        "video": (0.5421, 0.5711, 0.6336, 0.6805, 0.7073, 3.93),
    },
    index=["BPR", "CLFM", "CDCF", "SCoNet", "ADC", IMPROVEMENT],
).T


def values(rows: pd.DataFrame, protocol: str = "full", metric: str = "ndcg", n: int | None = 10,
           group: str | None = "all") -> pd.DataFrame:  # fmt: skip
    """The rows of one protocol, metric, cut-off and group of users; None: of all."""
    wanted = {"protocol": protocol, "metric": metric, "n": n, "group": group}
    for column, value in wanted.items():
        rows = rows if value is None else rows[rows[column] == value]
    return rows


def against(rows: pd.DataFrame, base: str, ratio: bool = False) -> pd.DataFrame:
    """Every method's score less that of the method `base`, or by how many per cent it is above it (`ratio`),
    paired over the seeds: a row a (method, n, target), and after the targets their mean, MEAN. Columns:
    method, n, target, difference, p, low, high, seeds. rows: of `values`."""
    targets = list(rows["target"].unique())
    wide = rows.pivot(index=["method", "n", "seed"], columns="target", values="value")[targets]
    other = wide.loc[base].reindex(wide.index.droplevel("method")).to_numpy()
    wide = 100 * (wide / other - 1) if ratio else wide - other
    if len(targets) > 1:
        wide[MEAN] = wide.mean(axis=1, skipna=False)
    long = wide.stack().dropna().rename("difference").reset_index()
    return stats.over_seeds(long, ["method", "n", "target"], "difference")


def table_ii(mean: pd.DataFrame, deviation: pd.DataFrame, bold: pd.Series) -> pd.DataFrame:
    """Table II in the paper's form: the paper's rivals and ADC, mean ± standard deviation over seeds, and
    ADC's improvement on the best rival. Where the domains are the paper's, its numbers stand beside.
    mean, deviation [targets, methods]; bold [targets]: whether the best method's cell is bold."""
    rivals = registry.names("rival")
    here = _cells(mean, deviation, bold, [*rivals, "adc"])
    here[IMPROVEMENT] = improvement(mean, rivals).map(_signed)
    if not set(here.index) <= set(TABLE_II.index):
        return here
    paper = TABLE_II.loc[here.index].map("{:.4f}".format)
    paper[IMPROVEMENT] = TABLE_II[IMPROVEMENT].map("{:+.2f}".format)
    return pd.concat({"here": here, "the paper": paper}, axis=1)


def hurdles(mean: pd.DataFrame, deviation: pd.DataFrame, bold: pd.Series) -> pd.DataFrame:
    """What the paper left out, in the form of `table_ii` turned, a row a method: simple methods, equal
    weights, and ADC's improvement on the best of all methods but its own variant, static."""
    methods = [name for name in table_methods() if registry.method(name).kind != "rival" or name == "bpr"]
    here = _cells(mean, deviation, bold, methods)
    here[OVER_BEST] = improvement(mean, mean.columns.drop(["adc", STATIC], errors="ignore")).map(_signed)
    return here.T


def improvement(mean: pd.DataFrame, others: Sequence[str]) -> pd.Series:
    """ADC's score above the best of `others`, in per cent of it [targets]; NaN where none of them was run."""
    return 100 * (mean["adc"] / mean.reindex(columns=others).max(axis=1) - 1)


def _signed(value: float) -> str:
    return f"{value:+.1f}" if pd.notna(value) else "–"


def _cells(mean: pd.DataFrame, deviation: pd.DataFrame, bold: pd.Series, methods: list[str]) -> pd.DataFrame:
    """Cells "mean ± standard deviation" (none for one seed), where bold between **."""
    spread = deviation.map("\u00a0±\u00a0{:.3f}".format).where(deviation.notna(), "")
    cells = mean.map("{:.4f}".format) + spread
    for target, best in mean.idxmax(axis=1).items():
        if bold[target]:
            cells.loc[target, best] = f"**{cells.loc[target, best]}**"
    cells = cells[[name for name in methods if name in cells]].rename(columns=registry.label)
    return cells.rename_axis(index=None, columns=None)


def styled(table: pd.DataFrame, caption: str) -> Table:
    """A table of cells for a notebook, ** made bold by a tag: code hosts drop styles."""
    bold = lambda cell: f"<b>{cell.strip('*')}</b>" if str(cell).startswith("**") else str(cell)
    return Table(table).format(bold).set_caption(caption)


def user_scores(chosen: pd.DataFrame, protocol: str = "full") -> pd.DataFrame:
    """NDCG@10 of every user in every chosen run: `method, target, seed, user, value`."""
    parts = []
    for (run, method, seed), rows in chosen.groupby(["run", "method", "seed"], sort=False):
        users = runs.load(paths.home() / run).users
        users = users[(users["protocol"] == protocol) & users["target"].isin(rows["target"])]
        parts.append(users[["target", "user"]].assign(value=users["ndcg@10"], method=method, seed=seed))
    return pd.concat(parts, ignore_index=True)


def user_differences(chosen: pd.DataFrame) -> pd.DataFrame:
    """ADC's NDCG@10 less every other method's, by user [(target, user), methods], mean over her runs."""
    scores = user_scores(chosen).pivot(index=["target", "user", "seed"], columns="method", values="value")
    gaps = scores.drop(columns="adc").rsub(scores["adc"], axis=0)
    return gaps.groupby(level=["target", "user"], sort=False).mean()


def adc_tests(chosen: pd.DataFrame) -> pd.DataFrame:
    """ADC's NDCG@10 against every other method (R30), a row a (target, other): see `stats.compare`."""
    tests = stats.compare(user_scores(chosen), "adc")
    order = {name: place for place, name in enumerate([*chosen["target"].unique(), *table_methods()])}
    return tests.sort_values(["target", "other"], key=lambda column: column.map(order), ignore_index=True)


def tests_table(tests: pd.DataFrame, caption: str) -> Table:
    """The tests of `adc_tests`, indexed by target and other method, for a notebook."""
    view = tests[[*TESTS]].rename(columns=TESTS).rename(index=registry.label, level="other")
    ps = [name for name in view.columns if name.startswith("p, ")]
    p_text = lambda p: "&lt;&nbsp;.0001" if p < 1e-4 else f"{p:.4f}"  # none is zero
    style = Table(view).format(precision=4, na_rep="–").format(p_text, subset=ps, na_rep="–")
    return style.set_caption(caption)


def balance(results: pd.DataFrame) -> pd.DataFrame:
    """What the balancer does by itself: NDCG@10 (full) of equal weights and of every gamma at each depth,
    over the seeds that have them all, where both were run.
    Rows (hidden_layers, balancing), columns targets, their mean and the number of seeds."""
    rows = values(results)
    rows = rows[rows["method"].isin([STATIC, "adc"])]
    rows = rows.assign(balancing=rows["gamma"].map("γ = {:g}".format).where(rows["method"] == "adc", STATIC))
    depths = [common_seeds(group, "balancing") for _, group in rows.groupby("hidden_layers")
              if group["method"].nunique() == 2]  # fmt: skip
    rows = pd.concat([rows.iloc[:0], *depths])
    keys = ["hidden_layers", "balancing"]
    table = rows.pivot_table(index=keys, columns="target", values="value", sort=False)
    return table.assign(mean=table.mean(axis=1), seeds=rows.groupby(keys)["seed"].nunique()).sort_index()


def rating_errors(results: pd.DataFrame) -> pd.DataFrame:
    """RMSE on validation ratings of CLFM fitted to stars and of the mean rating, by target, mean over seeds.
    results: of `report.load`."""
    chosen, errors = results[results["method"].eq("clfm") & results["variant"].eq("objective=ratings")], {}
    for place in chosen["run"].unique():
        run = runs.load(paths.home() / place)
        split, model = registry.load_split(run.config), run.model
        for k, domain in enumerate(split.ratings.domains):
            arrays = {name: model[f"{name}.{domain}"] for name in ("user", "item")}
            pair = clfm.validation_errors(split, k, arrays)
            errors[domain, run.config["seed"]] = dict(zip(("CLFM", "mean rating"), pair))
    table = pd.DataFrame.from_dict(errors, orient="index", columns=["CLFM", "mean rating"])
    return table.groupby(level=0, sort=False).mean() if errors else table
