"""The README is short, and what it and the other pages name is there."""

import re

import pytest
from conftest import ROOT

from companion.book.pages import documents

PAGES = [ROOT / "README.md", *documents()]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:adc|notebooks|tests|docs)/[\w./]+)`", text)
    named += [f"notebooks/{name}" for name in re.findall(r"`(companion/[\w./]+)`", text)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_options_that_the_pages_give_exist():
    known = (ROOT / "run_all.sh").read_text(encoding="utf-8")
    for page in PAGES:
        for command in re.findall(r"\./run_all\.sh ([a-z]+)", page.read_text(encoding="utf-8")):
            place = rf"^        (?:\w+ \| )*{command}(?: \| \w+)*\)"
            assert re.search(place, known, re.M), f"{page.name}: ./run_all.sh {command}"
