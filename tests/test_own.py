"""The report on the reader's own ratings: which runs stand, what is compared, and what is said of it."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tables import HEADER, lines, sound, written

from companion import data, registry, results, runs
from companion.analysis.curves import MEAN
from companion.analysis.equivalence import LEVEL, judge
from companion.figures import own as figures
from companion.use.own_ratings import tables, verdicts
from companion.use.own_ratings.scores import JOINT, LABELS, scores, with_best

LEVELS = {"popularity": 0.2, "itemknn": 0.25, "itemknn_merged": 0.25, "ease": 0.26, "ease_merged": 0.3,
          "bpr": 0.3, "bpr_merged": 0.2, "adc_alone": 0.22, "adc": 0.35}  # fmt: skip
DOMAINS = ["films", "books"]


def make_scores(levels=LEVELS, seeds=range(5), domains=DOMAINS, noise=0.001) -> pd.DataFrame:
    """A table as `scores` gives it: each method at its level, the same luck of the split for all."""
    rng, rows = np.random.default_rng(0), []
    for target in domains:
        for seed in seeds:
            luck = rng.normal(0, 0.05)
            for method, level in levels.items():
                value = level + luck + rng.normal(0, noise)
                names = {"method": method, "target": target, "seed": seed, "run": "", "validation": level}
                rows.append(names | {"value": value, "users": 50, "elsewhere_users": 5, "elsewhere": 0.1})
    return pd.DataFrame(rows)


def compare(scores: pd.DataFrame, domains=DOMAINS) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = with_best(scores, domains)
    return table, verdicts.compare(table, domains)


def ratings(tmp_path, text=None):
    return data.prepare(str(written(tmp_path, "mine.csv", text or sound(users=30))))


def test_the_best_on_validation_stands_for_its_side():
    scores = make_scores({"popularity": 0.2, "bpr": 0.3, "bpr_merged": 0.28, "adc": 0.35}, noise=0)
    scores.loc[scores["method"] == "bpr", "value"] = 0.9  # the test score has no part in the choice
    scores.loc[scores["method"] == "bpr", "validation"] = 0.1
    table = with_best(scores, DOMAINS)
    values = table.pivot(index=["target", "seed"], columns="method", values="value")
    assert (values["best joint"] == values["adc"]).all()
    assert (values["best alone"] == values["popularity"]).all()


def test_the_best_is_of_splits_on_which_all_were_trained():
    scores = make_scores()
    scores = scores[(scores["method"] != "adc") | (scores["seed"] < 2)]
    _, comparisons = compare(scores)
    splits = comparisons[comparisons["target"] == MEAN].set_index("what")["splits"]
    assert splits.to_dict() == {"ADC": 2, "BPR": 5, "EASE": 5, "item-kNN": 5, verdicts.QUESTION: 2}


def test_every_method_is_compared_with_itself_paired_over_the_splits():
    table, comparisons = compare(make_scores())
    assert list(comparisons["what"].unique()) == list(verdicts.COMPARISONS)
    values = table.pivot(index=["target", "seed"], columns="method", values="value")
    for target, statements in {"films": 2, "books": 2, MEAN: 1}.items():
        gap = (values["adc"] - values["adc_alone"])[target].to_numpy()
        row = comparisons.set_index(["what", "target"]).loc["ADC", target]
        alone = judge(gap, 0.0, LEVEL * 2 / (5 * 4) / statements)
        assert (row.difference, row.low, row.high) == pytest.approx((gap.mean(), alone.low, alone.high))
        assert row.margin == pytest.approx(0.02 * values["adc_alone"][target].mean())


def test_all_looks_together_spend_five_percent():
    looks = np.arange(1, 100_000)
    assert verdicts.spending(1)(looks).sum() == pytest.approx(LEVEL, rel=1e-4)
    assert verdicts.spending(6)(looks).sum() == pytest.approx(LEVEL / 6, rel=1e-4)


def said(own, table) -> str:
    return verdicts.headline(own, verdicts.compare(table, own.domains), verdicts.use_this(table))


def test_whoever_looks_after_every_split_is_seldom_wrong():
    gaps, n = np.random.default_rng(0).normal(0, 1, (2000, 30)), np.arange(3, 31)  # no difference at all
    t = [gaps[:, :k].mean(1) / gaps[:, :k].std(1, ddof=1) * k**0.5 for k in n]  # [looks, 2000]
    wrong = {}
    for name, level in {"spent": verdicts.spending(1)(n), "fixed": np.full(len(n), LEVEL)}.items():
        limits = stats.t.ppf(1 - level / 2, n - 1)
        wrong[name] = (np.abs(t) > limits[:, None]).any(0).mean()
    assert wrong["spent"] <= 0.05 < 0.2 < wrong["fixed"]


@pytest.mark.parametrize("level, verdict", [(0.35, verdicts.YES), (0.2, verdicts.HARM), (0.3, verdicts.NONE)])
def test_the_verdict_is_of_the_interval_and_the_margin(tmp_path, level, verdict, style):
    levels = LEVELS | {"adc_alone": 0.3, "adc": level}
    table, comparisons = compare(make_scores(levels, seeds=range(12), noise=0.0005))
    rows = comparisons[comparisons["what"] == "ADC"]
    assert set(rows["verdict"]) == {verdict}
    text = said(ratings(tmp_path), table)
    assert re.match(r"\*\*Use \S.* on all domains together; by domain as below\. Learning from ", text)
    assert f"\n* **ADC jointly against ADC alone: {verdict}.**" in text
    assert "2 domains and 12 splits; about 50 users" in text
    figure = figures.transfer(comparisons, "synthetic")
    assert len(figure.axes) == len(verdicts.COMPARISONS) and "synthetic" in figure.get_suptitle()


def test_what_is_open_says_how_many_splits_would_tell(tmp_path):
    _, comparisons = compare(make_scores(seeds=range(4), noise=0.01))
    assert not verdicts.decided(comparisons)
    rows = comparisons[comparisons["what"] == "item-kNN"].set_index("target")
    row = rows.loc["books"]
    assert row.verdict == verdicts.OPEN and f"about {row.more:.0f} more splits" in verdicts.answer(row)
    assert verdicts.answer(rows.loc["films"]) == "open, out of reach"  # more than a hundred
    _, comparisons = compare(make_scores(seeds=range(int(row.splits + row.more) + 5), noise=0.0001))
    assert verdicts.decided(comparisons)


def test_one_split_says_nothing_about_chance(tmp_path):
    table, comparisons = compare(make_scores(seeds=[0]))
    assert set(comparisons["verdict"]) == {verdicts.OPEN}
    assert "one split says nothing about chance" in said(ratings(tmp_path), table)


@pytest.mark.parametrize("validation, method", [
    ({"ease_merged": 0.4}, "ease_merged"), ({"adc": 0.4, "bpr": 0.38}, "adc"),
    ({"adc": 0.4, "bpr": 0.399}, "bpr"),  # nothing to choose between: the simpler
])  # fmt: skip
def test_use_what_is_best_on_validation_or_the_simplest_of_equals(validation, method, style):
    scores = make_scores()
    scores["validation"] = scores["method"].map(validation).fillna(0.1)
    scores.loc[scores["method"] == "popularity", "value"] = 0.9  # the test score has no part in it
    table, comparisons = compare(scores)
    use = verdicts.use_this(table)
    assert list(use.index) == [*DOMAINS, MEAN] and set(use["method"]) == {method}
    shown = tables.decisions(use, comparisons, DOMAINS).data
    assert list(shown["use this"]) == [LABELS[method]] * 3 and list(shown["users tested"]) == [50] * 3
    assert set(shown["learned from"]) == {"all domains" if method in JOINT else "this domain alone"}


def test_a_split_without_anybody_to_test_in_a_domain_has_no_mean_and_a_domain_without_any_is_told():
    scores = make_scores()
    books = scores["target"] == "books"
    scores.loc[books & (scores["seed"] == 1), "value"] = np.nan
    _, comparisons = compare(scores)
    counts = comparisons[comparisons["what"] == verdicts.QUESTION].set_index("target")["splits"]
    assert counts.to_dict() == {"films": 5, "books": 4, MEAN: 4}
    scores.loc[books, "value"] = np.nan
    table, comparisons = compare(scores)
    shown = tables.decisions(verdicts.use_this(table), comparisons, DOMAINS).data
    assert shown.loc["films", "use this"] != shown.loc["books", "use this"] == "– (nobody to test yet)"


def test_means_newcomers_and_popularity_are_tables_by_target(style):
    table, comparisons = compare(make_scores())
    shown = tables.method_table(table).data
    assert list(shown.index) == [*DOMAINS, MEAN]
    assert list(shown.columns) == [LABELS[name] for name in LABELS if name in LEVELS]
    first = table[(table["target"] == "films") & (table["method"] == "adc")]["value"]
    assert shown.loc["films", "ADC"] == pytest.approx(first.mean())
    new = tables.newcomers(table).data
    assert list(new.index) == DOMAINS and list(new.columns)[0] == "users tested"
    assert "ADC, one domain" not in new
    above = tables.above_popularity(table, DOMAINS).set_index(["target", "method"])
    popular = table[(table["target"] == "films") & (table["method"] == "popularity")]["value"]
    assert above.loc[("films", "adc"), "mean"] == pytest.approx(first.mean() - popular.mean())
    assert "popularity" not in above.index.get_level_values("method")
    figure = figures.methods(above.reset_index(), LABELS, JOINT, "synthetic")
    assert len(figure.axes) == 3
    assert tables.comparison_table(comparisons).data.shape == (3, len(verdicts.COMPARISONS))


def test_one_domain_of_large_values_does_not_squeeze_the_others(style):
    scores = make_scores()
    scores.loc[scores["target"] == "books", "value"] *= 10
    above = tables.above_popularity(with_best(scores, DOMAINS), DOMAINS)
    films, books, _ = figures.methods(above, LABELS, JOINT, "synthetic").axes
    assert films.get_xlim()[1] < 0.3 < books.get_xlim()[1]


@pytest.mark.parametrize("splits", [1, 2, 5])  # of one there is no interval, and that of two is without end
def test_every_mark_is_in_its_panel_and_intervals_that_leave_it_end_in_arrows(splits, style):
    scores = make_scores(seeds=range(splits), domains=[*DOMAINS, "toys", "music"])
    toys = (scores["target"] == "toys") & (scores["method"] == "adc")
    scores.loc[toys, "value"] += 0.5 * scores["seed"]
    _, comparisons = compare(scores, [*DOMAINS, "toys", "music"])
    adc, *others = figures.transfer(comparisons, "synthetic").axes
    for panel in (adc, *others):
        marks = [line for line in panel.lines if line.get_marker() in ("o", "D")]
        places = np.concatenate([line.get_xdata() for line in marks])
        low, high = panel.get_xlim()
        assert len(marks) == 5 and low < places.min() and places.max() < high
        filled = [line.get_markerfacecolor() != "white" for line in marks]
        rows = comparisons[comparisons["what"] == panel.get_title(loc="left")]
        assert filled == (rows["verdict"] != verdicts.OPEN).tolist()
    arrows = {line.get_marker() for line in adc.lines} & {"<", ">"}
    assert arrows == ({"<", ">"} if splits > 2 else set())


def test_nothing_above_popularity_is_said():
    low = dict.fromkeys(set(LEVELS) - {"popularity"}, 0.1)
    table, _ = compare(make_scores(LEVELS | low))
    assert "No method is above plain popularity" in verdicts.above_popularity(table, DOMAINS)
    table, _ = compare(make_scores())
    assert "Above plain popularity" in verdicts.above_popularity(table, DOMAINS)


def test_one_domain_and_no_overlap_are_told_in_a_sentence(tmp_path, style):
    one = ratings(tmp_path, HEADER + "\n".join(lines(domains=("films",))))
    table, comparisons = compare(make_scores(domains=["films"]), ["films"])
    assert comparisons.empty and "one domain only" in tables.comparison_table(comparisons).to_html()
    assert said(one, table).startswith("**There is nothing to transfer:** ")
    apart = [line.replace(",u", ",books-u") if line.startswith("books") else line for line in lines()]
    other = ratings(tmp_path, HEADER + "\n".join(apart))
    assert "no user has ratings in more than one domain" in said(other, table)


def test_before_anything_is_trained_everything_is_said_to_be_open(tmp_path, style):
    own = ratings(tmp_path)
    table = with_best(scores(own.name, "any"), own.domains)
    comparisons, use = verdicts.compare(table, own.domains), verdicts.use_this(table)
    assert verdicts.headline(own, comparisons, use).startswith("Not known yet")
    assert not verdicts.decided(comparisons)
    for shown in (tables.decisions(use, comparisons, own.domains), tables.method_table(table),
                  tables.newcomers(table), tables.comparison_table(comparisons)):  # fmt: skip
        assert shown.to_html()


@pytest.fixture
def dataset(tmp_path) -> str:
    """Two settings of ADC, one on each domain alone, and popularity on a tiny file, gathered."""
    dataset, small = ratings(tmp_path).name, {"epochs": 1, "patience": 1, "dim": 2, "hidden_layers": 1}
    changes = [{}, {"learning_rate": 0.01}] + [{"domains": domain} for domain in DOMAINS]
    configs = [registry.configure("adc", dataset, **small, **change) for change in changes]
    configs.append(registry.configure("popularity", dataset))
    results.gather([registry.train(config, show=False).folder for config in configs], "own")
    return dataset


def test_runs_are_read_and_of_two_settings_the_better_on_validation_stands(dataset):
    table = scores(dataset, "own")
    assert set(table["method"]) == {"adc", "adc_alone", "popularity"}
    assert not table.duplicated(["method", "target", "seed"]).any()
    adc = [runs.load(place) for place in runs.paths.runs(dataset).glob("adc-*")]
    both = [run for run in adc if not run.config["domains"]]
    for target in DOMAINS:
        row = table[(table["method"] == "adc") & (table["target"] == target)].iloc[0]
        assert len(both) == 2 and row["validation"] == max(run.metrics["validation"][target] for run in both)
        values = runs.load(runs.paths.home() / row["run"]).values()
        ndcg = values.query("protocol == 'full' and metric == 'ndcg' and n == 10 and target == @target")
        assert row["value"] == ndcg.set_index("group").loc["all", "value"]
    order = ["method", "target", "seed"]
    stored = scores(dataset, "any").sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(stored, table.sort_values(order, ignore_index=True))


def test_a_name_with_a_comma_is_one_domain(tmp_path):
    text = HEADER + "\n".join(line.replace("films", '"Home, Garden"') for line in lines(users=30))
    dataset, domains = ratings(tmp_path, text).name, registry.listed(["Home, Garden"])
    config = registry.configure("adc", dataset, domains=domains, dim=2, epochs=1)
    assert list(registry.train(config, show=False).metrics["validation"]) == ["Home, Garden"]
