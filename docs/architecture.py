"""Draws docs/architecture.svg from the imports of adc, its notebooks and their workflow: `./run_all.sh python docs/architecture.py`.

What is drawn is read from the code; the layers and what each is for stand below. A module that stands in no layer, or
imports from a layer above its own, stops the drawing.
"""

import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
# from top to bottom; groups of one layer do not import each other. A package stands for all its modules;
# a group without a name leaves room for arrows
LAYERS = [
    {"the paper's story": ("prose, equations, calls and pictures; the workflow runs the notebooks", ["notebooks", "workflow"])},
    {
        "pictures": ("all figures of the notebooks, in one language", ["plots"]),
        "exploring": ("notebook 10: one user's lists, what drove them; training that can be watched; controls", ["explore"]),
    },
    {"claims": ("the ledger: measure, rule, verdict", ["claims"]), "": ("", [])},
    {"results": ("read from run folders: Table II, Figs. 2 to 4, intervals and tests", ["results", "report", "stats", "own"])},
    {
        "experiments": ("which runs there are: search, studies", ["tune", "studies", "searched"]),
        "recommending": ("a finished run in use, for anybody", ["recommend", "foldin", "stored"]),
    },
    {
        "methods": (
            "ADC (Eq. 3) and its rivals, a file each; epochs, early stopping, one look at the test set",
            ["train", "residual", "baselines", "fit"],
        )
    },
    {
        "network and losses": (
            "Eqs. 1 and 2, Fig. 1, the start, what makes it fast",
            ["model", "loss", "mf", "started", "sample", "pairs", "through", "optim"],
        ),
        "ranking": ("recall and NDCG", ["evaluate", "metrics"]),
        "settings": ("every reading a parameter", ["settings", "tuned"]),
    },
    {
        "ratings": ("a file a source; one schema, one split", ["data", "split", "relevance"]),
        "balancers": ("Eqs. 4 and 5; know nothing of ratings", ["balancer", "balancers"]),
    },
    {"ground": ("run folders, files written whole or not at all, paths, messages", ["runs", "files", "paths", "errors", "looks"])},
]
# what a group does with run folders, for its colour and, so that nothing hangs on colour, in words
ROLES = {
    **dict.fromkeys(["pictures", "claims", "exploring", "results", "recommending"], "reads runs"),
    **dict.fromkeys(["experiments", "methods", "network and losses", "ranking", "settings", "balancers"], "makes runs"),
    **dict.fromkeys(["ratings", "ground"], "files"),
}
GROUPS = {name: modules for layer in LAYERS for name, (_, modules) in layer.items()}
DEPTH = {name: depth for depth, layer in enumerate(LAYERS) for name in layer}


def sources() -> dict[str, str]:
    """Code of every module by its short name; all of a package stands under its own (`baselines.bpr` under `baselines`)."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "adc").rglob("*.py")):
        name = file.relative_to(ROOT / "adc").parts[0].removesuffix(".py")
        if name != "__init__":
            found[name] = found.get(name, "") + file.read_text(encoding="utf-8") + "\n"
    found["workflow"] = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "notebooks/workflow").glob("*.py")))
    cells = [cell for file in sorted((ROOT / "notebooks").glob("*.ipynb")) for cell in json.loads(file.read_text("utf-8"))["cells"]]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in [*"".join(cell["source"]).splitlines()]]
    found["notebooks"] = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    return found


def imported(code: str) -> set[str]:
    """Short names of the modules of adc, or `workflow`, that some code imports, also within functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    own = {name.split(".")[1] for name in names if name.startswith("adc.")} - {"__version__"}
    return own | {"workflow" for name in names if name.split(".")[0] == "workflow"}


def edges() -> dict[tuple[str, str], set[str]]:
    """(group, group it imports from) -> the imports, as "module imports module". `SystemExit` where a rule is broken."""
    code = sources()
    of = {module: group for group, modules in GROUPS.items() for module in modules}
    lost, gone = sorted(set(code) - set(of)), sorted(set(of) - set(code))
    if lost or gone:
        sys.exit(f"LAYERS of docs/architecture.py: not in a layer: {', '.join(lost) or 'none'}; not there: {', '.join(gone) or 'none'}.")
    found: dict[tuple[str, str], set[str]] = {}
    for module, text in code.items():
        for other in imported(text) - {module}:
            if of[other] != of[module]:
                found.setdefault((of[module], of[other]), set()).add(f"{module} imports {other}")
    up = sorted(told for (a, b), some in found.items() if DEPTH[b] <= DEPTH[a] for told in some)
    if up:
        sys.exit(f"Imports go down the layers of docs/architecture.py only; these do not: {', '.join(up)}.")
    return found


