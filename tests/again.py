"""The ledger's verdicts once more, by loops over the stored files, without `companion`."""

import math
from itertools import product
from statistics import mean, stdev

import numpy as np
import pandas as pd
from again_scores import Scores, clear, ends, same, top
from scipy.stats import f, kendalltau, ttest_1samp

SIMPLE = ("popularity", "itemknn", "itemknn_merged", "ease", "ease_merged", "bpr_merged")

HOLDS, PART, FAILS, UNCLEAR = "holds", "holds in part", "does not hold", "cannot be told from chance"
UNTESTABLE, ABSENT = "cannot be tested on this data", "not run in this profile"
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
    return HOLDS if holds else PART if partly else FAILS


def share(flags: list[bool | None]) -> str:
    """None: cannot be told."""
    true, half = flags.count(True), len(flags) / 2
    return UNCLEAR if true <= half < true + flags.count(None) else grade(true == len(flags), true > half)


def interval(values: list[float], always: bool) -> str:
    """By the interval of a mean; holds if it is so always."""
    low, high = ends(values)
    return FAILS if high < 0 else UNCLEAR if low <= 0 else grade(always, True)


class Ledger(Scores):
    """The verdicts, claim by claim."""

    def compared(self, gaps: dict[str, list[float]]) -> str:
        """gaps: case -> difference by seed."""
        each = [mean(values) for values in gaps.values()]
        return interval([mean(column) for column in zip(*gaps.values(), strict=True)], min(each) > 0)

    def above(self, first, other) -> str:
        if not self.has(first, other):
            return ABSENT
        return self.compared(
            {k: [self.at(first, k, s) - self.at(other, k, s) for s in self.seeds] for k in self.targets}
        )

    def all_above(self, methods, others, metric="ndcg", lengths=(10,)) -> str:
        if not self.has(*methods, *others):
            return ABSENT
        score = lambda m, k, s: mean(self.at(m, k, s, metric, n) for n in lengths)
        groups = []  # of a pair of methods, by target and seed
        for a, b in product(methods, others):
            groups.append([[score(a, k, s) - score(b, k, s) for s in self.seeds] for k in self.targets])
        worst = min(groups, key=lambda rows: mean(map(mean, rows)))
        always = all(mean(values) > 0 for rows in groups for values in rows)
        return interval([mean(column) for column in zip(*worst, strict=True)], always)

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
        """ADC against every other method: t-tests over users, corrected, and the interval over runs."""
        others = sorted({key[0] for key in self.score} - {"adc"})
        tests = {}
        for k in self.targets:
            for other in others:
                by_user, by_seed = {}, []
                for seed in self.seeds:
                    first, theirs = self.users("adc", k, seed), self.users(other, k, seed)
                    for user in first:
                        by_user.setdefault(user, []).append(first[user] - theirs[user])
                    by_seed.append(mean(first[u] - theirs[u] for u in first))
                gap = np.array([mean(values) for values in by_user.values()])
                low = ends(by_seed)[0] if len(by_seed) > 1 else math.inf
                tests[k, other] = ttest_1samp(gap, 0).pvalue, min(gap.mean(), low)
        largest, corrected = 0.0, {}
        for rank, key in enumerate(sorted(tests, key=lambda key: tests[key][0])):
            largest = max(largest, min(1, tests[key][0] * (len(tests) - rank)))
            corrected[key] = largest
        won = lambda k, other: corrected[k, other] < 0.05 and tests[k, other][1] > 0
        return {m: share([won(k, m) for k in self.targets]) if m in others else ABSENT for m in FIVE[:-1]}

    def order(self) -> str:
        if not self.has(*FIVE):
            return ABSENT
        means = [[self.mean(m, k) for m in FIVE] for k in self.targets]
        tau = mean(kendalltau(row, range(5)).statistic for row in means)
        return grade(all(row == sorted(row) for row in means), tau > 0.59)

    def second(self) -> str:
        if not self.has(*FIVE):
            return ABSENT
        return share([sorted(FIVE, key=lambda m: self.mean(m, k))[-2] == "sconet" for k in self.targets])

    def gain(self, metric, lengths, paper) -> str:
        if not self.has("sconet", "adc"):
            return ABSENT
        score = lambda m, k, s: mean(self.at(m, k, s, metric, n) for n in lengths)
        per_seed = []
        for s in self.seeds:
            ratios = [score("adc", k, s) / score("sconet", k, s) for k in self.targets]
            per_seed.append(mean(100 * (ratio - 1) for ratio in ratios))
        low, high = ends(per_seed)
        return UNCLEAR if low <= 0 and high >= paper else grade(low > 0 and high >= paper, low > 0)

    def depth(self) -> tuple[str, str, str]:
        paper = dict(zip(self.by_size, [2, *[3] * (len(self.by_size) - 3), 4, 4], strict=True))
        if len(self.grid("h")) < 3:
            return (ABSENT,) * 3
        levels, taus = {k: self.levels([k], "h") for k in self.by_size}, []
        for number in range(len(self.full("h"))):
            best = [max(levels[k], key=lambda h: levels[k][h][number]) for k in self.by_size]
            tau = kendalltau(range(len(best)), best).statistic
            taus.append(0 if math.isnan(tau) else tau)
        best = [top(levels[k]) for k in self.by_size]
        seeds, pairs = self.full("h", only=(1, 2, 3, 4)), {}
        for k, h in paper.items():
            pairs[k] = [self.base(k, s, h=h) - self.base(k, s, h=1) for s in seeds]
        right = share([same(levels[k], h) for k, h in paper.items()])
        deep = self.compared(pairs) if seeds else ABSENT
        return interval(taus, best == sorted(best)), right, deep

    def history(self, gamma, method="adc") -> dict:
        places = {s: (method, 3, gamma, "", 100, 5, s) for s in self.seeds}
        return {s: pd.read_parquet(self.place[key] / "history.parquet").to_dict("records")
                for s, key in places.items() if key in self.place and key not in self.bad}  # fmt: skip

    def rates(self) -> str:
        balanced, static, gaps = self.history(2.0), self.history(0.0, "static"), []
        for s in balanced.keys() & static.keys():
            last = min(max(row["epoch"] for row in rows) for rows in (balanced[s], static[s]))
            spread = lambda rows, last=last: stdev(row["rate"] for row in rows if row["epoch"] == last)
            gaps.append(spread(static[s]) - spread(balanced[s]))
        return self.compared({"": gaps}) if gaps else ABSENT

    def last(self, gamma) -> list[list[dict]]:
        """Rows of the last epoch, seed by seed."""
        ends = []
        for rows in self.history(gamma).values():
            last = max(row["epoch"] for row in rows)
            ends.append([row for row in rows if row["epoch"] == last])
        return ends

    def equal(self) -> str:
        gaps = [max(abs(row["weight"] - 1) for row in rows) for rows in self.last(0.0)]
        return grade(mean(gaps) <= 0.05, False) if gaps else ABSENT

    def norms(self) -> str:
        spread = lambda values: stdev(values) / mean(values)
        gaps = []
        for rows in self.last(0.0):
            before = spread([row["norm"] / row["weight"] for row in rows])
            gaps.append(before - spread([row["norm"] for row in rows]))
        return self.compared({"": gaps}) if gaps else ABSENT

    def learners(self) -> str:
        taus = []
        for rows in self.last(2.0):
            tau = kendalltau([row["rate"] for row in rows], [row["weight"] for row in rows]).statistic
            taus.append(0 if math.isnan(tau) else tau)
        return self.compared({"": taus}) if taus else ABSENT

    def affected(self) -> str:
        if len(self.grid("gamma")) < 3:
            return ABSENT
        widths = []  # by domain, the largest last, and seed
        for k in self.by_size:
            by_seed = zip(*self.levels([k], "gamma").values(), strict=True)
            widths.append([max(row) - min(row) for row in by_seed])
        return self.compared({"": [mean(others) - largest for *others, largest in zip(*widths, strict=True)]})

    def balanced(self, gamma, method="adc") -> str:
        gaps = {}
        for k in self.targets:
            pairs = [(self.base(k, s), self.base(k, s, gamma=gamma, method=method)) for s in self.seeds]
            gaps[k] = [a - b for a, b in pairs if None not in (a, b)]
        return self.compared(gaps) if all(gaps.values()) else ABSENT

    def gammas(self, largest: bool) -> str:
        paper = 1.5 if largest else 2.0
        if len(self.grid("gamma")) < 3 or paper not in self.grid("gamma"):
            return ABSENT
        names = [k for k in self.targets if (k == self.by_size[-1]) == largest]
        return share([same(self.levels([k], "gamma"), paper) for k in names])

    def best_of(self, name, paper) -> str:
        best, of_all = self.set_gamma(name), self.set_gamma("")
        if best is None or of_all is None:
            return ABSENT
        domains, members = self.named(name)
        if same(self.levels(members, "gamma", domains), paper) is None:
            return UNCLEAR
        return grade(best == paper, (best < of_all) if paper < 2 else (best > of_all))

    def symmetry(self) -> str:
        best = {name: self.set_gamma(name) for name in ("", *self.sets)}
        if None in best.values():
            return ABSENT
        sure = {name: clear(self.levels(self.named(name)[1], "gamma", self.named(name)[0])) for name in best}
        right = {"Set 1": best["Set 1"] < best[""], "Set 2": best["Set 2"] < best[""]}
        right["Set 3"] = best["Set 3"] > best[""]
        return share([right[name] if sure[""] and sure[name] else None for name in right])

    def unstable(self) -> str:
        levels = self.levels(self.targets, "gamma")
        if len(levels) < 3:
            return ABSENT
        own = [mean(column) for column in zip(*levels.values(), strict=True)]  # by seed
        n, flags = len(own), []
        spread = lambda row: stdev(a - b for a, b in zip(row, own, strict=True)) ** 2 if n > 1 else math.nan
        for g in (g for g in levels if g != 2.0):
            ratio = spread(levels[g]) / spread(levels[2.0])
            bad = any(("adc", 3, g, "", 100, 5, s) in self.bad for s in self.seeds)
            bad = bad or n > 1 and f.sf(ratio, n - 1, n - 1) < 0.05
            flags.append(True if bad else False if n > 1 and f.cdf(ratio / 4, n - 1, n - 1) < 0.05 else None)
        return share(flags)

    def stable(self) -> str:
        flags = []
        for name, gamma in (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5)):
            domains, members = self.named(name)
            if gamma not in self.grid("gamma", domains):
                return ABSENT
            seeds = self.full("gamma", domains, (gamma,))
            static = {(k, s): self.base(k, s, 3, 0.0, domains, "static") for k in members for s in seeds}
            gain = lambda k, s, at=(3, gamma, domains), static=static: self.base(k, s, *at) - static[k, s]
            low, high = ends([mean(gain(k, s) for k in members) for s in seeds])
            bad = any(("adc", 3, gamma, domains, 100, 5, s) in self.bad for s in seeds) or high < 0
            flags.append(False if bad else True if low > -0.01 * mean(static.values()) else None)
        return share(flags)

    def enough(self, **larger) -> str:
        gaps, small = [], []
        for s in self.seeds:
            scores = [self.base(k, s, **larger) for k in self.targets]
            if None not in scores:
                small.append(mean(self.base(k, s) for k in self.targets))
                gaps.append(mean(scores) - small[-1])
        if len(gaps) < 2:
            return ABSENT
        low, high = ends(gaps)
        return FAILS if low > 0 else HOLDS if high < 0.01 * mean(small) else UNCLEAR

    def printed(self) -> tuple[str, str, str]:
        dense = [round(100 * r / (u * i), 3) == d for u, i, r, d, *_ in PRINTED.values()]
        least, most = (lambda s, a, half=half: 100 * (a + half) / (s - half) - 100 for half in (-5e-5, 5e-5))
        cells = [least(s, a) <= g + 0.005 and most(s, a) >= g - 0.005 for *_, s, a, g in PRINTED.values()]
        gap = abs(mean(row[-1] for row in PRINTED.values()) - 8.08)
        return share(dense), share(cells), grade(gap <= 0.005, False)

    def verdicts(self) -> list[str]:
        """In the order of the ledger, C1 first."""
        lists, sets = (5, 10, 15, 20), (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5))
        return [
            UNTESTABLE, UNTESTABLE, UNTESTABLE, *self.printed(),
            self.order(), *self.significant().values(),
            self.all_above(FIVE[1:], FIVE[:1]), self.all_above(("sconet",), ("clfm", "cdcf")), self.second(),
            self.gain("ndcg", (10,), 8.08), self.gain("recall", lists, 6.14),
            self.all_above(("adc",), FIVE[:-1], "recall", lists),
            *self.depth(),
            UNTESTABLE, self.rates(), self.learners(), self.norms(),
            self.balanced(0.0, "static"), self.equal(), self.balanced(0.0),
            self.gammas(False), self.gammas(True), self.affected(),
            *(self.best_of(*pair) for pair in sets), self.symmetry(), self.unstable(), self.stable(),
            self.enough(dim=200), self.enough(negatives=10),
            *(self.above("adc", other) for other in SIMPLE),
        ]  # fmt: skip
