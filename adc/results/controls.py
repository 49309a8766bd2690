"""Controls on the synthetic twin: what a method gains from other domains where there is nothing, and where there is all, to gain.

At `transfer` 0 a user's tastes in two domains have nothing to do with each other: no method may be better with all
domains than with the target alone, by more than noise. At 1 they are the same, and a cross-domain method should be.
"""

import itertools
from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from adc import data, searched, stats
from adc.results import analysis

CROSS = ("bpr_merged", "clfm", "cdcf", "sconet", "adc")  # methods that learn from all domains


def gains(
    transfers: Sequence[float], targets: Sequence[str], seeds: Sequence[int], methods: Sequence[str] = CROSS,
    scale: float = 1.0, epochs: int = 40, patience: int = 8, show: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Test NDCG@10 (full) of every method trained on all domains and on the target alone; missing runs are made.

    One row a (transfer, method, target, seed): joint, alone, gain, run (of all domains), run_alone. The settings are
    those of the search on the twin; ADC has h = 3, gamma = 2. seeds: of split and training; the twin is the same.
    """
    rows, bar = [], list(itertools.product(transfers, methods, seeds))
    for transfer, method, seed in tqdm(bar, desc="controls", unit="method", disable=not show):
        dataset = data.dataset_id("twin", scale=scale, transfer=transfer)
        both = {"dataset": dataset, "seed": seed, "epochs": epochs, "patience": patience}
        joint = searched.run(method, both)
        together = analysis.ndcg(joint)
        for target in targets:
            alone = searched.run(method, both | {"domains": target})
            row = {"transfer": transfer, "method": method, "target": target, "seed": seed}
            row |= {"joint": together[target], "alone": analysis.ndcg(alone)[target]}
            rows.append(row | {"run": joint.folder.name, "run_alone": alone.folder.name})
    table = pd.DataFrame(rows)
    return table.assign(gain=table["joint"] - table["alone"])


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Gain of every (transfer, method): mean over targets and seeds, 95 % interval over the seeds (t), p, seeds."""
    rows = []
    for (transfer, method), some in table.groupby(["transfer", "method"], sort=False):
        mean, p, low, high = stats.paired_t(some.groupby("seed")["gain"].mean().to_numpy())
        share = 100 * mean / some["alone"].mean()
        rows.append({"transfer": transfer, "method": method, "gain": mean, "low": low, "high": high, "p": p,
                     "gain (%)": share, "seeds": some["seed"].nunique()})  # fmt: skip
    return pd.DataFrame(rows)


def words(summary: pd.DataFrame) -> str:
    """Which methods pass the two controls, in words, from `over_seeds`."""
    said = []
    for transfer, some in summary.groupby("transfer"):
        better = some[some["low"] > 0]
        names = ", ".join(f"{row.method} ({row.gain:+.4f})" for row in better.itertuples())
        said.append(f"At transfer {transfer:g}, better with all domains than alone, its interval over the seeds above zero: {names or 'none'}.")
        half = (some["high"] - some["low"]) / 2
        if half.notna().any():
            said.append(f"The intervals reach {half.min():.4f} to {half.max():.4f} to either side; gains smaller than that cannot be seen here.")
    return " ".join(said)
