"""The report on somebody's own ratings: which runs stand, what is compared with what, and what is said of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import HEADER, home, lines, sound, written  # noqa: F401

from adc import baselines, data, own, runs, settings, stats, studies, train, tuned
from adc.errors import UserError
from workflow import options, plan, profile

LEVELS = {"random": 0.01, "popularity": 0.2, "itemknn": 0.25, "bpr": 0.3, "adc_alone": 0.22, "bpr_merged": 0.28, "static": 0.3, "adc": 0.35}


def made(levels=LEVELS, seeds=range(5), domains=("films", "books"), noise=0.01) -> pd.DataFrame:
    """A table as `own.scores` gives it: each method at its level, the same luck of the split for all."""
    rng, rows = np.random.default_rng(0), []
    for target in domains:
        for seed in seeds:
            luck = rng.normal(0, 0.05)
            for method, level in levels.items():
                value = level + luck + rng.normal(0, noise)
                rows.append({"method": method, "target": target, "seed": seed, "value": value, "users": 50, "elsewhere": value / 2,
                             "elsewhere_users": 5, "validation": level, "variant": "", "run": f"{method}{seed}"})  # fmt: skip
    return pd.DataFrame(rows)


def ratings(tmp_path, text=None):
    return data.prepare(str(written(tmp_path, "mine.csv", text or sound(users=30))))


def test_the_best_on_validation_stands_for_its_side():
    table = made({"popularity": 0.2, "bpr": 0.3, "bpr_merged": 0.28, "adc": 0.35}, noise=0)
    table.loc[table["method"] == "bpr", "value"] = 0.9  # the test score has no part in the choice
    table.loc[table["method"] == "bpr", "validation"] = 0.1
    values = own.wide(table)
    assert values["best joint"].equals(values["adc"].rename("best joint")) and values["best alone"].equals(values["popularity"].rename("best alone"))


def test_differences_are_paired_over_the_splits_and_their_mean_too():
    values = own.wide(made())
    compared = own.compare(values).set_index(["what", "target"])
    assert list(dict.fromkeys(what for what, _ in compared.index)) == list(own.COMPARED)
    d = (values["adc"] - values["adc_alone"])["films"].to_numpy()
    row = compared.loc["ADC: all domains − the domain alone", "films"]
    assert (row.difference, row.p, row.low, row.high) == pytest.approx(stats.paired_t(d))
    mean = (values["adc"] - values["adc_alone"]).groupby(level="seed").mean().to_numpy()
    assert compared.loc["ADC: all domains − the domain alone", own.MEAN].low == pytest.approx(stats.paired_t(mean)[2])


def test_verdicts_are_corrected_over_the_domains():
    table = own.compare(own.wide(made(domains=[f"d{k}" for k in range(6)], noise=0.05)))
    for _, some in table[table["target"] != own.MEAN].groupby("what"):
        assert some["p_holm"].to_numpy() == pytest.approx(stats.holm(some["p"]))
    sure = table["p_holm"] < stats.LEVEL
    assert ((table["verdict"] == own.YES) == (sure & (table["difference"] > 0))).all()
    assert ((table["verdict"] == own.NO) == (sure & (table["difference"] < 0))).all()


@pytest.mark.parametrize(
    "levels, said",
    [
        (LEVELS, "**Yes, on average.**"),
        (LEVELS | {"adc": 0.22, "bpr_merged": 0.2, "static": 0.2}, "**No; it does harm, on average.**"),
        (LEVELS | {"adc": 0.3}, "**On average it cannot be told.**"),
    ],
)
def test_the_headline_says_what_the_numbers_say(tmp_path, home, levels, said):
    values = own.wide(made(levels, noise=0.002))
    compared = own.compare(values)
    told = own.headline(ratings(tmp_path), values, compared)
    assert told.startswith(said) and "2 domains and 5 splits" in told
    assert ("cannot be seen with these ratings" in told) == ("told" in said)
    lines = own.by_domain(ratings(tmp_path), compared, pd.Series({"films": 100.0, "books": 12.0})).split("\n")
    assert own.others(ratings(tmp_path), compared).count("\n") == len(own.COMPARED) - 2
    assert "None of these" in own.others(ratings(tmp_path), compared[compared["what"] == own.QUESTION])
    assert "noise" in own.newcomers_words(ratings(tmp_path), own.newcomers(made()))
    assert len(lines) == 2 and sum("Only about 12 users" in line for line in lines) == 1


def test_nothing_above_popularity_is_said(tmp_path, home):
    values = own.wide(made(LEVELS | dict.fromkeys(("itemknn", "bpr", "adc_alone", "bpr_merged", "static", "adc"), 0.1)))
    assert "no method is above plain popularity" in own.headline(ratings(tmp_path), values, own.compare(values))


def test_one_split_says_nothing_about_chance(tmp_path, home):
    values = own.wide(made(seeds=[0]))
    compared = own.compare(values)
    assert set(compared["verdict"]) == {own.UNKNOWN}
    assert "With one split nothing can be said about chance" in own.headline(ratings(tmp_path), values, compared)


def test_a_split_without_anybody_to_test_in_a_domain_has_no_mean(tmp_path, home):
    table = made()
    table.loc[(table["target"] == "books") & (table["seed"] == 1), "value"] = np.nan
    compared = own.compare(own.wide(table))
    counts = compared[compared["what"] == own.QUESTION].set_index("target")["seeds"]
    assert counts.to_dict() == {"films": 5, "books": 4, own.MEAN: 4}


def test_one_domain_and_no_overlap_are_told_in_a_sentence(tmp_path, home, capsys):
    one = ratings(tmp_path, HEADER + "\n".join(lines(domains=("films",))))
    assert "has one domain only, 'films': there is nothing to transfer from." in capsys.readouterr().out
    values = own.wide(made(domains=("films",)))
    compared = own.compare(values)
    assert own.headline(one, values, compared).startswith("**There is nothing to transfer:** ")
    assert {own.by_domain(one, compared, pd.Series({"films": 50.0})), own.others(one, compared)} == {own.ONE}
    new = own.newcomers(made(domains=("films",)).assign(elsewhere_users=0))
    assert own.newcomers_words(one, new) == "" and new["users"].to_dict() == {"films": 0}
    apart = [line.replace(",u", ",books-u") if line.startswith("books") else line for line in lines()]
    other = ratings(tmp_path, HEADER + "\n".join(apart))
    assert "no user has ratings in more than one domain" in data.alone(other)
    assert "no user has ratings in more than one domain" in own.data_words(other, own.people(other, [0]))


def test_what_stands_in_the_data_is_counted(tmp_path, home):
    text = HEADER + "\n".join([*lines(users=30), *(line.replace(",u", ",f") for line in lines(domains=("films",), users=10))])
    people = own.people(ratings(tmp_path, text), [0, 1])
    assert people["users"].to_dict() == {"films": 40, "books": 30}
    assert people["also elsewhere (%)"].to_dict() == {"films": 75.0, "books": 100.0}
    assert (people["tested"] > 0).all()


# From runs


@pytest.fixture
def trained(tmp_path, home) -> str:
    """Two settings of ADC, one on each domain alone, popularity and BPR on a tiny file, gathered."""
    dataset = ratings(tmp_path).name
    common = {"dataset": dataset, "seed": 0, "epochs": 1, "patience": 1}
    some = {"dim": 2, "hidden_layers": 1}
    done = [train.run(train.configuration(**common | some | change), show=False)
            for change in ({}, {"learning_rate": 0.01}, {"domains": "films"}, {"domains": "books"}, {"balancer": "static"})]  # fmt: skip
    done += [baselines.run(baselines.configuration(dataset=dataset, method="popularity"), show=False)]
    runs.gather([run.folder for run in done], "own")
    return dataset


def test_runs_are_read_and_of_two_settings_the_better_on_validation_stands(trained):
    table = own.scores(trained, "own")
    assert set(table["method"]) == {"adc", "adc_alone", "static", "popularity"} and not table.duplicated(["method", "target", "seed"]).any()
    two = [run for run in map(runs.load, runs.paths.runs(trained).glob("adc-*")) if not run.config["domains"]]
    for target in ("films", "books"):
        row = table[(table["method"] == "adc") & (table["target"] == target)].iloc[0]
        assert row["validation"] == max(run.metrics["validation"][target] for run in two)
    assert len(own.settings(table)) >= 4 and list(own.newcomers(table).columns)[0] == "users"


def test_without_runs_it_says_what_to_run(tmp_path, home):
    with pytest.raises(UserError, match="No finished run of ADC or popularity for dataset .* Run `./run_all.sh --data PATH`"):
        own.scores(ratings(tmp_path).name, "own")


# The plan


def test_an_own_file_runs_its_own_profile_and_its_report_comes_last(tmp_path, home):
    file = written(tmp_path, "mine.csv", sound(users=30))
    asked = options.parse(["--data", str(file), "--data", "movielens"])
    planned = plan.jobs(asked)
    mine = [job for job in planned if job.dataset.startswith("mine-")]
    assert [job.notebook for job in mine][-2:] == [plan.OWN, "16_recommend"] and mine[-2].parameters["profile"] == options.OWN
    assert {job.notebook for job in mine}.isdisjoint({"05_performance", "08_sensitivity", "09_claims"})
    theirs = {job.notebook for job in planned if job.dataset == "movielens"}
    assert "09_claims" in theirs and plan.OWN not in theirs
    named = {job.notebook for job in plan.jobs(options.parse(["--profile", "quick", "--data", str(file)]))}
    assert "09_claims" in named and plan.OWN not in named
    assert options.parse(["tune", "--data", str(file)]).own == "search"


def test_every_run_of_the_report_is_planned():
    """What the notebook to recommend shows is trained, and every learned method has two settings."""
    own_profile = profile.named(options.OWN)
    entries = own_profile.entries("04_baselines")
    counts = pd.Series([entry["method"] for entry in entries]).value_counts()
    assert counts.to_dict() == {"itemknn": 2, "bpr": 2, "bpr_merged": 2, "random": 1, "popularity": 1}
    (grid,), (shown,) = own_profile.entries("13_grid"), own_profile.entries("03_train_adc")
    assert settings.named(grid["study"]) == ["joint", "alone"] and len(studies.alone()) == 2
    found = studies.together(study=grid["study"], dataset="movielens", seed=0, **{name: grid[name] for name in ("epochs", "patience")})
    here = {runs.identity(config) for config in found}
    assert runs.identity(train.configuration(dataset="movielens", seed=0, **tuned.parameters("movielens", "adc"), **shown)) in here


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda text: text.replace("rating", "stars", 1), "no column 'rating'"),
        (lambda text: text.replace(",u0,i1,", ",u0,i1,five", 1), "is not a finite number"),
        (lambda text: text + "comics,u1,i1,5\n", "domain 'comics' has 1 ratings"),
    ],
)
def test_a_slip_in_the_file_is_told_before_anything_is_written(tmp_path, home, change, told):
    file = written(tmp_path, "mine.csv", change(sound(users=30)))
    before = sorted(home.rglob("*"))
    with pytest.raises(UserError) as error:
        plan.jobs(options.parse(["--data", str(file)]))
    assert told in str(error.value) and str(file) in str(error.value) and "\n" not in str(error.value)
    assert sorted(home.rglob("*")) == before


def test_a_name_with_a_comma_is_one_domain(tmp_path, home):
    names = ["Home, Garden", 'The "best"', "Music"]
    assert settings.named(settings.listed(names)) == names and settings.named("a, b,a,,") == ["a", "b"] and settings.named(" ") == []
    text = HEADER + "\n".join(line.replace("films", '"Home, Garden"') for line in lines(users=30))
    dataset = ratings(tmp_path, text).name
    alone = studies.configurations("alone", dataset, 0)
    assert {tuple(settings.named(config["domains"])) for config in alone} == {("Home, Garden",), ("books",)}
    one = train.run(train.configuration(dataset=dataset, domains=settings.listed(["Home, Garden"]), dim=2, epochs=1), show=False)
    assert list(one.metrics["validation"]) == ["Home, Garden"]


# The README's snippet


@pytest.mark.slow
def test_the_readmes_first_example_runs_and_is_short(trained, tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (snippet,) = [block.split("```")[0] for block in text.split("```python\n")[1:] if "recommend" in block.split("```")[0]]
    assert len(snippet.strip().splitlines()) <= 20
    monkeypatch.chdir(tmp_path)  # the file is named as the reader's is
    text = snippet.replace("my.csv", "mine.csv")
    assert text != snippet
    exec(compile(text, "README.md", "exec"), {})
    assert "own" in capsys.readouterr().out
