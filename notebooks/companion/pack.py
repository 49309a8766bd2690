"""The runs behind the committed results as one file: `./run_all.sh pack [FILE] [--profile claims] [--models]`

writes a zip archive that is an RO-Crate (https://w3id.org/ro/crate/1.1): the run folders of a profile, their
models only if that is said, docs/claims.json, and the checksums of all (`sha256sum -c sha256.txt`). The same
runs give the same bytes; the crate's date is SOURCE_DATE_EPOCH's, else that of the latest run."""

import argparse
import hashlib
import json
import os
import sys
import time
import zipfile
from pathlib import Path

import adc
from adc.errors import UserError
from companion import files, paths, registry, results, runs
from companion.claims import export

CRATE, CHECKSUMS, CLAIMS = "ro-crate-metadata.json", "sha256.txt", "docs/claims.json"
PARTS = ("config.json", "metrics.json", "history.parquet", "users.parquet")  # of a run folder
MODEL = "model.npz"
VERSION = "https://w3id.org/ro/crate/1.1"


def pack(file: Path, profile: str = export.PROFILE, models: bool = False) -> list[str]:
    """Write the archive; the names in it. `UserError`: no runs, or fewer than the committed claims name."""
    table = results.table()
    trained = sorted(table.loc[table["profile"] == profile, "run"].unique())
    content, named = {}, set()
    if profile == export.PROFILE and export.FILE.exists():
        content[CLAIMS] = export.FILE.read_bytes()
        named = {place for record in export.read(export.FILE) for place in record["runs"]}
    places = sorted({*trained, *named})
    if missing := [place for place in places if not (paths.home() / place).is_dir()]:
        raise UserError(f"{len(missing)} runs are not in {paths.home()}, among them {missing[0]}.")
    if not trained:
        raise UserError(f"There are no runs of the profile {profile}: ./run_all.sh --profile {profile}")
    for place in places:
        for part in (*PARTS, *([MODEL] if models else [])):
            content[f"{place}/{part}"] = paths.home() / place / part
            if not content[f"{place}/{part}"].is_file():
                raise UserError(f"{paths.home() / place} has no {part}.")
    description = crate(places, trained, profile, CLAIMS in content)
    content[CRATE] = (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode()
    checksum = lambda name: f"{hashlib.sha256(_bytes(content[name])).hexdigest()}  {name}\n"
    content[CHECKSUMS] = "".join(map(checksum, sorted(content))).encode()
    with files.atomic(file) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(name)  # of 1980, whenever it is written
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            entry.create_system = 3  # Unix, wherever it is written
            archive.writestr(entry, _bytes(data))
    return sorted(content)


def crate(places: list[str], trained: list[str], profile: str, claims: bool) -> dict:
    """The archive's description as JSON-LD: what it holds, and by which command that was made."""
    latest = max((paths.home() / place / "metrics.json").stat().st_mtime for place in places)
    date = time.strftime("%Y-%m-%d", time.gmtime(float(os.environ.get("SOURCE_DATE_EPOCH", latest))))
    folders = [_folder(place) for place in places]
    parts = [{"@id": folder["@id"]} for folder in folders]
    others = [_file(CHECKSUMS, "SHA-256 of every other file", "text/plain")]
    if claims:
        others.append(_file(CLAIMS, "The paper's claims, each with its verdict and runs", "application/json"))
    root = {
        "@id": "./", "@type": "Dataset", "name": f"Runs of the profile {profile} of adc {adc.__version__}",
        "description": "Configurations, metrics, courses of training and scores of each user, of runs of "
        "'Adaptive Deep Learning of Cross-Domain Loss in Collaborative Filtering', rebuilt, and its rivals.",
        "datePublished": date, "license": {"@id": "https://spdx.org/licenses/MIT"},
        "hasPart": [*parts, *({"@id": other["@id"]} for other in others)], "mentions": {"@id": "#training"},
    }  # fmt: skip
    software = {"@id": "#adc", "@type": "SoftwareApplication", "name": "adc"}
    software["softwareVersion"] = adc.__version__
    command = {
        "@id": "#training", "@type": "CreateAction", "name": f"./run_all.sh --profile {profile}",
        "instrument": {"@id": "#adc"}, "object": {"@id": "#profile"},
        "result": [{"@id": f"{place}/"} for place in trained],
    }  # fmt: skip
    value = {"@id": "#profile", "@type": "PropertyValue", "name": "profile", "value": profile}
    licence = {"@id": "https://spdx.org/licenses/MIT", "@type": "CreativeWork", "name": "MIT License"}
    self = {"@id": CRATE, "@type": "CreativeWork", "conformsTo": {"@id": VERSION}, "about": {"@id": "./"}}
    graph = [self, root, licence, software, command, value, *others, *folders]
    return {"@context": f"{VERSION}/context", "@graph": graph}


def _folder(place: str) -> dict:
    config = runs.load(paths.home() / place).config
    words = f"{registry.label(config['method'])} {config['variant']}".strip()
    domains = f", domains {config['domains']}" if config["domains"] else ""
    name = f"{words} on {config['dataset']}{domains}, seed {config['seed']}"
    return {"@id": f"{place}/", "@type": "Dataset", "name": name}


def _file(name: str, what: str, kind: str) -> dict:
    return {"@id": name, "@type": "File", "name": what, "encodingFormat": kind}


def _bytes(data: bytes | Path) -> bytes:
    return data if isinstance(data, bytes) else data.read_bytes()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser("./run_all.sh pack", description=__doc__.replace("\n\n", " "))
    parser.add_argument("file", nargs="?", type=Path, help="the archive (data/adc-PROFILE.zip)")
    parser.add_argument("--profile", default=export.PROFILE, help="whose runs (%(default)s)")
    parser.add_argument("--models", action="store_true", help="with the arrays that score")
    given = parser.parse_args(words)
    file = given.file or paths.home() / "data" / f"adc-{given.profile}.zip"
    names = pack(file, given.profile, given.models)
    folders = len([name for name in names if name.endswith("/config.json")])
    print(f"{file}: {folders} runs, {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    with files.exit_on_error():
        main(sys.argv[1:])
