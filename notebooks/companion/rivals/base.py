"""What the rivals share: how they score, and how they go over the training triples."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from adc.early_stopping import Score, factor_score
from adc.sampling import Batch, Triples, user_batches
from adc.split import Split

ONE_PASS = {"epochs": 1, "patience": 1}


@dataclass(frozen=True)
class OnePass:
    """The settings of a method that counts or solves everything at once, and has nothing to choose."""

    epochs: int = 1
    patience: int = 1


class Rival:
    """A `Learner` (`adc.early_stopping`); a subclass adds `arrays` and, where there are epochs, `epoch`."""

    scorer = staticmethod(factor_score)
    arrays: Callable

    def __init__(self, config: dict, split: Split):
        self.config, self.split = config, split

    def epoch(self) -> list[dict]:
        """A row without a loss for every domain: all is counted or solved at once."""
        return [{} for _ in self.split.ratings.domains]

    def score(self, domain: int) -> Score:
        """Scores of a domain by its arrays as they are now."""
        return self.scorer(self.split, domain, self.arrays(domain))


class Descent(Rival):
    """A rival that descends on the triples that ADC has too, a batch of users at a time, by its `step`."""

    stream: int  # of random numbers
    step: Callable[[np.ndarray, Batch], torch.Tensor]  # the loss of every domain [p], NaN without triples

    def __init__(self, config: dict, split: Split):
        super().__init__(config, split)
        self.rng = np.random.default_rng([config["seed"], self.stream])
        torch.manual_seed(config["seed"])
        negatives = 0 if config.get("objective") == "ratings" else config["negatives"]
        self.triples = [Triples(split, k, negatives, True, self.rng) for k in range(split.ratings.p)]
        self.users = split.training_users()
        self.first = np.cumsum([0, *map(len, split.ratings.items)])  # row of each domain's first item

    def epoch(self) -> list[dict]:
        """One pass over all triples; the mean loss of every domain."""
        batches = user_batches(self.triples, self.users, self.config["batch_users"], self.rng)
        losses = torch.stack([self.step(users, batch) for users, batch in batches])  # [steps, p]
        return [{"loss": loss} for loss in losses.nanmean(0).tolist()]
