"""What the README and the pages in docs/ say is run or looked up: files, commands, Python, numbers."""

import re
from runpy import run_path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from adc import balancer, early_stopping, evaluation
from adc.config import Config
from adc.errors import UserError
from adc.evaluation import RankingTask
from adc.split import FRACTIONS, VALID, split_ratings
from companion import adc_method, data, registry
from companion.analysis import report, stats
from companion.claims import export
from companion.data.table1 import TABLE_I

PAGES = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
    *ROOT.glob("*/README.md"),
]  # fmt: skip
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
README, READINGS, RESULTS = (TEXT[ROOT / f] for f in ("README.md", "docs/readings.md", "docs/results.md"))
SIZES = {name: facts[2] for name, facts in TABLE_I.items()}  # ratings
OPTIONS = {"--profile", "--data", "--device", "--cores", "--dry-run"}
COMMANDS = {"test", "lab", "python", "bench", "book", "render", "tune", "verify", "pack", "unpack"}


def test_the_first_pages_are_short():
    assert README.count("\n") <= 120 and TEXT[ROOT / "CONTRIBUTING.md"].count("\n") <= 70


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page):
    names = re.findall(r"`((?:adc|notebooks|tests|docs)/[\w./]*\w)[`/]", TEXT[page])
    names += [f"notebooks/{name}" for name in re.findall(r"`(companion/[\w./]+)`", TEXT[page])]
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_one_of_run_all(page):
    script = (ROOT / "run_all.sh").read_text(encoding="utf-8")
    for line in re.findall(r"\./run_all\.sh([^`#\n]*)", TEXT[page]):
        words = line.split()
        assert not words or words[0].startswith("--") or words[0] in COMMANDS, line
        assert all(word in script for word in OPTIONS.intersection(words))
        for profile in re.findall(r"--profile (\w+)", line):
            assert (ROOT / "notebooks" / "profiles" / f"{profile}.yaml").exists()
    assert all(re.search(rf"^ +(\S+ \| )*{word}\b.*\)", script, re.M) for word in COMMANDS)


def test_the_python_of_the_balancers_page_runs(capsys):
    names = {}
    for snippet in re.findall(r"^```python\n(.*?)^```", TEXT[ROOT / "docs/balancer.md"], re.M | re.S):
        exec(compile(snippet, "balancer.md", "exec"), names)
    assert capsys.readouterr().out.startswith("tensor([") and names["losses"].isfinite().all()


def test_numbers_in_prose_are_those_of_the_results():
    table = RESULTS.split("<!-- results")[1].split("<!-- end of results -->")[0]
    table = table.replace("+", "").replace("-", "−")
    prose = " ".join(f"{README} {RESULTS.split('<!-- results')[0]}".split())
    numbers = re.findall(r"−?\d\.\d{4} ± \d\.\d{4}", prose)
    assert len(numbers) >= 6 and [number for number in numbers if number not in table] == []


def test_the_headline_says_what_the_records_say_and_nothing_else():
    results, records = run_path(str(ROOT / "docs/results.py")), export.read(export.FILE)
    begin, end = results["HEADLINE"]
    assert README.split(begin)[1].split(end)[0].strip() == results["headline"](records)
    contrary = [each | {"low": -0.5} if each["says"] in results["WORDS"] else each for each in records]
    with pytest.raises(UserError, match="Write the headline anew"):
        results["headline"](contrary)


def test_what_another_arithmetic_changes_is_what_the_docs_say():
    there, here = (
        {(each["dataset"], each["claim"]): each for each in export.read(export.FILE.with_name(name))}
        for name in ("claims.json", "claims-avx2.json")
    )
    assert all(here[claim]["runs"] == there[claim]["runs"] for claim in here)
    changed = {claim for claim in here if here[claim]["verdict"] != there[claim]["verdict"]}
    own = {"movielens": {"C20", "C38", "C42"}, "insteval": {"C31", "C49"}}
    assert changed == {(dataset, name) for dataset, names in own.items() for name in names}
    sides = [{each[claim]["verdict"] for each in (here, there)} for claim in changed]
    assert not any({"holds", "does not hold"} <= side for side in sides)
    text = " ".join(RESULTS.split())
    for (dataset, names), rest in zip(own.items(), (" verdicts the same", ""), strict=True):
        number = sum(name == dataset for name, _ in here)
        assert f"{number - len(names)} of {number}{rest}" in text


