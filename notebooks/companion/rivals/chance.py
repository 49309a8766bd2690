"""Chance: every user gets the items in a random order. A method that is not above it has learned nothing."""

import numpy as np
import torch

from adc.early_stopping import Arrays, Score
from adc.split import Split
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass, Rival


class Chance(Rival):
    """Scores that depend on nothing but the run's seed, the domain and the user."""

    def arrays(self, domain: int) -> Arrays:
        """The seed."""
        return {"seed": np.array(self.config["seed"])}

    @staticmethod
    def scorer(split: Split, domain: int, arrays: Arrays) -> Score:
        """A row of random numbers a user [B, m_k], the same whoever is scored with her."""
        seed, m = int(arrays["seed"]), len(split.ratings.items[domain])

        def score(users: np.ndarray) -> torch.Tensor:
            generators = (np.random.default_rng([seed, 7, domain, user]) for user in users.tolist())
            return torch.from_numpy(np.stack([each.random(m, dtype=np.float32) for each in generators]))

        score.ranks_cold = True  # who has no training rating gets a random order, too
        return score


METHOD = Method(
    name="random", label="random", version=2, Settings=OnePass, fixed=ONE_PASS, learner=Chance,
    kind="hurdle", color="#B0B0B0", marker="x", linestyle=(0, (1, 5)),
    objective=(Chance,), equation=r"$$\hat x_{ui} \sim U(0, 1)$$",
)  # fmt: skip
