"""From a source of ratings to a dataset: `prepare` writes `data/processed/<dataset>/`, `load` reads it."""

import difflib
import hashlib
import importlib
import json
import os
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adc.errors import UserError
from adc.ratings import Ratings, encode
from adc.relevance import evaluable, no_levels
from adc.split import split_ratings
from companion import files, paths
from companion.data import describe, synthetic, table
from companion.data.schema import KEY, check, combined
from companion.data.table import Files

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
_AT_ONCE = 1 << 20
Source = str | Path | list | tuple  # several files may be one dataset


def source_module(name: str) -> ModuleType:
    """The module of a source in SOURCES."""
    return importlib.import_module(SOURCES[name])


def source_of(name: str) -> str:
    """The source of a dataset that needs no file, such as twin of `twin-s0.03`; "" for another name."""
    return name if name in SOURCES else synthetic.parse(name)[0]


def dataset_id(source: Source, reading: dict | None = None, **options: float) -> str:
    """Name of the dataset that a source makes, and of its folder in `data/processed/`.

    source: a name in SOURCES; a synthetic dataset's (twin-s0.03-t1.0), or its source with options (scale,
    transfer, seed, …); or the path of a table, or of several that are one dataset, whose name carries the
    hash of their content and of `reading`: an edited file is another dataset. reading: how files are read, in
    the words of the command line, as in {"columns": "user=uid", "separator": ";", "not_a_rating": "0"}.
    A `UserError`: unknown source, option out of range, missing file."""
    known, chosen = synthetic.parse(source) if isinstance(source, str) else ("", {})
    if known:
        return synthetic.name(known, **chosen | options)
    own = _own(source, reading)
    return own.dataset_id if own else source


def prepare(source: Source, seed: int = 0, *, reading: dict | None = None, write: bool = True) -> Ratings:
    """Check a source's ratings and write them to `data/processed/<dataset>/`, unless they are there.

    source, reading: as `dataset_id` takes them; where `reading` has "files" too, source is the name that they
    had when the work was planned. seed: of the split in which every domain must have a user to evaluate.
    With write=False it is only checked. Raises `UserError` for whatever is wrong, and leaves the data folder
    as it was.
    """
    return _prepare(source, reading, seed, write)[0]


def preview(source: Source, reading: dict | None = None, write: bool = False) -> list[str]:
    """What is odd in a source, in sentences. It is checked, and written with `write`, as by `prepare`."""
    return remarks(*_prepare(source, reading, 0, write))


def _prepare(source: Source, reading: dict | None, seed: int, write: bool) -> tuple[Ratings, dict]:
    """The ratings of a source and their manifest."""
    own, planned = _own(source, reading), source if (reading or {}).get("files") else ""
    where = ", ".join(map(str, own.paths)) if own else str(source)
    dataset = planned or dataset_id(source, reading)
    if (ratings := _stored(dataset)) is not None:
        _check_evaluable(ratings, where, seed)
        return ratings, manifest(dataset)
    if planned and own.dataset_id != planned:
        fault = "has changed" if len(own.paths) == 1 else "have changed, one or several,"
        raise UserError(f"{where} {fault} since this call began. Give the same command again.")
    clean, facts = _read(where, dataset, own)
    ratings = encode(clean, dataset, facts["domains"])
    facts["counts"] = ratings.table()[["users", "items", "ratings"]].T.to_dict()
    _check_evaluable(ratings, where, seed)
    if write:
        with files.atomic(paths.processed(dataset), folder=True) as partial:
            clean.to_parquet(partial / "ratings.parquet", index=False)
            facts["parquet"] = files.digest(partial / "ratings.parquet")
            files.write_json(partial / "manifest.json", facts)
            if _stored(dataset) is not None:  # another call was quicker, and it may be read by now
                shutil.rmtree(partial)
    return ratings, facts


