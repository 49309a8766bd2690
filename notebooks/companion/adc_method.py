"""ADC as a method among methods: equal weights and other balancers are its network with one setting fixed."""

from dataclasses import fields

from adc import balancers
from adc.config import Config
from adc.mf_init import MFVectors
from adc.split import Split
from adc.train import Trainer, domain_losses, plain_step
from companion.init_cache import initial_vectors
from companion.method import Method

SEARCH_SPACE = {  # what the paper leaves open: λ, start, width, descent (R5, R7, R11, R16, R22)
    "agreement_weight": ("log", 1e-4, 1e2),
    "learning_rate": ("log", 1e-5, 1e-2),
    "embedding_lr": ("log", 5e-4, 0.5),
    "embedding_l2": ("log", 1e-4, 0.3),
    "weight_decay": ("log", 1e-2, 1e2),
    "init": ("choice", ["als", "als_literal", "random"]),
    "init_noise": ("log", 0.005, 0.5),
    "width": ("choice", [0, 100]),
    "batch_users": ("choice", [64, 256]),
}
# For sparse ratings, by hand on two crawls of reviews: the sparser the ratings, the larger λ has to be.
SPARSE = {
    "agreement_weight": 30.0, "learning_rate": 1e-4, "embedding_lr": 1e-3, "embedding_l2": 0.01,
    "init": "als", "init_noise": 0.03, "width": 0, "batch_users": 64,
}  # fmt: skip
FIRST_TRIALS = (SPARSE, {"learning_rate": 1e-4, "embedding_lr": 0.02}, {})

# The starred readings: what notebook 08 changes, one at a time, and the change in plain words.
STARRED: list[tuple[str, dict, str]] = [
    ("R1", {"agreement_on": "u"}, "agreement of the inputs u, not of z"),
    ("R2", {"train_items": False}, "item vectors fixed"),
    ("R3", {"train_users": False}, "user vectors fixed"),
    ("R4", {"agreement_with": "own"}, "agreement: her own domains only"),
    ("R5", {"agreement_weight": 0.0}, "no agreement (λ = 0)"),
    ("R6", {"missing_vector": "initial"}, "missing vectors as they began"),
    ("R7", {"width": 0}, "hidden layers p·d wide"),
    ("R7", {"width": 100}, "hidden layers 100 wide"),
    ("R7", {"width": 200}, "hidden layers 200 wide"),
    ("R10", {"pretraining": "random"}, "layers between start at random"),
    ("R10", {"pretraining": "none"}, "no pretraining"),
    ("R11", {"optimizer": "sgd", "learning_rate": 0.02, "embedding_lr": 0.5}, "plain SGD, not Adam"),
    ("R12", {"balancer": "gradnorm_softmax"}, "weights by a softmax"),
    ("R12", {"balancer": "gradnorm_closed"}, "Eq. 5 solved exactly"),
    ("R12", {"balancer": "gradnorm_literal"}, "Eq. 5 to the letter"),
    ("R13", {"initial_losses": "first_epoch"}, "L(0): the first epoch's"),
    ("R14", {"reduction": "sum"}, "loss: a sum, not a mean"),
    ("R14", {"reduction": "sum_literal"}, "loss: the whole sum as printed"),
    ("R15", {"norm_layer": "last_hidden"}, "gradient norm at the last hidden layer"),
    ("R17", {"resample_negatives": False}, "negatives drawn once"),
    ("R22", {"init": "als"}, "start: regularised ALS"),
    ("R22", {"init": "als_literal"}, "start: raw ALS"),
    ("R22", {"init": "random"}, "start: random vectors"),
    ("R23", {"observed": "above_mean"}, "positives: ratings above her mean"),
]
EQUATION = r"""
$$L_k = -\sum_{(u,i^+,i^-)} \log\sigma\bigl(\mathbf{z}_u^{(k)\top}\mathbf{v}_{i^+}^{(k)}
- \mathbf{z}_u^{(k)\top}\mathbf{v}_{i^-}^{(k)}\bigr)
+ \lambda\sum_{q\neq k}\bigl\|\mathbf{z}_u^{(q)} - \mathbf{z}_u^{(k)}\bigr\|_2^2,
\qquad L_{cross} = \sum_k w_k L_k$$
"""


def make_trainer(config: dict, split: Split, vectors: list[MFVectors] | None = None) -> Trainer:
    """The trainer of a run's configuration, pretrained (R10), from the start's vectors or others."""
    settings = Config(**{field.name: config[field.name] for field in fields(Config)})
    return Trainer(settings, split, vectors or initial_vectors(split, settings.init, settings.dim))


def network(name: str, label: str, kind: str, balancer: str, **look: str) -> Method:
    """ADC's network under one balancer, as a method. look: color, marker, linestyle."""
    return Method(
        name, label, 3, Config, make_trainer, search_space=SEARCH_SPACE,
        first_trials=FIRST_TRIALS, kind=kind, fixed={"balancer": balancer} if kind != "adc" else {},
        equation=EQUATION, objective=(domain_losses, plain_step), **look,
    )  # fmt: skip


ADC = network("adc", "ADC", "adc", "gradnorm", color="#0072B2", marker="o", linestyle="-")
STATIC = network("static", "static", "balancer", "static", color="#D55E00", marker="s", linestyle="--")
GREY = {"color": "#767676", "marker": "o", "linestyle": ":"}
LABELS = {name: balancers.BALANCERS[name].label for name in balancers.OTHER_RULES}
SUCCESSORS = [network(name, label, "balancer", name, **GREY) for name, label in LABELS.items()]
