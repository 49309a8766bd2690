"""Runs on disk: one folder a configuration, whole or not at all, never run twice."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import io
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from adc import files, paths
from adc.errors import UserError

# What a run's numbers depend on; a change of meaning in one of these files makes new runs, a comment does not.
PROTOCOL = ("adc.split", "adc.relevance", "adc.metrics", "adc.evaluate", "adc.data.schema")
NOT_IDENTITY = ("device",)  # where it was computed does not make it another experiment
COLUMNS = ["profile", "dataset", "method", "variant", "target", "seed", "protocol", "metric", "n", "value", "users", "group", "run"]


@dataclass(frozen=True)
class Run:
    """One finished run folder."""

    folder: Path
    config: dict
    metrics: dict  # "values": one entry a (target, protocol, metric, n, group); "diverged", "best_epoch", "seconds", …

    @property
    def history(self) -> pd.DataFrame:
        """One row an (epoch, domain): losses L_k, weights w_k, norms G_k and their targets, rates r_k, validation."""
        return pd.read_parquet(self.folder / "history.parquet")

    @property
    def users(self) -> pd.DataFrame:
        """One row a (target, protocol, user): her group, recall@n and ndcg@n."""
        return pd.read_parquet(self.folder / "users.parquet")

    @property
    def model(self) -> dict[str, np.ndarray]:
        """The arrays that score: see the method that wrote them. Plain numpy, no pickles."""
        with np.load(self.folder / "model.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    def values(self) -> pd.DataFrame:
        """The run's metrics as rows of `results.parquet`, without the profile."""
        frame = pd.DataFrame(self.metrics["values"])
        for column in ("dataset", "method", "variant", "seed"):
            frame[column] = self.config[column]
        return frame.assign(run=str(self.folder.relative_to(paths.home())))


def folder(config: dict) -> Path:
    """`data/runs/<dataset>/<method>-<hash>` of a configuration together with the code that would run it."""
    return paths.runs(config["dataset"]) / f"{config['method']}-{identity(config)}"


def identity(config: dict) -> str:
    """Hash of a configuration and of the code that would run it."""
    same = {key: value for key, value in config.items() if key not in NOT_IDENTITY}
    text = json.dumps([same, code_fingerprint(tuple(config["code"]))], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _source(module: str) -> str:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise UserError(f"The module {module}, which a run hangs on, is not there. Restore it, or mend the CODE that names it.")
    return Path(found.origin).read_text(encoding="utf-8")


@cache
def code_fingerprint(modules: tuple[str, ...]) -> str:
    """Hash of the named modules' syntax trees (comments and docstrings left out)."""
    digest = hashlib.sha256()
    for name in sorted({*modules, *PROTOCOL}):
        tree = ast.parse(_source(name))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                del body[0]
        digest.update(f"{name}\n{ast.dump(tree)}\n".encode())
    return digest.hexdigest()[:16]


def find(config: dict) -> Run | None:
    """The finished run of this configuration, if there is one."""
    place = folder(config)
    return load(place) if (place / "metrics.json").exists() else None


def load(place: Path) -> Run:
    """Read a run folder; a `UserError` names what is missing."""
    try:
        config, metrics = (json.loads((place / f"{part}.json").read_text(encoding="utf-8")) for part in ("config", "metrics"))
    except FileNotFoundError as error:
        raise UserError(f"{place} is not a run folder: {Path(error.filename).name} is missing. Run its notebook again.") from error
    return Run(place, config, metrics)


def save(config: dict, metrics: dict, users: pd.DataFrame, history: pd.DataFrame, model: dict[str, np.ndarray]) -> Run:
    """Write a run aside and rename it into place; if another process was first, its run stands."""
    place = folder(config)
    if (place / "metrics.json").exists():
        return load(place)
    with files.aside(place, folder=True) as partial:
        files.write_json(partial / "config.json", config)
        history.to_parquet(partial / "history.parquet", index=False)
        users.to_parquet(partial / "users.parquet", index=False)
        np.savez(partial / "model.npz", allow_pickle=False, **model)
        files.write_json(partial / "metrics.json", metrics | {"versions": versions()})
    return load(place)


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    return {name: importlib.metadata.version(name) for name in ("adc", "torch", "numpy", "scipy", "pandas")}


def gathered() -> pd.DataFrame:
    """`results.parquet`, read at one go: given a path, pyarrow opens it twice, and between both a gathering may replace it."""
    return pd.read_parquet(io.BytesIO(paths.results().read_bytes()))


def gather(places: list[Path], profile: str) -> pd.DataFrame:
    """Put the runs of a profile into `results.parquet`, in place of what that profile had for these datasets."""
    fresh = pd.concat([load(place).values() for place in places]).assign(profile=profile)[COLUMNS]
    target = paths.results()
    if target.exists():
        old = gathered()
        replaced = (old["profile"] == profile) & old["dataset"].isin(fresh["dataset"].unique())
        fresh = pd.concat([old[~replaced], fresh], ignore_index=True)
    with files.aside(target) as partial:
        fresh.to_parquet(partial, index=False)
    return fresh
