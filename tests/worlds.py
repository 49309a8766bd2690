"""Invented runs for the ledger: worlds in which the paper is right, wrong, or right in part."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from hand_made import entry, write_run

from companion import data, registry, results, runs

SIZES = {"a": 200, "b": 60, "c": 70, "d": 170, "e": 65, "f": 30}  # a is the largest, d the second, f the last
BY_SIZE = sorted(SIZES, key=SIZES.get)
SIMPLE = ("popularity", "itemknn", "itemknn_merged", "ease", "ease_merged", "bpr_merged")
METHODS = (*SIMPLE, "bpr", "clfm", "cdcf", "sconet")
GAMMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
SEEDS, USERS = (0, 1, 2), 60  # scipy takes long for exact ranks of fewer


@dataclass
class World:
    """What the invented runs say: the levels of the methods, and the best h and gamma, by target."""

    level: dict[str, dict[str, float]]  # method -> target -> score; ADC's at its best
    depth: dict[str, int]
    gamma: dict[str, float]
    sets: dict[str, float]  # Set -> best gamma
    static: dict[str, float]  # what equal weights gain over gamma = 2
    alone: dict[str, float]  # what a domain by itself gains over all of them
    wobble: tuple[float, ...] = ()  # gammas at which the score swings from seed to seed
    broken: tuple[str, ...] = ()  # sets in which every run diverged
    weight: float = 1.04  # of one domain at the end of gamma = 0
    power: float = 0.0  # of the weights in the gradients' norms there: 0, as 1 would be without weights
    learners: float = 0.5  # how much a weight grows with r_k at gamma = 2
    step: float = 0.04  # what a layer or a unit of gamma away from the best costs: above every margin
    steep: float = 1.0  # how much more of gamma the largest domain feels
    short: tuple[int, ...] = ()  # seeds with Table II's runs of ADC and static alone
    spread: float = 0.1  # of r_k under gamma = 2; static's is 0.3
    unsteady: float = 0.0  # how much that changes from seed to seed
    larger: float = 0.0  # what more dimensions or negatives add
    cost: float = 1.1  # times the seconds of equal weights
    noise: float = 1e-5
    seeds: tuple[int, ...] = SEEDS
    studies: bool = True
    methods: tuple[str, ...] = METHODS
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def score(self, config: dict, target: str) -> float:
        if "balancer" not in config:
            return self.level[config["method"]][target] + self.rng.normal(0, self.noise)
        domains = frozenset(filter(None, config["domains"].split(",")))
        best = {members(name): gamma for name, gamma in self.sets.items()}.get(domains, self.gamma[target])
        static = config["balancer"] == "static"
        gamma = 2.0 if static else config["gamma"]
        steep = self.steep if target == BY_SIZE[-1] else 1
        value = self.level["adc"][target] - self.step * abs(config["hidden_layers"] - self.depth[target])
        value += self.static[target] * static - self.step * abs(gamma - best) * steep
        value += self.alone[target] * (len(domains) == 1)
        value += unfit(config)  # a decoy: validation knows that these settings are the worse
        value += self.larger * (config["dim"] > 100 or config["negatives"] > 5)
        return value + self.swing(gamma, config["seed"]) + self.rng.normal(0, self.noise)

    def swing(self, gamma: float, seed: int) -> float:
        """Of a gamma that wobbles from seed to seed: no mean over the seeds, nor over such gammas."""
        unsteady = [level for level in self.wobble if level == int(level)]
        if gamma not in unsteady:
            return 0.0
        phase = unsteady.index(gamma) / len(unsteady) + seed / len(SEEDS)
        return 0.0002 * math.cos(2 * math.pi * phase)

    def history(self, config: dict, targets: list[str]) -> pd.DataFrame:
        static = config["method"] == "static"
        spread = 0.3 if static else self.spread * (1 + self.unsteady * (config["seed"] - 1))
        rows = []
        for epoch in range(1, 4 + config["seed"]):
            rows += [(epoch, k, 1 + spread * (number % 2)) for number, k in enumerate(targets)]
        table = pd.DataFrame(rows, columns=["epoch", "domain", "rate"]).assign(weight=1.0)
        if config["method"] == "adc":
            at_0 = np.where(table["domain"] == "c", self.weight, 1.0)
            table["weight"] = at_0 if config["gamma"] == 0 else 1 + self.learners * (table["rate"] - 1)
        return table.assign(norm=0.1 * table["weight"] ** self.power)


def unfit(config: dict) -> float:
    return 0.1 * (config.get("learning_rate") == 0.5)


def members(name: str) -> frozenset:
    return frozenset({"Set 1": BY_SIZE[-2:], "Set 2": BY_SIZE[:-2], "Set 3": [BY_SIZE[0], BY_SIZE[-1]]}[name])


def levels(*order: str, step: float = 1.1, least: float = 0.3) -> dict[str, dict[str, float]]:
    """The methods a step apart in this order, the worst first, in every target."""
    return {name: dict.fromkeys(SIZES, least * step**place) for place, name in enumerate(order)}


def mixed(first: dict, second: dict, targets: str = "ce") -> dict:
    """The first, with these targets as in the second."""
    return {k: second[k] if k in targets else first[k] for k in SIZES}


def everywhere(value: float) -> dict:
    return dict.fromkeys(SIZES, value)


BEST_DEPTH = dict(zip(BY_SIZE, (2, 3, 3, 3, 4, 4), strict=True))
BEST_GAMMA = everywhere(2.0) | {"a": 1.5}
AS_PRINTED = World(
    levels(*SIMPLE, "bpr", "clfm", "cdcf", "sconet", "adc"), BEST_DEPTH, BEST_GAMMA,
    {"Set 1": 1.0, "Set 2": 0.5, "Set 3": 2.5}, everywhere(-0.06), everywhere(-0.03),
    wobble=tuple(g for g in GAMMAS if g != 2),
)  # fmt: skip
OPPOSITE = World(
    levels("adc", "sconet", "cdcf", "clfm", "bpr", *SIMPLE),
    dict(zip(BY_SIZE, (2, 2, 1, 1, 1, 1), strict=True)), everywhere(0.0),
    {"Set 1": 3.0, "Set 2": 3.0, "Set 3": 0.0}, everywhere(0.06), everywhere(0.03), wobble=(2.0,),
    broken=("Set 1", "Set 2", "Set 3"), weight=1.7, power=2.0, learners=-0.5, steep=0.5, spread=0.5,
    larger=0.04, cost=2.0,
)  # fmt: skip
REVERSED = levels("adc", "bpr", "sconet", "clfm", "cdcf", *SIMPLE, step=1.005, least=0.78)
SWAPPED = levels(*SIMPLE, "clfm", "bpr", "cdcf", "sconet", "adc")
IN_PARTS = World(
    {m: mixed(SWAPPED[m], REVERSED[m]) for m in REVERSED}, mixed(BEST_DEPTH, everywhere(1), "c"),
    mixed(BEST_GAMMA, everywhere(0.0), "e"), {"Set 1": 3.0, "Set 2": 0.0, "Set 3": 3.0},
    mixed(AS_PRINTED.static, everywhere(0.02)), mixed(everywhere(-0.06), everywhere(0.03)),
    wobble=(0.0, 0.5, 1.0, 1.5), broken=("Set 3",), spread=0.2,
)  # fmt: skip
SPARSE = replace(AS_PRINTED, sets={}, wobble=(), seeds=(0,), studies=False, methods=("popularity",))
NOISE = World(
    {m: everywhere(0.3) for m in AS_PRINTED.level}, everywhere(3), BEST_GAMMA, {"Set 3": 2.5},
    everywhere(0.0), everywhere(0.0), learners=0.0, spread=0.3, unsteady=0.5, noise=0.02, step=0.0,
)  # fmt: skip
UNEVEN = replace(AS_PRINTED, short=(2,))
WORLDS = {"as printed": AS_PRINTED, "opposite": OPPOSITE, "in part": IN_PARTS, "sparse": SPARSE,
          "noise": NOISE, "uneven": UNEVEN}  # fmt: skip


def configurations(world: World, dataset: str, seed: int) -> list[dict]:
    pairs = [{"hidden_layers": h} for h in (2, 4)] + [{"hidden_layers": 4, "gamma": 1.5}]
    changes = [{}, {"gamma": 1.0}]
    if seed in world.short:
        changes = [{}, *pairs, {"gamma": 0.0}, {"balancer": "static"}]
    elif world.studies:
        changes += [*pairs, {"hidden_layers": 1}, {"hidden_layers": 5}, {"pretraining": "none"}]
        changes += [{"dim": 200}, {"negatives": 10}, {"hidden_layers": 0}]
        single = [{"domains": k} for k in SIZES if len(SIZES) > 1]
        changes += single + [change | {"learning_rate": 0.5} for change in single]
        sets = [members(name) for name in ("Set 1", "Set 2", "Set 3")] if len(SIZES) > 2 else []
        for domains in ("", *(",".join(k for k in SIZES if k in names) for names in sets)):
            changes += [{"domains": domains, "gamma": gamma} for gamma in GAMMAS]
            changes.append({"domains": domains, "balancer": "static"})
    configs = [registry.configure(method, dataset, seed) for method in world.methods]
    configs += [registry.configure("adc", dataset, seed, **registry.BASE | change) for change in changes]
    return list({runs.identity(config): config for config in configs}.values())


def store(world: World, config: dict) -> Path:
    """A run folder of only what the ledger reads."""
    domains = config["domains"]
    targets, values, users = [k for k in SIZES if not domains or k in domains.split(",")], [], []
    for k in targets:
        each = world.score(config, k) + world.rng.normal(0, 1e-4, USERS)
        for metric in ("ndcg", "recall"):
            values += [entry(k, "full", metric, n, "all", float(each.mean()), USERS) for n in (5, 10, 15, 20)]
        users.append(pd.DataFrame({"target": k, "protocol": "full", "user": range(USERS), "ndcg@10": each}))
    broken = any(members(name) == frozenset(targets) and domains for name in world.broken)
    history = world.history(config, targets)
    seconds = 10.0 * (1 if config["method"] == "static" else world.cost)
    facts = {"diverged": broken, "train_seconds": seconds}
    facts["validation"] = dict.fromkeys(targets, 0.2 - unfit(config))
    return write_run(config, values, pd.concat(users), history, **facts).folder


def fill(home: Path, world: World) -> str:
    """Ratings of these sizes and the runs of a world, gathered as profile "invented"; the dataset."""
    rng, rows = np.random.default_rng(1), []
    for k, n in SIZES.items():
        rows += [(k, f"u{pair // 20}", f"i{pair % 20}", rng.integers(1, 6)) for pair in range(n)]
    table = pd.DataFrame(rows, columns=["domain", "user", "item", "rating"])
    table.to_csv(home / "invented.csv", index=False)
    dataset = data.prepare(str(home / "invented.csv")).name
    configs = [config for seed in world.seeds for config in configurations(world, dataset, seed)]
    results.gather([store(world, config) for config in configs], "invented")
    return dataset
