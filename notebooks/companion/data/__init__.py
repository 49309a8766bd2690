"""From a source of ratings to a dataset: `prepare` writes `data/processed/<dataset>/`, `load` reads it."""

import difflib
import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa

from adc.errors import UserError
from adc.ratings import Ratings, encode
from adc.relevance import evaluable
from adc.split import split_ratings
from companion import files, paths
from companion.data import describe, synthetic, table
from companion.data.schema import check

# Name -> module, imported when it is needed. It has LABEL (for titles), DESCRIPTION and
# `ratings(**arguments)`, which returns a table `domain, user, item, rating` (+ `timestamp`, `title`) and a
# report for the manifest ("dropped" in it: records left out, by reason). Optional: DOMAINS, their order (else
# the largest first); DOWNLOAD, True for one that `load` does not fetch unasked.
SOURCES = {
    "movielens": "companion.data.movielens",
    "insteval": "companion.data.insteval",
    "insteval14": "companion.data.insteval14",
    "control": "companion.data.control",
    "twin": "companion.data.twin",
    "amazon": "companion.data.amazon",
}
COUNTS = {"users": ("user", "nunique"), "items": ("item", "nunique"), "ratings": ("rating", "size")}


def source_module(name: str) -> ModuleType:
    """The module of a source in SOURCES."""
    return importlib.import_module(SOURCES[name])


def source_of(name: str) -> str:
    """The source of a dataset that needs no file, such as twin of `twin-s0.03`; "" for another name."""
    return name if name in SOURCES else synthetic.parse(name)[0]


def dataset_id(source: str, **options: float) -> str:
    """Name of the dataset that a source makes, and of its folder in `data/processed/`.

    source: a name in SOURCES; a synthetic dataset's (twin-s0.03-t1.0), or its source with options (scale,
    transfer, seed, …); or the path of a table, whose name carries the hash of its content: an edited file is
    another dataset. A `UserError`: unknown source, option out of range, missing file."""
    known, chosen = synthetic.parse(source)
    if known:
        return synthetic.name(known, **chosen | options)
    return source if source in SOURCES else table.dataset_id(_path(source))


def prepare(source: str, seed: int = 0, *, write: bool = True) -> Ratings:
    """Check a source's ratings and write them to `data/processed/<dataset>/`, unless they are there.

    source: as `dataset_id` takes it; seed: of the split in which every domain must have a user to evaluate.
    write=False only checks. Raises `UserError` for whatever is wrong, and leaves the data folder as it was.
    """
    dataset = dataset_id(source)
    ratings, clean = _stored(dataset), None
    if ratings is None:
        clean, facts = _read(source, dataset)
        ratings = encode(clean, dataset, facts["domains"])
    _check_evaluable(ratings, source, seed)
    if clean is not None and write:
        with files.atomic(paths.processed(dataset), folder=True) as partial:
            clean.to_parquet(partial / "ratings.parquet", index=False)
            files.write_json(partial / "manifest.json", facts)
    return ratings


def load(dataset: str) -> Ratings:
    """Ratings of a prepared dataset; one that needs neither a download nor a file is prepared if need be."""
    ratings, source = _stored(dataset), source_of(dataset)
    if ratings is not None:
        return ratings
    if source and not getattr(source_module(source), "DOWNLOAD", False):
        return prepare(dataset)
    source = source or "PATH"
    raise UserError(
        f"Dataset '{dataset}' is not prepared, or {paths.processed(dataset)} is damaged. Run the notebook "
        f"01_data with dataset = '{source}', or `./run_all.sh --data {source}` (PATH: your own file)."
    )


def transfer_remark(ratings: Ratings) -> str:
    """Why nothing of a user can be transferred from one domain to another, in words; empty where it can."""
    if ratings.p == 1:
        return f"'{ratings.name}' has one domain only, '{ratings.domains[0]}': nothing to transfer from."
    shared = describe.shared_users(ratings).to_numpy()
    if shared.sum() > shared.trace():
        return ""
    return (
        f"in '{ratings.name}' no user has ratings in more than one domain: nothing of hers can be carried "
        f"over. Are users named alike in all domains?"
    )