def load(dataset: str) -> Ratings:
    """Ratings of a prepared dataset; one that needs neither a download nor a file is prepared if need be."""
    ratings, source = _stored(dataset), source_of(dataset)
    if ratings is not None:
        return ratings
    if source and not getattr(source_module(source), "DOWNLOAD", False):
        return prepare(dataset)
    if not source and not table.FILE_HASH.search(dataset):
        _own(dataset, None)  # a slip: the error that names what there is
    source = source or "PATH"
    raise UserError(
        f"Dataset '{dataset}' is not prepared, or {paths.processed(dataset)} is damaged. Run the notebook "
        f"01_data with dataset = '{source}', or `./run_all.sh --data {source}` (PATH: your own file)."
    )


def remarks(ratings: Ratings, facts: dict | None = None) -> list[str]:
    """How a dataset was read where that is not plain, and what is odd in it, in sentences. facts: its
    manifest, where it is not prepared."""
    facts = facts or manifest(ratings.name)
    equal = [name for k, name in enumerate(ratings.domains) if no_levels(ratings.rating[ratings.domain == k])]
    levels = f"all ratings of {', '.join(equal)} are equal: each item that a user rated is relevant (R24)."
    return [*facts.get("remarks", []), *filter(None, [equal and levels, transfer_remark(ratings)])]


def has_domains(path: str, reading: dict | None = None) -> bool:
    """Whether a reader's own file has a column of domains, by a look at its beginning."""
    own = _own(path, reading)
    return "domain" in table.look(own.paths[0], own)


def find(path: str | Path) -> str:
    """The dataset that was prepared from a file, however it was read; where none was, the name that it would
    have. A `UserError`: it was read in several ways, none of them without options."""
    plain, own = dataset_id(path), _own(path, None)
    if own is None or (paths.processed(plain) / "manifest.json").exists():
        return plain
    (digest,) = own.hashes.values()
    names = [file.parent.name for file in sorted(paths.processed("").glob("*/manifest.json"))]
    names = [name for name in names if digest in manifest(name).get("files", {}).values()]
    if len(names) > 1:
        raise UserError(f"{path}: was read in several ways. Name one of these datasets: {', '.join(names)}.")
    return names[0] if names else plain


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
        return f"own file{'s' * (', ' in source)} {source}"
    usual = {name: default for name, (_, default, *_) in synthetic.OPTIONS.get(source, {}).items()}
    shown = [name for name, value in arguments.items() if name == "transfer" or value != usual[name]]
    words = ", ".join(f"{name} {arguments[name]:g}" for name in shown)
    return source_module(source).LABEL + (f" ({words})" if words else "")


def is_file(source: Source) -> bool:
    """Whether a source is a reader's own file, by its name."""
    return isinstance(source, (Path, list, tuple)) or bool("/" in source or table.ending(Path(source)))


def _own(source: Source, reading: dict | None) -> Files | None:
    """The files that a source means, and how they are read; None for a known source. A `UserError` with the
    known sources when it looks like no file."""
    reading = dict(reading or {})
    names = reading.pop("files", None) or ([source] if isinstance(source, (str, Path)) else list(source))
    if not names:
        raise UserError(f"No source of ratings is named. Known are {', '.join(SOURCES)}, and paths of files.")
    known = [str(name) for name in names if source_of(str(name))]
    if known and len(names) == 1:
        return None
    if known:
        raise UserError(f"'{known[0]}' is a known source, which no file is joined with. Give it alone.")
    if unknown := reading.keys() - {"columns", "separator", "not_a_rating"}:
        words = "Known: columns, separator, not_a_rating, files"
        raise UserError(f"reading: unknown {', '.join(unknown)}. {words}.")
    name = str(names[0])
    if is_file(name) or os.path.exists(os.path.expanduser(name)):
        return Files.of(names, **reading)
    close = difflib.get_close_matches(name, SOURCES, n=1)
    known = "; ".join(f"{name} ({source_module(name).DESCRIPTION})" for name in SOURCES)
    raise UserError(
        f"Unknown data source '{name}'.{f' Did you mean {close[0]!r}?' if close else ''} Known are {known}; "
        f"and the path of your own table, such as ./my.csv or one ending in {', '.join(table.ENDINGS[:5])}."
    )


