"""What notebooks 02 and 03 say of one training: its MF vectors, how it ended, what the balancer did."""

import time

import numpy as np
import pandas as pd

from adc import mf_init
from adc.mf_init import MFVectors
from adc.split import TRAIN, Split
from companion import registry
from companion.escape import markdown
from companion.runs import Run


def mf_vectors(split: Split, dim: int) -> tuple[list[MFVectors], pd.DataFrame]:
    """The MF vectors of every domain (R22), as training makes them, and a table [domains]: the regulariser
    chosen, RMSE with the vectors and with the means alone, mean norms of the vectors, seconds."""
    vectors, rows = [], {}
    for k, domain in enumerate(split.ratings.domains):
        began = time.perf_counter()
        factors = mf_init.factorize(split, k, dim)
        seconds = time.perf_counter() - began
        user, item, _ = split.of(k, TRAIN)
        end = factors.curve[factors.curve["regulariser"] == factors.regulariser].iloc[-1]
        means = mf_init.factorize(split, k, 1, regularisers=(1e9,)).curve.iloc[-1]  # leaves vectors of zero
        norm = lambda rows: float(np.linalg.norm(rows, axis=1).mean())
        rows[domain] = {
            ("", "regulariser"): factors.regulariser,
            ("RMSE, training", "means"): means["train"], ("RMSE, training", "vectors"): end["train"],
            ("RMSE, validation", "means"): means["valid"], ("RMSE, validation", "vectors"): end["valid"],
            ("mean norm", "users"): norm(factors.user[np.unique(user)]),
            ("mean norm", "items"): norm(factors.item[np.unique(item)]), (" ", "seconds"): seconds,
        }  # fmt: skip
        vectors.append(factors)
    return vectors, pd.DataFrame.from_dict(rows, orient="index").rename_axis("domain")


def mf_summary(table: pd.DataFrame, noise: float) -> str:
    """What the MF vectors carry, in words. table: of `mf_vectors`; noise: norm of what training adds."""
    rmse, norms = table["RMSE, validation"], table["mean norm"]
    gain = (100 * (1 - rmse["vectors"] / rmse["means"])).round(1) + 0.0
    least, most = markdown(gain.idxmin()), markdown(gain.idxmax())
    return (
        f"On validation the vectors lower the RMSE of the means by {gain.min():.1f} % ({least}) to "
        f"{gain.max():.1f} % ({most}). Their mean norm lies between {norms.min(axis=None):.2f} and "
        f"{norms.max(axis=None):.2f}; training adds noise of norm {noise:.2f}."
    )


def search_remark(config: dict) -> str:
    """Whether a run has the settings that the search found for its dataset (R32), and which it changes."""
    changes = ", ".join(f"{name} = {value!r}" for name, value in registry.unusual(config).items())
    if not registry.tuned(config["method"], config["dataset"]):
        return f"No search was made on {config['dataset']}: the settings are MovieLens's or chosen by hand."
    if not changes:
        return "All settings are those that the search found for this dataset."
    return f"Away from what the search found for this dataset: {changes}."


def end_summary(run: Run) -> str:
    """How a run's training ended, in words."""
    how = "diverged (R34)" if run.metrics["diverged"] else "ended"
    when = f"after {run.metrics['epochs']} epochs and {run.metrics['train_seconds']:.0f} seconds"
    return f"Training {how} {when}. Run folder: `{run.folder.name}`."


def balance_summary(history: pd.DataFrame) -> str:
    """Where the weights ended and how near the gradient norms came to their targets, in words."""
    history = history[np.isfinite(history["rate"])]  # the last epoch of a run that diverged has none
    if history.empty:
        return "No epoch ended with finite losses."
    weights = history[history["epoch"] == history["epoch"].max()].set_index("domain")["weight"]
    recent = history[history["epoch"] > history["epoch"].max() - 10]
    distance = 100 * (recent["norm"] / recent["target"] - 1).abs().median()
    least, most = markdown(weights.idxmin()), markdown(weights.idxmax())
    return (
        f"The weights end between {weights.min():.2f} ({least}) and {weights.max():.2f} ({most}). "
        f"Over the last ten epochs the gradient norms are {distance:.0f} % away from their targets (median)."
    )
