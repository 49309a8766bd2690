"""The ledger's verdicts once more, by loops over the stored files, without `companion`."""

import math
from itertools import combinations, product
from statistics import mean, stdev

import numpy as np
import pandas as pd
from again_scores import Scores, ends, more_than
from scipy.stats import f, kendalltau, ttest_1samp

SIMPLE = ("popularity", "itemknn", "itemknn_merged", "ease", "ease_merged", "bpr_merged")

HOLDS, PART, FAILS, UNCLEAR = "holds", "holds in part", "does not hold", "open"
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


def share(flags: list[bool | None], most: float = 0.5, denied: bool = False) -> str:
    """None: open."""
    true, enough = flags.count(True), most * len(flags)
    if true <= enough < true + flags.count(None):
        return UNCLEAR
    return grade(true == len(flags) and not denied, true > enough)


def verdict(answer: bool | None, denied: bool = False) -> str:
    return UNCLEAR if answer is None else grade(answer and not denied, answer)


def reverse(answer: bool | None) -> str:
    return verdict(None if answer is None else not answer)


def small(values: list[float]) -> float:
    """2 % of a score."""
    return 0.02 * mean(values)


class Ledger(Scores):
    """The verdicts, claim by claim."""

    def compared(self, first: dict[str, list], second: dict[str, list]) -> str:
        """Scores of two sides by domain and seed: the mean of their differences, and each domain's."""
        gaps = {k: [a - b for a, b in zip(first[k], second[k], strict=True)] for k in first}
        if not all(gaps.values()):
            return ABSENT
        whole = small([value for values in second.values() for value in values])
        answer = more_than([mean(column) for column in zip(*gaps.values(), strict=True)], whole)
        level = 0.05 / len(gaps)
        denied = [k for k in gaps if more_than(gaps[k], small(second[k]), level) is False]
        return verdict(answer, len(gaps) > 1 and bool(denied))

    def side(self, method, metric="ndcg", lengths=(10,)) -> dict[str, list]:
        score = lambda k, s: mean(self.at(method, k, s, metric, n) for n in lengths)
        return {k: [score(k, s) for s in self.seeds] for k in self.targets}

    def above(self, first, other) -> str:
        if not self.has(first, other):
            return ABSENT
        return self.compared(self.side(first), self.side(other))

    def all_above(self, methods, others, metric="ndcg", lengths=(10,)) -> str:
        if not self.has(*methods, *others):
            return ABSENT
        sides = {m: self.side(m, metric, lengths) for m in (*methods, *others)}
        each = [self.compared(sides[a], sides[b]) for a, b in product(methods, others)]
        flags = [{HOLDS: True, PART: True, FAILS: False}.get(one) for one in each]
        level = 0.05 / len(self.targets)
        denied = False
        for (a, b), k in product(product(methods, others), self.targets):
            gaps = [x - y for x, y in zip(sides[a][k], sides[b][k], strict=True)]
            denied |= len(self.targets) > 1 and more_than(gaps, small(sides[b][k]), level) is False
        return share(flags, denied=denied)

    def users(self, method, target, seed) -> dict:
        place = self.place[*self.kind(method, target), seed]
        if place not in self.read:
            self.read[place] = pd.read_parquet(place / "users.parquet").to_dict("records")
        rows = [row for row in self.read[place] if (row["target"], row["protocol"]) == (target, "full")]
        return {row["user"]: row["ndcg@10"] for row in rows}

    def significant(self) -> str:
        """The paper's own test: over users, uncorrected."""
        if not self.has(*FIVE):
            return ABSENT
        flags = []
        for k, other in product(self.targets, FIVE[:-1]):
            by_user = {}
            for seed in self.seeds:
                first, theirs = self.users("adc", k, seed), self.users(other, k, seed)
                for user in first:
                    by_user.setdefault(user, []).append(first[user] - theirs[user])
            gap = np.array([mean(values) for values in by_user.values()])
            flags.append(bool(gap.mean() > 0 and ttest_1samp(gap, 0).pvalue < 0.05))
        return share(flags)

    def order(self) -> str:
        if not self.has(*FIVE):
            return ABSENT
        means = {m: [mean(self.at(m, k, s) for k in self.targets) for s in self.seeds] for m in FIVE}
        flags = []
        for low, high in combinations(FIVE, 2):
            gaps = [b - a for a, b in zip(means[low], means[high], strict=True)]
            flags.append(more_than(gaps, small(means[low])))
        return share(flags, most=0.7)

    def second(self) -> str:
        if not self.has(*FIVE):
            return ABSENT
        flags, sides = [], {m: self.side(m) for m in FIVE}
        for k in self.targets:
            each = []
            for a, b in (("sconet", "bpr"), ("sconet", "clfm"), ("sconet", "cdcf"), ("adc", "sconet")):
                gaps = [x - y for x, y in zip(sides[a][k], sides[b][k], strict=True)]
                each.append(more_than(gaps, small(sides[b][k])))
            flags.append(False if False in each else None if None in each else True)
        return share(flags)

    def gain(self, metric, lengths, paper) -> str:
        if not self.has("sconet", "adc"):
            return ABSENT
        first, other, per_seed = self.side("adc", metric, lengths), self.side("sconet", metric, lengths), []
        for number in range(len(self.seeds)):
            per_seed.append(mean(100 * (first[k][number] / other[k][number] - 1) for k in self.targets))
        answer = more_than(per_seed, 2)
        return verdict(answer, ends(per_seed)[0] <= paper * 2 / 3)

    def levels(self, kinds: list[tuple], domains="", targets=()) -> dict:
        """(method, h, gamma) -> domain -> by seed, over the seeds that have all kinds; empty without any."""
        seeds = self.seeds_with(domains, kinds)
        if not seeds:
            return {}
        score = lambda kind, k, s: self.base(k, s, kind[1], kind[2], domains, kind[0])
        return {kind: {k: [score(kind, k, s) for s in seeds] for k in targets or self.targets}
                for kind in kinds}  # fmt: skip

    def best(self, levels: dict, paper: tuple, k: str) -> bool | None:
        """Whether the paper's level is the best of a domain."""
        ours, others = levels[paper][k], [kind for kind in levels if kind != paper]
        margin, spans = small(ours), []
        for kind in others:
            gaps = [a - b for a, b in zip(levels[kind][k], ours, strict=True)]
            spans.append(ends(gaps, 0.05 / len(others)))
        if any(low > margin for low, _ in spans):
            return False
        if all(-margin <= low and high <= margin for low, high in spans):
            return False
        ahead = any(high < -margin for _, high in spans) and all(high < margin for _, high in spans)
        return True if ahead else None

    def depth(self) -> tuple[str, str, str, str]:
        paper = dict(zip(self.by_size, [2, *[3] * (len(self.by_size) - 3), 4, 4], strict=True))
        kind = lambda h: ("adc", h, 2.0)
        ends_, every = self.levels([kind(1), kind(5)]), self.levels([kind(h) for h in (1, 2, 3, 4, 5)])
        deep, linear = self.levels([kind(h) for h in (1, 2, 3, 4)]), self.levels([kind(0), kind(3)])
        half, grows = len(self.by_size) // 2, ABSENT
        if ends_:
            gain = {k: [b - a for a, b in zip(ends_[kind(1)][k], ends_[kind(5)][k], strict=True)]
                    for k in self.targets}  # fmt: skip
            parts = [zip(*(gain[k] for k in names), strict=True)
                     for names in (self.by_size[-half:], self.by_size[:half])]  # fmt: skip
            gaps = [mean(large) - mean(little) for large, little in zip(*parts, strict=True)]
            base = [value for values in ends_[kind(1)].values() for value in values]
            grows = verdict(more_than(gaps, small(base)))
        flags = [self.best(every, kind(h), k) for k, h in paper.items()] if every else None
        layers = {k: deep[kind(h)][k] for k, h in paper.items()} if deep else None
        return (grows, share(flags) if flags else ABSENT,
                self.compared(layers, deep[kind(1)]) if deep else ABSENT,
                self.compared(linear[kind(3)], linear[kind(0)]) if linear else ABSENT)  # fmt: skip

    def alone(self) -> tuple[str, str]:
        """All domains against each by itself; the smallest by itself against all at equal weights."""
        single = {k: {s: self.base(k, s, domains=k) for s in self.every_seed} for k in self.targets}
        joint = {k: {s: self.base(k, s) for s in self.every_seed} for k in self.targets}
        static = {s: self.base(self.by_size[0], s, 3, 0.0, "", "static") for s in self.every_seed}
        whole = [s for s in self.every_seed if all(single[k][s] is not None for k in self.targets)]
        both = [s for s in whole if joint[self.targets[0]][s] is not None]
        if not both:
            return ABSENT, ABSENT
        pick = lambda table: {k: [table[k][s] for s in both] for k in self.targets}
        least, other = single[self.by_size[0]], [s for s in whole if static[s] is not None]
        gaps = [least[s] - static[s] for s in other]
        drowned = verdict(more_than(gaps, small([static[s] for s in other]))) if gaps else ABSENT
        return self.compared(pick(joint), pick(single)), drowned

    def history(self, gamma, method="adc") -> dict:
        """By seed and domain the mean over the epochs of every column."""
        table = {}
        for s in self.every_seed:
            key = (method, 3, gamma, "", 100, 5, s)
            if key in self.place and key not in self.bad:
                rows = pd.read_parquet(self.place[key] / "history.parquet").to_dict("records")
                table[s] = []
                for k in self.targets:
                    own = [row for row in rows if row["domain"] == k]
                    table[s].append({c: mean(r[c] for r in own) for c in ("rate", "weight", "norm")})
        return table

    def rates(self) -> str:
        spread = lambda rows: stdev(r["rate"] for r in rows) / mean(r["rate"] for r in rows)
        static, balanced = self.history(0.0, "static"), self.history(2.0)
        if not static or not balanced:
            return ABSENT
        first = {s: spread(rows) for s, rows in static.items()}
        gaps = [first[s] - spread(balanced[s]) for s in first if s in balanced]
        return verdict(more_than(gaps, 0.1 * mean(first.values())))

    def norms(self) -> str:
        spread = lambda values: stdev(values) / mean(values)
        before, gaps = [], []
        for rows in self.history(0.0).values():
            before.append(spread([row["norm"] / row["weight"] for row in rows]))
            gaps.append(before[-1] - spread([row["norm"] for row in rows]))
        return verdict(more_than(gaps, 0.1 * mean(before))) if gaps else ABSENT

    def learners(self) -> str:
        taus = []
        for rows in self.history(2.0).values():
            tau = kendalltau([row["rate"] for row in rows], [row["weight"] for row in rows]).statistic
            taus.append(0 if math.isnan(tau) else tau)
        return verdict(more_than(taus, 0.1)) if taus else ABSENT

    def equal(self) -> str:
        gaps = [max(abs(row["weight"] - 1) for row in rows) for rows in self.history(0.0).values()]
        return reverse(more_than(gaps, 0.05)) if gaps else ABSENT

    def efficient(self) -> str:
        seconds = lambda key: self.seconds[self.place[key]]
        pairs = [[(m, 3, g, "", 100, 5, s) for m, g in (("adc", 2.0), ("static", 0.0))]
                 for s in self.every_seed]  # fmt: skip
        pairs = [pair for pair in pairs if all(key in self.place and key not in self.bad for key in pair)]
        ratios = [math.log(seconds(a) / seconds(b)) for a, b in pairs]
        return reverse(more_than(ratios, math.log(1.5))) if ratios else ABSENT

    def balanced(self, gamma, method="adc") -> str:
        first, second = ("adc", 3, 2.0), (method, 3, gamma)
        levels = self.levels([first, second])
        return self.compared(levels[first], levels[second]) if levels else ABSENT

    def gammas(self, largest: bool) -> str:
        paper = 1.5 if largest else 2.0
        levels = self.levels([("adc", 3, g) for g in sorted({0.0, 1.0, 2.0, 3.0, paper})])
        if not levels:
            return ABSENT
        names = [k for k in self.targets if (k == self.by_size[-1]) == largest]
        return share([self.best(levels, ("adc", 3, paper), k) for k in names])

    def affected(self) -> str:
        levels = self.levels([("adc", 3, 0.0), ("adc", 3, 2.0)])
        if not levels:
            return ABSENT
        none, full = levels.values()
        gain = {k: [b - a for a, b in zip(none[k], full[k], strict=True)] for k in self.targets}
        largest = gain.pop(self.by_size[-1])
        gaps = [mean(column) - one for column, one in zip(zip(*gain.values()), largest, strict=True)]
        return verdict(more_than(gaps, small([value for values in none.values() for value in values])))

    def of_set(self, name: str, gammas) -> dict:
        """gamma -> mean over the members of a set, by seed."""
        domains, members = self.named(name)
        levels = self.levels([("adc", 3, g) for g in gammas], domains, members)
        return {kind[2]: [mean(column) for column in zip(*levels[kind].values())] for kind in levels}

    def best_of(self, name, paper) -> str:
        table = self.of_set(name, sorted({0.0, 1.0, 2.0, 3.0, paper}))
        levels = {gamma: {"": values} for gamma, values in table.items()}
        return share([self.best(levels, paper, "")]) if levels else ABSENT

    def symmetry(self) -> str:
        tables = {name: self.of_set(name, (0.0, 3.0)) for name in ("", *self.sets)}
        if not all(tables.values()):
            return ABSENT
        gain = {name: [b - a for a, b in zip(*table.values())] for name, table in tables.items()}
        flags = []
        for name, sign in (("Set 1", 1), ("Set 2", 1), ("Set 3", -1)):
            gaps = [sign * (a - b) for a, b in zip(gain[""], gain[name])]
            flags.append(more_than(gaps, small(tables[""][0.0])))
        return share(flags)

    def unstable(self) -> str:
        levels = self.of_set("", (0.0, 1.0, 2.0, 3.0))
        if not levels:
            return ABSENT
        own = [mean(column) for column in zip(*levels.values(), strict=True)]  # by seed
        n, flags = len(own), []
        spread = lambda row: stdev(a - b for a, b in zip(row, own, strict=True)) ** 2 if n > 1 else math.nan
        for g in (g for g in levels if g != 2.0):
            ratio = spread(levels[g]) / spread(levels[2.0])
            bad = any(("adc", 3, g, "", 100, 5, s) in self.bad for s in self.every_seed)
            bad = bad or n > 1 and f.sf(ratio, n - 1, n - 1) < 0.05 / 3
            flags.append(True if bad else False if n > 1 and f.cdf(ratio / 4, n - 1, n - 1) < 0.05 else None)
        return share(flags)

    def stable(self) -> str:
        flags = []
        for name, gamma in (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5)):
            domains, members = self.named(name)
            kinds = [("adc", 3, gamma), ("static", 3, 0.0)]
            levels = self.levels(kinds, domains, members)
            if not levels:
                return ABSENT
            adc, static = ([mean(column) for column in zip(*levels[kind].values())] for kind in kinds)
            lost = more_than([b - a for a, b in zip(adc, static, strict=True)], small(static))
            bad = any(("adc", 3, gamma, domains, 100, 5, s) in self.bad for s in self.every_seed)
            flags.append(False if bad else None if lost is None else not lost)
        return share(flags)

    def enough(self, **larger) -> str:
        gaps, base = [], []
        for s in self.every_seed:
            scores = [self.base(k, s, **larger) for k in self.targets]
            usual = [self.base(k, s) for k in self.targets]
            if None not in (*scores, *usual):
                base.append(mean(usual))
                gaps.append(mean(scores) - base[-1])
        return reverse(more_than(gaps, small(base))) if gaps else ABSENT

    def printed(self) -> tuple[str, str, str, str]:
        dense = [round(100 * r / (u * i), 3) == d for u, i, r, d, *_ in PRINTED.values()]
        least, most = (lambda s, a, half=half: 100 * (a + half) / (s - half) - 100 for half in (-5e-5, 5e-5))
        cells = [least(s, a) <= g + 0.005 and most(s, a) >= g - 0.005 for *_, s, a, g in PRINTED.values()]
        gap = abs(mean(row[-1] for row in PRINTED.values()) - 8.08)
        each = [PRINTED[k][2] / PRINTED[k][0] for k in ("electronics", "kitchen", "video")]
        alike = grade(max(each) < 1.5 * min(each), False)
        return share(dense), share(cells), grade(gap <= 0.005, False), alike

    def verdicts(self) -> list[str]:
        """In the order of the ledger, C1 first."""
        lists, sets = (5, 10, 15, 20), (("Set 1", 1.0), ("Set 2", 0.5), ("Set 3", 2.5))
        helps, drowned = self.alone()
        return [
            UNTESTABLE, UNTESTABLE, UNTESTABLE, *self.printed(),
            self.order(), *(self.above("adc", other) for other in FIVE[:-1]), self.significant(),
            self.all_above(FIVE[1:], FIVE[:1]), self.all_above(("sconet",), ("clfm", "cdcf")), self.second(),
            self.gain("ndcg", (10,), 8.08), self.gain("recall", lists, 6.14),
            self.all_above(("adc",), FIVE[:-1], "recall", lists),
            *self.depth(), helps, ABSENT, ABSENT, drowned,
            UNTESTABLE, self.rates(), self.learners(), self.norms(),
            self.balanced(0.0, "static"), ABSENT, self.efficient(), self.equal(), self.balanced(0.0),
            self.gammas(False), self.gammas(True), self.affected(),
            *(self.best_of(*pair) for pair in sets), self.symmetry(), self.unstable(), self.stable(),
            self.enough(dim=200), self.enough(negatives=10),
            *(self.above("adc", other) for other in SIMPLE),
        ]  # fmt: skip
