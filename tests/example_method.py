"""A whole method: every user gets the items with the highest mean training rating.

One file and one line: this file in `notebooks/companion/rivals/`, and `example_method.METHOD` in the list of
`companion.registry`. The search, the runs, the tables and the figures then have it.
"""

from dataclasses import dataclass

import numpy as np

from adc.early_stopping import Arrays
from adc.split import TRAIN
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass, Rival


@dataclass(frozen=True)
class Settings(OnePass):
    """One setting; `epochs` and `patience`, which every method has, come from `OnePass`."""

    damping: float = 5.0  # ratings of the domain's mean that each item is given beforehand


class BestRated(Rival):
    """Mean rating of every item, drawn towards the domain's mean. What learns by epochs has an `epoch`."""

    def arrays(self, domain: int) -> Arrays:
        """Two vectors whose product is the score, user [n, 1] and item [m_k, 1]; else it needs a `scorer`."""
        _, item, rating = self.split.of(domain, TRAIN)
        m = len(self.split.ratings.items[domain])
        total, count = np.bincount(item, rating - rating.mean(), m), np.bincount(item, minlength=m)
        score = (total / (count + self.config["damping"])).astype(np.float32)
        return {"user": np.ones((len(self.split.ratings.users), 1), np.float32), "item": score[:, None]}


METHOD = Method(
    name="best_rated", label="best rated", version=1, Settings=Settings, fixed=ONE_PASS, learner=BestRated,
    search_space={"damping": ("log", 1.0, 100.0)}, color="#999933", marker="X", linestyle=(0, (6, 1)),
    objective=(BestRated,), equation=r"$$x_{ui} = \frac{\sum_u (r_{ui} - \bar r)}{|U_i| + \text{damping}}$$",
)  # fmt: skip