def test_what_comes_from_the_recorded_runs_is_what_they_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    variance = run_path(str(ROOT / "docs/variance.py"))
    results = run_path(str(ROOT / "docs/results.py"))
    sides = [pd.read_csv(ROOT / f"docs/runs/movielens{ending}.csv") for ending in ("", "-avx2")]
    assert variance["arithmetic"](*sides) in RESULTS
    readings = pd.read_csv(ROOT / "docs/readings.csv")  # of a machine that computes as AVX2 does
    assert run_path(str(ROOT / "docs/starred.py"))["table"](readings) in RESULTS
    base = readings[readings["variant"] == "h=3 γ=2"].merge(sides[1], on=["run", "domain"])
    assert len(base) == 30 and np.allclose(base["NDCG@10_x"], base["NDCG@10_y"], atol=5e-4)
    assert all(results["weights_by_domain"](dataset) in RESULTS for dataset in ("movielens", "insteval"))


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_of_the_finding_shows_its_table_and_that_the_records(dark):
    docs = run_path(str(ROOT / "docs/finding.py"))
    table, figure = pd.read_csv(docs["SCORES"]), docs["draw"](pd.read_csv(docs["SCORES"]), dark)
    panels = [panel for part in figure.subfigs for panel in part.axes]
    titles = [panel.get_title(loc="left") for panel in panels]
    assert titles == ["0 %", "50 %", "100 %", "MovieLens, 15 seeds", "InstEval, 10 seeds"]
    heights = [line.get_ydata()[0] for panel in panels for line in panel.lines if line.get_mfc() == "none"]
    assert heights == [*table["one"]] and (sum(figure.get_facecolor()[:3]) < 1) == dark
    table = table.assign(gain=table["all"] - table["one"]).set_index(["data", "method"])
    for record in export.read(export.FILE):
        if record["claim"] == "C24":
            row, half = table.loc[docs["DATASETS"][record["dataset"]], "adc"], record["high"] - record["low"]
            assert row["gain"] == pytest.approx(record["difference"], abs=1e-4)
            assert row["half"] == pytest.approx(half / 2, abs=1e-4)
    for name, words in (("movielens", "MovieLens"), ("insteval-avx2", "InstEval")):
        runs = pd.read_csv(ROOT / f"docs/runs/{name}.csv").groupby(["method", "seed"])["NDCG@10"].mean()
        for merged, single in (("bpr_merged", "bpr"), ("ease_merged", "ease")):
            test = stats.paired_t((runs[merged] - runs[single]).to_numpy())
            row = table.loc[words, merged]
            assert row["gain"] == pytest.approx(test.mean, abs=1e-4)
            assert row["half"] == pytest.approx((test.high - test.low) / 2, abs=1e-4)
    for method, rows in table.loc["synthetic worlds"].groupby("method"):
        line = next(line for line in RESULTS.splitlines() if line.startswith(f"| {registry.label(method)} |"))
        gains, halves = zip(*re.findall(r"([-+]0\.\d+) ± (0\.\d+)", line), strict=True)
        assert list(map(float, halves)) == [*rows["half"]]
        assert list(map(float, gains)) == pytest.approx([*rows["gain"]], abs=0.0011)  # of rounded scores


