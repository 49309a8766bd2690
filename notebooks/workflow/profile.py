"""A profile: how big, how many seeds, which grids. Read strictly: an unknown or doubled key is an error."""

import itertools
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from adc.errors import UserError
from workflow import NOTEBOOKS
from workflow.options import SOURCES, near


@dataclass(frozen=True)
class Profile:
    """One file of notebooks/profiles; its fields are the keys of the file."""

    name: str
    default_data: list[str]  # sources that run when the reader names none
    data: dict[str, dict]  # source -> parameters of 01_data
    seeds: list[int]  # one split and one training seed a run (R31)
    notebooks: dict[str, list[dict]]  # notebook -> entries of parameters; a list of values means each in turn

    def entries(self, notebook: str) -> list[dict]:
        """The parameters of every run of a notebook, lists of values multiplied out."""
        return [flat for entry in self.notebooks.get(notebook, []) for flat in expand(entry)]

    def meant(self, notebook: str, source: str, seed: int) -> list[dict]:
        """The entries of a notebook for a source and a seed; `only_for`, `not_for` and `seeds` say who an entry is for."""
        found = self.entries(notebook)
        asked = [(entry.pop("only_for", source), entry.pop("not_for", ""), entry.pop("seeds", seed)) for entry in found]
        return [entry for entry, (only, but, of) in zip(found, asked) if only == source != but and of == seed]


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        doubled = [key for key in keys if keys.count(key) > 1 and key != "<<"]
        if doubled:
            told = f"the key '{doubled[0]}' stands there twice"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark)
        return super().construct_mapping(node, deep)


def read(path: Path) -> Profile:
    """Read and check a profile; a `UserError` names the file, the key and the near one."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    known = [f.name for f in fields(Profile) if f.name != "name"]
    content = _mapping(content, f"{path}: the file")
    for key in content:
        if key not in known:
            raise UserError(f"{path}: unknown key '{key}'.{near(key, known)} A profile has: {', '.join(known)}.")
    missing = [key for key in known if key not in content]
    if missing:
        raise UserError(f"{path}: the key '{missing[0]}' is missing. A profile has: {', '.join(known)}.")
    profile = Profile(path.stem, **content)
    _check(profile, path)
    return profile


def named(name: str) -> Profile:
    """The profile `notebooks/profiles/<name>.yaml`."""
    return read(NOTEBOOKS / "profiles" / f"{name}.yaml")


def expand(entry: dict) -> list[dict]:
    """`{a: [1, 2], b: 3}` -> `[{a: 1, b: 3}, {a: 2, b: 3}]`."""
    values = [value if isinstance(value, list) else [value] for value in entry.values()]
    return [dict(zip(entry, chosen, strict=True)) for chosen in itertools.product(*values)]


def _check(profile: Profile, path: Path) -> None:
    seeds = profile.seeds
    if not (
        isinstance(seeds, list) and seeds and all(type(seed) is int for seed in seeds) and len({*seeds}) == len(seeds)
    ):
        raise UserError(
            f"{path}: seeds: expected a list of different whole numbers, such as [0, 1, 2]; found {seeds!r}."
        )
    for source in [*_list(profile.default_data, f"{path}: default_data"), *_mapping(profile.data, f"{path}: data")]:
        if source not in SOURCES:
            raise UserError(
                f"{path}: unknown data source '{source}'.{near(source, SOURCES)} Known: {', '.join(SOURCES)}."
            )
    for source, entry in profile.data.items():
        _mapping(entry, f"{path}: data: {source}")
    for notebook, entries in _mapping(profile.notebooks, f"{path}: notebooks").items():
        for entry in _list(entries, f"{path}: notebooks: {notebook}"):
            entry = _mapping(entry, f"{path}: notebooks: {notebook}: an entry")
            for key in ("only_for", "not_for"):
                if key in entry and entry[key] not in SOURCES:
                    told = f"{path}: notebooks: {notebook}: {key}: unknown data source '{entry[key]}'."
                    raise UserError(f"{told}{near(entry[key], SOURCES)} Known: {', '.join(SOURCES)}.")


def _mapping(found, where: str) -> dict:
    if not isinstance(found, dict):
        raise UserError(f"{where}: expected `key: value` pairs, found {found!r}.")
    return found


def _list(found, where: str) -> list:
    if not isinstance(found, list):
        raise UserError(f"{where}: expected a list, found {found!r}.")
    return found
