"""Not the paper's model: ADC on top of BPR. z = W0·u + W·A_h(u_con) + b, z and u of all domains together, u from BPR.

At first W0 is the identity, W = 0 and b = 0: training starts from BPR's ranking, and a user who has no vector in a domain
as the mean of those who have. Then all of it is trained. What other domains know comes through the network, and through W0,
which becomes a linear map between the domains; the scores do not tell one from the other. BPR is trained as `baselines`
trains it, with what the search found for it. The runs are called `adc_residual`, never `adc`: they are a try at a small
change by which ADC keeps up with popularity and BPR.

    residual.run(residual.configuration(dataset="movielens", penalty=0.0025))
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from adc import baselines, fit, mf, runs, train, tuned
from adc.errors import UserError
from adc.model import ADC
from adc.split import Split

DEFAULTS = {"learning_rate": 1e-5, "vector_rate": 1e-4, "agreement": 0.0024, "penalty": 0.03, "epochs": 40, "patience": 8}
SPACE = {  # of the search (R32); there is no start to choose: it is BPR's
    "agreement": ("log", 1e-3, 1e1),
    "learning_rate": ("log", 1e-6, 1e-3),
    "vector_rate": ("log", 1e-5, 1e-2),
    "penalty": ("log", 5e-4, 1e-1),
    "batch_users": ("choice", [64, 256]),
}
FIXED = {"start": "random", "start_noise": 0.0, "pretraining": "none"}  # what takes the MF start's place needs none of them


def configuration(bpr: dict | None = None, **parameters: Any) -> dict:
    """As `train.configuration`, with defaults of its own; `bpr`: BPR's settings, else those that the search found (R32)."""
    config = train.configuration(**DEFAULTS | parameters | FIXED)
    common = {name: config[name] for name in ("dataset", "domains", "seed", "dim", "epochs", "patience")}
    beneath = baselines.configuration(**common, method="bpr", **(tuned.parameters(config["dataset"], "bpr") if bpr is None else bpr))
    variant = f"h={config['hidden_layers']} γ={config['gamma']:g}"
    code = sorted({*config["code"], *beneath["code"], __name__})
    return config | {"method": "adc_residual", "variant": variant, "bpr": beneath, "code": code}


def run(config: dict, show: bool = True) -> runs.Run:
    """Train BPR, then the variant on top of it, and test; or return the stored run."""
    found = runs.find(config)
    if found is not None:
        return found
    parts = baselines.prepared(config)
    return fit.fit(learner(config, parts, show), parts, config, show=show)


def learner(config: dict, parts: Split, show: bool = False) -> "Residual":
    """The trainer of a `configuration`; what it starts from is BPR at the epochs that validation chose."""
    keeper, _, _ = fit.learn(baselines.learner(config["bpr"], parts), parts, config["bpr"], show)
    if 0 in keeper.epoch:
        rate, where = config["bpr"]["learning_rate"], f"split {config['seed']} of '{config['dataset']}'"
        raise UserError(
            f"BPR, on which adc_residual stands, diverged in its first epoch on {where}: a loss or score is no finite number. "
            f"Give it a learning_rate below {rate:g}: residual.configuration(…, bpr={{'learning_rate': …}})."
        )
    starts = [mf.Start(kept["user"].astype(np.float32), kept["item"], 0.0, None) for kept in keeper.kept]
    return Residual(train.settings_of(config), parts, starts)


class OnTop(ADC):
    """W sees the vectors beside the last hidden layer; it starts as the identity on them and 0 on the layer."""

    def __init__(self, *given: Any):
        super().__init__(*given)
        vectors, width = self.p * self.d, self.W.in_features
        self.W = nn.Linear(width + vectors, vectors)
        with torch.no_grad():
            self.W.weight.copy_(torch.eye(vectors, width + vectors).roll(width, 1)), self.W.bias.zero_()

    def hidden(self, users: torch.Tensor, vectors: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """As ADC's [B, width], and beside it the vectors as they are, a domain's mean where the user has none: [B, width + p·d]."""
        vectors = self._vectors(users) if vectors is None else vectors
        inputs = self.concatenate(users, vectors)
        own, present = self._place(vectors, self.rows[users] >= 0)
        typical = torch.stack([self.user.detach()[rows[rows >= 0]].mean(0) for rows in self.rows.T])  # [p, d]
        beside = torch.where(present, own, typical).flatten(1)
        return torch.cat([self.trunk(inputs), beside], 1), inputs.square().sum()


class Residual(train.Trainer):
    """ADC's trainer on that network."""

    network = OnTop
