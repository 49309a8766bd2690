"""When does it help? ADC on both domains less ADC on the target alone, and less equal weights, by world.

Two properties of a synthetic control world are varied, all else alike: `transfer`, how far a user's taste
carries over, and `richness`, her ratings in the source (`companion.data.control`). `marks` places real
datasets on these axes."""

import itertools
from collections.abc import Sequence

import pandas as pd

from companion import data
from companion.analysis import controls, stats
from companion.experiments import studies

CELL = ["transfer", "richness"]
# ADC on both domains; equal weights in ADC's settings, so that the balancer alone differs; the target alone,
# in the settings of two searches
JOINT = ({"method": "adc"}, {"method": "adc", "balancer": "static"})
ALONE = tuple(change for change in controls.comparison() if "domains" in change)


def scores(transfers: Sequence[float], richnesses: Sequence[float], worlds: Sequence[int],
           show: bool = True, **limits: int) -> pd.DataFrame:  # fmt: skip
    """The runs of JOINT and ALONE in every cell and world, trained where they are not stored, as
    `controls.table` has them. limits: epochs, patience.
    The target's ratings are the same at every richness: alone, there is one run for all."""
    configs = []
    for transfer, richness, world in itertools.product(transfers, richnesses, worlds):
        for training in (*JOINT, *ALONE):
            options = {} if training in ALONE else {"richness": richness}
            dataset = data.dataset_id("control", transfer=transfer, seed=world, **options)
            configs.append(controls.configure(dataset, training, **limits))
    return controls.table(studies.train(configs, show))


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """What each panel of the map shows, world by world: `panel, transfer, richness, world, difference`."""
    best = controls.alone_by_validation(scores).query("alone and method == 'adc'")
    alone = best.set_index(["transfer", "world"])["value"].rename("alone")
    joint = scores[~scores["alone"]].pivot(index=[*CELL, "world"], columns="method", values="value")
    by_panel = {"joint − alone": joint.join(alone)["alone"], "balanced − static": joint["static"]}
    parts = {panel: joint["adc"] - other for panel, other in by_panel.items()}
    return pd.concat(parts, names=["panel"]).rename("difference").reset_index()


def summary(differences: pd.DataFrame, keys: Sequence[str] = CELL) -> pd.DataFrame:
    """Mean, p and 95 % interval (t) over the worlds for every panel and combination of `keys`; over whatever
    else is varied the mean is taken within a world."""
    keys = ["panel", *keys]
    by_world = differences.groupby([*keys, "world"], sort=False)["difference"].mean().reset_index()
    return stats.over_seeds(by_world, keys, "difference").rename(columns={"seeds": "worlds"})
