"""From what the processes answered to the rows of the table. An answer that failed becomes a row that says so."""

from collections.abc import Callable
from itertools import combinations

from bench.rows import Row

Answers = dict[str, dict]


def rows(answers: Answers) -> list[Row]:
    """All rows of a report, in the issue's order; only what was asked for."""
    makers: dict[str, Callable[[Answers], list[Row]]] = {
        "training": training, "bpr": bpr, "ranking": ranking, "sconet": sconet, "starting": starting, "memory": memory,
        "scales": scales, "jobs": jobs,
    }  # fmt: skip
    found = []
    for name, make in makers.items():
        if name in answers:
            failed = answers[name].get("failed")
            found += [Row(name, "", None, note=failed)] if failed else make(answers)
    return found


def peer(answers: Answers, name: str, *keys) -> tuple[float | None, str]:
    """A peer's figure, or why there is none."""
    found = answers.get(name, {"failed": "not measured"})
    if "failed" in found:
        return None, found["failed"]
    for key in keys:
        found = found[key]
    return found, ""


def training(answers: Answers) -> list[Row]:
    found = answers["training"]
    epochs, steps, against = found["epochs"], found["steps"], f"its dense layers at {found['gflops']:.0f} GFLOP/s"
    weighed, why = peer(answers, "gradnorm", "value")
    return [
        *(Row(f"ADC epoch, {name}", "s", epochs[name], epochs["floor"], against, "<= 1.5") for name in ("static", "gradnorm")),
        Row("balancer: step with gradnorm", "ms", 1e3 * steps["gradnorm"], 1e3 * steps["static"], "static, no norms", "<= 1.10"),
        Row("the same, ratio against ratio", "", steps["gradnorm"] / steps["static"], weighed, "gradnorm-pytorch", note=why),
    ]


def bpr(answers: Answers) -> list[Row]:
    if "failed" in answers["training"]:
        return [Row("ADC triples trained", "1/s", None, note="ADC's epoch failed")]
    ours = answers["training"]["triples"] / answers["training"]["epochs"]["gradnorm"]
    by_batch, why = peer(answers, "recbole", "triples")
    best = max(by_batch or {}, key=(by_batch or {}).get, default="")
    found = [
        Row("ADC triples trained", "1/s", ours, speed, f"RecBole BPR, batch {batch}", "> 1" if batch == best else "")
        for batch, speed in (by_batch or {}).items()
    ] or [Row("ADC triples trained", "1/s", ours, None, "RecBole BPR", "> 1", why)]
    cornac, why = peer(answers, "cornac", "value")
    conet, skipped = peer(answers, "conet", "samples")
    return [
        *found,
        Row("ADC triples trained", "1/s", ours, cornac, "cornac BPR, no network", "", why),
        Row("ADC triples trained", "1/s", ours, conet, "CoNet samples, batch 2048", ">= 10", skipped),
    ]


def ranking(answers: Answers) -> list[Row]:
    found, name = answers["ranking"], "music ranked, with metrics"
    users, why = peer(answers, "recbole_best", "users")
    best = max(users or {}, key=(users or {}).get, default="")
    default, why_default = peer(answers, "recbole_default", "users", "default")
    implicit, why_implicit = peer(answers, "implicit", "value")
    ranx, why_ranx = peer(answers, "ranx", "value")
    return [
        Row(name, "users/s", found["ours"], found["bare"], "bare product, best 20, metrics", ">= 0.9"),
        Row(name, "users/s", found["ours"], (users or {}).get(best), f"RecBole, {best} users at once", ">= 1.2", why),
        Row(name, "users/s", found["ours"], default, "RecBole as it comes", note=why_default),
        Row(name, "users/s", found["ours"], implicit, "implicit, no metrics", note=why_implicit),
        Row("metrics alone", "users/s", found["metrics"], ranx, "ranx", note=why_ranx),
    ]


def sconet(answers: Answers) -> list[Row]:
    conet, why = peer(answers, "conet_ranks", "users")
    return [Row("SCoNet ranks music", "users/s", answers["sconet"]["ours"], conet, "CoNet", ">= 10", why)]


def starting(answers: Answers) -> list[Row]:
    found = answers["starting"]
    return [
        Row("MF start, all domains", "s", found["start"], found["svds"], "scipy svds, unregularised", "< 20 s"),
        Row("twin made", "s", found["twin"], bar="< 10 s"),
        Row("Amazon archive parsed", "MB/s", found["parser"], found["unpacking"], "unpacking alone", ">= 50 MB/s"),
    ]


def memory(answers: Answers) -> list[Row]:
    found = answers["memory"]
    return [
        Row("whole run of 2 epochs, peak", "MB", found["peak"], found["before"], "Python and libraries", "< 2048 MB"),
        Row("whole run of 2 epochs", "s", found["seconds"]),
    ]


def scales(answers: Answers) -> list[Row]:
    """What grows most with the data, a larger scale beside a smaller: a cost per rating that falls is no fault. Memory is that
    beyond what is there before any data.
    """
    sized = answers["scales"]["sizes"]
    if any("failed" in each for each in sized.values()):
        return [Row(f"scale {name}", "", None, note=each["failed"]) for name, each in sized.items() if "failed" in each]
    by = lambda what: {name: what(each) / each["ratings"] for name, each in sized.items()}
    works = {
        ("time of an epoch per rating", "µs", "<= 1.25"): by(lambda each: 1e6 * each["epoch"]),
        ("memory per rating, beyond the libraries'", "kB", "<= 1.25"): by(lambda each: 1e3 * (each["peak"] - each["before"])),
        ("MF start per rating", "µs", ""): by(lambda each: 1e6 * each["start"]),
    }
    found = []
    for (measure, unit, bar), each in works.items():
        pairs = [*combinations(sorted(each, key=float), 2)] or [(name, name) for name in each]
        least, most = max(pairs, key=lambda pair: each[pair[1]] / each[pair[0]])
        found.append(Row(f"{measure}, at {most}×", unit, each[most], each[least], f"at {least}×", bar))
    return found


def jobs(answers: Answers) -> list[Row]:
    job, call = answers["jobs"]["job"], answers["jobs"]["call"]
    return [
        Row("a papermill job's fixed cost", "s", job["wall"], call["wall"], "what a call of the workflow costs", "< 4 s"),
        Row("the same, processor time", "s", job["processor"], call["processor"], "likewise"),
    ]
