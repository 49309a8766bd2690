"""Writes the picture of the finding, on white and on black, for the README and the site's cover.

    ./run_all.sh --profile claims && ./run_all.sh python docs/finding.py

finding.csv has its scores: NDCG@10 on one domain alone and on all together, the mean over n seeds and the
domains, and half of the 95 % interval of their difference; in the control worlds, by transfer, the target's.
It is written where the runs behind it are stored:
those of the control worlds, and of the profile `claims` on both datasets. Else the picture is drawn from it.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from companion import claims, files, registry
from companion.analysis import controls, stats
from companion.claims import export, measures, measures_analysis, measures_transfer
from companion.claims.evidence import Evidence
from companion.figures.style import style

SCORES = Path(__file__).with_name("finding.csv")
DATASETS, PROFILE = {"movielens": "MovieLens", "insteval": "InstEval"}, "claims"
METHODS = {"adc": "ADC", "bpr_merged": "BPR", "ease_merged": "EASE"}
ON_BLACK = {"adc": "#56B4E9", "bpr_merged": "#33C29A", "ease_merged": "#E69F00"}  # else the registry's
DARK = dict.fromkeys(
    ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), "#e6edf3"
) | dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "#0d1117")
LARGE = dict.fromkeys(("font.size", "axes.titlesize", "xtick.labelsize", "ytick.labelsize"), 10)


def main() -> None:
    """Write finding-light.png and finding-dark.png beside this file."""
    style()
    stored = controls.stored(controls.comparison())
    if len(stored) and {*DATASETS} <= {*export.gathered(PROFILE)}:
        table = scores(stored)
        with files.atomic(SCORES) as partial:
            table.to_csv(partial, index=False, float_format="%.4f")
    for theme in ("light", "dark"):
        figure = draw(pd.read_csv(SCORES), dark=theme == "dark")
        with files.atomic(Path(__file__).with_name(f"finding-{theme}.png")) as partial:
            figure.savefig(partial, format="png", dpi=200)


def scores(stored: pd.DataFrame) -> pd.DataFrame:
    """The table of finding.csv. stored: runs of the control worlds, as `controls.table` has them."""
    worlds = with_scores(controls.gains(stored), controls.levels(stored))
    parts = [worlds.sort_values("transfer").assign(data="synthetic worlds")]
    for name, words in DATASETS.items():
        parts.append(real_gains(claims.collect(name, PROFILE)).assign(data=words))
    table = pd.concat(parts).rename(columns={"seeds": "n"})
    table["half"] = (table["high"] - table["low"]) / 2
    return table.loc[table["method"].isin(METHODS), ["data", "transfer", "method", "one", "all", "half", "n"]]


def with_scores(gains: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """`gains` with the mean scores behind each: `one`, on the target alone, and `all`, on both domains."""
    score = levels.set_index(["method", "alone", "transfer"])["value"]
    one, both = [], []
    for method, transfer in zip(gains["method"], gains["transfer"], strict=True):
        single = controls.PAIRS[method]  # what never learns from two domains stands among `levels` as it is
        one.append(score[single, single == method, transfer])
        both.append(score[method, False, transfer])
    return gains.assign(one=one, all=both)


def real_gains(e: Evidence) -> pd.DataFrame:
    """What all domains give over one alone, mean over the domains, for ADC and for what merges the domains: a
    row a method with method, value, p, low, high, seeds; one, all: the scores. `MissingRuns` without ADC on
    each domain alone."""
    by_itself = measures_transfer.alone(e)
    sides = {"adc": (measures_analysis.joint(e), by_itself)}
    for merged, single in (("bpr_merged", "bpr"), ("ease_merged", "ease")):
        table = measures.scores(e, [merged, single])
        sides[merged] = table[merged], table[single]
    means = {name: pd.DataFrame({"all": all_.mean(axis=1), "one": one.mean(axis=1)}).dropna()
             for name, (all_, one) in sides.items()}  # fmt: skip
    table = pd.concat(means, names=["method", "seed"])
    gaps = (table["all"] - table["one"]).rename("value").reset_index()
    return stats.over_seeds(gaps, ["method"], "value").join(table.groupby("method").mean(), on="method")


def draw(table: pd.DataFrame, dark: bool = False) -> Figure:
    """Scores on one domain alone and on all together: synthetic worlds by transfer above, real ratings below;
    so large that a phone shows it without zooming. table: of finding.csv."""
    colours = {name: ON_BLACK[name] if dark else registry.method(name).color for name in METHODS}
    synthetic = table["transfer"].notna()
    with plt.rc_context(LARGE | (DARK if dark else {})):
        figure = plt.figure(figsize=(4.4, 5.2))
        above, below = figure.subfigures(2, 1)
        groups = [*table[synthetic].groupby("transfer")]
        panels = above.subplots(1, len(groups), sharey=True)
        for panel, (share, rows) in zip(panels, groups, strict=True):
            _arrows(panel, rows, colours, f"{100 * share:.0f} %")
        groups = [*table[~synthetic].groupby("data", sort=False)]
        for panel, (name, rows) in zip(below.subplots(1, len(groups)), groups, strict=True):
            _arrows(panel, rows, colours, f"{name}, {rows['n'].min()} seeds")
        n = table.loc[synthetic, "n"].min()
        titles = {above: f"Synthetic ratings (n = {n} worlds), by how\nmuch of the taste both domains share",
                  below: "Real ratings, mean over six domains"}  # fmt: skip
        for part, title in titles.items():
            part.suptitle(title, x=0.02, ha="left", fontsize=10.5, fontweight="bold")
            part.supylabel("NDCG@10", fontsize=10)
        key = "○ on one domain alone   ● on all domains together\nI  95 % interval of the difference"
        figure.supxlabel(key, fontsize=10, x=0.02, ha="left")
    return figure


def _arrows(panel: Axes, rows: pd.DataFrame, colours: dict[str, str], title: str) -> None:
    """From each method's score on one domain to that on all."""
    rows = rows.set_index("method")
    for x, name in enumerate(METHODS):
        row, look = rows.loc[name], {"color": colours[name], "marker": "o", "markersize": 6}
        arrow = {"arrowstyle": "->", "color": colours[name], "shrinkA": 4, "shrinkB": 3, "linewidth": 1.6}
        if abs(row["all"] - row["one"]) > 0.02:  # else there is no room for it
            panel.annotate("", (x, row["all"]), (x, row["one"]), arrowprops=arrow)
        panel.plot(x, row["one"], markerfacecolor="none", **look)
        panel.plot(x, row["all"], **look)
        panel.errorbar(x + 0.22, row["all"], row["half"], color=colours[name], capsize=2, linewidth=1.2)
    panel.set(xticks=range(len(METHODS)), xticklabels=METHODS.values(), xlim=(-0.5, len(METHODS) - 0.5))
    panel.locator_params(axis="y", nbins=5)
    panel.margins(y=0.12)
    panel.set_title(title, loc="left")


if __name__ == "__main__":
    main()
