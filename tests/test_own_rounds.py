"""Training for the report in rounds: what is trained, what ends it, what is told, what is kept."""

import io
import queue
import sys
import time
from concurrent.futures import Future
from functools import partial

import pytest
from conftest import ROOT
from tables import HEADER, lines, sound, written

from adc.errors import UserError
from companion import data, execute, profile, registry, runs
from companion.figures import own as figures
from companion.use.own_ratings import plan, rounds, tables, verdicts
from companion.use.own_ratings.scores import JOINT, LABELS, scores, with_best

NOTEBOOK = ROOT / "notebooks" / "extras" / "15_own_ratings.ipynb"


class Pool:
    """Trains at once, in this process."""

    def __init__(self):
        self.trained = []

    def submit(self, work, config, end) -> Future:
        future = Future()
        self.trained.append(config)
        try:
            future.set_result(work(config, end))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def ratings(tmp_path):
    return data.prepare(str(written(tmp_path, "mine.csv", sound(users=30))))


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes reports of quick trainings, without pages."""
    monkeypatch.setattr(plan, "LIMITS", {"epochs": 2, "patience": 2})
    monkeypatch.setattr(rounds, "say", lambda words: None, raising=False)
    monkeypatch.setattr(rounds.Report, "_write", lambda report, state: None)

    def make(ratings, minutes=1e5) -> rounds.Report:
        given = {"dataset": ratings.name, "profile": "own", "minutes": minutes}
        return rounds.Report(NOTEBOOK, tmp_path / "page.html", given, 1)

    return make


@pytest.fixture
def report(make, ratings, monkeypatch):
    """Makes reports of quick methods on three splits."""
    monkeypatch.setattr(plan, "SIMPLE", ("popularity", "itemknn", "bpr"))
    monkeypatch.setattr(plan, "networks", lambda dataset: [])
    monkeypatch.setattr(plan, "MOST_SPLITS", 3)
    monkeypatch.setattr(plan, "MINUTES_ON_TOP", 1e6)
    return partial(make, ratings)


def work(report: rounds.Report) -> tuple[str, list[str]]:
    """Why it ended, and what was trained."""
    pool = Pool()
    return report.train(pool, queue.Queue()), [plan.title(config) for config in pool.trained]


def test_the_simple_methods_come_first_then_adc_then_more_splits(ratings):
    first, second, third, *_ = plan.rounds(ratings, 10.0)
    assert [config["method"] for config in first] == list(plan.SIMPLE)
    assert {(config["method"], config["domains"]) for config in second} == {
        ("adc", ""), ("adc", "books"), ("adc", "films"),
    }  # fmt: skip
    assert len(second) == 6 and {config["seed"] for config in first + second} == {0}
    assert {config["seed"] for config in third} == {1}
    _, longer, *_ = plan.rounds(ratings, 60.0)
    assert "adc_residual" in {config["method"] for config in longer}


def test_nothing_is_merged_where_there_is_one_domain(tmp_path):
    one = data.prepare(str(written(tmp_path, "one.csv", HEADER + "\n".join(lines(domains=("films",))))))
    planned = list(plan.rounds(one, 60.0))
    methods = {config["method"] for configs in planned for config in configs}
    assert methods == {"popularity", "itemknn", "ease", "bpr", "adc"}
    assert len(planned) == 1 + plan.SPLITS_WITHOUT_QUESTION


def test_the_first_split_chooses_the_setting(ratings, monkeypatch):
    monkeypatch.setattr(plan, "LIMITS", {"epochs": 1, "patience": 1})
    first = plan.networks(ratings.name)
    assert plan.chosen_networks(ratings.name, 1) == []
    both = [registry.train(config, show=False) for config in first if not config["domains"]]
    (chosen,) = plan.chosen_networks(ratings.name, 1)
    assert chosen == max(both, key=lambda run: run.validation).config | {"seed": 1}
    assert chosen == registry.configure(**{
        name: value for name, value in chosen.items() if name not in ("version", "variant", "method")
    }, name="adc")  # fmt: skip


def test_it_ends_with_the_last_split_and_never_trains_again_what_is_stored(report):
    outcome, trained = work(report())
    assert outcome.startswith("Ended: all splits") and len(trained) == 9
    assert trained[:3] == ["popularity, split 1", "item-kNN, split 1", "BPR, split 1"]
    outcome, trained = work(report())
    assert outcome.startswith("Ended: all splits") and trained == []


def test_it_ends_when_the_question_is_decided(report, monkeypatch):
    monkeypatch.setattr(rounds.verdicts, "decided", lambda comparisons: True)
    outcome, trained = work(report())
    assert outcome == "Ended: it is decided in every domain." and len(trained) == 3


def test_without_time_it_trains_nothing_and_says_so(report):
    late = report(minutes=0.01)
    outcome, trained = work(late)
    assert "minutes are over" in outcome and "--minutes" in outcome and trained == []
    assert len(late.remarks) == 3 and "There was no time for BPR, split 1" in [*late.remarks.values()][2]


def test_what_would_not_end_in_time_is_given_up_and_nothing_of_it_is_stored(ratings, monkeypatch):
    monkeypatch.setattr(rounds, "say", lambda words: None, raising=False)
    config = registry.configure("bpr", ratings.name, epochs=3)
    with pytest.raises(rounds.OutOfTime):
        rounds.train(config, time.time() - 1)
    assert runs.find(config) is None
    assert rounds.train(config, time.time() + 60).metrics["epochs"] == 3


def test_a_method_that_fails_is_told_and_the_others_go_on(report, monkeypatch):
    train = registry.train

    def fail(config, **options):
        if config["method"] == "itemknn":
            raise UserError("Item-kNN has no neighbours.")
        return train(config, **options)

    monkeypatch.setattr(registry, "train", fail)
    failing = report()
    _, trained = work(failing)
    assert [*failing.remarks.values()] == ["item-kNN, split 3 failed: Item-kNN has no neighbours."]
    assert {run.config["method"] for run in failing.runs.values()} == {"popularity", "bpr"}


def test_only_the_best_model_of_a_method_is_kept(report):
    done = report()
    work(done)
    bpr = [run for run in done.runs.values() if run.config["method"] == "bpr"]
    models = [run for run in bpr if run.has_model]
    assert len(bpr) == 3 and models == [max(bpr, key=lambda run: run.validation)]
    others = [run for run in done.runs.values() if run.config["method"] != "bpr"]
    assert all(run.has_model for run in others)  # some bytes each
    dropped = next(run for run in bpr if not run.has_model)
    again = registry.train(dropped.config, show=False)  # for whoever needs the model
    assert again.has_model and again.metrics["values"] == dropped.metrics["values"]


ODD = {
    "one domain": HEADER + "\n".join(lines(domains=("films",))),
    "no shared users": HEADER + "\n".join(line.replace("books,", "books,b") for line in lines()),
    "a complete matrix": HEADER + "\n".join(
        f"{domain},u{u},i{i},{1 + (u + i) % 5}" for domain in ("a", "b") for u in range(12) for i in range(5)
    ),
    "two items": HEADER + "\n".join(
        f"{domain},u{u},i{i},{1 + (u + 2 * i) % 5}" for domain in "ab" for u in range(40) for i in range(2)
    ),
    "one user": HEADER + "\n".join(f"{domain},u,i{i},{1 + i % 5}" for domain in "ab" for i in range(20)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_any_file_survives(make, tmp_path, monkeypatch, name, style):
    monkeypatch.setattr(plan, "LIMITS", {"epochs": 1, "patience": 1})
    monkeypatch.setattr(plan, "MOST_SPLITS", 2)
    monkeypatch.setattr(plan, "SPLITS_WITHOUT_QUESTION", 2)
    odd = data.prepare(str(written(tmp_path, "odd.csv", ODD[name])))
    report = make(odd)
    assert work(report)[0].startswith("Ended: ")
    assert report.remarks == {} and len({run.config["seed"] for run in report.runs.values()}) == 2
    table = with_best(scores(odd.name, "own"), odd.domains)
    comparisons, use = verdicts.compare(table, odd.domains), verdicts.use_this(table)
    assert verdicts.headline(odd, comparisons, use) and len(use) >= 1
    assert tables.decisions(use, comparisons, odd.domains).to_html()
    for shown in (tables.method_table(table), tables.newcomers(table), tables.comparison_table(comparisons)):
        assert shown.to_html()
    assert figures.methods(tables.above_popularity(table, odd.domains), LABELS, JOINT, "synthetic")
    assert not len(comparisons) or figures.transfer(comparisons, "synthetic")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_a_line_that_changes_and_a_file_has_none(report, monkeypatch, terminal):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdout", stream)
    working, messages = report(), queue.Queue()
    working.running[Future()] = registry.configure("ease")
    messages.put(("EASE, split 1", 7))
    working._say(messages)
    working._tell("EASE, split 1: done")
    working.line.close()
    out = stream.getvalue()
    assert ("0 done · EASE, split 1, epoch 7" in out and "\r" in out) == terminal
    assert "00:00  EASE, split 1: done\n" in out


def test_minutes_reach_the_report_and_must_be_a_number(ratings):
    entry = {"15_own_ratings": {"minutes": 10.0}, "16_recommend": {}}
    config = {"profile": "own", "data": ["movielens"], **entry}
    assert profile.jobs(dict(config))["movielens"]["15_own_ratings"]["minutes"] == 10.0
    jobs = profile.jobs(config | {"minutes": 30})["movielens"]
    assert jobs["15_own_ratings"]["minutes"] == 30.0 and "minutes" not in jobs["16_recommend"]
    for bad in ("soon", -1, True):
        with pytest.raises(UserError, match="expected a number of minutes"):
            profile.jobs(config | {"minutes": bad})


def test_of_the_time_some_is_kept_and_more_for_a_large_file(report, monkeypatch):
    last = lambda minutes: round(report(minutes).end - report(minutes).began)
    assert last(8.0) == 420
    monkeypatch.setattr(rounds, "AROUND_A_RATING", 150 / len(report().ratings.rating))
    assert (last(8.0), last(4.0)) == (330, 120)  # two and a half minutes, but at most half of the time


def test_the_index_leads_to_every_page_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "executed" / "own" / "a <b>" / "01_data.html"
    page.parent.mkdir(parents=True)
    page.write_text("page")
    index = execute.write_index("own", {"a <b>": {"01_data": {}, "15_own_ratings": {}}})
    text = index.read_text()
    assert 'href="a%20%3Cb%3E/01_data.html"' in text and "15_own" not in text and "<b>" not in text
    assert [*index.parent.iterdir()] != [] and not [*index.parent.glob("*.partial")]
