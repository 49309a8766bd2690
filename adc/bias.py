"""Not the paper's model: ADC with an item bias that starts at the logarithm of the item's popularity.

x_ui = z_u^(k)·v_i + b_i. Against uniform negatives, BPR without personal vectors is best when b_i orders the items by
popularity: training starts from popularity's ranking, and the network adds taste to it. Its runs are called `adc_bias`,
never `adc`. It answers whether a bias is all that ADC lacks beside popularity and BPR.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from adc import fit, mf, runs, train
from adc.evaluate import popularity, products
from adc.split import Split


def configuration(**parameters: Any) -> dict:
    """As `train.configuration`; the method is named after the variant."""
    config = train.configuration(**parameters)
    return config | {"method": "adc_bias", "code": sorted([*config["code"], __name__])}


def run(config: dict, show: bool = True) -> runs.Run:
    """Train and test the variant by its `configuration`, or return the stored run."""
    found = runs.find(config)
    if found is not None:
        return found
    parts, starts = train.prepare(config)
    return fit.fit(learner(config, parts, starts), parts, config, show=show)


def learner(config: dict, parts: Split, starts: list[mf.Start]) -> "Biased":
    """The trainer of a `configuration`."""
    return Biased(train.Settings(**{field.name: config[field.name] for field in fields(train.Settings)}), parts, starts)


class Biased(train.Trainer):
    """ADC's trainer; the last column of the item vectors is b_i, met by a constant 1 beside every z."""

    def _starting_vectors(self, starts: list) -> tuple:
        rows, user, item = super()._starting_vectors(starts)
        bias = [np.log1p(popularity(self.parts, k)) for k in range(self.p)]
        return rows, user, [np.column_stack([v, b - b.mean()]).astype(np.float32) for v, b in zip(item, bias, strict=True)]

    def _rank(self, batch: list, z: torch.Tensor) -> tuple:
        losses, terms, at_items = super()._rank(batch, torch.cat([z, z.new_ones(*z.shape[:2], 1)], -1))
        return losses, {k: replace(term, at_z=term.at_z[:, :, :-1].contiguous()) for k, term in terms.items()}, at_items

    def score(self, domain: int) -> fit.Score:
        """z_u^(k)·v_i + b_i by the parameters as they are now: users [B] -> [B, m_k]."""
        item = self.model.items(domain)
        return lambda users: products(train.z_of(self.model, users, domain), item[:, :-1]) + item[:, -1]

    def arrays(self, domain: int) -> Callable[[], fit.Arrays]:
        """(z, 1) of every user [n, d+1] and (v, b) of every item [m_k, d+1]; made later, as ADC's are."""
        later = super().arrays(domain)

        def arrays() -> fit.Arrays:
            found = later()
            return found | {"user": np.pad(found["user"], ((0, 0), (0, 1)), constant_values=1)}

        return arrays
