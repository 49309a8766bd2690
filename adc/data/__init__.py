"""From a source to a dataset on disk: `prepare` makes `data/processed/<dataset>/`, `load` reads it."""

import difflib
import hashlib
import importlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from adc import files, paths, runs
from adc.data import schema, table
from adc.data.schema import Ratings
from adc.data.table1 import TABLE_I
from adc.errors import UserError

SOURCES = {
    "movielens": "real ratings, made on the spot; domains are genres",
    "twin": "synthetic, with the sizes of Table I",
    "amazon": "the paper's; data/raw/amazon/unprocessed.tar.gz, downloaded if it is not there",
}
COUNTS = {"users": ("user", "nunique"), "items": ("item", "nunique"), "ratings": ("rating", "size")}
_NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?"
_TWIN = re.compile(
    rf"twin(?:-s(?P<scale>{_NUMBER}))?(?:-t(?P<transfer>{_NUMBER}))?(?:-a(?P<asymmetry>{_NUMBER}))?"
    r"(?:-seed(?P<seed>\d+))?"
)


def dataset_id(
    source: str, seed: int = 0, scale: float = 1.0, transfer: float = 0.5, asymmetry: float = 1.0
) -> str:
    """Name of the dataset that a source and its arguments make, and of its folder under `data/processed/`.

    The arguments count for the twin only. A file's name carries the hash of its content: an edited file is
    another dataset. Raises `UserError` for an unknown source or a file that is not there.
    """
    if source == "twin":
        options = [("s", float(scale), 1.0), ("t", float(transfer), 0.5), ("a", float(asymmetry), 1.0)]
        options += [("seed", int(seed), 0)]
        return "twin" + "".join(f"-{name}{value}" for name, value, usual in options if value != usual)
    if source in SOURCES:
        return source
    path = _path(source)
    digest = hashlib.sha256(table.content(path)).hexdigest()
    slug = re.sub(r"[^a-z0-9_]+", "-", path.name[: -len(table.ending(path))].lower()).strip("-")
    return f"{slug[:40] or 'table'}-{digest[:8]}"


def twin_arguments(dataset: str) -> dict[str, Any]:
    """The arguments of `dataset_id` that a twin's name stands for, less those left at their defaults."""
    found = _TWIN.fullmatch(dataset)
    given = found.groupdict() if found else {}
    return {name: (int if name == "seed" else float)(value) for name, value in given.items() if value}


def prepare(
    source: str, seed: int = 0, scale: float = 1.0, transfer: float = 0.5, asymmetry: float = 1.0
) -> Ratings:
    """Check a source's ratings and put them into `data/processed/<dataset>/`, unless they lie there whole.

    source: "movielens", "twin", "amazon", or the path of a table (see `adc.data.table`). The twin is made with seed,
    scale, transfer and asymmetry; seed is also that of the split in which every domain must have a user to evaluate.
    Whatever is wrong raises a `UserError` and leaves the data folder as it was.
    """
    dataset = dataset_id(source, seed, scale, transfer, asymmetry)
    stored = _stored(dataset)
    if stored is None:
        arguments = {"scale": float(scale), "transfer": float(transfer), "asymmetry": float(asymmetry)}
        clean, known = _checked(source, dataset, {"seed": int(seed)} | arguments if source == "twin" else {})
    ratings = stored or _encode(clean, known)
    _check_evaluable(ratings, source, seed)
    if stored is None:
        with files.aside(paths.processed(dataset), folder=True) as partial:
            clean.to_parquet(partial / "ratings.parquet", index=False)
            files.write_json(partial / "manifest.json", known)
    if remark := alone(ratings):
        print(f"Remark: {remark}")
    return ratings


def look(source: str) -> Ratings:
    """The ratings of the reader's own file, checked as `prepare` checks them; nothing is written."""
    dataset = dataset_id(source)
    ratings = _stored(dataset) or _encode(*_checked(source, dataset, {}))
    _check_evaluable(ratings, source, 0)
    return ratings


def alone(ratings: Ratings) -> str:
    """Why nothing of a user can be carried from one domain to another, in words; empty where it can."""
    if ratings.p == 1:
        return f"'{ratings.name}' has one domain only, '{ratings.domains[0]}': there is nothing to transfer from."
    pairs = np.unique(ratings.user.astype(np.int64) * ratings.p + ratings.domain)
    if len(pairs) == len(ratings.users):
        told = "nothing of hers can be carried over. Are users named alike in all domains?"
        return f"in '{ratings.name}' no user has ratings in more than one domain: {told}"
    return ""