def needed(found: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that do not follow from others."""

    def reaches(a: str, b: str) -> bool:
        return (a, b) in found or any(reaches(c, b) for x, c in found if x == a)

    return sorted((a, b) for a, b in found if not any(x == a and c != b and reaches(c, b) for x, c in found))


# The drawing

WIDTH, GAP, MARGIN, PAD = 860, 40, 24, 14  # pixels, as all below
TITLE, LINE = 17, 20  # size of a title; from line to line
LETTER = 7.3  # width of a letter of a module's name
ROLE = 13  # letters of that width which a role takes beside the last line
STYLE = """
  .paper { fill: #ffffff } .box { fill: #f4f6f8; stroke: #8a949e }
  .story { fill: #767676 } .reads { fill: #d55e00 } .makes { fill: #0072b2 } .files { fill: #009e73 }
  .title { fill: #1b1f23; font-weight: 600; font-size: 17px } .what, .role { fill: #4a525a; font-size: 13.5px }
  .module { fill: #00507d; font: 12.5px ui-monospace, Menlo, Consolas, monospace }
  .arrow { stroke: #57606a; fill: none; stroke-width: 1.6 } .head { fill: #57606a }
  text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .box { fill: #161b22; stroke: #6e7681 }
    .story { fill: #9aa4af } .reads { fill: #e69f00 } .makes { fill: #56b4e9 } .files { fill: #2fbf94 }
    .title { fill: #f0f3f6 } .what, .role { fill: #b6bec7 } .module { fill: #8fd0f5 }
    .arrow { stroke: #9aa4af } .head { fill: #9aa4af }
  }
"""


def wrapped(words: list[str], most: float) -> list[str]:
    """Words in lines of at most so many letters."""
    lines = [""]
    for word in words:
        lines += [""] if lines[-1] and len(lines[-1]) + 2 + len(word) > most else []
        lines[-1] += ("  " if lines[-1] else "") + word
    return lines


def boxes() -> dict[str, tuple[float, float, float, float, list[str]]]:
    """Group -> x, y, width, height, and its lines: what it is for, an empty one, modules, room for its role."""
    found, y = {}, float(MARGIN)
    for layer in LAYERS:
        width = (WIDTH - 2 * MARGIN - GAP * (len(layer) - 1)) / len(layer)
        texts = {}
        for name, (what, modules) in layer.items():
            told = [line.replace("  ", " ") for line in wrapped(what.split(), (width - 2 * PAD) / 6.9)]
            texts[name] = [*told, "", *wrapped(modules, (width - 2 * PAD) / LETTER)]
            texts[name] += [""] if len(texts[name][-1]) > (width - 2 * PAD) / LETTER - ROLE else []
        height = 2 * PAD + TITLE + LINE * max(map(len, texts.values())) - LINE / 2
        for place, (name, lines) in enumerate(texts.items()):
            found[name] = (MARGIN + place * (width + GAP), y, width, height, lines)
        y += height + GAP
    found.pop("", None)
    return found


def drawn() -> str:
    """The picture as SVG."""
    placed, found = boxes(), edges()
    height = max(y + h for _, y, _, h, _ in placed.values()) + MARGIN
    parts = [f'<rect class="paper" width="{WIDTH}" height="{height:g}"/>']
    for a, b in needed(set(found)):
        parts += arrow(placed, a, b)
    for name, (x, y, w, h, lines) in placed.items():
        role = ROLES.get(name, "story")
        parts.append(f'<rect class="box" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6"/>')
        parts.append(f'<rect class="{role.split()[0]}" x="{x:g}" y="{y:g}" width="5" height="{h:g}" rx="2.5"/>')
        down = y + PAD + TITLE - 3
        parts.append(f'<text class="title" x="{x + PAD:g}" y="{down:g}">{name}</text>')
        if name in ROLES:
            parts.append(f'<text class="role" x="{x + w - PAD:g}" y="{y + h - PAD:g}" text-anchor="end">{role}</text>')
        kind = "what"
        for line in lines:
            down += LINE if line else LINE / 2
            parts += [f'<text class="{kind}" x="{x + PAD:g}" y="{down:g}" xml:space="preserve">{line}</text>'] if line else []
            kind = kind if line else "module"
    told = "; ".join(f"{a} imports from {b}" for a, b in sorted(found))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" role="img">'
    about = f"<title>The layers of the companion; arrows: imports</title>\n<desc>{told}.</desc>"
    return "\n".join([head, about, f"<style>{STYLE}</style>", *parts, "</svg>\n"])


def arrow(placed: dict, a: str, b: str) -> list[str]:
    """From the lower edge of a group to the upper edge of one below, spread so that none lies on another."""
    (ax, ay, aw, ah, _), (bx, by, bw, _, _) = placed[a], placed[b]
    low, high = max(ax, bx), min(ax + aw, bx + bw)
    end = (low + high) / 2 if high > low else (bx + bw / 2)
    start = end if ax <= end <= ax + aw else (ax + aw / 2)
    top, bottom = ay + ah, by - 7
    half = (top + bottom) / 2
    line = f'<path class="arrow" d="M {start:g} {top:g} C {start:g} {half:g}, {end:g} {half:g}, {end:g} {bottom:g}"/>'
    return [line, f'<path class="head" d="M {end - 5:g} {bottom:g} h 10 l -5 7 z"/>']


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
