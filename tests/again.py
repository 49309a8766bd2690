"""The ledger's verdicts once more, by loops over `results.parquet` and the run folders; nothing of `adc` is used."""

import math
from statistics import mean, stdev

import numpy as np
import pandas as pd
from again_scores import Scores
from scipy.stats import kendalltau, t, ttest_1samp

HOLDS, PART, NOT = "holds", "holds in part", "does not hold"
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


def share(flags: list[bool]) -> str:
    return grade(sum(flags) == len(flags), sum(flags) > len(flags) / 2)


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
        low, _ = ends([mean(column) for column in zip(*gaps.values(), strict=True)])
        return grade(
            all(d > 0 for d in each) and low > 0,
            mean(each) > 0 and (low > 0 or sum(d > 0 for d in each) > len(each) / 2),
        )

    def above(self, mine, other) -> str:
        if not self.has(mine, other):
            return NOT_RUN
        return self.compared(
            {k: [self.at(mine, k, s) - self.at(other, k, s) for s in self.seeds] for k in self.targets}
        )

    def all_above(self, methods, others) -> str:
        if not self.has(*methods, *others):
            return NOT_RUN
        pairs = {(a, b, k): [self.at(a, k, s) - self.at(b, k, s) for s in self.seeds]
                 for a in methods for b in others for k in self.targets}  # fmt: skip
        groups = {}
        for (a, b, _), values in pairs.items():
            groups.setdefault((a, b), []).append(values)
        worst = min(groups.values(), key=lambda rows: mean(map(mean, rows)))
        low, _ = ends([mean(column) for column in zip(*worst, strict=True)])
        each = [mean(values) for values in pairs.values()]
        return grade(
            min(each) > 0 and low > 0, mean(each) > 0 and (low > 0 or sum(d > 0 for d in each) > len(each) / 2)
        )

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
        if not self.has(*FIVE):
            return NOT_RUN
        score = lambda m, k, s: mean(self.at(m, k, s, metric, n) for n in lengths)
        per_seed = []
        best = {k: max(FIVE[:-1], key=lambda m: mean(score(m, k, s) for s in self.seeds)) for k in self.targets}
        for s in self.seeds:
            per_seed.append(mean(100 * (score("adc", k, s) / score(best[k], k, s) - 1) for k in self.targets))
        low, high = ends(per_seed)
        return grade(low > 0 and high >= paper and len(per_seed) > 1, mean(per_seed) > 0)

    def depth(self) -> tuple[str, str, str]:
        grid = self.grid("h")
        if len(grid) < 3:
            return (NOT_RUN,) * 3
        best = [self.top(k, "h") for k in self.by_size]
        tau = kendalltau(range(len(best)), best).statistic
        paper = [2, *[3] * (len(best) - 3), 4, 4]
        rises = best == sorted(best) and best[0] < best[-1]
        return (
            grade(rises, tau > 0),
            share([a == b for a, b in zip(best, paper, strict=True)]),
            share([h > 1 for h in best]),
        )

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

    def equal(self) -> str:
        found = []
        for rows in self.history(0.0).values():
            last = max(row["epoch"] for row in rows)
            found.append(max(abs(row["weight"] - 1) for row in rows if row["epoch"] == last))
        return grade(mean(found) <= 0.05, False) if found else NOT_RUN

    def balanced(self, gamma, method="adc") -> str:
        pairs = {
            k: [(self.base(k, s), self.base(k, s, gamma=gamma, method=method)) for s in self.seeds]
            for k in self.targets
        }
        if any(b is None for rows in pairs.values() for _, b in rows):
            return NOT_RUN
        return self.compared({k: [a - b for a, b in rows] for k, rows in pairs.items()})

    def gammas(self, largest: bool) -> str:
        if len(self.grid("gamma")) < 3:
            return NOT_RUN
        names = [k for k in self.targets if (k == self.by_size[-1]) == largest]
        return share([self.top(k, "gamma") == (1.5 if largest else 2.0) for k in names])

    def best_of(self, name, paper) -> str:
        found, beside = self.set_gamma(name), self.set_gamma("")
        if found is None or beside is None:
            return NOT_RUN
        return grade(found == paper, (found < beside) if paper < 2 else (found > beside))

    def symmetry(self) -> str:
        found = {name: self.set_gamma(name) for name in ("", *self.sets)}
        if None in found.values():
            return NOT_RUN
        return share([found["Set 1"] < found[""], found["Set 2"] < found[""], found["Set 3"] > found[""]])

    def unstable(self) -> str:
        grid = self.grid("gamma")
        if len(grid) < 3:
            return NOT_RUN
        level = {(g, s): mean(self.base(k, s, gamma=g) for k in self.targets) for g in grid for s in self.seeds}
        free = {g: [level[g, s] - mean(level[other, s] for other in grid) for s in self.seeds] for g in grid}
        spread = {g: stdev(values) if len(values) > 1 else 0 for g, values in free.items()}
        bad = lambda g: any(("adc", 3, g, "", 100, 5, s) in self.bad for s in self.seeds) or spread[g] > 2 * spread[2.0]
        return share([bad(g) for g in grid if g != 2.0])

    def stable(self) -> str:
        flags = []
        for name, gamma in (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5)):
            domains, members = self.named(name)
            if gamma not in self.grid("gamma", domains):
                return NOT_RUN
            gap = lambda k, s: self.base(k, s, 3, gamma, domains) - self.base(k, s, 3, 0.0, domains, "static")
            gaps = [mean(gap(k, s) for k in members) for s in self.seeds]
            fine = not any(("adc", 3, gamma, domains, 100, 5, s) in self.bad for s in self.seeds)
            flags.append(fine and (ends(gaps)[1] if len(gaps) > 1 else gaps[0]) >= 0)
        return share(flags)

    def enough(self, **larger) -> str:
        gaps = []
        for s in self.seeds:
            found = [self.base(k, s, **larger) for k in self.targets]
            if None not in found:
                gaps.append(mean(found) - mean(self.base(k, s) for k in self.targets))
        return grade(ends(gaps)[0] <= 0, False) if len(gaps) > 1 else NOT_RUN

    def printed(self) -> tuple[str, str, str]:
        dense = [round(100 * r / (u * i), 3) == d for u, i, r, d, *_ in PRINTED.values()]
        least, most = (lambda s, a, half=half: 100 * (a + half) / (s - half) - 100 for half in (-5e-5, 5e-5))
        cells = [least(s, a) <= g + 0.005 and most(s, a) >= g - 0.005 for *_, s, a, g in PRINTED.values()]
        return share(dense), share(cells), grade(abs(mean(row[-1] for row in PRINTED.values()) - 8.08) <= 0.005, False)

    def symmetric(self) -> str:
        ratio = lambda names: max(self.sizes[k] for k in names) / min(self.sizes[k] for k in names)
        return share([ratio(self.sets[name]) < ratio(self.targets) for name in ("Set 1", "Set 2")])

    def verdicts(self) -> list[str]:
        """In the order of the ledger, C1 first."""
        significant = self.significant()
        return [
            CANNOT, CANNOT, self.symmetric(), *self.printed(),
            self.order(), *significant.values(), self.all_above(FIVE[1:], FIVE[:1]), self.all_above(("sconet",), ("clfm", "cdcf")),
            self.second(), self.gain("ndcg", (10,), 8.08), self.gain("recall", (5, 10, 15, 20), 6.14), *self.depth(),
            HOLDS, self.rates(), self.balanced(0.0, "static"), self.equal(), self.balanced(0.0), self.gammas(False), self.gammas(True),
            *(self.best_of(*pair) for pair in (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5))), self.symmetry(), self.unstable(),
            self.stable(), self.enough(dim=200), self.enough(negatives=10),
            *(self.above("adc", other) for other in ("popularity", "itemknn", "ease", "bpr_merged")),
        ]  # fmt: skip
