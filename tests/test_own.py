"""The report on the reader's own ratings: which runs stand, what is compared, and what is said of it."""

import numpy as np
import pandas as pd
import pytest
from tables import HEADER, home, lines, sound, written  # noqa: F401

from adc.errors import UserError
from companion import data, registry, results, runs
from companion.analysis import stats
from companion.analysis.curves import MEAN
from companion.figures import own as figures
from companion.use import own_ratings as own

LEVELS = {"random": 0.01, "popularity": 0.2, "itemknn": 0.25, "bpr": 0.3, "adc_alone": 0.22,
          "bpr_merged": 0.28, "static": 0.3, "adc": 0.35}  # fmt: skip
DOMAINS = ["films", "books"]


def make_scores(levels=LEVELS, seeds=range(5), domains=DOMAINS, noise=0.01) -> pd.DataFrame:
    """A table as `own.scores` gives it: each method at its level, the same luck of the split for all."""
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
    table = own.with_best(scores, domains)
    return table, own.compare(table)


def ratings(tmp_path, text=None):
    return data.prepare(str(written(tmp_path, "mine.csv", text or sound(users=30))))


def test_the_best_on_validation_stands_for_its_side():
    scores = make_scores({"popularity": 0.2, "bpr": 0.3, "bpr_merged": 0.28, "adc": 0.35}, noise=0)
    scores.loc[scores["method"] == "bpr", "value"] = 0.9  # the test score has no part in the choice
    scores.loc[scores["method"] == "bpr", "validation"] = 0.1
    table = own.with_best(scores, DOMAINS)
    values = table.pivot(index=["target", "seed"], columns="method", values="value")
    assert (values["best joint"] == values["adc"]).all()
    assert (values["best alone"] == values["popularity"]).all()


def test_differences_are_paired_over_the_splits_and_their_mean_too():
    table, comparisons = compare(make_scores())
    assert list(comparisons["what"].unique()) == list(own.COMPARISONS)
    values = table.pivot(index=["target", "seed"], columns="method", values="value")
    for target in (*DOMAINS, MEAN):
        gap = (values["adc"] - values["adc_alone"])[target].to_numpy()
        row = comparisons.set_index(["what", "target"]).loc["ADC: all domains − the domain alone", target]
        assert (row.difference, row.p, row.low, row.high) == pytest.approx(stats.paired_t(gap))
    means = values.drop(index=MEAN).groupby(level="seed").mean()
    assert values.loc[MEAN]["adc"].to_numpy() == pytest.approx(means["adc"].to_numpy())


def test_verdicts_are_corrected_over_the_domains():
    domains = [f"d{k}" for k in range(6)]
    _, comparisons = compare(make_scores(domains=domains, noise=0.05), domains)
    for _, group in comparisons[comparisons["target"] != MEAN].groupby("what"):
        assert group["p_holm"].to_numpy() == pytest.approx(stats.holm(group["p"]))
    sure, sign = comparisons["p_holm"] < stats.LEVEL, np.sign(comparisons["difference"])
    assert ((comparisons["verdict"] == own.YES) == (sure & (sign > 0))).all()
    assert ((comparisons["verdict"] == own.NO) == (sure & (sign < 0))).all()


@pytest.mark.parametrize(
    "levels, words",
    [
        (LEVELS, "**Yes, on average.**"),
        (LEVELS | {"adc": 0.22, "bpr_merged": 0.2, "static": 0.2}, "**No; it does harm, on average.**"),
        (LEVELS | {"adc": 0.3}, "**It cannot be told.**"),
    ],
)
def test_the_headline_says_what_the_numbers_say(tmp_path, levels, words, style):
    table, comparisons = compare(make_scores(levels, noise=0.002))
    text = own.headline(ratings(tmp_path), table, comparisons)
    assert text.startswith(words) and "2 domains and 5 splits" in text
    assert ("cannot be seen with" in text) == ("told" in words)
    verdicts = own.verdict_table(table, comparisons).data
    assert list(verdicts.index) == DOMAINS and list(verdicts["users tested"]) == [50, 50]
    others = own.comparison_table(comparisons).data
    assert list(others.columns) == [*DOMAINS, MEAN] and len(others) == len(own.COMPARISONS) - 1
    figure = figures.transfer(comparisons[comparisons["what"] == own.QUESTION], "synthetic")
    assert len(figure.axes[0].get_yticklabels()) == 3 and "synthetic" in figure.get_suptitle()


