"""Runs of an archive of `./run_all.sh pack`, put where the notebooks find them: `./run_all.sh unpack FILE`.

Nothing is written before everything in it was looked at: that there are only files that belong there, none of
them with a pickle, each with its checksum, and every run in the folder of its configuration's hash."""

import hashlib
import io
import json
import re
import stat
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np

from adc.errors import UserError
from companion import files, paths, results, runs
from companion.claims import export
from companion.pack import CHECKSUMS, CLAIMS, CRATE, MODEL, PARTS

FOLDER = re.compile(r"data/runs/([^/\\:.][^/\\:]*)/([a-z_0-9]+-[0-9a-f]{10})")
MAX_FILES, MAX_FILE, MAX_TOTAL = 100_000, 1 << 28, 1 << 34  # bytes; many times what the committed runs need


def unpack(file: Path) -> tuple[list[Path], int]:
    """The run folders put there, those that were there already among them, and how many are new. `UserError`
    for an archive that is damaged or holds what does not belong in it; then nothing is written."""
    try:
        with zipfile.ZipFile(file) as archive:
            folders, (profile, trained) = check(archive), made_by(archive)
            if unknown := {*trained} - {*folders}:
                raise ValueError(f"it says that it holds {min(unknown)}, which it does not")
            new = [place for place in folders if not (paths.home() / place / "metrics.json").exists()]
            for place in new:
                with files.atomic(paths.home() / place, folder=True) as partial:
                    for part in folders[place]:
                        (partial / part).write_bytes(archive.read(f"{place}/{part}"))
            results.gather([paths.home() / place for place in trained], profile)
            committed = export.FILE.read_bytes() if export.FILE.exists() else b""
            if CLAIMS in archive.namelist() and archive.read(CLAIMS) != committed:
                print(f"Its {CLAIMS} is another than that of this checkout.")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not there.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, LookupError,
            TypeError, RecursionError) as error:  # fmt: skip
        raise UserError(f"{file} is damaged or no archive of ./run_all.sh pack: {error}.") from error
    return [paths.home() / place for place in folders], len(new)


def check(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    """The run folders in an archive and the files of each; `ValueError` says what is wrong with it."""
    entries, folders = archive.infolist(), {}
    if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_TOTAL:
        raise ValueError(f"it holds more than {MAX_FILES:,} files or {MAX_TOTAL:,} bytes")
    for entry in entries:
        plain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG) and not entry.flag_bits & 1
        if not plain or entry.file_size > MAX_FILE:
            raise ValueError(f"{entry.filename!r} is no plain file, or larger than {MAX_FILE:,} bytes")
    checksums = dict(line.split("  ", 1)[::-1] for line in archive.read(CHECKSUMS).decode().splitlines())
    names = [entry.filename for entry in entries]
    if len({*names}) < len(names) or {*names} != {*checksums, CHECKSUMS}:
        raise ValueError(f"its files are not those that {CHECKSUMS} names, each once")
    for name in names:
        folder, _, part = name.rpartition("/")
        if FOLDER.fullmatch(folder) and part in (*PARTS, MODEL):
            folders.setdefault(folder, []).append(part)
        elif name not in (CRATE, CHECKSUMS, CLAIMS):
            raise ValueError(f"{name!r} does not belong in it")
        content = archive.read(name)
        if name != CHECKSUMS and hashlib.sha256(content).hexdigest() != checksums[name]:
            raise ValueError(f"{name!r} has another checksum than {CHECKSUMS} says")
        if part == MODEL:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                [arrays[array] for array in arrays.files]  # a pickle among them is a ValueError
    for folder, parts in folders.items():
        _check_run(archive, folder, parts)
    return folders


def _check_run(archive: zipfile.ZipFile, folder: str, parts: list[str]) -> None:
    """A run has its parts, and stands where `runs.find` looks for its configuration."""
    if absent := {*PARTS} - {*parts}:
        raise ValueError(f"{folder} has no {min(absent)}")
    config, metrics = (json.loads(archive.read(f"{folder}/{part}")) for part in PARTS[:2])
    dataset, name = FOLDER.fullmatch(folder).groups()
    if (config["dataset"], f"{config['method']}-{runs.identity(config)}") != (dataset, name):
        raise ValueError(f"{folder} holds the configuration of another run")
    if not {"target", "protocol", "metric", "n", "group", "value", "users"} <= metrics["values"][0].keys():
        raise ValueError(f"{folder} holds no metrics")


def made_by(archive: zipfile.ZipFile) -> tuple[str, list[str]]:
    """The profile whose runs an archive holds, and their places, as its crate says."""
    graph = {entity["@id"]: entity for entity in json.loads(archive.read(CRATE))["@graph"]}
    trained = [entity["@id"].removesuffix("/") for entity in graph["#training"]["result"]]
    return str(graph["#profile"]["value"]), trained


if __name__ == "__main__":  # python -m companion.unpack FILE
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("./run_all.sh unpack FILE, an archive of ./run_all.sh pack")
    with files.exit_on_error():
        folders, new = unpack(Path(sys.argv[1]))
        words = f"{new} of them were not in {paths.home()} before"
        print(f"{len(folders)} runs, each with its checksum; {words}.")
