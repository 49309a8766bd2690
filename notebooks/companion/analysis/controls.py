"""Controls in synthetic worlds (`companion.data.control`), where it is known what there is to find.

Before a method is said to gain nothing from other domains, the measurement has to find a gain that is there,
and none where there is none. Every world is a dataset with its own split and training, all of one seed; world
0 is the search's. Scores are test NDCG@10 of the target domain, every item ranked."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from companion import data, paths, registry, runs
from companion.analysis import stats
from companion.analysis.curves import ndcg
from companion.analysis.headroom import oracle
from companion.data import synthetic
from companion.experiments import studies
from companion.registry import BASE

TARGET, DIM = "target", 32  # the domain that is scored; d
LIMITS = {"epochs": 200, "patience": 20}  # so many that runs end by themselves
ALONE = registry.label_alone(TARGET)  # label of the search for ADC's network on the target by itself
# what learns from both domains -> the same on the target alone
PAIRS = {
    "bpr_merged": "bpr", "itemknn_merged": "itemknn", "ease_merged": "ease", "static": "static", "adc": "adc",
}  # fmt: skip
CONSTANTS = ("1.9,0.1", "1.5,0.5", "0.5,1.5")  # weights of source and target
GAMMAS = (0.0, 1.0, 2.0)
BY_HAND = {
    "init": "als", "init_noise": 0.06, "agreement_weight": 1.0, "learning_rate": 1e-3, "embedding_lr": 0.01,
    "embedding_l2": 0.01, "weight_decay": 0.0, "width": 0,
}  # fmt: skip
CASES = {  # settings in which the balancer is looked at -> what they are, away from what the search found
    "searched settings": {}, "by hand": BY_HAND,
    "by hand, 60 epochs": BY_HAND | {"epochs": 60, "patience": 60},
}  # fmt: skip
ABLATION = {  # label of a search in world 0 -> what it fixes
    "one layer": {"hidden_layers": 1},
    "linear": {"hidden_layers": 0},
    "no agreement": {"agreement_weight": 0.0},
    "linear, no agreement": {"hidden_layers": 0, "agreement_weight": 0.0},
}


def comparison() -> list[dict]:
    """Every method on both domains, and those of PAIRS on the target alone."""
    joint = ["popularity", *PAIRS.values(), *PAIRS]
    alone = [{"method": name, "domains": TARGET, "label": ALONE} for name in ("static", "adc")]
    return [{"method": name} for name in dict.fromkeys(joint)] + alone


def balancing(case: str) -> list[dict]:
    """ADC at every γ and with constant weights, in the settings of a case: the balancer alone differs."""
    changes = [{"gamma": gamma} for gamma in GAMMAS]
    changes += [{"balancer": "static", "constant_weights": text} for text in ("", *CONSTANTS)]
    return [{"method": "adc"} | CASES[case] | change for change in changes]


def ablation() -> list[dict]:
    """ADC without one part or several, each with what a search of its own found."""
    return [{"method": "adc", "label": label, **settings} for label, settings in ABLATION.items()]


def train(changes: Iterable[dict], transfers: Sequence[float], worlds: Sequence[int],
          show: bool = True) -> pd.DataFrame:  # fmt: skip
    """The runs of some changes in every world, trained where they are not stored, as `table` has them."""
    configs = []
    for transfer, world, change in itertools.product(transfers, worlds, changes):
        configs.append(configure(data.dataset_id("control", transfer=transfer, seed=world), change))
    return table(studies.train(configs, show))


def stored(changes: Sequence[dict]) -> pd.DataFrame:
    """The runs of some changes that are stored, in whatever worlds, as `table` has them."""
    names = sorted(place.name for place in paths.runs("").glob("control*"))
    worlds = [name for name in names if synthetic.parse(name)[0]]
    of_worlds = (runs.find(configure(name, change)) for name, change in itertools.product(worlds, changes))
    return table(filter(None, of_worlds))


def configure(dataset: str, change: dict, **limits: Any) -> dict:
    """The configuration of a change in a world, with what the search in world 0 found."""
    settings = {"dim": DIM, **LIMITS, **change, **limits}
    world = synthetic.parse(dataset)[1]["seed"]
    return registry.configure_tuned(settings.pop("method"), dataset, world, **settings)


def table(done: Iterable[runs.Run]) -> pd.DataFrame:
    """A row a run: transfer, richness, world, method, alone, gamma, weights, value, validation, epochs, ended
    (by the limit of epochs), run."""
    rows = []
    for run in done:
        config, (_, options) = run.config, synthetic.parse(run.config["dataset"])
        row = {"transfer": options["transfer"], "richness": options["richness"], "world": config["seed"]}
        row |= {"method": config["method"], "alone": config["domains"] == TARGET}
        row |= {"gamma": config.get("gamma"), "weights": config.get("constant_weights", "")}
        row |= {"value": ndcg(run)[TARGET], "validation": run.validation, "epochs": run.metrics["epochs"]}
        rows.append(row | {"ended": run.ended_by_limit, "run": run.place})
    return pd.DataFrame(rows).drop_duplicates("run") if rows else pd.DataFrame()


def headroom(transfers: Sequence[float], worlds: Sequence[int]) -> pd.DataFrame:
    """An oracle in the target, means over the worlds, by transfer: popularity, alone, jointly, gain (%)."""
    rows = []
    for t, world in itertools.product(transfers, worlds):
        rows.append(oracle(data.dataset_id("control", transfer=t, seed=world), world).loc[TARGET].rename(t))
    table = pd.DataFrame(rows).groupby(level=0).mean()
    return table.rename(columns={"gain": "gain (%)"}).rename_axis("transfer")


def levels(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over the worlds of every method's score: transfer, method, alone, value, p, low, high, seeds."""
    return stats.over_seeds(_base(rows), ["transfer", "method", "alone"], "value")


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """What the methods of PAIRS gain from the source, paired within a world: transfer, method, value, p, low,
    high, seeds."""
    base, parts = _base(rows), []
    for joint, alone in PAIRS.items():
        with_source = base[base["method"].eq(joint) & ~base["alone"]]
        without = base[base["method"].eq(alone) & (base["alone"] | (joint != alone))]
        both = [part.set_index(["transfer", "world"])["value"] for part in (with_source, without)]
        parts.append((both[0] - both[1]).dropna().reset_index().assign(method=joint))
    return stats.over_seeds(pd.concat(parts), ["transfer", "method"], "value")