def test_means_and_newcomers_are_tables_of_the_methods_by_target(style):
    table, _ = compare(make_scores())
    means = own.over_seeds(table)
    shown = own.method_table(means).data
    assert list(shown.index) == [*DOMAINS, MEAN] and list(shown.columns) == list(own.LABELS.values())
    first = table[(table["target"] == "films") & (table["method"] == "adc")]["value"]
    assert shown.loc["films", "ADC"] == pytest.approx(first.mean())
    new = own.newcomers(table).data
    assert list(new.index) == DOMAINS and list(new.columns)[0] == "users tested"
    assert "ADC, one domain" not in new
    assert len(figures.scores(means, own.LABELS, own.JOINT, "synthetic").axes) == 3


def test_nothing_above_popularity_is_said(tmp_path):
    low = dict.fromkeys(("itemknn", "bpr", "adc_alone", "bpr_merged", "static", "adc"), 0.1)
    text = own.headline(ratings(tmp_path), *compare(make_scores(LEVELS | low)))
    assert "No method is above plain popularity" in text


def test_one_split_says_nothing_about_chance(tmp_path):
    table, comparisons = compare(make_scores(seeds=[0]))
    assert set(comparisons["verdict"]) == {own.UNKNOWN}
    assert "With one split nothing can be said" in own.headline(ratings(tmp_path), table, comparisons)


def test_a_split_without_anybody_to_test_in_a_domain_has_no_mean():
    scores = make_scores()
    scores.loc[(scores["target"] == "books") & (scores["seed"] == 1), "value"] = np.nan
    _, comparisons = compare(scores)
    counts = comparisons[comparisons["what"] == own.QUESTION].set_index("target")["seeds"]
    assert counts.to_dict() == {"films": 5, "books": 4, MEAN: 4}


def test_one_domain_and_no_overlap_are_told_in_a_sentence(tmp_path):
    one = ratings(tmp_path, HEADER + "\n".join(lines(domains=("films",))))
    table, comparisons = compare(make_scores(domains=["films"]), ["films"])
    assert comparisons.empty
    assert own.headline(one, table, comparisons).startswith("**There is nothing to transfer:** ")
    apart = [line.replace(",u", ",books-u") if line.startswith("books") else line for line in lines()]
    other = ratings(tmp_path, HEADER + "\n".join(apart))
    assert "no user has ratings in more than one domain" in own.headline(other, *compare(make_scores()))


# From runs


@pytest.fixture
def dataset(tmp_path) -> str:
    """Two settings of ADC, one on each domain alone, static and popularity on a tiny file, gathered."""
    dataset, small = ratings(tmp_path).name, {"epochs": 1, "patience": 1, "dim": 2, "hidden_layers": 1}
    changes = [{}, {"learning_rate": 0.01}, {"balancer": "static"}]
    changes += [{"domains": domain} for domain in DOMAINS]
    configs = [registry.configure("adc", dataset, **small, **change) for change in changes]
    configs.append(registry.configure("popularity", dataset))
    results.gather([registry.train(config, show=False).folder for config in configs], "own")
    return dataset


def test_runs_are_read_and_of_two_settings_the_better_on_validation_stands(dataset):
    table = own.scores(dataset, "own")
    assert set(table["method"]) == {"adc", "adc_alone", "static", "popularity"}
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
    stored = own.scores(dataset, "any").sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(stored, table.sort_values(order, ignore_index=True))


def test_without_runs_it_says_what_to_run(tmp_path):
    words = "No finished run of ADC or popularity for dataset .* Run `./run_all.sh --data PATH`"
    with pytest.raises(UserError, match=words):
        own.scores(ratings(tmp_path).name, "own")


def test_a_name_with_a_comma_is_one_domain(tmp_path):
    text = HEADER + "\n".join(line.replace("films", '"Home, Garden"') for line in lines(users=30))
    dataset, domains = ratings(tmp_path, text).name, registry.listed(["Home, Garden"])
    config = registry.configure("adc", dataset, domains=domains, dim=2, epochs=1)
    assert list(registry.train(config, show=False).metrics["validation"]) == ["Home, Garden"]


def test_a_file_of_one_domain_has_no_other_comparisons():
    none = pd.DataFrame(columns=["what", "target", "verdict"])
    assert "one domain only" in own.comparison_table(none).to_html()
