"""What the parameter analysis trains (§IV-E and beyond): each study a list of configurations of ADC around one base.

The base is h = 3, gamma = 2 with the settings that the search found for the dataset (R32). Runs are the same as those
of notebook 03: what was trained before is not trained again.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from adc import data, files, paths, runs, settings, train, tuned
from adc.balancers import BALANCERS, RIVALS, method
from adc.errors import UserError

SHARED = ("dataset", "domains", "seed", "start", "dim")  # what `train.prepare` depends on
BASE = {"hidden_layers": 3, "gamma": 2.0}
GAMMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
# which runs a study has, and what they are
CODE = tuple({*settings.CODE, "adc.settings", "adc.studies", *(balancer.__module__ for balancer in BALANCERS.values())})


def pairs() -> list[dict]:
    """Table II: the paper's pairs of h and gamma (R21); equal weights and gamma = 0 beside them (R33)."""
    found = [{"hidden_layers": h, "gamma": gamma} for h, gamma in ((2, 2.0), (3, 2.0), (4, 2.0), (4, 1.5))]
    return [*found, {"balancer": "static"}, {"gamma": 0.0}]


def depth(depths: Sequence[int] = (1, 2, 3, 4, 5)) -> list[dict]:
    """Fig. 3: every h, with and without the one-layer pretraining (R10)."""
    return [{"hidden_layers": h, "pretraining": how} for h in depths for how in ("identity", "none")]


def asymmetry(gammas: Sequence[float] = GAMMAS) -> list[dict]:
    """Fig. 4: every gamma, and equal weights beside it (R33)."""
    return [{"gamma": gamma} for gamma in gammas] + [{"balancer": "static"}]


def balancing() -> list[dict]:
    """Equal weights, the paper's balancer at gamma 2 and 0, and its successors."""
    others = [name for name in BALANCERS if not name.startswith("gradnorm_")]
    return [{"gamma": 0.0}] + [{"balancer": name} for name in others]


def readings() -> list[dict]:
    """Every starred reading, one at a time from the base, and the base itself."""
    return [{}] + [change for changes in settings.STARRED.values() for change in changes]


def larger() -> list[dict]:
    """More than d = 100 and more than five negatives, from which the paper gained nothing significant (§IV-E)."""
    return [{"dim": 200}, {"negatives": 10}]


def joint() -> list[dict]:
    """Is transfer worth it: ADC and equal weights on all domains, each in the settings of `alone`."""
    return [change | {"balancer": balancer} for change in alone() for balancer in ("gradnorm", "static")]


def alone() -> list[dict]:
    """ADC on one domain, with what was searched for the dataset or else the defaults, which suit sparse ratings, and with
    what was found on MovieLens, which is dense: on ratings never searched, validation decides between them."""
    return [{}, settings.KNOWN[-1]]


def sets(sizes: dict[str, int]) -> dict[str, list[str]]:
    """The paper's Sets 1-3 by their rule (§IV-E, R35): the two largest domains; the rest; the largest and the smallest.

    sizes: domain -> ratings, in the dataset's order. A set of fewer than two domains, or of all, is left out.
    """
    by_size = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    found = {"Set 1": by_size[:2], "Set 2": by_size[2:], "Set 3": [by_size[0], by_size[-1]]}
    return {name: [k for k in sizes if k in some] for name, some in found.items() if 1 < len(some) < len(sizes)}


STUDIES = {
    "pairs": pairs, "depth": depth, "asymmetry": asymmetry, "sets": asymmetry, "balancing": balancing, "readings": readings,
    "larger": larger, "joint": joint, "alone": alone,
}  # fmt: skip


def configurations(study: str, dataset: str, seed: int, **common: Any) -> list[dict]:
    """The configurations of a study on one seed, each once. `common`: parameters of `train.configuration` for all of
    them (epochs, patience, …) and the study's own grid (`depths`, `gammas`). Raises `UserError` for an unknown study.
    """
    if study not in STUDIES:
        raise UserError(f"Unknown study '{study}'. Known: {', '.join(STUDIES)}.")
    grid = {name: common.pop(name) for name in ("depths", "gammas") if name in common}
    domains = [""]
    if study == "sets":
        domains = [settings.listed(some) for some in sets(data.load(dataset).table()["ratings"].to_dict()).values()]
    if study == "alone":
        names = data.load(dataset).domains
        domains = [settings.listed([name]) for name in names] if len(names) > 1 else []  # of one it is the joint run
    given, changes = common | {"dataset": dataset, "seed": seed}, STUDIES[study](**grid)
    usual = [BASE | tuned.parameters(dataset, method(change.get("balancer", "gradnorm"))) | given for change in changes]
    found = [train.configuration(**every | {"domains": some} | change) for some in domains for every, change in zip(usual, changes)]
    return list({runs.identity(config): config for config in found}.values())


def together(study: str, depths: str = "", gammas: str = "", **common: Any) -> list[dict]:
    """The configurations of one study or several, each once; all three texts are comma-separated, an empty grid is the
    study's own. `common`: as in `configurations`."""
    grids = {"depth": _grid("depths", depths, int), "asymmetry": _grid("gammas", gammas, float)}
    grids["sets"] = grids["asymmetry"]
    found = [config for name in settings.named(study) for config in configurations(name, **common | grids.get(name, {}))]
    return list({runs.identity(config): config for config in found}.values())


def _grid(name: str, values: str, kind: type) -> dict:
    try:
        return {name: [kind(value) for value in settings.named(values)]} if values else {}
    except ValueError as error:
        raise UserError(f"Parameter {name}={values!r}: expected numbers between commas, such as '1, 2, 3'.") from error


def place(parameters: dict) -> Path:
    """`data/studies/<dataset>/<studies>-<hash>` of notebook 13's parameters, of what the search found and of the code that
    trains; its `runs.json` lists the run folders."""
    same = {name: value for name, value in parameters.items() if name not in runs.NOT_IDENTITY}
    found = [tuned.parameters(parameters["dataset"], name) for name in ("adc", *RIVALS)]
    text = json.dumps([same, found, runs.code_fingerprint(tuple(sorted(CODE)))], sort_keys=True)
    name = "-".join(settings.named(parameters["study"]))
    return paths.home() / "data" / "studies" / parameters["dataset"] / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def note(parameters: dict, done: list[runs.Run]) -> None:
    """Leave the list of run folders, relative to `data/`, where `place` says."""
    folders = [run.folder.relative_to(paths.home() / "data").as_posix() for run in done]
    files.write_json(place(parameters) / "runs.json", folders)


def table(done: list[runs.Run]) -> pd.DataFrame:
    """One row a run: what it is, how its training went, and the mean over its targets of the best validation NDCG@10."""
    rows = [{"method": run.config["method"], "variant": run.config["variant"], "domains": run.config["domains"] or "all",
             "epochs": run.metrics["epochs"], "seconds": run.metrics["train_seconds"], "diverged": run.metrics["diverged"],
             "validation": float(np.mean(list(run.metrics["validation"].values())))} for run in done]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "variant", "domains", "epochs", "seconds", "diverged", "validation"])


def run(configs: list[dict], show: bool = True) -> list[runs.Run]:
    """Train what is missing of the configurations; their runs in order."""

    @lru_cache(maxsize=1)
    def prepared(*of: Any) -> Any:  # runs of a study share the split and mostly the start
        return train.prepare(dict(zip(SHARED, of, strict=True)))

    bar = tqdm(configs, desc="runs", unit="run", disable=not show)
    return [runs.find(config) or train.run(config, False, prepared(*(config[name] for name in SHARED))) for config in bar]