def _base(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `comparison`: ADC at γ = 2 and equal weights, each with all of its parts."""
    gamma = rows["method"].ne("adc") | rows["gamma"].eq(BASE["gamma"])
    return alone_by_validation(rows[gamma & rows["weights"].eq("") & rows["richness"].eq(20)])


def alone_by_validation(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `table`, on the target alone the best on validation of a world's runs, for ADC and for equal
    weights: with one domain they are one network, in settings of two searches."""
    if rows.empty:
        return rows
    best = rows[rows["alone"]].sort_values("validation").drop_duplicates(["transfer", "world"], keep="last")
    return pd.concat([rows[~rows["alone"]], *(best.assign(method=name) for name in ("static", "adc"))])


def over_static(cases: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """ADC at every γ and with constant weights less equal weights, paired within a world: case, balancing,
    value, p, low, high, seeds. cases: by name the runs of `balancing` at one transfer."""
    rows, name = pd.concat(cases, names=["case"]).reset_index("case"), "GradNorm, γ = {:g}".format
    constants = {text: f"constant, {text.replace(',', ' : ')}" for text in CONSTANTS}
    weights = rows["weights"].replace(constants)
    rows["balancing"] = rows["gamma"].map(name).where(rows["method"] == "adc", weights)
    wide = rows.pivot(index=["case", "world"], columns="balancing", values="value")
    order = [column for column in [*map(name, GAMMAS), *constants.values()] if column in wide]
    gaps = wide[order].sub(wide[""], axis=0).reindex(list(cases), level="case").stack().dropna()
    return stats.over_seeds(gaps.rename("value").reset_index(), ["case", "balancing"], "value")


def ablation_table(transfer: float, worlds: Sequence[int]) -> pd.DataFrame:
    """ADC, and ADC without a part, each as its own search has it: value, less ADC's, low, high by label."""
    scores, lines = {}, {}
    for change in [{"method": "adc", "label": ""}, *ablation()]:
        rows = train([change], [transfer], worlds, show=False).set_index("world")
        scores[change["label"] or "ADC"] = rows["value"]
    wide = pd.DataFrame(scores)
    for name, values in wide.items():
        test = stats.paired_t((values - wide["ADC"]).to_numpy())
        lines[name] = {"NDCG@10": values.mean(), "less ADC's": test.mean, "low": test.low, "high": test.high}
    return pd.DataFrame.from_dict(lines, orient="index")


def histories(cases: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean history over the worlds of ADC at γ = 2 in every case, by epoch and domain, up to the epoch that
    every run of it has: case, ranking (BPR's part of L_k), agreement (λ's), weight, rate."""
    means = []
    for case, rows in cases.items():
        places = rows.loc[rows["method"].eq("adc") & rows["gamma"].eq(BASE["gamma"]), "run"]
        parts = [runs.load(paths.home() / place).history for place in places]
        last = min(part["epoch"].max() for part in parts)
        history = pd.concat(part[part["epoch"] <= last] for part in parts)
        history = history.assign(ranking=history["loss"] - history["agreement"])
        columns = ["ranking", "agreement", "weight", "rate"]
        mean = history.groupby(["epoch", "domain"], sort=False)[columns].mean().reset_index()
        means.append(mean.assign(case=case))
    return pd.concat(means, ignore_index=True)
