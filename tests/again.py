"""The ledger's verdicts once more, by loops over `results.parquet` and the run folders; nothing of `adc` is used."""

import math
from statistics import mean, stdev

import numpy as np
import pandas as pd
from again_scores import Scores, top
from scipy.stats import f, kendalltau, t, ttest_1samp

HOLDS, PART, NOT, UNTOLD = "holds", "holds in part", "does not hold", "cannot be told from chance"
CANNOT, NOT_RUN = "cannot be tested on this data", "not run in this profile"
FIVE = ("bpr", "clfm", "cdcf", "sconet", "adc")
PRINTED = {  # users, items, ratings, density; SCoNet, ADC, improvement
    "electronics": (18649, 3975, 23009, 0.031, 0.2791, 0.3037, 8.81),
    "kitchen": (16114, 5511, 19856, 0.022, 0.1774, 0.1952, 10.03),
    "toys": (9924, 3451, 13147, 0.038, 0.2013, 0.2195, 9.04),
    "dvd": (49151, 14608, 124438, 0.017, 0.4662, 0.4980, 6.82),
    "music": (69409, 24159, 174180, 0.010, 0.4322, 0.4748, 9.85),
    "video": (11569, 5223, 36180, 0.059, 0.6805, 0.7073, 3.93),
}


def grade(holds: bool, partly: bool) -> str:
    return HOLDS if holds else PART if partly else NOT


def share(flags: list[bool | None]) -> str:
    """None: cannot be told."""
    true, half = flags.count(True), len(flags) / 2
    return UNTOLD if true <= half < true + flags.count(None) else grade(true == len(flags), true > half)


def interval(values: list[float], always: bool) -> str:
    """By the interval of a mean; holds if it is so always."""
    low, high = ends(values)
    return NOT if high < 0 else UNTOLD if low <= 0 else grade(always, True)


def told(levels: dict) -> bool:
    """Whether scores by level and seed differ from level to level by more than by chance: sums of squares."""
    rows = list(zip(*levels.values(), strict=True))  # a seed each
    n, m = len(rows), len(levels)
    if n < 2:
        return False
    all_ = mean(map(mean, rows))
    of_levels, of_seeds = n * sum((mean(v) - all_) ** 2 for v in levels.values()), m * sum((mean(r) - all_) ** 2 for r in rows)
    rest = sum((x - all_) ** 2 for row in rows for x in row) - of_levels - of_seeds
    return f.sf((of_levels / (m - 1)) / (rest / ((m - 1) * (n - 1))), m - 1, (m - 1) * (n - 1)) < 0.05


def same(levels: dict, paper) -> bool | None:
    """Whether the best level is the paper's; None if that cannot be told."""
    best = top(levels)
    if not told(levels):
        return None
    gap = [a - b for a, b in zip(levels[best], levels[paper], strict=True)]
    return True if best == paper else False if ends(gap)[0] > 0 else None


def ends(values: list[float]) -> tuple[float, float]:
    """The 95 % interval; from minus to plus infinity with one value."""
    if len(values) < 2:
        return -math.inf, math.inf
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half


