"""What a run costs by the number of its ratings, as `./run_all.sh bench costs` measured it: what the workflow asks of a
cluster for each job, and the tables of docs/cluster.md."""

import json
import math
from functools import cache

from adc import files
from workflow import NOTEBOOKS, ROOT

FILE, PAGE = NOTEBOOKS / "workflow" / "costs.json", ROOT / "docs" / "cluster.md"
BEGIN, END = "<!-- costs: written by ./run_all.sh bench costs -->", "<!-- end of costs -->"
# How each part grows beyond what was measured, with users, items and ratings growing alike: the test, all items for all users, with
# the square; validation, all items for `adc.fit.MOST` users at most, with the items; EASE's inverse with the cube of the items
POWERS = {"setup": 1, "epoch": 1, "validation": 1, "test": 2, "rest": 1, "memory": 1}
OWN_POWERS = {"ease": {"validation": 3, "test": 3, "memory": 2}}  # it is solved anew to score
AROUND = 700  # MB of a job beside its kernel's: Snakemake, twice, and papermill
SPARE = 1.5  # times what was measured
LEAST_MINUTES, SLOWER = 30, 4  # a busy or older machine takes longer than the estimate
TABLE_I, GROWN = 390_810, (1, 10, 100)  # its ratings; how many times


@cache
def measured() -> list[dict]:
    """Rows by method and size, each with the commit that was measured, the date and the processor."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def cost(method: str, ratings: float) -> dict[str, float]:
    """Seconds of each part and MB of memory at a number of ratings: of the next larger measurement, or grown from the largest.

    A method that was not measured counts as ADC.
    """
    known = {row["method"] for row in measured()}
    rows = [row for row in measured() if row["method"] == (method if method in known else "adc")]
    row = next((row for row in rows if row["ratings"] >= ratings), rows[-1])
    times, powers = max(1.0, ratings / row["ratings"]), POWERS | OWN_POWERS.get(method, {})
    found = {part: row[part] * times ** powers[part] for part in POWERS if part != "memory"}
    return found | {"memory": row["before"] + (row["peak"] - row["before"]) * times ** powers["memory"]}


def seconds(method: str, ratings: float, epochs: int) -> float:
    """Processor seconds of a whole run that does not stop early."""
    found = cost(method, ratings)
    return found["setup"] + epochs * (found["epoch"] + found["validation"]) + found["test"] + found["rest"]


def request(method: str, millions: float, took: float) -> dict[str, int]:
    """What to ask of a cluster for a job of a method that should take some seconds, with room to spare."""
    memory = AROUND + SPARE * cost(method, 1e6 * millions)["memory"]
    return {"mem_mb": 100 * math.ceil(memory / 100), "runtime": math.ceil(max(LEAST_MINUTES, SLOWER * took / 60))}


def write_page() -> None:
    """Put both tables between the marks of docs/cluster.md."""
    files.put_between(PAGE, BEGIN, END, lambda: "\n\n".join([*_measurements(), *_sizing()]))


def _measurements() -> list[str]:
    about = sorted({f"commit {row['commit']}, {row['date']}, {row['processor']}" for row in measured()})
    parts = ("setup", "epoch", "validation", "test", "rest")
    lines = [_line("method", "scale", "ratings", "start, s", "epoch, s", "validation, s", "test, s", "rest, s", "memory, MB"), _line(*["---"] * 9)]
    for row in measured():
        times = (f"{row[part]:.2f}" for part in parts)
        lines.append(_line(row["method"], f"{row['scale']:g}", f"{row['ratings']:,}", *times, row["peak"]))
    return [f"**Measured** ({'; '.join(about)}).", "\n".join(lines)]


def _sizing() -> list[str]:
    """Jobs of the paper profile on the twin at Table I's size; hours and memory of each there, at 10 and at 100 times that."""
    from adc import baselines  # loads PyTorch
    from workflow import estimate, plan
    from workflow.options import Options

    kinds: dict[tuple, int] = {}
    for job in plan.jobs(Options(profile="paper", data=["twin"])):
        if job.notebook in (*plan.RUNS, plan.GRID):
            method = job.parameters.get("method") or "adc"
            epochs = job.parameters["epochs"] or baselines.METHODS[method].Settings().epochs
            kind = (job.parameters.get("study") or method, method, *estimate.trainings(job), epochs)
            kinds[kind] = kinds.get(kind, 0) + 1
    lines = [_line("run", "jobs", "trainings each", *(f"{each} at {n}×" for n in GROWN for each in ("hours", "GB"))), _line(*["---"] * 9)]
    total = dict.fromkeys(GROWN, 0.0)
    for (name, method, trainings, whole, epochs), jobs in kinds.items():
        cells = []
        for n in GROWN:
            hours = whole * seconds(method, n * TABLE_I, epochs) / 3600
            total[n] += jobs * hours
            cells += [_short(hours), _short((cost(method, n * TABLE_I)["memory"] + AROUND) / 1000)]
        lines.append(_line(name if trainings == 1 else f"grid: {name}", jobs, trainings, *cells))
    lines.append(_line("all of them", sum(kinds.values()), "", *(cell for n in GROWN for cell in (_short(total[n]), ""))))
    largest = {row["method"]: row["scale"] for row in measured()}
    short = ", ".join(f"{name} (from {scale:g})" for name, scale in largest.items() if scale < 1)
    remark = f" Extrapolated at 1× already: {short}." if short else ""
    return [f"**The paper profile on the twin.** At 1× as measured; at 10× and 100× extrapolated.{remark}", "\n".join(lines)]


def _line(*cells) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
