"""Which test items are relevant (R24): "a user has rated it above her average ratings" (§IV-B)."""

import numpy as np

from adc.errors import UserError
from adc.split import PARTS, TEST, TRAIN, Split

RULES = {
    "above": "strictly above the mean of her ratings in the domain",
    "at_least": "at least the mean of her ratings in the domain",
    "all_domains": "strictly above the mean of her ratings in all domains",
    "train_only": "strictly above the mean of her training ratings in the domain",
    "stars4": "four stars or more",
}


def relevant(split: Split, domain: int, rule: str = "above", visible: tuple[int, ...] = PARTS) -> np.ndarray:
    """Which of a domain's ratings are relevant: bool, in the order of `split.of(domain)`.
    Means are taken over the parts in `visible`, and ratings of other parts are never relevant: with (TRAIN,
    VALID), choosing by validation looks at no test rating. A user without a rating to average has nothing
    relevant. Where all ratings of a domain are equal (`no_levels`), by every rule what was rated is relevant.
    Raises `UserError` for a rule that is not in RULES."""
    if rule not in RULES:
        raise UserError(f"Unknown relevance rule '{rule}'. The rules are: {', '.join(RULES)} (R24).")
    ratings = split.ratings
    here, in_sight = ratings.domain == domain, np.isin(split.part, visible)
    user, rating = ratings.user[here], ratings.rating[here]
    if no_levels(rating):
        return in_sight[here]
    if rule == "stars4":
        return (rating >= 4) & in_sight[here]
    averaged = in_sight & (here | (rule == "all_domains")) & ((split.part == TRAIN) | (rule != "train_only"))
    n = len(ratings.users)
    count = np.bincount(ratings.user[averaged], minlength=n)[user]
    total = np.bincount(ratings.user[averaged], weights=ratings.rating[averaged], minlength=n)[user]
    above = rating - total / np.maximum(count, 1)
    above = above >= -slack(rating) if rule == "at_least" else above > slack(rating)
    return above & (count > 0) & in_sight[here]


def slack(rating: np.ndarray) -> np.ndarray:
    """How near to a mean ratings equal it: in float32 1.2 is not above the mean of 1.1, 1.2 and 1.3."""
    return 1e-6 * np.abs(rating)


def no_levels(rating: np.ndarray) -> bool:
    """Whether ratings are all equal, as those of implicit data are, so that none is above her average."""
    return len(rating) > 0 and bool((rating == rating[0]).all())


def evaluable(split: Split, domain: int, rule: str = "above") -> int:
    """Number of users with at least one relevant test rating in the domain: those that R25 averages over."""
    tested = split.part[split.ratings.domain == domain] == TEST
    return len(np.unique(split.of(domain, TEST)[0][relevant(split, domain, rule)[tested]]))
