"""The verdicts on other domains, balancing, sets and what is kept fixed once more, without `companion`."""

import math
from statistics import mean, stdev

import pandas as pd
from again_rules import ABSENT, Comparisons, reverse, share, small, verdict
from again_scores import more_than
from scipy.stats import f, kendalltau


class Balance(Comparisons):
    """Claims about §III-C and §IV-E."""

    def alone(self) -> tuple[str, str]:
        """All domains against each by itself; the smallest by itself against all at equal weights."""
        single = {k: {s: self.by_itself(k, s) for s in self.every_seed} for k in self.targets}
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

    def by_itself(self, k, s):
        """ADC at h = 3 on one domain: of several settings the best on validation."""
        keys = [key for key in self.validation if key[:2] == ("adc", 3) and (key[3], *key[6:]) == (k, k, s)]
        best = max(keys, key=self.validation.get, default=())
        return self.score.get((*best, "ndcg", 10))

    def history(self, gamma) -> dict:
        """By seed and domain the mean over the epochs of every column."""
        table = {}
        for s in self.every_seed:
            key = ("adc", 3, gamma, "", 100, 5, s)
            if key in self.place and key not in self.bad:
                rows = pd.read_parquet(self.place[key] / "history.parquet").to_dict("records")
                table[s] = []
                for k in self.targets:
                    own = [row for row in rows if row["domain"] == k]
                    table[s].append({c: mean(r[c] for r in own) for c in ("rate", "weight", "norm")})
        return table

    def rates(self) -> str:
        spreads = []
        keys = lambda s: [
            (method, 3, gamma, "", 100, 5, s) for method, gamma in (("static", 0.0), ("adc", 2.0))
        ]
        for s in self.every_seed:
            if not all(key in self.place and key not in self.bad for key in keys(s)):
                continue
            sides = [
                pd.read_parquet(self.place[key] / "history.parquet").to_dict("records") for key in keys(s)
            ]
            last = min(max(row["epoch"] for row in rows) for rows in sides)
            pair = []
            for rows in sides:
                means = [mean(r["rate"] for r in rows if r["domain"] == k and r["epoch"] <= last)
                         for k in self.targets]  # fmt: skip
                pair.append(stdev(means) / mean(means))
            spreads.append(pair)
        if not spreads:
            return ABSENT
        return verdict(more_than([a - b for a, b in spreads], 0.1 * mean(a for a, _ in spreads)))

    def norms(self) -> str:
        spread = lambda values: stdev(values) / mean(values)
        shares = []
        for rows in self.history(0.0).values():
            before = spread([row["norm"] / row["weight"] for row in rows])
            shares.append(spread([row["norm"] for row in rows]) / before)
        return reverse(more_than(shares, 0.1)) if shares else ABSENT

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
        return self.best(levels, dict.fromkeys(names, ("adc", 3, paper)))

    def affected(self) -> str:
        levels = self.levels([("adc", 3, 0.0), ("adc", 3, 2.0)])
        if not levels:
            return ABSENT
        none, full = levels.values()
        gain = {k: [b - a for a, b in zip(none[k], full[k], strict=True)] for k in self.targets}
        largest = gain.pop(self.by_size[-1])
        gaps = [mean(column) - one for column, one in zip(zip(*gain.values()), largest, strict=True)]
        return verdict(more_than(gaps, small([value for values in none.values() for value in values])))

    def of_set(self, name: str, gammas, all_domains=False) -> dict:
        """gamma -> mean over the members of a set, by seed; trained on these alone, or on all domains."""
        domains, members = self.named(name)
        levels = self.levels([("adc", 3, g) for g in gammas], "" if all_domains else domains, members)
        return {kind[2]: [mean(column) for column in zip(*levels[kind].values())] for kind in levels}

    def best_of(self, name, paper) -> str:
        domains, members = self.named(name)
        kinds = [("adc", 3, gamma) for gamma in sorted({0.0, 1.0, 2.0, 3.0, paper})]
        levels = self.levels(kinds, domains, members)
        return self.best(levels, dict.fromkeys(members, ("adc", 3, paper))) if levels else ABSENT

    def symmetry(self) -> str:
        flags = []
        for name, sign in (("Set 1", 1), ("Set 2", 1), ("Set 3", -1)):
            tables = [self.of_set(name, (0.0, 3.0), all_domains) for all_domains in (True, False)]
            if not all(tables):
                return ABSENT
            gain = [[b - a for a, b in zip(*table.values())] for table in tables]
            gaps = [sign * (a - b) for a, b in zip(*gain)]
            flags.append(more_than(gaps, small(tables[0][0.0])))
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
