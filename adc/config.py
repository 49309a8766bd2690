"""Every hyperparameter of ADC, with its symbol in the paper and its reading (R…) of what is left open."""

from dataclasses import dataclass, fields
from typing import Any

from adc.balancers import BALANCERS
from adc.errors import UserError

CHOICES = {
    "balancer": tuple(BALANCERS), "agreement_on": ("z", "u"), "agreement_with": ("all", "own"),
    "reduction": ("mean", "sum", "sum_literal"), "observed": ("all", "above_mean"), "step": ("fast", "plain"),
    "init": ("als", "als_literal", "random"), "missing_vector": ("current", "initial"),
    "pretraining": ("identity", "random", "none"), "initial_losses": ("common", "first_epoch"),
    "norm_layer": ("W", "last_hidden"), "optimizer": ("adam", "sgd"), "device": ("auto", "cpu", "cuda"),
}  # fmt: skip
AT_LEAST_ONE = ("dim", "negatives", "batch_users", "epochs")


@dataclass(frozen=True)
class Config:
    """Hyperparameters of one training of ADC; defaults: the paper's, or what MovieLens's search found (R32).

    Raises `UserError` for a value of another type, an unknown choice, or a number below its least."""

    seed: int = 0  # of the start, the batches and the negatives
    hidden_layers: int = 3  # h (R8); 0: W alone, a linear network
    gamma: float = 2.0  # γ, the asymmetry of Eq. 4
    balancer: str = "gradnorm"  # how w_k is learned (R12); "static" leaves every weight as it is (R33)
    constant_weights: str = ""  # w_k of "static", comma-separated; empty: 1 each
    dim: int = 100  # d
    negatives: int = 5  # per positive (R17)
    agreement_weight: float = 0.0024  # λ of Eq. 2 (R5)
    agreement_on: str = "z"  # the vectors that λ's term keeps alike: z, or the inputs u (R1)
    agreement_with: str = "all"  # the domains q of λ's term: all, or only a user's own (R4)
    reduction: str = "mean"  # of Eq. 1 over a domain's triples; "sum": λ and L2 in proportion, or not (R14)
    observed: str = "all"  # which ratings are positives: all, or those not below the user's mean (R23)
    resample_negatives: bool = True  # new negatives each epoch (R17)
    init: str = "als_literal"  # of the vectors: regularised ALS, ALS as printed, or random (R22)
    init_noise: float = 0.06  # standard deviation of the noise added to it
    train_users: bool = True  # u is trained (R3)
    train_items: bool = True  # v is trained (R2)
    missing_vector: str = "current"  # where a user is not: the mean of her current, or initial, vectors (R6)
    width: int = 0  # of the hidden layers; 0: p·d (R7)
    pretraining: str = "identity"  # how layers between start after pretraining with one layer (R10)
    pretraining_epochs: int = 5
    initial_losses: str = "common"  # L_k(0): log p for every domain, or each domain's first epoch (R13)
    norm_layer: str = "W"  # where gradient norms are taken (R15)
    optimizer: str = "adam"  # R11
    learning_rate: float = 3e-5  # of the network
    embedding_lr: float = 0.03  # learning rate of user and item vectors
    weight_decay: float = 0.0  # of A's and W's weights, decoupled
    embedding_l2: float = 0.0025  # on v of each positive and each of its negatives, and on u_con (R11)
    batch_users: int = 64  # R16
    epochs: int = 100  # at most (R18)
    patience: int = 15  # epochs without a better validation in any domain, after which training ends
    step: str = "fast"  # "plain": the same step in plain autograd (`adc.train.plain_step`)
    device: str = "auto"

    def __post_init__(self) -> None:
        check_types(self)
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise UserError(f"Parameter {name}={value!r} is unknown. Known: {', '.join(choices)}.")
        for field in fields(self):
            least, value = int(field.name in AT_LEAST_ONE), getattr(self, field.name)
            if field.type in (int, float) and not value >= least:  # also refuses NaN
                raise UserError(f"Parameter {field.name}={value} must be at least {least}.")
        if self.norm_layer == "last_hidden" and not self.hidden_layers:
            raise UserError("norm_layer=last_hidden needs a hidden layer: hidden_layers is 0.")


def check_types(settings: Any) -> None:
    """Raise `UserError` for a dataclass field with a value of another type; 2 for a float becomes 2.0."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.type is float and type(value) is int:
            object.__setattr__(settings, field.name, float(value))
        elif type(value) is not field.type:
            expected = getattr(field.type, "__name__", field.type)
            raise UserError(f"Parameter {field.name}={value!r} must be of type {expected}.")
