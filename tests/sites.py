"""The site in a browser that has no network: what there is to see on a page, and a reader's own pages."""

import json
import shutil
from pathlib import Path

import nbformat

from companion.claims import verdicts

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = 390  # pixels
LOOK = """() => {
    const article = document.querySelector("main").cloneNode(true);
    const formulas = [...document.querySelectorAll("main .math")];
    const bare = f => !f.querySelector("mjx-container") || f.querySelector("mjx-merror");
    article.querySelectorAll("pre, code, .math, script, style").forEach(part => part.remove());
    return {
        formulas: formulas.length, untypeset: formulas.filter(bare).map(f => f.textContent),
        raw: article.textContent.match(/\\$\\$|\\\\[(\\[]|\\\\[a-z]+\\{/g) ?? [],
        pictures: [...document.images].map(i => [i.src.slice(0, 99), i.naturalWidth]),
        links: [...document.querySelectorAll("a[href]")].map(a => a.href),
        nowhere: document.querySelectorAll('article [href="#"]').length,
        anchors: [...document.querySelectorAll("[id]")].map(e => e.id),
        verdicts: [...document.querySelectorAll("td.verdict")].map(
            e => [e.textContent, getComputedStyle(e).backgroundColor]),
    };
}"""
THEME = """() => {
    const text = document.querySelector("main p") || document.body;
    return [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor,
            getComputedStyle(text).color];
}"""
FIT = """() => {
    const parts = [document.documentElement, document.body, ...document.querySelectorAll("main, article")];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), small = new Set();
    while (texts.nextNode()) {
        const [text, part] = [texts.currentNode.data.trim(), texts.currentNode.parentElement];
        const size = parseFloat(getComputedStyle(part).fontSize);
        const typeset = part.closest("mjx-container, script, style");
        if (text && size < 12 && !typeset && part.checkVisibility()) small.add(`${size} ${text}`);
    }
    const wide = parts.map(part => part.scrollWidth).filter(width => width > window.innerWidth);
    return [...wide, ...small];
}"""
TABLES = r"""() => [...document.querySelectorAll("table.dataframe")].map(table => {
    const rows = [...table.tBodies[0].rows].map(row => [...row.querySelectorAll("td")]);
    const first = [...table.tBodies[0].rows[0].cells].map(cell => getComputedStyle(cell));
    const simple = cell => !cell || /^[-\d.]+(\s±\s[\d.]+)?$/.test(cell.textContent.trim());
    const columns = rows[0].map((_, column) => rows.map(row => row[column]))
        .filter(cells => cells.every(simple));
    return {
        apart: first.every(style => parseFloat(style.paddingLeft) >= 4),
        numbers: columns.map(cells => getComputedStyle(cells[0]).textAlign),
        fixed: first[0].position,
    };
})"""


RECORD = {  # of docs/claims.json, with what a file may say
    "dataset": "movielens", "profile": "claims", "claim": "C1", "theme": "Balancing", "section": "§IV-E",
    "says": "<script>document.title = 'x'</script> balanced\n```\n", "paper": "a & b", "ours": "+0.01 ± 0.02",
    "n": 5, "rule": "above", "difference": 0.01, "low": -0.01, "high": 0.03, "margin": 0.006, "more": 3,
    "verdict": verdicts.OPEN, "runs": ["data/runs/movielens/adc-1", "data/runs/movielens/adc-2"],
}  # fmt: skip
UNTESTABLE = {
    "dataset": "insteval", "profile": "claims", "claim": "C2", "theme": "The data", "section": "Table I",
    "says": "six domains", "paper": "p = 6", "ours": "–", "n": "–", "more": None, "runs": [],
    "verdict": verdicts.UNTESTABLE,
}  # fmt: skip
LANGUAGE = {"language_info": {"name": "python"}, "kernelspec": {"name": "python3", "display_name": "Python"}}
OWN = "tea_and_<b>cups.csv"


def report(home: Path, job: str, text: str) -> None:
    """An executed notebook on the reader's own file, and what the companion knows of the file."""
    for folder in ("executed/own/tea-12", "processed/tea-12"):
        (home / "data" / folder).mkdir(parents=True, exist_ok=True)
    manifest = {"source": OWN, "arguments": {}}
    (home / "data/processed/tea-12/manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    cells = [
        nbformat.v4.new_markdown_cell(f"# {job[:2]} · Of a file\n\n{text}"),
        nbformat.v4.new_code_cell('dataset = "movielens"', metadata={"tags": ["parameters"]}),
    ]
    stamp = {"notebook": f"notebooks/{job}.ipynb", "source": "0" * 64, "parameters": {"dataset": "tea-12"}}
    stamp |= {"date": "2026-01-31", "versions": {"adc": "0"}}
    executed = nbformat.v4.new_notebook(cells=cells, metadata={"adc": stamp} | LANGUAGE)
    nbformat.write(executed, home / f"data/executed/own/tea-12/{job}.ipynb")


def shown(site: Path) -> list[Path]:
    return [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]


def visit(context, path: Path, site: Path) -> dict:
    page, facts = context.new_page(), {"errors": [], "outside": []}
    page.on("console", lambda line: line.type in ("error", "warning") and facts["errors"].append(line.text))
    page.on("pageerror", lambda error: facts["errors"].append(str(error)))
    page.on("requestfailed", lambda request: facts["errors"].append(f"not loaded: {request.url}"))

    def within(route):
        inside = route.request.url.startswith((site.as_uri(), "data:"))
        facts["outside"] += [] if inside else [route.request.url]
        route.continue_() if inside else route.abort()

    page.route("**/*", within)
    page.goto(path.as_uri())
    page.evaluate("() => window.MathJax?.startup?.promise")
    facts |= page.evaluate(LOOK)
    facts["light"], facts["misfit"], facts["tables"] = map(page.evaluate, (THEME, FIT, TABLES))
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    facts["dark"] = page.evaluate(THEME)
    page.set_viewport_size({"width": PHONE, "height": 844})
    facts["misfit"] += page.evaluate(FIT)
    page.close()
    return facts
