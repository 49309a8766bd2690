"""BPR [28] on the merged domains: they share one vector of every user.

Negatives are items of the positive's own domain. A user without training ratings in the target has a vector
all the same, if she has one elsewhere."""

from dataclasses import dataclass

import numpy as np

from adc.early_stopping import Arrays
from companion.method import Method
from companion.rivals import bpr


@dataclass(frozen=True)
class Settings(bpr.Settings):
    """BPR's parameters."""

    learning_rate: float = 1e-2


class MergedBPR(bpr.BPR):
    """BPR whose only domain are all domains together."""

    def user_rows(self) -> np.ndarray:
        """One row for every user with a training rating, the same in all domains [p, n]."""
        row = np.zeros(len(self.split.ratings.users), dtype=np.int64)
        row[self.users] = np.arange(len(self.users))
        return np.tile(row, (self.split.ratings.p, 1))

    def mean_over(self, size: list[int]) -> list[int]:
        """The triples of all domains share one mean."""
        return [sum(size)]

    def epoch(self) -> list[dict]:
        """One pass over all triples; their mean loss stands for every domain."""
        (row,) = super().epoch()
        return [dict(row) for _ in self.split.ratings.domains]

    def arrays(self, domain: int) -> Arrays:
        """(u, 1) of every user [n, d+1], the same in all domains, and (v, b) of items [m_k, d+1]."""
        return {name: array for name, array in super().arrays(domain).items() if name != "cold"}


METHOD = Method(
    name="bpr_merged", label="BPR (merged)", version=1, Settings=Settings, learner=MergedBPR, kind="hurdle",
    search_space=bpr.METHOD.search_space, color="#004D3A", marker="<", linestyle=(0, (3, 1, 1, 1)),
    objective=(MergedBPR,), equation=r"""
$$\min \frac{1}{|T|} \sum_{(u, i, J) \in T} \Big[ \frac{1}{|J|} \sum_{j \in J}
-\ln \sigma(\hat x_{ui} - \hat x_{uj}) + \lambda \Big( \lVert \mathbf u_u \rVert^2
+ \sum_{j \in J \cup \{i\}} \lVert \mathbf v_j \rVert^2 + b_j^2 \Big) \Big], \qquad
T = \bigcup_k T_k, \quad \hat x_{ui} = \mathbf u_u^\top \mathbf v_i + b_i$$

As BPR's, but $\mathbf u_u$ is the same vector in all domains.
""",
)  # fmt: skip
