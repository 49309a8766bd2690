"""What is trained for the report, round by round: the simple methods on one split, then ADC, then the next
splits."""

from collections.abc import Iterator

from adc.ratings import Ratings
from companion import data, registry, runs
from companion.experiments import studies

SIMPLE = ("popularity", "itemknn", "itemknn_merged", "ease", "ease_merged", "bpr", "bpr_merged")
LIMITS = {"epochs": 40, "patience": 8}
MOST_SPLITS, SPLITS_WITHOUT_QUESTION = 100, 3
MINUTES_ON_TOP = 30  # from which on ADC on BPR, the slowest, is trained too


def rounds(ratings: Ratings, minutes: float) -> Iterator[list[dict]]:
    """The configurations of every round. ADC's setting is chosen by validation on the first split."""
    dataset = ratings.name
    on_top = ["adc_residual"] if minutes >= MINUTES_ON_TOP and ratings.p > 1 else []
    yield simple(dataset, 0, ratings.p)
    yield networks(dataset) + [configure(name, dataset, 0) for name in on_top]
    for seed in range(1, SPLITS_WITHOUT_QUESTION if data.transfer_remark(ratings) else MOST_SPLITS):
        longest = chosen_networks(dataset, seed) + [configure(name, dataset, seed) for name in on_top]
        yield longest + simple(dataset, seed, ratings.p)[::-1]


def simple(dataset: str, seed: int, domains: int) -> list[dict]:
    """The simple methods on one split; those that merge domains where there are several."""
    names = [name for name in SIMPLE if domains > 1 or not name.endswith("_merged")]
    return [configure(name, dataset, seed) for name in names]


def configure(name: str, dataset: str, seed: int) -> dict:
    """A method as it was searched for these ratings, or else as it is."""
    return registry.configure_tuned(name, dataset, seed, **LIMITS)


def networks(dataset: str) -> list[dict]:
    """ADC on all domains and on each alone, in two settings, on the first split."""
    configs = studies.configurations(("joint", "alone"), dataset, 0, **LIMITS)
    return [config for config in configs if config["method"] == "adc"]


def chosen_networks(dataset: str, seed: int) -> list[dict]:
    """`networks` on another split, each in its setting that is best on the first split's validation."""
    best: dict[str, runs.Run] = {}
    for run in filter(None, map(runs.find, networks(dataset))):
        other = best.setdefault(run.config["domains"], run)
        best[run.config["domains"]] = max(run, other, key=lambda each: each.validation)
    return [run.config | {"seed": seed} for run in best.values()]


def kind(config: dict) -> str:
    """What a configuration shares with those of other splits."""
    return runs.identity(config | {"seed": 0})


def title(config: dict) -> str:
    """A training in words."""
    alone = f" on {config['domains']}" if config["domains"] else ""
    return f"{registry.label(config['method'])}{alone}, split {config['seed'] + 1}"
