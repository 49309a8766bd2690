"""A profile (notebooks/profiles/*.yaml, which is Snakemake's config) as jobs: which notebook runs on which
data with which parameters, all of them checked before anything runs.

    data: [movielens, amazon or twin]     what runs without --data; of two the first that is at hand
    04_baselines-ratings: {not_for: twin, one_job_each: seeds, seeds: [0, 1], methods: [clfm, cdcf]}

A notebook has a label where it runs in several ways. `only_for` and `not_for` name a source or several (twin
also means twin-s0.03); `one_job_each` names a list whose items run side by side, as those of a list for a
parameter that is none do anyway."""

import itertools
from pathlib import Path

from adc.errors import UserError
from companion import data, paths
from companion.execute import check, defaults, near, notebooks

READING = ("columns", "separator", "not_a_rating")  # how the reader's own files are read
# all other keys are notebooks
KEYS = {"profile": str, "data": list, "device": str, "minutes": object, **dict.fromkeys(READING, str)}
DEVICES = ("auto", "cpu", "cuda")


def jobs(config: dict) -> dict[str, dict[str, dict]]:
    """Dataset -> job -> what the notebook is given in place of its defaults. A job is named by notebook, the
    label, and what is taken one by one. Raises `UserError` or `ExecutionError` for what cannot be run."""
    _check_keys(config)
    planned = {}
    for source, reading in _sources(config):
        entries = {key: _entry(config, key, source) for key in config if key not in KEYS}
        dataset = data.dataset_id(source, reading)
        given = {"dataset": dataset} | (entries.pop("01_data", None) or {})
        if isinstance(source, tuple):
            given["reading"] = reading | {"files": [*source]}
        planned[dataset] = {"01_data": _given(config, "01_data", given)}
        for key, entry in entries.items():
            for name, given in _split(key, entry) if entry is not None else ():
                planned[dataset][name] = _given(config, name, {"dataset": dataset} | given)
    return planned


def check_own_files(config: dict, write: bool) -> None:
    """Tell a defect in the reader's own files, and what is odd in them; `write` prepares them at once."""
    for source, reading in _sources(config):
        if isinstance(source, tuple):
            for remark in data.preview(source, reading, write):
                print(f"Remark: {remark}", flush=True)


def _sources(config: dict) -> list[tuple[str | tuple, dict]]:
    """What runs, each once: known sources by name, and files with how they are read. Several files without a
    column of domains are one dataset, in which each is a domain."""
    names = [*dict.fromkeys(_first_at_hand(names) for names in config["data"])]
    reading = {key: config[key] for key in READING if config.get(key)}
    own = [name for name in names if "/" in name]
    if reading and not own:
        raise UserError(f"--{next(iter(reading)).replace('_', '-')} is for files of your own: --data my.csv.")
    joined = tuple(name for name in own if len(own) > 1 and not data.has_domains(name, reading))
    sources = [joined if name in joined else (name,) if name in own else name for name in names]
    return [(source, reading if isinstance(source, tuple) else {}) for source in dict.fromkeys(sources)]


def _check_keys(config: dict) -> None:
    where, known = f"profile {config.get('profile')}", [*KEYS, *notebooks()]
    config.setdefault("device", "auto")
    if type(minutes := config.setdefault("minutes", 0)) not in (int, float) or not 0 <= minutes < 1e6:
        raise UserError(f"--minutes {minutes}: expected a number of minutes, such as 30.")
    for key, value in {**dict.fromkeys(KEYS), **dict.fromkeys(READING, ""), **config}.items():
        kind = KEYS.get(key, dict)
        if key.partition("-")[0] not in known:
            raise UserError(f"{where}: unknown key '{key}'.{near(key, known)}")
        if not isinstance({} if value is None and kind is dict else value, kind):
            raise UserError(f"{where}: {key}: expected a {kind.__name__}, found {value!r}.")
    if config["device"] not in DEVICES:
        raise UserError(f"Unknown device '{config['device']}'.{near(config['device'], DEVICES)}")


def _first_at_hand(names: str) -> str:
    """Of `amazon or twin` amazon, once its archive is at hand."""
    *others, source = [names] if "/" in names else names.split(" or ")
    if not data.source_of(source) and not ("/" in source and Path(source).exists()):
        name = f" A file or folder of your own has a / or an ending in its name: ./{source}."
        cure = near(source, data.SOURCES) + ("" if "/" in source else name)
        raise UserError(f"'{source}' is neither a known source nor a file.{cure}")
    return next((name for name in others if any(paths.raw(name).glob("*.tar.gz"))), source)


def _entry(config: dict, key: str, source: str | tuple) -> dict | None:
    """What a profile says of a notebook for one source; None where it is not for that."""
    entry = dict(config[key] or {})
    kind = data.source_of(source) if isinstance(source, str) else ""
    given = entry.pop("only_for", kind), entry.pop("not_for", [])
    only, but = (names if isinstance(names, list) else [names] for names in given)
    for name in {*only, *but} - {kind}:
        if name not in data.SOURCES:
            raise UserError(f"{config['profile']}, {key}: unknown source '{name}'.{near(name, data.SOURCES)}")
    return entry if kind in only and kind not in but else None


def _split(key: str, entry: dict) -> list[tuple[str, dict]]:
    """Names and parameters of jobs, for every combination of the values that are taken one by one."""
    known, each = defaults(notebooks()[key.partition("-")[0]]), entry.pop("one_job_each", None)
    single = [name for name in entry if name == each or not isinstance(known.get(name), list)]
    lists = {name: entry[name] for name in single if isinstance(entry[name], list)}
    pairs = []
    for values in itertools.product(*lists.values()):
        chosen = dict(zip(lists, values))
        words = [value if isinstance(value, str) else f"{name}{value}" for name, value in chosen.items()]
        given = {name: [value] if name == each else value for name, value in chosen.items()}
        pairs.append(("-".join([key, *words]).replace("-seeds", "-seed"), entry | given))
    return pairs


def _given(config: dict, name: str, given: dict) -> dict:
    notebook, profile = notebooks()[name.partition("-")[0]], config["profile"]
    run_list = f"executed/{profile}/{given['dataset']}/{name}.runs.json"
    usual = {"profile": profile, "device": config["device"], "searched": True, "run_list": run_list}
    known = defaults(notebook)
    if config["minutes"] and "minutes" in known:
        given = given | {"minutes": float(config["minutes"])}
    if "searched" in known:  # what a profile names comes before what the search found
        named = {key: given.pop(key) for key in ("agreement_weight", "embedding_lr") if key in given}
        given |= {"settings": named | given.get("settings", {})} if named else {}
    if "dataset" not in known:  # it makes twins of its own
        given = {key: value for key, value in given.items() if key != "dataset"}
    given = {key: value for key, value in usual.items() if key in known} | given
    check(notebook, given, f"profile {profile}")
    return given
