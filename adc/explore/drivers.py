"""Which of a user's domains drove what ADC recommends her: what changes when one of her vectors is left out.

The network's input is u_con, one vector a domain. Where a user is absent from domain q, u^(q) is the mean of the vectors
that she has (R6). Leaving q out therefore means: score her as if she had never been there. The parameters stay: what they
learned from her ratings, and from everybody's, is not taken back, and effects of several domains do not add up.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.func import functional_call

from adc.model import ADC
from adc.split import TRAIN, VALID, Split


@torch.no_grad()
def z_without(model: ADC, user: int, domains: list[int]) -> torch.Tensor:
    """A user's z with all her vectors, then with each of some domains' left out [1 + len(domains), p, d]."""
    rows = model.rows[user].repeat(1 + len(domains), 1)  # [1 + q, p]
    rows[torch.arange(len(domains)) + 1, domains] = -1
    given = {"rows": rows}
    if not model.current:  # R6 ★: what stands for a missing vector was fixed at the start
        given["fixed"] = model.fixed[user].expand(len(rows), 1, -1)
    return functional_call(model, given, (torch.arange(len(rows)),))


@dataclass(frozen=True)
class Influence:
    """ADC's first items for a user in a target, and what leaving out each of her domains does to them."""

    target: str
    ranks: pd.DataFrame  # one row an item (its title), one column a domain: the item's rank without it
    summary: pd.DataFrame  # one row a domain: `stay`, how many of the items are still among the first; `pull`


def influence(model: ADC, parts: Split, user: int, domain: int, n: int = 10) -> Influence:
    """Of the first n items of a target, the ranks without each of the domains where the user has training ratings.

    `pull`: how far an item's score lies above the mean of all candidates, less the same without the domain; mean over the
    n items, in standard deviations of her scores. BPR learns differences of scores, so only these are compared.
    With training ratings in fewer than two domains nothing of her would remain: the tables have no columns. Where no two
    candidates have different scores there is no order to explain: the tables are empty.
    """
    names, free = parts.ratings.domains, np.flatnonzero(candidates(parts, user, domain))
    own = np.flatnonzero(model.rows[user].numpy() >= 0).tolist()
    own = own if len(own) > 1 else []
    x = (z_without(model, user, own)[:, domain] @ model.items(domain).T).numpy()[:, free]  # [1 + q, candidates]
    if x.shape[1] < 2 or not np.ptp(x[0]) > 0:
        return Influence(names[domain], pd.DataFrame(), pd.DataFrame())
    first = np.argsort(-x[0], kind="stable")[:n]
    ranks = np.array([1 + (x[1:] > x[1:, [i]]).sum(1) for i in first]).reshape(len(first), len(own))
    above = x[:, first] - x.mean(1, keepdims=True)  # [1 + q, n]
    pull = (above[:1] - above[1:]).mean(1) / x[0].std()
    columns = [names[q] for q in own]
    titles = [parts.ratings.titles.get((domain, int(free[i])), str(parts.ratings.items[domain][free[i]])) for i in first]
    summary = pd.DataFrame({"stay": (ranks <= n).sum(0), "pull": pull}, index=columns)
    return Influence(names[domain], pd.DataFrame(ranks, index=titles, columns=columns), summary)


def candidates(parts: Split, user: int, domain: int) -> np.ndarray:
    """Items of a domain that she has not rated in training or validation (R27) [m_k] bool."""
    rated, item, _ = parts.of(domain, TRAIN, VALID)
    free = np.ones(len(parts.ratings.items[domain]), dtype=bool)
    free[item[rated == user]] = False
    return free


def words(found: Influence) -> str:
    """The influence in a sentence or two."""
    if found.ranks.index.empty:
        return f"In {found.target} fewer than two items are left to recommend her, or all have the same score: there is no order to explain."
    if found.summary.empty:
        return "She has training ratings in fewer than two domains: with a vector left out nothing of her would remain."
    stay, pull, n = found.summary["stay"], found.summary["pull"], len(found.ranks)
    if stay.min() == n:
        hangs = f"The list hangs on no single domain: without any one of her vectors all {n} stay among the first {n}."
    else:
        least = " or ".join(stay.index[stay == stay.min()])
        hangs = f"The list hangs most on {least}: without it {stay.min()} of the {n} stay among the first {n}."
    strongest = pull.idxmax()
    itself = ", the target itself," if strongest == found.target else ""
    lifts = f"{strongest}{itself} lifts it most, by {pull.max():.2f} standard deviations of her scores." if pull.max() > 0 else "None lifts it."
    return f"{hangs} {lifts}"
