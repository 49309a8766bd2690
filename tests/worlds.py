"""Made-up runs for the ledger of claims: worlds in which the paper is right, wrong, right in part, or nothing was run."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from adc import baselines, data, files, runs, train

SIZES = {"a": 200, "b": 60, "c": 70, "d": 170, "e": 65, "f": 30}  # a is the largest, d the second, f the smallest
BY_SIZE = sorted(SIZES, key=SIZES.get)
METHODS = ("popularity", "itemknn", "ease", "bpr", "bpr_merged", "clfm", "cdcf", "sconet")
GAMMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
SEEDS, USERS = (0, 1, 2), 60  # scipy takes long for exact ranks of fewer


@dataclass
class World:
    """What the made-up runs say: the levels of the methods, and the best h and gamma, by target."""

    level: dict[str, dict[str, float]]  # method -> target -> score; ADC's at its best
    depth: dict[str, int]
    gamma: dict[str, float]
    sets: dict[str, float]  # Set -> best gamma
    static: dict[str, float]  # what equal weights gain over gamma = 2
    wobble: tuple[float, ...] = ()  # gammas at which the score swings from seed to seed
    broken: tuple[str, ...] = ()  # sets in which every run diverged
    weight: float = 1.04  # of one domain at the end of gamma = 0
    power: float = 0.0  # of the weights in the gradients' norms there: 0, as 1 would be without weights
    learners: float = 0.5  # how much a weight grows with r_k at gamma = 2
    steep: float = 1.0  # how much more of gamma the largest domain feels
    short: tuple[int, ...] = ()  # seeds with Table II's runs of ADC and static alone
    spread: float = 0.1  # of r_k under gamma = 2; static's is 0.3
    unsteady: float = 0.0  # how much that changes from seed to seed
    larger: float = 0.0  # what more dimensions or negatives add
    noise: float = 1e-5
    seeds: tuple[int, ...] = SEEDS
    studies: bool = True
    methods: tuple[str, ...] = METHODS
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def score(self, config: dict, target: str) -> float:
        if "balancer" not in config:
            return self.level[config["method"]][target] + self.rng.normal(0, self.noise)
        members = frozenset(filter(None, config["domains"].split(",")))
        best = {members_of(name): gamma for name, gamma in self.sets.items()}.get(members, self.gamma[target])
        gamma = 2.0 if config["balancer"] == "static" else config["gamma"]
        value = (
            self.level["adc"][target]
            - 0.004 * abs(config["hidden_layers"] - self.depth[target])
            - 0.004 * abs(gamma - best) * (self.steep if target == BY_SIZE[-1] else 1)
        )
        value += self.static[target] if config["balancer"] == "static" else 0.0
        value += self.larger * (config["dim"] > 100 or config["negatives"] > 5)
        swing = (-1) ** GAMMAS.index(gamma) * (config["seed"] - 1) * (gamma in self.wobble)
        return value + 0.0002 * swing + self.rng.normal(0, self.noise)


def members_of(name: str) -> frozenset:
    return frozenset({"Set 1": BY_SIZE[-2:], "Set 2": BY_SIZE[:-2], "Set 3": [BY_SIZE[0], BY_SIZE[-1]]}[name])


def levels(*order: str, step: float = 1.1) -> dict[str, dict[str, float]]:
    """The methods a step apart in this order, the worst first, in every target."""
    return {name: dict.fromkeys(SIZES, 0.3 * step ** place) for place, name in enumerate(order)}


def mixed(first: dict, second: dict, but: str = "ce") -> dict:
    """The first, with the targets in `but` as in the second."""
    return {k: second[k] if k in but else first[k] for k in SIZES}


SIMPLE = ("popularity", "itemknn", "ease", "bpr_merged")
BEST_DEPTH = dict(zip(BY_SIZE, (2, 3, 3, 3, 4, 4), strict=True))
BEST_GAMMA = dict.fromkeys(SIZES, 2.0) | {"a": 1.5}
AS_PRINTED = World(
    levels(*SIMPLE, "bpr", "clfm", "cdcf", "sconet", "adc"), BEST_DEPTH, BEST_GAMMA, {"Set 1": 1.0, "Set 2": 0.5, "Set 3": 2.5},
    dict.fromkeys(SIZES, -0.02), wobble=tuple(g for g in GAMMAS if g != 2),
)  # fmt: skip
OPPOSITE = World(
    levels("adc", "sconet", "cdcf", "clfm", "bpr", *SIMPLE), dict(zip(BY_SIZE, (2, 2, 1, 1, 1, 1), strict=True)),
    dict.fromkeys(SIZES, 0.0), {"Set 1": 3.0, "Set 2": 3.0, "Set 3": 0.0}, dict.fromkeys(SIZES, 0.02),
    wobble=(2.0,), broken=("Set 1", "Set 2", "Set 3"), weight=1.7, power=2.0, learners=-0.5, steep=2.0, spread=0.5, larger=0.01,
)  # fmt: skip
REVERSED = levels("adc", "bpr", "sconet", "clfm", "cdcf", *SIMPLE, step=1.02)
IN_PARTS = World(
    {m: mixed(AS_PRINTED.level[m], REVERSED[m]) for m in REVERSED}, mixed(BEST_DEPTH, dict.fromkeys(SIZES, 1)),
    mixed(BEST_GAMMA, dict.fromkeys(SIZES, 0.0), "c"), {"Set 1": 0.0, "Set 2": 0.0, "Set 3": 3.0},
    mixed(AS_PRINTED.static, dict.fromkeys(SIZES, 0.005)), wobble=(0.0, 0.5, 1.0, 1.5), broken=("Set 3",),
    spread=0.2, unsteady=1.0,
)  # fmt: skip
SPARSE = World(
    AS_PRINTED.level, BEST_DEPTH, BEST_GAMMA, {}, AS_PRINTED.static, seeds=(0,), studies=False, methods=("popularity",)
)
NOISE = World(
    {m: dict.fromkeys(SIZES, 0.3) for m in AS_PRINTED.level}, dict.fromkeys(SIZES, 3), BEST_GAMMA, {"Set 3": 2.5},
    dict.fromkeys(SIZES, 0.0), learners=0.0, spread=0.3, unsteady=0.5, noise=0.02,
)  # fmt: skip
UNEVEN = replace(AS_PRINTED, short=(2,))
WORLDS = {"as printed": AS_PRINTED, "opposite": OPPOSITE, "in part": IN_PARTS, "sparse": SPARSE, "noise": NOISE, "uneven": UNEVEN}


def configurations(world: World, dataset: str, seed: int) -> list[dict]:
    found = [baselines.configuration(dataset=dataset, method=method, seed=seed) for method in world.methods]
    adc = [{}, {"gamma": 1.0}]
    if seed in world.short:
        adc = [{}, {"hidden_layers": 2}, {"hidden_layers": 4}, {"hidden_layers": 4, "gamma": 1.5}, {"gamma": 0.0}, {"balancer": "static"}]
    elif world.studies:
        names = (
            [",".join(k for k in SIZES if k in members_of(name)) for name in ("Set 1", "Set 2", "Set 3")]
            if len(SIZES) > 2
            else []
        )
        adc += [{"hidden_layers": h} for h in (1, 2, 4, 5)] + [
            {"hidden_layers": 4, "gamma": 1.5},
            {"pretraining": "none"},
        ]
        adc += [
            {"domains": some} | how
            for some in ("", *names)
            for how in [{"gamma": g} for g in GAMMAS] + [{"balancer": "static"}]
        ]
        adc += [{"dim": 200}, {"negatives": 10}]
    made = [
        train.configuration(**{"dataset": dataset, "seed": seed, "hidden_layers": 3, "gamma": 2.0} | how) for how in adc
    ]
    return found + list({runs.identity(config): config for config in made}.values())


def store(world: World, config: dict) -> Path:
    """A run folder as `runs.save` leaves it, of only what is read here."""
    targets = [k for k in SIZES if not config.get("domains") or k in config["domains"].split(",")]
    place, values, users = runs.folder(config), [], []
    for k in targets:
        each = world.score(config, k) + world.rng.normal(0, 1e-4, USERS)
        row = {"target": k, "protocol": "full", "group": "all", "users": USERS}
        values += [
            row | {"metric": m, "n": n, "value": float(each.mean())}
            for m in ("ndcg", "recall")
            for n in (5, 10, 15, 20)
        ]
        users += [
            {"target": k, "protocol": "full", "user": f"u{u}", "ndcg@10": float(score)} for u, score in enumerate(each)
        ]
    broken = any(members_of(name) == frozenset(targets) and config.get("domains") for name in world.broken)
    files.write_json(place / "config.json", config)
    files.write_json(place / "metrics.json", {"values": values, "diverged": broken})
    if config.get("domains"):
        return place
    pd.DataFrame(users).to_parquet(place / "users.parquet")
    spread = 0.3 if config["method"] == "static" else world.spread * (1 + world.unsteady * (config["seed"] - 1))
    history = pd.DataFrame(
        {"epoch": epoch, "domain": k, "rate": 1 + spread * (number % 2), "weight": 1.0}
        for epoch in range(1, 4 + config["seed"]) for number, k in enumerate(targets)
    )  # fmt: skip
    if config["method"] == "adc":
        at_0 = np.where(history["domain"] == "c", world.weight, 1.0)
        history["weight"] = at_0 if config["gamma"] == 0 else 1 + world.learners * (history["rate"] - 1)
    history.assign(norm=0.1 * history["weight"] ** world.power).to_parquet(place / "history.parquet")
    return place


def fill(home: Path, world: World) -> str:
    """Ratings of these sizes and the runs of a world, gathered as profile "made"; the dataset."""
    rng = np.random.default_rng(1)
    rows = [(k, f"u{pair // 20}", f"i{pair % 20}", rng.integers(1, 6)) for k, n in SIZES.items() for pair in range(n)]
    pd.DataFrame(rows, columns=["domain", "user", "item", "rating"]).to_csv(home / "made.csv", index=False)
    dataset = data.prepare(str(home / "made.csv")).name
    runs.gather(
        [store(world, config) for seed in world.seeds for config in configurations(world, dataset, seed)], "made"
    )
    return dataset
