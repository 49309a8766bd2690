"""Not the paper's model: ADC on top of BPR. z = W0·u + W·A_h(u_con) + b, z and u of all domains, u from BPR.

At first W0 is the identity, W = 0 and b = 0: training starts from BPR's ranking, and a user who has no vector
in a domain as the mean of those who have. Then all of it is trained. What other domains know comes through
the network, and through W0, which becomes a linear map between the domains; the scores do not tell one from
the other. Its runs are called `adc_residual`, never `adc`: they are a try at a small change by which ADC
keeps up with popularity and BPR."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import nn

from adc.config import Config
from adc.early_stopping import train_epochs
from adc.errors import UserError
from adc.mf_init import MFVectors
from adc.model import ADC, mean_vector
from adc.split import Split
from adc.train import Trainer
from companion.method import Method
from companion.rivals import bpr


@dataclass(frozen=True)
class Settings(Config):
    """ADC's hyperparameters and BPR's, on which it stands; dim, negatives, epochs, patience are of both."""

    agreement_weight: float = 0.0024
    learning_rate: float = 1e-5
    embedding_lr: float = 1e-4
    embedding_l2: float = 0.03
    epochs: int = 40
    patience: int = 8
    bpr_learning_rate: float = bpr.Settings.learning_rate
    bpr_embedding_l2: float = bpr.Settings.embedding_l2
    bpr_init_noise: float = bpr.Settings.init_noise
    bpr_batch_users: int = bpr.Settings.batch_users


class OnTop(ADC):
    """W sees the vectors beside the last hidden layer; it starts as the identity on them, 0 on the layer."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        vectors, width = self.p * self.d, self.W.in_features
        self.W = nn.Linear(width + vectors, vectors)
        with torch.no_grad():
            self.W.weight.copy_(torch.eye(vectors, width + vectors).roll(width, 1)), self.W.bias.zero_()

    def hidden(self, users: torch.Tensor, vectors: torch.Tensor | None = None) -> tuple:
        """The last hidden layer of users [B] beside their vectors [B, width + p·d]; their u_con [B, p·d].
        From vectors [R, d] that were looked up, if given; where there is none a domain's mean stands."""
        own, present = self.own_vectors(users)
        if vectors is not None:
            own = torch.zeros_like(own)
            own[present[:, :, 0]] = vectors
        mean = mean_vector(own, present) if self.current else self.initial_mean[users]
        u_con = torch.where(present, own, mean).flatten(1)
        typical = torch.stack([self.user.detach()[rows[rows >= 0]].mean(0) for rows in self.rows.T])  # [p, d]
        return torch.cat([self.trunk(u_con), torch.where(present, own, typical).flatten(1)], 1), u_con


class Residual(Trainer):
    """ADC's trainer on that network."""

    network = OnTop

    @staticmethod
    def hidden_layer(model: OnTop, users: torch.Tensor, vectors: torch.Tensor | None = None) -> tuple:
        """`OnTop.hidden` as the fast step needs it: with the sum of |u_con|² over the users []."""
        hidden, u_con = model.hidden(users, vectors)
        return hidden, u_con.square().sum()


def learner(config: dict, split: Split) -> Residual:
    """The trainer, which starts from BPR at the epochs that validation chose; `UserError` if BPR diverges."""
    names = {field.name for field in fields(bpr.Settings)}
    beneath = {name: config[f"bpr_{name}" if f"bpr_{name}" in config else name] for name in names}
    bpr_config = asdict(bpr.Settings(**beneath)) | {"seed": config["seed"]}
    below = bpr.BPR(bpr_config, split)
    trained = train_epochs(below, split, config["epochs"], config["patience"], "BPR", show=False)
    if 0 in trained.notes["best_epoch"].values():
        raise UserError(
            f"BPR, on which adc_residual stands, diverged in its first epoch on split {config['seed']} of "
            f"'{split.ratings.name}'. Give it a bpr_learning_rate below {config['bpr_learning_rate']:g}."
        )
    vectors = [MFVectors(arrays["user"], arrays["item"], 0.0, None) for arrays in trained.arrays]
    settings = Settings(**{field.name: config[field.name] for field in fields(Settings)})
    return Residual(settings, split, vectors)


METHOD = Method(
    name="adc_residual", label="ADC on BPR", version=2, Settings=Settings, learner=learner, kind="variant",
    fixed={"init": "random", "init_noise": 0.0, "pretraining": "none"},  # of the start, whose place BPR takes
    search_space={"agreement_weight": ("log", 1e-3, 1e1), "learning_rate": ("log", 1e-6, 1e-3),
                  "embedding_lr": ("log", 1e-5, 1e-2), "embedding_l2": ("log", 5e-4, 1e-1),
                  "batch_users": ("choice", [64, 256])},
    color="#0072B2", marker="p", linestyle=(0, (6, 2)), objective=(OnTop,), equation=r"""
$$\mathbf z_u = W_0\, [\mathbf u_u] + W \mathcal A_h(\mathbf u_{con}) + \mathbf b, \qquad
W_0 = I,\ W = 0,\ \mathbf b = 0 \text{ at first}$$

Trained by ADC's losses and balancer; $[\mathbf u_u]$: the vectors of all domains, at first BPR's.
""",
)  # fmt: skip
