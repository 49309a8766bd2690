"""The companion's parts import from below only, as docs/architecture.md says; circles: tests/lines.py."""

import re

import lines
import pytest
from conftest import ROOT

FLOORS = [  # of the companion, from the ground up; a module imports from floors below its own
    {"page", "source"}, {"files", "paths", "method", "escape", "execute"}, {"data", "runs", "init_cache"},
    {"tuned_settings", "rivals", "adc_method"}, {"registry"}, {"results", "experiments"}, {"analysis"},
    {"claims"}, {"figures"}, {"use"}, {"profile"}, {"render", "lab", "verify", "pack"}, {"book", "unpack"},
]  # fmt: skip
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
IMPORTS = lines.imports()


def part(module: str) -> str:
    return module.partition("companion.")[2].partition(".")[0]


@pytest.mark.parametrize("name", sorted({*map(part, IMPORTS)} - {""}))
def test_a_part_of_the_companion_imports_from_below_only(name):
    assert name in HEIGHT, f"companion.{name} is on no floor of this test and not in docs/architecture.md"
    for module in IMPORTS:
        if part(module) == name:
            others = {*map(part, IMPORTS[module])} - {"", name}
            assert not {other for other in others if HEIGHT[other] >= HEIGHT[name]}, module


@pytest.mark.parametrize("alone", ["adc.balancer", "adc.metrics", "adc.losses"])
def test_what_may_be_taken_elsewhere_as_it_is_imports_nothing_of_ours(alone):
    assert not IMPORTS[alone]


def test_the_tree_of_the_page_is_there():
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## ")[0]
    paths, folders = [], {}
    for indent, name in re.findall(r"^( {4,10})([\w/.]+)(?: |,)", tree, re.M):
        folders[len(indent)] = name
        folders = {width: folder for width, folder in folders.items() if width <= len(indent)}
        paths.append("".join(folders[width] for width in sorted(folders)))
    assert len(paths) > 20 and [path for path in paths if not (ROOT / path).exists()] == []
