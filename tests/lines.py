"""How many lines there are, and what a file must not be: `./run_all.sh test` and CI print it first."""

import ast
import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUDGETS = {  # what is counted -> how many lines it may have
    "adc": (2000, ["adc/**/*.py"]),
    "notebooks/companion": (6000, ["notebooks/companion/**/*.py"]),
    "workflow": (600, ["run_all.sh", "environment.sh", "notebooks/Snakefile",
                       "notebooks/companion/execute.py"]),
    "tests": (10000, ["tests/**/*.py", "tests/**/*.sh"]),
}  # fmt: skip
LONGEST_FILE, WIDEST_LINE, WIDEST_CELL = 300, 110, 100
CODE = (".py", ".sh", ".yaml", ".yml", ".toml", "Snakefile")


def main() -> int:
    """Print the budgets and every rule that is broken; the exit code says whether one is."""
    for name, (most, patterns) in BUDGETS.items():
        lines = sum(length(file) for pattern in patterns for file in ROOT.glob(pattern))
        print(f"{name:20} {lines:6,} lines of {most:,}{'' if lines <= most else ': over budget'}")
    broken = [*long_files(), *wide_lines(), *circles(), *wrong_ways()]
    print("\n".join(broken), end="\n" * bool(broken))
    return int(bool(broken))


def length(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def code() -> list[Path]:
    """Every file of code in the project; what git ignores is none."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    files = [ROOT / name for name in names] or [*ROOT.rglob("*")]  # a copy without git
    files = [file for file in files if file.name.endswith(CODE) and file.is_file()]
    return [file for file in files if not {".env", ".venv"} & {*file.parts}]


def long_files() -> list[str]:
    return [f"{name(file)}: {length(file)} lines" for file in code() if length(file) > LONGEST_FILE]


def wide_lines() -> list[str]:
    """Lines that are too wide, of code and in notebooks; tables and equations there may be wider."""
    result = []
    for file in code():
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            result += [f"{name(file)}:{number}: {len(line)} columns"] if len(line) > WIDEST_LINE else []
    for file in [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("notebooks/extras/*.ipynb")]:
        for number, cell in enumerate(json.loads(file.read_text(encoding="utf-8"))["cells"], 1):
            wide = [line for line in "".join(cell["source"]).splitlines() if len(line) > WIDEST_CELL]
            if cell["cell_type"] == "markdown":
                wide = [line for line in wide if "|" not in line and "\\" not in line]
            result += [f"{name(file)}, cell {number}: {len(line)} columns" for line in wide]
    return result


def imports() -> dict[str, set[str]]:
    """Module of adc or companion -> those that it imports, within functions too."""
    files = {}
    for package, base in (("adc", ROOT), ("companion", ROOT / "notebooks")):
        for file in (base / package).rglob("*.py"):
            parts = file.relative_to(base).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return {module: _imported(module, file, {*files}) for module, file in files.items()}


def _imported(module: str, file: Path, known: set[str]) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= full if full <= known else full | {node.module}
    return {name for name in names & known if name != module and not module.startswith(f"{name}.")}


def circles() -> list[str]:
    """Modules that import each other, over whatever way; the first circle that there is."""
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        return [f"{' imports '.join(error.args[1][::-1])}"]
    return []


def wrong_ways() -> list[str]:
    """adc imports nothing of companion, and of other packages these only."""
    allowed = {*sys.stdlib_module_names, "adc", "torch", "numpy", "scipy", "pandas", "tqdm"}
    result = []
    for file in (ROOT / "adc").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            outside = {name.partition(".")[0] for name in names} - allowed
            result += [f"{name(file)} imports {package}" for package in sorted(outside)]
    return result


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