def load(dataset: str) -> Ratings:
    """Ratings of a prepared dataset. MovieLens and the twin are made on the spot where they are not there yet."""
    ratings = _stored(dataset)
    if ratings is not None:
        return ratings
    if dataset == "movielens":
        return prepare("movielens")
    if _TWIN.fullmatch(dataset):
        return prepare("twin", **twin_arguments(dataset))
    source = dataset if dataset in SOURCES else "PATH"
    raise UserError(
        f"Dataset '{dataset}' is not prepared, or {paths.processed(dataset)} is damaged. Run the notebook 01_data "
        f"with dataset = \"{source}\", or `./run_all.sh --data {source}`, which does so (PATH: your own file)."
    )


def manifest(dataset: str) -> dict:
    """What is known about a prepared dataset: source, arguments, counts, what was dropped, checksum, versions."""
    return json.loads((paths.processed(dataset) / "manifest.json").read_text(encoding="utf-8"))


def label(dataset: str) -> str:
    """The dataset in words, for titles; the twin is always called synthetic."""
    known = manifest(dataset)
    if known["source"] == "twin":
        told = {name: value for name, value in known["arguments"].items() if (name, value) != ("asymmetry", 1)}
        return "synthetic twin of Table I ({})".format(", ".join(f"{name} {value:g}" for name, value in told.items()))
    if known["source"] in SOURCES:
        return importlib.import_module(f"adc.data.{known['source']}").LABEL
    return f"own file {known['source']}"


def _path(source: str) -> Path:
    """The file that a source means; a `UserError` with the known sources when it looks like no file at all."""
    path = Path(source).expanduser()
    if path.exists() or table.ending(path) or path.name != source:
        return path
    near = difflib.get_close_matches(source, SOURCES, n=1)
    known = "; ".join(f"{name} ({what})" for name, what in SOURCES.items())
    raise UserError(
        f"Unknown data source '{source}'.{f' Did you mean {near[0]!r}?' if near else ''} There are four kinds: "
        f"{known}; and the path of your own table, ending in {', '.join(table.ENDINGS)}."
    )


def _checked(source: str, dataset: str, arguments: dict) -> tuple[pd.DataFrame, dict]:
    """The checked table, in an order of its own so that the split does not hang on the file's, and its manifest."""
    name = source
    if source not in SOURCES:
        path = _path(source)
        raw, report, name = table.read(path), {}, "/".join(path.absolute().parts[-2:])
    else:
        raw, report = importlib.import_module(f"adc.data.{source}").ratings(**arguments)
    clean, repeated = schema.check(raw, source)
    clean = clean.sort_values(["domain", "item", "user"], ignore_index=True)
    return clean, {
        "dataset": dataset,
        "source": name,
        "arguments": arguments,
        "domains": _order(clean["domain"], source),
        "counts": clean.groupby("domain").agg(**COUNTS).T.to_dict(),
        "dropped": report.get("dropped", {}) | repeated,
        "report": report,
        "sha256": _checksum(clean),
        "versions": runs.versions(),
    }


def _order(domain: pd.Series, source: str) -> list[str]:
    """Table I's order for what follows Table I, else the largest domain first."""
    sizes = domain.value_counts()
    if source in ("amazon", "twin"):
        return [name for name in TABLE_I if name in sizes]
    return sorted(sizes.index, key=lambda name: (-sizes[name], name))


def _encode(clean: pd.DataFrame, known: dict) -> Ratings:
    return schema.encode(clean, known["dataset"], known["domains"])


def _stored(dataset: str) -> Ratings | None:
    """The dataset on disk, or None when it is not there or not as it was written."""
    try:
        known = manifest(dataset)
        clean = pd.read_parquet(paths.processed(dataset) / "ratings.parquet")
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, pa.ArrowException):
        return None
    return _encode(clean, known) if _checksum(clean) == known["sha256"] else None


def _checksum(clean: pd.DataFrame) -> str:
    """SHA-256 of the table's content: the same whatever version of Parquet wrote it."""
    digest = hashlib.sha256()
    for name in clean.columns:
        column = clean[name]
        if pd.api.types.is_numeric_dtype(column):
            cells = column.to_numpy(dtype="<f8").tobytes()
        else:
            cells = "\0".join(column.to_numpy(dtype=object)).encode()
        digest.update(f"{name}\0{len(cells)}\0".encode() + cells)
    return digest.hexdigest()


def _check_evaluable(ratings: Ratings, where: str, seed: int) -> None:
    from adc.relevance import evaluable  # here, as these two are built on adc.data.schema
    from adc.split import split

    parts = split(ratings, seed)
    for k, domain in enumerate(ratings.domains):
        if not evaluable(parts, k):
            raise UserError(
                f"{where}: nobody can be evaluated in domain '{domain}': after the split with seed {seed} no user has "
                f"a test rating strictly above the mean of her ratings there (R24). Remove the domain, merge it with "
                f"another, or add users who gave different ratings."
            )
