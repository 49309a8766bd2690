"""Synthetic twin of Table I: its users, items and ratings exactly; tastes are planted, no rating is real.

* Sizes. A domain's users, items and ratings are g (c / g)^asymmetry, with c Table I's count and g its
  geometric mean over the domains (0: all alike, 1: Table I's), with at least LEAST ratings a user.
* People. Activity and leaning towards goods or media, both N(0, 1), decide what domains a person is in: the
  active are in more, domains of media share more users with each other. About a quarter of all users are in
  several.
* Activity and popularity. Users and items have one rating each; the rest are spread in proportion to
  lognormal weights, with Gini coefficients like those of the Epinions categories (users .4-.5, items .5-.7).
* Taste. A user has a liking t for each of 12 genres, t = sqrt(transfer) c + sqrt(1 - transfer) o_k with c
  common to her domains, o_k her own in domain k, all N(0, 1). An item is of one genre; all domains have all
  genres.
* Choice. Of all ways to give these users and items their numbers of ratings, one is drawn with probability
  proportional to exp(STRENGTH * the sum of t over all ratings): popularity times exp(taste), without
  replacement.
* Stars. Taste, the user's generosity (shared between domains as taste is), the item's quality and noise make
  a score; its quantiles are cut into Amazon's J-shaped histogram.

At transfer 0 a user's other domains say nothing about which items she chooses here or what stars she gives,
only how active she is. At transfer 1 taste and generosity are the same everywhere. One seed gives the same
users, activities, popularities and genres at every transfer.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from companion.data import synthetic
from companion.data.table1 import TABLE_I

LABEL = "synthetic twin of Table I"
DESCRIPTION = "synthetic, sizes of Table I; with options as in twin-s0.03-t1.0-a0.0-seed1"
DOMAINS = tuple(TABLE_I)
STARS = (0.06, 0.06, 0.09, 0.20, 0.59)  # share of 1 to 5 stars
GOODS = ("electronics", "kitchen", "toys")  # the others are media
POOL = 2.7  # people per user of a domain, before those who are in no domain are dropped: sets the overlap
SPREAD = 1.5  # standard deviation of the logarithms of activity and popularity
# Few genres and a strong liking, so that one or two ratings a user show a taste at all. At 3, three choices
# in five are of the favourite genre, and an oracle that knows the tastes has 2.2 to 3.2 times popularity's
# NDCG@10 on held-out ratings: a clear preference, no certainty. Chosen without a look at ADC and its rivals.
GENRES, STRENGTH = 12, 3.0
ROUNDS = 100  # of exchanges; the mean liking of what is chosen is then within about 2 % of where more lead
# Shares of the variance of the score behind the stars: tastes and biases explain about half of it.
TASTE, GENEROSITY, QUALITY, NOISE = 0.20, 0.15, 0.15, 0.50
LEAST = 1.23  # ratings a user; Table I's least is kitchen's, 1.232


@dataclass(frozen=True)
class _Domain:
    """One domain with what is planted in it: tests read the last two, methods never see them."""

    person: np.ndarray  # [n] a user's number over all domains
    user: np.ndarray  # [ratings] 0..n-1
    item: np.ndarray  # [ratings] 0..m-1
    stars: np.ndarray  # [ratings] 1..5
    liking: np.ndarray  # [n, GENRES]
    genre: np.ndarray  # [m]


def ratings(
    seed: int = 0, scale: float = 1.0, transfer: float = 0.5, asymmetry: float = 1.0
) -> tuple[pd.DataFrame, dict]:
    """Synthetic ratings `domain, user, item, rating` in Table I's order, and a report for the manifest.

    Per domain exactly the users, items and ratings of `sizes`; each user and each item has at least one
    rating, no pair has two. transfer in [0, 1]: the share of a taste's variance that is common to a user's
    domains. asymmetry in [0, 2]: how unequal the domains are. The same arguments give the same table."""
    synthetic.check("twin", seed=seed, scale=scale, transfer=transfer, asymmetry=asymmetry)
    domains = _generate(seed, scale, transfer, asymmetry)
    frames = [_frame(name, domain) for name, domain in domains.items()]
    people = 1 + max(domain.person[-1] for domain in domains.values())
    member = np.transpose([np.bincount(domain.person, minlength=people) for domain in domains.values()])
    report = {
        "synthetic": True,
        "note": "No real rating is in it; only the counts are those of Table I, times scale.",
        "users": int(people),
        "share_of_users_in_several_domains": float((member.sum(axis=1) > 1).mean()),
        "shared_users": pd.DataFrame(member.T @ member, list(domains), list(domains)).to_dict(),
    }
    return pd.concat(frames, ignore_index=True), report


def sizes(scale: float = 1.0, asymmetry: float = 1.0) -> dict[str, tuple[int, int, int]]:
    """Users, items and ratings of every domain: Table I's counts times scale where asymmetry is 1."""
    counts = np.array(list(TABLE_I.values()), dtype=float)  # [p, 3]
    counts *= (counts / np.exp(np.log(counts).mean(axis=0))) ** (asymmetry - 1)
    counts[:, 2] = np.maximum(counts[:, 2], LEAST * counts[:, 0])
    scaled = np.rint(scale * counts).astype(int).tolist()
    return {name: tuple(row) for name, row in zip(TABLE_I, scaled)}


def genres(**arguments: float) -> list[np.ndarray]:
    """Genre of every item of each domain [m_k]: what is planted in the twin of these arguments."""
    return [domain.genre for domain in _generate(**arguments).values()]


