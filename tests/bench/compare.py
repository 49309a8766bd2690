"""From the answers of the processes to the rows of the table; an answer that failed is a row that says so."""

from itertools import combinations

from bench.rows import Row

Answers = dict[str, dict]


def rows(answers: Answers) -> list[Row]:
    """All rows of a report, measure by measure; only those that were run."""
    table = []
    for name, make in MAKERS.items():
        if name in answers:
            failure = answers[name].get("failed")
            table += [Row(name, "", None, note=failure)] if failure else make(answers)
    return table


def peer(answers: Answers, name: str, *keys) -> tuple[float | dict | None, str]:
    """A peer's number, or why there is none."""
    value = answers.get(name, {"failed": "not measured"})
    if "failed" in value:
        return None, value["failed"]
    for key in keys:
        value = value[key]
    return value, ""


def training(answers: Answers) -> list[Row]:
    answer = answers["training"]
    epochs, steps = answer["epochs"], answer["steps"]
    floor = f"its dense layers at {answer['gflops']:.0f} GFLOP/s"
    ratio, why = peer(answers, "gradnorm", "value")
    share = Row("balancer: step with gradnorm", "ms", 1e3 * steps["gradnorm"], 1e3 * steps["static"],
                "static, no norms", "<= 1.10")  # fmt: skip
    return [
        Row("ADC epoch, static", "s", epochs["static"], epochs["floor"], floor, "<= 1.5"),
        Row("ADC epoch, gradnorm", "s", epochs["gradnorm"], epochs["floor"], floor, "<= 1.5"),
        Row("the same", "s", epochs["gradnorm"], epochs["plain"], "the plain step"),
        share,
        Row("the same, ratio against ratio", "", share.ratio, ratio, "gradnorm-pytorch", note=why),
    ]


def bpr(answers: Answers) -> list[Row]:
    name, unit = "ADC triples trained", "1/s"
    if "failed" in answers["training"]:
        return [Row(name, unit, None, note="ADC's epoch failed")]
    ours = answers["training"]["triples"] / answers["training"]["epochs"]["gradnorm"]
    by_batch, why = peer(answers, "recbole", "triples")
    best = max(by_batch, key=by_batch.get) if by_batch else ""
    table = [
        Row(name, unit, ours, speed, f"RecBole BPR, batch {batch}", "> 1" if batch == best else "")
        for batch, speed in (by_batch or {}).items()
    ] or [Row(name, unit, ours, None, "RecBole BPR", "> 1", why)]
    cornac, why = peer(answers, "cornac", "value")
    table.append(Row(name, unit, ours, cornac, "cornac BPR, no network", note=why))
    conet, why = peer(answers, "conet", "samples")
    return [*table, Row(name, unit, ours, conet, "CoNet samples, batch 2048", ">= 10", why)]


def ranking(answers: Answers) -> list[Row]:
    answer, name, unit = answers["ranking"], "music ranked, with metrics", "users/s"
    by_size, why = peer(answers, "recbole_best", "users")
    size = max(by_size, key=by_size.get) if by_size else "its best number of"
    best = by_size[size] if by_size else None
    default, why_default = peer(answers, "recbole_default", "users", "default")
    implicit, why_implicit = peer(answers, "implicit", "value")
    ranx, why_ranx = peer(answers, "ranx", "value")
    return [
        Row(name, unit, answer["ours"], answer["bare"], "bare product, best 20, metrics", ">= 0.9"),
        Row(name, unit, answer["ours"], best, f"RecBole, {size} users at once", ">= 1.2", why),
        Row(name, unit, answer["ours"], default, "RecBole as it comes", note=why_default),
        Row(name, unit, answer["ours"], implicit, "implicit, no metrics", note=why_implicit),
        Row("metrics alone", unit, answer["metrics"], ranx, "ranx", note=why_ranx),
    ]


def sconet(answers: Answers) -> list[Row]:
    conet, why = peer(answers, "conet_ranks", "users")
    return [Row("SCoNet ranks music", "users/s", answers["sconet"]["ours"], conet, "CoNet", ">= 10", why)]


def recommending(answers: Answers) -> list[Row]:
    answer = answers["recommend"]
    many = f"10 items of music for {answer['users']:,} users"
    return [
        Row(many, "s", answer["many"], answer["bare"], "bare product, best 10", "<= 1.5"),
        Row("the same for one user", "ms", 1e3 * answer["one"], bar="< 20 ms"),
    ]


def start(answers: Answers) -> list[Row]:
    answer = answers["start"]
    svds = answer["svds"], "scipy svds, unregularised"
    return [
        Row("MF start, all domains", "s", answer["start"], *svds, "< 20 s"),
        Row("twin made", "s", answer["twin"], bar="< 10 s"),
    ]


def memory(answers: Answers) -> list[Row]:
    answer, name = answers["memory"], "whole run of 2 epochs"
    peak = Row(f"{name}, peak", "MB", answer["peak"], answer["before"], "Python and libraries", "< 2048 MB")
    return [peak, Row(name, "s", answer["seconds"])]


def scales(answers: Answers) -> list[Row]:
    """What grows most with the data, a larger scale beside a smaller; memory without the libraries'."""
    sizes = answers["scales"]["sizes"]
    failures = {name: size["failed"] for name, size in sizes.items() if "failed" in size}
    if failures:
        return [Row(f"scale {name}", "", None, note=failure) for name, failure in failures.items()]
    costs = {
        ("time of an epoch per rating", "µs", "<= 1.25"): lambda size: 1e6 * size["epoch"],
        ("memory per rating", "kB", "<= 1.25"): lambda size: 1e3 * (size["peak"] - size["before"]),
        ("MF start per rating", "µs", ""): lambda size: 1e6 * size["start"],
    }
    table = []
    for (measure, unit, bar), cost in costs.items():
        by_scale = {name: cost(size) / size["ratings"] for name, size in sizes.items()}
        pairs = [*combinations(sorted(by_scale, key=float), 2)] or [(name, name) for name in by_scale]
        low, high = max(pairs, key=lambda pair: by_scale[pair[1]] / by_scale[pair[0]])
        table.append(Row(f"{measure}, at {high}×", unit, by_scale[high], by_scale[low], f"at {low}×", bar))
    return table


def gpu(answers: Answers) -> list[Row]:
    name = f"ADC epoch on {answers['gpu']['gpu']}"
    epochs = answers["gpu"]["epochs"].items()
    return [Row(f"{name}: {how}", "s", times["cuda"], times["cpu"], "the processor") for how, times in epochs]


MAKERS = {
    "training": training, "bpr": bpr, "ranking": ranking, "sconet": sconet, "recommend": recommending,
    "start": start, "memory": memory, "scales": scales, "gpu": gpu,
}  # fmt: skip