class Ledger(Scores):
    """The verdicts, claim by claim."""

    def compared(self, gaps: dict[str, list[float]]) -> str:
        """gaps: case -> difference by seed."""
        each = [mean(values) for values in gaps.values()]
        return interval([mean(column) for column in zip(*gaps.values(), strict=True)], min(each) > 0)

    def above(self, mine, other) -> str:
        if not self.has(mine, other):
            return NOT_RUN
        return self.compared(
            {k: [self.at(mine, k, s) - self.at(other, k, s) for s in self.seeds] for k in self.targets}
        )

    def all_above(self, methods, others, metric="ndcg", lengths=(10,)) -> str:
        if not self.has(*methods, *others):
            return NOT_RUN
        score = lambda m, k, s: mean(self.at(m, k, s, metric, n) for n in lengths)
        pairs = {(a, b, k): [score(a, k, s) - score(b, k, s) for s in self.seeds]
                 for a in methods for b in others for k in self.targets}  # fmt: skip
        groups = {}
        for (a, b, _), values in pairs.items():
            groups.setdefault((a, b), []).append(values)
        worst = min(groups.values(), key=lambda rows: mean(map(mean, rows)))
        return interval([mean(column) for column in zip(*worst, strict=True)], min(map(mean, pairs.values())) > 0)

    def users(self, method, target, seed) -> dict:
        place = self.place[*self.kind(method, target), seed]
        if place not in self.read:
            self.read[place] = pd.read_parquet(place / "users.parquet").to_dict("records")
        return {
            row["user"]: row["ndcg@10"]
            for row in self.read[place]
            if (row["target"], row["protocol"]) == (target, "full")
        }

    def significant(self) -> dict[str, str]:
        """ADC against every other method: t-tests over users, all corrected together, and the interval over runs."""
        others = sorted({key[0] for key in self.score} - {"adc"})
        tests = {}
        for k in self.targets:
            for other in others:
                by_user, by_seed = {}, []
                for seed in self.seeds:
                    mine, theirs = self.users("adc", k, seed), self.users(other, k, seed)
                    for user in mine:
                        by_user.setdefault(user, []).append(mine[user] - theirs[user])
                    by_seed.append(mean(mine[u] - theirs[u] for u in mine))
                gap = np.array([mean(values) for values in by_user.values()])
                tests[k, other] = (
                    ttest_1samp(gap, 0).pvalue,
                    gap.mean(),
                    ends(by_seed)[0] if len(by_seed) > 1 else math.inf,
                )
        largest, corrected = 0.0, {}
        for rank, key in enumerate(sorted(tests, key=lambda key: tests[key][0])):
            largest = max(largest, min(1, tests[key][0] * (len(tests) - rank)))
            corrected[key] = largest
        won = lambda k, other: corrected[k, other] < 0.05 and tests[k, other][1] > 0 and tests[k, other][2] > 0
        return {m: share([won(k, m) for k in self.targets]) if m in others else NOT_RUN for m in FIVE[:-1]}

    def order(self) -> str:
        if not self.has(*FIVE):
            return NOT_RUN
        means = [[self.mean(m, k) for m in FIVE] for k in self.targets]
        tau = mean(kendalltau(row, range(5)).statistic for row in means)
        return grade(all(row == sorted(row) for row in means), tau > 0.59)

    def second(self) -> str:
        if not self.has(*FIVE):
            return NOT_RUN
        return share([sorted(FIVE, key=lambda m: self.mean(m, k))[-2] == "sconet" for k in self.targets])

    def gain(self, metric, lengths, paper) -> str:
        if not self.has("sconet", "adc"):
            return NOT_RUN
        score = lambda m, k, s: mean(self.at(m, k, s, metric, n) for n in lengths)
        per_seed = []
        for s in self.seeds:
            per_seed.append(mean(100 * (score("adc", k, s) / score("sconet", k, s) - 1) for k in self.targets))
        low, high = ends(per_seed)
        return UNTOLD if low <= 0 and high >= paper else grade(low > 0 and high >= paper, low > 0)

    def depth(self) -> tuple[str, str, str]:
        paper = dict(zip(self.by_size, [2, *[3] * (len(self.by_size) - 3), 4, 4], strict=True))
        if len(self.grid("h")) < 3:
            return (NOT_RUN,) * 3
        levels, taus = {k: self.levels([k], "h") for k in self.by_size}, []
        for number in range(len(self.full("h"))):
            best = [max(levels[k], key=lambda h: levels[k][h][number]) for k in self.by_size]
            tau = kendalltau(range(len(best)), best).statistic
            taus.append(0 if math.isnan(tau) else tau)
        best = [top(levels[k]) for k in self.by_size]
        pairs = {k: [self.base(k, s, h=h) - self.base(k, s, h=1) for s in self.full("h", only=(1, 2, 3, 4))] for k, h in paper.items()}
        return interval(taus, best == sorted(best)), share([same(levels[k], h) for k, h in paper.items()]), self.compared(pairs)

    def history(self, gamma, method="adc") -> dict:
        places = {s: (method, 3, gamma, "", 100, 5, s) for s in self.seeds}
        return {s: pd.read_parquet(self.place[key] / "history.parquet").to_dict("records")
                for s, key in places.items() if key in self.place and key not in self.bad}  # fmt: skip

    def rates(self) -> str:
        mine, static, gaps = self.history(2.0), self.history(0.0, "static"), []
        for s in mine.keys() & static.keys():
            last = min(max(row["epoch"] for row in rows) for rows in (mine[s], static[s]))
            spread = [stdev(row["rate"] for row in rows if row["epoch"] == last) for rows in (static[s], mine[s])]
            gaps.append(spread[0] - spread[1])
        return self.compared({"": gaps}) if gaps else NOT_RUN

    def last(self, gamma) -> list[list[dict]]:
        """Rows of the last epoch, seed by seed."""
        every = self.history(gamma).values()
        return [[row for row in rows if row["epoch"] == max(each["epoch"] for each in rows)] for rows in every]

    def equal(self) -> str:
        found = [max(abs(row["weight"] - 1) for row in rows) for rows in self.last(0.0)]
        return grade(mean(found) <= 0.05, False) if found else NOT_RUN

    def norms(self) -> str:
        spread = lambda values: stdev(values) / mean(values)
        gaps = [spread([row["norm"] / row["weight"] for row in rows]) - spread([row["norm"] for row in rows]) for rows in self.last(0.0)]
        return self.compared({"": gaps}) if gaps else NOT_RUN

    def learners(self) -> str:
        taus = [kendalltau([row["rate"] for row in rows], [row["weight"] for row in rows]).statistic for rows in self.last(2.0)]
        return self.compared({"": [0 if math.isnan(tau) else tau for tau in taus]}) if taus else NOT_RUN

    def affected(self) -> str:
        if len(self.grid("gamma")) < 3:
            return NOT_RUN
        levels = {k: list(zip(*self.levels([k], "gamma").values(), strict=True)) for k in self.targets}  # by seed
        width = {k: [max(row) - min(row) for row in rows] for k, rows in levels.items()}
        *others, largest = (width[k] for k in self.by_size)
        return self.compared({"": [mean(column) - one for *column, one in zip(*others, largest, strict=True)]})

    def balanced(self, gamma, method="adc") -> str:
        pairs = {k: [(self.base(k, s), self.base(k, s, gamma=gamma, method=method)) for s in self.seeds] for k in self.targets}
        gaps = {k: [a - b for a, b in rows if None not in (a, b)] for k, rows in pairs.items()}
        return self.compared(gaps) if all(gaps.values()) else NOT_RUN

    def gammas(self, largest: bool) -> str:
        if len(self.grid("gamma")) < 3:
            return NOT_RUN
        names = [k for k in self.targets if (k == self.by_size[-1]) == largest]
        return share([same(self.levels([k], "gamma"), 1.5 if largest else 2.0) for k in names])

    def best_of(self, name, paper) -> str:
        found, beside = self.set_gamma(name), self.set_gamma("")
        if found is None or beside is None:
            return NOT_RUN
        domains, members = self.named(name)
        if same(self.levels(members, "gamma", domains), paper) is None:
            return UNTOLD
        return grade(found == paper, (found < beside) if paper < 2 else (found > beside))

    def symmetry(self) -> str:
        found = {name: self.set_gamma(name) for name in ("", *self.sets)}
        if None in found.values():
            return NOT_RUN
        clear = {name: told(self.levels(self.named(name)[1], "gamma", self.named(name)[0])) for name in found}
        right = {"Set 1": found["Set 1"] < found[""], "Set 2": found["Set 2"] < found[""], "Set 3": found["Set 3"] > found[""]}
        return share([right[name] if clear[""] and clear[name] else None for name in right])

    def unstable(self) -> str:
        levels = self.levels(self.targets, "gamma")
        if len(levels) < 3:
            return NOT_RUN
        own = [mean(column) for column in zip(*levels.values(), strict=True)]  # by seed
        n, flags = len(own), []
        spread = {g: stdev(a - b for a, b in zip(row, own, strict=True)) ** 2 if n > 1 else math.nan for g, row in levels.items()}
        for g in (g for g in levels if g != 2.0):
            ratio = spread[g] / spread[2.0]
            bad = any(("adc", 3, g, "", 100, 5, s) in self.bad for s in self.seeds) or n > 1 and f.sf(ratio, n - 1, n - 1) < 0.05
            flags.append(True if bad else False if n > 1 and f.cdf(ratio / 4, n - 1, n - 1) < 0.05 else None)
        return share(flags)

    def stable(self) -> str:
        flags = []
        for name, gamma in (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5)):
            domains, members = self.named(name)
            if gamma not in self.grid("gamma", domains):
                return NOT_RUN
            seeds = self.full("gamma", domains, (gamma,))
            static = {(k, s): self.base(k, s, 3, 0.0, domains, "static") for k in members for s in seeds}
            low, high = ends([mean(self.base(k, s, 3, gamma, domains) - static[k, s] for k in members) for s in seeds])
            bad = any(("adc", 3, gamma, domains, 100, 5, s) in self.bad for s in seeds) or high < 0
            flags.append(False if bad else True if low > -0.01 * mean(static.values()) else None)
        return share(flags)

    def enough(self, **larger) -> str:
        gaps, small = [], []
        for s in self.seeds:
            found = [self.base(k, s, **larger) for k in self.targets]
            if None not in found:
                small.append(mean(self.base(k, s) for k in self.targets))
                gaps.append(mean(found) - small[-1])
        if len(gaps) < 2:
            return NOT_RUN
        low, high = ends(gaps)
        return NOT if low > 0 else HOLDS if high < 0.01 * mean(small) else UNTOLD

    def printed(self) -> tuple[str, str, str]:
        dense = [round(100 * r / (u * i), 3) == d for u, i, r, d, *_ in PRINTED.values()]
        least, most = (lambda s, a, half=half: 100 * (a + half) / (s - half) - 100 for half in (-5e-5, 5e-5))
        cells = [least(s, a) <= g + 0.005 and most(s, a) >= g - 0.005 for *_, s, a, g in PRINTED.values()]
        return share(dense), share(cells), grade(abs(mean(row[-1] for row in PRINTED.values()) - 8.08) <= 0.005, False)

    def verdicts(self) -> list[str]:
        """In the order of the ledger, C1 first."""
        significant = self.significant()
        return [
            CANNOT, CANNOT, CANNOT, *self.printed(),
            self.order(), *significant.values(), self.all_above(FIVE[1:], FIVE[:1]), self.all_above(("sconet",), ("clfm", "cdcf")),
            self.second(), self.gain("ndcg", (10,), 8.08), self.gain("recall", (5, 10, 15, 20), 6.14),
            self.all_above(("adc",), FIVE[:-1], "recall", (5, 10, 15, 20)), *self.depth(), CANNOT, self.rates(), self.learners(),
            self.norms(), self.balanced(0.0, "static"), self.equal(), self.balanced(0.0), self.gammas(False), self.gammas(True),
            self.affected(), *(self.best_of(*pair) for pair in (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5))), self.symmetry(), self.unstable(),
            self.stable(), self.enough(dim=200), self.enough(negatives=10),
            *(self.above("adc", other) for other in ("popularity", "itemknn", "ease", "bpr_merged")),
        ]  # fmt: skip
