"""Popularity: every user gets the items with the most training ratings. The first hurdle."""

import numpy as np
import torch

from adc.early_stopping import Arrays, Score
from adc.evaluation import popularity
from adc.split import Split
from companion.method import Method
from companion.rivals.base import ONE_PASS, OnePass, Rival


class Popularity(Rival):
    """Training ratings of every item; ties are broken by the run's seed (R29)."""

    def arrays(self, domain: int) -> Arrays:
        """Training ratings of every item [m_k]."""
        return {"item": popularity(self.split, domain)}

    @staticmethod
    def scorer(split: Split, domain: int, arrays: Arrays) -> Score:
        """The same row for every user [B, m_k]."""
        row = torch.from_numpy(np.asarray(arrays["item"]))
        return lambda users: row.repeat(len(users), 1)


METHOD = Method(
    name="popularity", label="popularity", version=1, Settings=OnePass, fixed=ONE_PASS, learner=Popularity,
    kind="hurdle", color="#767676", marker="D", linestyle=":",
    objective=(Popularity,),
    equation=r"$$\hat x_{ui} = |U_i|, \qquad U_i \text{ the users with a training rating of item } i$$",
)  # fmt: skip
