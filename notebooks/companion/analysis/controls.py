"""Controls on the synthetic twin: what a method gains from other domains with nothing, or all, to gain there.

At `transfer` 0 a user's tastes in two domains have nothing to do with each other: no method may be better
with all domains than with the target alone, by more than noise. At 1 they are the same, and a cross-domain
method should be.
"""

import itertools
from collections.abc import Sequence

import pandas as pd
from tqdm.auto import tqdm

from companion import data, registry
from companion.analysis import stats
from companion.analysis.curves import ndcg


def gains(
    transfers: Sequence[float], targets: Sequence[str], seeds: Sequence[int], methods: Sequence[str],
    scale: float = 1.0, epochs: int = 40, patience: int = 8, show: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Test NDCG@10 (full) of every method trained on all domains and on the target alone; missing runs are
    trained.

    One row a (transfer, method, target, seed): joint, alone, gain, run (of all domains), run_alone. The
    settings are those of the search on the twin; ADC has h = 3, gamma = 2. seeds: of split and training; the
    twin is the same.
    """
    rows, experiments = [], list(itertools.product(transfers, methods, seeds))
    for transfer, method, seed in tqdm(experiments, desc="controls", unit="method", disable=not show):
        dataset, runs = data.dataset_id("twin", scale=scale, transfer=transfer), {}
        for domains in ([], *([target] for target in targets)):
            names = (method, dataset, seed, registry.listed(domains))
            config = registry.configure_tuned(*names, epochs=epochs, patience=patience)
            runs[tuple(domains)] = registry.train(config, show=False)
        joint = runs[()]
        for target in targets:
            alone = runs[target,]
            rows.append({"transfer": transfer, "method": method, "target": target, "seed": seed,
                         "joint": ndcg(joint)[target], "alone": ndcg(alone)[target],
                         "run": joint.folder.name, "run_alone": alone.folder.name})  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(gain=table["joint"] - table["alone"])


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Gain of every (transfer, method): mean over the targets, interval and p over the seeds (t), seeds."""
    keys = ["transfer", "method"]
    by_seed = table.groupby([*keys, "seed"], sort=False)["gain"].mean().reset_index()
    summary = stats.over_seeds(by_seed, keys, "gain")
    alone = table.groupby(keys, sort=False)["alone"].mean().to_numpy()
    return summary.assign(**{"gain (%)": 100 * summary["gain"] / alone})