def test_parts_of_variance_are_those_that_were_put_in(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    parts = run_path(str(ROOT / "docs/variance.py"))["parts_of_variance"]
    rng = np.random.default_rng(0)
    values = rng.normal(0, 2, (20000, 1)) + rng.normal(0, 0.5, (20000, 2))
    assert np.allclose(parts(values), (2, 0.5), rtol=0.02)
    assert parts(np.array([[1.0, 3.0], [3.0, 1.0]])) == (0, 2**0.5)


def voters(dataset: str, domain: str) -> str:
    """Users to validate on in a domain, split seed 0: by R24's strict rule, and by validation's."""
    split = split_ratings(data.load(dataset), 0)
    place, rules = split.ratings.index(domain), ("above", early_stopping.VALIDATION_RULE)
    return " against ".join(str(len(RankingTask(split, place, VALID, rule).users)) for rule in rules)


def searched(dataset: str, name: str) -> str:
    return f"{registry.tuned('adc', dataset)[name]:.3g}"


def pairs() -> str:
    settings, groups = report.paper_settings(SIZES), {}
    for name in ("toys", "electronics", "kitchen", "video", "dvd", "music"):
        groups.setdefault(settings[name], []).append(name)
    return ", ".join(f"{', '.join(names)} ({h}, {gamma:g})" for (h, gamma), names in groups.items())


FACTS = [  # a phrase of docs/readings.md, and what the group in it has to be
    (r"dataset: ([\d.]+) on MovieLens \(the default\)", lambda: f"{Config().agreement_weight:g}"),
    (r"dataset: ([\d.]+) on MovieLens", lambda: searched("movielens", "agreement_weight")),
    (r", ([\d.]+) on the small twin", lambda: searched("twin", "agreement_weight")),
    (r"(\d+) suits sparse ratings", lambda: f"{adc_method.SPARSE['agreement_weight']:g}"),
    (r"by default, 3e-5 and (0.03)\)", lambda: f"{Config().embedding_lr:g}"),
    (r"on the twin (100) ", lambda: searched("twin", "width")),
    (r"the (literal) one won", lambda: registry.tuned("adc", "twin")["init"].removeprefix("als_")),
    (r"step of Adam\(([\d.]+)\)", lambda: f"{balancer.LEARNING_RATE:g}"),
    (r"differ (\d+)-fold on Table I", lambda: f"{(max(SIZES.values()) / min(SIZES.values())) ** 2:.0f}"),
    (r" \((\d+ or \d+), searched", lambda: "{} or {}".format(*adc_method.SEARCH_SPACE["batch_users"][1])),
    (r"\| (\d+) per positive, redrawn", lambda: str(Config().negatives)),
    (r"at most (\d+), 300 where", lambda: str(Config().epochs)),
    (r"more than ([\d,]+) users to validate on", lambda: f"{early_stopping.MAX_VALIDATION_USERS:,}"),
    (r"of more than ([\d,]+) others in a domain", lambda: f"{evaluation.MAX_TEST_USERS:,}"),
    (r"the mean of (five) epochs", lambda: {5: "five"}[early_stopping.WINDOW]),
    (r"not before epoch (\d+)", lambda: str(early_stopping.LEAST_EPOCHS)),
    (r"\((\d+ against \d+) in MovieLens's Horror", lambda: voters("movielens", "Horror")),
    (r"(\d+ against \d+) in toys of the small twin", lambda: voters("twin-s0.03", "toys")),
    (r"uses the paper's \(h, γ\): (.*?);", pairs),
    (r"(50 / 10 / rest)", lambda: "{:.0f} / {:.0f} / rest".format(*(100 * share for share in FRACTIONS))),
]


@pytest.mark.parametrize(("phrase", "value"), FACTS, ids=[phrase for phrase, _ in FACTS])
def test_a_number_of_the_readings_is_what_it_is_in_the_code_or_the_data(phrase, value):
    (text,) = {match.group(1) for match in re.finditer(phrase, READINGS.replace("★ ", ""))}
    assert text == value()


def test_every_starred_reading_is_marked_and_every_setting_is_one():
    rows = dict(re.findall(r"^\| (R\d+) \|(.*)$", READINGS, re.M))
    assert list(rows) == [f"R{number}" for number in range(1, 38)]
    starred = {reading for reading, *_ in adc_method.STARRED} | {"R24", "R27"}
    assert starred == {name for name, row in rows.items() if "★" in row}
    settings = {name for row in rows.values() for name in re.findall(r"`(\w+)`", row.split("|")[-2])}
    assert settings <= {*Config.__dataclass_fields__, "rule", "protocols", "domains"}
