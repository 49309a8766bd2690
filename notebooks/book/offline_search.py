"""Sphinx's search shows where a page has the words by fetching it, which a browser refuses a site that is
opened as files: the texts of all pages are in one script instead, from which site.js answers."""

import json
import re
from pathlib import Path

BESIDE = re.compile(r"<(script|style|svg)\b.*?</\1>", re.DOTALL)
BLOCK, INLINE = re.compile(r"</?(p|li|t[dhr]|h\d|div|pre|br)\b[^>]*>"), re.compile(r"<(?!/?section\b)[^>]*>")


def collect(app, page, template, context, doctree):
    if doctree is not None:
        text = INLINE.sub("", BLOCK.sub(" ", BESIDE.sub(" ", context["body"])))
        app.texts[page] = re.sub(r"\s+", " ", text)


def write(app, failure):
    if failure is None:
        text = f"const TEXTS = {json.dumps(app.texts, ensure_ascii=False)};\n"
        Path(app.outdir, "_static", "texts.js").write_text(text, encoding="utf-8")


def setup(app):
    app.texts = {}
    app.connect("html-page-context", collect)
    app.connect("build-finished", write)
