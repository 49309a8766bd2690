"""The ledger's verdicts once more, by loops over the stored files, without `companion`."""

from itertools import combinations, product
from statistics import mean

import numpy as np
import pandas as pd
from again_balance import Balance
from again_rules import ABSENT, FAILS, HOLDS, PART, UNTESTABLE, every, grade, share, small, verdict
from again_scores import ends, more_than
from scipy.stats import ttest_1samp

SIMPLE = ("popularity", "itemknn", "itemknn_merged", "ease", "ease_merged", "bpr_merged")

FIVE = ("bpr", "clfm", "cdcf", "sconet", "adc")
PRINTED = {  # users, items, ratings, density; SCoNet, ADC, improvement
    "electronics": (18649, 3975, 23009, 0.031, 0.2791, 0.3037, 8.81),
    "kitchen": (16114, 5511, 19856, 0.022, 0.1774, 0.1952, 10.03),
    "toys": (9924, 3451, 13147, 0.038, 0.2013, 0.2195, 9.04),
    "dvd": (49151, 14608, 124438, 0.017, 0.4662, 0.4980, 6.82),
    "music": (69409, 24159, 174180, 0.010, 0.4322, 0.4748, 9.85),
    "video": (11569, 5223, 36180, 0.059, 0.6805, 0.7073, 3.93),
}


class Ledger(Balance):
    """The verdicts, claim by claim."""

    def side(self, method, metric="ndcg", lengths=(10,)) -> dict[str, list]:
        score = lambda k, s: mean(self.at(method, k, s, metric, n) for n in lengths)
        return {k: [score(k, s) for s in self.seeds] for k in self.targets}

    def above(self, first, other) -> str:
        if not self.has(first, other):
            return ABSENT
        return self.compared(self.side(first), self.side(other))

    def all_above(self, methods, others, metric="ndcg", lengths=(10,), always=False) -> str:
        if not self.has(*methods, *others):
            return ABSENT
        sides = {m: self.side(m, metric, lengths) for m in (*methods, *others)}
        pairs = [*product(methods, others)]
        each = [self.compared(sides[a], sides[b], 0.05 / (len(pairs) if always else 1)) for a, b in pairs]
        flags = [{HOLDS: True, PART: not always, FAILS: False}.get(one) for one in each]
        if always:
            return every(flags)
        level = 0.05 / len(self.targets)
        denied = False
        for (a, b), k in product(pairs, self.targets):
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
                each.append(more_than(gaps, small(sides[b][k]), 0.05 / 4))
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

    def depth(self) -> tuple[str, str, str, str]:
        paper = dict(zip(self.by_size, [2, *[3] * (len(self.by_size) - 3), 4, 4], strict=True))
        kind = lambda h: ("adc", h, 2.0)
        ends_, all_ = self.levels([kind(1), kind(5)]), self.levels([kind(h) for h in (1, 2, 3, 4, 5)])
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
        best = self.best(all_, {k: kind(h) for k, h in paper.items()}) if all_ else ABSENT
        layers = {k: deep[kind(h)][k] for k, h in paper.items()} if deep else None
        return (grows, best,
                self.compared(layers, deep[kind(1)]) if deep else ABSENT,
                self.compared(linear[kind(3)], linear[kind(0)]) if linear else ABSENT)  # fmt: skip

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
            self.all_above(FIVE[1:], FIVE[:1], always=True), self.all_above(("sconet",), ("clfm", "cdcf")),
            self.second(),
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
