"""Which of a user's domains drove what ADC recommends her: what changes when one of her vectors is left out.

The network's input is u_con, one vector a domain. Where a user is absent from domain q, u^(q) is the mean of
the vectors that she has (R6). Leaving q out therefore means: score her as if she had never been there. What
the parameters learned from her ratings, and from everybody's, is not taken back, and effects do not add up.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from adc.model import ADC, mean_vector
from adc.split import TRAIN, VALID, Split
from companion.escape import markdown


@torch.no_grad()
def z_without(model: ADC, user: int, domains: list[int]) -> torch.Tensor:
    """A user's z with all her vectors, then with each of some domains' left out [1 + len(domains), p, d]."""
    own, present = model.own_vectors(torch.tensor([user] * (1 + len(domains))))
    left_out = torch.arange(len(domains)) + 1, torch.tensor(domains, dtype=torch.long)
    own[left_out], present[left_out] = 0.0, False
    mean = mean_vector(own, present) if model.current else model.initial_mean[[user]]
    return model.decouple(model.trunk(torch.where(present, own, mean).flatten(1)))


@dataclass(frozen=True)
class Influence:
    """ADC's first items for a user in a target, and what leaving out each of her domains does to them."""

    target: str
    ranks: pd.DataFrame  # one row an item (its title), one column a domain: the item's rank without it
    summary: pd.DataFrame  # one row a domain: `stay`, how many of the items are still among the first; `pull`


def influence(model: ADC, split: Split, user: int, domain: int, n: int = 10) -> Influence:
    """Of the first n items of a target, the ranks without each domain where the user has training ratings.
    `pull`: how far an item's score lies above the mean of all candidates, less the same without the domain;
    mean over the n items, in standard deviations of her scores. With training ratings in fewer than two
    domains nothing of her would remain: the tables have no columns. Where no two candidates have different
    scores there is no order to explain: the tables are empty."""
    ratings, free = split.ratings, np.flatnonzero(candidates(split, user, domain))
    own = np.flatnonzero(model.rows[user].numpy() >= 0).tolist()
    own = own if len(own) > 1 else []
    scores = z_without(model, user, own)[:, domain] @ model.items(domain).detach().T
    scores = scores.numpy()[:, free]  # [1 + len(own), candidates]
    if scores.shape[1] < 2 or not np.ptp(scores[0]) > 0:
        return Influence(ratings.domains[domain], pd.DataFrame(), pd.DataFrame())
    first = np.argsort(-scores[0], kind="stable")[:n]
    ranks = np.array([1 + (scores[1:] > scores[1:, [i]]).sum(1) for i in first]).reshape(len(first), len(own))
    above = scores[:, first] - scores.mean(1, keepdims=True)  # [1 + len(own), n]
    pull = (above[:1] - above[1:]).mean(1) / scores[0].std()
    names = [ratings.domains[q] for q in own]
    titles = [ratings.title(domain, free[i]) for i in first]
    summary = pd.DataFrame({"stay": (ranks <= n).sum(0), "pull": pull}, index=names)
    return Influence(ratings.domains[domain], pd.DataFrame(ranks, index=titles, columns=names), summary)


def candidates(split: Split, user: int, domain: int) -> np.ndarray:
    """Items of a domain that she has not rated in training or validation (R27) [m_k] bool."""
    rated, item, _ = split.of(domain, TRAIN, VALID)
    free = np.ones(len(split.ratings.items[domain]), dtype=bool)
    free[item[rated == user]] = False
    return free


def describe(result: Influence) -> str:
    """The influence in a sentence or two."""
    if result.ranks.index.empty:
        where = markdown(result.target)
        return f"In {where} fewer than two items have different scores: there is no order to explain."
    if result.summary.empty:
        return "She has training ratings in fewer than two domains: without one nothing of her would remain."
    stay, pull, n = result.summary["stay"], result.summary["pull"], len(result.ranks)
    least = " or ".join(map(markdown, stay.index[stay == stay.min()]))
    hangs = f"The list hangs most on {least}: without it {stay.min()} of the {n} stay among the first {n}."
    if stay.min() == n:
        hangs = f"The list hangs on no single domain: without any of them all {n} stay among the first {n}."
    if not pull.max() > 0:
        return f"{hangs} None lifts it."
    most = markdown(pull.idxmax())
    return f"{hangs} {most} lifts it most, by {pull.max():.2f} standard deviations of her scores."
