"""Imports go one way, as docs/architecture.md says, in no circle, and the paper's package needs little."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = [  # of the companion, from the ground up; a module imports from floors below its own
    {"page"}, {"files", "paths", "method", "escape", "execute"}, {"data", "runs", "init_cache"},
    {"tuned_settings", "rivals", "adc_method"}, {"registry"}, {"results", "experiments"}, {"analysis"},
    {"claims"}, {"figures"}, {"use"}, {"profile"}, {"render", "lab", "verify", "pack"}, {"book", "unpack"},
]  # fmt: skip
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}


def module_names(package: Path) -> dict[str, Path]:
    """The files of a package by their dotted names."""
    files = {}
    for file in sorted(package.rglob("*.py")):
        parts = [package.name, *file.relative_to(package).with_suffix("").parts]
        files[".".join(parts).removesuffix(".__init__")] = file
    return files


MODULES = module_names(ROOT / "adc") | module_names(ROOT / "notebooks" / "companion")


def imports(module: str) -> set[str]:
    """Modules that one imports, also within functions, but not for type hints alone."""
    tree, names = ast.parse(MODULES[module].read_text(encoding="utf-8")), set()
    tree.body = [node for node in tree.body if not ast.unparse(node).startswith("if TYPE_CHECKING")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name if name in MODULES else name.rpartition(".")[0] or name for name in names} - {module}


def part(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("name", sorted({part(name) for name in MODULES if name.startswith("companion.")}))
def test_a_part_of_the_companion_imports_from_below_only(name):
    assert name in HEIGHT, f"companion.{name} is on no floor of this test and not in docs/architecture.md"
    for module in MODULES:
        if module.split(".")[:2] == ["companion", name]:
            others = {part(other) for other in imports(module) if other.startswith("companion.")} - {name}
            assert not {other for other in others if HEIGHT[other] >= HEIGHT[name]}, module


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: imports(module) & set(MODULES) for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)  # raises CycleError


def test_the_papers_package_needs_little_and_nothing_of_the_companion():
    names = {name for module in MODULES if module.split(".")[0] == "adc" for name in imports(module)}
    roots = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert roots == {"adc", "torch", "numpy", "scipy", "pandas", "tqdm"}
    for alone in ("adc.balancer", "adc.metrics", "adc.losses"):  # can be taken elsewhere as they are
        assert not imports(alone) & set(MODULES)


def test_the_tree_of_the_page_is_there():
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## ")[0]
    paths, folders = [], {}
    for indent, name in re.findall(r"^( {4,10})([\w/.]+)(?: |,)", tree, re.M):
        folders[len(indent)] = name
        folders = {width: folder for width, folder in folders.items() if width <= len(indent)}
        paths.append("".join(folders[width] for width in sorted(folders)))
    assert len(paths) > 20 and [path for path in paths if not (ROOT / path).exists()] == []
