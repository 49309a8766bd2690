"""The picture of the architecture is that of the code, and its rules can be broken."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def architecture():
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "docs" / "architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_picture_is_that_of_the_code(architecture):
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.drawn(), (
        "docs/architecture.svg is out of date: `./run_all.sh python docs/architecture.py` draws it anew"
    )


def test_nothing_is_written_outside_its_box(architecture):
    for x, _, width, _, lines in architecture.boxes().values():
        assert x >= 0 and x + width <= architecture.WIDTH
        assert max(map(len, lines)) * architecture.LETTER < width


def test_the_parts_that_can_be_taken_elsewhere_know_nothing_of_ratings_and_nothing_in_adc_of_notebooks(architecture):
    code = architecture.sources()
    assert architecture.imported(code["balancer"]) == architecture.imported(code["metrics"]) == set()
    del code["notebooks"], code["workflow"]
    assert len(code) > 30 and not [name for name, text in code.items() if {"workflow", "notebooks"} & architecture.imported(text)]
    pictures = set(architecture.GROUPS["pictures"])
    assert not [name for name, text in code.items() if name not in pictures and pictures & architecture.imported(text)]


@pytest.mark.parametrize(
    ("module", "text", "told"),
    [
        ("balancer", "def f():\n    from adc import data", "balancer imports data"),
        ("metrics", "import adc.plots", "metrics imports plots"),
        ("evaluate", "from adc.settings import named", "evaluate imports settings"),
        ("brand_new", "", "not in a layer: brand_new"),
    ],
)
def test_a_broken_rule_is_told(architecture, monkeypatch, module, text, told):
    code = architecture.sources()
    monkeypatch.setattr(architecture, "sources", lambda: code | {module: code.get(module, "") + "\n" + text})
    with pytest.raises(SystemExit, match=re.escape(told)):
        architecture.edges()


def test_arrows_that_follow_from_others_are_left_out(architecture):
    found = {("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d"), ("x", "d")}
    assert architecture.needed(found) == [("a", "b"), ("b", "c"), ("c", "d"), ("x", "d")]
