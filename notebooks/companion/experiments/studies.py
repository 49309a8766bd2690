"""What the parameter analysis trains (§IV-E and beyond): each study a list of changes to ADC around one base.

The base is h = 3, γ = 2 with the settings that the search found for the dataset (R32). Runs are those of
notebook 03: what was trained before is not trained again."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from adc import balancers
from adc.errors import UserError
from companion import adc_method, data, registry, runs
from companion.registry import BASE

GAMMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
DEPTHS = (1, 2, 3, 4, 5)
PAIRS = ((2, 2.0), (3, 2.0), (4, 2.0), (4, 1.5))  # (h, γ) of the domains in Table II (R21)
BALANCING = ("gradnorm", "static")


def changes(depths: Sequence[int], gammas: Sequence[float]) -> dict[str, list[dict]]:
    """What each study changes of ADC around the base, a run each. `depths`, `gammas`: of Figs. 3 and 4."""
    # Fig. 4, and the same on the paper's sets: every γ, and equal weights beside it (R33)
    asymmetry = [*({"gamma": float(gamma)} for gamma in gammas), {"balancer": "static"}]
    # ADC on one domain: with the settings for sparse ratings, or what was searched for the dataset, and with
    # those found on MovieLens, which is dense. On ratings never searched, validation decides between them.
    alone = [{"searched_or_sparse": True}, registry.tuned("adc", "movielens")]
    return {
        "pairs": [{"hidden_layers": h, "gamma": gamma} for h, gamma in PAIRS],
        # beside them equal weights at each h, and γ = 0 (R33)
        "equal_weights": [*({"hidden_layers": h, "balancer": "static"} for h in (3, 2, 4)), {"gamma": 0.0}],
        # Fig. 3: every h; and without the one-layer pretraining (R10)
        "depth": [{"hidden_layers": h} for h in depths],
        "pretraining": [{"hidden_layers": h, "pretraining": "none"} for h in depths],
        "asymmetry": asymmetry,
        "sets": asymmetry,
        # the paper's balancer at γ = 0 and 2, equal weights, and its successors
        "balancing": [{"gamma": 0.0}, *({"balancer": name} for name in (*BALANCING, *balancers.OTHER_RULES))],
        # every starred reading, one at a time, and the base itself
        "readings": [{}, *(change for _, change, _ in adc_method.STARRED)],
        # more than d = 100 and five negatives, from which the paper gained nothing significant (§IV-E)
        "larger": [{"dim": 200}, {"negatives": 10}],
        # is transfer worth it: ADC and equal weights on all domains, each in the settings of `alone`
        "joint": [change | {"balancer": name} for change in alone for name in BALANCING],
        "alone": alone,
    }


def sets(sizes: dict[str, int]) -> dict[str, list[str]]:
    """The paper's Sets 1-3 by their rule (§IV-E, R35): the two largest domains; the rest; the largest and the
    smallest. One of fewer than two, or of all, is left out. sizes: domain -> ratings, in the data's order."""
    by_size = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    members = {"Set 1": by_size[:2], "Set 2": by_size[2:], "Set 3": [by_size[0], by_size[-1]]}
    members = {name: group for name, group in members.items() if 1 < len(group) < len(sizes)}
    return {name: [k for k in sizes if k in group] for name, group in members.items()}


def configurations(studies: Sequence[str], dataset: str, seed: int, depths: Sequence[int] = (),
                   gammas: Sequence[float] = (), **common: Any) -> list[dict]:  # fmt: skip
    """The configurations of studies on one seed, each once.
    `depths`, `gammas`: the grids of Figs. 3 and 4, empty for the paper's; `common`: settings of all runs
    (epochs, …). Raises `UserError` for an unknown study."""
    known, configs = changes(depths or DEPTHS, gammas or GAMMAS), []
    for study in studies:
        if study not in known:
            raise UserError(f"Unknown study '{study}'. Known: {', '.join(known)}.")
        for domains in _domains(study, dataset):
            configs += [_configure(dataset, seed, domains, common, change) for change in known[study]]
    return list({runs.identity(config): config for config in configs}.values())


def train(configs: list[dict], show: bool = True) -> list[runs.Run]:
    """Train what is not stored yet; the runs in order."""
    bar = tqdm(configs, desc="runs", unit="run", disable=not show)
    return [registry.train(config, show=False) for config in bar]


def table(done: list[runs.Run]) -> pd.DataFrame:
    """One row a run: its variant, how training went, the mean over targets of the best validation NDCG@10."""
    rows = []
    for run in done:
        row = {name: run.config[name] for name in ("method", "variant", "seed")}
        row |= {"domains": run.config["domains"] or "all", "epochs": run.metrics["epochs"]}
        row |= {"seconds": run.metrics["train_seconds"], "diverged": run.metrics["diverged"]}
        rows.append(row | {"validation": run.validation})
    return pd.DataFrame(rows)


def _domains(study: str, dataset: str) -> list[str]:
    """The selections of domains that a study trains on, each as comma-separated text; empty: all."""
    if study == "sets":
        sizes = data.load(dataset).table()["ratings"].to_dict()
        return [registry.listed(group) for group in sets(sizes).values()]
    if study == "alone":
        domains = data.load(dataset).domains
        return [registry.listed([name]) for name in domains if len(domains) > 1]  # of one it is the joint run
    return [""]


def _configure(dataset: str, seed: int, domains: str, common: dict, change: dict) -> dict:
    change, method = dict(change), registry.with_balancer(change.get("balancer", "gradnorm"))
    settings = registry.tuned(method, dataset, registry.label_alone(domains))
    if change.pop("searched_or_sparse", False) and not settings:
        settings = adc_method.SPARSE
    return registry.configure("adc", dataset, seed, domains, **BASE | settings | common | change)