def _generate(seed: int, scale: float, transfer: float, asymmetry: float = 1.0) -> dict[str, _Domain]:
    rng, counts = np.random.default_rng(seed), sizes(scale, asymmetry)
    activity, members = _members(rng, {name: users for name, (users, _, _) in counts.items()})
    # numbered in the order of the pool, which is exchangeable: an id says nothing about its bearer
    people, person = np.unique(np.concatenate(members), return_inverse=True)
    common = rng.standard_normal((len(people), GENRES + 1))  # likings, generosity
    persons = np.split(person, np.cumsum([len(m) for m in members])[:-1])
    return {
        name: _domain(rng, counts[name], who, activity[people[who]], common[who], transfer)
        for name, who in zip(counts, persons, strict=True)
    }


def _members(rng: Generator, users: dict[str, int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Activity of a pool of people, and the sorted positions in it of each domain's users."""
    activity, leaning = rng.standard_normal((2, round(POOL * sum(users.values()))))
    members = []
    for name, count in users.items():
        pull = activity + (leaning if name in GOODS else -leaning) + rng.gumbel(size=len(activity))
        members.append(np.sort(np.argpartition(-pull, count)[:count]))
    return activity, members


def _domain(
    rng: Generator, size: tuple, person: np.ndarray, activity: np.ndarray, common: np.ndarray, transfer: float
) -> _Domain:
    """A domain of the people `person` [n] with their activity [n] and common traits [n, GENRES + 1]."""
    n, m, count = size
    activity = np.sqrt(0.5) * activity + np.sqrt(0.5) * rng.standard_normal(n)
    user = np.repeat(np.arange(n), _degrees(rng, count, np.exp(SPREAD * activity), m))
    item = np.repeat(np.arange(m), _degrees(rng, count, np.exp(SPREAD * rng.standard_normal(m)), n))
    traits = np.sqrt(transfer) * common + np.sqrt(1 - transfer) * rng.standard_normal(common.shape)
    liking, generosity = traits[:, :GENRES], traits[:, GENRES]
    genre = rng.integers(GENRES, size=m)
    item = _without_repeats(rng, user, rng.permutation(item), m)
    _exchange(rng, user, item, STRENGTH * liking, genre)
    user, item = np.divmod(np.sort(user * m + item), m)  # the order of rows tells nothing
    assert len(user) == count == len(np.unique(user * m + item)), "a user rated an item twice"
    assert len(np.unique(user)) == n and len(np.unique(item)) == m, "a user or an item has no rating"
    stars = _stars(rng, liking[user, genre[item]], generosity[user], item, m)
    return _Domain(person, user, item, stars, liking, genre)


def _degrees(rng: Generator, total: int, weight: np.ndarray, most: int) -> np.ndarray:
    """Numbers of ratings, 1 to `most`, `total` in all; beyond the first in proportion to weight."""
    degree = np.ones(len(weight), dtype=np.int64)
    while left := total - degree.sum():
        weight = np.where(degree < most, weight, 0)
        degree = np.minimum(degree + rng.multinomial(left, weight / weight.sum()), most)
    return degree


def _without_repeats(rng: Generator, user: np.ndarray, item: np.ndarray, m: int) -> np.ndarray:
    """Give every repeat of a (user, item) an item at random; the first stays, so each item keeps a rating."""
    while (repeat := pd.Series(user * m + item).duplicated().to_numpy()).any():
        item[repeat] = rng.integers(m, size=repeat.sum())
    return item


def _exchange(
    rng: Generator, user: np.ndarray, item: np.ndarray, utility: np.ndarray, genre: np.ndarray
) -> None:
    """Metropolis sampling of who has which item, in place: pairs of ratings exchange items, so counts stay.

    An exchange that gains g in summed utility [n, GENRES] is accepted with probability min(1, exp(g)), unless
    a user would have an item twice. Each round proposes one exchange to every rating."""
    m, half = len(genre), len(user) // 2
    for _ in range(ROUNDS):
        order = rng.permutation(len(user))
        a, b = order[:half], order[half : 2 * half]
        one, other, has, gets = user[a], user[b], genre[item[a]], genre[item[b]]
        gain = utility[one, gets] - utility[one, has] + utility[other, has] - utility[other, gets]
        accepted = rng.random(half) < np.exp(np.minimum(gain, 0))
        a, b = a[accepted], b[accepted]
        new = pd.Series(np.concatenate((user[a] * m + item[b], user[b] * m + item[a])))
        taken = new.isin(user * m + item) | new.duplicated(keep=False)
        free = ~taken.to_numpy().reshape(2, -1).any(axis=0)
        a, b = a[free], b[free]
        item[a], item[b] = item[b], item[a]


def _stars(rng: Generator, taste: np.ndarray, generosity: np.ndarray, item: np.ndarray, m: int) -> np.ndarray:
    """Stars 1..5 [ratings] with the histogram STARS, to the last rating."""
    quality, noise = rng.standard_normal(m)[item], rng.standard_normal(len(item))
    taste = (taste - taste.mean()) / taste.std()  # of what was chosen, which is liked more than the rest
    score = TASTE**0.5 * taste + GENEROSITY**0.5 * generosity + QUALITY**0.5 * quality + NOISE**0.5 * noise
    rank = score.argsort().argsort()
    return 1 + np.searchsorted(np.round(np.cumsum(STARS[:-1]) * len(score)), rank, side="right")


def _frame(name: str, domain: _Domain) -> pd.DataFrame:
    users = np.array([f"u{n:06d}" for n in domain.person], dtype=object)[domain.user]
    items = np.array([f"{name}-{i:05d}" for i in range(len(domain.genre))], dtype=object)[domain.item]
    stars = domain.stars.astype(np.float32)
    return pd.DataFrame({"domain": name, "user": users, "item": items, "rating": stars})