def manifest(dataset: str) -> dict:
    """Facts about a prepared dataset: source, arguments, counts, what was dropped, checksum, versions."""
    return json.loads((paths.processed(dataset) / "manifest.json").read_text(encoding="utf-8"))


def label(dataset: str) -> str:
    """The dataset in words, for titles: of a synthetic one transfer and what differs from the defaults."""
    facts = manifest(dataset)
    source, arguments = facts["source"], facts["arguments"]
    if source not in SOURCES:
        return f"own file {source}"
    usual = {name: default for name, (_, default, *_) in synthetic.OPTIONS.get(source, {}).items()}
    shown = [name for name, value in arguments.items() if name == "transfer" or value != usual[name]]
    words = ", ".join(f"{name} {arguments[name]:g}" for name in shown)
    return source_module(source).LABEL + (f" ({words})" if words else "")


def _path(source: str) -> Path:
    """The file that a source means; a `UserError` with the known sources when it looks like no file."""
    path = Path(source).expanduser()
    if path.exists() or table.ending(path) or path.name != source:
        return path
    close = difflib.get_close_matches(source, SOURCES, n=1)
    known = "; ".join(f"{name} ({source_module(name).DESCRIPTION})" for name in SOURCES)
    raise UserError(
        f"Unknown data source '{source}'.{f' Did you mean {close[0]!r}?' if close else ''} Known are "
        f"{known}; and the path of your own table, ending in {', '.join(table.ENDINGS)}."
    )


def _read(source: str, dataset: str) -> tuple[pd.DataFrame, dict]:
    """The checked table, its rows sorted (a file's order must not change its split), and its manifest."""
    name, (_, arguments), report, order = source_of(source), synthetic.parse(source), {}, None
    if name:
        module = source_module(name)
        raw, report = module.ratings(**arguments)
        order = getattr(module, "DOMAINS", None)
    else:
        path = _path(source)
        raw, name = table.read(path), "/".join(path.absolute().parts[-2:])
    clean, repeats = check(raw, source)
    clean = clean.sort_values(["domain", "item", "user"], ignore_index=True)
    sizes = clean["domain"].value_counts()
    order = order or sorted(sizes.index, key=lambda domain: (-sizes[domain], domain))
    return clean, {
        "dataset": dataset,
        "source": name,
        "arguments": arguments,
        "domains": [domain for domain in order if domain in sizes],
        "counts": clean.groupby("domain").agg(**COUNTS).T.to_dict(),
        "dropped": report.get("dropped", {}) | repeats,
        "report": report,
        "sha256": _checksum(clean),
        "versions": files.versions(),
    }


def _stored(dataset: str) -> Ratings | None:
    """The dataset on disk, or None when it is not there or not as it was written."""
    try:
        facts = manifest(dataset)
        clean = pd.read_parquet(paths.processed(dataset) / "ratings.parquet")
    except (OSError, ValueError, pa.ArrowException):  # ValueError: no JSON, no UTF-8
        return None
    return encode(clean, dataset, facts["domains"]) if _checksum(clean) == facts["sha256"] else None


def _checksum(clean: pd.DataFrame) -> str:
    """SHA-256 of the table's content, whatever version of Parquet wrote it."""
    digest = hashlib.sha256()
    for name, column in clean.items():
        if pd.api.types.is_numeric_dtype(column):
            cells = column.to_numpy(dtype="<f8").tobytes()
        else:
            cells = "\0".join(column.to_numpy(dtype=object)).encode()
        digest.update(f"{name}\0{len(cells)}\0".encode() + cells)
    return digest.hexdigest()


def _check_evaluable(ratings: Ratings, where: str, seed: int) -> None:
    split = split_ratings(ratings, seed)
    for k, domain in enumerate(ratings.domains):
        if not evaluable(split, k):
            raise UserError(
                f"{where}: nobody can be evaluated in domain '{domain}': no user has a test rating strictly "
                f"above the mean of her ratings there (R24; seed {seed}). Remove the domain, merge it with "
                f"another, or add users who gave different ratings."
            )