def _read(where: str, dataset: str, own: Files | None) -> tuple[pd.DataFrame, dict]:
    """The checked table, its rows sorted (a file's order must not change its split), and its manifest.
    where: the files, or the name of a known source."""
    report, order, facts = {}, None, {}
    if own is None:
        name, arguments = source_of(where), synthetic.parse(where)[1]
        module = source_module(name)
        raw, report = module.ratings(**arguments)
        order = getattr(module, "DOMAINS", None)
        clean, dropped, odd = check(raw, where)
    else:
        raw, arguments = table.read(own), {}
        name = ", ".join(own.hashes)
        try:
            clean, dropped, odd = check(raw.frame, where, raw.locate, own.not_a_rating)
        except UserError as error:  # the reason may be that the file was not read as it is meant
            raise UserError(" ".join([str(error), *raw.remarks])) from error
        facts = {"files": own.hashes, "reading": own.options()}
        odd = raw.remarks + odd
        del raw
    clean = clean.take(np.argsort(combined(clean, ["domain", "item", "user"]))).reset_index(drop=True)
    sizes = clean["domain"].value_counts()
    order = order or sorted(sizes.index, key=lambda domain: (-sizes[domain], domain))
    return clean, {
        "dataset": dataset,
        "source": name,
        "arguments": arguments,
        "domains": [domain for domain in order if sizes.get(domain, 0)],
        "dropped": report.get("dropped", {}) | dropped,
        "report": report,
        "remarks": odd,
        "sha256": _checksum(clean),
        "versions": files.versions(),
    } | facts


def _stored(dataset: str) -> Ratings | None:
    """The dataset on disk, or None when it is not there or not as it was written."""
    try:
        facts = manifest(dataset)
        file = paths.processed(dataset) / "ratings.parquet"
        if files.digest(file) != facts["parquet"]:
            return None
        names = [name for name in pq.read_schema(file).names if name != "timestamp"]
        clean = pq.read_table(file, columns=names, read_dictionary=[*KEY, "title"])
        clean = clean.to_pandas(ignore_metadata=True, split_blocks=True, self_destruct=True)
    except (OSError, KeyError, ValueError, pa.ArrowException):  # of another version; no JSON, no UTF-8
        return None
    return encode(clean, dataset, facts["domains"])


def _checksum(clean: pd.DataFrame) -> str:
    """SHA-256 of the table's content, whatever version of Parquet wrote it: of each column its name, the
    number of its bytes and these, texts with a NUL between them."""
    digest = hashlib.sha256()
    for name, column in clean.items():
        if pd.api.types.is_numeric_dtype(column):
            cells = column.to_numpy(dtype="<f8").tobytes()
            digest.update(f"{name}\0{len(cells)}\0".encode() + cells)
            continue
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
        texts = np.array([f"{value}\0".encode() for value in values], dtype=object)
        size = np.array([*map(len, texts)])[codes].sum() - 1
        digest.update(f"{name}\0{size}\0".encode())
        for start in range(0, len(codes), _AT_ONCE):  # a table of millions is never one text in memory
            part = b"".join(texts[codes[start : start + _AT_ONCE]])
            digest.update(part if start + _AT_ONCE < len(codes) else part[:-1])
    return digest.hexdigest()


def _check_evaluable(ratings: Ratings, where: str, seed: int) -> None:
    split = split_ratings(ratings, seed)
    nobody = [repr(domain) for k, domain in enumerate(ratings.domains) if not evaluable(split, k)]
    if nobody:
        raise UserError(
            f"{where}: nobody can be evaluated in domain {', '.join(nobody)}: no user has a test rating "
            f"strictly above the mean of her ratings there (R24; seed {seed}). Remove the domain, merge it "
            f"with another, or add users who gave different ratings."
        )
