"""Runs on disk: one folder a configuration, whole or not at all, never trained twice."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from adc.early_stopping import Arrays, Trained
from adc.errors import UserError
from adc.evaluation import PROTOCOLS, evaluate, summarise
from adc.split import TEST
from companion import files, paths

NOT_IDENTITY = ("device", "variant")  # where it was computed, and its name in tables, make no other run


@dataclass(frozen=True)
class Run:
    """One finished run folder."""

    folder: Path
    config: dict
    # values (an entry a target, protocol, metric, n, group), diverged, epochs, best_epoch, …
    metrics: dict = field(repr=False)

    @property
    def history(self) -> pd.DataFrame:
        """One row an (epoch, domain): loss L_k, weight w_k, norm G_k, its target, rate r_k, validation
        NDCG@10."""
        return pd.read_parquet(self.folder / "history.parquet")

    @property
    def users(self) -> pd.DataFrame:
        """One row a (target, protocol, user): her group, recall@n and ndcg@n."""
        return pd.read_parquet(self.folder / "users.parquet")

    @property
    def model(self) -> dict[str, np.ndarray]:
        """The arrays that score, named `<array>.<domain>`: see the method that wrote them. No pickles."""
        if not self.has_model:
            words = "is missing: reports keep the best. Fit it anew, by recommend.fit_all or its notebook."
            raise UserError(f"{self.folder / 'model.npz'} {words}")
        with np.load(self.folder / "model.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    @property
    def has_model(self) -> bool:
        """Whether the arrays are there; a report drops those of all but a method's best runs."""
        return (self.folder / "model.npz").exists()

    def drop_model(self) -> None:
        """Delete the arrays, for room; the scores stay, and whoever needs the model trains it again."""
        (self.folder / "model.npz").unlink(missing_ok=True)

    @property
    def place(self) -> str:
        """The folder, relative to ADC_HOME: what results, figures and tables call the run."""
        return str(self.folder.relative_to(paths.home()))

    @property
    def validation(self) -> float:
        """Validation NDCG@10 of the best epochs, mean over the domains."""
        return float(np.mean([*self.metrics["validation"].values()]))

    @property
    def ended_by_limit(self) -> bool:
        """Whether the limit of epochs ended training, which might have got better."""
        return self.config["epochs"] > 1 and self.metrics["epochs"] == self.config["epochs"]

    def values(self) -> pd.DataFrame:
        """The run's metrics, one row each, with what names the run."""
        names = {name: self.config[name] for name in ("dataset", "method", "variant", "seed")}
        return pd.DataFrame(self.metrics["values"]).assign(**names, run=self.place)


def identity(config: dict) -> str:
    """Hash of a configuration: its dataset, method, the method's version and every setting."""
    content = {name: value for name, value in config.items() if name not in NOT_IDENTITY}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def folder(config: dict) -> Path:
    """`data/runs/<dataset>/<method>-<hash>` of a configuration."""
    return paths.runs(config["dataset"]) / f"{config['method']}-{identity(config)}"


def find(config: dict) -> Run | None:
    """The finished run of this configuration, if there is one."""
    place = folder(config)
    return load(place) if (place / "metrics.json").exists() else None


def load(place: Path) -> Run:
    """Read a run folder; a `UserError` names what is missing or damaged."""
    try:
        parts = (place / name for name in ("config.json", "metrics.json"))
        return Run(place, *(json.loads(part.read_text(encoding="utf-8")) for part in parts))
    except FileNotFoundError as error:
        words = f"{Path(error.filename).name} is missing. Run its notebook again."
        raise UserError(f"{place} is not a run folder: {words}") from error
    except ValueError as error:
        words = f"config.json or metrics.json is damaged ({error}). Delete the folder."
        raise UserError(f"{place}: {words}") from error


def save(config: dict, trained: Trained) -> Run:
    """Look at the test set, once, under every protocol; write the run aside and rename it into place. If
    another process was first, its run stands."""
    place, ratings = folder(config), trained.split.ratings
    users, values = [], []
    for k, target in enumerate(ratings.domains):
        table = evaluate(trained.split, k, trained.score(k), TEST, PROTOCOLS)
        values += summarise(table, target)
        users.append(table.assign(target=target, user=ratings.users[table["user"]]))
    if (place / "metrics.json").exists() and (run := load(place)).has_model:
        return run
    with files.atomic(place, folder=True) as partial:
        files.write_json(partial / "config.json", config)
        trained.history.to_parquet(partial / "history.parquet", index=False)
        pd.concat(users, ignore_index=True).to_parquet(partial / "users.parquet", index=False)
        write_model(partial, ratings.domains, trained.arrays)
        facts = {"versions": files.versions(), "arithmetic": files.arithmetic()}
        files.write_json(partial / "metrics.json", {"values": values, **trained.notes, **facts})
    return load(place)


def write_model(folder: Path, domains: Iterable[str], of_domains: Iterable[Arrays]) -> None:
    """Leave the arrays of every domain in `model.npz`, named `<array>.<domain>`."""
    model = {}
    for domain, arrays in zip(domains, of_domains):
        model |= {f"{name}.{domain}": array for name, array in arrays.items()}
    np.savez(folder / "model.npz", allow_pickle=False, **model)


def write_list(runs: Iterable[Run], file: str) -> None:
    """Leave the folders of runs, relative to `data/`, in a file below it, if given, for the workflow."""
    if file:
        folders = [run.folder.relative_to(paths.home() / "data").as_posix() for run in runs]
        files.write_json(paths.home() / "data" / file, list(dict.fromkeys(folders)))


def read_lists(lists: Iterable[str | Path]) -> list[Path]:
    """The run folders that several files of `write_list` name, each once."""
    folders = []
    for file in lists:
        folders += json.loads((paths.home() / "data" / file).read_text(encoding="utf-8"))
    return [paths.home() / "data" / folder for folder in dict.fromkeys(folders)]
