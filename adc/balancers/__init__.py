"""The balancers by name: the paper's and its readings (`adc.balancer`), and other published rules."""

import torch

from adc.balancer import Balancer, GradNorm, GradNormClosed, GradNormLiteral, GradNormSoftmax, OtherRule
from adc.balancers.dwa import DWA
from adc.balancers.famo import FAMO
from adc.balancers.metabalance import MetaBalance
from adc.balancers.pcgrad import PCGrad
from adc.balancers.rlw import RandomWeights
from adc.balancers.uncertainty import Uncertainty
from adc.errors import UserError

BALANCERS: dict[str, type[Balancer]] = {
    "gradnorm": GradNorm, "gradnorm_softmax": GradNormSoftmax, "gradnorm_closed": GradNormClosed,
    "gradnorm_literal": GradNormLiteral, "static": Balancer, "uncertainty": Uncertainty, "dwa": DWA,
    "rlw": RandomWeights, "metabalance": MetaBalance, "pcgrad": PCGrad, "famo": FAMO,
}  # fmt: skip
OTHER_RULES = tuple(name for name, kind in BALANCERS.items() if issubclass(kind, OtherRule))  # searched (R32)


def make(name: str, p: int, gamma: float, constant_weights: str = "") -> Balancer:
    """A new balancer by name, and the weights that "static" keeps, comma-separated; else a `UserError`."""
    if name not in BALANCERS:
        raise UserError(f"Unknown balancer '{name}'. Known: {', '.join(BALANCERS)}.")
    balancer = BALANCERS[name](p, gamma)
    if constant_weights:
        try:
            balancer.weights = torch.tensor([float(weight) for weight in constant_weights.split(",")])
        except ValueError:
            raise UserError(f"constant_weights={constant_weights!r} are not numbers.") from None
        if len(balancer.weights) != p or name != "static" or not balancer.weights.isfinite().all():
            raise UserError(f"constant_weights={constant_weights!r}: give {p}, and to static alone.")
    return balancer
