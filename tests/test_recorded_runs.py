"""The committed verdicts once more from the committed scores (docs/runs), by the second route of `again`."""

import again
import pandas as pd
import pytest
from conftest import ROOT

from companion import data
from companion.claims import export

TABLES = sorted((ROOT / "docs/runs").glob("*.csv"))
WHOLE = dict.fromkeys(("hidden_layers", "dim", "negatives"), "Int64")


class Recorded(again.Ledger):
    """The verdicts from a table of docs/runs; None of users' scores, of epochs in common and of seconds."""

    significant = rates = efficient = lambda self: None

    def history(self, gamma):
        keys = {s: ("adc", 3, gamma, "", 100, 5, s) for s in self.every_seed}
        return {s: [self.courses[self.place[key], k] for k in self.targets]
                for s, key in keys.items() if key in self.place}  # fmt: skip


def rows(table: pd.DataFrame) -> list[dict]:
    """The rows of a table of docs/runs, one a score."""
    scores = [name for name in table if "@" in name]
    long = table.melt([name for name in table if name not in scores], scores, "score")
    long[["metric", "n"]] = long.pop("score").str.lower().str.split("@", expand=True)
    return long.astype({"n": int}).rename(columns={"domain": "target"}).assign(seconds=1).to_dict("records")


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_the_verdicts_follow_from_the_scores(file):
    dataset, _, ending = file.stem.partition("-")
    table = pd.read_csv(file, dtype=WHOLE).fillna({"domains": "", "variant": ""})
    ledger = Recorded(rows(table), data.load(dataset).table()["ratings"].to_dict())
    courses = table.set_index(["run", "domain"])[["rate", "weight", "norm"]]
    ledger.courses = courses.to_dict("index")
    verdicts = {f"C{number}": verdict for number, verdict in enumerate(ledger.verdicts(), 1)}
    records = export.read(ROOT / f"docs/claims{'-' * bool(ending)}{ending}.json")
    records = [each for each in records if each["dataset"] == dataset and each["runs"]]
    own = {f"data/runs/{dataset}/{run}": run for run in table["run"]}
    decided = [each for each in records if not own.keys().isdisjoint(each["runs"])]  # or by control worlds
    assert {run for each in decided for run in each["runs"]} == own.keys()
    known = {each["claim"]: each["verdict"] for each in decided if verdicts[each["claim"]] is not None}
    assert known == {claim: verdicts[claim] for claim in known} and len(known) >= len(decided) - 3
